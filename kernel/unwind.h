/* Who called whom: backtraces without frame pointers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A place in the code, with the stack pointer there. */
struct call_site {
    uint64_t rip, rsp;
    bool called; /* a return address: the call lies before it */
};

/* This place. */
static inline __attribute__((always_inline)) struct call_site unwind_here(void)
{
    struct call_site at = {.called = false};

    __asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1" : "=r"(at.rip), "=r"(at.rsp));
    return at;
}

/*
 * Go to the caller, or to the code of the kernel that a trap has interrupted. False where none is known, as at the
 * end. Never reads but from kernel stacks, however broken what it finds there.
 */
bool unwind(struct call_site *at);
