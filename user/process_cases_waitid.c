/* Inside of process_test: waitid. */
#define _GNU_SOURCE
#include "process_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int return_arg(void *arg)
{
    return (int)(intptr_t)arg;
}

/* waitid(2) with the fifth argument, which the C library does not pass. */
static long wait_id(int type, pid_t id, siginfo_t *info, int options)
{
    memset(info, 0xee, sizeof(*info));
    return SYS(SYS_waitid, type, id, info, options, NULL);
}

/* @info tells of child @pid: @code and @status. */
static void check_info(const siginfo_t *info, pid_t pid, int code, int status)
{
    CHECK_EQ("si_signo", info->si_signo, SIGCHLD);
    CHECK_EQ("si_errno", info->si_errno, 0);
    CHECK_EQ("si_code", info->si_code, code);
    CHECK_EQ("si_pid", info->si_pid, pid);
    CHECK_EQ("si_uid", info->si_uid, getuid());
    CHECK_EQ("si_status", info->si_status, status);
}

static void test_exited(void)
{
    pid_t pid = child_start(return_arg, (void *)200);
    siginfo_t info;

    EXPECT(wait_id(P_PID, pid, &info, WEXITED), 0);
    check_info(&info, pid, CLD_EXITED, 200);
    EXPECT(wait_id(P_PID, pid, &info, WEXITED), -ECHILD);
}

static void test_killed(void)
{
    pid_t pid = child_sleeper();
    siginfo_t info;

    EXPECT(kill(pid, SIGUSR2), 0);
    EXPECT(wait_id(P_ALL, 0, &info, WEXITED), 0);
    check_info(&info, pid, CLD_KILLED, SIGUSR2);
}

