/* One case: laid out, tried, and looked at. See case.h. */
#include "tests/exhaust/case.h"

#include <string.h>

#include "kernel/abi/mman.h"
#include "mm/pt_move.h"
#include "mm/vma.h"

#define AT(page) ((vaddr_t)(page) << PAGE_SHIFT)
#define STACK_ROOM 32

uint64_t case_count;

/* What the layout is, and what must become of it. */
static struct look before;
static char kind_before[EX_PAGES];

struct outcome {
    struct pte leaf[EX_PAGES];
    char kind[EX_PAGES];
};

/* ---- Laying out ---- */

static uint32_t prot_of(char kind)
{
    return PROT_READ | (kind == 'w' || kind == 's' ? PROT_WRITE : 0) |
           (kind == 'x' ? PROT_EXEC : 0);
}

static unsigned rights_of(char kind)
{
    return PTE_R | (kind == 'w' || kind == 's' ? PTE_W : 0) | (kind == 'x' ? PTE_X : 0);
}

static void map_area(const struct area *a, unsigned number)
{
    uint32_t flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | (a->kind == 's' ? MAP_GROWSDOWN : 0);
    long at = mm_mmap(machine_mm, AT(a->from), AT(a->to - a->from), prot_of(a->kind), flags, NULL,
                      0, true);

    if (at != (long)AT(a->from))
        machine_fail("area %u-%u cannot be laid out: %ld", a->from, a->to, at);
    vma_at(machine_mm, AT(a->from))->anon = number + 1;
}

void case_stage(const struct ex_case *c)
{
    machine_armed = false;
    machine_reset();
    mm_config.mmap_min_addr = 0;
    memset(kind_before, 0, sizeof(kind_before));
    machine_mm->lock.holders = -1;
    for (unsigned i = 0; i < c->areas; i++) {
        memset(kind_before + c->area[i].from, c->area[i].kind, c->area[i].to - c->area[i].from);
        if (c->class != CLASS_ENGINE)
            map_area(&c->area[i], i);
    }
    machine_mm->anon_ids = c->areas;
    for (unsigned p = 0; p < EX_PAGES; p++)
        if (pages_has(&c->present, p))
            machine_map(p, rights_of(kind_before[p]), p + 1);
    machine_mm->lock.holders = 0;
    machine_look(&machine_mm->pt, &before);
    machine_cache();
    machine_keep();
}

/* ---- What must come of it ---- */

static unsigned kept_pages(const struct ex_case *c)
{
    return c->class == CLASS_REMAP && c->new_len < c->len ? c->new_len : c->len;
}

static unsigned target_pages(const struct ex_case *c)
{
    return c->class == CLASS_REMAP ? c->new_len : c->len;
}

static bool in(unsigned page, unsigned start, unsigned len)
{
    return page - start < len;
}

/* Pages that are neither of the two ranges, and belong to something. */
static struct pages others_of(const struct ex_case *c)
{
    struct pages others = {{0}};

    for (unsigned p = 0; p < EX_PAGES; p++)
        if (kind_before[p] && !in(p, c->old, c->len) && !in(p, c->new, target_pages(c)))
            pages_add(&others, p);
    return others;
}

/* The shifted stack has room below, as far as that is free. */
static void make_room(const struct ex_case *c, struct outcome *want)
{
    unsigned p = c->new;

    for (unsigned room = 0; room < STACK_ROOM && p > 0 && !want->kind[p - 1]; room++)
        want->kind[--p] = 's';
}

static void predict(const struct ex_case *c, struct outcome *want)
{
    unsigned kept = kept_pages(c);
    bool leave = c->class == CLASS_REMAP && (c->flags & MREMAP_DONTUNMAP);

    memcpy(want->leaf, before.leaf, sizeof(want->leaf));
    memcpy(want->kind, kind_before, sizeof(want->kind));
    memset(want->leaf + c->old, 0, c->len * sizeof(want->leaf[0]));
    memset(want->leaf + c->new, 0, target_pages(c) * sizeof(want->leaf[0]));
    if (!leave)
        memset(want->kind + c->old, 0, c->len);
    memset(want->kind + c->new, kind_before[c->old], target_pages(c));
    memcpy(want->leaf + c->new, before.leaf + c->old, kept * sizeof(want->leaf[0]));
    if (c->class == CLASS_SHIFT)
        make_room(c, want);
}

/* ---- The move ---- */

/* The nearest page of another below @page, plus one; or above. */
static unsigned floor_of(const struct pages *others, unsigned page)
{
    while (page > 0 && !pages_has(others, page - 1))
        page--;
    return page;
}

static unsigned ceiling_of(const struct pages *others, unsigned page)
{
    while (page < EX_PAGES && !pages_has(others, page))
        page++;
    return page;
}

/* Straight to the engine. Pages that the target has of its own are cleared between plan and commit. */
static unsigned run_engine(const struct ex_case *c, const struct pages *others)
{
    struct pt_move m = {
        .mm = machine_mm,
        .old = AT(c->old),
        .new = AT(c->new),
        .len = AT(c->len),
        .old_floor = AT(floor_of(others, c->old)),
        .old_ceiling = AT(ceiling_of(others, c->old + c->len)),
        .new_floor = AT(floor_of(others, c->new)),
        .new_ceiling = AT(ceiling_of(others, c->new + c->len)),
    };
    struct gather g;
    unsigned moved = 0;

    for (unsigned i = 0; i < c->len; i++)
        m.tables_change |= !in(c->new + i, c->old, c->len) && before.leaf[c->new + i].raw;
    if (pt_move_plan(&m))
        machine_fail("the plan failed");
    tlb_begin(&g, machine_mm, &machine_mm->pt);
    if (m.tables_change) {
        tlb_zap(&g, (struct range){AT(c->new), AT(c->new + c->len)});
        tlb_prune(&g, (struct range){AT(c->new), AT(c->new + c->len)});
    }
    pt_move_commit(&m, &g);
    tlb_finish(&g);
    if (m.done != m.len)
        machine_fail("progress %llu of %llu bytes", (unsigned long long)m.done,
                     (unsigned long long)m.len);
    for (unsigned l = 0; l < PT_LEVELS; l++)
        moved += (unsigned)m.moved[l];
    return moved;
}

