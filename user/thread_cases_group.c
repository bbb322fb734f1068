/* Inside of thread_test: the threads of a process and its end, its programs, its children and its signals. */
#define _GNU_SOURCE
#include "thread_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void *spin(void *arg)
{
    board_post(0);
    for (;;)
        board[(size_t)arg]++;
    return NULL;
}

static void *sleep_on(void *arg)
{
    board_post(0);
    for (;;)
        sleep_ms(1000);
    return arg;
}

static volatile int never;

static void *wait_for_ever(void *arg)
{
    board_post(0);
    for (;;)
        futex(&never, FUTEX_WAIT, 0, NULL, NULL, 0);
    return arg;
}

/* Threads of all sorts; comes back when they run. */
static void start_some(void)
{
    thread_start(spin, (void *)20);
    thread_start(spin, (void *)21);
    thread_start(sleep_on, NULL);
    thread_start(wait_for_ever, NULL);
    board_wait(0, 4);
}

/* ---- The end ---- */

static int end_group(void *arg)
{
    start_some();
    SYS(SYS_exit_group, 7);
    return arg != NULL;
}

static void *end_group_from_thread(void *arg)
{
    sleep_ms(10);
    SYS(SYS_exit_group, 8);
    return arg;
}

static int thread_ends_group(void *arg)
{
    start_some();
    thread_start(end_group_from_thread, arg);
    sleep_on(arg);
    return 0;
}

static void test_exit_group(void)
{
    child_exits(child_start(end_group, NULL), 7);
    board[0] = 0;
    child_exits(child_start(thread_ends_group, NULL), 8);
}

static int fault_in_thread(void *arg)
{
    start_some();
    thread_start((void *(*)(void *))16, NULL);
    sleep_on(arg);
    return 0;
}

static int wait_to_be_killed(void *arg)
{
    start_some();
    board_post(1);
    wait_for_ever(arg);
    return 0;
}

static void test_killed(void)
{
    pid_t pid = child_start(wait_to_be_killed, NULL);

    board_wait(1, 1);
    EXPECT(kill(pid, SIGKILL), 0);
    child_dies(pid, SIGKILL);
    board[0] = 0;
    child_dies(child_start(fault_in_thread, NULL), SIGSEGV);
}

static void *return_late(void *arg)
{
    sleep_ms(50);
    board_post(1);
    SYS(SYS_exit_group, 44);
    return arg;
}

/* The first thread ends, the process does not. */
static int leader_ends(void *arg)
{
    thread_start(return_late, arg);
    SYS(SYS_exit, 3);
    return 0;
}

static void test_leader_ends(void)
{
    pid_t pid = child_start(leader_ends, NULL);
    int status;

    sleep_ms(10);
    EXPECT(SYS(SYS_wait4, pid, &status, WNOHANG, NULL), 0);
    EXPECT(SYS(SYS_kill, pid, 0), 0);
    child_exits(pid, 44);
    CHECK_EQ("the other thread went on", board[1], 1);
}

/* exit(2) ends one thread only; the last one's status is the process's... */
static void *exit_alone(void *arg)
{
    board_post(0);
    SYS(SYS_exit, 9);
    return arg;
}

static int other_thread_exits(void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    EXPECT(pthread_create(&thread, &attr, exit_alone, arg), 0);
    board_wait(0, 1);
    sleep_ms(10);
    SYS(SYS_exit, 10);
    return 0;
}

static void test_exit(void)
{
    child_exits(child_start(other_thread_exits, NULL), 10);
}

/* ---- execve ---- */

static void *execute(void *arg)
{
    static char pid[16];
    char *argv[] = {own_path, "--be", "exit", "42", pid, NULL};

    snprintf(pid, sizeof(pid), "%d", getpid());
    execv(own_path, argv);
    _exit(99);
    return arg;
}

/* The new program has the process to itself, under its old number. */
static int exec_in_thread(void *arg)
{
    start_some();
    thread_start(execute, arg);
    spin((void *)22);
    return 0;
}

static int exec_in_leader(void *arg)
{
    start_some();
    execute(arg);
    return 0;
}

static void test_exec(void)
{
    child_exits(child_start(exec_in_thread, NULL), 42);
    board[0] = 0;
    child_exits(child_start(exec_in_leader, NULL), 42);
}

static void *fail_to_execute(void *arg)
{
    EXPECT(SYS(SYS_execve, "/no/such", NULL, NULL), -ENOENT);
    return arg;
}

/* A failing execve ends nobody. */
static int failing_exec(void *arg)
{
    int before;

    start_some();
    thread_join(thread_start(fail_to_execute, arg));
    before = board[20];
    sleep_ms(100);
    CHECK(board[20] != before, "the other threads have stopped");
    return 0;
}

static void test_failing_exec(void)
{
    in_child(failing_exec, NULL);
}

/* ---- fork ---- */

static int alone(void *arg)
{
    int before = board[20];

    (void)arg;
    SYS(SYS_exit, 12); /* the only thread: the process */
    return before;
}

static int fork_with_threads(void *arg)
{
    start_some();
    child_exits(child_start(alone, arg), 12);
    return 0;
}

