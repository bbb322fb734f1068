/*
 * Signals: what their arrival does to a process. A signal that is caught stays pending, since
 * nothing calls handlers yet.
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
    if ((s->blocked & bit(sig)) || s->action[sig - 1].handler != SIG_DFL) {
        s->pending |= bit(sig);
        return;
    }
    log_info("%s[%d]: killed by signal %d: %s", process->name, process->pid, sig, why);
    process_exit(128 + sig);
}

void signal_unblocked(struct process *process)
{
    sigset_t ready = process->signals.pending & ~process->signals.blocked;

    process->signals.pending &= ~ready;
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (ready & bit(sig))
            signal_send(process, sig, "no longer blocked");
}

void signal_exec(struct process *process)
{
    struct signals *s = &process->signals;

    for (unsigned i = 0; i < SIGNALS; i++) {
        uint64_t handler = s->action[i].handler == SIG_IGN ? SIG_IGN : SIG_DFL;

        s->action[i] = (struct sigaction){.handler = handler};
    }
    s->stack = (struct stack){.flags = SS_DISABLE};
}
