/* Page tables and the gather: walk, make, missing, runs, live counts, zap, prune, flushes. */
/* host-build: 9/4 3/3 2/4 2/2 */
#include "tests/host/test.h"

#define FRAMES 2000
#define MANY 300

static struct mm space;

static int setup(void **state)
{
    sim_start(FRAMES);
    mm_stats = (struct mm_stats){0};
    space = (struct mm){0};
    assert_int_equal(pt_init(&space.pt, PT_TOP), 0);
    port_root_init(port_paddr(space.pt.root));
    return 0;
}

/* Zap and prune all; nothing may be left but the root. */
static int teardown(void **state)
{
    struct range all = {0, USER_END};
    struct gather g;

    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, all);
    tlb_prune(&g, all);
    tlb_finish(&g);
    sim_recount(&space.pt, NULL);
    assert_int_equal(space.pt.tables, 1);
    assert_int_equal(space.rss_pages, 0);
    assert_int_equal(port_frame(port_paddr(space.pt.root))->live, 0);
    assert_int_equal(mm_stats.tables_allocated, mm_stats.tables_freed);
    sim_check_kernel_half(&space);
    port_frame_free(port_paddr(space.pt.root));
    assert_int_equal(sim_frames_free(), FRAMES);
    sim_stop();
    return 0;
}

/*
 * A page whose index at each level is one of the first or last two, so that pages share tables at
 * all levels.
 */
static vaddr_t random_page(void)
{
    vaddr_t va = 0;

    for (unsigned l = 0; l <= PT_TOP; l++) {
        unsigned slots = l == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
        unsigned near = test_random(2);

        va += (test_random(2) ? slots - 1 - near : near) % slots * pt_span(l);
    }
    return va;
}

static vaddr_t last_page(void)
{
    return USER_END - PAGE_SIZE;
}

/* ---- The walk ---- */

static void test_walk_of_nothing(void **state)
{
    for (unsigned l = 0; l < PT_TOP; l++) {
        assert_null(pt_entry(&space.pt, 0, l));
        assert_int_equal(pt_missing(&space.pt, last_page(), l), PT_TOP - l);
    }
    assert_ptr_equal(pt_entry(&space.pt, 0, PT_TOP), space.pt.root);
    assert_ptr_equal(pt_entry(&space.pt, last_page(), PT_TOP), space.pt.root + PT_ENTRIES / 2 - 1);
    assert_int_equal(pt_missing(&space.pt, 0, PT_TOP), 0);
}

static void test_make_takes_what_is_missing(void **state)
{
    struct pt_reserve reserve = {0};
    struct pte *entry;
    vaddr_t near = 0;

    assert_int_equal(pt_reserve_fill(&reserve, PT_TOP + 1), 0);
    entry = pt_entry_make(&space.pt, last_page(), PT_PTE, &reserve);
    assert_int_equal(reserve.count, 1);
    assert_int_equal(space.pt.tables, PT_TOP + 1);
    assert_int_equal(mm_stats.tables_allocated, PT_TOP);
    assert_true(pte_is_none(*entry));
    assert_int_equal(pt_frame(entry)->live, 0);
    assert_ptr_equal(pt_entry(&space.pt, last_page(), PT_PTE), entry);
    assert_ptr_equal(pt_entry_make(&space.pt, last_page(), PT_PTE, &reserve), entry);
    assert_int_equal(reserve.count, 1);
    for (unsigned l = 1; l <= PT_TOP; l++) {
        near = last_page() - pt_span(l);
        assert_int_equal(pt_missing(&space.pt, near, PT_PTE), l);
        assert_int_equal(pt_missing(&space.pt, near, l), 0);
        assert_int_equal(pt_frame(pt_entry(&space.pt, last_page(), l))->live, 1);
    }
    pt_reserve_drain(&reserve);
    assert_int_equal(reserve.count, 0);
}

static void test_walk_ends_at_huge_leaf(void **state)
{
    vaddr_t va = pt_span(PT_PMD);
    unsigned level = 9;

    sim_map(&space, va, PTE_R, PT_PMD);
    assert_null(pt_entry(&space.pt, va, PT_PTE));
    assert_non_null(pt_entry(&space.pt, va, PT_PMD));
    assert_ptr_equal(sim_leaf(&space.pt, va + PAGE_SIZE, &level), pt_entry(&space.pt, va, PT_PMD));
    assert_int_equal(level, PT_PMD);
}

