/* Clocks and sleeping. */
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

/* The time on clock @id in nanoseconds. False when there is no such clock. */
static bool read_clock(int id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        *ns = time_realtime_ns();
        return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = time_monotonic_ns();
        return true;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = process_time(process_current());
        return true;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = sched_time(thread_current());
        return true;
    default:
        return false;
    }
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(int64_t)(ns / NS_PER_SEC), (int64_t)(ns % NS_PER_SEC)};
}

SYSCALL2(clock_gettime, int, id, vaddr_t, out)
{
    struct timespec time;
    uint64_t ns;

    if (!read_clock(id, &ns))
        return -EINVAL;
    time = timespec_of(ns);
    return copy_to_user(out, &time, sizeof(time));
}

SYSCALL2(clock_getres, int, id, vaddr_t, out)
{
    struct timespec resolution = {0, 1};
    uint64_t ns;

    if (!read_clock(id, &ns))
        return -EINVAL;
    return out ? copy_to_user(out, &resolution, sizeof(resolution)) : 0;
}

SYSCALL2(gettimeofday, vaddr_t, out, vaddr_t, zone)
{
    const struct timezone utc = {0, 0};
    struct timespec now = timespec_of(time_realtime_ns());
    struct timeval time = {now.sec, now.nsec / 1000};

    if (out && copy_to_user(out, &time, sizeof(time)))
        return -EFAULT;
    return zone ? copy_to_user(zone, &utc, sizeof(utc)) : 0;
}

SYSCALL1(time, vaddr_t, out)
{
    int64_t now = (int64_t)(time_realtime_ns() / NS_PER_SEC);

    if (out && copy_to_user(out, &now, sizeof(now)))
        return -EFAULT;
    return now;
}

/* ---- Sleeping ---- */

long time_fetch(vaddr_t user, uint64_t *ns)
{
    struct timespec time;

    if (copy_from_user(&time, user, sizeof(time)))
        return -EFAULT;
    if (time.sec < 0 || time.nsec < 0 || (uint64_t)time.nsec >= NS_PER_SEC)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time.sec, NS_PER_SEC, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)time.nsec, ns))
        *ns = UINT64_MAX;
    return 0;
}

/* Sleep until @clock shows @deadline. 0 or -EINTR. */
static long sleep_until(int clock, uint64_t deadline)
{
    uint64_t now;

    while (read_clock(clock, &now) && now < deadline) {
        uint64_t until;

        if (__builtin_add_overflow(time_monotonic_ns(), deadline - now, &until))
            until = SCHED_FOREVER;
        if (sched_sleep(thread_current(), until) == -EINTR)
            return -EINTR;
    }
    return 0;
}

/*
 * Sleep until clock span->number shows the deadline. When a signal interrupts that, what is left is told at span->user
 * unless that is 0.
 */
static long sleep_span(const struct restart *span)
{
    int clock = (int)span->number;
    struct timespec left;
    uint64_t now;

    if (!sleep_until(clock, span->deadline))
        return 0;
    read_clock(clock, &now);
    if (now >= span->deadline)
        return 0;
    left = timespec_of(span->deadline - now);
    if (span->user && copy_to_user(span->user, &left, sizeof(left)))
        return -EFAULT;
    thread_current()->restart = *span;
    return -ERESTART_RESTARTBLOCK;
}

static long sleep_on(int clock, vaddr_t user, bool absolute, vaddr_t left)
{
    uint64_t ns, now;
    long err = time_fetch(user, &ns);

    if (err)
        return err;
    if (absolute)
        return sleep_until(clock, ns) ? -ERESTARTNOHAND : 0;
    if (read_clock(clock, &now) && __builtin_add_overflow(ns, now, &ns))
        ns = UINT64_MAX;
    return sleep_span(&(struct restart){sleep_span, ns, left, (uint32_t)clock});
}

/* The kernel makes this call for a program whose call was interrupted, when no handler was called. */
SYSCALL0(restart_syscall)
{
    struct restart restart = thread_current()->restart;

    thread_current()->restart = (struct restart){0};
    return restart.again ? restart.again(&restart) : -EINTR;
}

SYSCALL2(nanosleep, vaddr_t, span, vaddr_t, left)
{
    return sleep_on(CLOCK_MONOTONIC, span, false, left);
}

SYSCALL4(clock_nanosleep, int, id, int, flags, vaddr_t, time, vaddr_t, left)
{
    bool absolute = flags & TIMER_ABSTIME;

    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_TAI:
        /* setting the clock does not change a span */
        return sleep_on(absolute ? id : CLOCK_MONOTONIC, time, absolute, left);
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_PROCESS_CPUTIME_ID:
        return sleep_on(id, time, absolute, left);
    case CLOCK_THREAD_CPUTIME_ID:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}
