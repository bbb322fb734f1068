/* Calls about the caller's own signals: actions, masks, stacks, waiting. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

SYSCALL4(rt_sigaction, int, sig, vaddr_t, in, vaddr_t, out, uint64_t, set_size)
{
    struct process *self = process_current();
    struct sigaction action, before;

    if (set_size != sizeof(sigset_t))
        return -EINVAL;
    if (in && copy_from_user(&action, in, sizeof(action)))
        return -EFAULT;
    if (sig < 1 || sig > SIGNALS || (in && (signal_bit(sig) & UNBLOCKABLE)))
        return -EINVAL;
    before = self->signals.action[sig - 1];
    if (in) {
        action.mask &= ~UNBLOCKABLE;
        action.flags &= SA_FLAGS;
        self->signals.action[sig - 1] = action;
        if (action.handler == SIG_IGN || (action.handler == SIG_DFL && signal_harmless(sig)))
            signal_drop_all(self, signal_bit(sig));
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
        if (!change_mask(how, set, &mask))
            return -EINVAL;
        signal_set_blocked(mask);
    }
    return out ? copy_to_user(out, &before, sizeof(before)) : 0;
}

/* A program may know a shorter set than we do. */
SYSCALL2(rt_sigpending, vaddr_t, out, uint64_t, set_size)
{
    const struct thread *self = thread_current();
    sigset_t set = (self->pending.set | self->process->signals.pending.set) & self->blocked;

    if (set_size > sizeof(set))
        return -EINVAL;
    return copy_to_user(out, &set, set_size);
}

SYSCALL2(sigaltstack, vaddr_t, in, vaddr_t, out)
{
    struct thread *self = thread_current();
    vaddr_t sp = thread_frame(self)->rsp;
    struct stack before = self->altstack, stack;
    long err;

    before.flags &= SS_AUTODISARM;
    if (!before.size)
        before.flags |= SS_DISABLE;
    else if (altstack_in_use(self, sp))
        before.flags |= SS_ONSTACK;
    if (in) {
        if (copy_from_user(&stack, in, sizeof(stack)))
            return -EFAULT;
        err = altstack_set(&stack, sp);
        if (err)
            return err;
    }
    return out ? copy_to_user(out, &before, sizeof(before)) : 0;
}

/* ---- Waiting ---- */

/* Until a handler is to be called. */
static long wait_for_any(void)
{
    while (!sched_sleep(thread_current(), SCHED_FOREVER))
        continue;
    return -ERESTARTNOHAND;
}

SYSCALL0(pause)
{
    return wait_for_any();
}

SYSCALL2(rt_sigsuspend, vaddr_t, set, uint64_t, set_size)
{
    long err;

    if (set_size != sizeof(sigset_t))
        return -EINVAL;
    err = set ? signal_mask_begin(set, set_size) : -EFAULT;
    return err ? err : signal_mask_end(wait_for_any());
}

/* Wait until @deadline for one of @set. Its number, -EAGAIN, -EINTR. */
static long wait_for(sigset_t set, uint64_t deadline, struct siginfo *info)
{
    struct thread *self = thread_current();
    long err = 0;

    while (!signal_take(self, set, info)) {
        if (err)
            return err == -ETIMEDOUT ? -EAGAIN : err;
        self->awaited = set;
        err = sched_sleep(self, deadline);
        self->awaited = 0;
    }
    return info->signo;
}

SYSCALL4(rt_sigtimedwait, vaddr_t, in, vaddr_t, out, vaddr_t, time, uint64_t, set_size)
{
    uint64_t deadline = SCHED_FOREVER, ns;
    struct siginfo info;
    sigset_t set;
    long sig;

    if (set_size != sizeof(set))
        return -EINVAL;
    if (copy_from_user(&set, in, sizeof(set)))
        return -EFAULT;
    if (time) {
        sig = time_fetch(time, &ns);
        if (sig)
            return sig;
        if (__builtin_add_overflow(time_monotonic_ns(), ns, &deadline))
            deadline = SCHED_FOREVER;
    }
    sig = wait_for(set & ~UNBLOCKABLE, deadline, &info);
    if (sig > 0 && out && copy_to_user(out, &info, sizeof(info)))
        return -EFAULT;
    return sig;
}
