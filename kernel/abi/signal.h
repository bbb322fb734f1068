/* Signals: numbers, and the structs that the calls take. */
#pragma once

#include <stdint.h>

enum {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGXCPU,
    SIGXFSZ,
    SIGVTALRM,
    SIGPROF,
    SIGWINCH,
    SIGIO,
    SIGPWR,
    SIGSYS
};
#define SIGRTMIN 32 /* the first real-time signal: each one that is sent counts */
#define SIGNALS 64  /* the highest number; there is no signal 0 */

#define SIG_DFL 0
#define SIG_IGN 1

/* Flags of an action: NOCLDSTOP NOCLDWAIT SIGINFO EXPOSE_TAGBITS RESTORER ONSTACK RESTART NODEFER RESETHAND */
#define SA_FLAGS 0xdc000807u

#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO 4u
#define SA_RESTORER 0x04000000u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* Bit n - 1 stands for signal n. */
typedef uint64_t sigset_t;

struct sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    sigset_t mask;
};

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM 0x80000000u

struct stack {
    uint64_t sp;
    uint32_t flags;
    uint32_t pad;
    uint64_t size;
};

_Static_assert(sizeof(struct sigaction) == 32, "the ABI's size");
_Static_assert(sizeof(struct stack) == 24, "the ABI's size");

#define ROBUST_LIST_SIZE 24
