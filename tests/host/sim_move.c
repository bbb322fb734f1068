/* A move on a stage. See sim_move.h. */
#include "tests/host/sim_move.h"

#include <string.h>

#include "tests/host/sim_private.h"

typedef unsigned long long ull;

static vaddr_t old_end(const struct scene *s)
{
    return s->move.old + s->move.len;
}

static vaddr_t new_end(const struct scene *s)
{
    return s->move.new + s->move.len;
}

static bool in_source(const struct scene *s, vaddr_t va)
{
    return va - s->move.old < s->move.len;
}

static bool in_target(const struct scene *s, vaddr_t va)
{
    return va - s->move.new < s->move.len;
}

_Noreturn static void die(const struct scene *s, const char *what, vaddr_t va)
{
    const struct pt_move *m = &s->move;

    sim_die(
        "move %llx -> %llx, %llx bytes, bounds %llx %llx, %llx %llx, realign %d, target used %d: "
        "%s at %llx",
        (ull)m->old, (ull)m->new, (ull)m->len, (ull)m->old_floor, (ull)m->old_ceiling,
        (ull)m->new_floor, (ull)m->new_ceiling, mm_config.realign, s->target_used, what, (ull)va);
}

/* ---- The stage ---- */

void scene_start(struct scene *s, vaddr_t old, vaddr_t new, uint64_t len)
{
    s->mm = (struct mm){0};
    s->count = 0;
    s->target_used = false;
    if (pt_init(&s->mm.pt, PT_TOP))
        sim_die("no frame for a root");
    s->mm.pt.space = 1;
    port_root_init(port_paddr(s->mm.pt.root));
    s->move = (struct pt_move){.mm = &s->mm,
                               .old = old,
                               .new = new,
                               .len = len,
                               .old_ceiling = USER_END,
                               .new_ceiling = USER_END};
}

void scene_page(struct scene *s, vaddr_t va)
{
    static const unsigned rights[] = {PTE_R | PTE_W, PTE_R, PTE_R | PTE_X, 0};
    unsigned level;
    struct pte *leaf;

    if (sim_leaf(&s->mm.pt, va, &level))
        return;
    if (s->count == SCENE_PAGES)
        sim_die("too many pages on the stage");
    sim_map(&s->mm, va, rights[s->count % 4], PT_PTE);
    leaf = sim_leaf(&s->mm.pt, va, &level);
    *(uint64_t *)port_ptr(pte_addr(*leaf)) = va ^ 0x5ce9e;
    s->page[s->count++] = (struct scene_page){va, leaf->raw};
}

void scene_fill(struct scene *s, unsigned more)
{
    uint64_t pages = s->move.len / PAGE_SIZE;

    scene_page(s, s->move.old);
    scene_page(s, old_end(s) - PAGE_SIZE);
    for (unsigned l = PT_PMD; l <= PT_TOP; l++) {
        unsigned edges = 0;

        for (vaddr_t va = pt_ceiling(s->move.old, l); va < old_end(s) && edges < 8;
             va += pt_span(l)) {
            scene_page(s, va);
            if (va > s->move.old)
                scene_page(s, va - PAGE_SIZE);
            edges++;
        }
    }
    while (more--)
        scene_page(s, s->move.old + port_random() % pages * PAGE_SIZE);
}

void scene_neighbour(struct scene *s, vaddr_t va)
{
    struct pt_move *m = &s->move;

    scene_page(s, va);
    if (va < m->old)
        m->old_floor = max_u64(m->old_floor, va + PAGE_SIZE);
    else
        m->old_ceiling = min_u64(m->old_ceiling, va);
    if (va < m->new)
        m->new_floor = max_u64(m->new_floor, va + PAGE_SIZE);
    else
        m->new_ceiling = min_u64(m->new_ceiling, va);
}

/* ---- The fewest entries, from the definition: what may move whole does, else its parts ---- */

static bool may_move_whole(const struct pt_move *m, vaddr_t base, unsigned level)
{
    uint64_t span = pt_span(level);
    vaddr_t end = base + span;

    if ((m->new - m->old) % span)
        return false;
    if (base < m->old && base < m->old_floor)
        return false;
    if (end > m->old + m->len && end > m->old_ceiling)
        return false;
    if (base < m->old && m->old - base > m->new - m->new_floor)
        return false;
    return end <= m->old + m->len || end - (m->old + m->len) <= m->new_ceiling - (m->new + m->len);
}

static bool has_moving_page(const struct scene *s, vaddr_t base, uint64_t span)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->page[i].va - base < span && in_source(s, s->page[i].va))
            return true;
    return false;
}

static void count_fewest(struct scene *s, vaddr_t base, unsigned level)
{
    if (!has_moving_page(s, base, pt_span(level)))
        return;
    if (may_move_whole(&s->move, base, level)) {
        s->fewest[level]++;
        return;
    }
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        count_fewest(s, base + i * pt_span(level - 1), level - 1);
}

static void find_fewest(struct scene *s)
{
    memset(s->fewest, 0, sizeof(s->fewest));
    for (vaddr_t base = 0; base < USER_END; base += pt_span(PT_TOP))
        count_fewest(s, base, PT_TOP);
}

