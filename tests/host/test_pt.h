/* What the tests of page tables and of the gather begin with: an address space of nothing but tables. */
#pragma once

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
