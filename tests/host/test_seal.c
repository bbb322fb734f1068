/*
 * mseal: what is sealed stays where, what and as large as it is, and every call that would change
 * that changes nothing at all. Also msync, which only refuses.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

#define MOVE MREMAP_MAYMOVE
#define TO (MREMAP_MAYMOVE | MREMAP_FIXED)

/* ---- mseal ---- */

static void test_arguments(void **state)
{
    fill(10, 4);
    fill(16, 4);
    check_refused(-EINVAL, sim_mseal(mm, AT(10), PG, 1));
    check_refused(-EINVAL, sim_mseal(mm, AT(10) + 1, PG, 0));
    check_refused(-EINVAL, sim_mseal(mm, AT(10), UINT64_MAX, 0));
    check_refused(-EINVAL, sim_mseal(mm, AT(10), UINT64_MAX - PG, 0));
    check_refused(-ENOMEM, sim_mseal(mm, AT(10), 10 * PG, 0));
    check_refused(-ENOMEM, sim_mseal(mm, AT(9), 2 * PG, 0));
    check_refused(0, sim_mseal(mm, AT(50), 0, 0));
    check_refused(0, sim_mseal(mm, AT(11), 0, 0));
    check_starved(0, sim_mseal(mm, AT(11), 2 * PG, 0));
    assert_int_equal(mm->vma_count, 4);
    world_check(&w);
}

static void test_lines(void **state)
{
    fill(10, 8);
    assert_int_equal(sim_mseal(mm, AT(10), 2 * PG, 0), 0);
    assert_int_equal(sim_mseal(mm, AT(14), 2 * PG, 0), 0);
    assert_int_equal(mm->vma_count, 4);
    assert_int_equal(sim_mseal(mm, AT(11), 7 * PG, 0), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_true(mm->first->flags & VMA_SEALED);
}

/* Sealed are pages 12 to 15 of 10 to 19. */
static void seal_middle(void)
{
    fill(10, 10);
    fill(40, 6);
    assert_int_equal(sim_mseal(mm, AT(12), 4 * PG, 0), 0);
}

static void test_unmap_and_protect(void **state)
{
    seal_middle();
    check_refused(-EPERM, sim_munmap(mm, AT(12), 4 * PG));
    check_refused(-EPERM, sim_munmap(mm, AT(13), PG));
    check_refused(-EPERM, sim_munmap(mm, AT(5), 20 * PG));
    check_refused(-EPERM, sim_mprotect(mm, AT(13), PG, PROT_READ));
    check_refused(-EPERM, sim_mprotect(mm, AT(13), PG, RW));
    check_refused(-EPERM, sim_mprotect(mm, AT(10), 10 * PG, PROT_NONE));
    check_refused(-EPERM, map(11, 2, RW, PRIVATE));
    check_refused(-EPERM, map(13, 1, RW, PRIVATE));
    check_refused(-EPERM, map(9, 12, RW, PRIVATE));
    world_check(&w);
}

static void test_mremap(void **state)
{
    seal_middle();
    check_refused(-EPERM, sim_mremap(mm, AT(12), 4 * PG, 4 * PG, 0, 0));
    check_refused(-EPERM, sim_mremap(mm, AT(12), 4 * PG, 2 * PG, 0, 0));
    check_refused(-EPERM, sim_mremap(mm, AT(12), 4 * PG, 8 * PG, MOVE, 0));
    check_refused(-EPERM, sim_mremap(mm, AT(12), 4 * PG, 4 * PG, TO, AT(60)));
    check_refused(-EPERM, sim_mremap(mm, AT(12), 4 * PG, 4 * PG, TO | MREMAP_DONTUNMAP, AT(60)));
    check_refused(-EPERM, sim_mremap(mm, AT(10), 10 * PG, 10 * PG, TO, AT(60)));
    check_refused(-EPERM, sim_mremap(mm, AT(10), 10 * PG, 2 * PG, 0, 0));
    check_refused(-EPERM, sim_mremap(mm, AT(40), 6 * PG, 6 * PG, TO, AT(8)));
    check_refused(-EPERM, sim_mremap(mm, AT(40), 2 * PG, 6 * PG, TO, AT(8)));
    check_refused(-EPERM, sim_mremap(mm, AT(10), 3 * PG, 2 * PG, TO, AT(60)));
    world_check(&w);
}

static void test_brk(void **state)
{
    mm->layout.brk_start = mm->layout.brk = AT(100);
    assert_int_equal(sim_brk(mm, AT(104)), AT(104));
    assert_int_equal(sim_mseal(mm, AT(100), 2 * PG, 0), 0);
    check_refused((long)AT(104), sim_brk(mm, AT(101)));
    assert_int_equal(sim_brk(mm, AT(102)), AT(102));
}

/* What can be written can be zeroed by that, too: it may be forgotten. */
static void test_madvise(void **state)
{
    fill(10, 4);
    assert_int_equal(sim_mseal(mm, AT(10), 4 * PG, 0), 0);
    assert_int_equal(world_forget(&w, 10, 1), 0);
    fill(20, 4);
    assert_int_equal(world_protect(&w, 20, 4, PROT_READ), 0);
    assert_int_equal(sim_mseal(mm, AT(20), 4 * PG, 0), 0);
    check_refused(-EPERM, sim_madvise(mm, AT(20), PG, MADV_DONTNEED));
    check_refused(-EPERM, sim_madvise(mm, AT(21), PG, MADV_DONTNEED_LOCKED));
    check_refused(-EPERM, sim_madvise(mm, AT(20), 4 * PG, MADV_FREE));
    check_refused(-EPERM, sim_madvise(mm, AT(20), 4 * PG, MADV_DONTFORK));
    check_refused(-EPERM, sim_madvise(mm, AT(20), 4 * PG, MADV_WIPEONFORK));
    assert_int_equal(sim_madvise(mm, AT(20), 4 * PG, MADV_COLD), 0);
}

static void test_fork(void **state)
{
    struct mm *child;

    seal_middle();
    child = sim_fork(mm);
    assert_non_null(child);
    assert_int_equal(sim_munmap(child, AT(13), PG), -EPERM);
    assert_int_equal(sim_munmap(child, AT(10), 2 * PG), 0);
    sim_destroy(child);
    world_check(&w);
}

/* ---- msync ---- */

static void test_msync(void **state)
{
    fill(10, 2);
    fill(13, 2);
    check_refused(0, sim_msync(mm, AT(10), 2 * PG, MS_SYNC | MS_INVALIDATE));
    check_refused(0, sim_msync(mm, AT(12), 0, MS_SYNC));
    check_refused(-EINVAL, sim_msync(mm, AT(10), PG, 8));
    check_refused(-EINVAL, sim_msync(mm, AT(10), PG, MS_SYNC | MS_ASYNC));
    check_refused(-EINVAL, sim_msync(mm, AT(10) + 1, PG, MS_SYNC));
    check_refused(-ENOMEM, sim_msync(mm, AT(10), 5 * PG, MS_SYNC));
    check_refused(-ENOMEM, sim_msync(mm, AT(10), UINT64_MAX - PG, MS_SYNC));
    assert_int_equal(sim_mlock(mm, AT(13), PG, true, false), 0);
    check_refused(-EBUSY, sim_msync(mm, AT(10), 4 * PG, MS_INVALIDATE));
    check_refused(0, sim_msync(mm, AT(14), PG, MS_INVALIDATE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arguments), TEST(test_lines), TEST(test_unmap_and_protect),
        TEST(test_mremap),    TEST(test_brk),   TEST(test_madvise),
        TEST(test_fork),      TEST(test_msync),
    };

    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