static void test_live_counts(void **state)
{
    struct pt_reserve reserve = {0};
    struct pte *entry;
    paddr_t pa;

    pa = sim_map(&space, 0, PTE_R, PT_PTE);
    entry = pt_entry(&space.pt, 0, PT_PTE);
    assert_int_equal(pt_frame(entry)->live, 1);
    pt_write(entry, pte_leaf(pa, PTE_R | PTE_W, PT_PTE));
    assert_int_equal(pt_frame(entry)->live, 1);
    pt_write(entry, pte_leaf(pa, 0, PT_PTE));
    assert_int_equal(pt_frame(entry)->live, 1);
    pt_write(entry + 1, pte_none());
    assert_int_equal(pt_frame(entry)->live, 1);
    sim_map(&space, PAGE_SIZE, PTE_R, PT_PTE);
    assert_int_equal(pt_frame(entry)->live, 2);
    pt_write(entry, pte_none());
    assert_int_equal(pt_frame(entry)->live, 1);
    pt_write(entry, pte_leaf(pa, PTE_R, PT_PTE));
    assert_int_equal(reserve.count, 0);
}

/* ---- The reserve ---- */

static void test_reserve_is_all_or_nothing(void **state)
{
    struct pt_reserve reserve = {0};
    struct sim_snapshot *snap;

    assert_int_equal(pt_reserve_fill(&reserve, 3), 0);
    snap = sim_snapshot();
    for (uint32_t n = 1; n <= 4; n++) {
        struct pt_reserve before = reserve;

        sim_fail_after(n, false);
        assert_int_equal(pt_reserve_fill(&reserve, 4), -12);
        assert_memory_equal(&reserve, &before, sizeof(reserve));
        assert_null(sim_changed(snap));
    }
    sim_fail_after(0, false);
    sim_snapshot_free(snap);
    assert_int_equal(pt_reserve_fill(&reserve, 4), 0);
    assert_int_equal(reserve.count, 7);
    for (uint32_t left = 7; left > 0; left--) {
        paddr_t table = pt_reserve_take(&reserve);

        assert_int_equal(reserve.count, left - 1);
        assert_int_equal(port_frame(table)->live, 0);
        assert_int_equal(((struct pte *)port_ptr(table))[PT_ENTRIES - 1].raw, 0);
        port_frame_free(table);
    }
}

static void takes_from_empty_reserve(void)
{
    struct pt_reserve reserve = {0};

    assert_int_equal(pt_reserve_fill(&reserve, 1), 0);
    port_frame_free(pt_reserve_take(&reserve));
    pt_reserve_take(&reserve);
}

static void test_reserve_never_runs_dry(void **state)
{
    assert_dies(takes_from_empty_reserve, "sim:");
}

/* ---- Runs ---- */

/* What is mapped, naively: the addresses in ascending order. */
static vaddr_t mapped[MANY];
static unsigned mapped_count;

static bool is_mapped(vaddr_t va)
{
    unsigned level;

    return sim_leaf(&space.pt, va, &level) != NULL;
}

static void remember(vaddr_t va)
{
    unsigned i = mapped_count++;

    for (; i > 0 && mapped[i - 1] > va; i--)
        mapped[i] = mapped[i - 1];
    mapped[i] = va;
}

static void map_random_pages(unsigned count)
{
    mapped_count = 0;
    while (count--) {
        vaddr_t va = random_page();

        if (is_mapped(va))
            continue;
        sim_map(&space, va, test_random(8), PT_PTE);
        remember(va);
    }
}

static void check_runs(vaddr_t start, vaddr_t end)
{
    unsigned i = 0;
    vaddr_t at = start;
    struct pt_run run;

    while (i < mapped_count && mapped[i] < start)
        i++;
    while (pt_next_run(&space.pt, &at, end, &run)) {
        assert_int_equal(run.level, PT_PTE);
        assert_true(run.count > 0 && run.va >= start && at <= end);
        assert_int_equal(at, run.va + run.count * PAGE_SIZE);
        assert_ptr_equal(run.slots, pt_entry(&space.pt, run.va, PT_PTE));
        assert_int_equal(pt_floor(run.va, PT_PMD), pt_floor(at - PAGE_SIZE, PT_PMD));
        assert_false(pte_is_none(run.slots[0]));
        for (unsigned n = 0; n < run.count; n++) {
            if (pte_is_none(run.slots[n]))
                continue;
            assert_true(i < mapped_count);
            assert_int_equal(mapped[i++], run.va + n * PAGE_SIZE);
        }
    }
    assert_true(i == mapped_count || mapped[i] >= end);
}

static void test_runs_find_every_leaf(void **state)
{
    for (unsigned round = 0; round < 20; round++) {
        setup(state);
        test_random_seed(round);
        map_random_pages(round * 4);
        check_runs(0, USER_END);
        for (unsigned i = 0; i < 200; i++) {
            vaddr_t a = random_page(), b = random_page();

            check_runs(min_u64(a, b), max_u64(a, b) + PAGE_SIZE * test_random(2));
        }
        teardown(state);
    }
    setup(state);
}

