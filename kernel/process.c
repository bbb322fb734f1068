#include "kernel/process.h"

#include "kernel/panic.h"
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

static struct process *init; /* all that there is, until fork */

struct process *process_find(int pid)
{
    return init && init->pid == pid ? init : NULL;
}

struct process *process_create(int pid, int ppid)
{
    struct process *process = kmalloc(sizeof(*process));

    if (!process)
        return NULL;
    process->pid = pid;
    process->ppid = ppid;
    process->umask = 022;
    process->cwd = inode_get(inode_root);
    process->files = files_create();
    process->signals.stack.flags = SS_DISABLE;
    process->started_ns = time_monotonic_ns();
    for (unsigned i = 0; i < RLIMITS; i++)
        process->limits[i] = default_limits[i];
    if (!process->files) {
        process_release(process);
        return NULL;
    }
    init = process;
    return process;
}

void process_release(struct process *process)
{
    if (process->mm)
        mm_destroy(process->mm);
    if (process->files)
        files_put(process->files);
    inode_put(process->cwd);
    kfree(process->exe_path, PATH_MAX);
    kfree(process, sizeof(*process));
    init = NULL;
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

_Noreturn void process_exit(int status)
{
    struct process *process = process_current();

    kassert(process == init);
    cpu_load_mm(NULL);
    this_cpu()->process = NULL;
    process_release(process);
    init_ended(status);
}
