/* Inside of process_test: fork and vfork. */
#define _GNU_SOURCE
#include "process_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int return_int(void *arg)
{
    return *(int *)arg;
}

static void test_status(void)
{
    for (int status = 0; status < 256; status += 17)
        child_exits(child_start(return_int, &status), status);
    child_exits(child_start(return_int, &(int){0x1234}), 0x34);
    child_exits(child_start(return_int, &(int){-1}), 0xff);
}

static int check_ids(void *arg)
{
    pid_t parent = *(pid_t *)arg;

    EXPECT(SYS(SYS_getppid), parent);
    CHECK(SYS(SYS_getpid) != parent, "the child has its parent's pid");
    EXPECT(SYS(SYS_gettid), SYS(SYS_getpid));
    board[0] = (int)SYS(SYS_getpid);
    return 0;
}

static void test_ids(void)
{
    pid_t own = (pid_t)SYS(SYS_getpid), pid = child_start(check_ids, &own);

    child_exits(pid, 0);
    CHECK_EQ("pid seen by the child", board[0], pid);
    EXPECT(SYS(SYS_getpid), own);
}

static int global = 1;

static int change_memory(void *arg)
{
    int *heap = arg;

    CHECK(global == 5 && heap[0] == 6 && heap[1000] == 7, "the child does not see the memory");
    global = heap[0] = heap[1000] = 100;
    board_post(0);
    board_wait(1, 1);
    CHECK(global == 100 && heap[0] == 100 && heap[1000] == 100, "the child's memory changed");
    return 0;
}

static void test_memory(void)
{
    int *heap = malloc(1001 * sizeof(int));
    pid_t pid;

    global = 5;
    heap[0] = 6;
    heap[1000] = 7;
    pid = child_start(change_memory, heap);
    board_wait(0, 1);
    CHECK(global == 5 && heap[0] == 6 && heap[1000] == 7, "the child changed our memory");
    global = heap[0] = heap[1000] = 200;
    board_post(1);
    child_exits(pid, 0);
    free(heap);
}

/* What a system call leaves alone: six registers, kept over one that gives both @pid and a child. */
static long fork_keeps(uint64_t *seen)
{
    long pid;

    __asm__ volatile(
        "mov $0x1111, %%rbx; mov $0x1212, %%r12; mov $0x1313, %%r13; mov $0x1414, %%r14\n\t"
        "mov $0x1515, %%r15; mov $0x888, %%r8; mov $0x999, %%r9; mov $0xaaa, %%r10\n\t"
        "mov $57, %%eax\n\t"
        "syscall\n\t"
        "mov %%rbx, 0(%1); mov %%r12, 8(%1); mov %%r13, 16(%1); mov %%r14, 24(%1)\n\t"
        "mov %%r15, 32(%1); mov %%r8, 40(%1); mov %%r9, 48(%1); mov %%r10, 56(%1)\n\t"
        "mov %%rdx, 64(%1)"
        : "=&a"(pid)
        : "S"(seen), "d"(0xdddul)
        : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    return pid;
}

static void check_registers(const char *who, const uint64_t *seen)
{
    static const uint64_t expected[] = {0x1111, 0x1212, 0x1313, 0x1414, 0x1515,
                                        0x888,  0x999,  0xaaa,  0xddd};

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        CHECK(seen[i] == expected[i], "%s: register %zu is %#lx, not %#lx", who, i, seen[i],
              expected[i]);
}

static void test_registers(void)
{
    uint64_t seen[9];
    long pid = fork_keeps(seen);

    check_registers(pid ? "parent" : "child", seen);
    if (pid == 0)
        _exit(3);
    CHECK(pid > 0, "fork: %ld", pid);
    child_exits((pid_t)pid, 3);
}

/* The processor's floating-point state is the parent's: fork's own call must not be in between. */
static long fork_with_vector(const uint64_t *put, uint64_t *got, uint32_t *mxcsr)
{
    long pid;

    __asm__ volatile(
        "movdqu (%1), %%xmm0; movdqu (%1), %%xmm15; ldmxcsr (%3); mov $57, %%eax; syscall\n\t"
        "pxor %%xmm0, %%xmm15; movdqu %%xmm15, (%2); stmxcsr (%3)\n\t"
        : "=&a"(pid)
        : "S"(put), "D"(got), "d"(mxcsr)
        : "rcx", "r11", "xmm0", "xmm15", "memory");
    return pid;
}

static void test_vector(void)
{
    uint64_t put[2] = {0x0123456789abcdef, 0xfedcba9876543210}, got[2] = {1, 1};
    uint32_t saved, mxcsr = 0x3f80; /* rounds down */
    long pid;

    __asm__ volatile("stmxcsr %0" : "=m"(saved));
    pid = fork_with_vector(put, got, &mxcsr);
    __asm__ volatile("ldmxcsr %0" : : "m"(saved));
    CHECK(got[0] == 0 && got[1] == 0, "%s: xmm0 and xmm15 differ", pid ? "parent" : "child");
    CHECK((mxcsr & ~0x3fu) == 0x3f80, "%s: mxcsr is %#x", pid ? "parent" : "child", mxcsr);
    if (pid == 0)
        _exit(0);
    child_exits((pid_t)pid, 0);
}

static __thread int thread_local = 1;

static int check_tls(void *arg)
{
    (void)arg;
    CHECK(thread_local == 42, "thread-local storage is %d in the child", thread_local);
    thread_local = 43;
    return 0;
}

static void test_tls(void)
{
    thread_local = 42;
    in_child(check_tls, NULL);
    CHECK(thread_local == 42, "thread-local storage is %d after the child", thread_local);
}

/* ---- Generations and numbers ---- */

/* Child, grandchild and so on, each waited for by its parent. */
static int descend(void *arg)
{
    int left = *(int *)arg - 1;

    board_post(0);
    if (left > 0)
        in_child(descend, &left);
    return 0;
}

static void test_generations(void)
{
    in_child(descend, &(int){20});
    CHECK_EQ("generations", board[0], 20);
}

static void test_many_at_once(void)
{
    pid_t pids[60];

    for (int i = 0; i < 60; i++)
        pids[i] = child_start(return_int, &i);
    for (int i = 59; i >= 0; i--)
        child_exits(pids[i], i);
}

static void test_one_after_the_other(void)
{
    pid_t last = 0;

    for (int i = 0; i < 300; i++) {
        pid_t pid = child_start(return_int, &i);

        CHECK(pid != last, "pid %d given twice in a row", pid);
        child_exits(pid, i);
        last = pid;
        if (tap_failing())
            return;
    }
}

/* ---- vfork ---- */

static volatile int vfork_seen;

static void test_vfork(void)
{
    pid_t pid;

    vfork_seen = 0;
    pid = vfork();
    if (pid == 0) {
        sleep_ms(30);
        vfork_seen = (int)SYS(SYS_getpid);
        _exit(7);
    }
    CHECK_EQ("memory written by the child before its parent goes on", vfork_seen, pid);
    child_exits(pid, 7);
}

static void test_vfork_exec(void)
{
    char *argv[] = {own_path, "--be", "exit", "41", NULL};
    pid_t pid;

    vfork_seen = 0;
    pid = vfork();
    if (pid == 0) {
        sleep_ms(10);
        vfork_seen = 1;
        execve(own_path, argv, NULL);
        vfork_seen = errno;
        _exit(127);
    }
    CHECK_EQ("child's word before execve()", vfork_seen, 1);
    child_exits(pid, 41);
}

/* The parent of a vfork goes on when its child is killed, too. */
static void test_vfork_killed(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        kill((pid_t)SYS(SYS_getpid), SIGKILL);
        _exit(1);
    }
    child_dies(pid, SIGKILL);
}