static void test_run_of_huge_leaf(void **state)
{
    vaddr_t va = pt_span(PT_PMD);
    struct pt_run run;
    vaddr_t at = 0;

    sim_map(&space, va, PTE_R, PT_PMD);
    assert_true(pt_next_run(&space.pt, &at, USER_END, &run));
    assert_int_equal(run.level, PT_PMD);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.va, va);
    assert_int_equal(at, 2 * va);
    assert_false(pt_next_run(&space.pt, &at, USER_END, &run));
}

/* ---- Zap and prune ---- */

static void forget_range(vaddr_t start, vaddr_t end)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < mapped_count; i++)
        if (mapped[i] < start || mapped[i] >= end)
            mapped[kept++] = mapped[i];
    mapped_count = kept;
}

static void clear_range(vaddr_t start, vaddr_t end)
{
    struct gather g;

    for (unsigned i = 0; i < mapped_count; i++)
        sim_access(&space, test_random(SIM_CPUS), mapped[i], ACCESS_READ);
    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, (struct range){start, end});
    tlb_prune(&g, (struct range){start, end});
    tlb_finish(&g);
    forget_range(start, end);
    sim_tlb_check(&space);
    sim_recount(&space.pt, NULL);
    check_runs(0, USER_END);
    assert_int_equal(space.rss_pages, mapped_count);
}

static void test_zap_and_prune_random_ranges(void **state)
{
    for (unsigned round = 0; round < 40; round++) {
        setup(state);
        test_random_seed(1000 + round);
        map_random_pages(100);
        while (mapped_count) {
            vaddr_t a = random_page(), b = random_page();

            clear_range(min_u64(a, b), max_u64(a, b) + PAGE_SIZE);
        }
        teardown(state);
    }
    setup(state);
}

static void test_zap_leaves_tables(void **state)
{
    struct gather g;

    sim_map(&space, 0, PTE_R, PT_PTE);
    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, (struct range){0, PAGE_SIZE});
    tlb_finish(&g);
    assert_int_equal(space.pt.tables, PT_TOP + 1);
    assert_int_equal(pt_frame(pt_entry(&space.pt, 0, PT_PTE))->live, 0);
}

/* Only tables with nothing left go, and only those that the range touches. */
static void test_prune_spares_the_living(void **state)
{
    struct gather g;

    sim_map(&space, 0, PTE_R, PT_PTE);
    sim_map(&space, PAGE_SIZE, PTE_R, PT_PTE);
    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, (struct range){0, PAGE_SIZE});
    tlb_prune(&g, (struct range){0, PAGE_SIZE});
    tlb_finish(&g);
    assert_int_equal(space.pt.tables, PT_TOP + 1);
    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, (struct range){PAGE_SIZE, 2 * PAGE_SIZE});
    tlb_prune(&g, (struct range){pt_span(PT_PMD), 2 * pt_span(PT_PMD)});
    assert_int_equal(space.pt.tables, PT_TOP + 1);
    tlb_prune(&g, (struct range){PAGE_SIZE, 2 * PAGE_SIZE});
    tlb_finish(&g);
    assert_int_equal(space.pt.tables, 1);
}

/* ---- The gather ---- */

static void zap_pages(unsigned pages)
{
    struct gather g;

    tlb_begin(&g, &space, &space.pt);
    tlb_zap(&g, (struct range){0, pages * PAGE_SIZE});
    tlb_finish(&g);
}

static void test_flush_single_or_all(void **state)
{
    unsigned most = (unsigned)min_u64(FLUSH_ALL_PAGES, USER_END / PAGE_SIZE - 1);

    for (unsigned i = 0; i < most; i++)
        sim_map(&space, i * PAGE_SIZE, PTE_R, PT_PTE);
    zap_pages(most);
    assert_int_equal(mm_stats.tlb_flush, 1);
    assert_int_equal(mm_stats.tlb_flush_full, 0);
    if (most < FLUSH_ALL_PAGES)
        return;
    for (unsigned i = 0; i <= most; i++)
        sim_map(&space, i * PAGE_SIZE, PTE_R, PT_PTE);
    zap_pages(most + 1);
    assert_int_equal(mm_stats.tlb_flush, 1);
    assert_int_equal(mm_stats.tlb_flush_full, 1);
    assert_int_equal(sim_flushes(), 2);
}

static void test_nothing_to_flush(void **state)
{
    zap_pages(1);
    assert_int_equal(sim_flushes(), 0);
}

/* How many pages share one frame in the tests below: several batches, where the space has room. */
static unsigned shared_pages(void)
{
    return (unsigned)min_u64(3 * GATHER_SHARED + 5, USER_END / PAGE_SIZE - 1);
}

