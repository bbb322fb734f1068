/* Mappings of huge pages from the pools: promises, faults, moves of whole pages, and what would part one. */
/* host-build: 3/4 */
#include "kernel/abi/errno.h"
#include "mm/fault.h"
#include "mm/mm_maps.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

#define SPAN PT_ENTRIES /* pages in a huge one */
#define HPG pt_span(PT_PMD)
#define HUGE(n) (BASE + (n)*HPG)
#define POOL 8
#define HUGETLB (PRIVATE | MAP_HUGETLB)

static int setup_pool(void **state)
{
    setup(state);
    assert_int_equal(mm_hugetlb_resize(PT_PMD, POOL), POOL);
    return 0;
}

static void expect_pool(uint64_t total, uint64_t free, uint64_t promised, uint64_t surplus)
{
    struct hugetlb_counts counts = mm_hugetlb_counts(PT_PMD);

    assert_int_equal(counts.total, total);
    assert_int_equal(counts.free, free);
    assert_int_equal(counts.promised, promised);
    assert_int_equal(counts.surplus, surplus);
}

static int teardown_pool(void **state)
{
    assert_int_equal(sim_munmap(mm, BASE, PAGES * PG), 0);
    assert_int_equal(mm_hugetlb_resize(PT_PMD, 0), 0);
    expect_pool(0, 0, 0, 0);
    return teardown(state);
}

static void map_huge(unsigned at, unsigned count)
{
    assert_int_equal(sim_mmap(mm, HUGE(at), count * HPG, RW, HUGETLB), HUGE(at));
}

static void test_promises(void **state)
{
    map_huge(0, 4);
    expect_pool(POOL, POOL, 4, 0);
    assert_int_equal(sim_write(mm, 0, HUGE(0) + 8, 5), FAULT_DONE);
    assert_int_equal(sim_read(mm, 1, HUGE(2) + PG), 0);
    expect_pool(POOL, POOL - 2, 2, 0);
    assert_int_equal(sim_read(mm, 1, HUGE(0) + 8), 5);
    assert_int_equal(mm->rss_pages, 2 * SPAN);
    assert_int_equal(sim_munmap(mm, HUGE(1), 2 * HPG), 0);
    expect_pool(POOL, POOL - 1, 1, 0);
}

static void test_too_many(void **state)
{
    struct sim_snapshot *snap = sim_snapshot();

    assert_int_equal(sim_mmap(mm, HUGE(0), (POOL + 1) * HPG, RW, HUGETLB), -ENOMEM);
    assert_int_equal(sim_mmap(mm, HUGE(0), (POOL + 1) * HPG, RW,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB),
                     -ENOMEM);
    assert_null(sim_changed(snap));
    sim_snapshot_free(snap);
    assert_int_equal(sim_mmap(mm, HUGE(0), (POOL + 1) * HPG, RW, HUGETLB | MAP_NORESERVE), HUGE(0));
    for (unsigned n = 0; n < POOL; n++)
        assert_int_equal(sim_write(mm, 0, HUGE(n), n), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, HUGE(POOL), ACCESS_WRITE), FAULT_BUS);
}

static void test_places(void **state)
{
    long at = sim_mmap(mm, HUGE(0) + PG, HPG + 1, RW, ANON | MAP_HUGETLB);

    assert_int_equal(at, HUGE(1));
    expect_pool(POOL, POOL, 2, 0);
    assert_int_equal(sim_mmap(mm, HUGE(8) + PG, HPG, RW, HUGETLB), -EINVAL);
    assert_int_equal(sim_mmap(mm, HUGE(8), HPG, RW, HUGETLB | 5 << MAP_HUGE_SHIFT), -EINVAL);
    assert_int_equal(sim_mmap(mm, HUGE(8), HPG, RW, HUGETLB | pt_shift(PT_PMD) << MAP_HUGE_SHIFT),
                     HUGE(8));
    at = sim_mmap(mm, 0, HPG, RW, ANON | MAP_HUGETLB);
    assert_true(at > 0 && !pt_offset(at, PT_PMD));
    assert_int_equal(sim_munmap(mm, at, HPG), 0);
}

