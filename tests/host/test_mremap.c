/*
 * mremap(2), as a process calls it: every kind of move of private memory on layouts with
 * neighbours, holes and several VMAs, each page of the stretch compared afterwards, each failed
 * allocation leaving everything bit for bit.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_remap.h"

/* ---- In place ---- */

static void test_same_length(void **state)
{
    map_filled(10, 20, 3);
    assert_int_equal(world_remap(&w, 10, 20, 20, 0, 0), 10);
    assert_int_equal(world_remap(&w, 12, 5, 5, MOVE, 0), 12);
    assert_int_equal(w.mm->vma_count, 1);
}

static void test_shrink(void **state)
{
    map_filled(10, P * 2, SOME);
    assert_int_equal(world_remap(&w, 10, P * 2, P, 0, 0), 10);
    assert_int_equal(world_remap(&w, 10, P, 1, MOVE, 0), 10);
    map_filled(10, P * 2 + 20, 3);
    assert_int_equal(world_remap_starved(&w, 20, 10, 2, 0, 0, NULL), 20);
    assert_int_equal(w.mm->vma_count, 2);
}

/* The rest may be anything: holes, other VMAs. Linux unmaps it all. */
static void test_shrink_over_several(void **state)
{
    map_filled(10, 10, 1);
    assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
    map_filled(30, 10, 1);
    assert_int_equal(world_remap_starved(&w, 15, 20, 2, 0, 0, NULL), 15);
    assert_true(w.page[16].mapped && !w.page[17].mapped && !w.page[34].mapped && w.page[35].mapped);
}

static void test_grow_in_place(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap_starved(&w, 10, 10, 3 * P, 0, 0, NULL), 10);
    world_fill(&w, 10, 3 * P, 7);
    assert_int_equal(w.mm->vma_count, 1);
    map_filled(10 + 3 * P + 5, 5, 1);
    assert_int_equal(world_remap(&w, 10, 3 * P, 3 * P + 6, 0, 0), -ENOMEM);
    assert_int_equal(world_remap(&w, 10, 3 * P, 3 * P + 5, 0, 0), 10);
}

/* Only the end of a VMA can grow in place. */
static void test_grow_from_the_middle(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap(&w, 10, 5, 15, 0, 0), -ENOMEM);
    assert_int_equal(world_remap(&w, 15, 5, 15, 0, 0), 15);
}

static void test_grow_merges(void **state)
{
    assert_true(world_map(&w, 10, 30, RW) >= 0);
    assert_int_equal(world_unmap(&w, 20, 10), 0);
    assert_int_equal(w.mm->vma_count, 2);
    assert_int_equal(world_remap_starved(&w, 10, 10, 20, 0, 0, NULL), 10);
    assert_int_equal(w.mm->vma_count, 1);
}

/* ---- Growing by moving ---- */

static void test_grow_by_moving(void **state)
{
    unsigned refused;
    long at;

    map_filled(10, P + 3, 2);
    map_filled(13 + P, 5, 1);
    at = world_remap_starved(&w, 10, P + 3, 2 * P, MOVE, 0, &refused);
    assert_int_equal(at, PAGES - 2 * P);
    assert_true(refused >= 2);
    world_fill(&w, (unsigned)at, 2 * P, 5);
}

static void test_grow_into_highest_gap_that_fits(void **state)
{
    map_filled(10, 10, 1);
    map_filled(20, 1, 1);
    map_filled(PAGES - 12, 2, 1);
    assert_int_equal(world_remap(&w, 10, 10, 11, MOVE, 0), PAGES - 23);
}

/* ---- FIXED ---- */

static void fixed_case(unsigned old, unsigned old_count, unsigned new_count, unsigned to)
{
    for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
        mm_config.realign = realign;
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(old > 5 ? old - 5 : 0, old_count + 10, old_count > 100 ? SOME : 1);
        map_filled(PAGES - 10, 10, 1);
        assert_int_equal(world_remap_starved(&w, old, old_count, new_count, FIXED, to, NULL), to);
    }
}

/* A whole VMA in a gap, to elsewhere in it: what lives above or below shares the span of an end of D. */
static void test_along_beside_a_neighbour(void **state)
{
    const unsigned half = P / 2;

    map_filled(2 * P, half, 1);
    map_filled(4 * P + half + 2, 2 * P, 1);
    assert_int_equal(world_remap_starved(&w, 2 * P, half, half, FIXED, 4 * P, NULL), 4 * P);
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
    map_filled(10 * P + half, half, 1);
    map_filled(5 * P, 2 * P + half - 2, 1);
    assert_int_equal(world_remap_starved(&w, 10 * P + half, half, half, FIXED, 7 * P + half, NULL),
                     7 * P + half);
}

