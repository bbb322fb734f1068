/* The array of pages, and what the calls have in common. See sim_model.h. */
#include "tests/host/sim_model.h"

#include <string.h>

#include "kernel/abi/errno.h"
#include "tests/host/sim.h"

void model_start(struct model *m)
{
    memset(m, 0, sizeof(*m));
    m->limit_as = m->limit_data = m->limit_stack = m->limit_memlock = UINT64_MAX;
    m->max_maps = 65530;
}

void model_add_window(struct model *m, uint64_t page, unsigned count)
{
    if (m->count + count > MODEL_PAGES || m->windows == MODEL_WINDOWS)
        sim_die("the model has no room for a window of %u pages", count);
    m->window[m->windows++] = (struct model_window){page, m->count, count};
    m->count += count;
}

long model_index(const struct model *m, uint64_t page)
{
    for (unsigned w = 0; w < m->windows; w++)
        if (page - m->window[w].page < m->window[w].count)
            return (long)(m->window[w].index + (page - m->window[w].page));
    return -1;
}

const struct model_window *model_window(const struct model *m, unsigned i)
{
    const struct model_window *w = m->window;

    while (i >= w->index + w->count)
        w++;
    return w;
}

uint64_t model_number(const struct model *m, unsigned i)
{
    const struct model_window *w = model_window(m, i);

    return w->page + (i - w->index);
}

bool model_span(const struct model *m, uint64_t addr, uint64_t len, struct span *span)
{
    uint64_t pages = (len >> 12) + ((len & 4095) != 0);
    long i = model_index(m, addr >> 12);

    if (i < 0 || pages > MODEL_PAGES)
        return false;
    *span = (struct span){(unsigned)i, (unsigned)(i + (long)pages)};
    return pages == 0 || model_window(m, span->from) == model_window(m, span->to - 1);
}

/* Whether @i is in the same window as the page before it, so that the two are neighbours. */
static bool follows(const struct model *m, unsigned i)
{
    return i > 0 && i < m->count && model_window(m, i)->index != i;
}

struct span model_extent(const struct model *m, unsigned i)
{
    struct span e = {i, i + 1};

    while (!m->page[e.from].first)
        e.from--;
    while (follows(m, e.to) && m->page[e.to].mapped && !m->page[e.to].first)
        e.to++;
    return e;
}

bool model_is_data(const struct model_page *p)
{
    return (p->prot & MODEL_W) && !p->shared && !p->grows_down;
}

bool model_reserves(const struct model_page *p)
{
    return (p->prot & MODEL_W) && !p->shared && !p->no_reserve;
}

struct model_totals model_totals(const struct model *m)
{
    struct model_totals t = {.extents = m->walls, .total = m->wall_pages};

    for (const struct model_page *p = m->page; p < m->page + m->count; p++) {
        if (!p->mapped)
            continue;
        t.extents += p->first;
        t.total++;
        t.data += model_is_data(p);
        t.stack += p->grows_down;
        t.locked += p->locked;
        t.resident += p->frame != FRAME_NONE;
        t.own += p->frame == FRAME_OWN;
    }
    return t;
}

uint64_t model_mapped(const struct model *m, struct span span)
{
    uint64_t n = 0;

    for (unsigned i = span.from; i < span.to; i++)
        n += m->page[i].mapped;
    return n;
}

uint64_t model_data(const struct model *m, struct span span)
{
    uint64_t n = 0;

    for (unsigned i = span.from; i < span.to; i++)
        n += m->page[i].mapped && model_is_data(&m->page[i]);
    return n;
}

static bool in_object(const struct model *m, const struct model_page *p)
{
    return p->pgoff < (m->object[p->object].bytes + 4095) >> 12;
}

uint64_t model_word(const struct model *m, unsigned i)
{
    const struct model_page *p = &m->page[i];

    if (p->frame == FRAME_OWN)
        return p->word;
    if (p->object && in_object(m, p))
        return m->object[p->object].word[p->pgoff];
    return 0;
}

