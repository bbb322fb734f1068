/* Calls about the process itself: its identity, its limits, its end. */
#include "kernel/abi/errno.h"
#include "kernel/abi/system.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

/* ---- Identity: one user, root; every process leads its own group and session ---- */

SYSCALL0(getpid)
{
    return process_current()->pid;
}

SYSCALL0(gettid)
{
    return process_current()->pid;
}

SYSCALL0(getppid)
{
    return process_current()->ppid;
}

SYSCALL0(getpgrp)
{
    return process_current()->pid;
}

/* The group, or session, of @pid, which is 0 for the caller. */
static long group_of(int pid)
{
    struct process *process = pid ? process_find(pid) : process_current();

    return process ? process->pid : -ESRCH;
}

SYSCALL1(getpgid, int, pid)
{
    return group_of(pid);
}

SYSCALL1(getsid, int, pid)
{
    return group_of(pid);
}

SYSCALL0(getuid)
{
    return 0;
}

SYSCALL0(geteuid)
{
    return 0;
}

SYSCALL0(getgid)
{
    return 0;
}

SYSCALL0(getegid)
{
    return 0;
}

/* To become root again is all that works: there are no other users. */
SYSCALL1(setuid, uint32_t, uid)
{
    return uid == 0 ? 0 : -EINVAL;
}

SYSCALL1(setgid, uint32_t, gid)
{
    return gid == 0 ? 0 : -EINVAL;
}

/* ---- Threads' fittings ---- */

SYSCALL1(set_tid_address, vaddr_t, address)
{
    process_current()->clear_child_tid = address;
    return process_current()->pid;
}

SYSCALL2(set_robust_list, vaddr_t, head, uint64_t, size)
{
    if (size != ROBUST_LIST_SIZE)
        return -EINVAL;
    process_current()->robust_list = head;
    return 0;
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
        cpu_set_fs_base(address);
        return 0;
    case ARCH_SET_GS:
        cpu_set_gs_base(address);
        return 0;
    case ARCH_GET_FS:
        return put_base(cpu_fs_base(), address);
    case ARCH_GET_GS:
        return put_base(cpu_gs_base(), address);
    default:
        return -EINVAL;
    }
}

SYSCALL0(sched_yield)
{
    return 0;
}

/* ---- The end ---- */

SYSCALL1(exit, int, status)
{
    process_exit(status & 0xff);
}

SYSCALL1(exit_group, int, status)
{
    process_exit(status & 0xff);
}

/* ---- Limits and usage ---- */

static long set_limit(uint32_t resource, const struct rlimit *limit)
{
    struct process *process = process_current();

    if (limit->cur > limit->max)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && limit->max > NOFILE_MAX)
        return -EPERM;
    process->limits[resource] = *limit;
    port_lock_write(&process->mm->lock);
    process_apply_limits(process, process->mm);
    port_unlock_write(&process->mm->lock);
    return 0;
}

SYSCALL4(prlimit64, int, pid, uint32_t, resource, vaddr_t, in, vaddr_t, out)
{
    struct process *process = pid ? process_find(pid) : process_current();
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
        err = set_limit(resource, &limit);
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
    return resource < RLIMITS ? set_limit(resource, &limit) : -EINVAL;
}

/* The time that the process has had: all since its start, as long as it is the only one. */
static uint64_t used_ns(void)
{
    return time_monotonic_ns() - process_current()->started_ns;
}

SYSCALL2(getrusage, int, who, vaddr_t, out)
{
    const struct process *process = process_current();
    struct rusage usage = {0};

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    if (who != RUSAGE_CHILDREN) {
        usage.utime.sec = (int64_t)(used_ns() / NS_PER_SEC);
        usage.utime.usec = (int64_t)(used_ns() % NS_PER_SEC / 1000);
        usage.maxrss = (int64_t)(process->mm->rss_pages * (PAGE_SIZE / 1024));
        usage.minflt = (int64_t)process->faults;
    }
    return copy_to_user(out, &usage, sizeof(usage));
}

SYSCALL1(times, vaddr_t, out)
{
    const uint64_t tick_ns = NS_PER_SEC / USER_HZ;
    struct tms tms = {.user = (int64_t)(used_ns() / tick_ns)};

    if (out && copy_to_user(out, &tms, sizeof(tms)))
        return -EFAULT;
    return (long)(time_monotonic_ns() / tick_ns);
}
