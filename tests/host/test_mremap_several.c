/*
 * mremap(2) of several VMAs in one call: gaps stay, what the target holds under a gap stays, and a
 * call that is refused has moved none of them.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/test_remap.h"

#define STAY (FIXED | MREMAP_DONTUNMAP)

/* Three VMAs from @at on, with one page, and P pages, between them: 2P + 10 pages in all. */
static void map_three(unsigned at)
{
    map_filled(at, 4, 1);
    map_filled(at + 5, P, SOME);
    assert_int_equal(world_protect(&w, at + 5, P, PROT_READ), 0);
    map_filled(at + 5 + 2 * P, 5, 1);
}
#define THREE (2 * P + 10)

/* A move that must succeed, once each of its allocations has failed. How many runs of the engine it took. */
static uint64_t moves_of(unsigned old, unsigned count, uint32_t flags, unsigned to)
{
    uint64_t before = mm_stats.moves;

    assert_int_equal(world_remap_starved(&w, old, count, count, flags, to, NULL), to);
    return mm_stats.moves - before;
}

/* ---- What moves ---- */

static void test_gaps_stay(void **state)
{
    for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
        mm_config.realign = realign;
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_three(3);
        assert_int_equal(moves_of(3, THREE, FIXED, 4 * P + 3), 1);
        assert_int_equal(moves_of(4 * P + 3, THREE, FIXED, 1), 1);
        assert_int_equal(w.mm->vma_count, 3);
    }
}

/* Parts of the first and the last; the range may end in a hole, but not begin in one. */
static void test_parts(void **state)
{
    map_three(3);
    assert_int_equal(moves_of(5, THREE - 4, FIXED, 4 * P + 5), 1);
    assert_int_equal(w.mm->vma_count, 5);
    assert_int_equal(world_remap(&w, 7, 3, 3, FIXED, 8 * P), -EFAULT);
    assert_int_equal(world_remap(&w, 1, 3, 3, FIXED, 8 * P), -EFAULT);
    assert_int_equal(world_remap(&w, 3, P, P, FIXED, 8 * P), 8 * P);
}

/* With DONTUNMAP all of the source stays, empty. */
static void test_dontunmap(void **state)
{
    map_three(3);
    assert_int_equal(moves_of(3, THREE, STAY, 4 * P + 3), 1);
    assert_int_equal(w.mm->vma_count, 6);
    assert_int_equal(w.mm->rss_pages, 4 + (P + SOME - 1) / SOME + 5);
    assert_int_equal(world_remap(&w, 3, THREE, THREE, LEAVE, 8 * P), -EFAULT);
}

/* Two that became neighbours only because one lost its pages can be one. */
static void test_what_dontunmap_leaves_merges(void **state)
{
    map_filled(0, 4, 1);
    map_filled(10, 4, 1);
    assert_int_equal(world_remap(&w, 10, 4, 4, FIXED, 4), 4);
    assert_int_equal(w.mm->vma_count, 2);
    assert_int_equal(moves_of(0, 8, STAY, 20), 1);
    world_fill(&w, 0, 8, 1);
    assert_int_equal(moves_of(20, 8, FIXED, 40), 1);
}

/* ---- What the target holds ---- */

/* Under a gap it stays, and the engine has to run around it. */
static void test_target_under_a_gap(void **state)
{
    static const unsigned targets[] = {6 * P + 3, 6 * P + 1};

    for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
        mm_config.realign = realign;
        for (unsigned i = 0; i < 2; i++) {
            unsigned to = targets[i];

            assert_int_equal(world_unmap(&w, 0, PAGES), 0);
            map_three(2 * P + 3);
            map_filled(to + 4, 1, 1);                /* in the first gap, touching both */
            map_filled(to + 5 + P + P / 2, P, SOME); /* half of it in the second */
            assert_int_equal(moves_of(2 * P + 3, THREE, FIXED, to), 3);
            assert_int_equal(world_unmap(&w, to + 4, 1), 0);
            assert_int_equal(world_unmap(&w, to + 5 + P, P), 0);
            map_filled(3 + 4, 1, 1);
            assert_int_equal(moves_of(to, THREE, FIXED, 3), 2);
        }
    }
}

/* One VMA lies under all of the target: two pieces of it stay. */
static void test_target_in_one(void **state)
{
    map_three(3);
    map_filled(4 * P, 4 * P, SOME);
    assert_int_equal(moves_of(3, THREE, FIXED, 4 * P + 3), 3);
    assert_int_equal(w.mm->vma_count, 3 + 4);
}

