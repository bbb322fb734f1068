/*
 * Traps: the way in from entry.asm, and the table of instructions in the kernel that may fault on user memory.
 *
 * A page fault of the kernel on a user address whose instruction is in the table first goes to
 * process_user_fault(), which pages memory in as for the program itself; when that cannot help, execution goes on
 * at the fix-up. Any other fault in the kernel is a panic.
 */
#pragma once

#include "kernel/cpu.h"

/* One entry of the section __ex_table. */
struct trap_fixup {
    uint64_t fault; /* address of the instruction */
    uint64_t fixup; /* where to go on */
};

/* For inline assembly: the instruction at label @from may fault and then goes on at label @to. */
#define TRAP_FIXUP(from, to)                                                                       \
    ".pushsection __ex_table, \"a\"\n.balign 8\n.quad " #from ", " #to "\n.popsection\n"

/* Called by entry.asm for every exception and interrupt. */
void trap_dispatch(struct trap_frame *frame);

/* `page fault`, `general protection`...; never NULL. */
const char *trap_name(uint64_t vector);
