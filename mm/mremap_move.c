/*
 * The part of mremap that moves: by which runs of the engine; then, past the point of no return,
 * pages first and VMAs after them. mm/mremap_check.c has decided where to, and that it may.
 *
 * A VMA that goes to D as it is does so in one run (move_along()). Otherwise S goes piece by piece. A
 * piece is what S has of one VMA; gaps between pieces stay gaps, and what is mapped in D where S has a
 * gap stays too:
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
 * Floors and ceilings of the run that takes @src, from @vma on, to @dst, from the neighbours; the two do
 * not count as such, since @src leaves and @dst is empty.
 */
static void set_bounds(const struct remap *r, struct pt_move *m, const struct vma *vma,
                       struct range src, struct range dst)
{
    const struct vma *above = vma_find(r->mm, dst.start);

    m->old_floor = vma_floor(r->mm, vma, src.start, src, dst);
    m->old_ceiling = vma_ceiling(vma, src.end, src, dst);
    m->new_floor = vma_floor(r->mm, above, dst.start, src, dst);
    m->new_ceiling = vma_ceiling(above, dst.end, src, dst);
}

/* The same for the ranges of the call, as far as pages move, where that is asked for. @alone: it has one run. */
static void keep_call_apart(const struct remap *r, struct pt_move *m, bool alone)
{
    if (!alone || mm_config.realign == REALIGN_PMD)
        keep_apart(m, (struct range){r->src.start, r->src.start + min_u64(r->old_len, r->new_len)},
                   r->dst);
}

/* The run that takes @src, from @vma on, to @dst. @alone: it is the only one. */
static void fill_move(const struct remap *r, struct pt_move *m, const struct vma *vma,
                      struct range src, struct range dst, bool alone)
{
    pt_move_init(m, r->mm, src.start, dst.start, min_u64(range_size(src), range_size(dst)));
    set_bounds(r, m, vma, src, dst);
    m->tables_change = !alone || remap_has_rest(r) || (r->replaces && vma_overlapping(r->mm, dst));
    keep_call_apart(r, m, alone);
}

/* From @p on, the pieces that go in one run, as *src and *dst. Whether a piece is left, as *p. */
static bool gather_run(const struct remap *r, struct remap_piece *p, struct range *src,
                       struct range *dst)
{
    bool more;

