/*
 * mprotect, mlock and mlockall: the calls that change what a range of VMAs is, after splitting it off at both
 * ends. A call that fails changes nothing; Linux has by then changed what lies below the hole that
 * it found.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/mmap.h"

/* Narrow or widen the rights of the leaves of @vma in @range to what the VMA's flags now allow. */
static void protect_pages(struct mm *mm, const struct vma *vma, struct range range,
                          struct gather *g)
{
    vaddr_t va = range.start;
    struct pt_run run;

    while (pt_next_run(&mm->pt, &va, range.end, &run)) {
        tlb_range(g, run.va, va);
        for (unsigned i = 0; i < run.count; i++) {
            paddr_t frame = pte_addr(run.slots[i]);

            if (!pte_is_none(run.slots[i]))
                run.slots[i] = pte_leaf(frame, fault_rights(vma, frame), run.level);
        }
    }
}

/*
 * Set @set and clear @clear in the flags of all VMAs in @range, which were split at its ends, and
 * of their pages.
 */
static void change_flags(struct mm *mm, struct range range, uint32_t set, uint32_t clear,
                         struct vma_reserve *reserve)
{
    struct gather g;

    vma_split_at(mm, range.start, reserve);
    vma_split_at(mm, range.end, reserve);
    tlb_begin(&g, mm, &mm->pt);
    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next) {
        uint32_t flags = (vma->flags & ~clear) | set;

        if ((flags ^ vma->flags) & VMA_ACCESS) {
            vma_set_flags(mm, vma, flags);
            protect_pages(mm, vma, vma_range(vma), &g);
        } else {
            vma_set_flags(mm, vma, flags);
        }
    }
    tlb_finish(&g);
    vma_merge(mm, range, reserve);
}

/* The VMAs that splitting at both ends of @range takes. 0 or -ENOMEM. */
static long reserve_splits(struct mm *mm, struct range range, struct vma_reserve *reserve)
{
    unsigned splits = vma_splits_at(mm, range.start) + vma_splits_at(mm, range.end);

    if (splits && mm->vma_count + splits > mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (vma_reserve_fill(reserve, splits))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    return 0;
}

/* Whether every VMA in @range may get @flags, and the limits allow what becomes writable. */
static long may_protect(struct mm *mm, struct range range, uint32_t flags)
{
    uint64_t writable = 0;

    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next) {
        if ((flags & VMA_WRITE) && !(vma->flags & VMA_MAYWRITE))
            return mm_refuse(-EACCES, REFUSE_ACCESS);
        if ((flags & VMA_WRITE) && !(vma->flags & (VMA_WRITE | VMA_SHARED)))
            writable +=
                (min_u64(vma->end, range.end) - max_u64(vma->start, range.start)) >> PAGE_SHIFT;
    }
    if (mm->data_pages + writable > mm->limits.data >> PAGE_SHIFT ||
        !vma_may_commit(flags, writable))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

long mm_mprotect(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot)
{
    uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    struct range range = {addr, addr + page_align(len)};
    struct vma_reserve reserve = {NULL};
    struct vma *first;
    long err;

    mm_assert(port_locked_write(&mm->lock));
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (len == 0)
        return 0;
    if (range.end <= range.start)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if (prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    first = vma_at(mm, range.start);
    if (grows && first && !(grows == PROT_GROWSDOWN && (first->flags & VMA_GROWSDOWN)))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (grows && first)
        range.start = first->start;
    if (!vma_covers(mm, range))
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    err = may_protect(mm, range, mmap_prot_flags(prot));
    if (!err)
        err = reserve_splits(mm, range, &reserve);
    if (err)
        return err;

    /* ---- point of no return ---- */
    change_flags(mm, range, mmap_prot_flags(prot), VMA_ACCESS, &reserve);
    vma_reserve_drain(&reserve);
    return 0;
}

/* Pages of @range that are locked already: they count once against the limit. */
static uint64_t locked_pages(const struct mm *mm, struct range range)
{
    uint64_t pages = 0;

    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next)
        if (vma->flags & VMA_LOCKED)
            pages +=
                (min_u64(vma->end, range.end) - max_u64(vma->start, range.start)) >> PAGE_SHIFT;
    return pages;
}

long mm_mlock(struct mm *mm, vaddr_t addr, uint64_t len, bool lock, bool on_fault)
{
    vaddr_t start = addr - page_offset(addr);
    struct range range = {start, start + page_align(len + page_offset(addr))};
    uint32_t flags = lock ? VMA_LOCKED | (on_fault ? VMA_LOCKONFAULT : 0) : 0;
    struct vma_reserve reserve = {NULL};
    uint64_t pages = range_size(range) >> PAGE_SHIFT;

    mm_assert(port_locked_write(&mm->lock));
    if (lock &&
        mm->locked_pages + pages - locked_pages(mm, range) > mm->limits.memlock >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (range.end < range.start)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (range.end == range.start)
        return 0;
    if (!vma_covers(mm, range))
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    if (reserve_splits(mm, range, &reserve))
        return -ENOMEM;

    /* ---- point of no return ---- */
    change_flags(mm, range, flags, VMA_LOCKED | VMA_LOCKONFAULT, &reserve);
    vma_reserve_drain(&reserve);
    if (lock && !on_fault)
        (void)mmap_populate(mm, range); /* without access, or past an object's end, it stays out */
    return 0;
}

long mm_mlockall(struct mm *mm, int flags)
{
    uint32_t set = VMA_LOCKED | (flags & MCL_ONFAULT ? VMA_LOCKONFAULT : 0);
    struct range all = {0, USER_END};
    struct vma_reserve reserve = {NULL};

    mm_assert(port_locked_write(&mm->lock));
    if ((flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if ((flags & MCL_CURRENT) && mm->total_pages > mm->limits.memlock >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);

    /* ---- point of no return ---- */
    mm->future_flags = flags & MCL_FUTURE ? set : 0;
    if (flags == MCL_FUTURE || flags == (MCL_FUTURE | MCL_ONFAULT))
        return 0;
    change_flags(mm, all, flags ? set : 0, VMA_LOCKED | VMA_LOCKONFAULT, &reserve);
    vma_reserve_drain(&reserve);
    if ((flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
        (void)mmap_populate(mm, all);
    return 0;
}
