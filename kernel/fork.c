/*
 * fork, vfork, clone, clone3: a new process that begins as its parent's copy, or a new thread.
 *
 * All that can fail comes first; then the new one is made known and started.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define CLONE_THREAD_NEEDS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

/* What has no meaning here and does no harm. */
#define CLONE_NO_EFFECT (CLONE_PTRACE | CLONE_SYSVSEM | CLONE_DETACHED | CLONE_UNTRACED | CLONE_IO)

#define CLONE_KNOWN                                                                                \
    (CLONE_THREAD_NEEDS | CLONE_NO_EFFECT | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD |            \
     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID |              \
     CLONE_CLEAR_SIGHAND)

/* One call on its way. */
struct clone {
    uint64_t flags;
    int exit_signal;
    vaddr_t stack; /* the new stack pointer; 0: the same */
    vaddr_t parent_tid, child_tid;
    uint64_t tls;
};

/*
 * As Linux, except that what only half shares is not there: files or signal actions, or the working directory, between
 * processes that are no threads of each other.
 */
static long check(const struct clone *c)
{
    uint64_t shared = c->flags & CLONE_THREAD_NEEDS;

    if (c->flags & ~CLONE_KNOWN)
        return -EINVAL;
    if ((c->flags & CLONE_THREAD) && shared != CLONE_THREAD_NEEDS)
        return -EINVAL;
    if (!(c->flags & CLONE_THREAD) && (shared & (CLONE_SIGHAND | CLONE_FS)))
        return -EINVAL;
    if ((c->flags & CLONE_SIGHAND) && (c->flags & CLONE_CLEAR_SIGHAND))
        return -EINVAL;
    if ((c->flags & CLONE_SETTLS) && c->tls >= TASK_SIZE)
        return -EPERM;
    if ((c->flags & CLONE_PARENT) && process_current()->pid == INIT_PID)
        return -EINVAL;
    return c->exit_signal > SIGNALS ? -EINVAL : 0;
}

/* The registers, bases and mask of the running thread, with the answer 0. */
static void copy_thread(const struct clone *c, struct thread *thread)
{
    const struct thread *self = thread_current();
    struct trap_frame *frame = thread_frame(thread);

    *frame = *thread_frame(self);
    frame->rax = 0;
    if (c->stack)
        frame->rsp = c->stack;
    cpu_fpu_save(&thread->fpu);
    thread->fs_base = c->flags & CLONE_SETTLS ? c->tls : self->fs_base;
    thread->gs_base = self->gs_base;
    thread->blocked = self->blocked;
    if (!(c->flags & CLONE_VM) || (c->flags & CLONE_VFORK))
        thread->altstack = self->altstack;
    if (c->flags & CLONE_CHILD_CLEARTID)
        thread->clear_child_tid = c->child_tid;
}

/* Where numbers were asked for, they are written; an address that is none is not an error. */
static void tell_numbers(const struct clone *c, struct thread *thread)
{
    struct mm *mm = thread->process->mm;

    if ((c->flags & CLONE_PARENT_SETTID) &&
        copy_to_user(c->parent_tid, &thread->tid, sizeof(thread->tid)))
        return;
    if (!(c->flags & CLONE_CHILD_SETTID))
        return;
    port_lock_write(&mm->lock);
    if (mm_copy_to(mm, c->child_tid, &thread->tid, sizeof(thread->tid)))
        (void)0;
    port_unlock_write(&mm->lock);
}

static long clone_thread(const struct clone *c, int tid)
{
    struct thread *thread = thread_create(process_current(), tid);

    if (!thread)
        return -ENOMEM;
    copy_thread(c, thread);
    tell_numbers(c, thread);
    sched_start(thread);
    return thread->tid;
}

/* ---- A new process ---- */

static struct mm *copy_mm(struct mm *mm, bool share)
{
    struct mm *copy;

    if (share)
        return mm_get(mm);
    port_lock_write(&mm->lock);
    copy = mm_fork(mm);
    port_unlock_write(&mm->lock);
    return copy;
}

/* What a process inherits and that can fail. 0 or -ENOMEM. */
static long copy_parts(const struct clone *c, struct process *child)
{
    const struct process *self = process_current();

    child->files = c->flags & CLONE_FILES ? files_get(self->files) : files_copy(self->files);
    child->mm = copy_mm(self->mm, c->flags & CLONE_VM);
    child->cwd = inode_get(self->cwd);
    return child->files && child->mm ? 0 : -ENOMEM;
}

