/* madvise and mincore, in Linux's order of checks. See sim_model.h. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_model_range.h"

/* ---- madvise ---- */

static bool known_advice(int advice)
{
    return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
           advice == MADV_WILLNEED || advice == MADV_DONTNEED || advice == MADV_HUGEPAGE ||
           advice == MADV_NOHUGEPAGE || advice == MADV_DONTDUMP || advice == MADV_DODUMP ||
           advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE || advice == MADV_COLD ||
           advice == MADV_PAGEOUT || advice == MADV_FREE || advice == MADV_DONTNEED_LOCKED;
}

static bool forgets(int advice)
{
    return advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED || advice == MADV_FREE;
}

/* Whether such memory refuses to be given up, or called cold. */
static bool refuses(const struct model_page *p, int advice)
{
    bool leaves_locked = advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_COLD ||
                         advice == MADV_PAGEOUT;

    return p->mapped && ((p->locked && leaves_locked) || (p->object && advice == MADV_FREE));
}

static long give_up(struct model *m, struct span span, int advice)
{
    for (unsigned i = span.from; i < span.to; i++)
        if (refuses(&m->page[i], advice))
            return -EINVAL;
    if (has_hole(m, span))
        return -ENOMEM;
    for (unsigned i = span.from; forgets(advice) && i < span.to; i++)
        m->page[i].frame = FRAME_NONE;
    return 0;
}

/* The first page without the right, or hole, decides; objects that end early are met on the way. */
static long fetch(struct model *m, struct span span, enum model_access access)
{
    uint8_t need = access == MODEL_WRITE ? MODEL_W : MODEL_R;

    for (unsigned i = span.from; i < span.to; i++) {
        if (!m->page[i].mapped)
            return -ENOMEM;
        if (!(m->page[i].prot & need))
            return -EINVAL;
    }
    for (unsigned i = span.from; i < span.to; i++)
        if (model_touch(m, model_number(m, i), access) != TOUCH_DONE)
            return -EFAULT;
    return 0;
}

long model_madvise(struct model *m, uint64_t addr, uint64_t len, int advice)
{
    struct span span;

    if (!known_advice(advice) || addr % PAGE)
        return -EINVAL;
    if ((len && round_up(len) == 0) || addr + round_up(len) < addr)
        return -EINVAL;
    if (len == 0)
        return 0;
    span = span_of(m, addr, len);
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return fetch(m, span, advice == MADV_POPULATE_WRITE ? MODEL_WRITE : MODEL_READ);
    return give_up(m, span, advice);
}

long model_mincore(struct model *m, uint64_t addr, uint64_t pages, uint8_t *vec)
{
    struct span span = span_of(m, addr, pages * PAGE);

    if (has_hole(m, span))
        return -ENOMEM;
    for (unsigned i = span.from; i < span.to; i++) {
        const struct model_page *p = &m->page[i];
        const struct model_object *o = &m->object[p->object];

        vec[i - span.from] = p->frame != FRAME_NONE ||
                             (p->object && p->pgoff * PAGE < o->bytes && o->filled[p->pgoff]);
    }
    return 0;
}
