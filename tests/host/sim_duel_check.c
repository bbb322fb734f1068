/* mm/ against the model: the comparison. See sim_duel.h. */
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/sim_duel.h"
#include "tests/host/sim_private.h"
#include "tests/host/sim_steps.h"

typedef unsigned long long ull;

static vaddr_t va_of(const struct model *m, unsigned i)
{
    return model_number(m, i) << PAGE_SHIFT;
}

/* ---- Lines of maps ---- */

static uint32_t flags_of(const struct model_page *p)
{
    return (p->prot & MODEL_R ? VMA_READ : 0) | (p->prot & MODEL_W ? VMA_WRITE : 0) |
           (p->prot & MODEL_X ? VMA_EXEC : 0) | (p->shared ? VMA_SHARED : 0) |
           (p->may_write ? VMA_MAYWRITE : 0) | (p->grows_down ? VMA_GROWSDOWN : 0) |
           (p->locked ? VMA_LOCKED : 0) | (p->on_fault ? VMA_LOCKONFAULT : 0) |
           (p->no_reserve ? VMA_NORESERVE : 0) | (p->account ? VMA_ACCOUNT : 0);
}

/* The next VMA from @vma on that lies in a window. */
static const struct vma *skip_walls(const struct model *m, const struct vma *vma)
{
    while (vma && model_index(m, vma->start >> PAGE_SHIFT) < 0)
        vma = vma->next;
    return vma;
}

static void check_extent(const struct duel *d, struct span e, const struct vma *vma)
{
    const struct model_page *p = &d->m.page[e.from];
    vaddr_t start = va_of(&d->m, e.from), end = va_of(&d->m, e.to - 1) + PAGE_SIZE;

    if (!vma || vma->start != start || vma->end != end)
        sim_die("the model has the area %llx-%llx, mm/ has %llx-%llx", (ull)start, (ull)end,
                vma ? (ull)vma->start : 0, vma ? (ull)vma->end : 0);
    if (vma->flags != flags_of(p))
        sim_die("area %llx-%llx: flags %x, should be %x", (ull)start, (ull)end, vma->flags,
                flags_of(p));
    if (vma->object != d->object[p->object])
        sim_die("area %llx-%llx shows another object than %u", (ull)start, (ull)end, p->object);
    if (vma->pgoff != p->pgoff)
        sim_die("area %llx-%llx: pgoff %llx, should be %llx", (ull)start, (ull)end, (ull)vma->pgoff,
                (ull)p->pgoff);
    if (!vma->anon != !p->anon)
        sim_die("area %llx-%llx: %s identity", (ull)start, (ull)end, vma->anon ? "an" : "no");
}

static void check_extents(const struct duel *d)
{
    const struct vma *vma = skip_walls(&d->m, d->mm->first);

    for (unsigned i = 0; i < d->m.count; i++) {
        if (!d->m.page[i].mapped || !d->m.page[i].first)
            continue;
        check_extent(d, model_extent(&d->m, i), vma);
        vma = skip_walls(&d->m, vma->next);
    }
    if (vma)
        sim_die("mm/ has the area %llx-%llx, the model has none", (ull)vma->start, (ull)vma->end);
}

/* ---- Pages ---- */

static enum model_frame frame_of(const struct duel *d, unsigned i, const struct pte *leaf)
{
    const struct model_page *p = &d->m.page[i];
    paddr_t page = 0;

    if (!leaf)
        return FRAME_NONE;
    if (pte_addr(*leaf) == fault_zero_page())
        return FRAME_ZERO;
    if (p->object && p->pgoff << PAGE_SHIFT < page_align(object_size(d->object[p->object])) &&
        object_page(d->object[p->object], p->pgoff, false, &page) == 0 && page == pte_addr(*leaf))
        return FRAME_OBJECT;
    return FRAME_OWN;
}

/* What a leaf grants: all that the area does, but writing to what is not the mapping's own. */
static unsigned rights_of(const struct model_page *p)
{
    bool own = p->shared || (p->frame == FRAME_OWN && !p->untaken);

    if (!p->prot)
        return 0;
    return PTE_R | (p->prot & MODEL_X ? PTE_X : 0) | ((p->prot & MODEL_W) && own ? PTE_W : 0);
}

/* Where the content of @i is read, through the processor if it may be. */
static const void *content(struct duel *d, unsigned i, const struct pte *leaf)
{
    unsigned cpu = (unsigned)(d->steps + i) % SIM_CPUS;
    paddr_t pa = pte_addr(*leaf);

    if (pte_rights(*leaf) & PTE_R)
        pa = sim_access(d->mm, cpu, va_of(&d->m, i), ACCESS_READ);
    if (!pa)
        sim_die("cpu %u cannot read %llx", cpu, (ull)va_of(&d->m, i));
    return port_ptr(pa);
}