static void test_fixed(void **state)
{
    fixed_case(10, 5, 5, 4 * P);
    fixed_case(4 * P + 10, 5, 5, 6);
    fixed_case(P, P, P, 4 * P);
    fixed_case(P, 2 * P, 2 * P, 6 * P);
    fixed_case(6 * P, 2 * P, 2 * P, P);
    fixed_case(P + 1, P, P, 5 * P + 1);
    fixed_case(P + 1, P - 1, P - 1, 5 * P + 1);
    fixed_case(P - 1, P + 2, P + 2, 5 * P - 1);
    fixed_case(P + 3, P, P, 5 * P + 2);
    fixed_case(10, 5, 20, 4 * P);
    fixed_case(10, 20, 5, 4 * P);
    fixed_case(2 * P, 3 * P, P + 1, 7 * P);
    fixed_case(2 * P, P + 1, 3 * P, 7 * P);
    fixed_case(7 * P, P, P, 6 * P);
    fixed_case(6 * P, P, P, 7 * P);
}

/*
 * What stands at the target goes: the middle of a VMA, ends of two, all of one; with the same
 * tables or others.
 */
static void test_fixed_onto_something(void **state)
{
    static const unsigned targets[] = {0, 3, 5, 8, 10, 15, 25, 30};

    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(5, 10, 1);
        assert_true(world_map(&w, 15, 5, PROT_READ | PROT_EXEC) >= 0);
        map_filled(25, 10, 1);
        map_filled(6 * P, 12, 1);
        assert_int_equal(
            world_remap_starved(&w, 6 * P + 1, 10, 10 + i % 3 * 4 - 4, FIXED, targets[i], NULL),
            targets[i]);
    }
}

/* What moves lies in one VMA; the rest of the source is unmapped, whatever it is. */
static void test_fixed_shrink_over_several(void **state)
{
    for (unsigned rest = 1; rest < 2 * P; rest += 5) {
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(10, 10, 1);
        assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
        map_filled(30, 2 * P, SOME);
        assert_int_equal(world_remap_starved(&w, 12, 8 + rest, 8, FIXED, 6 * P, NULL), 6 * P);
    }
}

/* Source and target are parts of one VMA: |DDDDddddSSSSssss| and the other way round. */
static void test_fixed_within_one_vma(void **state)
{
    const unsigned halves[] = {1, 2, P / 4, P / 2, P / 2 + 1, P - 1, P};

    for (unsigned i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        for (unsigned up = 0; up < 2; up++) {
            unsigned half = halves[i], low = 2 * P - half, high = 3 * P - half;

            assert_int_equal(world_unmap(&w, 0, PAGES), 0);
            map_filled(P, 3 * P, SOME);
            assert_int_equal(
                world_remap_starved(&w, up ? low : high, half, half, FIXED, up ? high : low, NULL),
                up ? high : low);
        }
    }
}

/* The neighbours of both sides, one page away or none, live on. */
static void test_fixed_between_neighbours(void **state)
{
    for (unsigned n = 0; n < 16; n++) {
        unsigned old = 7 * P + P / 2, to = 2 * P + P / 2, count = 2 * P;

        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(old, count, SOME);
        if (n & 1)
            map_filled(old - 1, 1, 1);
        if (n & 2)
            map_filled(old + count, 1, 1);
        if (n & 4)
            map_filled(to - 1, 1, 1);
        if (n & 8)
            map_filled(to + count, 1, 1);
        assert_int_equal(world_remap_starved(&w, old, count, count, FIXED, to, NULL), to);
    }
}

/*
 * Source and target meet in the part that widening would add. To Linux, and realign=pmd, they are
 * neighbours; the engine knows that they need not be.
 */
static void test_ranges_that_meet(void **state)
{
    for (unsigned up = 0; up < 2; up++) {
        for (enum realign realign = REALIGN_PMD; realign <= REALIGN_FULL; realign++) {
            unsigned low = 2 * P + P / 2, high = low + P;

            mm_config.realign = realign;
            assert_int_equal(world_unmap(&w, 0, PAGES), 0);
            map_filled(up ? low : high, P, 1);
            mm_stats = (struct mm_stats){0};
            assert_int_equal(world_remap(&w, up ? low : high, P, P, FIXED, up ? high : low),
                             up ? high : low);
            assert_int_equal(mm_stats.moved[PT_PMD], realign == REALIGN_FULL ? 2 : 0);
            assert_int_equal(mm_stats.moved[PT_PTE], realign == REALIGN_FULL ? 0 : P);
        }
    }
}

