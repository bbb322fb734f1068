/* One case: laid out, tried, and looked at. See case.h. */
#include <string.h>

#include "kernel/abi/mman.h"
#include "mm/pt_move.h"
#include "mm/vma.h"
#include "tests/exhaust/case_private.h"

uint64_t case_count;
struct place staged[EX_PAGES];

/* ---- Laying out ---- */

unsigned kept_pages(const struct ex_case *c)
{
    return c->class == CLASS_REMAP && c->new_len < c->len ? c->new_len : c->len;
}

unsigned target_pages(const struct ex_case *c)
{
    return c->class == CLASS_REMAP ? c->new_len : c->len;
}

uint32_t prot_of(char kind)
{
    bool write = kind == 'w' || kind == 'y' || kind == 's', exec = kind == 'x' || kind == 'y';

    return PROT_READ | (write ? PROT_WRITE : 0) | (exec ? PROT_EXEC : 0);
}

unsigned rights_of(char kind)
{
    uint32_t prot = prot_of(kind);

    return PTE_R | (prot & PROT_WRITE ? PTE_W : 0) | (prot & PROT_EXEC ? PTE_X : 0);
}

static void map_area(const struct area *a, unsigned number)
{
    uint32_t flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | (a->kind == 's' ? MAP_GROWSDOWN : 0);
    long at = mm_mmap(machine_mm, AT(a->from), AT(a->to - a->from), prot_of(a->kind), flags, NULL,
                      0, true);

    if (at != (long)AT(a->from))
        machine_fail("area %u-%u cannot be laid out: %ld", a->from, a->to, at);
    vma_at(machine_mm, AT(a->from))->anon = number + 1;
    vma_at(machine_mm, AT(a->from))->touched = true;
}

/* Pages, of areas that are there. */
static void map_pages(const struct ex_case *c)
{
    struct look look;

    for (unsigned p = 0; p < EX_PAGES; p++) {
        if (!pages_has(&c->present, p))
            continue;
        staged[p].id = (uint16_t)(p + 1);
        machine_map(p, rights_of(staged[p].kind), staged[p].id);
    }
    machine_look(&machine_mm->pt, &look);
    for (unsigned p = 0; p < EX_PAGES; p++)
        staged[p].leaf = look.leaf[p];
}

static void lay_out(const struct area *a, unsigned number)
{
    for (unsigned p = a->from; p < a->to; p++)
        staged[p] =
            (struct place){.pgoff = (uint16_t)p, .anon = (uint8_t)(number + 1), .kind = a->kind};
}

void case_stage(const struct ex_case *c)
{
    machine_armed = false;
    machine_reset();
    mm_config.mmap_min_addr = 0;
    memset(staged, 0, sizeof(staged));
    machine_mm->lock.holders = -1;
    for (unsigned i = 0; i < c->areas; i++) {
        lay_out(&c->area[i], i);
        if (c->class != CLASS_ENGINE)
            map_area(&c->area[i], i);
    }
    machine_mm->anon_ids = c->areas;
    map_pages(c);
    machine_mm->lock.holders = 0;
    machine_cache();
    machine_keep();
}

/* ---- The move ---- */

static bool in(unsigned page, unsigned start, unsigned len)
{
    return page - start < len;
}

/* Pages that are neither of the two ranges, and belong to something. */
static struct pages others_of(const struct ex_case *c)
{
    struct pages others = {{0}};

    for (unsigned p = 0; p < EX_PAGES; p++)
        if (staged[p].kind && !in(p, c->old, c->len) && !in(p, c->new, target_pages(c)))
            pages_add(&others, p);
    return others;
}

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
        m.tables_change |= !in(c->new + i, c->old, c->len) && staged[c->new + i].id;
    if (pt_move_plan(&m))
        machine_fail("the plan failed");
    tlb_begin(&g, machine_mm, &machine_mm->pt);
    if (m.tables_change) {
        tlb_zap(&g, (struct range){AT(c->new), AT(c->new + c->len)});
        tlb_prune(&g, (struct range){AT(c->new), AT(c->new + c->len)});
    }
    pt_move_commit(&m, &g);
    tlb_finish(&g);
    if (pt_move_progress(&m) != m.len)
        machine_fail("progress %llu of %llu bytes", (unsigned long long)pt_move_progress(&m),
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

/* ---- The count ---- */

/* Entries moved against what the oracle knows of the mode. */
static void check_count(const struct ex_case *c, const struct pages *others, unsigned moved)
{
    struct problem q = {
        .old = c->old, .new = c->new, .len = kept_pages(c), .to = EX_PAGES, .top = PT_TOP};
    unsigned fewest;

    for (unsigned i = 0; i < q.len; i++)
        if (staged[c->old + i].id)
            pages_add(&q.moving, c->old + i);
    if (c->mode == REALIGN_FULL) {
        q.others = *others;
    } else {
        struct ex_case kept = *c;

        kept.len = q.len;
        q.from = c->mode == REALIGN_PMD ? oracle_pmd_start(&kept, others) : c->old;
        q.to = c->old + q.len;
        q.top = min_u64(PT_TOP, PT_PUD); /* Linux moves no entry of a PGD */
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
    unsigned moved;

    machine_restore();
    moved = run(c, &others);
    look_at_all(c);
    if (machine_flushes() > 1)
        machine_fail("%u flushes", machine_flushes());
    check_count(c, &others, moved);
    if (c->class != CLASS_ENGINE && case_count % CHECK_EVERY == 0)
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
