/* Huge pages: mapped by faults, moved whole, split where something cuts them; and at random against the record. */
/* host-build: 3/4 3/4-fast */
#include "kernel/abi/errno.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

#define SPAN PT_ENTRIES /* pages in a huge one */

static struct world child;

static int setup_huge(void **state)
{
    setup(state);
    mm_config.thp = THP_ALWAYS;
    return 0;
}

static int teardown_huge(void **state)
{
    mm_config.thp = THP_MADVISE;
    return teardown(state);
}

static unsigned level_of(struct mm *of, vaddr_t va)
{
    unsigned level = PT_LEVELS;

    sim_leaf(&of->pt, va, &level);
    return level;
}

/* Huge leaves that translate the record's pages from @page on. */
static unsigned huge_leaves(unsigned page, unsigned count)
{
    unsigned huge = 0;

    for (unsigned n = page; n < page + count; n += SPAN)
        huge += level_of(mm, AT(n)) == PT_PMD;
    return huge;
}

static void test_fault(void **state)
{
    assert_int_equal(world_map(&w, 1, 3 * SPAN, RW), AT(1));
    world_fill(&w, 2, 1, 1);
    world_fill(&w, SPAN, 1, 1);
    assert_int_equal(level_of(mm, AT(2)), PT_PTE); /* the span begins before the mapping */
    assert_int_equal(huge_leaves(SPAN, 2 * SPAN), 1);
    assert_int_equal(mm->rss_pages, 1 + SPAN);
    assert_int_equal(mm_stats.huge, 1);
    world_fill(&w, 2 * SPAN, SPAN, 1);
    assert_int_equal(huge_leaves(SPAN, 2 * SPAN), 2);
    world_check(&w);
}

static void test_advice(void **state)
{
    mm_config.thp = THP_MADVISE;
    assert_int_equal(world_map(&w, 0, 4 * SPAN, RW), AT(0));
    assert_int_equal(sim_madvise(mm, AT(SPAN), SPAN * PG, MADV_HUGEPAGE), 0);
    assert_int_equal(mm->vma_count, 3);
    world_fill(&w, 0, 4 * SPAN, 1);
    assert_int_equal(huge_leaves(0, 4 * SPAN), 1);
    assert_int_equal(sim_madvise(mm, AT(0), 4 * SPAN * PG, MADV_NOHUGEPAGE), 0);
    world_check(&w);
}

/* A process may do without, and its children then do; so may all, and what grows down. */
static void test_where_none_may_be(void **state)
{
    struct mm *heir;

    mm->no_thp = true;
    assert_int_equal(world_map(&w, 0, 4 * SPAN, RW), AT(0));
    world_fill(&w, 0, SPAN, 1);
    heir = sim_fork(mm);
    assert_int_equal(sim_write(heir, 1, AT(SPAN), 1), FAULT_DONE);
    assert_int_equal(level_of(heir, AT(SPAN)), PT_PTE);
    sim_destroy(heir);
    mm->no_thp = false;
    mm_config.thp = THP_NEVER;
    world_fill(&w, 2 * SPAN, 1, 1);
    mm_config.thp = THP_ALWAYS;
    assert_int_equal(huge_leaves(0, 4 * SPAN), 0);
    world_fill(&w, 3 * SPAN, 1, 1);
    assert_int_equal(huge_leaves(0, 4 * SPAN), 1);
    assert_int_equal(map(5 * SPAN, 2 * SPAN, RW, PRIVATE | MAP_GROWSDOWN), AT(5 * SPAN));
    assert_int_equal(sim_write(mm, 0, AT(6 * SPAN), 1), FAULT_DONE);
    assert_int_equal(level_of(mm, AT(6 * SPAN)), PT_PTE);
    assert_int_equal(sim_munmap(mm, AT(5 * SPAN), 2 * SPAN * PG), 0);
    world_check(&w);
}

/* No block, or no table, is no reason to fail: small pages do. */
static void test_without_blocks(void **state)
{
    assert_int_equal(map(0, SPAN, RW, PRIVATE), AT(0));
    sim_fail_after(1, false);
    assert_int_equal(sim_write(mm, 0, AT(0), 1), FAULT_DONE);
    sim_fail_after(0, false);
    assert_int_equal(level_of(mm, AT(0)), PT_PTE);
    assert_int_equal(mm_stats.huge, 0);
    assert_int_equal(sim_munmap(mm, AT(0), SPAN * PG), 0);
}

static void test_moves(void **state)
{
    fill(0, 4 * SPAN);
    assert_int_equal(huge_leaves(0, 4 * SPAN), 4);
    assert_int_equal(
        world_remap(&w, 0, 4 * SPAN, 4 * SPAN, MREMAP_MAYMOVE | MREMAP_FIXED, 8 * SPAN), 8 * SPAN);
    assert_int_equal(huge_leaves(8 * SPAN, 4 * SPAN), 4);
    assert_int_equal(mm_stats.split, 0);
    assert_int_equal(
        world_remap(&w, 8 * SPAN, 4 * SPAN, 4 * SPAN, MREMAP_MAYMOVE | MREMAP_FIXED, 1), 1);
    assert_int_equal(huge_leaves(SPAN, 4 * SPAN), 0);
    assert_int_equal(mm_stats.split, 4);
}

