#include "kernel/sched.h"

#include "kernel/abi/errno.h"
#include "kernel/interrupts.h"
#include "kernel/itimer.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/time.h"

struct sched_stats sched_stats;

static struct thread *first_ready, *last_ready; /* by queue; the running one is not in it */
static struct thread *sleepers;                 /* by sleeper */
static struct thread *dead;                     /* has ended, on the stack that it still used */
static bool idle;                               /* no thread runs, also not thread_current() */
static uint64_t boot_sp;
static uint64_t slice_end;

/* ---- The queue ---- */

static void enqueue(struct thread *thread)
{
    thread->state = THREAD_READY;
    thread->queue = NULL;
    if (first_ready)
        last_ready->queue = thread;
    else
        first_ready = thread;
    last_ready = thread;
    timer_set(slice_end);
}

static struct thread *dequeue(void)
{
    struct thread *thread = first_ready;

    if (thread)
        first_ready = thread->queue;
    return thread;
}

bool sched_idle(void)
{
    return idle;
}

unsigned sched_ready_count(void)
{
    unsigned count = 1;

    for (const struct thread *t = first_ready; t; t = t->queue)
        count++;
    return count;
}

/* ---- Those asleep ---- */

static void add_sleeper(struct thread *thread)
{
    thread->state = THREAD_SLEEPING;
    thread->sleeper = sleepers;
    thread->link = &sleepers;
    if (sleepers)
        sleepers->link = &thread->sleeper;
    sleepers = thread;
    if (thread->deadline != SCHED_FOREVER)
        timer_set(thread->deadline);
}

static void wake(struct thread *thread)
{
    *thread->link = thread->sleeper;
    if (thread->sleeper)
        thread->sleeper->link = thread->link;
    thread->channel = NULL;
    enqueue(thread);
}

void sched_wake(const void *channel)
{
    struct thread *next;

    for (struct thread *t = sleepers; t; t = next) {
        next = t->sleeper;
        if (t->channel == channel)
            wake(t);
    }
}

/* Wake those whose time has come; the timer is set for the next. */
static void wake_due(void)
{
    uint64_t now = time_monotonic_ns(), earliest = SCHED_FOREVER;
    struct thread *next;

    for (struct thread *t = sleepers; t; t = next) {
        next = t->sleeper;
        if (t->deadline <= now)
            wake(t);
        else if (t->deadline < earliest)
            earliest = t->deadline;
    }
    if (earliest != SCHED_FOREVER)
        timer_set(earliest);
}

/* ---- Switching ---- */

/* What the one that ran before could not do itself. */
static void switched(void)
{
    if (dead)
        thread_free(dead);
    dead = NULL;
}

/* @next has the processor from now on, for a slice unless it sleeps before. */
static void begin_slice(struct thread *next)
{
    next->in_since = time_monotonic_ns();
    slice_end = next->in_since + SLICE_NS;
    this_cpu()->reschedule = false;
    if (first_ready)
        timer_set(slice_end);
    itimer_process_runs(next->process);
}

static void load(struct thread *next)
{
    struct cpu *cpu = this_cpu();

    cpu->thread = next;
    cpu->process = next->process;
    cpu_set_kernel_stack(next->stack);
    if (next->process->mm && next->process->mm != cpu->mm)
        cpu_load_mm(next->process->mm);
    cpu_set_fs_base(next->fs_base);
    cpu_set_gs_base(next->gs_base);
    cpu_fpu_load(&next->fpu);
    begin_slice(next);
}

uint64_t sched_time(const struct thread *thread)
{
    uint64_t ns = thread->ran_ns;

    if (thread != thread_current() || idle)
        return ns;
    return ns + time_monotonic_ns() - thread->in_since;
}

/* Where no thread is ready, the one that gave up the processor waits on its stack. */
static struct thread *wait_for_ready(void)
{
    struct thread *next;

    idle = true;
    while (!(next = dequeue())) {
        uint64_t since = time_monotonic_ns();

        interrupts_wait();
        sched_stats.idle_ns += time_monotonic_ns() - since;
    }
    idle = false;
    return next;
}

/* Give the processor to the next; comes back when it is this thread's turn again. */
static void reschedule(void)
{
    struct thread *prev = thread_current(), *next;

    prev->ran_ns = sched_time(prev);
    prev->in_since = time_monotonic_ns();
    next = wait_for_ready();
    if (next == prev) {
        begin_slice(prev);
        return;
    }
    sched_stats.switches++;
    if (prev->state == THREAD_SLEEPING)
        prev->waits++;
    else
        prev->preemptions++;
    if (prev->state != THREAD_DEAD)
        cpu_fpu_save(&prev->fpu);
    load(next);
    thread_switch(&prev->sp, next->sp);
    switched();
}

/* entry.asm: the first thing that a new thread does; then it goes to user mode by @frame. */
void sched_begin(struct trap_frame *frame);
void sched_begin(struct trap_frame *frame)
{
    switched();
    thread_return(frame);
}

void sched_start(struct thread *thread)
{
    sched_stats.started++;
    enqueue(thread);
}

void sched_yield(void)
{
    if (!first_ready) {
        this_cpu()->reschedule = false;
        return;
    }
    enqueue(thread_current());
    reschedule();
}

void sched_tick(void)
{
    itimer_tick();
    wake_due();
    if (first_ready && time_monotonic_ns() >= slice_end)
        this_cpu()->reschedule = true;
    else if (first_ready)
        timer_set(slice_end);
}

/* ---- Sleeping ---- */

static void sleep(const void *channel, uint64_t deadline, bool killable)
{
    struct thread *self = thread_current();

    self->channel = channel;
    self->deadline = deadline;
    self->killable = killable;
    add_sleeper(self);
    reschedule();
    self->killable = false;
}

long sched_sleep(const void *channel, uint64_t deadline_ns)
{
    struct thread *self = thread_current();

    if (self->work && signal_wanted(self))
        return -EINTR;
    if (time_monotonic_ns() >= deadline_ns)
        return -ETIMEDOUT;
    sleep(channel, deadline_ns, false);
    return 0;
}

long sched_sleep_killable(const void *channel)
{
    struct thread *self = thread_current();

    if (!self->process->ending)
        sleep(channel, SCHED_FOREVER, true);
    return self->process->ending ? -EINTR : 0;
}

void sched_sleep_always(const void *channel)
{
    sleep(channel, SCHED_FOREVER, true);
}

void sched_interrupt(struct thread *thread)
{
    if (thread->state != THREAD_SLEEPING)
        return;
    if (!thread->killable || thread->process->ending)
        wake(thread);
}

/* ---- The first and the last ---- */

void sched_run(struct thread *first)
{
    sched_stats.started++;
    load(first);
    thread_switch(&boot_sp, first->sp);
    switched();
}

_Noreturn void sched_end(void)
{
    struct thread *self = thread_current();
    uint64_t none;

    self->state = THREAD_DEAD;
    dead = self;
    if (process_any())
        reschedule();
    this_cpu()->thread = NULL;
    this_cpu()->process = NULL;
    thread_switch(&none, boot_sp);
    panic("a thread that has ended runs again");
}
