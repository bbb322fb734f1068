#include "kernel/process.h"

#include "kernel/abi/errno.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/time.h"

/* Linux's for its first process, on a machine of a few GiB; those not named have no limit. */
static const struct rlimit default_limits[RLIMITS] = {
    [RLIMIT_CPU] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_FSIZE] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_DATA] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
    [RLIMIT_CORE] = {0, RLIM_INFINITY},
    [RLIMIT_RSS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_NPROC] = {16384, 16384},
    [RLIMIT_NOFILE] = {1024, 4096},
    [RLIMIT_MEMLOCK] = {8 << 20, 8 << 20},
    [RLIMIT_AS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_LOCKS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_SIGPENDING] = {16384, 16384},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {RLIM_INFINITY, RLIM_INFINITY},
};

struct process *process_all;
int process_number_max = 32768;

struct process *process_find(int pid)
{
    struct process *process = process_all;

    while (process && process->pid != pid)
        process = process->next;
    return process;
}

static bool number_in_use(int number)
{
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pid == number || p->pgid == number || p->sid == number)
            return true;
    return thread_find(number);
}

int process_new_number(void)
{
    static int last = INIT_PID;

    for (int tries = INIT_PID + 1; tries < process_number_max; tries++) {
        last = last + 1 < process_number_max ? last + 1 : INIT_PID + 1;
        if (!number_in_use(last))
            return last;
    }
    return 0;
}

static void enlist(struct process *process, struct process *parent)
{
    process->next = process_all;
    process_all = process;
    process->parent = parent;
    if (!parent)
        return;
    process->sibling = parent->child;
    parent->child = process;
}

struct process *process_create(int pid, struct process *parent)
{
    struct process *process = kmalloc(sizeof(*process));

    if (!process)
        return NULL;
    process->pid = pid;
    process->pgid = parent ? parent->pgid : pid;
    process->sid = parent ? parent->sid : pid;
    process->umask = 022;
    process->exit_signal = SIGCHLD;
    process->started_ns = time_monotonic_ns();
    for (unsigned i = 0; i < RLIMITS; i++)
        process->limits[i] = parent ? parent->limits[i] : default_limits[i];
    enlist(process, parent);
    return process;
}

static void delist(struct process *process)
{
    struct process **link = &process_all;

    while (*link != process)
        link = &(*link)->next;
    *link = process->next;
    if (!process->parent)
        return;
    link = &process->parent->child;
    while (*link != process)
        link = &(*link)->sibling;
    *link = process->sibling;
}

void process_free(struct process *process)
{
    kassert(!process->threads && !process->child);
    process_release(process);
    signal_drop(&process->signals.pending, ~(sigset_t)0);
    delist(process);
    kfree(process, sizeof(*process));
}

void process_release(struct process *process)
{
    if (process->mm)
        mm_put(process->mm);
    if (process->files)
        files_put(process->files);
    inode_put(process->cwd);
    if (process->exe)
        file_put(process->exe);
    process->mm = NULL;
    process->files = NULL;
    process->cwd = NULL;
    process->exe = NULL;
}

void process_apply_limits(const struct process *process, struct mm *mm)
{
    mm->limits = (struct mm_limits){
        .as = process->limits[RLIMIT_AS].cur,
        .data = process->limits[RLIMIT_DATA].cur,
        .stack = process->limits[RLIMIT_STACK].cur,
        .memlock = process->limits[RLIMIT_MEMLOCK].cur,
    };
}

void process_vfork_done(struct process *process)
{
    process->vforked = false;
    sched_wake(&process->vforked);
}

uint64_t process_time(const struct process *process)
{
    uint64_t ns = process->ran_ns;

    for (const struct thread *t = process->threads; t; t = t->next)
        ns += sched_time(t);
    return ns;
}
