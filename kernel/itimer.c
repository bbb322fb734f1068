/*
 * Interval timers. ITIMER_REAL counts the time that passes, the other two the processor time of the process, all of
 * which is taken for user time; that one stands still while the process does not run.
 */
#include "kernel/itimer.h"

#include "kernel/abi/errno.h"
#include "kernel/interrupts.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

static const int signals[ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

static uint64_t now_of(const struct process *process, int which)
{
    return which == ITIMER_REAL ? time_monotonic_ns() : process_time(process);
}

/* There is an interrupt when @timer goes off, if its clock runs until then. */
static void arm(const struct process *process, int which)
{
    const struct itimer *timer = &process->timers[which];
    uint64_t now = now_of(process, which), until;

    if (!timer->expires)
        return;
    until = timer->expires > now ? timer->expires - now : 0;
    if (!__builtin_add_overflow(time_monotonic_ns(), until, &until))
        timer_set(until);
}

/* Of the times that were missed, one counts. */
static void set_next(struct itimer *timer, uint64_t now)
{
    uint64_t missed = timer->interval ? (now - timer->expires) / timer->interval : 0;

    if (!timer->interval)
        timer->expires = 0;
    else if (__builtin_add_overflow(timer->expires, (missed + 1) * timer->interval,
                                    &timer->expires))
        timer->expires = UINT64_MAX;
}

static void check(struct process *process, int which)
{
    struct itimer *timer = &process->timers[which];
    uint64_t now = now_of(process, which);

    if (timer->expires && timer->expires <= now) {
        set_next(timer, now);
        signal_send(process, signals[which], "a timer went off");
    }
    arm(process, which);
}

void itimer_tick(void)
{
    for (struct process *p = process_all; p; p = p->next)
        if (!p->ended)
            check(p, ITIMER_REAL);
    if (!sched_idle()) {
        check(process_current(), ITIMER_VIRTUAL);
        check(process_current(), ITIMER_PROF);
    }
}

void itimer_process_runs(const struct process *process)
{
    arm(process, ITIMER_VIRTUAL);
    arm(process, ITIMER_PROF);
}

/* ---- The calls ---- */

static struct timeval timeval_of(uint64_t ns)
{
    return (struct timeval){(int64_t)(ns / NS_PER_SEC), (int64_t)(ns % NS_PER_SEC / 1000)};
}

/* @time in ns, at most what 64 bits hold; false when it is none. */
static bool ns_of(struct timeval time, uint64_t *ns)
{
    if (time.sec < 0 || time.usec < 0 || time.usec >= 1000000)
        return false;
    if (__builtin_mul_overflow((uint64_t)time.sec, NS_PER_SEC, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)time.usec * 1000, ns))
        *ns = UINT64_MAX;
    return true;
}

/* What is left until it goes off; 0 when it does not run. One that is late has 1 us. */
static uint64_t left(int which)
{
    const struct process *self = process_current();
    uint64_t now = now_of(self, which), expires = self->timers[which].expires;

    if (!expires)
        return 0;
    return expires > now + 1000 ? expires - now : 1000;
}

/* @span 0 stops it. */
static void set(int which, uint64_t span, uint64_t interval)
{
    struct process *self = process_current();
    struct itimer *timer = &self->timers[which];

    timer->interval = interval;
    timer->expires = 0;
    if (span && __builtin_add_overflow(now_of(self, which), span, &timer->expires))
        timer->expires = UINT64_MAX;
    arm(self, which);
}

static struct itimerval value_of(int which)
{
    return (struct itimerval){timeval_of(process_current()->timers[which].interval),
                              timeval_of(left(which))};
}

SYSCALL2(getitimer, int, which, vaddr_t, out)
{
    struct itimerval value;

    if (which < 0 || which >= ITIMERS)
        return -EINVAL;
    value = value_of(which);
    return copy_to_user(out, &value, sizeof(value));
}

SYSCALL3(setitimer, int, which, vaddr_t, in, vaddr_t, out)
{
    struct itimerval value = {0}, before;
    uint64_t span, interval;

    if (in && copy_from_user(&value, in, sizeof(value)))
        return -EFAULT;
    if (!ns_of(value.value, &span) || !ns_of(value.interval, &interval))
        return -EINVAL;
    if (which < 0 || which >= ITIMERS)
        return -EINVAL;
    before = value_of(which);
    set(which, span, interval);
    return out ? copy_to_user(out, &before, sizeof(before)) : 0;
}

/* In seconds; what is left is rounded, but not to nothing. */
SYSCALL1(alarm, uint32_t, seconds)
{
    uint64_t before = left(ITIMER_REAL);

    set(ITIMER_REAL, seconds * NS_PER_SEC, 0);
    if (before && before < NS_PER_SEC)
        return 1;
    return (long)((before + NS_PER_SEC / 2) / NS_PER_SEC);
}