static void test_nowait(void)
{
    pid_t pid = child_start(return_arg, (void *)3);
    siginfo_t info;

    for (int i = 0; i < 3; i++) {
        EXPECT(wait_id(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
        check_info(&info, pid, CLD_EXITED, 3);
    }
    child_exits(pid, 3);
}

static void test_nohang(void)
{
    pid_t pid = child_sleeper();
    siginfo_t info;

    EXPECT(wait_id(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ("si_signo", info.si_signo, 0);
    CHECK_EQ("si_pid", info.si_pid, 0);
    EXPECT(SYS(SYS_waitid, P_ALL, 0, NULL, WEXITED | WNOHANG, NULL), 0);
    child_end(pid);
}

static void test_stopped(void)
{
    pid_t pid = child_sleeper();
    siginfo_t info;

    EXPECT(kill(pid, SIGSTOP), 0);
    EXPECT(wait_id(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
    check_info(&info, pid, CLD_STOPPED, SIGSTOP);
    EXPECT(wait_id(P_PID, pid, &info, WSTOPPED), 0);
    check_info(&info, pid, CLD_STOPPED, SIGSTOP);
    EXPECT(wait_id(P_PID, pid, &info, WSTOPPED | WNOHANG), 0);
    CHECK_EQ("si_pid, told once", info.si_pid, 0);
    EXPECT(kill(pid, SIGCONT), 0);
    EXPECT(wait_id(P_PID, pid, &info, WCONTINUED), 0);
    check_info(&info, pid, CLD_CONTINUED, SIGCONT);
    EXPECT(wait_id(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ("si_pid", info.si_pid, 0);
    child_end(pid);
}

static int own_group(void *arg)
{
    EXPECT(SYS(SYS_setpgid, 0, 0), 0);
    return (int)(intptr_t)arg;
}

static void test_by_group(void)
{
    pid_t same = child_start(return_arg, (void *)1), other = child_start(own_group, (void *)2);
    siginfo_t info;

    EXPECT(wait_id(P_PID, other, &info, WEXITED | WNOWAIT), 0);
    EXPECT(wait_id(P_PGID, other, &info, WEXITED), 0);
    check_info(&info, other, CLD_EXITED, 2);
    EXPECT(wait_id(P_PGID, other, &info, WEXITED), -ECHILD);
    EXPECT(wait_id(P_PGID, 0, &info, WEXITED), 0);
    check_info(&info, same, CLD_EXITED, 1);
}

static void test_errors(void)
{
    pid_t pid = child_sleeper();
    siginfo_t info;

    EXPECT(wait_id(P_PID, pid, &info, 0), -EINVAL);
    EXPECT(wait_id(P_PID, pid, &info, WNOHANG), -EINVAL);
    EXPECT(wait_id(P_PID, pid, &info, WEXITED | 0x10000), -EINVAL);
    EXPECT(wait_id(P_PID, 0, &info, WEXITED), -EINVAL);
    EXPECT(wait_id(P_PID, -1, &info, WEXITED), -EINVAL);
    EXPECT(wait_id(P_PGID, -1, &info, WEXITED), -EINVAL);
    EXPECT(wait_id(9, pid, &info, WEXITED), -EINVAL);
    EXPECT(wait_id(P_PID, getpid(), &info, WEXITED), -ECHILD);
    EXPECT(SYS(SYS_waitid, P_PID, pid, KERNEL_ADDRESS, WEXITED | WNOHANG, NULL), -EFAULT);
    child_end(pid);
}

static void test_usage(void)
{
    pid_t pid = child_start(return_arg, NULL);
    struct rusage usage;
    siginfo_t info;

    memset(&usage, 0xff, sizeof(usage));
    EXPECT(SYS(SYS_waitid, P_PID, pid, &info, WEXITED, &usage), 0);
    CHECK(usage.ru_utime.tv_sec == 0 && usage.ru_maxrss >= 0, "%ld s, maxrss %ld",
          (long)usage.ru_utime.tv_sec, usage.ru_maxrss);
}

static void test_pidfd(void)
{
    pid_t pid = child_start(return_arg, (void *)4);
    long fd = SYS(SYS_pidfd_open, pid, 0);
    siginfo_t info;

    if (fd == -ENOSYS) {
        child_exits(pid, 4);
        tap_skip("no pidfd_open");
        return;
    }
    EXPECT(wait_id(P_PIDFD, (pid_t)fd, &info, WEXITED), 0);
    check_info(&info, pid, CLD_EXITED, 4);
    EXPECT(wait_id(P_PIDFD, 1000, &info, WEXITED), -EBADF);
    close((int)fd);
}

/* A pidfd that is opened again by way of /proc stands for the same process. */
static void test_pidfd_again(void)
{
    pid_t pid = child_sleeper();
    long fd = SYS(SYS_pidfd_open, pid, 0);
    char name[64];
    struct pollfd ready = {.events = POLLIN};

    if (fd == -ENOSYS) {
        child_end(pid);
        tap_skip("no pidfd_open");
        return;
    }
    snprintf(name, sizeof(name), "/proc/self/fd/%ld", fd);
    ready.fd = open(name, O_RDWR);
    if (ready.fd >= 0) { /* older Linux has no way to it */
        EXPECT(poll(&ready, 1, 0), 0);
        child_end(pid);
        EXPECT(poll(&ready, 1, 0), 1);
        close(ready.fd);
    } else {
        child_end(pid);
    }
    close((int)fd);
}

static const struct suite_case cases[] = {
    {"waitid: an exit", test_exited},
    {"waitid: a death", test_killed},
    {"waitid: WNOWAIT leaves the zombie", test_nowait},
    {"waitid: WNOHANG", test_nohang},
    {"waitid: stopped and continued", test_stopped},
    {"waitid: by group", test_by_group},
    {"waitid: errors", test_errors},
    {"waitid: usage", test_usage},
    {"waitid: by pidfd", test_pidfd},
    {"pidfd: opened again", test_pidfd_again},
};
const struct suite_table waitid_cases = {cases, ARRAY_SIZE(cases)};