static void run_call(const struct ex_case *c)
{
    long result, should = (long)AT(c->new);

    /* Page 0 takes part, but where mm/ chooses the place it is none. */
    mm_config.mmap_min_addr = c->flags == MREMAP_MAYMOVE ? PAGE_SIZE : 0;
    if (c->class == CLASS_REMAP) {
        result =
            mm_mremap(machine_mm, AT(c->old), AT(c->len), AT(c->new_len), c->flags, AT(c->new));
    } else {
        machine_mm->layout.stack_top = AT(c->old + c->len);
        result = stack_shift(machine_mm, AT(c->old - c->new));
        should = 0;
    }
    if (result != should)
        machine_fail("answer %ld, should be %ld", result, should);
}

/* Entries moved. */
static unsigned run(const struct ex_case *c, const struct pages *others)
{
    uint64_t moved = 0;

    mm_config.realign = c->mode;
    machine_mm->lock.holders = -1;
    if (c->class == CLASS_ENGINE) {
        moved = run_engine(c, others);
    } else {
        memset(mm_stats.moved, 0, sizeof(mm_stats.moved));
        run_call(c);
        for (unsigned l = 0; l < PT_LEVELS; l++)
            moved += mm_stats.moved[l];
    }
    machine_mm->lock.holders = 0;
    return (unsigned)moved;
}

/* ---- Looking ---- */

static void check_pages(const struct outcome *want, const struct look *after)
{
    unsigned leaves = 0;

    for (unsigned p = 0; p < EX_PAGES; p++) {
        leaves += want->leaf[p].raw != 0;
        if (after->leaf[p].raw == want->leaf[p].raw)
            continue;
        if (!after->leaf[p].raw)
            machine_fail("page %u is lost, it held %llu", p,
                         (unsigned long long)machine_id(want->leaf[p]) - 1);
        if (!want->leaf[p].raw)
            machine_fail("page %u should be empty and holds %llu", p,
                         (unsigned long long)machine_id(after->leaf[p]) - 1);
        machine_fail("page %u holds %llu, should hold %llu", p,
                     (unsigned long long)machine_id(after->leaf[p]) - 1,
                     (unsigned long long)machine_id(want->leaf[p]) - 1);
    }
    if (machine_frames_used() != 1 + after->tables + leaves)
        machine_fail("%u frames in use, should be %u", machine_frames_used(),
                     1 + after->tables + leaves);
    if (machine_mm->rss_pages != leaves)
        machine_fail("rss %llu, should be %u", (unsigned long long)machine_mm->rss_pages, leaves);
}

static void check_areas(const struct outcome *want)
{
    unsigned p = 0, total = 0;

    for (const struct vma *vma = machine_mm->first; vma; vma = vma->next) {
        for (; AT(p) < vma->start; p++)
            if (want->kind[p])
                machine_fail("page %u should be mapped", p);
        for (; AT(p) < vma->end; p++, total++)
            if (!want->kind[p] || prot_of(want->kind[p]) != (vma->flags & VMA_ACCESS))
                machine_fail("page %u is mapped as %x", p, vma->flags);
    }
    for (; p < EX_PAGES; p++)
        if (want->kind[p])
            machine_fail("page %u should be mapped", p);
    if (machine_mm->total_pages != total)
        machine_fail("%llu pages in all, should be %u", (unsigned long long)machine_mm->total_pages,
                     total);
}

/* Entries moved against what the oracle knows of the mode. */
static void check_count(const struct ex_case *c, const struct pages *others, unsigned moved)
{
    struct problem q = {.old = c->old, .new = c->new, .len = kept_pages(c), .to = EX_PAGES};
    unsigned fewest;

    for (unsigned i = 0; i < q.len; i++)
        if (before.leaf[c->old + i].raw)
            pages_add(&q.moving, c->old + i);
    if (c->mode == REALIGN_FULL) {
        q.others = *others;
    } else {
        struct ex_case kept = *c;

        kept.len = q.len;
        q.from = c->mode == REALIGN_PMD ? oracle_pmd_start(&kept, others) : c->old;
        q.to = c->old + q.len;
    }
    fewest = c->old == c->new ? 0 : oracle_fewest(&q);
    if (moved < fewest || (moved > fewest && !machine_warnings()))
        machine_fail("%u entries moved, it takes %u", moved, fewest);
    if (c->mode == REALIGN_FULL && machine_warnings())
        machine_fail("a warning");
}

static void try_and_check(const struct ex_case *c)
{
    struct pages others = others_of(c);
    struct outcome want;
    struct look after;
    unsigned moved;

    machine_restore();
    moved = run(c, &others);
    predict(c, &want);
    machine_look(&machine_mm->pt, &after);
    check_pages(&want, &after);
    machine_check_cached(&after);
    if (machine_flushes() > 1)
        machine_fail("%u flushes", machine_flushes());
    check_count(c, &others, moved);
    if (c->class == CLASS_ENGINE)
        return;
    check_areas(&want);
    if (case_count % CHECK_EVERY == 0)
        mm_check_all();
}

bool case_try(const struct ex_case *c)
{
    case_count++;
    machine_armed = true;
    if (setjmp(machine_failed))
        return false;
    try_and_check(c);
    return true;
}
