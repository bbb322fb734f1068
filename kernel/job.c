#include "kernel/job.h"

#include "kernel/process.h"
#include "kernel/sched.h"

/* @process was stopped or goes on, as @status says. */
static void tell_parent(struct process *process, int status)
{
    struct process *parent = process->parent;
    struct siginfo info = siginfo_child(process->pid, status);

    if (!parent)
        return;
    if (!(parent->signals.action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
        signal_send_info(parent, NULL, &info, "a child was stopped or goes on");
    sched_wake(&parent->child);
}

void job_stop(struct process *process, int sig)
{
    process->stopped = true;
    process->stop_status = STATUS_STOP(sig);
    process->continued = false;
    for (struct thread *t = process->threads; t; t = t->next) {
        t->work = true;
        sched_interrupt(t);
    }
    tell_parent(process, process->stop_status);
}

void job_continue(struct process *process)
{
    if (!process->stopped)
        return;
    process->stopped = false;
    process->stop_status = 0;
    process->continued = true;
    sched_wake(&process->stopped);
    tell_parent(process, STATUS_CONTINUED);
}

void job_wait_while_stopped(void)
{
    struct thread *self = thread_current();

    while (self->process->stopped && !thread_is_to_end(self))
        if (sched_sleep_killable(&self->process->stopped))
            break;
}

bool job_orphaned(int pgid)
{
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == pgid && !p->ended && p->parent && p->parent->pgid != pgid &&
            p->parent->sid == p->sid)
            return false;
    return true;
}

void job_signal_group(int pgid, int sig, const char *why)
{
    struct process *next;

    for (struct process *p = process_all; p; p = next) {
        next = p->next;
        if (p->pgid == pgid)
            signal_send(p, sig, why);
    }
}

static bool any_stopped(int pgid)
{
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == pgid && p->stopped)
            return true;
    return false;
}

void job_leave_orphans(const struct process *process, const struct process *parent)
{
    int pgid = process->pgid;

    if (parent->pgid == pgid || parent->sid != process->sid)
        return;
    if (!job_orphaned(pgid) || !any_stopped(pgid))
        return;
    job_signal_group(pgid, SIGHUP, "stopped, with nobody left to make it go on");
    job_signal_group(pgid, SIGCONT, "stopped, with nobody left to make it go on");
}