/* Every place of the page now and then, four of them each time. */
static void check_content(struct duel *d, unsigned i, const struct pte *leaf)
{
    uint64_t word = model_word(&d->m, i);
    const void *page = content(d, i, leaf);
    int at = d->steps % CHECK_ALL_EVERY ? sim_differs_somewhere(page, word, (unsigned)d->steps + i)
                                        : sim_differs(page, word);

    if (at >= 0)
        sim_die("%llx holds %llx at byte %d, where the page of %llx should go on",
                (ull)va_of(&d->m, i), *(ull *)((char *)page + at), at, (ull)word);
}

static void check_page(struct duel *d, unsigned i)
{
    const struct model_page *p = &d->m.page[i];
    vaddr_t va = va_of(&d->m, i);
    unsigned level = 0;
    struct pte *leaf = sim_leaf(&d->mm->pt, va, &level);
    enum model_frame frame = frame_of(d, i, leaf);

    if (!p->mapped && leaf)
        sim_die("%llx has an entry and should not be mapped", (ull)va);
    if (!p->mapped)
        return;
    if (frame != p->frame)
        sim_die("%llx: frame of kind %d, should be %d", (ull)va, frame, p->frame);
    if (!leaf)
        return;
    if (level != PT_PTE || pte_rights(*leaf) != rights_of(p))
        sim_die("%llx: rights %u, should be %u", (ull)va, pte_rights(*leaf), rights_of(p));
    if (!pte_is_accessed(*leaf) || pte_is_dirty(*leaf) != !!(rights_of(p) & PTE_W))
        sim_die("%llx: marks of use %llx in a page of rights %u", (ull)va, (ull)leaf->raw,
                rights_of(p));
    check_content(d, i, leaf);
}

/* ---- Objects, tables, frames ---- */

static uint64_t filled_pages(const struct object *object)
{
    struct pt_run run;
    vaddr_t va = 0;
    uint64_t n = 0;

    while (pt_next_run(&object->pt, &va, page_align(object->bytes), &run))
        for (unsigned i = 0; i < run.count; i++)
            n += !pte_is_none(run.slots[i]);
    return n;
}

/* Pages of all objects that are filled; the frames that their trees take are in *tables. */
static uint64_t check_objects(const struct duel *d, uint64_t *tables)
{
    uint64_t pages = 0, live = 0;

    for (unsigned n = 1; n <= MODEL_OBJECTS; n++) {
        const struct model_object *o = &d->m.object[n];
        uint64_t filled = 0, leaves;

        if (!o->used)
            continue;
        live++;
        for (unsigned i = 0; i << PAGE_SHIFT < o->bytes; i++)
            filled += o->filled[i];
        if (d->object[n]->pt.top < PT_TOP) /* the recount takes a root of that level for an mm's */
            sim_recount(&d->object[n]->pt, NULL);
        leaves = filled_pages(d->object[n]);
        if (leaves != filled)
            sim_die("object %u has %llu pages, should have %llu", n, (ull)leaves, (ull)filled);
        pages += filled;
        *tables += d->object[n]->pt.tables;
    }
    for (const struct object *o = object_all; o; o = o->next)
        live--;
    if (live + (d->wall != NULL))
        sim_die("%lld objects are missing", (long long)live);
    return pages;
}

/* Tables that the resident pages need: one for each span that one of them lies in, and the root. */
static uint64_t tables_needed(const struct model *m)
{
    uint64_t tables = 1;

    for (unsigned level = PT_PMD; level <= PT_TOP; level++) {
        vaddr_t last = UINT64_MAX;

        for (unsigned i = 0; i < m->count; i++) {
            vaddr_t base = pt_floor(va_of(m, i), level);

            if (m->page[i].frame == FRAME_NONE || base == last)
                continue;
            last = base;
            tables++;
        }
    }
    return tables;
}

static void expect(const char *what, uint64_t is, uint64_t should)
{
    if (is != should)
        sim_die("%s: %llu, should be %llu", what, (ull)is, (ull)should);
}

static void check_counts(const struct duel *d)
{
    struct model_totals t = model_totals(&d->m);
    uint64_t tables = tables_needed(&d->m), object_tables = 0;
    uint64_t object_pages = check_objects(d, &object_tables);

    expect("VMAs", d->mm->vma_count, t.extents);
    expect("pages in all", d->mm->total_pages, t.total);
    expect("data pages", d->mm->data_pages, t.data);
    expect("stack pages", d->mm->stack_pages, t.stack);
    expect("locked pages", d->mm->locked_pages, t.locked);
    expect("resident pages", d->mm->rss_pages, t.resident);
    expect("break", d->mm->layout.brk, d->m.brk);
    expect("tables", d->mm->pt.tables, tables);
    expect("frames", sim.frames - sim.free,
           d->frames_at_start + tables + t.own + object_tables + object_pages);
}