/* Below and above, touching. */
static void test_ranges_that_meet(void **state)
{
    map_three(THREE + 3);
    assert_int_equal(moves_of(THREE + 3, THREE, FIXED, 3), 1);
    assert_int_equal(moves_of(3, THREE, FIXED, THREE + 3), 1);
    map_filled(4, 4, 1);
    assert_int_equal(moves_of(THREE + 3, THREE, FIXED, 3), 2);
    assert_int_equal(world_unmap(&w, 7, 1), 0);
    map_filled(THREE + 7, 1, 1);
    assert_int_equal(moves_of(3, THREE, FIXED, THREE + 3), 2);
}

/* ---- How it moves ---- */

/* Three VMAs in one PMD span: one entry moves. */
static void test_one_entry(void **state)
{
    for (unsigned n = 0; n < 3; n++)
        map_filled(2 * n + 1, 1, 1);
    mm_stats.moved[PT_PTE] = mm_stats.moved[PT_PMD] = 0;
    assert_int_equal(moves_of(1, 5, FIXED, 4 * P + 1), 1);
    assert_int_equal(mm_stats.moved[PT_PTE], 0);
    assert_int_equal(mm_stats.moved[PT_PMD], 1);
}

/* Around a page that stays, nothing but single pages can move into its span. */
static void test_entries_around_a_gap(void **state)
{
    map_filled(1, 1, 1);
    map_filled(3, 1, 1);
    map_filled(4 * P + 2, 1, 1);
    mm_stats.moved[PT_PTE] = mm_stats.moved[PT_PMD] = 0;
    assert_int_equal(moves_of(1, 3, FIXED, 4 * P + 1), 2);
    assert_int_equal(mm_stats.moved[PT_PTE], 2);
    assert_int_equal(mm_stats.moved[PT_PMD], 0);
}

/*
 * What the first run has moved is a neighbour of the second's, in one PMD span with it:
 *
 *     |1.......|........|2.1'.....|T.......|2'......|
 */
static void test_run_beside_run(void **state)
{
    map_filled(5, 1, 1);
    map_filled(2 * P + 2, 1, 1);
    map_filled(3 * P, 1, 1);
    assert_int_equal(moves_of(5, 2 * P - 2, FIXED, 2 * P + 5), 2);
    assert_int_equal(world_unmap(&w, 3 * P, 1), 0);
    map_filled(P, 1, 1);
    assert_int_equal(moves_of(2 * P + 5, 2 * P - 2, FIXED, 5), 2);
}

/* One flush for all. */
static void test_one_flush(void **state)
{
    uint64_t flushes;

    map_three(3);
    map_filled(4 * P + 7, 1, 1);
    flushes = sim_flushes();
    assert_int_equal(moves_of(3, THREE, FIXED, 4 * P + 3), 2);
    assert_int_equal(sim_flushes(), flushes + 1);
}

/* ---- Refusals ---- */

static void test_limits(void **state)
{
    map_three(3);
    w.mm->limits.as = (w.mm->total_pages + P + 9) << PAGE_SHIFT;
    assert_int_equal(moves_of(3, THREE, STAY, 4 * P), 1);
    assert_int_equal(world_remap(&w, 3, THREE, THREE, STAY, 8 * P), -ENOMEM);
    assert_int_equal(world_remap(&w, 3, THREE, THREE, STAY, 4 * P), 4 * P);
    w.mm->limits.as = UINT64_MAX;
    w.mm->limits.data = (w.mm->data_pages + 8) << PAGE_SHIFT;
    assert_int_equal(world_remap(&w, 3, THREE, THREE, STAY, 8 * P), -ENOMEM);
    w.mm->limits.data += PAGE_SIZE;
    assert_int_equal(world_remap(&w, 3, THREE, THREE, STAY, 8 * P), 8 * P);
}

/* Each gap may leave one more VMA of the target. */
static void test_too_many(void **state)
{
    for (unsigned n = 0; n < 6; n++)
        map_filled(2 * n, 1, 1);
    map_filled(4 * P, 12, 1);
    mm_config.max_map_count = w.mm->vma_count + 6;
    assert_int_equal(world_remap(&w, 0, 12, 12, FIXED, 4 * P), -ENOMEM);
    mm_config.max_map_count = w.mm->vma_count + 8;
    assert_int_equal(world_remap(&w, 0, 12, 12, FIXED, 4 * P), 4 * P);
    mm_config.max_map_count = 65530;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gaps_stay),
        TEST(test_parts),
        TEST(test_dontunmap),
        TEST(test_what_dontunmap_leaves_merges),
        TEST(test_target_under_a_gap),
        TEST(test_target_in_one),
        TEST(test_ranges_that_meet),
        TEST(test_one_entry),
        TEST(test_entries_around_a_gap),
        TEST(test_run_beside_run),
        TEST(test_one_flush),
        TEST(test_limits),
        TEST(test_too_many),
    };

    return cmocka_run_group_tests_name("mremap_several", tests, NULL, NULL);
}
