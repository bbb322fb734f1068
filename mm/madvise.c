/* madvise and mincore: forget pages, fetch pages, tell which are there. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/object.h"

static bool known_advice(int advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_DONTNEED:
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK:
    case MADV_FREE:
    case MADV_COLD:
    case MADV_PAGEOUT:
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
        return true;
    default:
        return false;
    }
}

/*
 * Drop the pages of @range: private ones read as zeros or as the file again, shared ones are in the
 * object still. Locked memory forbids it, wherever it lies in the range.
 */
static long forget(struct mm *mm, struct range range)
{
    uint64_t again[PT_LEVELS] = {0};
    struct gather g;

    if (vma_pages_with(mm, range, VMA_LOCKED, VMA_LOCKED))
        return mm_refuse(-EINVAL, REFUSE_ACCESS);
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    range.end = hugetlb_floor(mm, range.end);
    if (hugetlb_cuts(mm, range))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.start >= range.end)
        return 0;

    tlb_begin(&g, mm, &mm->pt);
    if (hugetlb_may_forget(mm, range, again) || tlb_reserve(&g, range)) {
        tlb_finish(&g);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }

    /* ---- point of no return ---- */
    mmap_forget(mm, range, &g);
    tlb_finish(&g);
    hugetlb_promise_again(again);
    return 0;
}

static bool has_objects(const struct mm *mm, struct range range)
{
    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next)
        if (vma->object)
            return true;
    return false;
}

/* MADV_FREE: at once, one of the times that it allows. Only private memory without a file. */
static long free_lazily(struct mm *mm, struct range range)
{
    if (has_objects(mm, range) || hugetlb_in(mm, range))
        return mm_refuse(-EINVAL, REFUSE_ACCESS);
    return forget(mm, range);
}

/* What a mapping is to be from now on. Too many VMAs, or too little memory, is -EAGAIN here. */
static long mark(struct mm *mm, struct range range, uint32_t set, uint32_t clear)
{
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    if (hugetlb_cuts(mm, range))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    return mmap_mark(mm, range, set, clear) ? -EAGAIN : 0;
}

/* Only private memory without a file is wiped. */
static long wipe_on_fork(struct mm *mm, struct range range)
{
    return has_objects(mm, range) ? mm_refuse(-EINVAL, REFUSE_ACCESS)
                                  : mark(mm, range, VMA_WIPEONFORK, 0);
}

/*
 * All or none, but where memory runs out or an object ends half-way: then some pages are there that
 * were not. What comes first in the range decides, a VMA without the right or a hole.
 */
static long populate(struct mm *mm, struct range range, enum access access)
{
    struct range mapped = {range.start, vma_first_hole(mm, range)};

    if (vma_pages_with(mm, mapped, access == ACCESS_WRITE ? VMA_WRITE : VMA_READ, 0))
        return mm_refuse(-EINVAL, REFUSE_ACCESS);
    if (mapped.end < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    return mmap_populate_for(mm, range, access);
}

long mm_madvise(struct mm *mm, vaddr_t addr, uint64_t len, int advice)
{
    struct range range = {addr, addr + page_align(len)};

    mm_assert(port_locked_write(&mm->lock));
    if (!known_advice(advice))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.end < range.start || (len && page_align(len) == 0))
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (len == 0)
        return 0;
    switch (advice) {
    case MADV_DONTNEED:
        return forget(mm, range);
    case MADV_FREE:
        return free_lazily(mm, range);
    case MADV_DONTFORK:
        return mark(mm, range, VMA_DONTFORK, 0);
    case MADV_DOFORK:
        return mark(mm, range, 0, VMA_DONTFORK);
    case MADV_WIPEONFORK:
        return wipe_on_fork(mm, range);
    case MADV_HUGEPAGE:
        return mark(mm, range, VMA_HUGEPAGE, VMA_NOHUGEPAGE);
    case MADV_NOHUGEPAGE:
        return mark(mm, range, VMA_NOHUGEPAGE, VMA_HUGEPAGE);
    case MADV_KEEPONFORK:
        return mark(mm, range, 0, VMA_WIPEONFORK);
    case MADV_POPULATE_READ:
        return populate(mm, range, ACCESS_READ);
    case MADV_POPULATE_WRITE:
        return populate(mm, range, ACCESS_WRITE);
    default:
        return vma_first_hole(mm, range) < range.end ? mm_refuse(-ENOMEM, REFUSE_UNMAPPED) : 0;
    }
}

/*
 * Whether the page of @vma at @addr is in memory: mapped, or in the object where a fault would find
 * it.
 */
static bool resident(struct mm *mm, const struct vma *vma, vaddr_t addr)
{
    uint64_t index = vma_pgoff(vma, addr);
    paddr_t page;

    if (pt_page(&mm->pt, addr))
        return true;
    if (!vma->object || index << PAGE_SHIFT >= object_size(vma->object))
        return false;
    return object_page(vma->object, index, false, &page) == 0 && page != 0;
}

long mm_mincore(struct mm *mm, vaddr_t addr, uint64_t pages, uint8_t *vec)
{
    struct range range = {addr, addr + (pages << PAGE_SHIFT)};
    struct vma *vma = vma_find(mm, addr);

    mm_assert(port_locked(&mm->lock));
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    for (uint64_t i = 0; i < pages; i++, addr += PAGE_SIZE) {
        if (addr >= vma->end)
            vma = vma->next;
        vec[i] = resident(mm, vma, addr);
    }
    return 0;
}
