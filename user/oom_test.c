/*
 * oom_test: when memory is out, the largest process ends, and the others go on. On Linux it does nothing: the machine
 * is somebody else's.
 */
#define _GNU_SOURCE
#include "suitelib.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RW (PROT_READ | PROT_WRITE)

static long free_kib(void)
{
    static char text[16384];
    const char *at;

    if (read_file("/proc/meminfo", text, sizeof(text)) < 0)
        return -1;
    at = strstr(text, "MemFree:");
    return at ? strtol(at + 8, NULL, 10) : -1;
}

/* More memory than there is, not promised to anybody. */
static volatile char *take(uint64_t bytes)
{
    long at = raw_mmap(0, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(at > 0, "mmap: %ld", at);
    return (volatile char *)at;
}

static void touch(volatile char *memory, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PAGE)
        memory[at] = 1;
}

static int take_all(void *arg)
{
    (void)arg;
    touch(take(GIB(64)), GIB(64));
    return 0;
}

static bool skipped(void)
{
    if (!on_realign())
        tap_skip("this machine's memory is not ours");
    return !on_realign();
}

static void test_the_one_that_asks(void)
{
    long before = free_kib();

    if (skipped())
        return;
    child_dies(child_start(take_all, NULL), SIGKILL);
    CHECK(free_kib() > before - 1024, "%ld KiB free before, %ld after", before, free_kib());
}

/* The kernel writes what it reads into memory that is not there yet. */
static int read_all(void *arg)
{
    volatile char *memory = take(GIB(64));
    int zero = open("/dev/zero", O_RDONLY);

    (void)arg;
    for (uint64_t at = 0; at < GIB(64); at += MIB(1))
        if (SYS(SYS_read, zero, memory + at, MIB(1)) < 0)
            return 1;
    return 0;
}

static void test_the_kernel_asks(void)
{
    if (skipped())
        return;
    child_dies(child_start(read_all, NULL), SIGKILL);
}

/* Holds three quarters of what is free. */
static int hold(void *arg)
{
    uint64_t bytes = *(uint64_t *)arg;

    touch(take(bytes), bytes);
    board_post(0);
    sleep_ms(60000);
    return 1;
}

/* Needs half of what was free. */
static int need(void *arg)
{
    uint64_t bytes = *(uint64_t *)arg;

    touch(take(bytes), bytes);
    return 17;
}

static void test_the_largest(void)
{
    uint64_t free = KIB(free_kib()), most = free / 4 * 3, half = free / 2;
    pid_t holder, other;

    if (skipped())
        return;
    holder = child_start(hold, &most);
    board_wait(0, 1);
    other = child_start(need, &half);
    child_dies(holder, SIGKILL);
    child_exits(other, 17);
}

/* Children of a process that was killed so. */
static int parent_of_one(void *arg)
{
    board[0] = child_sleeper();
    return take_all(arg);
}

static void test_orphans_live(void)
{
    pid_t pid;

    if (skipped())
        return;
    pid = child_start(parent_of_one, NULL);
    child_dies(pid, SIGKILL);
    EXPECT(SYS(SYS_kill, board[0], 0), 0);
    child_end(board[0]); /* it is init's now, and init is us */
}

/* Calls that need memory of the kernel's own are refused, or a fault costs the caller its life; then all is well. */
static int fork_until_refused(void *arg)
{
    uint64_t bytes = KIB(free_kib()) - MIB(3);
    long pid;

    (void)arg;
    touch(take(bytes), bytes);
    for (int n = 0; n < 1000; n++) {
        pid = SYS(SYS_fork);
        if (pid == 0)
            for (;;)
                pause();
        if (pid < 0)
            return pid == -ENOMEM ? 0 : 1;
    }
    return 2;
}

static void test_fork_is_refused(void)
{
    int status = 0;
    pid_t pid;

    if (skipped())
        return;
    pid = child_start(fork_until_refused, NULL);
    EXPECT(SYS(SYS_wait4, pid, &status, 0, NULL), pid);
    CHECK(status == 0 || status == SIGKILL, "the child's status is %x", (unsigned)status);
    SYS(SYS_kill, -1, SIGKILL);
    while (SYS(SYS_wait4, -1, NULL, 0, NULL) > 0)
        ;
    CHECK(free_kib() > 8192, "%ld KiB free", free_kib());
}

#define RING MIB(1)

/* Touch memory until less than half a ring is free. */
static int leave_little(void *arg)
{
    volatile char *memory = take(GIB(64));

    (void)arg;
    for (uint64_t bytes; (bytes = KIB(free_kib())) > RING / 2; memory += bytes / 2)
        touch(memory, bytes / 2);
    board_post(0);
    sleep_ms(60000);
    return 1;
}

struct shared_pipe {
    int fds[2];
    volatile char *to; /* shared memory */
};

/* As soon as the other's first bytes are there, read on: all of them are. */
static int read_the_rest(void *arg)
{
    static char buf[RING];
    const struct shared_pipe *pipe = arg;

    memset(buf, 'x', RING);
    board_post(1);
    while (!pipe->to[0])
        SYS(SYS_sched_yield);
    EXPECT(SYS(SYS_read, pipe->fds[0], buf, RING), -EAGAIN);
    return 0;
}

/* While the kernel fetches memory to put a pipe's bytes into, nobody takes them from under it. */
static void test_nothing_changes_meanwhile(void)
{
    static char bytes[RING];
    struct shared_pipe pipe;
    pid_t large, other;

    if (skipped())
        return;
    pipe.to = (volatile char *)raw_mmap(0, RING, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(bytes, 'a', RING);
    EXPECT(pipe2(pipe.fds, O_NONBLOCK), 0);
    EXPECT(fcntl(pipe.fds[1], F_SETPIPE_SZ, RING), RING);
    EXPECT(write(pipe.fds[1], bytes, RING), RING);
    other = child_start(read_the_rest, &pipe);
    board_wait(1, 1);
    large = child_start(leave_little, NULL);
    board_wait(0, 1);
    EXPECT(read(pipe.fds[0], (char *)pipe.to, RING), RING);
    child_dies(large, SIGKILL);
    child_exits(other, 0);
    close(pipe.fds[0]);
    close(pipe.fds[1]);
    munmap((void *)pipe.to, RING);
}

static const struct suite_case cases[] = {
    {"out of memory: the one that asks is the largest", test_the_one_that_asks},
    {"out of memory: the kernel asks for it", test_the_kernel_asks},
    {"out of memory: the largest is another, which sleeps", test_the_largest},
    {"out of memory: its children live", test_orphans_live},
    {"out of memory: fork is refused", test_fork_is_refused},
    {"out of memory: nothing changes under the kernel's hands", test_nothing_changes_meanwhile},
};
static const struct suite_table table = {cases, ARRAY_SIZE(cases)};

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {&table, NULL};
    static const struct suite suite = {.tables = tables};

    return suite_main(argc, argv, &suite);
}
