/* mmap, munmap, mprotect, madvise, mlock, brk, mincore, in Linux's order of checks. See sim_model.h. */
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim.h"
#include "tests/host/sim_model.h"

#define PAGE 4096ull
#define TASK(m) ((m)->task_pages * PAGE)

static uint64_t round_up(uint64_t x)
{
    return (x + PAGE - 1) / PAGE * PAGE;
}

/* A range that passed the checks of its call; the caller keeps to the windows. */
static struct span span_of(const struct model *m, uint64_t addr, uint64_t len)
{
    struct span span;

    if (!model_span(m, addr, len, &span))
        sim_die("model: %llx+%llx is not in a window", (unsigned long long)addr,
                (unsigned long long)len);
    return span;
}

static bool has_hole(const struct model *m, struct span span)
{
    return model_mapped(m, span) < span.to - span.from;
}

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

static uint8_t prot_of(uint32_t prot)
{
    return (uint8_t)((prot & PROT_READ ? MODEL_R : 0) | (prot & PROT_WRITE ? MODEL_W : 0) |
                     (prot & PROT_EXEC ? MODEL_X : 0));
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

/* ---- mprotect ---- */

/* The first error that Linux meets on its way up through @span. */
static long may_protect(const struct model *m, struct span span, uint8_t prot)
{
    uint64_t data = model_totals(m).data;

    for (unsigned i = span.from; i < span.to;) {
        struct span e;
        struct model_page now = m->page[i];

        if (!now.mapped)
            return -ENOMEM;
        if ((prot & MODEL_W) && !now.may_write)
            return -EACCES;
        e = model_extent(m, i);
        e.to = e.to < span.to ? e.to : span.to;
        now.prot = prot;
        if (model_is_data(&now) && !model_is_data(&m->page[i])) {
            data += e.to - i;
            if (data > m->limit_data >> 12)
                return -ENOMEM;
        }
        i = e.to;
    }
    return 0;
}

static bool too_many(const struct model *m, struct span span)
{
    unsigned cuts = model_cuts(m, span);

    return cuts && model_totals(m).extents + cuts > m->max_maps;
}

/* From where on PROT_GROWSDOWN or PROT_GROWSUP protect. */
static long protect_start(const struct model *m, struct span *span, uint32_t grows)
{
    unsigned i = span->from;

    while (i < span->to && !m->page[i].mapped)
        i++;
    if (i == span->to)
        return -ENOMEM;
    if (grows == PROT_GROWSDOWN) {
        if (!m->page[i].grows_down)
            return -EINVAL;
        span->from = model_extent(m, i).from;
        return 0;
    }
    if (i > span->from)
        return -ENOMEM;
    return grows == PROT_GROWSUP ? -EINVAL : 0;
}

/* Memory stays reserved for what may have private pages. */
static void protect_page(struct model_page *p, uint8_t prot)
{
    bool changed = p->prot != prot;

    p->prot = prot;
    if (model_reserves(p))
        p->account = true;
    else if (changed && !(prot & MODEL_W) && !p->object && !p->anon)
        p->account = false;
}

/* An extent, or what lies in the range of it. What is locked and private has pages of its own once it is writable. */
static void protect_part(struct model *m, struct span part, uint8_t prot)
{
    const struct model_page *p = &m->page[part.from];
    bool populate = p->locked && !p->shared && !(p->prot & MODEL_W) && (prot & MODEL_W);

    for (unsigned i = part.from; i < part.to; i++)
        protect_page(&m->page[i], prot);
    model_join(m, part);
    if (populate)
        model_populate(m, part);
}

long model_mprotect(struct model *m, uint64_t addr, uint64_t len, uint32_t prot)
{
    uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    struct span span;
    long err;

    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr % PAGE)
        return -EINVAL;
    if (len == 0)
        return 0;
    len = round_up(len);
    if (addr + len <= addr)
        return -ENOMEM;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows))
        return -EINVAL;
    span = span_of(m, addr, len);
    err = protect_start(m, &span, grows);
    if (!err)
        err = may_protect(m, span, prot_of(prot));
    if (err)
        return err;
    if (too_many(m, span))
        return -ENOMEM;
    model_cut(m, span.from);
    model_cut(m, span.to);
    for (unsigned i = span.from; i < span.to;) {
        struct span part = {i, model_extent(m, i).to};

        part.to = part.to < span.to ? part.to : span.to;
        protect_part(m, part, prot_of(prot));
        i = part.to;
    }
    return 0;
}

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

/* ---- mlock ---- */

static void set_locked(struct model *m, struct span span, bool lock, bool on_fault)
{
    for (unsigned i = span.from; i < span.to; i++) {
        if (!m->page[i].mapped)
            continue;
        m->page[i].locked = lock;
        m->page[i].on_fault = lock && on_fault;
    }
    model_join(m, span);
}

/* Locked pages from @start on, up to before @end, addresses; they count once. */
static uint64_t locked_in(const struct model *m, uint64_t start, uint64_t end)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < m->count; i++)
        if (model_number(m, i) >= start / PAGE && model_number(m, i) < end / PAGE)
            n += m->page[i].mapped && m->page[i].locked;
    return n;
}

long model_mlock(struct model *m, uint64_t addr, uint64_t len, bool lock, bool on_fault)
{
    uint64_t start = addr / PAGE * PAGE, end, locked;
    struct span span;

    if (lock && m->limit_memlock == 0)
        return -EPERM;
    len = round_up(len + addr % PAGE);
    end = start + len < start ? UINT64_MAX : start + len;
    locked = model_totals(m).locked + len / PAGE - locked_in(m, start, end);
    if (lock && locked > m->limit_memlock >> 12)
        return -ENOMEM;
    if (start + len < start)
        return -EINVAL;
    if (len == 0)
        return 0;
    span = span_of(m, start, len);
    if (has_hole(m, span) || too_many(m, span))
        return -ENOMEM;
    model_cut(m, span.from);
    model_cut(m, span.to);
    set_locked(m, span, lock, on_fault);
    if (lock && !on_fault)
        model_populate(m, span);
    return 0;
}

long model_mlockall(struct model *m, int flags)
{
    bool on_fault = flags & MCL_ONFAULT;
    struct span all = {0, m->count};

    if ((flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return -EINVAL;
    if (flags && m->limit_memlock == 0)
        return -EPERM;
    if ((flags & MCL_CURRENT) && model_totals(m).total > m->limit_memlock >> 12)
        return -ENOMEM;
    m->future_lock = flags & MCL_FUTURE;
    m->future_on_fault = m->future_lock && on_fault;
    if (flags && !(flags & MCL_CURRENT))
        return 0;
    set_locked(m, all, flags, on_fault);
    if (flags)
        model_populate(m, all);
    return 0;
}