/* ---- Looking ---- */

static void check_page(struct scene *s, const struct scene_page *page)
{
    vaddr_t now = page->va;
    unsigned level;
    struct pte *leaf;

    if (in_source(s, page->va))
        now += s->move.new - s->move.old;
    leaf = sim_leaf(&s->mm.pt, now, &level);
    if (!leaf)
        die(s, "page lost, due", now);
    if ((leaf->raw ^ page->raw) & ~(PTE_ACCESSED | PTE_DIRTY))
        die(s, "another page", now);
    if (*(uint64_t *)port_ptr(pte_addr(*leaf)) != (page->va ^ 0x5ce9e))
        die(s, "another content", now);
}

static void check_counts(struct scene *s, uint32_t free_before)
{
    uint64_t leaves;

    sim_recount(&s->mm.pt, &leaves);
    if (leaves != s->count || s->mm.rss_pages != s->count)
        die(s, "leaves too many or few", leaves);
    if (s->move.reserve.count || sim_tables_reserved())
        die(s, "reserve not given back", s->move.reserve.count);
    if (sim_frames_free() != free_before - s->count - s->mm.pt.tables)
        die(s, "frames leaked", sim_frames_free());
    if (pt_move_progress(&s->move) != s->move.len)
        die(s, "progress", pt_move_progress(&s->move));
    for (unsigned l = 0; mm_config.realign == REALIGN_FULL && l < PT_LEVELS; l++)
        if (s->move.moved[l] != s->fewest[l])
            die(s, "entries moved are not the fewest at level", l);
}

static void touch_all(struct scene *s)
{
    unsigned cpu = 0;

    for (unsigned i = 0; i < s->count; i++)
        sim_access(&s->mm, cpu++ % SIM_CPUS, s->page[i].va, ACCESS_READ);
    sim_tlb_check(&s->mm);
}

/* The target's own pages, which go between plan and commit as mremap's do. */
static void clear_target(struct scene *s, struct gather *g)
{
    struct range target = {s->move.new, new_end(s)};
    unsigned kept = 0;

    tlb_zap(g, target);
    tlb_prune(g, target);
    for (unsigned i = 0; i < s->count; i++)
        if (!in_target(s, s->page[i].va))
            s->page[kept++] = s->page[i];
    s->count = kept;
}

static void commit(struct scene *s, uint32_t free_before)
{
    uint64_t flushes = sim_flushes();
    struct gather g;

    sim_op("the move");
    tlb_begin(&g, &s->mm, &s->mm.pt);
    if (s->target_used)
        clear_target(s, &g);
    pt_move_commit(&s->move, &g);
    tlb_finish(&g);
    if (sim_flushes() > flushes + 1)
        die(s, "more than one flush", sim_flushes() - flushes);
    find_fewest(s);
    sim_tlb_check(&s->mm);
    for (unsigned i = 0; i < s->count; i++)
        check_page(s, &s->page[i]);
    check_counts(s, free_before);
}

static uint32_t frames_without(const struct scene *s)
{
    return sim_frames_free() + s->count + (uint32_t)s->mm.pt.tables;
}

void scene_run(struct scene *s)
{
    uint32_t free_before = frames_without(s);

    touch_all(s);
    s->move.tables_change = s->target_used;
    if (pt_move_plan(&s->move))
        die(s, "plan failed", s->move.old);
    commit(s, free_before);
}

void scene_run_starved(struct scene *s)
{
    uint32_t free_before = frames_without(s);
    struct sim_snapshot *snap = sim_snapshot();
    struct pt_move asked;
    uint64_t n = 0;

    touch_all(s);
    s->move.tables_change = s->target_used;
    asked = s->move;
    do {
        if (sim_changed(snap))
            die(s, sim_changed(snap), n);
        s->move = asked;
        sim_fail_after(++n, false);
    } while (pt_move_plan(&s->move));
    if (sim_refused())
        die(s, "the plan did without a table it asked for", n);
    sim_fail_after(0, false);
    pt_move_cancel(&s->move);
    if (sim_changed(snap))
        die(s, sim_changed(snap), n);
    sim_snapshot_free(snap);
    s->move = asked;
    if (pt_move_plan(&s->move))
        die(s, "plan failed", s->move.old);
    commit(s, free_before);
}

void scene_end(struct scene *s)
{
    struct range all = {0, USER_END};
    struct gather g;

    tlb_begin(&g, &s->mm, &s->mm.pt);
    tlb_zap(&g, all);
    tlb_prune(&g, all);
    tlb_finish(&g);
    sim_check_kernel_half(&s->mm);
    if (s->mm.pt.tables != 1 || s->mm.rss_pages || sim_tlb_count(&s->mm))
        die(s, "something left", s->mm.pt.tables);
    port_frame_free(port_paddr(s->mm.pt.root));
}

uint64_t scene_moved(const struct scene *s)
{
    uint64_t sum = 0;

    for (unsigned l = 0; l < PT_LEVELS; l++)
        sum += s->move.moved[l];
    return sum;
}