    *src = p->src;
    *dst = p->dst;
    while ((more = remap_next_piece(r, p))) {
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
    while (r->work->runs) {
        struct remap_run *run = r->work->runs;

        r->work->runs = run->next;
        pt_move_cancel(&run->move);
        if (run != &r->work->first)
            port_free(run, sizeof(*run));
    }
}

/* Plan all runs. -ENOMEM with none of them left. */
static long plan_runs(struct remap *r)
{
    struct remap_run **link = &r->work->runs;
    struct remap_piece p = r->piece;
    bool more, alone = true;
    struct range src, dst;

    do {
        struct remap_run *run = r->work->runs ? port_alloc(sizeof(*run)) : &r->work->first;
        const struct vma *vma = p.vma;

        if (!run)
            break;
        run->next = NULL;
        more = gather_run(r, &p, &src, &dst);
        alone = alone && !more;
        fill_move(r, &run->move, vma, src, dst, alone);
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

/* Tables for the huge leaves that are cut where pages of D go. */
static long reserve_target(struct remap *r)
{
    struct remap_piece p = r->piece;
    long err;

    do
        err = tlb_reserve(&r->work->gather, p.dst);
    while (!err && remap_next_piece(r, &p));
    return err;
}

/* And where those of S go that find no room in D. */
static long reserve_cuts(struct remap *r)
{
    long err = remap_has_rest(r) ? tlb_reserve(&r->work->gather, remap_rest(r)) : 0;

    return err || !r->replaces ? err : reserve_target(r);
}

/* VMAs, and tables for the destination and for what is split. */
static long reserve(struct remap *r)
{
    tlb_begin(&r->work->gather, r->mm, &r->mm->pt);
    if (!vma_reserve_fill(r->mm, &r->work->vmas, r->vmas_needed) && !reserve_cuts(r) &&
        !plan_runs(r))
        return 0;
    tlb_finish(&r->work->gather);
    vma_reserve_drain(r->mm, &r->work->vmas);
    return -ENOMEM;
}

/* ---- Commit ---- */

static void clear_pages(struct remap *r, struct range range)
{
    hugetlb_unmap(r->mm, range);
    mmap_forget(vma_find(r->mm, range.start), range, &r->work->gather);
}

static void clear_target(struct remap *r)
{
    struct remap_piece p = r->piece;

    do
        clear_pages(r, p.dst);
    while (remap_next_piece(r, &p));
}

/* Pages: those of D go, those of S that find no room in D go, the others move. One flush. */
static void move_pages(struct remap *r)
{
    if (r->replaces)
        clear_target(r);
    if (remap_has_rest(r))
        clear_pages(r, remap_rest(r));
    for (struct remap_run *run = r->work->runs; run; run = run->next)
        pt_move_commit(&run->move, &r->work->gather);
    tlb_finish(&r->work->gather);
}

/* What pgoff the page at @from of @vma has at @to. Memory that never had a page belongs there, as on Linux. */
static uint64_t new_pgoff(const struct vma *vma, vaddr_t from, vaddr_t to)
{
    bool fresh = !vma->object && !vma->anon;

    return fresh ? to >> PAGE_SHIFT : vma_pgoff(vma, from);
}

/* A VMA like @old, for what was from @from on and now is at @dst. */
static struct vma *new_vma(const struct vma *old, vaddr_t from, struct range dst,
                           struct vma_reserve *vmas)
{
    struct vma *vma = vma_reserve_take(vmas);

    vma->start = dst.start;
    vma->end = dst.end;
    vma->flags = old->flags;
    vma->touched = old->touched;
    vma->anon = old->anon;
    vma->object = old->object ? object_get(old->object) : NULL;
    vma->pgoff = new_pgoff(old, from, dst.start);
    return vma;
}

/*
 * @src stays, without pages and unlocked; a VMA that lost all of them is as good as new. As on
 * Linux, it may by now be one VMA with what moved, which then is unlocked too.
 */
static struct vma *keep_source(struct remap *r, struct range src)
{
    struct vma *vma = vma_at(r->mm, src.start);

    vma_set_flags(r->mm, vma, vma->flags & ~(uint32_t)(VMA_LOCKED | VMA_LOCKONFAULT));
    if (vma->start == src.start && vma->end == src.end)
        vma->anon = 0;
    return vma;
}

/*
 * The piece's new VMA first, then the old one, as on Linux: what the new one merges with may be the
 * VMA that the old one is cut from. That takes a VMA for the split at most, and merging has given
 * one back.
 */
static void settle_piece(struct remap *r, const struct remap_piece *p)
{
    struct vma *vma = new_vma(p->vma, p->src.start, p->dst, &r->work->vmas);

    if (r->replaces)
        vma_cut(r->mm, p->dst, &r->work->vmas);
    vma_insert(r->mm, vma);
    vma_merge(r->mm, p->dst, &r->work->vmas);
    if (r->flags & MREMAP_DONTUNMAP)
        keep_source(r, p->src);
    else
        vma_cut(r->mm, p->src, &r->work->vmas);
}

/* What stays of S may be merged once all of it is what it will be. */
static void merge_source(struct remap *r, vaddr_t end, struct vma_reserve *merged)
{
    struct range all = {vma_at(r->mm, r->src.start)->start, vma_at(r->mm, end - PAGE_SIZE)->end};

    vma_merge(r->mm, all, merged);
}

static void settle_vmas(struct remap *r)
{
    struct remap_piece p = r->piece;
    vaddr_t end;

    do {
        settle_piece(r, &p);
        end = p.src.end;
    } while (remap_next_piece(r, &p));
    if (r->flags & MREMAP_DONTUNMAP)
        merge_source(r, end, &r->work->vmas);
}

/* Of locked memory no page may be missing; as on Linux, what could not be had comes by faults. */
static void populate_growth(const struct remap *r, bool locked)
{
    if (locked && r->new_len > r->old_len)
        (void)mmap_populate(r->mm, (struct range){r->dst.start + r->old_len, r->dst.end});
}

/* The VMA goes to D; with DONTUNMAP one like it does, of @vmas, which also gets what is merged. */
static void settle_along(struct remap *r, struct vma_reserve *vmas)
{
    struct vma *vma = r->vma;

    if (r->flags & MREMAP_DONTUNMAP) {
        vma = new_vma(vma, r->src.start, r->dst, vmas);
        vma_insert(r->mm, vma);
    } else {
        vma->pgoff = new_pgoff(vma, r->src.start, r->dst.start);
        vma_relocate(r->mm, vma, r->dst.start, r->dst.end);
    }
    if (vma_touches(vma))
        vma_merge(r->mm, r->dst, vmas);
    if (r->flags & MREMAP_DONTUNMAP && vma_touches(keep_source(r, r->src)))
        merge_source(r, r->src.end, vmas);
}

/* All of S is one VMA, which has the same neighbours as D. */
static int64_t move_along(struct remap *r)
{
    bool locked = r->vma->flags & VMA_LOCKED;
    const struct vma *vma = r->vma;
    struct vma_reserve vmas = {NULL};
    struct gather gather;
    struct pt_move m;

    pt_move_init(&m, r->mm, r->src.start, r->dst.start, r->old_len);
    m.old_floor = m.new_floor = vma->prev ? vma->prev->end : 0;
    m.old_ceiling = m.new_ceiling = vma->next ? vma->next->start : USER_END;
    keep_call_apart(r, &m, true);
    if ((r->flags & MREMAP_DONTUNMAP) && vma_reserve_fill(r->mm, &vmas, 1))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    if (pt_move_plan(&m)) {
        vma_reserve_drain(r->mm, &vmas);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }

    /* ---- point of no return ---- */
    tlb_begin(&gather, r->mm, &r->mm->pt);
    pt_move_commit(&m, &gather);
    tlb_finish(&gather);
    settle_along(r, &vmas);
    vma_reserve_drain(r->mm, &vmas);
    populate_growth(r, locked);
    return (int64_t)r->dst.start;
}

/* Piece by piece, for what is not as simple. */
static NOINLINE int64_t move_pieces(struct remap *r)
{
    bool locked = r->vma->flags & VMA_LOCKED;
    long err = remap_check_pieces(r);
    struct remap_work work;

    if (err)
        return err;
    r->work = &work;
    work.vmas = (struct vma_reserve){NULL};
    work.runs = NULL;
    if (reserve(r))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);

    /* ---- point of no return ---- */
    move_pages(r);
    settle_vmas(r);
    vma_reserve_drain(r->mm, &work.vmas);
    drop_runs(r);
    populate_growth(r, locked);
    return (int64_t)r->dst.start;
}

int64_t remap_move(struct remap *r)
{
    long err = remap_choose(r);

    if (err)
        return err;
    return r->along ? move_along(r) : move_pieces(r);
}
