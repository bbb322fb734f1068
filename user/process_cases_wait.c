/* Inside of process_test: wait4, orphans, zombies. */
#define _GNU_SOURCE
#include "process_test.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static int post_then_return(void *arg)
{
    board_post(0);
    return (int)(intptr_t)arg;
}

static int wait_for_word(void *arg)
{
    board_wait((size_t)(intptr_t)arg, 1);
    return 33;
}

static void test_nobody(void)
{
    int status = 5;

    EXPECT(SYS(SYS_wait4, -1, &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, 0, &status, WNOHANG, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, getpid(), &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, 999999, &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, -999999, &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, INT_MIN, &status, 0, NULL), -ESRCH);
    EXPECT(SYS(SYS_wait4, -1, &status, 0x10000, NULL), -EINVAL);
    EXPECT(SYS(SYS_wait4, -1, &status, WEXITED, NULL), -EINVAL);
    CHECK_EQ("status", status, 5);
}

static void test_nohang(void)
{
    pid_t pid = child_start(wait_for_word, (void *)1);
    int status = 5;

    EXPECT(SYS(SYS_wait4, pid, &status, WNOHANG, NULL), 0);
    EXPECT(SYS(SYS_wait4, -1, &status, WNOHANG | WUNTRACED | WCONTINUED, NULL), 0);
    CHECK_EQ("status", status, 5);
    board_post(1);
    EXPECT(SYS(SYS_wait4, pid, &status, 0, NULL), pid);
    CHECK_EQ("status", status, 33 << 8);
    EXPECT(SYS(SYS_wait4, pid, &status, WNOHANG, NULL), -ECHILD);
}

/* The caller sleeps until a child ends, not only looks once. */
static int end_late(void *arg)
{
    sleep_ms(50);
    return (int)(intptr_t)arg;
}

static void test_blocks(void)
{
    uint64_t start = now_ms();
    pid_t pid = child_start(end_late, (void *)9);
    int status;

    EXPECT(SYS(SYS_wait4, -1, &status, 0, NULL), pid);
    CHECK_EQ("status", status, 9 << 8);
    CHECK(now_ms() - start >= 45, "wait4() came back after %lu ms", now_ms() - start);
}

static void test_null_status(void)
{
    pid_t pid = child_start(post_then_return, (void *)1);

    EXPECT(SYS(SYS_wait4, pid, NULL, 0, NULL), pid);
}

static void test_bad_pointers(void)
{
    pid_t pid = child_start(post_then_return, (void *)1);
    int status;

    EXPECT(SYS(SYS_wait4, pid, KERNEL_ADDRESS, 0, NULL), -EFAULT);
    SYS(SYS_wait4, pid, &status, 0, NULL); /* Linux has reaped it, who changes nothing has not */
    pid = child_start(post_then_return, (void *)1);
    EXPECT(SYS(SYS_wait4, pid, &status, 0, NOT_CANONICAL), -EFAULT);
    SYS(SYS_wait4, pid, &status, 0, NULL);
}

static int own_group(void *arg)
{
    EXPECT(SYS(SYS_setpgid, 0, 0), 0);
    board_post(0);
    board_wait(1, 1);
    return (int)(intptr_t)arg;
}

static void test_selectors(void)
{
    pid_t same = child_start(wait_for_word, (void *)1), other = child_start(own_group, (void *)44);
    int status;

    board_wait(0, 1);
    board_post(1);
    EXPECT(SYS(SYS_wait4, 0, &status, 0, NULL), same);
    CHECK_EQ("status", status, 33 << 8);
    EXPECT(SYS(SYS_wait4, 0, &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, -same, &status, 0, NULL), -ECHILD);
    EXPECT(SYS(SYS_wait4, -other, &status, 0, NULL), other);
    CHECK_EQ("status", status, 44 << 8);
}

/* With several zombies, each is given once. */
static void test_any(void)
{
    bool seen[10] = {false};
    pid_t pids[10];
    int status;

    for (int i = 0; i < 10; i++)
        pids[i] = child_start(post_then_return, (void *)(intptr_t)i);
    board_wait(0, 10);
    for (int i = 0; i < 10; i++) {
        pid_t pid = (pid_t)SYS(SYS_wait4, -1, &status, 0, NULL);

        CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 10, "status %#x", status);
        CHECK(!seen[WEXITSTATUS(status) % 10], "child %d given twice", WEXITSTATUS(status));
        CHECK_EQ("pid", pid, pids[WEXITSTATUS(status) % 10]);
        seen[WEXITSTATUS(status) % 10] = true;
    }
}

/* ---- Death and stops ---- */

static int die_by(void *arg)
{
    raise((int)(intptr_t)arg);
    return 0;
}

static void test_killed(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, 64};
    static const int dumps[] = {SIGQUIT, SIGABRT, SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGSYS};
    pid_t pid;

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        child_dies(child_start(die_by, (void *)(intptr_t)signals[i]), signals[i]);
    for (size_t i = 0; i < ARRAY_SIZE(dumps); i++)
        child_dies(child_start(die_by, (void *)(intptr_t)dumps[i]), dumps[i]);
    pid = child_sleeper();
    EXPECT(kill(pid, SIGTERM), 0);
    child_dies(pid, SIGTERM);
}

