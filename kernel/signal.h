/*
 * Signals. One that is sent waits in a queue of its thread or process (signal.c). A thread acts on it on its way to
 * user mode, when nothing of the kernel's is held any more (signal_act.c); for a handler, what it interrupts goes to
 * the user's stack, and comes back from there (signal_frame.c).
 *
 * Lock: none; one CPU, and the kernel is not preempted.
 */
#pragma once

#include "kernel/abi/siginfo.h"
#include "kernel/cpu.h"

struct process;
struct queued_signal;
struct thread;

/* What is pending. */
struct signal_queue {
    sigset_t set;
    struct queued_signal
        *first; /* what they tell, the oldest first; nothing where memory was out */
};

/* What the program asked for signals, and what was sent to the process as a whole. */
struct signals {
    struct sigaction action[SIGNALS]; /* of signal n at n - 1 */
    struct signal_queue pending;
    const char *why; /* the last one was sent, for the log */
};

static inline sigset_t signal_bit(int sig)
{
    return (sigset_t)1 << (sig - 1);
}

/* What can be neither caught nor blocked. */
#define UNBLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

/* Those that stop a process when nothing else is said. */
#define STOPPING                                                                                   \
    (signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU))

/* ---- Sending ---- */

/*
 * Send @sig, 1 to SIGNALS, in the kernel's name: unless it is ignored it is pending from now on; SIGKILL is the end.
 * @why is for the log, a string that stays.
 */
void signal_send(struct process *process, int sig, const char *why);

/* The same to one thread, in the name of the running process. */
void signal_send_thread(struct thread *thread, int sig, const char *why);

/* Send what @info says, to @thread of @process, or to all of it with NULL. 0, or -EAGAIN when it cannot be queued. */
long signal_send_info(struct process *process, struct thread *thread, const struct siginfo *info,
                      const char *why);

/* What a signal of the running process's tells of its sender; @code is SI_. */
struct siginfo signal_info(int sig, int code);

/* ---- Pending ones ---- */

/* Is there a signal that this thread must act on, or is it to stop or to end? What waits gives up then. */
bool signal_wanted(const struct thread *thread);

/* Take one of @set that is pending for @thread, the most urgent. False when there is none. */
bool signal_take(struct thread *thread, sigset_t set, struct siginfo *info);

/* Nothing of @set is pending in @queue any more. */
void signal_drop(struct signal_queue *queue, sigset_t set);

/* The same for @process and all of its threads. */
void signal_drop_all(struct process *process, sigset_t set);

/* From now on @mask is what the running thread blocks, as far as it can be. */
void signal_set_blocked(sigset_t mask);

/* A thread blocks or ends: another one of @process may act on what is pending for all. */
void signal_retarget(struct process *process);

/*
 * Until a call ends, another mask counts: the one at @set of @size bytes, as ppoll takes it; with @set 0 nothing
 * changes. 0, -EINVAL, -EFAULT. The call then ends by signal_mask_end(), which hands @result on: -ERESTARTNOHAND keeps
 * the mask until the handlers are called.
 */
[[nodiscard]] long signal_mask_begin(vaddr_t set, uint64_t size);
long signal_mask_end(long result);

/* ---- Actions ---- */

/* Without a handler: does it nothing? */
bool signal_harmless(int sig);

/* Signals that are caught are not any more: exec, and CLONE_CLEAR_SIGHAND. */
void signal_clear_handlers(struct process *process);

/* On the way to user mode: act on what is pending. */
void signal_act(struct thread *thread, struct trap_frame *frame);

/*
 * The running program did what @info tells: its handler is called. False when it has none, or blocks the signal: that
 * should be the end.
 */
bool signal_fault(struct trap_frame *frame, const struct siginfo *info);

/* ---- Frames of handlers: signal_frame.c ---- */

/*
 * Make @frame call the handler of @action; what it holds now comes back by rt_sigreturn, with @mask blocked.
 * 0, or -EFAULT with nothing changed but memory below the stack pointer.
 */
[[nodiscard]] long sigframe_push(struct trap_frame *frame, const struct sigaction *action,
                                 const struct siginfo *info, sigset_t mask);

/* Is @sp on the alternate stack of @thread, so that this must stay as it is? */
bool altstack_in_use(const struct thread *thread, vaddr_t sp);

/* Make @stack the running thread's alternate stack, its stack pointer being @sp. 0, -EPERM, -EINVAL, -ENOMEM. */
long altstack_set(const struct stack *stack, vaddr_t sp);
