/*
 * mremap(2): check, classify, plan, reserve; then move, which cannot fail.
 *
 * All cases, in the order in which they are decided. S is [old, old + old_len), D is [new, new +
 * new_len).
 *
 *   asked for                    answer
 *   -------------------------    ---------------------------------------------------------------
 *   unknown flag, unaligned old, no new_len, new_len beyond the address space           EINVAL
 *   FIXED or DONTUNMAP: without MAYMOVE, new unaligned or too high, S and D overlap     EINVAL
 *   DONTUNMAP with another length                                                       EINVAL
 *   nothing at old                                                                      EFAULT
 *   old_len 0, private                                                                  EINVAL
 *   same length                  nothing to do                                          old
 *   shorter                      the rest of S is unmapped, over VMAs and holes         old
 *   what moves leaves its VMA                                                           EFAULT
 *   longer, space behind         the VMA grows, and merges with what it now touches     old
 *   longer, no space             and may not move                                       ENOMEM
 *   longer, MAYMOVE              S moves to the highest gap that holds new_len          new
 *   FIXED                        D is cleared, S moves there, shorter or longer         new
 *   DONTUNMAP                    the pages move, S stays mapped and empty               new
 *   old_len 0, shared            D shows the same pages as S, which stays               new
 *
 *   below mmap_min_addr                                                                 EPERM
 *
 * Any limit (number of VMAs, RLIMIT_AS, RLIMIT_DATA) and any lack of memory is ENOMEM, of lockable
 * memory EAGAIN. All or nothing: what is answered with an error has changed nothing. Linux 6.18
 * gives the same answers, but may have unmapped D, or the rest of S, before it fails.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/mmap.h"
#include "mm/pt_move.h"
#include "mm/trace.h"

/* One call on its way. */
struct remap {
    struct mm *mm;
    struct range src; /* S */
    struct range dst; /* D; its start is the hint until the target is chosen */
    uint64_t old_len; /* bytes, multiples of PAGE_SIZE */
    uint64_t new_len;
    uint32_t flags;  /* MREMAP_ */
    struct vma *vma; /* at old */

    struct vma_reserve vmas;
    struct pt_move move;
    struct gather gather;
};