static void *wait_in_thread(void *arg)
{
    int status = 0;

    EXPECT(SYS(SYS_wait4, (pid_t)(intptr_t)arg, &status, 0, NULL), (long)arg);
    CHECK_EQ("status", status, 5 << 8);
    return NULL;
}

static int exit_5(void *arg)
{
    (void)arg;
    sleep_ms(20);
    return 5;
}

static void *fork_in_thread(void *arg)
{
    child_exits(child_start(exit_5, arg), 5);
    return (void *)(intptr_t)child_start(exit_5, arg);
}

/* Children are the process's: any thread may wait for them. */
static void test_fork(void)
{
    void *pid;

    in_child(fork_with_threads, NULL);
    pid = thread_join(thread_start(fork_in_thread, NULL));
    thread_join(thread_start(wait_in_thread, pid));
}

/* ---- What threads share ---- */

static void *change_all(void *arg)
{
    int *fd = arg;

    *fd = open("/dev/null", O_RDONLY);
    umask(0117);
    EXPECT(chdir("/dev"), 0);
    EXPECT(setrlimit(RLIMIT_CPU, &(struct rlimit){77777, RLIM_INFINITY}), 0);
    return NULL;
}

static int look_at_all(void *arg)
{
    char cwd[512];
    struct rlimit limit;
    int fd = -1;

    thread_join(thread_start(change_all, &fd));
    EXPECT(SYS(SYS_fcntl, fd, F_GETFD), 0);
    EXPECT(umask(0), 0117);
    CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/dev"), "working directory %s", cwd);
    EXPECT(getrlimit(RLIMIT_CPU, &limit), 0);
    CHECK_EQ("limit", limit.rlim_cur, 77777);
    return arg != NULL;
}

static void test_shared(void)
{
    in_child(look_at_all, NULL);
}

/* ---- Signals to one thread ---- */

static volatile int handled_by;

static void handle(int sig)
{
    (void)sig;
    handled_by = (int)SYS(SYS_gettid);
    board_post(2);
}

static void *tell_tid(void *arg)
{
    board[1] = (int)SYS(SYS_gettid);
    board_post(0);
    board_wait(2, 1);
    return arg;
}

static void test_tgkill(void)
{
    pthread_t thread;
    int tid;

    signal(SIGUSR1, handle);
    thread = thread_start(tell_tid, NULL);
    board_wait(0, 1);
    tid = board[1];
    EXPECT(SYS(SYS_tgkill, getpid(), tid, 0), 0);
    EXPECT(SYS(SYS_tgkill, tid, tid, SIGUSR1), -ESRCH);
    EXPECT(SYS(SYS_tgkill, getpid(), 999999, SIGUSR1), -ESRCH);
    EXPECT(SYS(SYS_tgkill, getpid(), 0, SIGUSR1), -EINVAL);
    EXPECT(SYS(SYS_tgkill, getpid(), tid, 65), -EINVAL);
    EXPECT(SYS(SYS_tkill, 0, SIGUSR1), -EINVAL);
    EXPECT(SYS(SYS_tgkill, getpid(), tid, SIGUSR1), 0);
    thread_join(thread);
    CHECK_EQ("thread that handled it", handled_by, tid);
    EXPECT(SYS(SYS_tkill, SYS(SYS_gettid), SIGUSR1), 0);
    CHECK_EQ("thread that handled it", handled_by, getpid());
    signal(SIGUSR1, SIG_DFL);
}

/* A signal for the process goes to a thread that does not block it. */
static void test_process_signal(void)
{
    pthread_t thread;
    sigset_t set;

    signal(SIGUSR1, handle);
    thread = thread_start(tell_tid, NULL);
    board_wait(0, 1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    EXPECT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    EXPECT(kill(getpid(), SIGUSR1), 0);
    thread_join(thread);
    CHECK_EQ("thread that handled it", handled_by, board[1]);
    EXPECT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    signal(SIGUSR1, SIG_DFL);
}

/* ---- Who runs ---- */

static int share_processor(void *arg)
{
    int before[2];

    start_some();
    for (int round = 0; round < 3; round++) {
        before[0] = board[20];
        before[1] = board[21];
        sleep_ms(200);
        CHECK(board[20] != before[0] && board[21] != before[1], "a thread did not run for 200 ms");
    }
    return arg != NULL;
}

static void test_preemption(void)
{
    in_child(share_processor, NULL);
}

static const struct suite_case cases[] = {
    {"exit_group with running threads", test_exit_group},
    {"killed with running threads", test_killed},
    {"the first thread ends, the process does not", test_leader_ends},
    {"exit of one thread after the other", test_exit},
    {"execve by one of several threads", test_exec},
    {"execve that fails leaves all threads", test_failing_exec},
    {"fork by one of several threads", test_fork},
    {"files, directory, mask and limits are the process's", test_shared},
    {"tgkill and tkill", test_tgkill},
    {"a signal of the process", test_process_signal},
    {"busy threads share the processor", test_preemption},
};
const struct suite_table group_cases = {cases, ARRAY_SIZE(cases)};
