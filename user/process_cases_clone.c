/* Inside of process_test: clone as C libraries call it, posix_spawn, and what clone refuses. */
#define _GNU_SOURCE
#include "process_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

static char stack[2][65536] __attribute__((aligned(16)));

static int post_and_return(void *arg)
{
    board_post(0);
    return (int)(intptr_t)arg;
}

static void *stack_top(int i)
{
    return stack[i] + sizeof(stack[i]);
}

/* As musl's posix_spawn(). */
static void test_vm_vfork(void)
{
    pid_t pid = clone(post_and_return, stack_top(0), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)5);

    CHECK_EQ("the child is done when clone() returns", board[0], 1);
    child_exits(pid, 5);
}

/* As glibc's and musl's fork() with the words for the thread library. */
static void test_settid(void)
{
    pid_t *parent_tid = (pid_t *)&board[10], *child_tid = (pid_t *)&board[11];
    long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD;
    long pid = SYS(SYS_clone, flags, 0, parent_tid, child_tid, 0);

    if (pid == 0) {
        CHECK_EQ("CLONE_CHILD_SETTID", *child_tid, SYS(SYS_getpid));
        _exit(0);
    }
    CHECK_EQ("CLONE_PARENT_SETTID", *parent_tid, pid);
    child_exits((pid_t)pid, 0);
}

/* Private memory: the child's word is set in the child only. */
static void test_child_settid_private(void)
{
    static volatile pid_t word;
    long pid;

    word = 0;
    pid = SYS(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, 0, 0, &word, 0);
    if (pid == 0) {
        CHECK_EQ("child's word", word, SYS(SYS_getpid));
        _exit(0);
    }
    child_exits((pid_t)pid, 0);
    CHECK_EQ("parent's word", word, 0);
}

/* The word is cleared and its futex woken when the child ends, since others have the memory too. */
static int clear_tid_child(void *arg)
{
    (void)arg;
    sleep_ms(30);
    return 0;
}

static void test_cleartid(void)
{
    int *word = (int *)&board[12];
    pid_t pid;
    long woken = 0;

    *word = 77;
    pid = clone(clear_tid_child, stack_top(0), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
                NULL, NULL, word);
    while (*(volatile int *)word == 77 && woken != -ETIMEDOUT)
        woken = SYS(SYS_futex, word, FUTEX_WAIT, 77, &(struct timespec){.tv_sec = 5}, NULL, 0);
    CHECK_EQ("word", *word, 0);
    CHECK(woken == 0 || woken == -EAGAIN, "futex(): %ld", woken);
    child_exits(pid, 0);
}

static int open_null(void *arg)
{
    (void)arg;
    board[1] = open("/dev/null", O_RDONLY);
    return chdir("/dev") || umask(0123) > 0777;
}

/* Whether descriptors, working directory and mask of the child are ours, by @flags. */
static void clone_with(int flags)
{
    char before[512], after[512];
    mode_t mask = umask(022);
    bool files = flags & CLONE_FILES, fs = flags & CLONE_FS;

    EXPECT(getcwd(before, sizeof(before)) != NULL, 1);
    child_exits(clone(open_null, stack_top(0), flags | SIGCHLD, NULL), 0);
    EXPECT(getcwd(after, sizeof(after)) != NULL, 1);
    CHECK(strcmp(after, fs ? "/dev" : before) == 0, "working directory %s", after);
    CHECK_EQ("mask", umask(mask), fs ? 0123 : 022);
    EXPECT(chdir(before), 0);
    CHECK_EQ("close()", SYS(SYS_close, board[1]), files ? 0 : -EBADF);
}

static void test_files(void)
{
    clone_with(0);
    clone_with(CLONE_FILES);
    clone_with(CLONE_FILES | CLONE_VM | CLONE_VFORK);
}

static void test_fs(void)
{
    if (on_realign()) {
        tap_skip("only threads share it");
        return;
    }
    clone_with(CLONE_FS);
    clone_with(CLONE_FS | CLONE_FILES | CLONE_VM | CLONE_VFORK);
}

