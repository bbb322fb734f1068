/* Page tables: walk, make, missing, live counts, the reserve, runs. */
/* host-build: 9/4 3/3 2/4 2/2 */
#include "tests/host/test_pt.h"

/* ---- The walk ---- */

static vaddr_t last_page(void)
{
    return USER_END - PAGE_SIZE;
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_walk_of_nothing),           TEST(test_make_takes_what_is_missing),
        TEST(test_walk_ends_at_huge_leaf),    TEST(test_live_counts),
        TEST(test_reserve_is_all_or_nothing), TEST(test_reserve_never_runs_dry),
        TEST(test_runs_find_every_leaf),      TEST(test_run_of_huge_leaf),
    };

    return cmocka_run_group_tests_name("pt", tests, NULL, NULL);
}
