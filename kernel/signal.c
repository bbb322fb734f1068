/* Signals that are sent, and pending until somebody acts on them. See signal.h. */
#include "kernel/signal.h"

#include "kernel/abi/errno.h"
#include "kernel/job.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"

/* What a fault of the program's own leads to; these come first. */
#define SYNCHRONOUS                                                                                \
    (signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) |         \
     signal_bit(SIGFPE) | signal_bit(SIGSYS))

struct queued_signal {
    struct queued_signal *next;
    struct siginfo info;
};

static uint64_t queued_count; /* of all, for RLIMIT_SIGPENDING: there is one user */

/* ---- Queues ---- */

/*
 * Of a real-time signal each one is kept, of the others the first. 0, or -EAGAIN when there is no room and what @info
 * tells would be missed.
 */
static long enqueue(struct signal_queue *queue, const struct siginfo *info, uint64_t limit)
{
    bool realtime = info->signo >= SIGRTMIN;
    struct queued_signal *entry = NULL, **link = &queue->first;

    if (!realtime && (queue->set & signal_bit(info->signo)))
        return 0;
    if (queued_count < limit || !realtime)
        entry = kmalloc(sizeof(*entry));
    if (!entry && realtime && info->code != SI_USER)
        return -EAGAIN;
    queue->set |= signal_bit(info->signo);
    if (!entry)
        return 0;
    queued_count++;
    entry->info = *info;
    while (*link)
        link = &(*link)->next;
    *link = entry;
    return 0;
}

static void free_entry(struct queued_signal **link)
{
    struct queued_signal *entry = *link;

    *link = entry->next;
    kfree(entry, sizeof(*entry));
    queued_count--;
}

void signal_drop(struct signal_queue *queue, sigset_t set)
{
    struct queued_signal **link = &queue->first;

    queue->set &= ~set;
    while (*link)
        if (set & signal_bit((*link)->info.signo))
            free_entry(link);
        else
            link = &(*link)->next;
}

void signal_drop_all(struct process *process, sigset_t set)
{
    signal_drop(&process->signals.pending, set);
    for (struct thread *t = process->threads; t; t = t->next)
        signal_drop(&t->pending, set);
}

static struct queued_signal **find_entry(struct queued_signal **link, int sig)
{
    while (*link && (*link)->info.signo != sig)
        link = &(*link)->next;
    return link;
}

static bool take(struct signal_queue *queue, sigset_t set, struct siginfo *info)
{
    struct queued_signal **link;
    int sig;

    set &= queue->set;
    if (!set)
        return false;
    sig = __builtin_ctzll(set & SYNCHRONOUS ? set & SYNCHRONOUS : set) + 1;
    *info = (struct siginfo){.signo = sig, .code = SI_USER};
    link = find_entry(&queue->first, sig);
    if (*link) {
        *info = (*link)->info;
        free_entry(link);
    }
    if (!*find_entry(link, sig))
        queue->set &= ~signal_bit(sig);
    return true;
}

bool signal_take(struct thread *thread, sigset_t set, struct siginfo *info)
{
    return take(&thread->pending, set, info) || take(&thread->process->signals.pending, set, info);
}

/* ---- Who acts ---- */

static sigset_t wants(const struct thread *thread)
{
    return ~thread->blocked | thread->awaited;
}

/* @thread has something to look at. */
static void notify(struct thread *thread)
{
    thread->work = true;
    sched_interrupt(thread);
}

/* One that wants @sig, the first thread of the process if it does. */
static void notify_one(struct process *process, int sig)
{
    struct thread *chosen = NULL;

    for (struct thread *t = process->threads; t; t = t->next)
        if ((wants(t) & signal_bit(sig)) && (!chosen || t->tid == process->pid))
            chosen = t;
    if (chosen)
        notify(chosen);
}

void signal_retarget(struct process *process)
{
    for (struct thread *t = process->threads; t; t = t->next)
        if (wants(t) & process->signals.pending.set)
            notify(t);
}

bool signal_wanted(const struct thread *thread)
{
    const struct process *process = thread->process;

    return thread_is_to_end(thread) || process->stopped ||
           ((thread->pending.set | process->signals.pending.set) & wants(thread));
}

/* ---- Sending ---- */

bool signal_harmless(int sig)
{
    return sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH;
}

/* Nobody will act on @sig, nor wait for it: it need not be kept. What is blocked may be caught later. */
static bool ignored(const struct process *process, const struct thread *thread, int sig)
{
    uint64_t handler = process->signals.action[sig - 1].handler;

    for (const struct thread *t = process->threads; t; t = t->next)
        if ((!thread || t == thread) && (t->blocked & signal_bit(sig)))
            return false;
    return handler == SIG_IGN || (handler == SIG_DFL && signal_harmless(sig));
}

/* To stop and to go on cancel each other, whatever their actions are. */
static void cancel_opposites(struct process *process, int sig)
{
    if (signal_bit(sig) & STOPPING)
        signal_drop_all(process, signal_bit(SIGCONT));
    if (sig != SIGCONT)
        return;
    signal_drop_all(process, STOPPING);
    job_continue(process);
}

long signal_send_info(struct process *process, struct thread *thread, const struct siginfo *info,
                      const char *why)
{
    struct signals *s = &process->signals;
    int sig = info->signo;
    long err;

    if (process->ending || process->ended)
        return 0;
    if (sig == SIGKILL) {
        log_info("%s[%d]: killed by signal %d: %s", process->name, process->pid, sig, why);
        process_end(process, STATUS_SIGNAL(SIGKILL));
        return 0;
    }
    cancel_opposites(process, sig);
    if (ignored(process, thread, sig))
        return 0;
    err = enqueue(thread ? &thread->pending : &s->pending, info,
                  process->limits[RLIMIT_SIGPENDING].cur);
    if (err)
        return err;
    s->why = why;
    if (!thread)
        notify_one(process, sig);
    else if (wants(thread) & signal_bit(sig))
        notify(thread);
    return 0;
}

void signal_send(struct process *process, int sig, const char *why)
{
    signal_send_info(process, NULL, &(struct siginfo){.signo = sig, .code = SI_KERNEL}, why);
}

struct siginfo signal_info(int sig, int code)
{
    return (struct siginfo){.signo = sig, .code = code, .pid = process_current()->pid};
}

void signal_send_thread(struct thread *thread, int sig, const char *why)
{
    struct siginfo info = signal_info(sig, SI_USER);

    signal_send_info(thread->process, thread, &info, why);
}

/* ---- Masks ---- */

void signal_set_blocked(sigset_t mask)
{
    struct thread *self = thread_current();
    sigset_t pending = self->process->signals.pending.set;
    sigset_t more = mask & ~self->blocked;

    self->blocked = mask & ~UNBLOCKABLE;
    if ((self->pending.set | pending) & ~self->blocked)
        self->work = true;
    if (pending & more)
        signal_retarget(self->process);
}

long signal_mask_begin(vaddr_t set, uint64_t size)
{
    struct thread *self = thread_current();
    sigset_t mask;

    if (!set)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (copy_from_user(&mask, set, sizeof(mask)))
        return -EFAULT;
    self->blocked_before = self->blocked;
    self->restore_blocked = true;
    signal_set_blocked(mask);
    return 0;
}

long signal_mask_end(long result)
{
    struct thread *self = thread_current();

    if (self->restore_blocked && result != -ERESTARTNOHAND) {
        self->restore_blocked = false;
        signal_set_blocked(self->blocked_before);
    }
    return result;
}
