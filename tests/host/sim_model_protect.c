/* mprotect and mlock, in Linux's order of checks. See sim_model.h. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_model_range.h"

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
    p->untaken = p->untaken && !changed;
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