/* ---- Limits ---- */

bool model_may_expand(const struct model *m, const struct model_page *kind, uint64_t pages,
                      uint64_t gone, uint64_t gone_data)
{
    struct model_totals t = model_totals(m);

    if (t.total - gone + pages > m->limit_as >> 12)
        return false;
    return !model_is_data(kind) || t.data - gone_data + pages <= m->limit_data >> 12;
}

long model_may_lock(const struct model *m, uint64_t pages)
{
    if (m->limit_memlock == 0)
        return -EPERM;
    return model_totals(m).locked + pages > m->limit_memlock >> 12 ? -EAGAIN : 0;
}

/* ---- Extents ---- */

void model_cut(struct model *m, unsigned i)
{
    if (i < m->count && m->page[i].mapped)
        m->page[i].first = true;
}

static bool inside_extent(const struct model *m, unsigned i)
{
    return follows(m, i) && m->page[i].mapped && !m->page[i].first;
}

unsigned model_cuts(const struct model *m, struct span span)
{
    return (unsigned)inside_extent(m, span.from) + inside_extent(m, span.to);
}

void model_sweep(struct model *m)
{
    bool shown[MODEL_OBJECTS + 1] = {false};

    for (unsigned i = 0; i < m->count; i++)
        shown[m->page[i].object] = true;
    for (unsigned n = MODEL_NAMED + 1; n <= MODEL_OBJECTS; n++)
        if (m->object[n].used && !shown[n])
            memset(&m->object[n], 0, sizeof(m->object[n]));
}

void model_clear(struct model *m, struct span span)
{
    if (span.from >= span.to)
        return;
    if (follows(m, span.to))
        model_cut(m, span.to);
    for (unsigned i = span.from; i < span.to; i++)
        m->page[i] = (struct model_page){0};
}

static bool same_place(const struct model_page *a, const struct model_page *b)
{
    return a->mapped && b->mapped && a->object == b->object && b->pgoff == a->pgoff + 1;
}

/* What mprotect cannot change is the same. */
static bool kindred(const struct model_page *a, const struct model_page *b)
{
    return same_place(a, b) && a->shared == b->shared && a->may_write == b->may_write &&
           a->grows_down == b->grows_down && a->no_reserve == b->no_reserve &&
           a->account == b->account && a->locked == b->locked && a->on_fault == b->on_fault;
}

static void identify_extent(struct model *m, struct span e, uint32_t anon, bool inherited)
{
    for (unsigned i = e.from; i < e.to; i++) {
        m->page[i].anon = anon;
        m->page[i].inherited = inherited;
    }
}

/* Whether the identity of @p may pass to an extent without one. */
static bool spreads(const struct model_page *p)
{
    return p->anon && !p->inherited;
}

static void join_at(struct model *m, unsigned i)
{
    struct model_page *b = &m->page[i];
    const struct model_page *a = b - 1, *known;

    if (!follows(m, i) || !b->mapped || !b->first || !kindred(a, b) || a->prot != b->prot)
        return;
    known = a->anon ? a : b;
    if (a->anon != b->anon && ((a->anon && b->anon) || !spreads(known)))
        return;
    b->first = false;
    identify_extent(m, model_extent(m, i), known->anon, known->inherited);
}

void model_join(struct model *m, struct span span)
{
    for (unsigned i = span.from ? span.from : 1; i <= span.to && i < m->count; i++)
        join_at(m, i);
}

/* The extent of @i gets its first private page. */
static void identify(struct model *m, unsigned i)
{
    struct span e = model_extent(m, i);
    const struct model_page *first = &m->page[e.from], *last = &m->page[e.to - 1];

    if (first->anon)
        return;
    if (follows(m, e.to) && spreads(last + 1) && kindred(last, last + 1))
        identify_extent(m, e, last[1].anon, false);
    else if (follows(m, e.from) && spreads(first - 1) && kindred(first - 1, first))
        identify_extent(m, e, first[-1].anon, false);
    else
        identify_extent(m, e, ++m->last_anon, false);
}

