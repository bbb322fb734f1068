/* What programs ask of the scheduler: on which processors they run, of which there is one, and how urgently. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

static bool thread_exists(int tid)
{
    return tid == 0 || (tid > 0 && thread_find(tid));
}

/* ---- Processors ---- */

SYSCALL3(sched_getaffinity, int, tid, uint32_t, size, vaddr_t, out)
{
    const uint64_t first = 1;
    long err;

    if (size < sizeof(first) || size % sizeof(first))
        return -EINVAL;
    if (!thread_exists(tid))
        return -ESRCH;
    err = copy_to_user(out, &first, sizeof(first));
    return err ? err : (long)sizeof(first);
}

SYSCALL3(sched_setaffinity, int, tid, uint32_t, size, vaddr_t, in)
{
    uint64_t mask = 0;

    if (copy_from_user(&mask, in, min_u64(size, sizeof(mask))))
        return -EFAULT;
    if (!thread_exists(tid))
        return -ESRCH;
    return mask & 1 ? 0 : -EINVAL;
}

SYSCALL3(getcpu, vaddr_t, cpu, vaddr_t, node, vaddr_t, unused)
{
    const uint32_t zero = 0;

    (void)unused;
    if ((cpu && copy_to_user(cpu, &zero, sizeof(zero))) ||
        (node && copy_to_user(node, &zero, sizeof(zero))))
        return -EFAULT;
    return 0;
}

/* ---- Policies ---- */

static bool real_time(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool policy_exists(int policy)
{
    return real_time(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

SYSCALL1(sched_get_priority_max, int, policy)
{
    return !policy_exists(policy) ? -EINVAL : real_time(policy) ? 99 : 0;
}

SYSCALL1(sched_get_priority_min, int, policy)
{
    return !policy_exists(policy) ? -EINVAL : real_time(policy) ? 1 : 0;
}

SYSCALL1(sched_getscheduler, int, tid)
{
    if (tid < 0)
        return -EINVAL;
    return thread_exists(tid) ? SCHED_OTHER : -ESRCH;
}

/* All of it is one number, the priority: 0 outside of the real-time policies. */
SYSCALL2(sched_getparam, int, tid, vaddr_t, out)
{
    const int priority = 0;

    if (tid < 0 || !out)
        return -EINVAL;
    return thread_exists(tid) ? copy_to_user(out, &priority, sizeof(priority)) : -ESRCH;
}

/* -EPERM for the real-time policies. */
static long set_scheduler(int tid, int policy, vaddr_t in)
{
    int priority;

    if (tid < 0 || !in || !policy_exists(policy))
        return -EINVAL;
    if (copy_from_user(&priority, in, sizeof(priority)))
        return -EFAULT;
    if (!thread_exists(tid))
        return -ESRCH;
    if (real_time(policy))
        return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
    return priority ? -EINVAL : 0;
}

SYSCALL3(sched_setscheduler, int, tid, int, policy, vaddr_t, in)
{
    return set_scheduler(tid, policy, in);
}

SYSCALL2(sched_setparam, int, tid, vaddr_t, in)
{
    return set_scheduler(tid, SCHED_OTHER, in);
}

/* ---- Nice values: kept and shown, without effect ---- */

/* Is @process one of those that @which and @who name? 0 stands for the caller's. */
static bool meant(const struct process *process, int which, int who)
{
    const struct process *self = process_current();

    switch (which) {
    case PRIO_PROCESS:
        return process->pid == (who ? who : self->pid);
    case PRIO_PGRP:
        return process->pgid == (who ? who : self->pgid);
    default:
        return who == 0;
    }
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
    long result = -ESRCH;

    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
    for (struct process *p = process_all; p; p = p->next) {
        if (!meant(p, which, who))
            continue;
        p->nice = nice;
        result = 0;
    }
    return result;
}

/* The most urgent of them, as 20 minus its nice value, so that it is no errno. */
SYSCALL2(getpriority, int, which, int, who)
{
    long result = -ESRCH;

    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    for (const struct process *p = process_all; p; p = p->next)
        if (meant(p, which, who) && 20 - p->nice > result)
            result = 20 - p->nice;
    return result;
}