void duel_compare(struct duel *d)
{
    sim_op("the comparison");
    check_extents(d);
    for (unsigned i = 0; i < d->m.count; i++)
        check_page(d, i);
    check_counts(d);
    sim_recount(&d->mm->pt, NULL);
}

/* ---- Counters ---- */

/*
 * Whether a call that was refused must have said why. A break beyond its bounds is a question for the one in
 * force, pages that cannot be fetched are found on the way, and fork gives no child.
 */
static bool says_why(const struct step *s)
{
    return s->kind != STEP_BRK && s->kind != STEP_MADVISE && s->kind != STEP_FORK;
}

static bool is_access(const struct step *s)
{
    return s->kind == STEP_TOUCH || s->kind == STEP_COPY;
}

static uint64_t refusals(const struct mm_stats *stats)
{
    uint64_t n = 0;

    for (unsigned why = 0; why < REFUSAL_COUNT; why++)
        n += stats->refused[why];
    return n;
}

/* Tables but the roots, of all address spaces and objects. */
static uint64_t tables_below_roots(void)
{
    uint64_t n = 0;

    for (const struct mm *mm = mm_all; mm; mm = mm->next_mm)
        n += mm->pt.tables - 1;
    for (const struct object *o = object_all; o; o = o->next)
        n += o->pt.tables - 1;
    return n;
}

/* A run of the engine moves what one extent has, or that of several. */
static void check_moves(const struct duel *d, const struct step *s)
{
    uint64_t runs = mm_stats.moves - d->stats.moves, moves = d->m.moves - d->moves;

    if (runs > moves || (moves && !runs))
        sim_die("%s: %llu runs of the engine counted, should be 1 to %llu", step_text(s), (ull)runs,
                (ull)moves);
}

void duel_check_stats(const struct duel *d, const struct step *s)
{
    uint64_t said = refusals(&mm_stats) - refusals(&d->stats);
    bool refused = (d->failed || s->kind == STEP_BRK) && !is_access(s);

    check_moves(d, s);
    if (said > refused || (refused && says_why(s) && !said))
        sim_die("%s: %llu refusals counted", step_text(s), (ull)said);
    if (!d->short_of_memory)
        expect("copies", mm_stats.cow - d->stats.cow, d->m.copies - d->copies);
    expect("tables allocated and not freed", mm_stats.tables_allocated - mm_stats.tables_freed,
           tables_below_roots());
    expect("flushes", mm_stats.tlb_flush + mm_stats.tlb_flush_full, sim_flushes());
}

/* ---- After a shortage ---- */

static void adopt_objects(struct duel *d)
{
    for (unsigned n = 1; n <= MODEL_OBJECTS; n++) {
        struct model_object *o = &d->m.object[n];
        paddr_t page;

        for (unsigned i = 0; o->used && i < MODEL_OBJECT_PAGES; i++)
            if (o->filled[i] && !(object_page(d->object[n], i, false, &page) == 0 && page))
                o->filled[i] = false;
    }
}

/* No page was had, so no identity was given. */
static void adopt_identities(struct duel *d)
{
    for (unsigned i = 0; i < d->m.count; i++)
        if (d->m.page[i].mapped && !vma_at(d->mm, va_of(&d->m, i))->anon)
            d->m.page[i].anon = 0;
}

/* A page that the parent had, too, and that no write came to. */
static void adopt_untaken(struct model_page *p, const struct pte *leaf)
{
    if (p->frame == FRAME_OWN && leaf && (p->prot & MODEL_W) && !(pte_rights(*leaf) & PTE_W))
        p->untaken = true;
}

void duel_adopt(struct duel *d)
{
    for (unsigned i = 0; i < d->m.count; i++) {
        struct model_page *p = &d->m.page[i];
        unsigned level;
        uint64_t word = model_word(&d->m, i);
        const struct pte *leaf = sim_leaf(&d->mm->pt, va_of(&d->m, i), &level);
        enum model_frame frame = frame_of(d, i, leaf);

        adopt_untaken(p, leaf);
        if (!p->mapped || frame == p->frame || p->frame == FRAME_NONE)
            continue;
        p->frame = frame;
        if (model_word(&d->m, i) != word)
            sim_die("%llx: what a shortage left is not what was there", (ull)va_of(&d->m, i));
    }
    adopt_objects(d);
    adopt_identities(d);
}
