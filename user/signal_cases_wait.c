/* Inside of signal_test: waiting for signals, and other calls that signals interrupt. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

struct sending {
    int sig;
    unsigned ms;
};

static int send_late(void *arg)
{
    const struct sending *s = arg;

    sleep_ms(s->ms);
    return (int)result(kill(getppid(), s->sig));
}

/* A child that sends us @sig in a moment. */
static pid_t send_in(unsigned ms, int sig)
{
    static struct sending sending;

    sending = (struct sending){sig, ms};
    return child_start(send_late, &sending);
}

static sigset_t set_of(int sig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

/* ---- Waiting for them ---- */

static void test_pause(void)
{
    pid_t pid;

    catch_signal(SIGUSR1, note_signal, SA_RESTART);
    pid = send_in(20, SIGUSR1);
    EXPECT(result(pause()), -EINTR);
    CHECK_EQ("handled", seen.count, 1);
    child_exits(pid, 0);
    default_signal(SIGUSR1);
}

static void test_sigsuspend(void)
{
    sigset_t none, now;
    pid_t pid;

    sigemptyset(&none);
    catch_signal(SIGUSR1, note_signal, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ("handled while blocked", seen.count, 0);
    EXPECT(result(sigsuspend(&none)), -EINTR);
    CHECK_EQ("handled", seen.count, 1);
    CHECK(sigismember(&seen.old, SIGUSR1) == 1, "the handler's context has the mask of sigsuspend");
    pid = send_in(20, SIGUSR1);
    EXPECT(result(sigsuspend(&none)), -EINTR);
    CHECK_EQ("handled", seen.count, 2);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1) == 1, "the mask was not put back");
    child_exits(pid, 0);
    unblock_signal(SIGUSR1);
    default_signal(SIGUSR1);
    EXPECT(SYS(SYS_rt_sigsuspend, KERNEL_ADDRESS, 8), -EFAULT);
    EXPECT(SYS(SYS_rt_sigsuspend, &none, 4), -EINVAL);
}

static void test_sigtimedwait(void)
{
    sigset_t set = set_of(SIGUSR1);
    struct timespec t = {0, 30000000};
    uint64_t start = now_ms();
    siginfo_t info;
    pid_t pid;

    block_signal(SIGUSR1);
    EXPECT(result(sigtimedwait(&set, &info, &t)), -EAGAIN);
    CHECK(now_ms() - start >= 28, "waited %lu ms", now_ms() - start);
    EXPECT(result(sigtimedwait(&set, &info, &(struct timespec){0, 0})), -EAGAIN);
    EXPECT(result(sigtimedwait(&set, &info, &(struct timespec){0, -1})), -EINVAL);
    raise(SIGUSR1);
    EXPECT(result(sigtimedwait(&set, &info, &t)), SIGUSR1);
    CHECK_EQ("si_signo", info.si_signo, SIGUSR1);
    CHECK_EQ("si_pid", info.si_pid, getpid());
    pid = send_in(20, SIGUSR1);
    EXPECT(result(sigwaitinfo(&set, &info)), SIGUSR1);
    CHECK_EQ("si_code", info.si_code, SI_USER);
    CHECK_EQ("si_pid", info.si_pid, pid);
    child_exits(pid, 0);
    unblock_signal(SIGUSR1);
    EXPECT(SYS(SYS_rt_sigtimedwait, KERNEL_ADDRESS, NULL, NULL, 8), -EFAULT);
    EXPECT(SYS(SYS_rt_sigtimedwait, &set, NULL, NULL, 4), -EINVAL);
}

/* A handler of another signal ends the wait. */
static void test_sigtimedwait_interrupted(void)
{
    sigset_t set = set_of(SIGUSR1);
    struct timespec t = {5, 0};
    pid_t pid;

    block_signal(SIGUSR1);
    catch_signal(SIGUSR2, note_signal, SA_RESTART);
    pid = send_in(20, SIGUSR2);
    EXPECT(SYS(SYS_rt_sigtimedwait, &set, NULL, &t, 8), -EINTR); /* musl's would wait again */
    CHECK_EQ("handled", seen.count, 1);
    child_exits(pid, 0);
    unblock_signal(SIGUSR1);
    default_signal(SIGUSR2);
}

/* ---- Calls that are interrupted ---- */