/* A child without SIGCHLD as its signal is seen by those who ask for clones. */
static void test_no_signal(void)
{
    pid_t pid = clone(post_and_return, stack_top(0), 0, (void *)3);
    int status = 0;

    board_wait(0, 1);
    EXPECT(SYS(SYS_wait4, -1, &status, WNOHANG, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, -1, &status, __WCLONE, NULL), pid);
    CHECK_EQ("status", status, 3 << 8);
    pid = clone(post_and_return, stack_top(0), 0, (void *)4);
    EXPECT(SYS(SYS_wait4, pid, &status, __WALL, NULL), pid);
    CHECK_EQ("status", status, 4 << 8);
}

static int return_ppid(void *arg)
{
    (void)arg;
    board[3] = getppid();
    return 6;
}

static int start_sibling(void *arg)
{
    (void)arg;
    board[2] = clone(return_ppid, stack_top(1), CLONE_PARENT | SIGCHLD, NULL);
    return 0;
}

static void test_clone_parent(void)
{
    in_child(start_sibling, NULL);
    child_exits(board[2], 6);
    CHECK_EQ("parent of the sibling", board[3], getpid());
}

static void test_clone_errors(void)
{
    EXPECT(SYS(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_clone, CLONE_THREAD | CLONE_VM | SIGCHLD, 0, 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, KERNEL_ADDRESS), -EPERM);
    EXPECT(SYS(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), -EINVAL);
}

/* A word that cannot be written is left out, and the child is there all the same. */
static void test_bad_tid_pointer(void)
{
    long pid = SYS(SYS_clone, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0,
                   KERNEL_ADDRESS, 0);

    if (pid == 0)
        _exit(11);
    CHECK(pid > 0, "clone(): %ld", pid);
    child_exits((pid_t)pid, 11);
}

static void test_clone3(void)
{
    uint64_t args[11] = {0};
    long pid;

    args[4] = SIGCHLD;
    pid = SYS(SYS_clone3, args, sizeof(args));
    if (pid == 0)
        _exit(12);
    if (pid == -ENOSYS) {
        tap_skip("no clone3");
        return;
    }
    child_exits((pid_t)pid, 12);
    EXPECT(SYS(SYS_clone3, args, 16), -EINVAL);
    EXPECT(SYS(SYS_clone3, NULL, sizeof(args)), -EFAULT);
    args[4] = 65;
    EXPECT(SYS(SYS_clone3, args, sizeof(args)), -EINVAL);
}

/* ---- posix_spawn ---- */

static void test_spawn(void)
{
    char *argv[] = {own_path, "--be", "exit", "17", NULL};
    pid_t pid = 0;

    EXPECT(posix_spawn(&pid, own_path, NULL, NULL, argv, environ), 0);
    child_exits(pid, 17);
    EXPECT(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ), ENOENT);
    EXPECT(SYS(SYS_wait4, -1, NULL, WNOHANG, NULL), -ECHILD);
}

static void test_spawn_attributes(void)
{
    char *argv[] = {own_path, "--be", "exit", "18", NULL};
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    pid_t pid = 0;

    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 9, 10);
    posix_spawn_file_actions_addclose(&actions, 9);
    EXPECT(posix_spawn(&pid, own_path, &actions, &attr, argv, environ), 0);
    child_exits(pid, 18);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
}

static const struct suite_case cases[] = {
    {"clone: VM and VFORK, on a stack of its own", test_vm_vfork},
    {"clone: PARENT_SETTID and CHILD_SETTID", test_settid},
    {"clone: CHILD_SETTID in private memory", test_child_settid_private},
    {"clone: CHILD_CLEARTID wakes a futex", test_cleartid},
    {"clone: FILES shares descriptors", test_files},
    {"clone: FS shares directory and mask", test_fs},
    {"clone: without a signal at the end", test_no_signal},
    {"clone: CLONE_PARENT makes a sibling", test_clone_parent},
    {"clone: refused flags", test_clone_errors},
    {"clone: a bad pointer for the child's tid", test_bad_tid_pointer},
    {"clone3", test_clone3},
    {"posix_spawn", test_spawn},
    {"posix_spawn: attributes and file actions", test_spawn_attributes},
};
const struct suite_table clone_cases = {cases, ARRAY_SIZE(cases)};
