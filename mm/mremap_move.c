/*
 * The part of mremap that moves: where to, within which limits, by which runs of the engine; then,
 * past the point of no return, pages first and VMAs after them.
 *
 * S goes piece by piece. A piece is what S has of one VMA; gaps between pieces stay gaps, and what
 * is mapped in D where S has a gap stays too:
 *
 *        S                               D
 *     |AAAA[AAA].[BBBB]..[CC]....]  ->  |[AAA]T[BBBB]..[CC]....]
 *
 * Pieces with nothing between them in D move in one run of the engine. Here A is a run of its own
 * because of T, and B and C are one.
 */
#include "mm/mremap.h"

#include "kernel/abi/errno.h"
#include "mm/hugetlb.h"

/* ---- Pieces ---- */

struct piece {
    struct vma *vma;
    struct range src, dst; /* of different length where the call resizes: then there is one piece */
};

/* The first piece in what S has from @at on. False when there is none. */
static bool piece_from(const struct remap *r, vaddr_t at, struct piece *p)
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

/* It starts where S does. */
static void first_piece(const struct remap *r, struct piece *p)
{
    *p = (struct piece){r->vma, r->src, r->dst};
    if (remap_moves_only(r) && r->src.end > r->vma->end) {
        uint64_t rest = r->src.end - r->vma->end;

        p->src.end -= rest;
        p->dst.end -= rest;
    }
}

static bool next_piece(const struct remap *r, struct piece *p)
{
    return remap_moves_only(r) && p->src.end < r->src.end && piece_from(r, p->src.end, p);
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
    r->replaces = vma_overlapping(r->mm, r->dst);
    if (r->replaces && hugetlb_cuts(r->mm, r->dst))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (r->src.start >= r->dst.start && r->src.start < r->dst.end)
        return mm_refuse(-EFAULT,
                         REFUSE_UNMAPPED); /* old_len 0: clearing D would unmap what D is to show */
    return 0;
}

/* Of huge pages from a pool only whole ones go, to where such a page may lie, and with their VMA. */
static long check_huge_piece(const struct remap *r, const struct piece *p)
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
    struct piece p;
    long err;

    if (!r->replaces && r->src.end <= r->vma->end && vma_level(r->vma) == PT_PTE)
        return 0;
    if (hugetlb_cuts(r->mm, r->src))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    first_piece(r, &p);
    do
        err = check_huge_piece(r, &p);
    while (!err && next_piece(r, &p));
    return err;
}

/* What there is when a piece's turn comes, merges aside. */
struct forecast {
    uint64_t vmas, total, data; /* total and data in pages */
    int64_t promised;           /* pages more than now */
};

static bool leaves_whole_vma(const struct remap *r, const struct piece *p)
{
    return !(r->flags & MREMAP_DONTUNMAP) && p->src.start <= p->vma->start &&
           p->src.end >= p->vma->end;
}

