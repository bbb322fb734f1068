/*
 * mprotect, madvise, mlock, mincore: what they do, what they refuse, and that a refusal changes
 * nothing.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

/* ---- mprotect ---- */

static void test_mprotect(void **state)
{
    fill(10, 20);
    check_starved(0, sim_mprotect(mm, AT(15), 5 * PG, PROT_READ));
    for (unsigned n = 15; n < 20; n++)
        w.page[n].prot = PROT_READ;
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(sim_touch(mm, 0, AT(15), ACCESS_WRITE), FAULT_ACCERR);
    assert_int_equal(sim_touch(mm, 1, AT(14), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(world_protect(&w, 12, 10, PROT_NONE), 0);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_READ), FAULT_ACCERR);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(mm->data_pages, 10);
    assert_int_equal(world_protect(&w, 12, 10, RW), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(sim_read(mm, 2, AT(16)), w.page[16].word);
    assert_int_equal(sim_write(mm, 2, AT(16), w.page[16].word), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 0);
    assert_int_equal(world_protect(&w, 10, 20, RX), 0);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_EXEC), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_WRITE), FAULT_ACCERR);
}

/* The page of zeros stays read-only however the rights change. */
static void test_mprotect_and_zero_page(void **state)
{
    assert_true(world_map(&w, 10, 3, PROT_READ) >= 0);
    assert_int_equal(sim_read(mm, 0, AT(11)), 0);
    assert_int_equal(world_protect(&w, 10, 3, RW), 0);
    world_fill(&w, 11, 1, 1);
    assert_int_equal(mm_stats.cow, 1);
}

static void test_mprotect_refusals(void **state)
{
    fill(10, 5);
    fill(20, 5);
    check_refused_for(-EINVAL, REFUSE_UNALIGNED, sim_mprotect(mm, AT(10) + 1, PG, RW));
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_mprotect(mm, AT(10), PG, 0x100));
    check_refused_for(-EINVAL, REFUSE_FLAGS,
                      sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSDOWN | PROT_GROWSUP));
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSDOWN));
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSUP));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mprotect(mm, AT(10), 6 * PG, PROT_READ));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mprotect(mm, AT(10), 12 * PG, PROT_READ));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mprotect(mm, AT(9), 2 * PG, PROT_READ));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mprotect(mm, AT(30), PG, PROT_READ));
    check_refused_for(-ENOMEM, REFUSE_LENGTH,
                      sim_mprotect(mm, AT(10), UINT64_MAX - AT(10) + 1, PROT_READ));
    check_refused(0, sim_mprotect(mm, AT(50), 0, PROT_READ));
    check_refused(0, sim_mprotect(mm, AT(10), 5 * PG, RW));
    check_starved(0, sim_mprotect(mm, AT(11), 2 * PG, PROT_READ));
    assert_int_equal(mm->vma_count, 4);
}

static void test_mprotect_of_a_stack(void **state)
{
    unsigned guard = (unsigned)(mm_config.stack_guard / PG);

    assert_int_equal(map(guard + 30, 5, RW, PRIVATE | MAP_GROWSDOWN), AT(guard + 30));
    assert_int_equal(sim_mprotect(mm, AT(guard + 33), PG, RX | PROT_GROWSDOWN), 0);
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(mm->first->end, AT(guard + 34));
    assert_true(mm->first->flags & VMA_EXEC);
}

/* ---- madvise ---- */

static void test_dontneed(void **state)
{
    fill(10, 20);
    assert_int_equal(world_forget(&w, 15, 5), 0);
    assert_int_equal(mm->rss_pages, 15);
    assert_int_equal(sim_read(mm, 3, AT(16)), 0);
    world_fill(&w, 15, 5, 2);
    assert_int_equal(world_forget(&w, 10, 20), 0);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(mm->pt.tables, 1);
}

static void test_madvise_populates(void **state)
{
    fill(10, 1);
    assert_true(world_map(&w, 11, 9, RW) >= 0);
    assert_int_equal(sim_madvise(mm, AT(10), 5 * PG, MADV_POPULATE_READ), 0);
    assert_int_equal(mm->rss_pages, 5);
    assert_int_equal(sim_madvise(mm, AT(10), 10 * PG, MADV_POPULATE_WRITE), 0);
    assert_int_equal(mm->rss_pages, 10);
    assert_int_equal(mm_stats.cow, 4);
    world_check(&w);
    assert_true(world_map(&w, 20, 2, PROT_READ) >= 0);
    assert_int_equal(sim_madvise(mm, AT(20), 2 * PG, MADV_POPULATE_WRITE), -EINVAL);
}

static void test_madvise_refusals(void **state)
{
    fill(10, 5);
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_madvise(mm, AT(10), PG, 77));
    check_refused_for(-EINVAL, REFUSE_UNALIGNED, sim_madvise(mm, AT(10) + 1, PG, MADV_DONTNEED));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_madvise(mm, AT(10), UINT64_MAX, MADV_DONTNEED));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_madvise(mm, AT(10), 0 - PG, MADV_DONTNEED));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_madvise(mm, AT(10), 6 * PG, MADV_DONTNEED));
    check_refused(0, sim_madvise(mm, AT(10), 0, MADV_DONTNEED));
    check_refused(0, sim_madvise(mm, AT(10), 5 * PG, MADV_WILLNEED));
    assert_int_equal(sim_mlock(mm, AT(12), PG, true, false), 0);
    check_refused_for(-EINVAL, REFUSE_ACCESS, sim_madvise(mm, AT(10), 5 * PG, MADV_DONTNEED));
}

