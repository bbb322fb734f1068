/*
 * mprotect, mlock, mlockall and mseal: the calls that change what a range of VMAs is, after
 * splitting it off at both ends. A call that fails changes nothing; Linux has by then changed what
 * lies below the hole that it found.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/pt_trace.h"

/* What the slot of a run in @vma that holds @entry is to hold. */
static struct pte protected(const struct vma *vma, struct pte entry, unsigned level)
{
    paddr_t frame = pte_addr(entry);

    return pte_is_none(entry) ? entry : pte_leaf(frame, fault_rights(vma, frame, level), level);
}

static void trace_protect(const struct mm *mm, const struct vma *vma, const struct pt_run *run)
{
    struct pt_fold fold = PT_FOLD(&mm->pt, run->level);

    for (unsigned i = 0; i < run->count; i++)
        pt_fold_set(&fold, run->va + i * pt_span(run->level), run->slots[i],
                    protected(vma, run->slots[i], run->level));
    pt_fold_end(&fold);
}

/*
 * The rights of @sole for the leaves of @count pages that have no other user, those of @shared for the
 * others. @look: the two differ. Nearly all the time of an mprotect is spent here.
 */
static ALWAYS_INLINE void protect_slots(struct pte *slot, unsigned count, struct pte sole,
                                        struct pte shared, bool look)
{
#pragma GCC unroll 8
    for (struct pte *end = slot + count; slot < end; slot++) {
        struct pte entry = *slot;

        if (pte_is_none(entry))
            continue;
        if (look && port_frame(pte_addr(entry))->refs == 1)
            *slot = pte_like(entry, sole);
        else
            *slot = pte_like(entry, shared);
    }
}

/* The leaves of @run, which is in @vma, get the rights that its flags now allow. */
static void protect_run(const struct vma *vma, const struct pt_run *run)
{
    struct pte sole = pte_leaf(0, fault_rights_of(vma, true), run->level);
    struct pte shared = pte_leaf(0, fault_rights_of(vma, false), run->level);

    if (run->level > PT_PTE)
        *run->slots = protected(vma, *run->slots, run->level);
    else if (sole.raw != shared.raw)
        protect_slots(run->slots, run->count, sole, shared, true);
    else
        protect_slots(run->slots, run->count, sole, shared, false);
}

static void protect_pages(struct mm *mm, const struct vma *vma, struct gather *g)
{
    vaddr_t va = vma->start;
    struct pt_run run;

    while (pt_next_run(&mm->pt, &va, vma->end, &run)) {
        if (trace_wanted(TRACE_PT))
            trace_protect(mm, vma, &run);
        protect_run(vma, &run);
        tlb_range(g, run.va, va);
    }
}

/* @flags, the new ones of @vma, with VMA_ACCOUNT: it stays while there may be private pages. */
static uint32_t account(const struct vma *vma, uint32_t flags)
{
    if (vma_is_reserved(flags))
        return flags | VMA_ACCOUNT;
    if (!(flags & VMA_WRITE) && !vma->object && !vma->anon)
        return flags & ~(uint32_t)VMA_ACCOUNT;
    return flags;
}

/* What was set aside for a change. */
struct change {
    struct vma_reserve vmas;
    struct gather gather;
};

/* Set @set and clear @clear in the flags of @vma and of its pages. */
static void change_vma(struct mm *mm, struct vma *vma, uint32_t set, uint32_t clear,
                       struct gather *g)
{
    uint32_t flags = (vma->flags & ~clear) | set;
    bool rights = (flags ^ vma->flags) & VMA_ACCESS;

    vma_set_flags(mm, vma, rights ? account(vma, flags) : flags);
    if (rights)
        protect_pages(mm, vma, g);
}

/* What is locked and private has its own pages as soon as it is writable. */
static bool wants_pages(const struct vma *vma, uint32_t set)
{
    const uint32_t mask = VMA_LOCKED | VMA_LOCKONFAULT | VMA_SHARED | VMA_WRITE;

    return (vma->flags & mask) == VMA_LOCKED && (set & VMA_WRITE);
}

