/*
 * Signals: one that is sent is pending until the end of the system call, when nothing of the kernel's
 * is held any more. A signal that is caught stays pending, since nothing calls handlers yet.
 */
#include "kernel/log.h"
#include "kernel/process.h"

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

void signal_send(struct process *process, int sig, const char *why)
{
    struct signals *s = &process->signals;

    if (ignored(s, sig))
        return;
    s->pending |= bit(sig);
    s->why = why;
}

int signal_fatal(const struct process *process)
{
    const struct signals *s = &process->signals;
    sigset_t ready = s->pending & ~s->blocked;

    for (int sig = 1; ready && sig <= SIGNALS; sig++)
        if ((ready & bit(sig)) && s->action[sig - 1].handler == SIG_DFL && !harmless(sig))
            return sig;
    return 0;
}

void signal_act(struct process *process)
{
    struct signals *s = &process->signals;
    int fatal = signal_fatal(process);

    for (int sig = 1; s->pending && sig <= SIGNALS; sig++)
        if (ignored(s, sig))
            s->pending &= ~bit(sig);
    if (!fatal)
        return;
    log_info("%s[%d]: killed by signal %d: %s", process->name, process->pid, fatal, s->why);
    process_exit(128 + fatal);
}

void signal_exec(struct process *process)
{
    struct signals *s = &process->signals;

    for (int sig = 1; sig <= SIGNALS; sig++) {
        uint64_t handler = s->action[sig - 1].handler;

        if (handler != SIG_IGN && handler != SIG_DFL) {
            s->pending &= ~bit(sig);
            handler = SIG_DFL;
        }
        s->action[sig - 1] = (struct sigaction){.handler = handler};
    }
    s->stack = (struct stack){.flags = SS_DISABLE};
}
