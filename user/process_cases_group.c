/* Inside of process_test: process groups and sessions. */
#define _GNU_SOURCE
#include "process_test.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

static int check_inherited(void *arg)
{
    const pid_t *ids = arg;

    EXPECT(SYS(SYS_getpgrp), ids[0]);
    EXPECT(SYS(SYS_getpgid, 0), ids[0]);
    EXPECT(SYS(SYS_getsid, 0), ids[1]);
    return 0;
}

static void test_inherited(void)
{
    pid_t ids[2] = {getpgrp(), getsid(0)};

    EXPECT(SYS(SYS_getpgid, getpid()), ids[0]);
    EXPECT(SYS(SYS_getsid, getpid()), ids[1]);
    in_child(check_inherited, ids);
}

static int lead_group(void *arg)
{
    pid_t own = getpid(), session = getsid(0);

    (void)arg;
    EXPECT(SYS(SYS_setpgid, 0, 0), 0);
    EXPECT(SYS(SYS_getpgrp), own);
    EXPECT(SYS(SYS_setpgid, own, own), 0);
    EXPECT(SYS(SYS_getsid, 0), session);
    in_child(check_inherited, (pid_t[]){own, session});
    EXPECT(SYS(SYS_setsid), -EPERM);
    return 0;
}

static void test_setpgid(void)
{
    in_child(lead_group, NULL);
}

/* As a shell puts a pipeline into one group: the parent does it, too. */
static void test_pipeline(void)
{
    pid_t first = child_sleeper(), second = child_sleeper();

    EXPECT(SYS(SYS_setpgid, first, first), 0);
    EXPECT(SYS(SYS_setpgid, second, first), 0);
    EXPECT(SYS(SYS_getpgid, second), first);
    EXPECT(SYS(SYS_kill, -first, SIGTERM), 0);
    child_dies(first, SIGTERM);
    child_dies(second, SIGTERM);
    EXPECT(SYS(SYS_kill, -first, 0), -ESRCH);
}

/* Member of its parent's old group, which has no other group that is free to join. */
static int join_refused(void *arg)
{
    pid_t stranger = *(pid_t *)arg;

    EXPECT(SYS(SYS_setpgid, 0, -1), -EINVAL);
    EXPECT(SYS(SYS_setpgid, 0, INT_MIN), -EINVAL);
    EXPECT(SYS(SYS_setpgid, stranger, 0), -ESRCH);
    EXPECT(SYS(SYS_setpgid, 999999, 0), -ESRCH);
    EXPECT(SYS(SYS_setpgid, 0, 999999), -EPERM);
    EXPECT(SYS(SYS_setsid), getpid());
    EXPECT(SYS(SYS_getsid, 0), getpid());
    EXPECT(SYS(SYS_getpgrp), getpid());
    EXPECT(SYS(SYS_setsid), -EPERM);
    EXPECT(SYS(SYS_setpgid, 0, 0), -EPERM);
    EXPECT(SYS(SYS_setpgid, 0, getpgid(stranger)), -EPERM);
    return 0;
}

static void test_refused(void)
{
    pid_t sibling = child_sleeper();

    in_child(join_refused, &sibling);
    EXPECT(SYS(SYS_getpgid, -1), -ESRCH);
    EXPECT(SYS(SYS_getpgid, 999999), -ESRCH);
    EXPECT(SYS(SYS_getsid, 999999), -ESRCH);
    child_end(sibling);
}

static int new_session(void *arg)
{
    (void)arg;
    EXPECT(SYS(SYS_setsid), getpid());
    board_post(0);
    board_wait(1, 1);
    return 0;
}

/* A child in another session is out of its parent's reach. */
static void test_other_session(void)
{
    pid_t pid = child_start(new_session, NULL);

    board_wait(0, 1);
    EXPECT(SYS(SYS_getsid, pid), pid);
    EXPECT(SYS(SYS_getpgid, pid), pid);
    EXPECT(SYS(SYS_setpgid, pid, getpgrp()), -EPERM);
    board_post(1);
    child_exits(pid, 0);
}

static int exec_then_sleep(void *arg)
{
    char *argv[] = {own_path, "--be", "sleep", NULL};

    (void)arg;
    execv(own_path, argv);
    return 127;
}

/* A child that runs another program decides of its group by itself. */
static void test_after_exec(void)
{
    pid_t pid = child_start(exec_then_sleep, NULL);
    long err = 0;

    for (int i = 0; i < 2000 && err != -EACCES; i++) {
        err = SYS(SYS_setpgid, pid, pid);
        sleep_ms(1);
    }
    CHECK_EQ("setpgid() after execve()", err, -EACCES);
    child_end(pid);
}

static int kill_own_group(void *arg)
{
    EXPECT(SYS(SYS_setpgid, 0, 0), 0);
    board[1] = child_sleeper();
    EXPECT(SYS(SYS_kill, 0, SIGTERM), 0);
    return arg != NULL;
}

static void test_kill_zero(void)
{
    child_dies(child_start(kill_own_group, NULL), SIGTERM);
    child_dies(board[1], SIGTERM);
}

static const struct suite_case cases[] = {
    {"groups: inherited", test_inherited},
    {"groups: a leader", test_setpgid},
    {"groups: a pipeline's, and killed as one", test_pipeline},
    {"groups: refusals", test_refused},
    {"groups: a child in another session", test_other_session},
    {"groups: not after execve", test_after_exec},
    {"groups: kill(0)", test_kill_zero},
};
const struct suite_table group_cases = {cases, ARRAY_SIZE(cases)};
