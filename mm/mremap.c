/*
 * mremap(2): check, classify, and what is done in place; mm/mremap_move.c moves.
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
 *   sealed at old                                                                       EPERM
 *   old_len 0, private                                                                  EINVAL
 *   same length                  nothing to do                                          old
 *   shorter                      the rest of S is unmapped, over VMAs and holes         old
 *   what moves leaves its VMA, but for FIXED with the same length                       EFAULT
 *   longer, space behind         the VMA grows, and merges with what it now touches     old
 *   longer, no space             and may not move                                       ENOMEM
 *   longer, MAYMOVE              S moves to the highest gap that holds new_len          new
 *   FIXED, another length        D is cleared, S moves there, shorter or longer         new
 *   FIXED, same length           all VMAs of S move, gaps between them stay; D is       new
 *                                cleared where they come to lie, and only there
 *   DONTUNMAP                    the pages move, S stays mapped and empty               new
 *   old_len 0, shared            D shows the same pages as S, which stays               new
 *
 *   below mmap_min_addr; sealed in what goes, or in D                                   EPERM
 *
 * Any limit (number of VMAs, RLIMIT_AS, RLIMIT_DATA) and any lack of memory is ENOMEM, of lockable
 * memory EAGAIN. All or nothing: what is answered with an error has changed nothing. Linux 6.18
 * gives the same answers, but may have unmapped D, or the rest of S, or have moved the lower ones
 * of several VMAs, before it fails.
 */
#include "mm/mremap.h"

#include "kernel/abi/errno.h"
#include "mm/trace.h"

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

static long check_growth(const struct remap *r)
{
    uint64_t added = (r->new_len - r->old_len) >> PAGE_SHIFT;

    if (!vma_may_lock(r->mm, r->vma->flags, added))
        return mm_refuse(-EAGAIN, REFUSE_LIMIT);
    if (!remap_may_add(r, added))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

/*
 * Pages of a pool: lengths are rounded up to whole ones. No more of them, no copies of what is
 * shared, and no source without its pages.
 */
static long check_hugetlb(struct remap *r)
{
    unsigned level = vma_level(r->vma);

    if (pt_offset(r->src.start, level) || (has_target(r) && pt_offset(r->dst.start, level)))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    r->old_len = pt_ceiling(r->old_len, level);
    r->new_len = pt_ceiling(r->new_len, level);
    r->src.end = r->src.start + r->old_len;
    if (has_target(r) && r->dst.start > TASK_SIZE - r->new_len)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if (has_target(r) &&
        range_overlaps(r->src, (struct range){r->dst.start, r->dst.start + r->new_len}))
        return mm_refuse(-EINVAL, REFUSE_OVERLAP);
    if (r->new_len > r->old_len || (r->flags & MREMAP_DONTUNMAP))
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    return 0;
}

static long check_vma(struct remap *r)
{
    r->vma = vma_at(r->mm, r->src.start);
    if (!r->vma)
        return mm_refuse(-EFAULT, REFUSE_UNMAPPED);
    if (r->vma->flags & VMA_SEALED)
        return mm_refuse(-EPERM, REFUSE_SEALED);
    if (r->old_len == 0 && !(r->vma->flags & VMA_SHARED))
        return mm_refuse(-EINVAL, REFUSE_PRIVATE_COPY);
    return r->vma->flags & VMA_HUGETLB ? check_hugetlb(r) : 0;
}

/* What does not only shrink, or move as it is, is a part of one VMA. */
static long check_part(const struct remap *r)
{
    uint64_t kept = min_u64(r->old_len, r->new_len);

    if (remap_moves_only(r))
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
static int64_t grow_in_place(struct remap *r)
{
    struct range added = {r->src.end, r->src.start + r->new_len};
    bool locked = r->vma->flags & VMA_LOCKED;
    struct vma_reserve merged = {NULL};

    vma_resize(r->mm, r->vma, r->vma->start, added.end);
    vma_merge(r->mm, added, &merged);
    vma_reserve_drain(r->mm, &merged);
    if (locked)
        (void)mmap_populate(r->mm, added);
    return (int64_t)r->src.start;
}

static int64_t shrink(struct remap *r)
{
    long err = mm_munmap(r->mm, r->src.start + r->new_len, r->old_len - r->new_len);

    return err ? err : (int64_t)r->src.start;
}

static int64_t remap(struct remap *r)
{
    long err = check_arguments(r);

    if (!err)
        err = check_vma(r);
    if (err)
        return err;
    if (!has_target(r) && r->new_len <= r->old_len)
        return r->new_len < r->old_len ? shrink(r) : (int64_t)r->src.start;
    err = check_part(r);
    if (err)
        return err;
    if (!has_target(r) && fits_in_place(r))
        return grow_in_place(r);
    if (!(r->flags & MREMAP_MAYMOVE))
        return mm_refuse(-ENOMEM, REFUSE_NOT_GROWABLE);
    return remap_move(r);
}

static NOINLINE __attribute__((cold)) void trace_call(struct mm *mm, vaddr_t old, uint64_t old_len,
                                                      uint64_t new_len, uint32_t flags,
                                                      vaddr_t new_addr)
{
    if (trace_wanted(TRACE_STATE))
        mm_trace_state(mm);
    TRACE(TRACE_MREMAP, .what = EVENT_CALL, .level = flags, .a = old, .b = old_len, .c = new_len,
          .d = new_addr, .space = mm->pt.space);
}

int64_t mm_mremap(struct mm *mm, vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                  vaddr_t new_addr)
{
    struct remap r;
    int64_t result;

    mm_assert(port_locked_write(&mm->lock));
    if (trace_wanted(TRACE_STATE | TRACE_MREMAP))
        trace_call(mm, old, old_len, new_len, flags, new_addr);
    r.mm = mm;
    r.old_len = page_align(old_len);
    r.new_len = page_align(new_len);
    r.flags = flags;
    r.src = (struct range){old, old + r.old_len};
    r.dst.start = new_addr;
    result = remap(&r);
    TRACE(TRACE_MREMAP, .what = EVENT_RETURN, .a = (uint64_t)result, .space = mm->pt.space);
    return result;
}