/* ---- Places ---- */

static unsigned window_end(const struct model *m, unsigned i)
{
    const struct model_window *w = model_window(m, i);

    return w->index + w->count;
}

/* The highest @n free pages in [low, high), page numbers, in one window. */
static uint64_t place_in(const struct model *m, const struct model_window *w, uint64_t n,
                         uint64_t low, uint64_t high)
{
    uint64_t end = w->page + w->count; /* of the gap that is looked at */

    for (unsigned i = w->index + w->count; i-- > w->index;) {
        uint64_t number = w->page + (i - w->index);
        bool taken = m->page[i].mapped;
        uint64_t start = taken ? number + 1 : number;

        if (!taken && i > w->index)
            continue;
        start = start > low ? start : low;
        if (end > high)
            end = high;
        if (end > start && end - start >= n)
            return end - n;
        if (!taken)
            break;
        i = model_extent(m, i).from;
        end = w->page + (i - w->index);
        if (m->page[i].grows_down)
            end = end > m->guard ? end - m->guard : 0;
    }
    return 0;
}

static uint64_t highest(const struct model *m, uint64_t n, uint64_t low, uint64_t high)
{
    uint64_t found = 0;

    for (unsigned w = m->windows; w-- > 0 && !found;)
        found = place_in(m, &m->window[w], n, low, high);
    return found;
}

/* Whether the hint can be had: all free, and what comes next does not need it as its guard. */
static bool hint_free(const struct model *m, uint64_t hint, uint64_t n)
{
    struct span span;
    unsigned i;

    if (hint < m->lowest || hint >= m->task_pages || n > m->task_pages - hint)
        return false;
    if (!model_span(m, hint << 12, n << 12, &span) || model_mapped(m, span))
        return false;
    for (i = span.to; follows(m, i) && !m->page[i].mapped; i++)
        ;
    return !follows(m, i) || !m->page[i].grows_down || i - span.to >= m->guard;
}

uint64_t model_place(const struct model *m, uint64_t hint, uint64_t pages)
{
    uint64_t huge = pt_span(PT_PMD) >> PAGE_SHIFT;
    uint64_t found;

    if (hint_free(m, hint, pages))
        return hint;
    if (pages % huge == 0) {
        found = highest(m, pages + huge - 1, m->lowest, m->mmap_base);
        if (found)
            return (found + huge - 1) / huge * huge;
    }
    found = highest(m, pages, m->lowest, m->mmap_base);
    return found ? found : highest(m, pages, m->lowest, m->task_pages);
}

/* ---- Accesses ---- */

static bool allowed(const struct model_page *p, enum model_access access)
{
    if (access == MODEL_READ)
        return p->prot != 0;
    return p->prot & (access == MODEL_WRITE ? MODEL_W : MODEL_X);
}

/* The stack whose lowest page is @top may come down to @i. */
static bool may_grow(const struct model *m, unsigned i, unsigned top)
{
    struct span e = model_extent(m, top);
    unsigned below = i, grow = top - i;
    const struct model_page *p = &m->page[top];

    if (!p->grows_down || model_number(m, i) < m->lowest || grow > p->pgoff)
        return false;
    if ((uint64_t)(e.to - i) << 12 > m->limit_stack || !model_may_expand(m, p, grow, 0, 0))
        return false;
    if (p->locked && model_totals(m).locked + grow > m->limit_memlock >> 12)
        return false;
    while (follows(m, below) && !m->page[below - 1].mapped)
        below--;
    if (!follows(m, below) || m->page[below - 1].grows_down || !m->page[below - 1].prot)
        return true;
    return i - below >= m->guard;
}