static void test_parting(void **state)
{
    struct sim_snapshot *snap;

    map_huge(0, 2);
    sim_write(mm, 0, HUGE(0), 1);
    snap = sim_snapshot();
    assert_int_equal(sim_munmap(mm, HUGE(0), PG), -EINVAL);
    assert_int_equal(sim_munmap(mm, HUGE(0) + PG, HPG), -EINVAL);
    assert_int_equal(sim_mprotect(mm, HUGE(0), PG, PROT_READ), -EINVAL);
    assert_int_equal(sim_mmap(mm, HUGE(1) + PG, PG, RW, PRIVATE), -EINVAL);
    assert_int_equal(sim_madvise(mm, HUGE(0) + PG, HPG, MADV_DONTNEED), -EINVAL);
    assert_int_equal(sim_madvise(mm, HUGE(0), PG, MADV_DONTNEED), 0);
    assert_int_equal(sim_madvise(mm, HUGE(0), PG, MADV_DONTFORK), -EINVAL);
    assert_int_equal(sim_madvise(mm, HUGE(0), HPG, MADV_FREE), -EINVAL);
    assert_int_equal(sim_mlock(mm, HUGE(0), PG, true, false), -EINVAL);
    assert_null(sim_changed(snap));
    sim_snapshot_free(snap);
    assert_int_equal(sim_mprotect(mm, HUGE(0), HPG, PROT_READ), 0);
    assert_int_equal(sim_touch(mm, 0, HUGE(0), ACCESS_WRITE), FAULT_ACCERR);
    assert_int_equal(sim_mprotect(mm, HUGE(0), HPG, RW), 0);
    assert_int_equal(sim_write(mm, 0, HUGE(0), 2), FAULT_DONE);
}

