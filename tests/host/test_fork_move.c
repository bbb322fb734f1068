/* fork and mremap: who moves its mappings leaves those of its relatives where they are, at every level. */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_world.h"

#define FRAMES 6000
#define BASE pt_span(PT_TOP)
#define RW (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

static struct world parent, child, grandchild;

static int setup(void **state)
{
    sim_boot(FRAMES);
    world_start(&parent, BASE, PT_BITS > 3 ? 4 * PT_ENTRIES : 3 * PT_ENTRIES * PT_ENTRIES);
    return 0;
}

static int teardown(void **state)
{
    world_end(&parent);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

static void fork_of(struct world *to, const struct world *from)
{
    *to = *from;
    to->last_word += 1000000;
    to->mm = sim_fork(from->mm);
    assert_non_null(to->mm);
    world_check(to);
}

static unsigned pages_of(unsigned level)
{
    return (unsigned)(pt_span(level) >> PAGE_SHIFT);
}

/* Whether three spans of @level are in the world. */
static bool has_room(unsigned level)
{
    return 3 * pt_span(level) <= parent.pages * PAGE_SIZE;
}

/* Move one span of @level by entries of that level alone. */
static void move_span(struct world *w, unsigned level, unsigned from, unsigned to)
{
    unsigned n = pages_of(level);
    struct mm_stats before = mm_stats;

    assert_int_equal(world_remap(w, from * n, n, n, MOVE, to * n), to * n);
    for (unsigned l = 0; l < PT_LEVELS; l++)
        assert_int_equal(mm_stats.moved[l] - before.moved[l], l == level);
}

static void check_both(void)
{
    world_check(&parent);
    world_check(&child);
}

/* Some pages of a span are written anew. */
static void change(struct world *w, unsigned level, unsigned span, unsigned step)
{
    world_fill(w, span * pages_of(level), pages_of(level), step);
    check_both();
}

static void fill_span(unsigned level, unsigned span, unsigned step)
{
    unsigned n = pages_of(level);

    assert_true(world_map(&parent, span * n, n, RW) >= 0);
    world_fill(&parent, span * n, n, step);
}

static void clear(void)
{
    world_end(&child);
    assert_int_equal(world_unmap(&parent, 0, parent.pages), 0);
}

static void test_child_moves(void **state)
{
    for (unsigned level = PT_PTE; level < PT_LEVELS && has_room(level); level++) {
        fill_span(level, 0, 1);
        fork_of(&child, &parent);
        move_span(&child, level, 0, 2);
        check_both();
        change(&child, level, 2, 3);
        change(&parent, level, 0, 2);
        move_span(&child, level, 2, 1);
        change(&parent, level, 0, 1);
        change(&child, level, 1, 1);
        clear();
    }
}

static void test_parent_moves(void **state)
{
    for (unsigned level = PT_PTE; level < PT_LEVELS && has_room(level); level++) {
        fill_span(level, 1, 1);
        fork_of(&child, &parent);
        move_span(&parent, level, 1, 0);
        check_both();
        change(&parent, level, 0, 2);
        change(&child, level, 1, 3);
        move_span(&child, level, 1, 2);
        change(&child, level, 2, 1);
        change(&parent, level, 0, 1);
        clear();
    }
}

/* What was moved before is shared like any other, and what the child left behind can be reused. */
static void test_moved_before(void **state)
{
    for (unsigned level = PT_PTE; level < PT_LEVELS && has_room(level); level++) {
        fill_span(level, 0, 1);
        move_span(&parent, level, 0, 1);
        fork_of(&child, &parent);
        move_span(&child, level, 1, 0);
        assert_true(world_map(&child, pages_of(level), pages_of(level), RW) >= 0);
        change(&child, level, 1, 2);
        change(&parent, level, 1, 4);
        change(&child, level, 0, 2);
        clear();
    }
}

/* The pages go, the mapping stays: the other one has both where they were. */
static void test_dontunmap(void **state)
{
    for (unsigned level = PT_PTE; level < PT_LEVELS && has_room(level); level++) {
        unsigned n = pages_of(level);

        fill_span(level, 0, 1);
        fork_of(&child, &parent);
        assert_int_equal(world_remap(&child, 0, n, n, MOVE | MREMAP_DONTUNMAP, 2 * n), 2 * n);
        check_both();
        change(&child, level, 0, 2);
        change(&parent, level, 0, 3);
        assert_int_equal(world_remap(&parent, 0, n, n, MOVE | MREMAP_DONTUNMAP, n), n);
        check_both();
        change(&parent, level, 1, 1);
        change(&child, level, 2, 1);
        clear();
    }
}

/* Three generations, each moves; they end in different orders. */
static void test_generations(void **state)
{
    for (unsigned order = 0; order < 2; order++) {
        unsigned n = pages_of(PT_PMD);

        fill_span(PT_PMD, 0, 1);
        fork_of(&child, &parent);
        change(&child, PT_PMD, 0, 3);
        fork_of(&grandchild, &child);
        move_span(&grandchild, PT_PMD, 0, 1);
        move_span(&child, PT_PMD, 0, 2);
        world_check(&grandchild);
        change(&parent, PT_PMD, 0, 2);
        change(&child, PT_PMD, 2, 2);
        world_check(&grandchild);
        if (order)
            world_end(&child);
        world_fill(&grandchild, n, n, 1);
        world_check(&parent);
        world_end(&grandchild);
        if (!order)
            world_end(&child);
        assert_int_equal(world_unmap(&parent, 0, parent.pages), 0);
    }
}

/* Nothing that one of them does to its mappings is seen by the other. */
static void test_other_calls(void **state)
{
    unsigned n = pages_of(PT_PMD);

    for (unsigned who = 0; who < 2; who++) {
        struct world *w = who ? &parent : &child;

        fill_span(PT_PMD, 0, 1);
        fork_of(&child, &parent);
        assert_int_equal(world_protect(w, 1, n / 2, PROT_READ), 0);
        check_both();
        assert_int_equal(world_protect(w, 0, n, RW), 0);
        change(w, PT_PMD, 0, 2);
        assert_int_equal(world_forget(w, 2, 3), 0);
        check_both();
        assert_int_equal(world_unmap(w, n / 2, 2), 0);
        check_both();
        assert_int_equal(world_remap(w, 0, 4, 2, 0, 0), 0);
        check_both();
        assert_int_equal(world_protect(w, n - 2, 2, PROT_NONE), 0);
        change(who ? &child : &parent, PT_PMD, 0, 1);
        assert_int_equal(world_protect(w, n - 2, 2, RW), 0);
        check_both();
        change(w, PT_PMD, 0, 1);
        clear();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_child_moves), TEST(test_parent_moves), TEST(test_moved_before),
        TEST(test_dontunmap),   TEST(test_generations),  TEST(test_other_calls),
    };

    return cmocka_run_group_tests_name("fork_move", tests, NULL, NULL);
}