static void grow(struct model *m, unsigned i, unsigned top)
{
    identify(m, top);
    for (unsigned n = top; n-- > i;) {
        m->page[n] = m->page[n + 1];
        m->page[n].pgoff--;
        m->page[n].frame = FRAME_NONE;
        m->page[n].first = false;
    }
    m->page[top].first = false;
    m->page[i].first = true;
    join_at(m, i);
}

/* A page of its own for @i, with what was seen there before. */
static void make_own(struct model *m, unsigned i)
{
    uint64_t word = model_word(m, i);

    m->copies += m->page[i].frame != FRAME_NONE;
    identify(m, i);
    m->page[i].frame = FRAME_OWN;
    m->page[i].untaken = false;
    m->page[i].word = word;
}

static enum model_touch find_page(struct model *m, unsigned i, struct model_page *p)
{
    if (!p->object) {
        p->frame = FRAME_ZERO;
        return TOUCH_DONE;
    }
    m->object[p->object].filled[p->pgoff] = true;
    p->frame = FRAME_OBJECT;
    return TOUCH_DONE;
}

enum model_touch model_touch(struct model *m, uint64_t page, enum model_access access)
{
    long index = page < m->task_pages ? model_index(m, page) : -1;
    unsigned i = (unsigned)index, at = i;
    struct model_page *p;

    if (index < 0)
        return TOUCH_MAPERR;
    p = &m->page[i];
    while (!m->page[at].mapped)
        if (++at == window_end(m, i))
            return TOUCH_MAPERR;
    if (at != i && !may_grow(m, i, at))
        return TOUCH_MAPERR;
    if (!allowed(&m->page[at], access))
        return TOUCH_ACCERR;
    if (p->mapped && p->object && p->frame == FRAME_NONE && !in_object(m, p))
        return TOUCH_BUS;
    if (at != i)
        grow(m, i, at);
    if (access == MODEL_WRITE && !p->shared) {
        if (p->frame != FRAME_OWN)
            make_own(m, i);
        p->untaken = false;
        return TOUCH_DONE;
    }
    return p->frame == FRAME_NONE ? find_page(m, i, p) : TOUCH_DONE;
}

enum model_touch model_write(struct model *m, uint64_t page, uint64_t word)
{
    enum model_touch result = model_touch(m, page, MODEL_WRITE);
    struct model_page *p;

    if (result != TOUCH_DONE)
        return result;
    p = &m->page[model_index(m, page)];
    if (p->frame == FRAME_OWN)
        p->word = word;
    else
        m->object[p->object].word[p->pgoff] = word;
    return TOUCH_DONE;
}

void model_populate(struct model *m, struct span span)
{
    for (unsigned i = span.from; i < span.to; i++) {
        const struct model_page *p = &m->page[i];
        bool write = (p->prot & MODEL_W) && !p->shared;

        if (!p->mapped || !p->prot || p->on_fault)
            continue;
        if (model_touch(m, model_number(m, i), write ? MODEL_WRITE : MODEL_READ) != TOUCH_DONE)
            return;
    }
}

/* ---- Fork ---- */

/* What a fault would find again is not there yet; of locks the child has none. */
static void inherit_extent(struct model *m, struct span e)
{
    if (m->page[e.from].anon)
        identify_extent(m, e, ++m->last_anon, true);
    for (unsigned i = e.from; i < e.to; i++) {
        struct model_page *p = &m->page[i];

        p->locked = p->on_fault = false;
        p->frame = p->anon ? p->frame : FRAME_NONE;
    }
}

void model_fork(struct model *m, bool child)
{
    for (unsigned i = 0; i < m->count; i++)
        m->page[i].untaken = m->page[i].frame == FRAME_OWN;
    if (!child)
        return;
    m->future_lock = m->future_on_fault = false;
    for (unsigned i = 0; i < m->count; i++)
        if (m->page[i].mapped && m->page[i].first)
            inherit_extent(m, model_extent(m, i));
    model_join(m, (struct span){0, m->count});
}
