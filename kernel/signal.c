/*
 * Signals: one that is sent is pending until a thread is on its way to user mode, when nothing of the kernel's is held
 * any more. A signal that is caught stays pending, since nothing calls handlers yet.
 */
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/sched.h"

static sigset_t bit(int sig)
{
    return (sigset_t)1 << (sig - 1);
}

/* Without a handler: does nothing? To stop a process is not there, so it does nothing either. */
static bool harmless(int sig)
{
    switch (sig) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return true;
    default:
        return false;
    }
}

static bool ignored(const struct signals *s, int sig)
{
    uint64_t handler = s->action[sig - 1].handler;

    return handler == SIG_IGN || (handler == SIG_DFL && harmless(sig));
}

/* @thread has something to look at. */
static void notify(struct thread *thread)
{
    thread->work = true;
    sched_interrupt(thread);
}

void signal_send(struct process *process, int sig, const char *why)
{
    struct signals *s = &process->signals;

    if (ignored(s, sig))
        return;
    s->pending |= bit(sig);
    s->why = why;
    for (struct thread *t = process->threads; t; t = t->next)
        if (!(t->blocked & bit(sig))) {
            notify(t);
            return;
        }
}

void signal_send_thread(struct thread *thread, int sig, const char *why)
{
    if (ignored(&thread->process->signals, sig))
        return;
    thread->pending |= bit(sig);
    thread->process->signals.why = why;
    notify(thread);
}

/* The pending signal that will be the end of the process, or 0. */
static int fatal_signal(const struct thread *thread)
{
    const struct signals *s = &thread->process->signals;
    sigset_t ready = (thread->pending | s->pending) & ~thread->blocked;

    for (int sig = 1; ready && sig <= SIGNALS; sig++)
        if ((ready & bit(sig)) && s->action[sig - 1].handler == SIG_DFL && !harmless(sig))
            return sig;
    return 0;
}

bool signal_wanted(const struct thread *thread)
{
    const struct process *process = thread->process;

    return process->ending || (process->execer && process->execer != thread) ||
           fatal_signal(thread);
}

void signal_act(struct thread *thread, struct trap_frame *frame)
{
    struct process *process = thread->process;
    struct signals *s = &process->signals;
    int fatal = fatal_signal(thread);

    (void)frame;
    for (int sig = 1; s->pending && sig <= SIGNALS; sig++)
        if (ignored(s, sig))
            s->pending &= ~bit(sig);
    if (!fatal)
        return;
    log_info("%s[%d]: killed by signal %d: %s", process->name, process->pid, fatal, s->why);
    process_end(process, STATUS_SIGNAL(fatal));
}

void signal_clear_handlers(struct process *process)
{
    struct signals *s = &process->signals;

    for (int sig = 1; sig <= SIGNALS; sig++) {
        uint64_t handler = s->action[sig - 1].handler;

        if (handler != SIG_IGN)
            handler = SIG_DFL;
        s->action[sig - 1] = (struct sigaction){.handler = handler};
    }
}