/* And what cannot. */
static void copy_rest(const struct clone *c, struct process *child)
{
    const struct process *self = process_current();

    child->exe = file_get(self->exe);
    memcpy(child->name, self->name, sizeof(child->name));
    child->umask = self->umask;
    child->nice = self->nice;
    child->no_new_privs = self->no_new_privs;
    child->undumpable = self->undumpable;
    child->oom_score_adj = self->oom_score_adj;
    memcpy(child->signals.action, self->signals.action, sizeof(self->signals.action));
    if (c->flags & CLONE_CLEAR_SIGHAND)
        signal_clear_handlers(child);
    child->exit_signal = c->flags & CLONE_PARENT ? self->exit_signal : c->exit_signal;
    child->vforked = c->flags & CLONE_VFORK;
}

/* The process, with its thread not yet started; NULL when memory is out. */
static struct process *copy_process(const struct clone *c, int pid)
{
    struct process *self = process_current();
    struct process *parent = c->flags & CLONE_PARENT ? self->parent : self;
    struct process *child = process_create(pid, parent);

    if (!child)
        return NULL;
    if (copy_parts(c, child) || !thread_create(child, child->pid)) {
        process_free(child);
        return NULL;
    }
    copy_rest(c, child);
    return child;
}

/* The child was started with our memory: wait until it has its own, or has ended. */
static void wait_for_memory(const struct process *child, int pid)
{
    while (process_find(pid) == child && child->vforked)
        if (sched_sleep_killable(&child->vforked))
            return;
}

static long clone_process(const struct clone *c, int pid)
{
    struct process *child = copy_process(c, pid);

    if (!child)
        return -ENOMEM;
    copy_thread(c, child->threads);
    tell_numbers(c, child->threads);
    sched_start(child->threads);
    if (c->flags & CLONE_VFORK)
        wait_for_memory(child, pid);
    return pid;
}

/* RLIMIT_NPROC counts threads, and processes that have ended; all are the one user's. */
static bool too_many(void)
{
    uint64_t count = 0;

    for (const struct process *p = process_all; p; p = p->next)
        count += p->ended ? 1 : p->thread_count;
    return count >= process_current()->limits[RLIMIT_NPROC].cur;
}

static long clone(const struct clone *c)
{
    long err = check(c);
    int number;

    if (err)
        return err;
    number = too_many() ? 0 : process_new_number();
    if (!number)
        return -EAGAIN;
    return c->flags & CLONE_THREAD ? clone_thread(c, number) : clone_process(c, number);
}

/* ---- The calls ---- */

SYSCALL0(fork)
{
    return clone(&(struct clone){.exit_signal = SIGCHLD});
}

SYSCALL0(vfork)
{
    return clone(&(struct clone){.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

SYSCALL5(clone, uint64_t, flags, vaddr_t, stack, vaddr_t, parent_tid, vaddr_t, child_tid, uint64_t,
         tls)
{
    return clone(&(struct clone){
        .flags = (uint32_t)(flags & ~CLONE_SIGNAL_MASK),
        .exit_signal = (int)(flags & CLONE_SIGNAL_MASK),
        .stack = stack,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .tls = tls,
    });
}

/* Fetch what the caller knows of the arguments; what it knows and we do not must be 0. */
static long fetch_args(struct clone_args *args, vaddr_t user, uint64_t size)
{
    char byte;

    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < CLONE_ARGS_SIZE_MIN)
        return -EINVAL;
    if (copy_from_user(args, user, min_u64(size, sizeof(*args))))
        return -EFAULT;
    for (uint64_t at = sizeof(*args); at < size; at++) {
        if (copy_from_user(&byte, user + at, 1))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    return 0;
}

SYSCALL2(clone3, vaddr_t, user, uint64_t, size)
{
    struct clone_args args = {0};
    long err = fetch_args(&args, user, size);

    if (err)
        return err;
    if (args.set_tid || args.set_tid_size || args.cgroup || (args.flags & CLONE_DETACHED))
        return -EINVAL;
    if ((args.flags & CLONE_SIGNAL_MASK) || args.exit_signal > SIGNALS)
        return -EINVAL;
    if (!args.stack != !args.stack_size)
        return -EINVAL;
    if ((args.flags & CLONE_THREAD) && args.exit_signal)
        return -EINVAL;
    return clone(&(struct clone){
        .flags = args.flags,
        .exit_signal = (int)args.exit_signal,
        .stack = args.stack + args.stack_size,
        .parent_tid = args.parent_tid,
        .child_tid = args.child_tid,
        .tls = args.tls,
    });
}
