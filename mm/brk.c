/* brk: the area of a program's data that grows and shrinks at its end. */
#include "kernel/abi/errno.h"
#include "mm/mmap.h"

static void brk_commit(struct mm *mm, struct range grown, struct vma_reserve *reserve)
{
    struct vma *vma = vma_reserve_take(reserve);

    vma->start = grown.start;
    vma->end = grown.end;
    vma->flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE | VMA_ACCOUNT | mm->future_flags;
    vma->pgoff = grown.start >> PAGE_SHIFT;
    vma_insert(mm, vma);
    vma_merge(mm, grown, reserve);
}

/* Map @grown. 0, or why not. */
static long brk_grow(struct mm *mm, struct range grown)
{
    struct vma *next = vma_find(mm, grown.start);
    uint64_t pages = range_size(grown) >> PAGE_SHIFT;
    struct vma_reserve reserve = {NULL};

    if (next && (next->start < grown.start || vma_low(next) < grown.end + PAGE_SIZE))
        return mm_refuse(-ENOMEM, REFUSE_EXISTS);
    if (mm->vma_count > mm_config.max_map_count || !vma_may_expand(mm, VMA_WRITE, pages) ||
        !vma_may_lock(mm, mm->future_flags, pages) || !vma_may_commit(VMA_WRITE, pages))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (vma_reserve_fill(mm, &reserve, 1))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);

    /* ---- point of no return ---- */
    brk_commit(mm, grown, &reserve);
    vma_reserve_drain(mm, &reserve);
    if (mm->future_flags & VMA_LOCKED)
        (void)mmap_populate(mm, grown);
    return 0;
}

/* Only where something is left to unmap, as on Linux. */
static long brk_shrink(struct mm *mm, struct range gone)
{
    if (!vma_overlapping(mm, gone))
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    return mm_munmap(mm, gone.start, range_size(gone));
}

int64_t mm_brk(struct mm *mm, vaddr_t brk)
{
    struct mm_layout *layout = &mm->layout;
    vaddr_t from = page_align(layout->brk);
    vaddr_t to = page_align(brk);
    long err = 0;

    mm_assert(port_locked_write(&mm->lock));
    if (brk < layout->brk_start || to > TASK_SIZE || to < brk)
        return (int64_t)layout->brk;
    if (brk - layout->brk_start + layout->data_end - layout->data_start > mm->limits.data)
        err = mm_refuse(-ENOMEM, REFUSE_LIMIT);
    else if (to > from)
        err = brk_grow(mm, (struct range){from, to});
    else if (to < from)
        err = brk_shrink(mm, (struct range){to, from});
    if (!err)
        layout->brk = brk;
    return (int64_t)layout->brk;
}
