#include "kernel/thread.h"

#include "kernel/futex.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"

/* entry.asm: where a new thread starts, with its frame at the stack pointer. */
void thread_begin(void);

/* What thread_switch() finds on the stack of one that is switched to. */
struct switch_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t rip;
};

struct thread *thread_create(struct process *process, int tid)
{
    struct thread *thread = kmalloc(sizeof(*thread));
    struct switch_frame *start;

    if (!thread)
        return NULL;
    thread->stack = paging_stack_create();
    if (!thread->stack) {
        kfree(thread, sizeof(*thread));
        return NULL;
    }
    start = (struct switch_frame *)thread_frame(thread) - 1;
    *start = (struct switch_frame){.rip = (uint64_t)thread_begin};
    thread->sp = (uint64_t)start;
    thread->tid = tid;
    thread->fpu = cpu_fpu_fresh;
    thread->altstack.flags = SS_DISABLE;
    thread->process = process;
    thread->next = process->threads;
    process->threads = thread;
    process->thread_count++;
    return thread;
}

static void leave_process(struct thread *thread)
{
    struct process *process = thread->process;
    struct thread **link = &process->threads;

    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    process->thread_count--;
    thread->process = NULL;
}

void thread_free(struct thread *thread)
{
    if (thread->process)
        leave_process(thread);
    signal_drop(&thread->pending, ~(sigset_t)0);
    paging_stack_free(thread->stack);
    kfree(thread, sizeof(*thread));
}

struct thread *thread_find(int tid)
{
    for (struct process *p = process_all; p; p = p->next)
        for (struct thread *t = p->threads; t; t = t->next)
            if (t->tid == tid)
                return t;
    return NULL;
}

_Noreturn void thread_exit(void)
{
    struct thread *self = thread_current();
    struct process *process = self->process;

    if (process->thread_count == 1)
        process_last_thread(process);
    futex_thread_ends(self);
    process->ran_ns += sched_time(self);
    leave_process(self);
    signal_retarget(process);
    if (process->thread_count == 0)
        process_ended(process);
    else
        sched_wake(&process->threads);
    sched_end();
}

bool thread_is_to_end(const struct thread *thread)
{
    const struct process *process = thread->process;

    return process->ending || (process->execer && process->execer != thread);
}

void thread_return(struct trap_frame *frame)
{
    struct thread *self = thread_current();

    while (self->work || sched_due()) {
        self->work = false;
        if (thread_is_to_end(self))
            thread_exit();
        signal_act(self, frame);
        if (sched_due())
            sched_yield();
    }
}
