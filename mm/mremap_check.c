/*
 * The part of mremap that moves, first half: where to, what moves, and whether it may. Nothing is
 * changed here.
 */
#include "kernel/abi/errno.h"
#include "mm/hugetlb.h"
#include "mm/mremap.h"

/* ---- Pieces ---- */

bool remap_piece_from(const struct remap *r, vaddr_t at, struct remap_piece *p)
{
    uint64_t delta = r->dst.start - r->src.start;
    vaddr_t start, end;

    p->vma = vma_overlapping(r->mm, (struct range){at, r->src.end});
    if (at >= r->src.end || !p->vma)
        return false;
    start = max_u64(p->vma->start, at);
    end = min_u64(p->vma->end, r->src.end);
    p->src = (struct range){start, end};
    p->dst = (struct range){start + delta, end + delta};
    return true;
}

/* The first piece, which starts where S does. */
static void find_pieces(struct remap *r)
{
    r->piece = (struct remap_piece){r->vma, r->src, r->dst};
    r->several = remap_moves_only(r) && r->src.end > r->vma->end;
    if (r->several) {
        uint64_t rest = r->src.end - r->vma->end;

        r->piece.src.end -= rest;
        r->piece.dst.end -= rest;
    }
}

/* ---- Decide ---- */

static long choose_target(struct remap *r)
{
    vaddr_t new = r->dst.start;

    if (!(r->flags & MREMAP_FIXED))
        new = mmap_place(r->mm, r->flags & MREMAP_DONTUNMAP ? new : 0, r->new_len, PAGE_SIZE);
    if (!new && !(r->flags & MREMAP_FIXED))
        return mm_refuse(-ENOMEM, REFUSE_NO_GAP);
    if (new < mm_config.mmap_min_addr)
        return mm_refuse(-EPERM, REFUSE_TOO_LOW);
    r->dst = (struct range){new, new + r->new_len};
    return 0;
}

/* What is mapped at the target goes, if it can. */
static long look_at_target(struct remap *r)
{
    r->replaces = vma_overlapping(r->mm, r->dst);
    if (r->replaces && hugetlb_cuts(r->mm, r->dst))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (r->src.start >= r->dst.start && r->src.start < r->dst.end)
        return mm_refuse(-EFAULT,
                         REFUSE_UNMAPPED); /* old_len 0: clearing D would unmap what D is to show */
    return 0;
}

/* Of huge pages from a pool only whole ones go, to where such a page may lie, and with their VMA. */
static long check_huge_piece(const struct remap *r, const struct remap_piece *p)
{
    unsigned level = vma_level(p->vma);

    if (pt_offset(p->dst.start, level) || hugetlb_cuts(r->mm, p->dst))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (level > PT_PTE && (r->flags & MREMAP_DONTUNMAP))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    return 0;
}

/* And only whole ones make room. */
static long check_huge_pieces(const struct remap *r)
{
    struct remap_piece p = r->piece;
    long err;

    if (!r->replaces && r->src.end <= r->vma->end && vma_level(r->vma) == PT_PTE)
        return 0;
    if (hugetlb_cuts(r->mm, r->src))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    do
        err = check_huge_piece(r, &p);
    while (!err && remap_next_piece(r, &p));
    return err;
}

/* What there is when a piece's turn comes, merges aside. */
struct forecast {
    uint64_t vmas, total, data; /* total and data in pages */
    int64_t promised;           /* pages more than now */
};

static bool leaves_whole_vma(const struct remap *r, const struct remap_piece *p)
{
    return !(r->flags & MREMAP_DONTUNMAP) && p->src.start <= p->vma->start &&
           p->src.end >= p->vma->end;
}

/* Whether both ends of its VMA stay. */
static bool leaves_both_ends(const struct remap_piece *p)
{
    return range_size(p->src) && p->src.start > p->vma->start && p->src.end < p->vma->end;
}

/*
 * DONTUNMAP maps more than before; but what D holds now is gone by then. Counts the VMAs that it takes
 * for the new mapping, and for what S and D cut in two.
 */
static long check_piece(struct remap *r, const struct remap_piece *p, struct forecast *f)
{
    const struct mm *mm = r->mm;
    uint64_t kept = r->flags & MREMAP_DONTUNMAP ? range_size(p->src) >> PAGE_SHIFT : 0;

    if ((p->vma->flags & VMA_SEALED) || (r->replaces && vma_sealed(mm, p->dst)))
        return mm_refuse(-EPERM, REFUSE_SEALED);
    if (f->vmas + 3 >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    r->vmas_needed += 1 + leaves_both_ends(p);
    if (r->replaces) {
        f->total -= vma_pages_with(mm, p->dst, 0, 0);
        f->data -= vma_pages_with(mm, p->dst, VMA_DATA_MASK, VMA_WRITE);
        f->promised -= (int64_t)vma_pages_with(mm, p->dst, VMA_ACCOUNT, VMA_ACCOUNT);
        f->vmas += vma_cut_splits(mm, p->dst);
        r->vmas_needed += vma_cut_splits(mm, p->dst);
    }
    f->vmas += !leaves_whole_vma(r, p);
    if (!kept)
        return 0;
    f->total += kept;
    f->data += vma_is_data(p->vma->flags) ? kept : 0;
    f->promised += p->vma->flags & VMA_ACCOUNT ? (int64_t)kept : 0;
    if (f->total > mm->limits.as >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (vma_is_data(p->vma->flags) && f->data > mm->limits.data >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (f->promised > 0 && !vma_may_commit(VMA_WRITE, (uint64_t)f->promised))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

/* Whether each piece may go when its turn comes. */
static long check_pieces(struct remap *r)
{
    struct forecast f = {r->mm->vma_count, r->mm->total_pages, r->mm->data_pages, 0};
    struct remap_piece p = r->piece;
    long err;

    r->vmas_needed = 0;
    do
        err = check_piece(r, &p, &f);
    while (!err && remap_next_piece(r, &p));
    if (!err && remap_has_rest(r) && vma_sealed(r->mm, remap_rest(r)))
        return mm_refuse(-EPERM, REFUSE_SEALED);
    return err;
}

/*
 * Whether the VMA that is all of S can go to D as it is, or with DONTUNMAP one like it: nothing lies between
 * S and D, and nothing in D.
 */
static bool goes_along(const struct remap *r)
{
    const struct vma *vma = r->vma;

    return r->src.start == vma->start && r->src.end == vma->end && !remap_has_rest(r) &&
           vma_level(vma) == PT_PTE && (!vma->prev || vma->prev->end <= r->dst.start) &&
           (!vma->next || vma->next->start >= r->dst.end);
}

bool remap_may_add(const struct remap *r, uint64_t pages)
{
    uint32_t flags = r->vma->flags;

    return vma_may_expand(r->mm, flags, pages) &&
           (!(flags & VMA_ACCOUNT) || vma_may_commit(VMA_WRITE, pages));
}

long remap_choose(struct remap *r)
{
    long err = choose_target(r);

    if (err)
        return err;
    r->along = goes_along(r);
    if (!r->along)
        return 0;
    if (r->mm->vma_count + 3 >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if ((r->flags & MREMAP_DONTUNMAP) && !remap_may_add(r, vma_pages(r->vma)))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

long remap_check_pieces(struct remap *r)
{
    long err = look_at_target(r);

    if (err)
        return err;
    find_pieces(r);
    err = check_huge_pieces(r);
    return err ? err : check_pieces(r);
}