/*
 * The same for all VMAs in @range, which is split off at both ends: one after the other, each
 * merged with its neighbours before the next one's turn, as on Linux.
 */
static void change_flags(struct mm *mm, struct range range, uint32_t set, uint32_t clear,
                         struct change *c)
{
    struct range left = range;
    struct vma *vma;

    vma_split_at(mm, range.start, &c->vmas);
    vma_split_at(mm, range.end, &c->vmas);
    tlb_split(&c->gather, range);
    while (left.start < left.end && (vma = vma_overlapping(mm, left))) {
        struct range part = {max_u64(vma->start, left.start), min_u64(vma->end, left.end)};
        bool populate = wants_pages(vma, set);

        change_vma(mm, vma, set, clear, &c->gather);
        vma_merge(mm, part, &c->vmas);
        if (populate)
            (void)mmap_populate(mm, part);
        left.start = part.end;
    }
    tlb_finish(&c->gather);
    vma_reserve_drain(mm, &c->vmas);
}

/*
 * Set aside what splitting VMAs and huge leaves at both ends of @range takes. 0 or -ENOMEM; -EINVAL
 * where a page of a pool would be parted.
 */
static long reserve_splits(struct mm *mm, struct range range, struct change *c)
{
    unsigned splits = vma_splits_at(mm, range.start) + vma_splits_at(mm, range.end);

    if (hugetlb_cuts(mm, range))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (splits && mm->vma_count + splits > mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    tlb_begin(&c->gather, mm, &mm->pt);
    if (!vma_reserve_fill(mm, &c->vmas, splits) && !tlb_reserve(&c->gather, range))
        return 0;
    tlb_finish(&c->gather);
    vma_reserve_drain(mm, &c->vmas);
    return mm_refuse(-ENOMEM, REFUSE_MEMORY);
}

/*
 * Whether every VMA in @range may get the rights in @rights, and the limits allow what that adds:
 * one after the other, so that the lowest that may not decides.
 */
static long may_protect(const struct mm *mm, struct range range, uint32_t rights)
{
    uint64_t data = mm->data_pages, reserved = 0;

    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next) {
        uint64_t bytes = min_u64(vma->end, range.end) - max_u64(vma->start, range.start);
        uint32_t flags = vma->flags | VMA_WRITE;
        uint64_t added = vma->flags & VMA_WRITE ? 0 : bytes >> PAGE_SHIFT;

        if ((rights & VMA_WRITE) && !(vma->flags & VMA_MAYWRITE))
            return mm_refuse(-EACCES, REFUSE_ACCESS);
        if (vma->flags & VMA_SEALED)
            return mm_refuse(-EPERM, REFUSE_SEALED);
        if (!(rights & VMA_WRITE))
            continue;
        data += vma_is_data(flags) ? added : 0;
        reserved += vma_is_reserved(flags) && !(vma->flags & VMA_ACCOUNT) ? added : 0;
        if (data > mm->data_pages && data > mm->limits.data >> PAGE_SHIFT)
            return mm_refuse(-ENOMEM, REFUSE_LIMIT);
        if (!vma_may_commit(VMA_WRITE, reserved))
            return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    }
    return 0;
}

/*
 * @grows is PROT_GROWSDOWN: from the start of the VMA, which grows down, to the end of *@range; or
 * PROT_GROWSUP, which no VMA does. 0, -EINVAL or -ENOMEM.
 */
