/*
 * Processes: what a program's threads share. A process begins as its parent's copy (fork.c), becomes another program by
 * exec, ends with its last thread (exit.c), and is there until its parent has asked how it ended.
 *
 * Lock: none; one CPU, and the kernel is not preempted.
 */
#pragma once

#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/abi/syscalls.h"
#include "kernel/cpu.h"
#include "kernel/file.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "mm/mm.h"

#define PROCESS_NAME_SIZE 16 /* with its NUL, as Linux's comm */
#define INIT_PID 1

/* A timer that sends a signal. Its clock is of itimer.c, in ns. */
struct itimer {
    uint64_t expires;  /* 0: it does not run */
    uint64_t interval; /* from one time to the next; 0: once */
};

/* The least keeps a process from being killed when memory is out. */
#define OOM_SCORE_ADJ_MIN (-1000)
#define OOM_SCORE_ADJ_MAX 1000

struct process {
    int pid;
    int pgid, sid;
    struct process *next;    /* of all, the latest first */
    struct process *parent;  /* of init: NULL */
    struct process *child;   /* the latest */
    struct process *sibling; /* the parent's child before this one */
    struct thread *threads;
    unsigned thread_count;

    char name[PROCESS_NAME_SIZE];
    struct mm *mm; /* NULL before exec, and once it has ended */
    struct files *files;
    struct inode *cwd; /* a directory */
    struct file *exe;  /* the program; NULL before exec */
    uint32_t umask;
    int nice;          /* kept and shown, without effect */
    int death_signal;  /* sent when the parent ends, or 0: prctl */
    bool subreaper;    /* orphans among its descendants become its children */
    bool no_new_privs; /* prctl, without effect */
    bool undumpable;
    int oom_score_adj; /* thousandths of all memory that it counts as more than it has, when that is out */
    struct rlimit limits[RLIMITS];
    struct signals signals;
    struct itimer timers[ITIMERS];

    bool ending;     /* its threads go no further than thread_return() */
    bool ended;      /* without threads and memory: a zombie, until the parent has asked */
    bool execed;     /* since it was forked */
    bool vforked;    /* the parent waits until it has memory of its own */
    bool stopped;    /* its threads wait in job_wait_while_stopped() */
    int stop_status; /* how it was stopped, as wait4 tells, until somebody has asked; or 0 */
    bool continued;  /* since it was stopped, until somebody has asked */
    int status;      /* how it ended, as wait4 tells */
    int exit_signal; /* the parent gets then, or 0 */
    struct thread
        *execer; /* the thread that exec leaves alive, while it waits for the others to end */

    uint64_t started_ns;                       /* on the monotonic clock */
    uint64_t ran_ns;                           /* processor time of threads that have ended */
    uint64_t faults;                           /* page faults so far */
    uint64_t children_ran_ns, children_faults; /* of those waited for */
    uint64_t unknown[SYSCALL_MAX / 64 + 1];    /* calls that are not there and were logged */
};

/* The one that this CPU runs; never NULL in a system call. */
static inline struct process *process_current(void)
{
    return THIS_CPU(process);
}

/* All processes, by next; those that have ended included. */
extern struct process *process_all;

/* The process with this number, or NULL. */
struct process *process_find(int pid);

/* Does any live? */
static inline bool process_any(void)
{
    return process_all;
}

/*
 * A process without memory, files and threads, with Linux's default limits, a child of @parent unless that is NULL; its
 * group and session are the parent's. NULL when memory is out.
 */
[[nodiscard]] struct process *process_create(int pid, struct process *parent);

/* A number that no thread, process, group or session has, below process_number_max; 0 when all are taken. */
int process_new_number(void);
extern int process_number_max;

/* Pass the limits that mm/ looks at on to @mm. Lock: @mm's, for write, unless nobody else knows it. */
void process_apply_limits(const struct process *process, struct mm *mm);

/* Its memory is its own from now on, or gone: who waits in vfork goes on. */
void process_vfork_done(struct process *process);

/* The processor time of all its threads, ns. */
uint64_t process_time(const struct process *process);

/* ---- The end: exit.c ---- */

/* How a process ends, as wait4 tells. */
#define STATUS_EXIT(code) (((code)&0xff) << 8)
#define STATUS_SIGNAL(sig) (sig)
#define STATUS_STOP(sig) ((sig) << 8 | 0x7f)
#define STATUS_CONTINUED 0xffff

/*
 * All threads of @process are to end, unless it is ending already; @status is STATUS_. Does not wait:
 * the running thread goes on to thread_return().
 */
void process_end(struct process *process, int status);

/* The last thread of @process is about to go, but still its own: init waits here for the end of all others. */
void process_last_thread(struct process *process);

/* The last thread of @process is gone. Frees what it has, gives its children away, and tells the parent. */
void process_ended(struct process *process);

/* Give back its memory, files and names. No CPU has its memory loaded. */
void process_release(struct process *process);

/* Free a process that has ended, or was never started; its number is free again. */
void process_free(struct process *process);

/*
 * Memory is out: the process that has most is to end. What was mapped for it alone is free at once, unless it is the
 * running one. False when none can. Lock: of no address space but one that is not any process's yet.
 */
bool process_kill_largest(void);

/* ---- The first: init.c ---- */

/*
 * The program in the initramfs that the option init= names, as process 1. Prints what is wrong and
 * powers off when there is none.
 */
_Noreturn void process_start_init(void);

/* Init has ended, and so has everything: @status is STATUS_. */
void init_ended(int status);

/* ---- Traps: process_trap.c ---- */

/*
 * An exception in user mode. True when the program goes on, perhaps with a signal; false when the vector is none that a
 * program can cause.
 */
bool process_trap(struct trap_frame *frame);

/*
 * A page fault of the kernel on user memory, inside the functions of uaccess.c. True when the page
 * is there now and the instruction can run again.
 */
bool process_user_fault(struct trap_frame *frame);