/* Both ends of the source cut one, and both ends of the target. */
static void test_cuts(void **state)
{
    unsigned half = SPAN / 2;

    fill(0, 4 * SPAN);
    fill(8 * SPAN, 4 * SPAN);
    assert_int_equal(world_remap_starved(&w, half, 3 * SPAN, 3 * SPAN,
                                         MREMAP_MAYMOVE | MREMAP_FIXED, 8 * SPAN + half, NULL),
                     8 * SPAN + half);
    assert_int_equal(mm_stats.split, 4);
    assert_int_equal(huge_leaves(9 * SPAN, 2 * SPAN), 2);
    assert_int_equal(world_unmap(&w, 9 * SPAN + 1, 1), 0);
    assert_int_equal(world_forget(&w, 10 * SPAN + 1, 1), 0);
    assert_int_equal(world_protect(&w, 0, 1, PROT_READ), 0);
}

/* The calls that cut one. */
static int64_t cut(unsigned call)
{
    switch (call) {
    case 0:
        return sim_munmap(mm, AT(1), PG);
    case 1:
        return sim_mprotect(mm, AT(1), PG, PROT_READ);
    case 2:
        return sim_madvise(mm, AT(1), PG, MADV_DONTNEED);
    default:
        return sim_mmap(mm, AT(1), PG, RW, PRIVATE);
    }
}

/* Each is refused until there is all memory that it takes, and nothing has changed. */
static void test_cuts_starved(void **state)
{
    for (unsigned call = 0; call < 4; call++) {
        struct sim_snapshot *snap;
        unsigned n = 0;
        int64_t result;

        assert_int_equal(sim_munmap(mm, AT(0), SPAN * PG), 0);
        assert_int_equal(sim_mmap(mm, AT(0), SPAN * PG, RW, PRIVATE), AT(0));
        sim_touch(mm, 0, AT(0), ACCESS_WRITE);
        assert_int_equal(huge_leaves(0, SPAN), 1);
        snap = sim_snapshot();
        do {
            assert_null(sim_changed(snap));
            sim_fail_after(++n, true);
            result = cut(call);
            sim_fail_after(0, false);
        } while (result == -ENOMEM);
        assert_true(result >= 0 && n > 1);
        sim_snapshot_free(snap);
    }
    assert_int_equal(sim_munmap(mm, AT(0), SPAN * PG), 0);
}

static void fork_world(void)
{
    child = w;
    child.mm = sim_fork(mm);
    assert_non_null(child.mm);
    world_check(&w);
    world_check(&child);
}

static void test_fork(void **state)
{
    fill(0, 4 * SPAN);
    fork_world();
    assert_int_equal(level_of(child.mm, AT(0)), PT_PMD);
    world_fill(&child, 1, 1, 1); /* splits the child's, copies one page */
    assert_int_equal(level_of(child.mm, AT(0)), PT_PTE);
    assert_int_equal(level_of(mm, AT(0)), PT_PMD);
    assert_int_equal(mm_stats.cow, 1);
    world_check(&w);
    world_fill(&w, 0, 4 * SPAN, 1);
    world_check(&child);
    assert_int_equal(world_unmap(&child, 0, 2 * SPAN), 0);
    world_check(&w);
    world_end(&child);
    world_fill(&w, 0, 4 * SPAN, 1);
    world_check(&w);
}

/* The last user of all its frames writes to a huge page in place. */
static void test_fork_and_end(void **state)
{
    fill(0, SPAN);
    fork_world();
    world_end(&child);
    world_fill(&w, 0, SPAN, 1);
    assert_int_equal(level_of(mm, AT(0)), PT_PMD);
    assert_int_equal(mm_stats.cow, 0);
}

/* ---- At random ---- */

#define STEPS 3000

static unsigned some(unsigned most)
{
    unsigned n = 1 + test_random(most);

    return test_random(3) ? n : (n + SPAN - 1) / SPAN * SPAN; /* often whole huge pages */
}

static void random_remap(unsigned page, unsigned count)
{
    static const uint32_t flags[] = {MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 0};
    unsigned to = (unsigned)test_random(PAGES - count);

    if (test_random(2))
        to = to / SPAN * SPAN + page % SPAN;
    if (to + count > PAGES)
        return;
    if (test_random(8))
        world_remap(&w, page, count, test_random(3) ? count : some(count), flags[test_random(4)],
                    to);
    else
        world_remap_starved(&w, page, count, count, flags[test_random(3)], to, NULL);
}

static void random_step(void)
{
    unsigned count = some(5 * SPAN), page = (unsigned)test_random(PAGES - count);

    if (test_random(2))
        page = page / SPAN * SPAN;
    switch (test_random(9)) {
    case 0:
        world_unmap(&w, page, count);
        break;
    case 1:
    case 2:
        world_map(&w, page, count, RW);
        break;
    case 3:
        world_protect(&w, page, count, test_random(2) ? RW : PROT_READ);
        break;
    case 4:
        world_forget(&w, page, count);
        break;
    case 5:
        fork_world();
        world_fill(&child, page, count, 1 + (unsigned)test_random(3));
        world_check(&w);
        world_fill(&w, page, count, 1 + (unsigned)test_random(3));
        world_check(&child);
        world_end(&child);
        break;
    case 6:
        world_fill(&w, page, count, 1 + (unsigned)test_random(3));
        break;
    default:
        random_remap(page, count);
        break;
    }
}

static void test_random_steps(void **state)
{
    for (unsigned n = 0; n < STEPS; n++)
        random_step();
    assert_true(mm_stats.huge > STEPS / 50 && mm_stats.split > STEPS / 50);
}

#define HUGE(name) cmocka_unit_test_setup_teardown(name, setup_huge, teardown_huge)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUGE(test_fault),          HUGE(test_advice), HUGE(test_where_none_may_be),
        HUGE(test_without_blocks), HUGE(test_moves),  HUGE(test_cuts),
        HUGE(test_cuts_starved),   HUGE(test_fork),   HUGE(test_fork_and_end),
        HUGE(test_random_steps),
    };

    return cmocka_run_group_tests_name("huge", tests, NULL, NULL);
}
