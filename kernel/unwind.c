/*
 * The table that tools/symbols.py makes of what the compiler says of its code (.debug_frame of the first link): at each
 * instruction, how far above the stack pointer the caller's frame begins, right behind the return address. So no
 * register and no instruction is spent for the sake of backtraces. Empty in the first link itself.
 */
#include "kernel/unwind.h"

#include "kernel/cpu.h"
#include "kernel/paging.h"

/* From @address on, until the next row's. */
struct row {
    uint32_t words : 10;   /* from rsp to the caller's frame; 0 where that is not known */
    uint32_t address : 22; /* from KERNEL_BASE */
};

extern const uint32_t unwind_count;
extern const struct row unwind_table[];

/* linker.ld */
extern const char text_start[], text_end[];

static unsigned frame_words(uint64_t address)
{
    uint32_t low = 0, high = unwind_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (unwind_table[middle].address <= address - KERNEL_BASE)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? unwind_table[low - 1].words : 0;
}

/* Where @at is no code of ours, only a jump can have led: then the caller is on top of the stack. */
static unsigned words_at(const struct call_site *at)
{
    if (at->rip >= (uint64_t)text_start && at->rip < (uint64_t)text_end)
        return frame_words(at->rip - at->called);
    return !at->called;
}

static bool can_read(uint64_t start, uint64_t bytes)
{
    return start % sizeof(uint64_t) == 0 && paging_is_stack(start) &&
           paging_is_stack(start + bytes - sizeof(uint64_t));
}

/* The code of entry.asm calls with a trap frame on top of the stack. */
static bool leave_trap(struct call_site *at)
{
    const struct trap_frame *frame = (const struct trap_frame *)at->rsp;

    if (!can_read(at->rsp, sizeof(*frame)) || frame->cs != KERNEL_CS)
        return false;
    *at = (struct call_site){.rip = frame->rip, .rsp = frame->rsp};
    return true;
}

bool unwind(struct call_site *at)
{
    uint64_t words = words_at(at);
    uint64_t place = at->rsp + (words - 1) * sizeof(uint64_t);

    if (!words)
        return leave_trap(at);
    if (!can_read(place, sizeof(uint64_t)))
        return false;
    *at = (struct call_site){
        .rip = *(const uint64_t *)place, .rsp = place + sizeof(uint64_t), .called = true};
    return true;
}
