/* Calls that send signals. Signal 0 only asks whether somebody is there. All run as root and may do it. */
#include "kernel/abi/errno.h"
#include "kernel/pidfd.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* To @thread, or to all of @process; @info->signo as the caller gave it. */
static long send(struct process *process, struct thread *thread, const struct siginfo *info,
                 const char *why)
{
    if (!process)
        return -ESRCH;
    if (info->signo < 0 || info->signo > SIGNALS)
        return -EINVAL;
    return info->signo ? signal_send_info(process, thread, info, why) : 0;
}

/* Is it one of those that kill's @pid, 0 or below, names? */
static bool named(const struct process *process, int pid)
{
    if (pid == -1)
        return process->pid != INIT_PID && process != process_current();
    return process->pgid == (pid ? -pid : process_current()->pgid);
}

/* 0 when it could be sent to one at least. */
static long send_group(int pid, const struct siginfo *info)
{
    struct process *next;
    long result = -ESRCH;

    for (struct process *p = process_all; p; p = next) {
        next = p->next;
        if (!named(p, pid))
            continue;
        if (send(p, NULL, info, "kill"))
            return -EINVAL;
        result = 0;
    }
    return result;
}

SYSCALL2(kill, int, pid, int, sig)
{
    struct siginfo info = signal_info(sig, SI_USER);

    if (pid > 0)
        return send(process_find(pid), NULL, &info, "kill");
    return pid == INT32_MIN ? -ESRCH : send_group(pid, &info);
}

/* To thread @tid, of process @tgid unless that is 0. One that has ended, and not its process, takes nothing. */
static long send_thread(int tgid, int tid, const struct siginfo *info, const char *why)
{
    struct thread *thread = thread_find(tid);
    struct process *process = thread ? thread->process : process_find(tid);

    if (process && tgid && process->pid != tgid)
        process = NULL;
    if (process && !thread && info->signo >= 0 && info->signo <= SIGNALS)
        return 0;
    return send(process, thread, info, why);
}

SYSCALL2(tkill, int, tid, int, sig)
{
    struct siginfo info = signal_info(sig, SI_TKILL);

    return tid <= 0 ? -EINVAL : send_thread(0, tid, &info, "tkill");
}

SYSCALL3(tgkill, int, tgid, int, tid, int, sig)
{
    struct siginfo info = signal_info(sig, SI_TKILL);

    return tid <= 0 || tgid <= 0 ? -EINVAL : send_thread(tgid, tid, &info, "tgkill");
}

/* ---- With what the caller says ---- */

/* Does @info, for process @pid, pass for the kernel's or for kill's? Only to itself may a process send that. */
static bool forged(const struct siginfo *info, int pid)
{
    return (info->code >= 0 || info->code == SI_TKILL) && pid != process_current()->pid;
}

SYSCALL3(rt_sigqueueinfo, int, pid, int, sig, vaddr_t, user)
{
    struct siginfo info;

    if (copy_from_user(&info, user, sizeof(info)))
        return -EFAULT;
    if (forged(&info, pid))
        return -EPERM;
    info.signo = sig;
    return send(process_find(pid), NULL, &info, "sigqueue");
}

SYSCALL4(rt_tgsigqueueinfo, int, tgid, int, tid, int, sig, vaddr_t, user)
{
    struct siginfo info;

    if (copy_from_user(&info, user, sizeof(info)))
        return -EFAULT;
    if (tid <= 0 || tgid <= 0)
        return -EINVAL;
    if (forged(&info, tgid))
        return -EPERM;
    info.signo = sig;
    return send_thread(tgid, tid, &info, "sigqueue");
}

/* ---- To what an open file stands for ---- */

#define PIDFD_SIGNAL_THREAD 1u
#define PIDFD_SIGNAL_THREAD_GROUP 2u
#define PIDFD_SIGNAL_PROCESS_GROUP 4u

/* What @user tells, which must be of @sig; or with 0 what kill does. */
static long fetch_info(vaddr_t user, int sig, int pid, struct siginfo *info)
{
    *info = signal_info(sig, SI_USER);
    if (!user)
        return 0;
    if (copy_from_user(info, user, sizeof(*info)))
        return -EFAULT;
    if (info->signo != sig)
        return -EINVAL;
    return forged(info, pid) ? -EPERM : 0;
}

SYSCALL4(pidfd_send_signal, int, fd, int, sig, vaddr_t, user, uint32_t, flags)
{
    const uint32_t known =
        PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP;
    struct process *process;
    struct siginfo info;
    bool nonblocking;
    long err;

    if ((flags & ~known) || (flags & (flags - 1)))
        return -EINVAL;
    err = pidfd_process(fd, &process, &nonblocking);
    if (!err)
        err = fetch_info(user, sig, process->pid, &info);
    if (err)
        return err;
    if (flags == PIDFD_SIGNAL_PROCESS_GROUP)
        return send_group(-process->pgid, &info);
    if (flags == PIDFD_SIGNAL_THREAD)
        return send_thread(process->pid, process->pid, &info, "pidfd_send_signal");
    return send(process, NULL, &info, "pidfd_send_signal");
}