/* A frame that somebody else holds too, mapped at every page from 0 and cached by a CPU at each. */
static paddr_t map_shared(void)
{
    paddr_t pa = port_frame_alloc(true);
    struct pt_reserve reserve = {0};

    port_frame(pa)->refs = 1;
    for (unsigned i = 0; i < shared_pages(); i++) {
        vaddr_t va = i * PAGE_SIZE;

        assert_int_equal(pt_reserve_fill(&reserve, pt_missing(&space.pt, va, PT_PTE)), 0);
        pt_write(pt_entry_make(&space.pt, va, PT_PTE, &reserve), pte_leaf(pa, PTE_R, PT_PTE));
        port_frame(pa)->refs++;
        space.rss_pages++;
        assert_true(sim_access(&space, i % SIM_CPUS, va, ACCESS_READ));
    }
    return pa;
}

static void zap_shared(paddr_t pa)
{
    zap_pages(shared_pages());
    sim_tlb_check(&space);
    assert_int_equal(space.rss_pages, 0);
    assert_int_equal(port_frame(pa)->refs, 1);
    port_frame(pa)->refs = 0;
    port_frame_free(pa);
}

/* Frames that others hold are dropped after a flush, however many there are. */
static void test_shared_frames(void **state)
{
    zap_shared(map_shared());
}

static void read_what_is_mapped(void)
{
    for (unsigned i = 0; i < shared_pages(); i++)
        sim_access(&space, 1, i * PAGE_SIZE, ACCESS_READ);
}

/* Other CPUs go on: what they cache between two flushes of one gather is flushed as well. */
static void test_shared_frames_while_others_run(void **state)
{
    paddr_t pa = map_shared();

    sim_after_flush = read_what_is_mapped;
    zap_shared(pa);
    sim_after_flush = NULL;
}

/* All references in one gather: the last one frees the frame, once, after the flush. */
static void test_last_shared_reference_frees(void **state)
{
    uint32_t before = sim_frames_free();
    paddr_t pa = sim_map(&space, 0, PTE_R, PT_PTE);

    for (unsigned i = 1; i < PT_ENTRIES; i++) {
        pt_write(pt_entry(&space.pt, 0, PT_PTE) + i, pte_leaf(pa, PTE_R, PT_PTE));
        port_frame(pa)->refs++;
        space.rss_pages++;
        assert_true(sim_access(&space, i % SIM_CPUS, i * PAGE_SIZE, ACCESS_READ));
    }
    zap_pages(PT_ENTRIES);
    assert_false(sim_frame_used(pa));
    assert_int_equal(sim_frames_free(), before - PT_TOP);
}

/* ---- A tree of an object's: fewer levels, no processor ---- */

static void test_short_tree(void **state)
{
    struct range all = {0, pt_span(PT_PTE) * PT_ENTRIES};
    struct pt_run run;
    struct pt pt;
    struct gather g;
    vaddr_t at = 0;

    assert_int_equal(pt_init(&pt, PT_PTE), 0);
    for (unsigned i = 1; i < PT_ENTRIES; i++) {
        paddr_t pa = port_frame_alloc(true);

        port_frame(pa)->refs = 1;
        assert_int_equal(pt_missing(&pt, i * PAGE_SIZE, PT_PTE), 0);
        pt_write(pt_entry(&pt, i * PAGE_SIZE, PT_PTE), pte_leaf(pa, PTE_R, PT_PTE));
    }
    assert_true(pt_next_run(&pt, &at, all.end, &run));
    assert_int_equal(run.va, PAGE_SIZE);
    assert_int_equal(run.count, PT_ENTRIES - 1);
    tlb_begin(&g, NULL, &pt);
    tlb_zap(&g, all);
    tlb_prune(&g, all);
    tlb_finish(&g);
    assert_int_equal(sim_flushes(), 0);
    assert_int_equal(pt_frame(pt.root)->live, 0);
    port_frame_free(port_paddr(pt.root));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_walk_of_nothing),
        TEST(test_make_takes_what_is_missing),
        TEST(test_walk_ends_at_huge_leaf),
        TEST(test_live_counts),
        TEST(test_reserve_is_all_or_nothing),
        TEST(test_reserve_never_runs_dry),
        TEST(test_runs_find_every_leaf),
        TEST(test_run_of_huge_leaf),
        TEST(test_zap_and_prune_random_ranges),
        TEST(test_zap_leaves_tables),
        TEST(test_prune_spares_the_living),
        TEST(test_flush_single_or_all),
        TEST(test_nothing_to_flush),
        TEST(test_shared_frames),
        TEST(test_shared_frames_while_others_run),
        TEST(test_last_shared_reference_frees),
        TEST(test_short_tree),
    };

    return cmocka_run_group_tests_name("pt", tests, NULL, NULL);
}
