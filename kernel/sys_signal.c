/* Signal calls. Actions, masks and stacks are kept; see signal.c for what a signal does. */
#include "kernel/abi/auxv.h"
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* What can be neither caught nor blocked. */
#define UNBLOCKABLE ((sigset_t)1 << (SIGKILL - 1) | (sigset_t)1 << (SIGSTOP - 1))

static struct signals *current_signals(void)
{
    return &process_current()->signals;
}

SYSCALL4(rt_sigaction, int, sig, vaddr_t, in, vaddr_t, out, uint64_t, set_size)
{
    struct sigaction action, before;

    if (set_size != sizeof(sigset_t))
        return -EINVAL;
    if (in && copy_from_user(&action, in, sizeof(action)))
        return -EFAULT;
    if (sig < 1 || sig > SIGNALS || (in && (sig == SIGKILL || sig == SIGSTOP)))
        return -EINVAL;
    before = current_signals()->action[sig - 1];
    if (in) {
        action.mask &= ~UNBLOCKABLE;
        action.flags &= SA_FLAGS;
        current_signals()->action[sig - 1] = action;
    }
    return out ? copy_to_user(out, &before, sizeof(before)) : 0;
}

/* The mask after @how with @set, or false for an unknown @how. */
static bool change_mask(int how, sigset_t set, sigset_t *mask)
{
    switch (how) {
    case SIG_BLOCK:
        *mask |= set;
        return true;
    case SIG_UNBLOCK:
        *mask &= ~set;
        return true;
    case SIG_SETMASK:
        *mask = set;
        return true;
    default:
        return false;
    }
}

SYSCALL4(rt_sigprocmask, int, how, vaddr_t, in, vaddr_t, out, uint64_t, set_size)
{
    sigset_t before = thread_current()->blocked, set, mask = before;

    if (set_size != sizeof(sigset_t))
        return -EINVAL;
    if (in) {
        if (copy_from_user(&set, in, sizeof(set)))
            return -EFAULT;
        if (!change_mask(how, set & ~UNBLOCKABLE, &mask))
            return -EINVAL;
        thread_current()->blocked = mask;
        thread_current()->work = true;
    }
    if (out && copy_to_user(out, &before, sizeof(before)))
        return -EFAULT;
    return 0;
}

SYSCALL2(sigaltstack, vaddr_t, in, vaddr_t, out)
{
    struct stack before = thread_current()->altstack, stack;

    if (in) {
        uint32_t mode;

        if (copy_from_user(&stack, in, sizeof(stack)))
            return -EFAULT;
        mode = stack.flags & ~SS_AUTODISARM;
        if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
            return -EINVAL;
        if (mode == SS_DISABLE)
            stack = (struct stack){.flags = stack.flags};
        else if (stack.size < MINSIGSTKSZ)
            return -ENOMEM;
        stack.flags &= ~SS_ONSTACK; /* that is for the kernel to say */
        thread_current()->altstack = stack;
    }
    return out ? copy_to_user(out, &before, sizeof(before)) : 0;
}

/* ---- Sending. Signal 0 only asks whether the process is there. ---- */

static long send(struct process *process, int sig, const char *why)
{
    if (!process)
        return -ESRCH;
    if (sig < 0 || sig > SIGNALS)
        return -EINVAL;
    if (sig)
        signal_send(process, sig, why);
    return 0;
}

/* 0 and -pid name groups, of one process each; -1 is everybody but the caller and init: nobody. */
SYSCALL2(kill, int, pid, int, sig)
{
    if (pid == -1 || pid == INT32_MIN)
        return -ESRCH;
    if (pid == 0)
        return send(process_current(), sig, "kill");
    return send(process_find(pid < 0 ? -pid : pid), sig, "kill");
}

SYSCALL2(tkill, int, tid, int, sig)
{
    if (tid <= 0)
        return -EINVAL;
    return send(process_find(tid), sig, "tkill");
}

SYSCALL3(tgkill, int, tgid, int, tid, int, sig)
{
    if (tid <= 0 || tgid <= 0)
        return -EINVAL;
    return send(tgid == tid ? process_find(tid) : NULL, sig, "tgkill");
}
