/*
 * Who runs, and who waits for what.
 *
 * Threads that are ready stand in a queue; each in turn gets SLICE_NS of the processor. The kernel is not preempted:
 * a thread gives the processor up where it sleeps, where it ends, and on its way back to user mode.
 *
 * A thread sleeps on a channel: an address that means something to those who wait and those who wake, as in the Sixth
 * Edition's sleep and wakeup. Who wakes does not know for whom: the sleeper looks again.
 *
 * Lock: no port_lock may be held where a function here may sleep.
 */
#pragma once

#include "kernel/thread.h"

#define SLICE_NS (10 * 1000 * 1000)
#define SCHED_FOREVER UINT64_MAX

/*
 * Sleep until sched_wake(@channel), @deadline_ns on the monotonic clock, or a signal: 0, whichever it was. The caller
 * looks again at what it waits for and comes back; -EINTR or -ETIMEDOUT at once when there is a signal to act on or the
 * time has come. So what is there counts more than a signal that comes with it.
 */
[[nodiscard]] long sched_sleep(const void *channel, uint64_t deadline_ns);

/* The same, but only the end of the process gives -EINTR. */
[[nodiscard]] long sched_sleep_killable(const void *channel);

/* The same, whatever comes. */
void sched_sleep_always(const void *channel);

/* All that sleep on @channel are ready again. */
void sched_wake(const void *channel);

/* A thread that was created is ready to run. */
void sched_start(struct thread *thread);

/* @thread has thread->work now: if it sleeps and may be interrupted, it is ready again. */
void sched_interrupt(struct thread *thread);

/* Let the others run, and come back. */
void sched_yield(void);

/* Since boot, for /proc/stat. */
struct sched_stats {
    uint64_t idle_ns;  /* nobody was ready */
    uint64_t switches; /* from one thread to another */
    uint64_t started;  /* threads, the first included */
};
extern struct sched_stats sched_stats;

/* The processor time of @thread, ns. */
uint64_t sched_time(const struct thread *thread);

/* Does none run? What thread_current() says is then the one that ran last. */
bool sched_idle(void);

/* Threads that are ready or running. */
unsigned sched_ready_count(void);

/* Leave boot's stack for the first thread. Comes back when the last thread has ended. */
void sched_run(struct thread *first);

/* The running thread has ended; it is freed by whoever runs next. */
_Noreturn void sched_end(void);

/* The timer's interrupt: those whose time has come are ready; the running one may have had its share. */
void sched_tick(void);

/* Whether another should run in place of the one that goes back to user mode. */
static inline bool sched_due(void)
{
    return this_cpu()->reschedule;
}

/* entry.asm: keep the running context in *@save and go on with @load. */
void thread_switch(uint64_t *save, uint64_t load);
