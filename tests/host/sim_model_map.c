/* mmap, munmap, brk, in Linux's order of checks. See sim_model.h. */
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_model_range.h"

/* ---- munmap ---- */

long model_munmap(struct model *m, uint64_t addr, uint64_t len)
{
    struct span span;

    if (addr % PAGE || addr > TASK(m) || len > TASK(m) - addr || len == 0)
        return -EINVAL;
    span = span_of(m, addr, len);
    if (model_cuts(m, span) == 2 && model_extent(m, span.from).to > span.to &&
        model_totals(m).extents >= m->max_maps)
        return -ENOMEM;
    model_clear(m, span);
    model_sweep(m);
    return 0;
}

/* ---- mmap ---- */

/* Where: checked as given, or chosen. 0 and *page, or the error. */
static long map_place(const struct model *m, uint64_t addr, uint64_t len, uint32_t flags,
                      uint64_t *page)
{
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    uint64_t hint = addr / PAGE;

    if (len > TASK(m))
        return -ENOMEM;
    if (!fixed) {
        hint = hint && hint < m->lowest ? m->lowest : hint;
        addr = model_place(m, hint, len / PAGE) * PAGE;
        if (!addr)
            return -ENOMEM;
    }
    if (addr > TASK(m) - len)
        return -ENOMEM;
    if (addr % PAGE)
        return -EINVAL;
    if (addr / PAGE < m->lowest)
        return -EPERM;
    *page = addr / PAGE;
    if ((flags & MAP_FIXED_NOREPLACE) && model_mapped(m, span_of(m, addr, len)))
        return -EEXIST;
    return 0;
}

/* What each page of the mapping will be, but for its place. */
static long map_kind(const struct model *m, uint32_t prot, uint32_t flags, unsigned object,
                     struct model_page *kind)
{
    uint32_t type = flags & MAP_TYPE;
    bool may_write = !object || m->object[object].may_write;

    if (type != MAP_SHARED && type != MAP_PRIVATE && (type != MAP_SHARED_VALIDATE || !object))
        return -EINVAL;
    if (type == MAP_SHARED_VALIDATE && (flags & ~(uint32_t)MAP_LEGACY_MASK))
        return -EOPNOTSUPP;
    if (type != MAP_PRIVATE && (prot & PROT_WRITE) && !may_write)
        return -EACCES;
    if ((flags & MAP_GROWSDOWN) && (object || type != MAP_PRIVATE))
        return -EINVAL;
    *kind = (struct model_page){
        .mapped = true,
        .prot = prot_of(prot),
        .shared = type != MAP_PRIVATE,
        .may_write = type == MAP_PRIVATE || may_write,
        .grows_down = flags & MAP_GROWSDOWN,
        .no_reserve = flags & MAP_NORESERVE,
        .locked = (flags & MAP_LOCKED) || m->future_lock,
        .on_fault = m->future_on_fault,
        .object = (uint8_t)object,
    };
    kind->account = model_reserves(kind);
    return 0;
}

static unsigned new_object(struct model *m, uint64_t bytes)
{
    unsigned n = MODEL_NAMED + 1;

    while (n <= MODEL_OBJECTS && m->object[n].used)
        n++;
    if (n > MODEL_OBJECTS || bytes > MODEL_OBJECT_PAGES * PAGE)
        sim_die("model: no room for another object");
    memset(&m->object[n], 0, sizeof(m->object[n]));
    m->object[n].used = true;
    m->object[n].bytes = bytes;
    m->object[n].may_write = true;
    return n;
}

static void map_pages(struct model *m, struct span span, struct model_page kind)
{
    model_clear(m, span);
    for (unsigned i = span.from; i < span.to; i++) {
        m->page[i] = kind;
        kind.pgoff++;
    }
    m->page[span.from].first = true;
    model_sweep(m);
    model_join(m, span);
}

static long check_limits(const struct model *m, const struct model_page *kind, struct span span)
{
    uint64_t pages = span.to - span.from;
    uint64_t gone = model_mapped(m, span);

    if (model_totals(m).extents > m->max_maps)
        return -ENOMEM;
    return model_may_expand(m, kind, pages - gone, 0, 0) ? 0 : -ENOMEM;
}

long model_mmap(struct model *m, uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                unsigned object, uint64_t offset)
{
    struct model_page kind;
    uint64_t page = 0;
    struct span span;
    long err;

    m->made = 0;
    if (offset % PAGE || len == 0)
        return -EINVAL;
    len = round_up(len);
    if (len == 0)
        return -ENOMEM;
    if (model_totals(m).extents > m->max_maps)
        return -ENOMEM;
    err = map_place(m, addr, len, flags, &page);
    if (err)
        return err;
    if ((flags & MAP_LOCKED) && m->limit_memlock == 0)
        return -EPERM;
    if (((flags & MAP_LOCKED) || m->future_lock) && model_may_lock(m, len / PAGE))
        return -EAGAIN;
    if (object && offset > INT64_MAX - len)
        return -EOVERFLOW;
    err = map_kind(m, prot, flags, object, &kind);
    span = span_of(m, page * PAGE, len);
    if (!err)
        err = check_limits(m, &kind, span);
    if (err)
        return err;
    kind.pgoff = object ? offset / PAGE : page;
    if (!object && kind.shared) {
        m->made = new_object(m, len);
        kind.object = (uint8_t)m->made;
        kind.pgoff = 0;
    }
    map_pages(m, span, kind);
    if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || kind.locked)
        model_populate(m, span);
    return (long)(page * PAGE);
}

/* ---- brk ---- */

static long brk_grow(struct model *m, uint64_t from, uint64_t to)
{
    struct model_page kind = {
        .mapped = true,
        .prot = MODEL_R | MODEL_W,
        .may_write = true,
        .account = true,
        .locked = m->future_lock,
        .on_fault = m->future_on_fault,
        .pgoff = from / PAGE,
    };
    struct span span = span_of(m, from, to - from);
    struct span room = span_of(m, from, to - from + PAGE);
    unsigned i;

    if (model_mapped(m, room))
        return -ENOMEM;
    for (i = span.to; i < m->count && !m->page[i].mapped; i++)
        ;
    if (i < m->count && m->page[i].grows_down && i - span.to < m->guard + 1)
        return -ENOMEM;
    if (m->future_lock && model_may_lock(m, (to - from) / PAGE))
        return -EAGAIN;
    if (check_limits(m, &kind, span))
        return -ENOMEM;
    map_pages(m, span, kind);
    if (kind.locked)
        model_populate(m, span);
    return 0;
}

long model_brk(struct model *m, uint64_t brk)
{
    uint64_t from = round_up(m->brk), to = round_up(brk);
    long err = 0;

    if (brk < m->brk_start || to > TASK(m) || to < brk)
        return (long)m->brk;
    if (brk - m->brk_start + m->data_bytes > m->limit_data)
        return (long)m->brk;
    if (to > from)
        err = brk_grow(m, from, to);
    else if (to < from)
        err = model_mapped(m, span_of(m, to, from - to)) ? model_munmap(m, to, from - to) : -EINVAL;
    if (!err)
        m->brk = brk;
    return (long)m->brk;
}
