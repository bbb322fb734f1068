/* Calls about the process itself: its identity, its limits, its end. */
#include "kernel/abi/errno.h"
#include "kernel/abi/system.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

/* ---- Identity ---- */

SYSCALL0(getpid)
{
    return process_current()->pid;
}

SYSCALL0(gettid)
{
    return thread_current()->tid;
}

SYSCALL0(getppid)
{
    const struct process *parent = process_current()->parent;

    return parent ? parent->pid : 0;
}

/* ---- Groups and sessions ---- */

/* The process of @pid, which is 0 for the caller; or NULL. */
static struct process *process_of(int pid)
{
    return pid ? process_find(pid) : process_current();
}

SYSCALL0(getpgrp)
{
    return process_current()->pgid;
}

SYSCALL1(getpgid, int, pid)
{
    const struct process *process = process_of(pid);

    return process ? process->pgid : -ESRCH;
}

SYSCALL1(getsid, int, pid)
{
    const struct process *process = process_of(pid);

    return process ? process->sid : -ESRCH;
}

/* Is @pgid a group of session @sid? */
static bool group_exists(int pgid, int sid)
{
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == pgid && p->sid == sid)
            return true;
    return false;
}

SYSCALL2(setpgid, int, pid, int, pgid)
{
    struct process *self = process_current(), *process = process_of(pid);

    if (pgid < 0)
        return -EINVAL;
    if (!process || (process != self && process->parent != self))
        return -ESRCH;
    if (process != self && process->sid != self->sid)
        return -EPERM;
    if (process != self && process->execed)
        return -EACCES;
    if (process->sid == process->pid)
        return -EPERM;
    if (!pgid)
        pgid = process->pid;
    if (pgid != process->pid && !group_exists(pgid, self->sid))
        return -EPERM;
    process->pgid = pgid;
    return 0;
}

SYSCALL0(setsid)
{
    struct process *self = process_current();

    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == self->pid)
            return -EPERM;
    self->pgid = self->pid;
    self->sid = self->pid;
    return self->pid;
}

/* ---- Threads' fittings ---- */

SYSCALL1(set_tid_address, vaddr_t, address)
{
    thread_current()->clear_child_tid = address;
    return thread_current()->tid;
}

SYSCALL2(set_robust_list, vaddr_t, head, uint64_t, size)
{
    if (size != ROBUST_LIST_SIZE)
        return -EINVAL;
    thread_current()->robust_list = head;
    return 0;
}

/* Of the thread @tid, 0 for the caller. */
SYSCALL3(get_robust_list, int, tid, vaddr_t, head, vaddr_t, size)
{
    const struct thread *thread = tid ? thread_find(tid) : thread_current();
    uint64_t bytes = ROBUST_LIST_SIZE;

    if (!thread)
        return -ESRCH;
    if (copy_to_user(size, &bytes, sizeof(bytes)))
        return -EFAULT;
    return copy_to_user(head, &thread->robust_list, sizeof(thread->robust_list));
}

static long put_base(uint64_t base, vaddr_t to)
{
    return copy_to_user(to, &base, sizeof(base));
}

SYSCALL2(arch_prctl, int, code, uint64_t, address)
{
    bool set = code == ARCH_SET_FS || code == ARCH_SET_GS;

    if (set && address >= TASK_SIZE)
        return -EPERM;
    switch (code) {
    case ARCH_SET_FS:
        thread_current()->fs_base = address;
        cpu_set_fs_base(address);
        return 0;
    case ARCH_SET_GS:
        thread_current()->gs_base = address;
        cpu_set_gs_base(address);
        return 0;
    case ARCH_GET_FS:
        return put_base(thread_current()->fs_base, address);
    case ARCH_GET_GS:
        return put_base(thread_current()->gs_base, address);
    default:
        return -EINVAL;
    }
}

SYSCALL0(sched_yield)
{
    sched_yield();
    return 0;
}

/* ---- The end ---- */

SYSCALL1(exit, int, status)
{
    struct process *process = process_current();

    if (process->thread_count == 1)
        process_end(process, STATUS_EXIT(status));
    thread_exit();
}

SYSCALL1(exit_group, int, status)
{
    process_end(process_current(), STATUS_EXIT(status));
    return 0;
}

/* ---- Limits and usage ---- */

static long set_limit(struct process *process, uint32_t resource, const struct rlimit *limit)
{
    struct mm *mm = process->mm;

    if (limit->cur > limit->max)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && limit->max > NOFILE_MAX)
        return -EPERM;
    process->limits[resource] = *limit;
    if (!mm)
        return 0;
    port_lock_write(&mm->lock);
    process_apply_limits(process, mm);
    port_unlock_write(&mm->lock);
    return 0;
}

SYSCALL4(prlimit64, int, pid, uint32_t, resource, vaddr_t, in, vaddr_t, out)
{
    struct process *process = process_of(pid);
    struct rlimit limit, before;
    long err = 0;

    if (in && copy_from_user(&limit, in, sizeof(limit)))
        return -EFAULT;
    if (!process)
        return -ESRCH;
    if (resource >= RLIMITS)
        return -EINVAL;
    before = process->limits[resource];
    if (in)
        err = set_limit(process, resource, &limit);
    if (!err && out)
        err = copy_to_user(out, &before, sizeof(before));
    return err;
}

SYSCALL2(getrlimit, uint32_t, resource, vaddr_t, out)
{
    if (resource >= RLIMITS)
        return -EINVAL;
    return copy_to_user(out, &process_current()->limits[resource], sizeof(struct rlimit));
}

SYSCALL2(setrlimit, uint32_t, resource, vaddr_t, in)
{
    struct rlimit limit;

    if (copy_from_user(&limit, in, sizeof(limit)))
        return -EFAULT;
    return resource < RLIMITS ? set_limit(process_current(), resource, &limit) : -EINVAL;
}

/* All of it is taken for user time. */
static struct timeval timeval_of(uint64_t ns)
{
    return (struct timeval){(int64_t)(ns / NS_PER_SEC), (int64_t)(ns % NS_PER_SEC / 1000)};
}

SYSCALL2(getrusage, int, who, vaddr_t, out)
{
    const struct process *process = process_current();
    struct rusage usage = {0};

    switch (who) {
    case RUSAGE_SELF:
        usage.utime = timeval_of(process_time(process));
        usage.minflt = (int64_t)process->faults;
        usage.maxrss = (int64_t)(mm_peak_rss(process->mm) * (PAGE_SIZE / 1024));
        break;
    case RUSAGE_THREAD:
        usage.utime = timeval_of(sched_time(thread_current()));
        break;
    case RUSAGE_CHILDREN:
        usage.utime = timeval_of(process->children_ran_ns);
        usage.minflt = (int64_t)process->children_faults;
        break;
    default:
        return -EINVAL;
    }
    return copy_to_user(out, &usage, sizeof(usage));
}

SYSCALL1(times, vaddr_t, out)
{
    const uint64_t tick_ns = NS_PER_SEC / USER_HZ;
    const struct process *process = process_current();
    struct tms tms = {.user = (int64_t)(process_time(process) / tick_ns),
                      .children_user = (int64_t)(process->children_ran_ns / tick_ns)};

    if (out && copy_to_user(out, &tms, sizeof(tms)))
        return -EFAULT;
    return (long)(time_monotonic_ns() / tick_ns);
}