static bool has_target(const struct remap *r)
{
    return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

/* ---- Check: what the arguments alone forbid ---- */

static long check_target(const struct remap *r)
{
    vaddr_t new = r->dst.start;

    if (new > TASK_SIZE - r->new_len)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (page_offset(new))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (!(r->flags & MREMAP_MAYMOVE))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    if (range_overlaps(r->src, (struct range){new, new + r->new_len}))
        return mm_refuse(-EINVAL, REFUSE_OVERLAP);
    if (r->mm->vma_count + 5 >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

static long check_arguments(const struct remap *r)
{
    if (r->flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(r->src.start))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (r->new_len == 0 || r->new_len > TASK_SIZE)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    return has_target(r) ? check_target(r) : 0;
}

/* ---- Classify: what the VMA at old allows ---- */

static bool resizes_in_place_at_most(const struct remap *r)
{
    return !has_target(r) && r->new_len <= r->old_len;
}

static long check_growth(const struct remap *r)
{
    uint64_t added = (r->new_len - r->old_len) >> PAGE_SHIFT;

    if (!vma_may_lock(r->mm, r->vma->flags, added))
        return mm_refuse(-EAGAIN, REFUSE_LIMIT);
    if (!vma_may_expand(r->mm, r->vma->flags, added) || !vma_may_commit(r->vma->flags, added))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

static long check_vma(struct remap *r)
{
    uint64_t kept = min_u64(r->old_len, r->new_len);

    r->vma = vma_at(r->mm, r->src.start);
    if (!r->vma)
        return mm_refuse(-EFAULT, REFUSE_UNMAPPED);
    if (r->old_len == 0 && !(r->vma->flags & VMA_SHARED))
        return mm_refuse(-EINVAL, REFUSE_PRIVATE_COPY);
    if (resizes_in_place_at_most(r))
        return 0;
    if (kept > r->vma->end - r->src.start)
        return mm_refuse(-EFAULT, REFUSE_CROSSES_VMA);
    if (r->old_len > TASK_SIZE - r->src.start)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    return r->new_len > r->old_len ? check_growth(r) : 0;
}

/* ---- In place ---- */

static bool fits_in_place(const struct remap *r)
{
    vaddr_t end = r->src.start + r->new_len;

    return r->vma->end == r->src.end && r->old_len > 0 && end <= TASK_SIZE &&
           (!r->vma->next || r->vma->next->start >= end);
}

/* Cannot fail: merging only gives VMAs back. */
static long grow_in_place(struct remap *r)
{
    struct range added = {r->src.end, r->src.start + r->new_len};
    bool locked = r->vma->flags & VMA_LOCKED;

    vma_resize(r->mm, r->vma, r->vma->start, added.end);
    vma_merge(r->mm, added, &r->vmas);
    vma_reserve_drain(&r->vmas);
    if (locked)
        (void)mmap_populate(r->mm, added);
    return (long)r->src.start;
}

static long shrink(struct remap *r)
{
    long err = mm_munmap(r->mm, r->src.start + r->new_len, r->old_len - r->new_len);

    return err ? err : (long)r->src.start;
}

/* ---- Move: decide where, reserve, commit ---- */

static long choose_target(struct remap *r)
{
    vaddr_t new = r->dst.start;

    if (!(r->flags & MREMAP_FIXED))
        new = mmap_place(r->mm, r->flags & MREMAP_DONTUNMAP ? new : 0, r->new_len);
    if (!new && !(r->flags & MREMAP_FIXED))
        return mm_refuse(-ENOMEM, REFUSE_NO_GAP);
    if (new < mm_config.mmap_min_addr)
        return mm_refuse(-EPERM, REFUSE_TOO_LOW);
    r->dst = (struct range){new, new + r->new_len};
    if (r->src.start >= r->dst.start && r->src.start < r->dst.end)
        return mm_refuse(-EFAULT,
                         REFUSE_UNMAPPED); /* old_len 0: clearing D would unmap what D is to show */
    return 0;
}

/* DONTUNMAP maps more than before; but what D holds now is gone by then. */
static long check_limits(const struct remap *r)
{
    const struct mm *mm = r->mm;
    uint64_t kept = r->flags & MREMAP_DONTUNMAP ? r->old_len >> PAGE_SHIFT : 0;
    uint64_t total = mm->total_pages - vma_pages_with(mm, r->dst, 0, 0);
    uint64_t data = mm->data_pages - vma_pages_with(mm, r->dst, VMA_DATA_MASK, VMA_WRITE);

    if (mm->vma_count + 3 >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (kept && total + kept > mm->limits.as >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (kept && vma_is_data(r->vma->flags) && data + kept > mm->limits.data >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

/*
 * realign=pmd: to Linux the two ranges are each other's neighbours in a call of mremap, though not
 * when exec shifts the stack.
 */
static void keep_apart(struct pt_move *m, struct range src, struct range dst)
{
    if (dst.start >= src.end) {
        m->new_floor = max_u64(m->new_floor, src.end);
        m->old_ceiling = min_u64(m->old_ceiling, dst.start);
    } else {
        m->old_floor = max_u64(m->old_floor, dst.end);
        m->new_ceiling = min_u64(m->new_ceiling, src.start);
    }
}

/*
 * Floors and ceilings from the neighbours; S and D do not count as such, since S leaves and D is
 * empty.
 */
static void fill_move(struct remap *r)
{
    struct mm *mm = r->mm;

    r->move = (struct pt_move){
        .mm = mm,
        .old = r->src.start,
        .new = r->dst.start,
        .len = min_u64(r->old_len, r->new_len),
        .old_floor = vma_floor(mm, r->src.start, r->src, r->dst),
        .old_ceiling = vma_ceiling(mm, r->src.end, r->src, r->dst),
        .new_floor = vma_floor(mm, r->dst.start, r->src, r->dst),
        .new_ceiling = vma_ceiling(mm, r->dst.end, r->src, r->dst),
        .tables_change = r->new_len < r->old_len || vma_overlapping(mm, r->dst),
    };
    if (mm_config.realign == REALIGN_PMD)
        keep_apart(&r->move, (struct range){r->src.start, r->src.start + r->move.len}, r->dst);
}

/* VMAs for the new mapping and for what S and D cut in two, tables for the destination. */
static long reserve(struct remap *r)
{
    unsigned vmas = 1 + vma_cut_splits(r->mm, r->src) + vma_cut_splits(r->mm, r->dst);

    if (vma_reserve_fill(&r->vmas, vmas))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    if (pt_move_plan(&r->move)) {
        vma_reserve_drain(&r->vmas);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }
    return 0;
}

/*
 * A VMA for D like the one at old. Memory that never had a page belongs where it goes, as on Linux.
 */
static struct vma *new_vma(struct remap *r)
{
    struct vma *vma = vma_reserve_take(&r->vmas);
    bool fresh = !r->vma->object && !r->vma->anon;

    vma->start = r->dst.start;
    vma->end = r->dst.end;
    vma->flags = r->vma->flags;
    vma->anon = r->vma->anon;
    vma->object = r->vma->object ? object_get(r->vma->object) : NULL;
    vma->pgoff = fresh ? r->dst.start >> PAGE_SHIFT : vma_pgoff(r->vma, r->src.start);
    return vma;
}

/*
 * S stays, without pages and unlocked; a VMA that lost all of them is as good as new. As on Linux,
 * S may by now be one VMA with D, which then is unlocked too.
 */
static void keep_source(struct remap *r)
{
    struct vma *vma = vma_at(r->mm, r->src.start);

    vma_set_flags(r->mm, vma, vma->flags & ~(uint32_t)(VMA_LOCKED | VMA_LOCKONFAULT));
    if (vma->start == r->src.start && vma->end == r->src.end)
        vma->anon = 0;
    vma_merge(r->mm, vma_range(vma), &r->vmas);
}

/*
 * D first, then S, as on Linux: what merges with D may be the VMA that S is cut from. That takes a
 * VMA for the split at most, and merging has given one back.
 */
static void settle_vmas(struct remap *r, struct vma *vma)
{
    vma_insert(r->mm, vma);
    vma_merge(r->mm, r->dst, &r->vmas);
    if (r->flags & MREMAP_DONTUNMAP)
        keep_source(r);
    else
        vma_cut(r->mm, r->src, &r->vmas);
    vma_reserve_drain(&r->vmas);
}

/* The rest of S, when D is shorter. */
static void clear_rest(struct remap *r)
{
    struct range rest = {r->src.start + r->new_len, r->src.end};

    if (rest.start >= rest.end)
        return;
    tlb_zap(&r->gather, rest);
    tlb_prune(&r->gather, rest);
}

static long move(struct remap *r)
{
    bool locked = r->vma->flags & VMA_LOCKED;
    struct vma *vma;
    long err;

    err = choose_target(r);
    if (!err)
        err = check_limits(r);
    if (err)
        return err;
    fill_move(r);
    err = reserve(r);
    if (err)
        return err;

    /* ---- point of no return ---- */
    vma = new_vma(r);
    tlb_begin(&r->gather, r->mm, &r->mm->pt);
    mmap_clear(r->mm, r->dst, &r->vmas, &r->gather);
    clear_rest(r);
    pt_move_commit(&r->move, &r->gather);
    tlb_finish(&r->gather);
    settle_vmas(r, vma);
    if (locked && r->new_len > r->old_len)
        (void)mmap_populate(r->mm, (struct range){r->dst.start + r->old_len, r->dst.end});
    return (long)r->dst.start;
}

static long remap(struct remap *r)
{
    long err = check_arguments(r);

    if (!err)
        err = check_vma(r);
    if (err)
        return err;
    if (has_target(r))
        return move(r);
    if (r->new_len == r->old_len)
        return (long)r->src.start;
    if (r->new_len < r->old_len)
        return shrink(r);
    if (fits_in_place(r))
        return grow_in_place(r);
    if (r->flags & MREMAP_MAYMOVE)
        return move(r);
    return mm_refuse(-ENOMEM, REFUSE_NOT_GROWABLE);
}

long mm_mremap(struct mm *mm, vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
               vaddr_t new_addr)
{
    struct remap r = {
        .mm = mm,
        .old_len = page_align(old_len),
        .new_len = page_align(new_len),
        .flags = flags,
        .src = {old, old + page_align(old_len)},
        .dst = {new_addr, new_addr},
    };
    long result;

    mm_assert(port_locked_write(&mm->lock));
    TRACE(TRACE_MREMAP, .what = EVENT_CALL, .level = flags, .a = old, .b = old_len, .c = new_len,
          .d = new_addr);
    result = remap(&r);
    TRACE(TRACE_MREMAP, .what = EVENT_RETURN, .a = (uint64_t)result);
    return result;
}
