/* What a handler of a signal finds on its stack, and rt_sigreturn takes back. */
#pragma once

#include "kernel/abi/siginfo.h"

/* uc_flags: the segments are saved, and all of them are to be restored as they stand. */
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u

struct sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
    uint64_t rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector; /* of the last fault */
    uint64_t old_mask;
    uint64_t cr2;
    uint64_t fpstate; /* address of an FXSAVE image, or 0 */
    uint64_t reserved[8];
};

struct ucontext {
    uint64_t flags;
    uint64_t link;
    struct stack stack;
    struct sigcontext context;
    sigset_t mask;
};

/* The stack pointer of the handler points here. */
struct sigframe {
    uint64_t restorer; /* where the handler returns to */
    struct ucontext ucontext;
    struct siginfo info;
};

_Static_assert(sizeof(struct sigcontext) == 256, "the ABI's size");
_Static_assert(sizeof(struct ucontext) == 304, "the ABI's size");
_Static_assert(sizeof(struct sigframe) == 440, "the ABI's size");

/* What lies below the stack pointer and is not to be touched. */
#define RED_ZONE 128

/* The FXSAVE image is aligned more than the processor asks. */
#define FPSTATE_ALIGN 64