static long reach(const struct mm *mm, struct range *range, uint32_t grows)
{
    struct vma *vma = vma_find(mm, range->start);

    if (!vma || vma->start >= range->end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    if (grows == PROT_GROWSUP && vma->start > range->start)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    if (grows == PROT_GROWSUP || !(vma->flags & VMA_GROWSDOWN))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    range->start = vma->start;
    return 0;
}

long mm_mprotect(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot)
{
    uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    struct range range = {addr, addr + page_align(len)};
    struct change change = {0};
    uint32_t flags = mmap_prot_flags(prot);
    struct range mapped;
    long err = 0;

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
    if (grows)
        err = reach(mm, &range, grows);
    if (err)
        return err;
    mapped = (struct range){range.start, vma_first_hole(mm, range)};
    err = may_protect(mm, mapped, flags);
    if (!err && mapped.end < range.end)
        err = mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    if (!err)
        err = reserve_splits(mm, range, &change);
    if (err)
        return err;

    /* ---- point of no return ---- */
    change_flags(mm, range, flags, VMA_ACCESS, &change);
    return 0;
}

long mmap_mark(struct mm *mm, struct range range, uint32_t set, uint32_t clear)
{
    struct change change = {0};
    long err;

    err = reserve_splits(mm, range, &change);
    if (err)
        return err;

    /* ---- point of no return ---- */
    change_flags(mm, range, set, clear, &change);
    return 0;
}

long mm_mseal(struct mm *mm, vaddr_t addr, uint64_t len, uint64_t flags)
{
    struct range range = {addr, addr + page_align(len)};

    mm_assert(port_locked_write(&mm->lock));
    if (flags)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.end < range.start || (len && page_align(len) == 0))
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (range.end == range.start)
        return 0;
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    return mmap_mark(mm, range, VMA_SEALED, 0);
}

long mm_mlock(struct mm *mm, vaddr_t addr, uint64_t len, bool lock, bool on_fault)
{
    vaddr_t start = addr - page_offset(addr);
    struct range range = {start, start + page_align(len + page_offset(addr))};
    uint32_t flags = lock ? VMA_LOCKED | (on_fault ? VMA_LOCKONFAULT : 0) : 0;
    struct change change = {0};
    uint64_t pages = range_size(range) >> PAGE_SHIFT;
    struct range counted = {start, range.end < start ? USER_END : range.end};
    uint64_t already = vma_pages_with(mm, counted, VMA_LOCKED, VMA_LOCKED);
    long err;

    mm_assert(port_locked_write(&mm->lock));
    if (lock && mm->limits.memlock == 0)
        return mm_refuse(-EPERM, REFUSE_LIMIT);
    if (lock && mm->locked_pages + pages - already > mm->limits.memlock >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (range.end < range.start)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (range.end == range.start)
        return 0;
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    err = reserve_splits(mm, range, &change);
    if (err)
        return err;

    /* ---- point of no return ---- */
    change_flags(mm, range, flags, VMA_LOCKED | VMA_LOCKONFAULT, &change);
    if (lock && !on_fault && mmap_populate(mm, range) == -ENOMEM)
        return mm_refuse(-EAGAIN, REFUSE_MEMORY);
    return 0;
}

long mm_mlockall(struct mm *mm, int flags)
{
    uint32_t set = VMA_LOCKED | (flags & MCL_ONFAULT ? VMA_LOCKONFAULT : 0);
    struct range all = {0, USER_END};
    struct change change = {0};

    mm_assert(port_locked_write(&mm->lock));
    if ((flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (flags && mm->limits.memlock == 0)
        return mm_refuse(-EPERM, REFUSE_LIMIT);
    if ((flags & MCL_CURRENT) && mm->total_pages > mm->limits.memlock >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);

    /* ---- point of no return ---- */
    mm->future_flags = flags & MCL_FUTURE ? set : 0;
    if (flags == MCL_FUTURE || flags == (MCL_FUTURE | MCL_ONFAULT))
        return 0;
    tlb_begin(&change.gather, mm, &mm->pt);
    change_flags(mm, all, flags ? set : 0, VMA_LOCKED | VMA_LOCKONFAULT, &change);
    if ((flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
        (void)mmap_populate(mm, all);
    return 0;
}
