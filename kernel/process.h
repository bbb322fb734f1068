/*
 * Processes: what a program owns besides its memory, and its way from the first instruction to the
 * last. There is one so far, init; what fork shares or copies is already apart from what it is.
 *
 * Lock: none yet; a process changes only itself.
 */
#pragma once

#include "kernel/abi/resource.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/syscalls.h"
#include "kernel/cpu.h"
#include "kernel/file.h"
#include "mm/mm.h"

#define PROCESS_NAME_SIZE 16 /* with its NUL, as Linux's comm */

/* What the program asked for signals; delivery to handlers is not there yet. */
struct signals {
    struct sigaction action[SIGNALS]; /* of signal n at n - 1 */
    sigset_t blocked;
    sigset_t pending;
    const char *why;    /* the last one was sent, for the log */
    struct stack stack; /* sigaltstack */
};

struct process {
    int pid;
    int ppid;
    char name[PROCESS_NAME_SIZE];
    struct mm *mm;
    struct files *files;
    struct inode *cwd; /* a directory */
    char *exe_path;    /* of the program, absolute; PATH_MAX bytes; NULL before exec */
    uint32_t umask;
    struct rlimit limits[RLIMITS];
    struct signals signals;
    vaddr_t clear_child_tid; /* set_tid_address */
    vaddr_t robust_list;
    uint64_t started_ns;                    /* on the monotonic clock */
    uint64_t faults;                        /* page faults so far */
    uint64_t unknown[SYSCALL_MAX / 64 + 1]; /* calls that are not there and were logged */
};

/* The one that this CPU runs; never NULL in a system call. */
static inline struct process *process_current(void)
{
    return this_cpu()->process;
}

/* The process with this number, or NULL. */
struct process *process_find(int pid);

/* A process without memory and files, with Linux's default limits; NULL when memory is out. */
[[nodiscard]] struct process *process_create(int pid, int ppid);

/* Pass the limits that mm/ looks at on to @mm. Lock: @mm's, for write, unless nobody else knows it. */
void process_apply_limits(const struct process *process, struct mm *mm);

/* The end of the running process: @status is what exit() was given, or 128 + the signal. */
_Noreturn void process_exit(int status);

/* Free a process and all that it owns; its memory must not be loaded any more. */
void process_release(struct process *process);

/*
 * The program in the initramfs that the option init= names, as process 1. Prints what is wrong and
 * powers off when there is none.
 */
_Noreturn void process_start_init(void);

/* Process 1 has ended and was released: compare the free frames with those before it; power off. */
_Noreturn void init_ended(int status);

/* ---- Traps: process_trap.c ---- */

/*
 * An exception in user mode. True when the program goes on; a signal that kills it does not return.
 * False when the vector is none that a program can cause.
 */
bool process_trap(struct trap_frame *frame);

/*
 * A page fault of the kernel on user memory, inside the functions of uaccess.c. True when the page
 * is there now and the instruction can run again.
 */
bool process_user_fault(struct trap_frame *frame);

/* ---- Signals ---- */

/*
 * Send @sig, 1 to SIGNALS: unless it is ignored it is pending from now on. @why is for the log, a
 * string that stays.
 */
void signal_send(struct process *process, int sig, const char *why);

/* The pending signal that will be the end of @process, or 0. What waits gives up then: -EINTR. */
int signal_fatal(const struct process *process);

/* At the end of a system call: a fatal signal does not return. */
void signal_act(struct process *process);

/* exec: caught signals become default ones again, none of them pending; no alternate stack. */
void signal_exec(struct process *process);