static void test_sleep_interrupted(void)
{
    struct timespec t = {5, 0}, left = {99, 0};
    uint64_t start = now_ms();
    pid_t pid;

    catch_signal(SIGUSR1, note_signal, SA_RESTART);
    pid = send_in(50, SIGUSR1);
    EXPECT(SYS(SYS_nanosleep, &t, &left), -EINTR);
    CHECK(now_ms() - start < 3000, "slept for %lu ms", now_ms() - start);
    CHECK(left.tv_sec == 4 && left.tv_nsec > 0, "%ld.%09ld s are left", (long)left.tv_sec,
          left.tv_nsec);
    child_exits(pid, 0);
    pid = send_in(20, SIGUSR1);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 5;
    left.tv_sec = 99;
    EXPECT(SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left), -EINTR);
    CHECK_EQ("what is left of a date", left.tv_sec, 99);
    child_exits(pid, 0);
    default_signal(SIGUSR1);
}

/* Signals that are ignored, or do nothing, do not interrupt. */
static void test_sleep_undisturbed(void)
{
    struct timespec t = {0, 100000000};
    pid_t pid = send_in(20, SIGWINCH);

    EXPECT(SYS(SYS_nanosleep, &t, NULL), 0); /* the child's end, too */
    child_exits(pid, 0);
}

static int write_late(void *arg)
{
    const int *ends = arg;

    sleep_ms(100);
    return write(ends[1], "x", 1) != 1;
}

static void read_over_signal(int flags, long expected)
{
    pid_t sender, writer;
    int ends[2];
    char byte;

    EXPECT(result(pipe(ends)), 0);
    catch_signal(SIGUSR1, note_signal, flags);
    sender = send_in(20, SIGUSR1);
    writer = child_start(write_late, ends);
    EXPECT(result(read(ends[0], &byte, 1)), expected);
    CHECK_EQ("handled", seen.count, 1);
    child_exits(sender, 0);
    child_exits(writer, 0);
    close(ends[0]);
    close(ends[1]);
    default_signal(SIGUSR1);
}

static void test_restart(void)
{
    int ends[2];

    if (pipe(ends)) {
        tap_skip("no pipes");
        return;
    }
    close(ends[0]);
    close(ends[1]);
    read_over_signal(SA_RESTART, 1);
    read_over_signal(0, -EINTR);
}

static int end_late(void *arg)
{
    sleep_ms(100);
    return arg != NULL;
}

static void wait_over_signal(int flags)
{
    pid_t sender, pid = child_start(end_late, NULL);
    int status;

    catch_signal(SIGUSR1, note_signal, flags);
    sender = send_in(20, SIGUSR1);
    EXPECT(SYS(SYS_wait4, pid, &status, 0, NULL), flags ? pid : -EINTR);
    CHECK_EQ("handled", seen.count, 1);
    if (!flags)
        child_exits(pid, 0);
    child_exits(sender, 0);
    default_signal(SIGUSR1);
}

static void test_wait4(void)
{
    wait_over_signal(SA_RESTART);
    wait_over_signal(0);
}

static volatile int word;

/* A wait without an end is restarted, one with an end is not. */
static void test_futex(void)
{
    struct timespec t = {5, 0};
    pid_t pid;

    catch_signal(SIGUSR1, note_signal, 0);
    pid = send_in(20, SIGUSR1);
    EXPECT(SYS(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0), -EINTR);
    child_exits(pid, 0);
    pid = send_in(20, SIGUSR1);
    EXPECT(SYS(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0), -EINTR);
    child_exits(pid, 0);
    CHECK_EQ("handled", seen.count, 2);
    default_signal(SIGUSR1);
}

static void test_poll(void)
{
    sigset_t none;
    pid_t pid;

    if (SYS(SYS_poll, NULL, 0, 0) == -ENOSYS) {
        tap_skip("no poll");
        return;
    }
    catch_signal(SIGUSR1, note_signal, SA_RESTART);
    pid = send_in(20, SIGUSR1);
    EXPECT(result(poll(NULL, 0, 5000)), -EINTR);
    child_exits(pid, 0);
    block_signal(SIGUSR1);
    sigemptyset(&none);
    raise(SIGUSR1);
    EXPECT(result(ppoll(NULL, 0, &(struct timespec){5, 0}, &none)), -EINTR);
    CHECK_EQ("handled", seen.count, 2);
    unblock_signal(SIGUSR1);
    default_signal(SIGUSR1);
}

static const struct suite_case cases[] = {
    {"pause", test_pause},
    {"sigsuspend", test_sigsuspend},
    {"sigtimedwait and sigwaitinfo", test_sigtimedwait},
    {"sigtimedwait, interrupted", test_sigtimedwait_interrupted},
    {"sleep, interrupted", test_sleep_interrupted},
    {"sleep, undisturbed", test_sleep_undisturbed},
    {"read, restarted or not", test_restart},
    {"wait4, restarted or not", test_wait4},
    {"futex, interrupted", test_futex},
    {"poll and ppoll, interrupted", test_poll},
};
const struct suite_table wait_cases = {cases, ARRAY_SIZE(cases)};
