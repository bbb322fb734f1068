/* Inside of signal_test: sending: to whom, what comes with it, in which order. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <string.h>
#include <sys/wait.h>

static void test_kill_errors(void)
{
    EXPECT(SYS(SYS_kill, getpid(), 0), 0);
    EXPECT(SYS(SYS_kill, getpid(), 65), -EINVAL);
    EXPECT(SYS(SYS_kill, getpid(), -1), -EINVAL);
    EXPECT(SYS(SYS_kill, 999999, 0), -ESRCH);
    EXPECT(SYS(SYS_kill, 999999, SIGKILL), -ESRCH);
    EXPECT(SYS(SYS_kill, -999999, SIGKILL), -ESRCH);
    EXPECT(SYS(SYS_tkill, -1, SIGUSR1), -EINVAL);
    EXPECT(SYS(SYS_tgkill, -1, getpid(), SIGUSR1), -EINVAL);
    EXPECT(SYS(SYS_tkill, 999999, 0), -ESRCH);
}

/* Who sent it and how. */
static void check_sender(int code)
{
    CHECK_EQ("si_code", seen.info.si_code, code);
    CHECK_EQ("si_pid", seen.info.si_pid, getpid());
    CHECK_EQ("si_uid", seen.info.si_uid, getuid());
}

static void test_info(void)
{
    union sigval value = {.sival_int = 0x12345678};

    catch_signal(SIGUSR1, note_signal, 0);
    EXPECT(result(kill(getpid(), SIGUSR1)), 0);
    check_sender(SI_USER);
    EXPECT(SYS(SYS_tgkill, getpid(), SYS(SYS_gettid), SIGUSR1), 0);
    check_sender(SI_TKILL);
    EXPECT(SYS(SYS_tkill, SYS(SYS_gettid), SIGUSR1), 0);
    check_sender(SI_TKILL);
    EXPECT(result(sigqueue(getpid(), SIGUSR1, value)), 0);
    check_sender(SI_QUEUE);
    CHECK_EQ("si_value", seen.info.si_value.sival_int, 0x12345678);
    CHECK_EQ("handled", seen.count, 4);
    default_signal(SIGUSR1);
}

static int queue_to_parent(void *arg)
{
    union sigval value = {.sival_ptr = (void *)0x123456789abc};

    return (int)result(sigqueue(getppid(), *(int *)arg, value));
}

static void test_from_child(void)
{
    int sig = SIGUSR2;
    pid_t pid;

    catch_signal(sig, note_signal, 0);
    pid = child_start(queue_to_parent, &sig);
    child_exits(pid, 0);
    CHECK_EQ("si_pid", seen.info.si_pid, pid);
    CHECK_EQ("si_code", seen.info.si_code, SI_QUEUE);
    CHECK_EQ("si_value", seen.info.si_value.sival_ptr, 0x123456789abc);
    default_signal(sig);
}

/* A program may say what it likes of itself, to others not that the kernel sent it. */
static void test_forged_info(void)
{
    siginfo_t info;
    pid_t pid = child_sleeper();

    memset(&info, 0, sizeof(info));
    info.si_signo = SIGUSR1;
    info.si_code = SI_USER;
    EXPECT(SYS(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), -EPERM);
    info.si_code = SI_KERNEL;
    EXPECT(SYS(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), -EPERM);
    EXPECT(SYS(SYS_rt_sigqueueinfo, pid, SIGUSR1, NULL), -EFAULT);
    info.si_code = SI_QUEUE;
    EXPECT(SYS(SYS_rt_sigqueueinfo, pid, 65, &info), -EINVAL);
    EXPECT(SYS(SYS_rt_sigqueueinfo, 999999, SIGUSR1, &info), -ESRCH);
    EXPECT(SYS(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), 0);
    child_dies(pid, SIGUSR1);
}

/* ---- Order ---- */

static struct {
    int sig;
    int value;
} arrived[32];
static volatile size_t arrivals;

static void note_arrival(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (arrivals < ARRAY_SIZE(arrived)) {
        arrived[arrivals].sig = sig;
        arrived[arrivals].value = info->si_value.sival_int;
    }
    arrivals++;
}

static void send_value(int sig, int value)
{
    EXPECT(result(sigqueue(getpid(), sig, (union sigval){.sival_int = value})), 0);
}

/* Real-time signals are all kept, the lowest first; others once. Both kinds are blocked until all are sent. */
static void test_queued(void)
{
    int low = SIGRTMIN + 3, high = SIGRTMIN + 5;

    arrivals = 0;
    catch_signal(low, note_arrival, 0);
    catch_signal(high, note_arrival, 0);
    catch_signal(SIGUSR1, note_arrival, 0);
    block_signal(low);
    block_signal(high);
    block_signal(SIGUSR1);
    for (int i = 0; i < 5; i++) {
        send_value(high, 100 + i);
        send_value(low, i);
        send_value(SIGUSR1, 200 + i);
    }
    unblock_signal(SIGUSR1);
    CHECK_EQ("of SIGUSR1", arrivals, 1);
    CHECK_EQ("value", arrived[0].value, 200);
    unblock_signal(low);
    CHECK_EQ("of the lower", arrivals, 6);
    unblock_signal(high);
    CHECK_EQ("of the higher", arrivals, 11);
    for (int i = 0; i < 5; i++) {
        CHECK(arrived[1 + i].sig == low && arrived[1 + i].value == i, "lower: %d, %d",
              arrived[1 + i].sig, arrived[1 + i].value);
        CHECK(arrived[6 + i].sig == high && arrived[6 + i].value == 100 + i, "higher: %d, %d",
              arrived[6 + i].sig, arrived[6 + i].value);
    }
    default_signal(low);
    default_signal(high);
    default_signal(SIGUSR1);
}

