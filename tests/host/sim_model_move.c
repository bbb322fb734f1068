/* mremap, page by page. See sim_model.h. */
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_model_range.h"

/* A call of mremap; lengths rounded. */
struct remap {
    struct model *m;
    uint64_t old, old_len, new_len, new;
    uint32_t flags;
    unsigned at;        /* index of the page at old */
    struct span extent; /* that it lies in */
};

static bool has_target(const struct remap *r)
{
    return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

static bool moves_only(const struct remap *r)
{
    return (r->flags & MREMAP_FIXED) && r->old_len == r->new_len;
}

static long check_arguments(const struct remap *r)
{
    uint32_t known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

    if ((r->flags & ~known) || r->old % PAGE || r->new_len == 0 || r->new_len > TASK(r->m))
        return -EINVAL;
    if (!has_target(r))
        return 0;
    if (r->new > TASK(r->m) - r->new_len || r->new % PAGE || !(r->flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
        return -EINVAL;
    if (r->old < r->new + r->new_len && r->new < r->old + r->old_len)
        return -EINVAL;
    return model_totals(r->m).extents + 5 >= r->m->max_maps ? -ENOMEM : 0;
}

/* What the extent at old allows. */
static long check_extent(struct remap *r)
{
    const struct model *m = r->m;
    long at = r->old < TASK(m) ? model_index(m, r->old / PAGE) : -1;
    uint64_t kept = r->old_len < r->new_len ? r->old_len : r->new_len;
    uint64_t delta = r->new_len - r->old_len;
    const struct model_page *p;

    if (at < 0 || !m->page[at].mapped)
        return -EFAULT;
    r->at = (unsigned)at;
    r->extent = model_extent(m, r->at);
    p = &m->page[at];
    if (!has_target(r) && r->new_len <= r->old_len)
        return 0;
    if (moves_only(r))
        return 0;
    if (r->old_len == 0 && !p->shared)
        return -EINVAL;
    if (kept > (r->extent.to - r->at) * PAGE)
        return -EFAULT;
    if (r->new_len <= r->old_len)
        return r->new_len < r->old_len && r->old_len > TASK(m) - r->old ? -EINVAL : 0;
    if (p->pgoff + r->new_len / PAGE < p->pgoff)
        return -EINVAL;
    if (p->locked && model_totals(m).locked + delta / PAGE > m->limit_memlock >> 12)
        return -EAGAIN;
    return model_may_expand(m, p, delta / PAGE, 0, 0) ? 0 : -ENOMEM;
}

/* ---- In place ---- */

static bool room_behind(const struct remap *r)
{
    struct span added;

    if (r->old_len == 0 || r->at + r->old_len / PAGE != r->extent.to)
        return false;
    if (r->new_len > TASK(r->m) - r->old)
        return false;
    return model_span(r->m, r->old, r->new_len, &added) &&
           model_mapped(r->m, added) == r->old_len / PAGE;
}

static long grow_in_place(struct remap *r)
{
    struct span added = span_of(r->m, r->old + r->old_len, r->new_len - r->old_len);
    struct model_page *p = r->m->page;

    for (unsigned i = added.from; i < added.to; i++) {
        p[i] = p[i - 1];
        p[i].pgoff++;
        p[i].first = false;
        p[i].frame = FRAME_NONE;
    }
    model_join(r->m, added);
    if (p[added.from].locked)
        model_populate(r->m, added);
    return (long)r->old;
}

/* ---- Move ---- */

/* As Linux checks it once the target and the rest of the source are gone. */
static long check_kept(const struct remap *r)
{
    const struct model *m = r->m;
    uint64_t gone, gone_data;
    struct span dst;

    if (!(r->flags & MREMAP_DONTUNMAP))
        return 0;
    dst = span_of(r->m, r->new, r->new_len);
    gone = model_mapped(m, dst);
    gone_data = model_data(m, dst);
    return model_may_expand(m, &m->page[r->at], r->old_len / PAGE, gone, gone_data) ? 0 : -ENOMEM;
}

static long choose_target(struct remap *r)
{
    uint64_t hint = r->flags & MREMAP_DONTUNMAP ? r->new / PAGE : 0;

    if (!(r->flags & MREMAP_FIXED)) {
        r->new = model_place(r->m, hint, r->new_len / PAGE) * PAGE;
        if (!r->new)
            return -ENOMEM;
    }
    if (r->new / PAGE < r->m->lowest)
        return -EPERM;
    return 0;
}

/* The pages of D as they will be, in @moved. */
static void lift(const struct remap *r, struct model_page *moved)
{
    struct model_page kind = r->m->page[r->at];
    bool fresh = !kind.object && !kind.anon;
    uint64_t pgoff = fresh ? r->new / PAGE : kind.pgoff;

    kind.frame = FRAME_NONE;
    kind.first = false;
    for (unsigned n = 0; n < r->new_len / PAGE; n++) {
        moved[n] = n < r->old_len / PAGE ? r->m->page[r->at + n] : kind;
        moved[n].pgoff = pgoff + n;
        moved[n].first = n == 0;
    }
}

/* S stays, with nothing in it and not locked; its whole extent is not. */
static void leave_source(struct remap *r, struct span src)
{
    struct model_page *p = r->m->page;
    bool all = r->extent.from == src.from && r->extent.to == src.to;

    for (unsigned i = r->extent.from; i < r->extent.to; i++) {
        p[i].locked = p[i].on_fault = false;
        if (all)
            p[i].anon = 0;
        if (i >= src.from && i < src.to)
            p[i].frame = FRAME_NONE;
    }
}

/* All is checked: one extent's pages, or fewer, go to r->new. */
static void move_pages(struct remap *r)
{
    static struct model_page moved[MODEL_PAGES];
    struct span src = span_of(r->m, r->old, r->old_len), dst = span_of(r->m, r->new, r->new_len);
    struct model *m = r->m;

    m->moves++;
    lift(r, moved);
    model_clear(m, dst);
    memcpy(&m->page[dst.from], moved, r->new_len / PAGE * sizeof(moved[0]));
    model_join(m, dst);
    if (r->flags & MREMAP_DONTUNMAP) {
        r->extent = model_extent(m, r->at);
        leave_source(r, src);
    } else {
        model_clear(m, src);
    }
    model_sweep(m);
    if (moved[0].locked && r->new_len > r->old_len)
        model_populate(m, (struct span){dst.from + (unsigned)(r->old_len / PAGE), dst.to});
}

static long move(struct remap *r)
{
    struct model *m = r->m;
    long err;

    if ((r->flags & MREMAP_FIXED) && r->new == r->old)
        return -EFAULT; /* old_len 0: what is to be shown a second time would be gone */
    err = choose_target(r);
    if (!err)
        err = check_kept(r);
    if (!err && model_totals(m).extents + 3 >= m->max_maps)
        err = -ENOMEM;
    if (err)
        return err;
    move_pages(r);
    if (r->flags & MREMAP_DONTUNMAP)
        model_join(m, r->extent);
    return (long)r->new;
}

/* ---- Several extents: one move after the other, or none ---- */

/* From @at on, the next page of the range that is mapped. Its extent, cut to the range; false at the end. */
static bool next_part(const struct remap *r, uint64_t *at, struct span *part)
{
    uint64_t end = r->old + r->old_len;
    long i = -1;

    while (*at < end && *at < TASK(r->m) &&
           ((i = model_index(r->m, *at / PAGE)) < 0 || !r->m->page[i].mapped))
        *at += PAGE;
    if (*at >= end || *at >= TASK(r->m))
        return false;
    part->from = (unsigned)i;
    part->to = model_extent(r->m, part->from).to;
    if ((part->to - part->from) * PAGE > end - *at)
        part->to = part->from + (unsigned)((end - *at) / PAGE);
    return true;
}

static struct remap part_of(const struct remap *r, uint64_t at, struct span part)
{
    struct remap one = *r;

    one.old = at;
    one.new = r->new + (at - r->old);
    one.old_len = one.new_len = (part.to - part.from) * PAGE;
    one.at = part.from;
    one.extent = model_extent(r->m, part.from);
    return one;
}

/* How many extents and pages there are when the part's turn comes. Nothing is assumed to be joined. */
static long forecast(const struct remap *one, struct model_totals *t)
{
    const struct model *m = one->m;
    const struct model_page *kind = &m->page[one->at];
    struct span dst = span_of(one->m, one->new, one->new_len);
    bool stays = one->flags & MREMAP_DONTUNMAP;
    uint64_t pages = dst.to - dst.from;

    if (t->extents + 3 >= m->max_maps)
        return -ENOMEM;
    t->extents += model_cuts(m, dst) == 2 && model_extent(m, dst.from).to > dst.to;
    t->extents += stays || one->extent.to - one->extent.from > pages;
    t->total -= model_mapped(m, dst);
    t->data -= model_data(m, dst);
    if (stays && t->total + pages > m->limit_as >> 12)
        return -ENOMEM;
    if (stays && model_is_data(kind) && t->data + pages > m->limit_data >> 12)
        return -ENOMEM;
    t->total += stays ? pages : 0;
    t->data += stays && model_is_data(kind) ? pages : 0;
    return 0;
}

static long move_all(struct remap *r)
{
    struct model_totals t = model_totals(r->m);
    uint64_t new = r->new;
    struct span part;
    struct remap one;
    long err = new / PAGE < r->m->lowest ? -EPERM : 0;

    for (uint64_t at = r->old; !err && next_part(r, &at, &part); at += one.old_len) {
        one = part_of(r, at, part);
        err = forecast(&one, &t);
    }
    if (err)
        return err;
    for (uint64_t at = r->old; next_part(r, &at, &part); at += one.old_len) {
        one = part_of(r, at, part);
        move_pages(&one);
    }
    if (r->flags & MREMAP_DONTUNMAP)
        model_join(r->m, (struct span){model_extent(r->m, r->at).from, one.extent.to});
    return (long)new;
}

static long remap(struct remap *r)
{
    long err = check_arguments(r);

    if (!err)
        err = check_extent(r);
    if (err)
        return err;
    if (moves_only(r))
        return move_all(r);
    if (has_target(r))
        return move(r);
    if (r->new_len == r->old_len)
        return (long)r->old;
    if (r->new_len < r->old_len) {
        err = model_munmap(r->m, r->old + r->new_len, r->old_len - r->new_len);
        return err ? err : (long)r->old;
    }
    if (room_behind(r))
        return grow_in_place(r);
    return r->flags & MREMAP_MAYMOVE ? move(r) : -ENOMEM;
}

long model_mremap(struct model *m, uint64_t addr, uint64_t old_len, uint64_t new_len,
                  uint32_t flags, uint64_t new_addr)
{
    struct remap r = {
        .m = m,
        .old = addr,
        .old_len = round_up(old_len),
        .new_len = round_up(new_len),
        .new = new_addr,
        .flags = flags,
    };

    return remap(&r);
}