static void test_fixed_keeps_rights(void **state)
{
    map_filled(10, 30, 1);
    assert_int_equal(world_protect(&w, 10, 30, PROT_NONE), 0);
    assert_int_equal(world_remap(&w, 15, 20, 20, FIXED, 4 * P + 3), 4 * P + 3);
    assert_int_equal(sim_touch(w.mm, 0, world_va(&w, 4 * P + 3), ACCESS_READ), FAULT_ACCERR);
    assert_int_equal(world_protect(&w, 4 * P + 3, 20, PROT_READ), 0);
    assert_int_equal(sim_read(w.mm, 1, world_va(&w, 4 * P + 3)), w.page[4 * P + 3].word);
    assert_int_equal(sim_touch(w.mm, 0, world_va(&w, 15), ACCESS_READ), FAULT_MAPERR);
}

/* ---- DONTUNMAP ---- */

static void test_dontunmap(void **state)
{
    map_filled(10, 2 * P, 2);
    assert_int_equal(world_remap_starved(&w, 10, 2 * P, 2 * P, LEAVE | MREMAP_FIXED, 5 * P, NULL),
                     5 * P);
    world_fill(&w, 10, 2 * P, 3);
    map_filled(9 * P, 20, 1);
    assert_int_equal(world_remap_starved(&w, 9 * P + 5, 10, 10, LEAVE | MREMAP_FIXED, 3, NULL), 3);
    assert_int_equal(sim_read(w.mm, 0, world_va(&w, 9 * P + 5)), 0);
    world_check(&w);
}

static void test_dontunmap_hint(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE, 3 * P), 3 * P);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE, 3 * P + 2), PAGES - 10);
}

static void test_dontunmap_unlocks_the_source(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(sim_mlock(w.mm, world_va(&w, 10), 10 * PAGE_SIZE, true, false), 0);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE | MREMAP_FIXED, 3 * P), 3 * P);
    assert_int_equal(w.mm->locked_pages, 10);
    assert_false(vma_at(w.mm, world_va(&w, 10))->flags & VMA_LOCKED);
    assert_true(vma_at(w.mm, world_va(&w, 3 * P))->flags & VMA_LOCKED);
}

static void clear_world(void)
{
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
}

/* ---- At random, against the record ---- */

static unsigned some_pages(void)
{
    return 1 + test_random(test_random(3) ? 6 : 2 * P);
}

static void random_call(void)
{
    unsigned page = test_random(PAGES / 2), count = some_pages();
    unsigned to = test_random(PAGES / 2), new_count = test_random(3) ? count : some_pages();
    static const uint32_t flags[] = {0, MOVE, FIXED, FIXED, FIXED, LEAVE, LEAVE | MREMAP_FIXED};
    static const uint32_t prots[] = {RW, RW, RW, PROT_READ, PROT_NONE};

    if (test_random(2)) { /* at the same offset in a PMD's span */
        to = to / P * P + page % P;
        count = test_random(2) ? P : count;
    }
    switch (test_random(8)) {
    case 0:
    case 1:
        world_map(&w, page, count, prots[test_random(5)]);
        break;
    case 2:
        world_fill(&w, page, count, 1 + test_random(3));
        break;
    case 3:
        world_unmap(&w, page, test_random(4) ? 1 : count);
        break;
    case 4:
        world_protect(&w, page, count, prots[test_random(5)]);
        break;
    default:
        mm_config.realign = test_random(3);
        if (test_random(8))
            world_remap(&w, page, count, new_count, flags[test_random(7)], to);
        else
            world_remap_starved(&w, page, count, new_count, flags[test_random(7)], to, NULL);
    }
}

/* Other CPUs read here and there while mm/ is in the middle of a call. */
static void others_read(void)
{
    for (unsigned n = 0; n < 30; n++)
        sim_access(w.mm, n % SIM_CPUS, world_va(&w, test_random(PAGES)), ACCESS_READ);
}

static void test_random_calls(void **state)
{
    for (unsigned seed = 0; seed < 10; seed++) {
        test_random_seed(seed);
        clear_world();
        sim_after_flush = others_read;
        for (unsigned n = 0; n < 150; n++)
            random_call();
        sim_after_flush = NULL;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_length),
        TEST(test_shrink),
        TEST(test_shrink_over_several),
        TEST(test_grow_in_place),
        TEST(test_grow_from_the_middle),
        TEST(test_grow_merges),
        TEST(test_grow_by_moving),
        TEST(test_grow_into_highest_gap_that_fits),
        TEST(test_fixed),
        TEST(test_along_beside_a_neighbour),
        TEST(test_fixed_onto_something),
        TEST(test_fixed_shrink_over_several),
        TEST(test_fixed_within_one_vma),
        TEST(test_fixed_between_neighbours),
        TEST(test_ranges_that_meet),
        TEST(test_fixed_keeps_rights),
        TEST(test_dontunmap),
        TEST(test_dontunmap_hint),
        TEST(test_dontunmap_unlocks_the_source),
        TEST(test_random_calls),
    };

    return cmocka_run_group_tests_name("mremap", tests, NULL, NULL);
}