static void test_vfork_failed_exec(void)
{
    pid_t pid;

    vfork_seen = 0;
    pid = vfork();
    if (pid == 0) {
        vfork_seen = (int)SYS(SYS_execve, "/no/such", NULL, NULL);
        _exit(9);
    }
    CHECK_EQ("execve()", vfork_seen, -ENOENT);
    child_exits(pid, 9);
}

/* ---- A child that ends otherwise ---- */

static int exit_call(void *arg)
{
    (void)arg;
    return (int)SYS(SYS_exit, 21);
}

static int exit_group_call(void *arg)
{
    (void)arg;
    return (int)SYS(SYS_exit_group, 22);
}

static int abort_call(void *arg)
{
    (void)arg;
    abort();
}

static int fault(void *arg)
{
    *(volatile int *)arg = 1;
    return 0;
}

static void test_ends(void)
{
    child_exits(child_start(exit_call, NULL), 21);
    child_exits(child_start(exit_group_call, NULL), 22);
    child_dies(child_start(abort_call, NULL), SIGABRT);
    child_dies(child_start(fault, (void *)16), SIGSEGV);
}

/* All numbers are taken: that is -EAGAIN, and when some are free again, they are given out. */
static void test_numbers_run_out(void)
{
    int max, count = 0;
    long pid;

    if (!on_realign()) {
        tap_skip("this machine's processes are not ours");
        return;
    }
    max = open("/proc/sys/kernel/pid_max", O_WRONLY);
    EXPECT(write(max, "301", 3), 3);
    while ((pid = SYS(SYS_fork)) > 0)
        count++;
    if (pid == 0)
        for (;;)
            pause();
    EXPECT(pid, -EAGAIN);
    CHECK(count > 200 && count < 300, "%d processes", count);
    SYS(SYS_kill, -1, SIGKILL);
    while (SYS(SYS_wait4, -1, NULL, 0, NULL) > 0)
        ;
    child_exits(child_start(return_int, &(int){7}), 7);
    EXPECT(pwrite(max, "32768", 5, 0), 5);
    close(max);
}

static const struct suite_case cases[] = {
    {"fork: exit statuses", test_status},
    {"fork: pids of child and parent", test_ids},
    {"fork: memory is apart from then on", test_memory},
    {"fork: registers", test_registers},
    {"fork: vector registers", test_vector},
    {"fork: thread-local storage", test_tls},
    {"fork: twenty generations", test_generations},
    {"fork: 60 children at once", test_many_at_once},
    {"fork: 300 children in a row", test_one_after_the_other},
    {"vfork: the parent waits, memory is shared", test_vfork},
    {"vfork: the parent waits for execve", test_vfork_exec},
    {"vfork: a killed child", test_vfork_killed},
    {"vfork: a failing execve", test_vfork_failed_exec},
    {"exit, exit_group, abort and a fault", test_ends},
    {"fork: no number is free", test_numbers_run_out},
};
const struct suite_table fork_cases = {cases, ARRAY_SIZE(cases)};
