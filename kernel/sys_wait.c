/* wait4 and waitid. */
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/siginfo.h"
#include "kernel/pidfd.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

#define WAIT4_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WALL | __WCLONE)
#define WAITID_OPTIONS                                                                             \
    (WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WALL | __WCLONE)

/* Which children, and what of them. */
struct wait {
    int type; /* P_ALL, P_PID or P_PGID */
    int id;
    uint32_t options;

    /* The answer. */
    int pid; /* 0: none yet */
    int status;
    struct rusage usage;
};

static bool asked_for(const struct wait *w, const struct process *child)
{
    bool cloned = child->exit_signal != SIGCHLD;

    if (!(w->options & __WALL) && cloned != !!(w->options & __WCLONE))
        return false;
    if (w->type == P_PID)
        return child->pid == w->id;
    return w->type != P_PGID || child->pgid == w->id;
}

/* What @child has to tell, by @w's options: a status, or -1. */
static int news(const struct wait *w, const struct process *child)
{
    if (child->ended && (w->options & WEXITED))
        return child->status;
    if (child->stop_status && (w->options & WSTOPPED))
        return child->stop_status;
    if (child->continued && (w->options & WCONTINUED))
        return STATUS_CONTINUED;
    return -1;
}

static void take_usage(struct rusage *usage, const struct process *child)
{
    uint64_t ns = process_time(child) + child->children_ran_ns;

    usage->utime.sec = (int64_t)(ns / NS_PER_SEC);
    usage->utime.usec = (int64_t)(ns % NS_PER_SEC / 1000);
    usage->minflt = (int64_t)(child->faults + child->children_faults);
}

/* Take the news of @child into the answer; they are then old. */
static void take(struct wait *w, struct process *child, int status)
{
    struct process *self = process_current();

    w->pid = child->pid;
    w->status = status;
    take_usage(&w->usage, child);
    if (w->options & WNOWAIT)
        return;
    if (!child->ended) {
        child->stop_status = 0;
        child->continued = false;
        return;
    }
    self->children_ran_ns += process_time(child) + child->children_ran_ns;
    self->children_faults += child->faults + child->children_faults;
    process_free(child);
}

/* Look at all children once. 0, with or without an answer, or -ECHILD. */
static long look(struct wait *w)
{
    struct process *self = process_current();
    bool any = false;

    for (struct process *child = self->child; child; child = child->sibling) {
        int status = asked_for(w, child) ? news(w, child) : -1;

        any |= asked_for(w, child);
        if (status == -1)
            continue;
        take(w, child, status);
        return 0;
    }
    return any ? 0 : -ECHILD;
}

/* 0, with w->pid 0 when nobody has news and that was not to be waited for; or -ECHILD, -ERESTARTSYS. */
static long wait(struct wait *w)
{
    for (;;) {
        long err = look(w);

        if (err || w->pid || (w->options & WNOHANG))
            return err;
        if (sched_sleep(&process_current()->child, SCHED_FOREVER))
            return -ERESTARTSYS;
    }
}

SYSCALL4(wait4, int, pid, vaddr_t, status, uint32_t, options, vaddr_t, usage)
{
    struct wait w = {.type = P_ALL, .options = options | WEXITED};
    long err;

    if (options & ~WAIT4_OPTIONS)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid > 0 || pid < -1) {
        w.type = pid > 0 ? P_PID : P_PGID;
        w.id = pid > 0 ? pid : -pid;
    } else if (pid == 0) {
        w.type = P_PGID;
        w.id = process_current()->pgid;
    }
    err = wait(&w);
    if (err || !w.pid)
        return err;
    if (status && copy_to_user(status, &w.status, sizeof(w.status)))
        return -EFAULT;
    if (usage && copy_to_user(usage, &w.usage, sizeof(w.usage)))
        return -EFAULT;
    return w.pid;
}

/* The same as a siginfo, all zeros when there is no news. */
static struct siginfo info_of(const struct wait *w)
{
    struct siginfo info = {0};

    if (!w->pid)
        return info;
    info = siginfo_child(w->pid, w->status);
    return info;
}

/* The process that descriptor w->id stands for. */
static long find_pidfd(struct wait *w, bool *nonblocking)
{
    struct process *process;
    long err = pidfd_process(w->id, &process, nonblocking);

    if (err)
        return err == -ESRCH ? -ECHILD : err;
    w->type = P_PID;
    w->id = process->pid;
    if (*nonblocking)
        w->options |= WNOHANG;
    return 0;
}

/* Which children @w asks for, in terms of wait4. */
static long check_id(struct wait *w, bool *nonblocking)
{
    switch (w->type) {
    case P_ALL:
        return 0;
    case P_PID:
        return w->id > 0 ? 0 : -EINVAL;
    case P_PGID:
        if (w->id == 0)
            w->id = process_current()->pgid;
        return w->id > 0 ? 0 : -EINVAL;
    case P_PIDFD:
        return w->id >= 0 ? find_pidfd(w, nonblocking) : -EINVAL;
    default:
        return -EINVAL;
    }
}

SYSCALL5(waitid, int, type, int, id, vaddr_t, out, uint32_t, options, vaddr_t, usage)
{
    struct wait w = {.type = type, .id = id, .options = options};
    bool nonblocking = false;
    struct siginfo info;
    long err;

    if ((options & ~WAITID_OPTIONS) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    err = check_id(&w, &nonblocking);
    if (!err)
        err = wait(&w);
    if (err)
        return err;
    if (nonblocking && !w.pid && !(options & WNOHANG))
        return -EAGAIN;
    info = info_of(&w);
    if (w.pid && usage && copy_to_user(usage, &w.usage, sizeof(w.usage)))
        return -EFAULT;
    return out ? copy_to_user(out, &info, sizeof(info)) : 0;
}
