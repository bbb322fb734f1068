/* The gather: zap, prune, flush once, then free. */
/* host-build: 9/4 3/3 2/4 2/2 */
#include "tests/host/test_pt.h"

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

/*
 * The pages that share one frame in the tests below: several batches, where the space has room. The first
 * is the last of its table, so that the second table begins with a batch begun.
 */
#define SHARED_FROM (PT_ENTRIES - 1)

static unsigned shared_end(void)
{
    return (unsigned)min_u64(SHARED_FROM + 3 * GATHER_SHARED + 5, USER_END / PAGE_SIZE - 1);
}

/* A frame that somebody else holds too, mapped at each of these pages and cached by a CPU at each. */
static paddr_t map_shared(void)
{
    paddr_t pa = port_frame_alloc(true);
    struct pt_reserve reserve = {0};

    port_frame(pa)->refs = 1;
    for (unsigned i = SHARED_FROM; i < shared_end(); i++) {
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
    zap_pages(shared_end());
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
    for (unsigned i = SHARED_FROM; i < shared_end(); i++)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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

    return cmocka_run_group_tests_name("tlb", tests, NULL, NULL);
}
