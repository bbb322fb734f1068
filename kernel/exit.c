/* How a process ends. See process.h. */
#include "kernel/console.h"
#include "kernel/job.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/time.h"

void process_end(struct process *process, int status)
{
    if (process->ending)
        return;
    process->ending = true;
    process->status = status;
    for (struct thread *t = process->threads; t; t = t->next) {
        t->work = true;
        sched_interrupt(t);
    }
}

/* Nobody will ask how @process ended. */
static bool unwanted(const struct process *process)
{
    const struct process *parent = process->parent;
    const struct sigaction *action = &parent->signals.action[SIGCHLD - 1];

    if (parent->pid == INIT_PID && parent->ending)
        return true;
    return process->exit_signal == SIGCHLD &&
           (action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT));
}

/* @process has ended and has a parent: tell it, or nobody. */
static void tell_parent(struct process *process)
{
    struct process *parent = process->parent;
    struct siginfo info = siginfo_child(process->pid, process->status);

    info.signo = process->exit_signal;
    info.utime = (int64_t)(process_time(process) / (NS_PER_SEC / USER_HZ));
    if (info.signo && parent->signals.action[info.signo - 1].handler != SIG_IGN)
        signal_send_info(parent, NULL, &info, "a child has ended");
    if (unwanted(process))
        process_free(process);
    sched_wake(&parent->child);
    file_changed(); /* pidfds of it */
}

/* Whose children the orphans become that @process leaves: the nearest subreaper's, or init's. */
static struct process *find_reaper(const struct process *process)
{
    struct process *reaper = process->parent;

    while (reaper->pid != INIT_PID && (!reaper->subreaper || reaper->ending))
        reaper = reaper->parent;
    return reaper;
}

static void give_children_away(struct process *process)
{
    struct process *reaper = find_reaper(process), *child;

    while ((child = process->child)) {
        process->child = child->sibling;
        child->parent = reaper;
        child->sibling = reaper->child;
        reaper->child = child;
        child->exit_signal = SIGCHLD;
        if (child->death_signal && !child->ended)
            signal_send(child, child->death_signal, "its parent has ended");
        job_leave_orphans(child, process);
        if (child->ended)
            tell_parent(child);
    }
}

/* Init ends last: all others before it. */
static void end_all_others(struct process *init)
{
    struct process *next;

    for (struct process *p = process_all; p; p = next) {
        next = p->next;
        if (p->ended && p->parent == init)
            process_free(p);
        else if (p != init)
            process_end(p, STATUS_SIGNAL(SIGKILL));
    }
    while (init->child)
        sched_sleep_always(&init->child);
}

void process_last_thread(struct process *process)
{
    if (process->pid == INIT_PID)
        end_all_others(process);
}

void process_ended(struct process *process)
{
    cpu_load_mm(NULL);
    process_release(process);
    process_vfork_done(process);
    process->ended = true;
    if (process->pid == INIT_PID) {
        init_ended(process->status);
        process_free(process);
        return;
    }
    if (process->sid == process->pid)
        console_left(process->sid);
    give_children_away(process);
    job_leave_orphans(process, process->parent);
    tell_parent(process);
}

/* How large a process is when one has to go, in pages; 0: it is not to be that one. */
static uint64_t weight(const struct process *process)
{
    int64_t pages;

    if (!process->mm || process->ending || process->oom_score_adj <= OOM_SCORE_ADJ_MIN)
        return 0;
    pages = (int64_t)process->mm->rss_pages +
            process->oom_score_adj * (int64_t)port_frames_total() / OOM_SCORE_ADJ_MAX;
    return pages > 1 ? (uint64_t)pages : 1;
}

bool process_kill_largest(void)
{
    struct process *largest = NULL;

    for (struct process *p = process_all; p; p = p->next)
        if (weight(p) > (largest ? weight(largest) : 0))
            largest = p;
    if (!largest)
        return false;
    log_err("out of memory: %s[%d] has most, %llu KiB, and is killed", largest->name, largest->pid,
            (unsigned long long)largest->mm->rss_pages * (PAGE_SIZE / 1024));
    process_end(largest, STATUS_SIGNAL(SIGKILL));
    if (largest != process_current() && largest->mm->users == 1)
        mm_forget_all(largest->mm);
    return true;
}