/* Several come at once: each handler is entered before the one below it has run, so the highest runs first. */
static void test_at_once(void)
{
    sigset_t set, old;

    arrivals = 0;
    catch_signal(SIGHUP, note_arrival, 0);
    catch_signal(SIGUSR1, note_arrival, 0);
    catch_signal(SIGTERM, note_arrival, 0);
    sigfillset(&set);
    EXPECT(result(sigprocmask(SIG_SETMASK, &set, &old)), 0);
    raise(SIGTERM);
    raise(SIGHUP);
    raise(SIGUSR1);
    EXPECT(result(sigprocmask(SIG_SETMASK, &old, NULL)), 0);
    CHECK_EQ("arrived", arrivals, 3);
    CHECK(arrived[0].sig == SIGTERM && arrived[1].sig == SIGUSR1 && arrived[2].sig == SIGHUP,
          "order %d, %d, %d", arrived[0].sig, arrived[1].sig, arrived[2].sig);
    default_signal(SIGHUP);
    default_signal(SIGUSR1);
    default_signal(SIGTERM);
}

/* ---- SIGCHLD ---- */

static int exit_with(void *arg)
{
    return (int)(intptr_t)arg;
}

static void check_child(int code, pid_t pid, int status)
{
    CHECK_EQ("si_code", seen.info.si_code, code);
    CHECK_EQ("si_pid", seen.info.si_pid, pid);
    CHECK_EQ("si_status", seen.info.si_status, status);
}

static void wait_for_count(int count)
{
    for (int i = 0; i < 2000 && seen.count < count; i++)
        sleep_ms(1);
    CHECK_EQ("handled", seen.count, count);
}

static void test_child(void)
{
    pid_t pid;

    catch_signal(SIGCHLD, note_signal, 0);
    pid = child_start(exit_with, (void *)9);
    wait_for_count(1);
    check_child(CLD_EXITED, pid, 9);
    child_exits(pid, 9);
    pid = child_sleeper();
    kill(pid, SIGSTOP);
    wait_for_count(2);
    check_child(CLD_STOPPED, pid, SIGSTOP);
    kill(pid, SIGCONT);
    wait_for_count(3);
    check_child(CLD_CONTINUED, pid, SIGCONT);
    kill(pid, SIGTERM);
    wait_for_count(4);
    check_child(CLD_KILLED, pid, SIGTERM);
    child_dies(pid, SIGTERM);
    default_signal(SIGCHLD);
}

static void test_child_no_stop(void)
{
    pid_t pid;
    int status;

    catch_signal(SIGCHLD, note_signal, SA_NOCLDSTOP);
    pid = child_sleeper();
    kill(pid, SIGSTOP);
    EXPECT(result(waitpid(pid, &status, WUNTRACED)), pid);
    kill(pid, SIGCONT);
    EXPECT(result(waitpid(pid, &status, WCONTINUED)), pid);
    CHECK_EQ("handled", seen.count, 0);
    child_end(pid);
    CHECK_EQ("handled", seen.count, 1);
    default_signal(SIGCHLD);
}

/* ---- SIGPIPE ---- */

static int write_to_nobody(void *arg)
{
    int ends[2];

    EXPECT(result(pipe(ends)), 0);
    close(ends[0]);
    return (int)result(write(ends[1], "x", 1)) + (arg != NULL);
}

static void test_pipe(void)
{
    int ends[2];

    if (pipe(ends)) {
        tap_skip("no pipes");
        return;
    }
    close(ends[0]);
    catch_signal(SIGPIPE, note_signal, 0);
    EXPECT(result(write(ends[1], "x", 1)), -EPIPE);
    CHECK_EQ("handled", seen.count, 1);
    signal(SIGPIPE, SIG_IGN);
    EXPECT(result(write(ends[1], "x", 1)), -EPIPE);
    default_signal(SIGPIPE);
    close(ends[1]);
    child_dies(child_start(write_to_nobody, NULL), SIGPIPE);
}

static const struct suite_case cases[] = {
    {"kill, tkill and tgkill: errors", test_kill_errors},
    {"what comes with a signal", test_info},
    {"what comes with a child's signal", test_from_child},
    {"rt_sigqueueinfo: forged", test_forged_info},
    {"real-time signals are queued", test_queued},
    {"several at once", test_at_once},
    {"SIGCHLD", test_child},
    {"SIGCHLD and SA_NOCLDSTOP", test_child_no_stop},
    {"SIGPIPE", test_pipe},
};
const struct suite_table send_cases = {cases, ARRAY_SIZE(cases)};