static long move(vaddr_t from, uint64_t len, uint64_t new_len, vaddr_t to)
{
    return sim_mremap(mm, from, len, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void test_moves(void **state)
{
    map_huge(0, 4);
    sim_write(mm, 0, HUGE(0), 10);
    sim_write(mm, 0, HUGE(3), 13);
    assert_int_equal(move(HUGE(0), 4 * HPG, 4 * HPG, HUGE(8) + PG), -EINVAL);
    assert_int_equal(move(HUGE(0) + PG, HPG, HPG, HUGE(8)), -EINVAL);
    assert_int_equal(move(HUGE(0), 4 * HPG, 4 * HPG, HUGE(8)), HUGE(8));
    assert_int_equal(sim_read(mm, 0, HUGE(8)), 10);
    assert_int_equal(sim_read(mm, 0, HUGE(11)), 13);
    expect_pool(POOL, POOL - 2, 2, 0);
    assert_int_equal(move(HUGE(8), PG, PG, HUGE(0)), HUGE(0)); /* all of the page */
    assert_int_equal(move(HUGE(9), 3 * HPG, 2 * HPG, HUGE(1)), HUGE(1));
    expect_pool(POOL, POOL - 1, 2, 0);
    assert_int_equal(sim_mremap(mm, HUGE(1), 2 * HPG, 3 * HPG, MREMAP_MAYMOVE, 0), -EINVAL);
    assert_int_equal(
        sim_mremap(mm, HUGE(1), 2 * HPG, 2 * HPG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), -EINVAL);
    assert_int_equal(move(HUGE(1), PG, PG, HUGE(1) + PG), -EINVAL);
    assert_int_equal(sim_mremap(mm, HUGE(1), 2 * HPG, PG, 0, 0), HUGE(1));
    expect_pool(POOL, POOL - 1, 1, 0);
}

/* Into the middle of such a page nothing moves; a whole one makes room. */
static void test_target(void **state)
{
    map_huge(0, 2);
    sim_write(mm, 0, HUGE(0), 1);
    assert_int_equal(sim_mmap(mm, HUGE(8), HPG, RW, PRIVATE), HUGE(8));
    sim_write(mm, 0, HUGE(8), 9);
    assert_int_equal(move(HUGE(8), PG, PG, HUGE(0) + PG), -EINVAL);
    assert_int_equal(move(HUGE(8), HPG, HPG, HUGE(0)), HUGE(0));
    assert_int_equal(sim_read(mm, 0, HUGE(0)), 9);
    expect_pool(POOL, POOL, 1, 0);
}

static void test_forget(void **state)
{
    struct mm *child;

    map_huge(0, 4);
    sim_write(mm, 0, HUGE(0), 1);
    sim_write(mm, 0, HUGE(1), 2);
    assert_int_equal(sim_madvise(mm, HUGE(0), HPG + PG, MADV_DONTNEED), 0);
    expect_pool(POOL, POOL - 1, 3, 0);
    assert_int_equal(sim_read(mm, 0, HUGE(0)), 0);

    child = sim_fork(mm);
    assert_int_equal(sim_mmap(mm, HUGE(16), 4 * HPG, RW, HUGETLB), HUGE(16));
    expect_pool(POOL, POOL - 2, 6, 0);
    assert_int_equal(sim_madvise(mm, HUGE(0), HPG, MADV_DONTNEED), -ENOMEM); /* the child's too */
    sim_destroy(child);
    assert_int_equal(sim_madvise(mm, HUGE(0), HPG, MADV_DONTNEED), 0);
}

/* The child is promised nothing; who writes gets a page that nobody was promised, or none. */
static void test_fork(void **state)
{
    struct mm *child;

    map_huge(0, 2);
    sim_write(mm, 0, HUGE(0), 1);
    sim_write(mm, 0, HUGE(1), 2);
    child = sim_fork(mm);
    assert_int_equal(sim_read(child, 1, HUGE(0)), 1);
    assert_int_equal(sim_write(child, 1, HUGE(0) + PG, 7), FAULT_DONE);
    assert_int_equal(sim_read(child, 1, HUGE(0)), 1);
    assert_int_equal(sim_read(mm, 0, HUGE(0) + PG), 0);
    expect_pool(POOL, POOL - 3, 0, 0);
    assert_int_equal(sim_mmap(mm, HUGE(8), 5 * HPG, RW, HUGETLB), HUGE(8));
    assert_int_equal(sim_touch(child, 1, HUGE(1), ACCESS_WRITE), FAULT_BUS);
    sim_destroy(child);
    assert_int_equal(sim_write(mm, 0, HUGE(1), 3), FAULT_DONE);
    expect_pool(POOL, POOL - 2, 5, 0);
}

static void test_shared(void **state)
{
    struct mm *child;

    assert_int_equal(
        sim_mmap(mm, HUGE(0), 3 * HPG, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB),
        HUGE(0));
    expect_pool(POOL, POOL, 3, 0);
    sim_write(mm, 0, HUGE(1), 5);
    assert_int_equal(sim_munmap(mm, HUGE(1), PG), -EINVAL);
    assert_int_equal(sim_mmap(mm, HUGE(1) + PG, HPG, RW, PRIVATE), -EINVAL);
    child = sim_fork(mm);
    assert_int_equal(sim_read(child, 1, HUGE(1)), 5);
    assert_int_equal(sim_write(child, 1, HUGE(2), 6), FAULT_DONE);
    assert_int_equal(sim_read(mm, 0, HUGE(2)), 6);
    expect_pool(POOL, POOL - 2, 1, 0);
    assert_int_equal(sim_munmap(mm, HUGE(0), 3 * HPG), 0);
    expect_pool(POOL, POOL - 2, 1, 0);
    sim_destroy(child);
    expect_pool(POOL, POOL, 0, 0);
}

/* What is in use when the pool becomes smaller goes when nobody uses it any more. */
static void test_surplus(void **state)
{
    map_huge(0, 3);
    for (unsigned n = 0; n < 2; n++)
        sim_write(mm, 0, HUGE(n), n);
    assert_int_equal(mm_hugetlb_resize(PT_PMD, 0), 0);
    expect_pool(3, 1, 1, 3);
    assert_int_equal(sim_munmap(mm, HUGE(0), HPG), 0);
    expect_pool(2, 1, 1, 2);
    assert_int_equal(sim_munmap(mm, HUGE(1), 2 * HPG), 0);
    expect_pool(1, 1, 0, 1);
    assert_int_equal(mm_hugetlb_resize(PT_PMD, 2), 2);
    expect_pool(2, 2, 0, 0);
}

/* A page that should go, forgotten: the mapping keeps its promise, and so the pool the page. */
static void test_surplus_is_promised_again(void **state)
{
    map_huge(0, 2);
    for (unsigned n = 0; n < 2; n++)
        sim_write(mm, 0, HUGE(n), n + 1);
    assert_int_equal(mm_hugetlb_resize(PT_PMD, 0), 0);
    expect_pool(2, 0, 0, 2);
    assert_int_equal(sim_madvise(mm, HUGE(0), HPG, MADV_DONTNEED), 0);
    expect_pool(2, 1, 1, 2);
    assert_int_equal(sim_read(mm, 0, HUGE(0)), 0);
    assert_int_equal(sim_read(mm, 0, HUGE(1)), 2);
}

static void test_starved(void **state)
{
    struct sim_snapshot *snap = sim_snapshot();
    long at = -ENOMEM;

    for (unsigned n = 1; at == -ENOMEM; n++) {
        assert_null(sim_changed(snap));
        sim_fail_after(n, false);
        at = sim_mmap(mm, HUGE(0), HPG, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB);
        sim_fail_after(0, false);
    }
    assert_int_equal(at, HUGE(0));
    sim_snapshot_free(snap);
    map_huge(8, 1);
    sim_fail_after(1, true);
    assert_int_equal(sim_touch(mm, 0, HUGE(8), ACCESS_WRITE), FAULT_OOM);
    assert_int_equal(sim_touch(mm, 0, HUGE(0), ACCESS_WRITE), FAULT_OOM);
    sim_fail_after(0, false);
    expect_pool(POOL, POOL, 2, 0);
    assert_int_equal(sim_touch(mm, 0, HUGE(0), ACCESS_WRITE), FAULT_DONE);
}

/* A shared page that cannot be had: for lack of a table, as the pool has one for each promise. */
static void test_shared_starved(void **state)
{
    assert_int_equal(
        sim_mmap(mm, HUGE(0), HPG, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB),
        HUGE(0));
    for (unsigned n = 1;; n++) {
        struct sim_snapshot *snap = sim_snapshot();
        long result;

        sim_fail_after(n, false);
        result = sim_touch(mm, 0, HUGE(0), ACCESS_WRITE);
        sim_fail_after(0, false);
        if (result == FAULT_OOM)
            check(!sim_changed(snap), "%s", sim_changed(snap));
        sim_snapshot_free(snap);
        if (result == FAULT_DONE)
            break;
        assert_int_equal(result, FAULT_OOM);
    }
    expect_pool(POOL, POOL - 1, 0, 0);
}

/* Rounded up to whole pages, source and destination overlap; only whole pages go, in one piece or several. */
static void test_refused_moves(void **state)
{
    struct sim_snapshot *snap;

    map_huge(0, 2);
    map_huge(3, 1);
    assert_int_equal(sim_mmap(mm, HUGE(2), HPG, RW, PRIVATE), HUGE(2));
    snap = sim_snapshot();
    assert_int_equal(move(HUGE(0), HPG + PG, PG, HUGE(1)), -EINVAL);
    assert_int_equal(move(HUGE(2), HPG + PG, HPG + PG, HUGE(8)), -EINVAL);
    assert_int_equal(move(HUGE(2), 2 * HPG, 2 * HPG, HUGE(8) + PG), -EINVAL);
    assert_int_equal(move(HUGE(3), HPG, HPG - PG, USER_END - HPG), -ENOMEM);
    assert_int_equal(sim_mremap(mm, HUGE(2), 2 * HPG, 2 * HPG,
                                MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, HUGE(8)),
                     -EINVAL);
    assert_null(sim_changed(snap));
    sim_snapshot_free(snap);
    assert_int_equal(move(HUGE(2), 2 * HPG, 2 * HPG, HUGE(8)), HUGE(8));
    expect_pool(POOL, POOL, 3, 0);
}

/* They are counted apart from all other memory. */
static void test_usage(void **state)
{
    struct mm_totals totals;
    struct mm_usage usage;

    map_huge(0, 2);
    assert_int_equal(sim_write(mm, 0, HUGE(1), 1), FAULT_DONE);
    assert_int_equal(sim_mmap(mm, HUGE(4), HPG, RW, PRIVATE), HUGE(4));
    assert_int_equal(sim_write(mm, 0, HUGE(4), 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, HUGE(4) + PG, 1), FAULT_DONE);
    port_lock_read(&mm->lock);
    usage = mm_usage(mm);
    port_unlock_read(&mm->lock);
    assert_int_equal(usage.hugetlb, SPAN);
    assert_int_equal(usage.anon, 2);
    totals = mm_totals();
    assert_int_equal(totals.anon, 2);
    assert_int_equal(totals.anon_huge, 0);
}

#define POOLED(name) cmocka_unit_test_setup_teardown(name, setup_pool, teardown_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOLED(test_promises),
        POOLED(test_too_many),
        POOLED(test_places),
        POOLED(test_parting),
        POOLED(test_moves),
        POOLED(test_target),
        POOLED(test_forget),
        POOLED(test_fork),
        POOLED(test_shared),
        POOLED(test_surplus),
        POOLED(test_surplus_is_promised_again),
        POOLED(test_starved),
        POOLED(test_shared_starved),
        POOLED(test_refused_moves),
        POOLED(test_usage),
    };

    return cmocka_run_group_tests_name("hugetlb", tests, NULL, NULL);
}
