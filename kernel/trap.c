/* What to do with a trap: the program's own, one that the kernel foresaw, or the end. See trap.h. */
#include "kernel/trap.h"

#include "kernel/interrupts.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/process.h"

static const char *const names[VECTOR_EXCEPTIONS] = {
    "division error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack-segment fault",
    "general protection",
    "page fault",
    "reserved exception 15",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
    "reserved exception 22",
    "reserved exception 23",
    "reserved exception 24",
    "reserved exception 25",
    "reserved exception 26",
    "reserved exception 27",
    "hypervisor injection exception",
    "VMM communication exception",
    "security exception",
    "reserved exception 31",
};

const char *trap_name(uint64_t vector)
{
    if (vector == VECTOR_SYSCALL || vector == VECTOR_CHANGED)
        return "system call";
    return vector < VECTOR_EXCEPTIONS ? names[vector] : "interrupt";
}

/* linker.ld: the bounds of __ex_table. */
extern const struct trap_fixup fixup_start[], fixup_end[];

static const struct trap_fixup *find_fixup(uint64_t rip)
{
    for (const struct trap_fixup *f = fixup_start; f < fixup_end; f++)
        if (f->fault == rip)
            return f;
    return NULL;
}

/*
 * A page fault of an instruction that was expected to touch user memory: page the memory in, or go on at the fix-up.
 * The addresses were checked before, so no other trap is expected, and no other address.
 */
static bool fixed_up(struct trap_frame *frame)
{
    const struct trap_fixup *fixup = find_fixup(frame->rip);

    if (!fixup || frame->vector != VECTOR_PAGE_FAULT || cpu_fault_address() >= USER_END)
        return false;
    if (process_user_fault(frame))
        return true;
    frame->rip = fixup->fixup;
    return true;
}

static _Noreturn void page_fault_panic(const struct trap_frame *frame)
{
    vaddr_t va = cpu_fault_address();
    const char *what = "read from";
    const char *why = "nothing mapped there";

    if (frame->error & FAULT_WRITE)
        what = "write to";
    if (frame->error & FAULT_FETCH)
        what = "execution of";
    if (frame->error & FAULT_PRESENT)
        why = "not allowed there";
    if (paging_is_guard(va))
        panic_trap(frame, "kernel stack overflow");
    panic_trap(frame, "page fault in the kernel: %s 0x%lx, %s", what, va, why);
}

/* A push onto a guard page cannot be reported on the same stack, so it arrives as a double fault. */
static _Noreturn NOINLINE void kernel_trap_panic(const struct trap_frame *frame)
{
    if (frame->vector == VECTOR_PAGE_FAULT)
        page_fault_panic(frame);
    if (frame->vector == VECTOR_DOUBLE_FAULT && paging_is_guard(cpu_fault_address()))
        panic_trap(frame, "kernel stack overflow");
    panic_trap(frame, "%s in the kernel", trap_name(frame->vector));
}

static void dispatch(struct trap_frame *frame)
{
    if (frame->vector >= VECTOR_EXCEPTIONS) {
        interrupt(frame->vector);
        return;
    }
    if (frame->vector == VECTOR_MACHINE_CHECK || frame->vector == VECTOR_NMI)
        panic_trap(frame, "%s", trap_name(frame->vector));
    if (trap_from_user(frame) && process_trap(frame))
        return;
    if (!trap_from_user(frame) && fixed_up(frame))
        return;
    kernel_trap_panic(frame);
}

void trap_dispatch(struct trap_frame *frame)
{
    dispatch(frame);
    if (trap_from_user(frame))
        thread_return(frame);
}