static void test_stopped(void)
{
    pid_t pid = child_sleeper();
    int status;

    EXPECT(kill(pid, SIGSTOP), 0);
    EXPECT(SYS(SYS_wait4, pid, &status, WUNTRACED, NULL), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "status %#x", status);
    EXPECT(SYS(SYS_wait4, pid, &status, WUNTRACED | WNOHANG, NULL), 0);
    EXPECT(kill(pid, SIGCONT), 0);
    EXPECT(SYS(SYS_wait4, pid, &status, WCONTINUED, NULL), pid);
    CHECK(WIFCONTINUED(status), "status %#x", status);
    EXPECT(SYS(SYS_wait4, pid, &status, WCONTINUED | WNOHANG, NULL), 0);
    EXPECT(kill(pid, SIGSTOP), 0);
    EXPECT(SYS(SYS_wait4, pid, &status, WNOHANG, NULL), 0);
    EXPECT(kill(pid, SIGKILL), 0); /* ends what is stopped, too */
    child_dies(pid, SIGKILL);
}

/* ---- What it used ---- */

static int burn(void *arg)
{
    struct timespec t;

    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec == 0 && t.tv_nsec < (intptr_t)arg * 1000000);
    return 0;
}

static uint64_t usage_ms(const struct rusage *u)
{
    return (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000 +
           (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000;
}

static void test_rusage(void)
{
    struct rusage before, child, after;
    pid_t pid;

    EXPECT(getrusage(RUSAGE_CHILDREN, &before), 0);
    pid = child_start(burn, (void *)100);
    sleep_ms(150);
    EXPECT(getrusage(RUSAGE_CHILDREN, &after), 0);
    CHECK(usage_ms(&after) == usage_ms(&before), "children count before they are waited for");
    EXPECT(SYS(SYS_wait4, pid, NULL, 0, &child), pid);
    CHECK(usage_ms(&child) >= 80 && usage_ms(&child) < 1000, "child used %lu ms", usage_ms(&child));
    EXPECT(getrusage(RUSAGE_CHILDREN, &after), 0);
    CHECK(usage_ms(&after) - usage_ms(&before) >= 80, "children used %lu ms in all, %lu before",
          usage_ms(&after), usage_ms(&before));
}

/* ---- Zombies and orphans ---- */

static void test_zombie(void)
{
    pid_t pid = child_start(post_then_return, (void *)2);

    board_wait(0, 1);
    sleep_ms(20);
    EXPECT(SYS(SYS_kill, pid, 0), 0);
    EXPECT(SYS(SYS_kill, pid, SIGKILL), 0);
    EXPECT(SYS(SYS_getpgid, pid), getpgrp());
    child_exits(pid, 2);
    EXPECT(SYS(SYS_kill, pid, 0), -ESRCH);
    EXPECT(SYS(SYS_getpgid, pid), -ESRCH);
}

static int orphan(void *arg)
{
    pid_t parent = *(pid_t *)arg;

    board[1] = getpid();
    board_post(0);
    while (getppid() == parent && now_ms())
        sleep_ms(1);
    board[2] = getppid();
    return 55;
}

static int abandon(void *arg)
{
    pid_t own = getpid();

    (void)arg;
    child_start(orphan, &own);
    board_wait(0, 1);
    return 1;
}

static void test_orphan(void)
{
    child_exits(child_start(abandon, NULL), 1);
    child_exits(board[1], 55);
    CHECK_EQ("the orphan's new parent", board[2], getpid());
}

/* The zombies of a parent that ends come to us as well. */
static int abandon_zombies(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++)
        child_start(post_then_return, (void *)66);
    board_wait(0, 5);
    sleep_ms(20);
    return 1;
}

static void test_orphaned_zombies(void)
{
    int status;

    child_exits(child_start(abandon_zombies, NULL), 1);
    for (int i = 0; i < 5; i++) {
        CHECK(SYS(SYS_wait4, -1, &status, 0, NULL) > 0, "zombie %d does not come", i);
        CHECK_EQ("status", status, 66 << 8);
    }
}

/* ---- Those that do not care ---- */

static void ignored_children(int flags, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, before;
    pid_t pid;
    uint64_t start;

    EXPECT(sigaction(SIGCHLD, &action, &before), 0);
    pid = child_start(end_late, (void *)1);
    start = now_ms();
    EXPECT(SYS(SYS_wait4, pid, NULL, 0, NULL), -ECHILD);
    CHECK(now_ms() - start >= 30, "wait4() did not wait for the end");
    EXPECT(SYS(SYS_kill, pid, 0), -ESRCH);
    EXPECT(sigaction(SIGCHLD, &before, NULL), 0);
}

static void test_ignored(void)
{
    ignored_children(0, SIG_IGN);
    ignored_children(SA_NOCLDWAIT, SIG_DFL);
}

static const struct suite_case cases[] = {
    {"wait4: nobody to wait for, wrong options", test_nobody},
    {"wait4: WNOHANG", test_nohang},
    {"wait4: sleeps until the child ends", test_blocks},
    {"wait4: without a status", test_null_status},
    {"wait4: bad pointers", test_bad_pointers},
    {"wait4: by group", test_selectors},
    {"wait4: any of ten", test_any},
    {"wait4: death by signals", test_killed},
    {"wait4: stopped and continued", test_stopped},
    {"wait4: what the child used", test_rusage},
    {"a zombie", test_zombie},
    {"an orphan", test_orphan},
    {"orphaned zombies", test_orphaned_zombies},
    {"children that leave no zombie", test_ignored},
};
const struct suite_table wait_cases = {cases, ARRAY_SIZE(cases)};