/* ---- mlock ---- */

static void test_mlock(void **state)
{
    assert_true(world_map(&w, 10, 20, RW) >= 0);
    check_starved(0, sim_mlock(mm, AT(12) + 5, 3 * PG - 5, true, true));
    assert_int_equal(mm->locked_pages, 3);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(sim_mlock(mm, AT(12), 3 * PG, true, false), 0);
    assert_int_equal(mm->rss_pages, 3);
    assert_int_equal(sim_mlock(mm, AT(0) + 10 * PG, 20 * PG, false, false), 0);
    assert_int_equal(mm->locked_pages, 0);
    assert_int_equal(mm->vma_count, 1);
    mm->limits.memlock = 4 * PG;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mlock(mm, AT(10), 5 * PG, true, false));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mlock(mm, AT(28), 3 * PG, true, false));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_mlock(mm, AT(8), 3 * PG, true, true));
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, false), 0);
}

/* What is locked already does not count twice against the limit. */
static void test_mlock_again(void **state)
{
    assert_true(world_map(&w, 10, 20, RW) >= 0);
    mm->limits.memlock = 4 * PG;
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, true), 0);
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, true), 0);
    assert_int_equal(sim_mlock(mm, AT(11), 3 * PG, true, true), 0);
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mlock(mm, AT(11), 4 * PG, true, true));
}

static void test_lock_on_fault_never_populates(void **state)
{
    assert_true(world_map(&w, 10, 4, RW) >= 0);
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, true), 0);
    assert_int_equal(world_remap(&w, 10, 4, 8, 0, 0), 10);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(world_remap(&w, 10, 8, 12, MREMAP_MAYMOVE | MREMAP_FIXED, 40), 40);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(mm->locked_pages, 12);
    assert_int_equal(sim_mlockall(mm, MCL_FUTURE | MCL_ONFAULT), 0);
    mm->layout.brk_start = mm->layout.brk = AT(100);
    assert_int_equal(sim_brk(mm, AT(103)), AT(103));
    assert_int_equal(mm->locked_pages, 15);
    assert_int_equal(mm->rss_pages, 0);
}

static void test_mlockall(void **state)
{
    assert_true(world_map(&w, 10, 4, RW) >= 0);
    assert_true(world_map(&w, 20, 4, PROT_READ) >= 0);
    assert_true(world_map(&w, 30, 4, PROT_NONE) >= 0);
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_mlockall(mm, 8));
    check_refused_for(-EINVAL, REFUSE_FLAGS, sim_mlockall(mm, MCL_ONFAULT));
    mm->limits.memlock = 11 * PG;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mlockall(mm, MCL_CURRENT));
    mm->limits.memlock = 14 * PG;
    check_starved(0, sim_mlockall(mm, MCL_CURRENT | MCL_ONFAULT));
    assert_int_equal(mm->locked_pages, 12);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(sim_mlockall(mm, MCL_CURRENT | MCL_FUTURE), 0);
    assert_int_equal(mm->rss_pages, 8);
    assert_true(world_map(&w, 40, 2, RW) >= 0);
    assert_int_equal(mm->locked_pages, 14);
    assert_int_equal(mm->rss_pages, 10);
    assert_int_equal(sim_mlockall(mm, 0), 0);
    assert_int_equal(mm->locked_pages, 0);
    assert_true(world_map(&w, 50, 2, RW) >= 0);
    assert_int_equal(mm->locked_pages, 0);
}

/* ---- mincore ---- */

static void test_mincore(void **state)
{
    uint8_t vec[20] = {0};
    struct object *object = object_create(8 * PG, "file");

    assert_true(world_map(&w, 10, 4, RW) >= 0);
    world_fill(&w, 11, 3, 2);
    assert_int_equal(
        sim_mmap_object(mm, AT(14), 4 * PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, object, 6 * PG),
        AT(14));
    assert_int_equal(object_write(object, 7 * PG, "x", 1), 0);
    memset(vec, 0x55, sizeof(vec));
    assert_int_equal(sim_mincore(mm, AT(10), 8, vec), 0);
    assert_memory_equal(vec, ((uint8_t[]){0, 1, 0, 1, 0, 1, 0, 0, 0x55}), 9);
    assert_int_equal(sim_mincore(mm, AT(10), 9, vec), -ENOMEM);
    assert_int_equal(sim_mincore(mm, AT(9), 1, vec), -ENOMEM);
    assert_int_equal(sim_mincore(mm, AT(9), 0, vec), 0);
    object_put(object);
    assert_int_equal(sim_munmap(mm, AT(14), 4 * PG), 0);
    world_check(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mprotect),          TEST(test_mprotect_and_zero_page),
        TEST(test_mprotect_refusals), TEST(test_mprotect_of_a_stack),
        TEST(test_dontneed),          TEST(test_madvise_populates),
        TEST(test_madvise_refusals),  TEST(test_mlock),
        TEST(test_mlock_again),       TEST(test_lock_on_fault_never_populates),
        TEST(test_mlockall),          TEST(test_mincore),
    };

    return cmocka_run_group_tests_name("protect", tests, NULL, NULL);
}