/* DONTUNMAP maps more than before; but what D holds now is gone by then. */
static long check_piece(const struct remap *r, const struct piece *p, struct forecast *f)
{
    const struct mm *mm = r->mm;
    uint64_t kept = r->flags & MREMAP_DONTUNMAP ? range_size(p->src) >> PAGE_SHIFT : 0;

    if ((p->vma->flags & VMA_SEALED) || (r->replaces && vma_sealed(mm, p->dst)))
        return mm_refuse(-EPERM, REFUSE_SEALED);
    if (f->vmas + 3 >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (r->replaces) {
        f->total -= vma_pages_with(mm, p->dst, 0, 0);
        f->data -= vma_pages_with(mm, p->dst, VMA_DATA_MASK, VMA_WRITE);
        f->promised -= (int64_t)vma_pages_with(mm, p->dst, VMA_ACCOUNT, VMA_ACCOUNT);
        f->vmas += vma_cut_splits(mm, p->dst);
    }
    f->total += kept;
    f->data += vma_is_data(p->vma->flags) ? kept : 0;
    f->promised += p->vma->flags & VMA_ACCOUNT ? (int64_t)kept : 0;
    f->vmas += !leaves_whole_vma(r, p);
    if (kept && f->total > mm->limits.as >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (kept && vma_is_data(p->vma->flags) && f->data > mm->limits.data >> PAGE_SHIFT)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (kept && f->promised > 0 && !vma_may_commit(VMA_WRITE, (uint64_t)f->promised))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

/* What of S finds no room in D. */
static struct range rest_of(const struct remap *r)
{
    return (struct range){min_u64(r->src.start + r->new_len, r->src.end), r->src.end};
}

static bool has_rest(const struct remap *r)
{
    return r->new_len < r->old_len;
}

/* Whether each piece may go when its turn comes. */
static long check_limits(const struct remap *r)
{
    struct forecast f = {r->mm->vma_count, r->mm->total_pages, r->mm->data_pages, 0};
    struct piece p;
    long err;

    first_piece(r, &p);
    do
        err = check_piece(r, &p, &f);
    while (!err && next_piece(r, &p));
    if (!err && has_rest(r) && vma_sealed(r->mm, rest_of(r)))
        return mm_refuse(-EPERM, REFUSE_SEALED);
    return err;
}

/* ---- Reserve ---- */

/*
 * The two ranges are each other's neighbours: to Linux they are in a call of mremap, though not
 * when exec shifts the stack (realign=pmd); and they are where runs precede or follow that have
 * moved a part of S into a part of D.
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
 * Floors and ceilings of the run that takes @src to @dst, from the neighbours; the two do not count
 * as such, since @src leaves and @dst is empty. @alone: it is the only run.
 */
static void fill_move(const struct remap *r, struct pt_move *m, struct range src, struct range dst,
                      bool alone)
{
    struct mm *mm = r->mm;

    *m = (struct pt_move){
        .mm = mm,
        .old = src.start,
        .new = dst.start,
        .len = min_u64(range_size(src), range_size(dst)),
        .old_floor = vma_floor(mm, src.start, src, dst),
        .old_ceiling = vma_ceiling(mm, src.end, src, dst),
        .new_floor = vma_floor(mm, dst.start, src, dst),
        .new_ceiling = vma_ceiling(mm, dst.end, src, dst),
        .tables_change = !alone || has_rest(r) || (r->replaces && vma_overlapping(mm, dst)),
    };
    if (!alone || mm_config.realign == REALIGN_PMD)
        keep_apart(m, (struct range){r->src.start, r->src.start + min_u64(r->old_len, r->new_len)},
                   r->dst);
}

/* From @p on, the pieces that go in one run, as *src and *dst. Whether a piece is left, as *p. */
static bool gather_run(const struct remap *r, struct piece *p, struct range *src, struct range *dst)
{
    bool more;

    *src = p->src;
    *dst = p->dst;
    while ((more = next_piece(r, p))) {
        struct range between = {dst->end, p->dst.start};

        if (range_size(between) && vma_overlapping(r->mm, between))
            break;
        src->end = p->src.end;
        dst->end = p->dst.end;
    }
    return more;
}

static void drop_runs(struct remap *r)
{
    while (r->runs) {
        struct remap_run *run = r->runs;

        r->runs = run->next;
        pt_move_cancel(&run->move);
        if (run != &r->first)
            port_free(run, sizeof(*run));
    }
}

/* Plan all runs. -ENOMEM with none of them left. */
static long plan_runs(struct remap *r)
{
    struct remap_run **link = &r->runs;
    bool more, alone = true;
    struct range src, dst;
    struct piece p;

    first_piece(r, &p);
    do {
        struct remap_run *run = r->runs ? port_alloc(sizeof(*run)) : &r->first;

        if (!run)
            break;
        run->next = NULL;
        more = gather_run(r, &p, &src, &dst);
        alone = alone && !more;
        fill_move(r, &run->move, src, dst, alone);
        *link = run;
        link = &run->next;
        if (pt_move_plan(&run->move))
            break;
        if (!more)
            return 0;
    } while (true);
    drop_runs(r);
    return -ENOMEM;
}

/* Tables for the huge leaves that are cut where pages go. */
static long reserve_cuts(struct remap *r)
{
    struct piece p;
    long err = has_rest(r) ? tlb_reserve(&r->gather, rest_of(r)) : 0;

    if (!r->replaces)
        return err;
    first_piece(r, &p);
    do
        err = err ? err : tlb_reserve(&r->gather, p.dst);
    while (next_piece(r, &p));
    return err;
}

/*
 * Whether the VMA that is all of S can go to D as it is: D is free, and nothing lies between it and S.
 */
static bool goes_along(const struct remap *r, const struct piece *p)
{
    const struct vma *vma = p->vma;

    return !r->replaces && leaves_whole_vma(r, p) && r->src.end == vma->end &&
           (!vma->prev || vma->prev->end <= p->dst.start) &&
           (!vma->next || vma->next->start >= p->dst.end);
}

/* How many VMAs it takes for the new mappings, and for what S and D cut in two. */
static unsigned vmas_needed(struct remap *r)
{
    unsigned needed = 0;
    struct piece p;

    first_piece(r, &p);
    r->along = goes_along(r, &p);
    if (r->along)
        return 0;
    do
        needed += 1 + vma_cut_splits(r->mm, p.src) + (r->replaces && vma_cut_splits(r->mm, p.dst));
    while (next_piece(r, &p));
    return needed;
}

/* VMAs, and tables for the destination and for what is split. */
static long reserve(struct remap *r)
{
    tlb_begin(&r->gather, r->mm, &r->mm->pt);
    if (!vma_reserve_fill(&r->vmas, vmas_needed(r)) && !reserve_cuts(r) && !plan_runs(r))
        return 0;
    tlb_finish(&r->gather);
    vma_reserve_drain(&r->vmas);
    return mm_refuse(-ENOMEM, REFUSE_MEMORY);
}

/* ---- Commit ---- */

static void clear_pages(struct remap *r, struct range range)
{
    hugetlb_unmap(r->mm, range);
    mmap_forget(r->mm, range, &r->gather);
}

/* Pages: those of D go, those of S that find no room in D go, the others move. One flush. */
static void move_pages(struct remap *r)
{
    struct piece p;

    first_piece(r, &p);
    do
        if (r->replaces)
            clear_pages(r, p.dst);
    while (next_piece(r, &p));
    if (has_rest(r))
        clear_pages(r, rest_of(r));
    for (struct remap_run *run = r->runs; run; run = run->next)
        pt_move_commit(&run->move, &r->gather);
    tlb_finish(&r->gather);
}

/* The piece's pgoff where it goes. Memory that never had a page belongs there, as on Linux. */
static uint64_t new_pgoff(const struct piece *p)
{
    bool fresh = !p->vma->object && !p->vma->anon;

    return fresh ? p->dst.start >> PAGE_SHIFT : vma_pgoff(p->vma, p->src.start);
}

/* A VMA for the piece like the one that it comes from. */
static struct vma *new_vma(struct remap *r, const struct piece *p)
{
    struct vma *vma = vma_reserve_take(&r->vmas);
    const struct vma *old = p->vma;

    vma->start = p->dst.start;
    vma->end = p->dst.end;
    vma->flags = old->flags;
    vma->anon = old->anon;
    vma->object = old->object ? object_get(old->object) : NULL;
    vma->pgoff = new_pgoff(p);
    return vma;
}

/*
 * @src stays, without pages and unlocked; a VMA that lost all of them is as good as new. As on
 * Linux, it may by now be one VMA with what moved, which then is unlocked too.
 */
static void keep_source(struct remap *r, struct range src)
{
    struct vma *vma = vma_at(r->mm, src.start);

    vma_set_flags(r->mm, vma, vma->flags & ~(uint32_t)(VMA_LOCKED | VMA_LOCKONFAULT));
    if (vma->start == src.start && vma->end == src.end)
        vma->anon = 0;
}

/*
 * The piece's new VMA first, then the old one, as on Linux: what the new one merges with may be the
 * VMA that the old one is cut from. That takes a VMA for the split at most, and merging has given
 * one back.
 */
static void settle_piece(struct remap *r, const struct piece *p)
{
    struct vma *vma = new_vma(r, p);

    if (r->replaces)
        vma_cut(r->mm, p->dst, &r->vmas);
    vma_insert(r->mm, vma);
    vma_merge(r->mm, p->dst, &r->vmas);
    if (r->flags & MREMAP_DONTUNMAP)
        keep_source(r, p->src);
    else
        vma_cut(r->mm, p->src, &r->vmas);
}

/* All of it is one VMA, which goes from S to D. */
static void take_along(struct remap *r)
{
    struct piece p;

    first_piece(r, &p);
    r->vma->pgoff = new_pgoff(&p);
    vma_relocate(r->mm, r->vma, p.dst.start, p.dst.end);
    vma_merge(r->mm, p.dst, &r->vmas);
}

/* What stays of S may be merged once all of it is what it will be. */
static void merge_source(struct remap *r, vaddr_t end)
{
    struct range all = {vma_at(r->mm, r->src.start)->start, vma_at(r->mm, end - PAGE_SIZE)->end};

    vma_merge(r->mm, all, &r->vmas);
}

static void settle_vmas(struct remap *r)
{
    struct piece p;
    vaddr_t end;

    first_piece(r, &p);
    do {
        settle_piece(r, &p);
        end = p.src.end;
    } while (next_piece(r, &p));
    if (r->flags & MREMAP_DONTUNMAP)
        merge_source(r, end);
}

int64_t remap_move(struct remap *r)
{
    bool locked = r->vma->flags & VMA_LOCKED;
    long err = choose_target(r);

    if (!err)
        err = check_huge_pieces(r);
    if (!err)
        err = check_limits(r);
    if (!err)
        err = reserve(r);
    if (err)
        return err;

    /* ---- point of no return ---- */
    move_pages(r);
    if (r->along)
        take_along(r);
    else
        settle_vmas(r);
    vma_reserve_drain(&r->vmas);
    drop_runs(r);
    if (locked && r->new_len > r->old_len)
        (void)mmap_populate(r->mm, (struct range){r->dst.start + r->old_len, r->dst.end});
    return (int64_t)r->dst.start;
}
