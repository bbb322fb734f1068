/*
 * exec's stack: strings are copied to a temporary stack at the top of the address space, which is
 * then shifted down to its random place, by the move engine. A second caller of pt_move, and the
 * one whose ranges overlap:
 *
 *         floor            new       old        new end     old end       ceiling
 *     //////|...............|=========|#############|===========|............|//////
 *                           |<----- shift           |<----- shift
 *
 * Nothing but the stack lives between floor and ceiling, so both serve for old and new. This is
 * where the warning of March 2023 came from: see realign=off.
 */
#include "kernel/abi/errno.h"
#include "mm/mmap.h"
#include "mm/pt_move.h"
#include "mm/trace.h"

/* Room that the stack has from the start, below its strings. */
#define STACK_ROOM (32 * PAGE_SIZE)

long stack_create(struct mm *mm)
{
    struct vma_reserve reserve = {NULL};
    struct vma *vma;

    mm_assert(port_locked_write(&mm->lock));
    if (vma_overlapping(mm, (struct range){TASK_SIZE - PAGE_SIZE, USER_END}))
        return mm_refuse(-EEXIST, REFUSE_EXISTS);
    if (vma_reserve_fill(mm, &reserve, 1))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);

    /* ---- point of no return ---- */
    vma = vma_reserve_take(&reserve);
    vma->start = TASK_SIZE - PAGE_SIZE;
    vma->end = TASK_SIZE;
    vma->flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE | VMA_GROWSDOWN | VMA_ACCOUNT;
    vma->pgoff = vma->start >> PAGE_SHIFT;
    vma_insert(mm, vma);
    mm->layout.stack_top = TASK_SIZE;
    return 0;
}

/*
 * Where the shifted stack starts once it has room to grow, as far as that is free and within the
 * limit.
 */
static vaddr_t start_with_room(const struct mm *mm, struct range stack, vaddr_t floor)
{
    uint64_t room = min_u64(STACK_ROOM, stack.start - floor);
    uint64_t size = range_size(stack);
    uint64_t most = max_u64(size, mm->limits.stack - page_offset(mm->limits.stack));

    return stack.start - min_u64(room, most - size);
}

long stack_shift(struct mm *mm, uint64_t shift)
{
    struct vma *vma = vma_at(mm, mm->layout.stack_top - PAGE_SIZE);
    struct vma_reserve retired = {NULL};
    struct range none = {0, 0};
    struct range old, new;
    struct pt_move move;
    struct gather g;
    vaddr_t floor, ceiling;

    mm_assert(port_locked_write(&mm->lock));
    if (!vma)
        return mm_refuse(-EINVAL, REFUSE_UNMAPPED);
    if (page_offset(shift))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    old = vma_range(vma);
    floor = vma_floor(mm, vma, old.start, none, none);
    ceiling = vma_ceiling(vma, old.end, none, none);
    if (shift > old.start || old.start - shift < max_u64(floor, mm_config.mmap_min_addr))
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    new = (struct range){old.start - shift, old.end - shift};
    pt_move_init(&move, mm, old.start, new.start, range_size(old));
    move.old_floor = move.new_floor = floor;
    move.old_ceiling = move.new_ceiling = ceiling;
    if (shift && trace_wanted(TRACE_STATE))
        mm_trace_state(mm);
    if (shift && pt_move_plan(&move))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);

    /* ---- point of no return ---- */
    if (shift) {
        tlb_begin(&g, mm, &mm->pt);
        pt_move_commit(&move, &g);
        tlb_finish(&g);
        vma_relocate(mm, vma, new.start, new.end);
    }
    vma_resize(mm, vma, start_with_room(mm, new, max_u64(floor, mm_config.mmap_min_addr)), new.end);
    vma_merge(mm, vma_range(vma), &retired);
    vma_reserve_drain(mm, &retired);
    mm->layout.stack_top = new.end;
    return 0;
}
