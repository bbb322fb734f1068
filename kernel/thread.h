/*
 * Threads: what runs. A thread has a kernel stack of its own, with the registers of its user mode at the upper end,
 * and belongs to one process, of which the memory, files and signal actions are.
 *
 * Lock: none; one CPU, and the kernel is not preempted.
 */
#pragma once

#include "kernel/cpu.h"
#include "kernel/signal.h"

struct process;

enum thread_state { THREAD_READY, THREAD_SLEEPING, THREAD_DEAD };

/* What a futex is known by: its address in private memory, or its place in an object. */
struct futex_key {
    const void *space; /* a struct mm or a struct object */
    uint64_t at;       /* bytes */
};

/* A trap that led to a signal, as its handler is told. */
struct fault {
    uint64_t vector, error;
    vaddr_t address; /* of the last page fault */
};

/* A call with a deadline that a signal interrupted: how restart_syscall goes on with it. */
struct restart {
    long (*again)(const struct restart *restart); /* NULL: there is none */
    uint64_t deadline;
    vaddr_t user;    /* what the call knows there */
    uint32_t number; /* and by that */
};

struct thread {
    struct process *process;
    struct thread *next; /* of the process's threads */
    int tid;
    bool work; /* to be looked at before user mode: a signal, or the end. See thread_return(). */

    /* sched.c */
    enum thread_state state;
    bool killable;          /* asleep, and only the end of the process may wake it early */
    struct thread *queue;   /* next in the run queue */
    struct thread **link;   /* of the list of those asleep, by sleeper */
    struct thread *sleeper; /* next asleep */
    const void *channel;    /* what it sleeps on */
    uint64_t deadline;      /* and until when, on the monotonic clock */
    uint64_t ran_ns;        /* processor time, up to the last switch away */
    uint64_t in_since;      /* on the processor since */
    uint64_t waits;         /* times that it gave the processor up because it slept */
    uint64_t preemptions;   /* or because others were to run */
    vaddr_t stack;          /* the upper end of its kernel stack */
    uint64_t sp;            /* of the kernel, while it does not run */
    uint64_t fs_base, gs_base;
    struct fpu fpu; /* while it does not run */

    sigset_t blocked;
    sigset_t blocked_before; /* with restore_blocked: what is blocked again after the handlers */
    bool restore_blocked;
    sigset_t awaited; /* by rt_sigtimedwait: they come although they are blocked */
    struct signal_queue pending;
    struct stack altstack; /* sigaltstack */
    struct fault fault;    /* the last one */
    struct restart restart;

    vaddr_t clear_child_tid; /* set to 0 and woken at its end; 0: none */
    vaddr_t robust_list;
    struct futex_key futex; /* it waits for */
    uint32_t futex_bits;
};

/* The one that this CPU runs; NULL before init. */
static inline struct thread *thread_current(void)
{
    return THIS_CPU(thread);
}

/* The registers of its user mode: at the upper end of its kernel stack. */
static inline struct trap_frame *thread_frame(const struct thread *thread)
{
    return (struct trap_frame *)thread->stack - 1;
}

/*
 * A thread of @process with number @tid, not yet ready to run, that starts in user mode with the registers that the
 * caller puts into its frame. NULL when memory is out.
 */
[[nodiscard]] struct thread *thread_create(struct process *process, int tid);

/* Take it out of its process and free it. It does not run, and never will. */
void thread_free(struct thread *thread);

/* Is it to end, by its process's end or because another thread of it becomes another program? */
bool thread_is_to_end(const struct thread *thread);

/* The thread with this number, or NULL. */
struct thread *thread_find(int tid);

/*
 * The end of the running thread: what others wait for is told; with the last thread its process ends.
 */
_Noreturn void thread_exit(void);

/*
 * On the way back to user mode, when thread->work is set: signals are delivered, and a thread whose process ends goes
 * no further.
 */
void thread_return(struct trap_frame *frame);
