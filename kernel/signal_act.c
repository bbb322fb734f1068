/* What a thread does about its signals on the way to user mode. See signal.h. */
#include "kernel/abi/errno.h"
#include "kernel/job.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/string.h"

/*
 * A system call that a signal interrupted is made again, or answers -EINTR when a handler runs, by @action, and does
 * not say otherwise. SYSCALL is two bytes long.
 */
static void restart_call(struct trap_frame *frame, const struct sigaction *action)
{
    long result = (long)frame->rax;

    if (frame->vector != VECTOR_SYSCALL || frame->error == NO_SYSCALL)
        return;
    if (result != -ERESTARTSYS && result != -ERESTARTNOHAND && result != -ERESTART_RESTARTBLOCK)
        return;
    if (action && (result != -ERESTARTSYS || !(action->flags & SA_RESTART))) {
        frame->rax = (uint64_t)-EINTR;
        return;
    }
    frame->rax = result == -ERESTART_RESTARTBLOCK ? SYS_restart_syscall : frame->error;
    frame->rip -= 2;
    trap_changed(frame);
}

static void die(struct process *process, int sig, const char *why)
{
    log_info("%s[%d]: killed by signal %d: %s", process->name, process->pid, sig, why);
    process_end(process, STATUS_SIGNAL(sig));
}

static bool caught(const struct process *process, int sig)
{
    return process->signals.action[sig - 1].handler > SIG_IGN;
}

/* False when it cannot be called: there is no place for its frame. */
static bool call_handler(struct thread *thread, struct trap_frame *frame,
                         const struct siginfo *info)
{
    struct sigaction *set = &thread->process->signals.action[info->signo - 1];
    struct sigaction action = *set;
    sigset_t before = thread->restore_blocked ? thread->blocked_before : thread->blocked;

    restart_call(frame, &action);
    thread->restart = (struct restart){0};
    if (sigframe_push(frame, &action, info, before))
        return false;
    if (action.flags & SA_RESETHAND)
        set->handler = SIG_DFL;
    if (!(action.flags & SA_NODEFER))
        action.mask |= signal_bit(info->signo);
    thread->restore_blocked = false;
    signal_set_blocked(thread->blocked | action.mask);
    return true;
}

bool signal_fault(struct trap_frame *frame, const struct siginfo *info)
{
    struct thread *self = thread_current();

    if (!caught(self->process, info->signo) || (self->blocked & signal_bit(info->signo)))
        return false;
    return call_handler(self, frame, info);
}

/* A handler that cannot be called, for want of a place for its frame, is as a fault of the program's. */
static void handle(struct thread *thread, struct trap_frame *frame, const struct siginfo *info)
{
    static const struct siginfo no_frame = {.signo = SIGSEGV, .code = SI_KERNEL};

    if (call_handler(thread, frame, info))
        return;
    if (info->signo == SIGSEGV || !signal_fault(frame, &no_frame))
        die(thread->process, SIGSEGV, "a handler that cannot be called");
}

/* Init is not stopped: nobody could make it go on. */
static void default_action(struct process *process, int sig)
{
    if (signal_harmless(sig))
        return;
    if (!(signal_bit(sig) & STOPPING))
        die(process, sig, process->signals.why);
    else if (process->pid != INIT_PID && (sig == SIGSTOP || !job_orphaned(process->pgid)))
        job_stop(process, sig);
}

static void act_on(struct thread *thread, struct trap_frame *frame, const struct siginfo *info)
{
    uint64_t handler = thread->process->signals.action[info->signo - 1].handler;

    if (handler == SIG_DFL)
        default_action(thread->process, info->signo);
    else if (handler != SIG_IGN)
        handle(thread, frame, info);
}

void signal_act(struct thread *thread, struct trap_frame *frame)
{
    struct siginfo info;

    for (;;) {
        job_wait_while_stopped();
        if (thread_is_to_end(thread) || !signal_take(thread, ~thread->blocked, &info))
            break;
        act_on(thread, frame, &info);
    }
    restart_call(frame, NULL);
    if (thread->restore_blocked) {
        thread->restore_blocked = false;
        signal_set_blocked(thread->blocked_before);
    }
}

void signal_clear_handlers(struct process *process)
{
    struct signals *s = &process->signals;
    uint64_t ignored = 0;

    for (int sig = 1; sig <= SIGNALS; sig++)
        if (s->action[sig - 1].handler == SIG_IGN)
            ignored |= (uint64_t)1 << (sig - 1);
    memset(s->action, 0, sizeof(s->action));
    for (; ignored; ignored &= ignored - 1)
        s->action[__builtin_ctzll(ignored)].handler = SIG_IGN;
}
