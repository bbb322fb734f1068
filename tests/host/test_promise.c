/* Memory that is promised: with OVERCOMMIT_NEVER no call, and no growing stack, promises more than there may be. */
/* host-build: 9/4 3/4 */
#include "kernel/abi/errno.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

#define LEAVE (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static int setup_never(void **state)
{
    setup(state);
    mm_config.overcommit = OVERCOMMIT_NEVER;
    return 0;
}

/* Promise all but @left pages, to memory above the others. */
static void promise_all_but(uint64_t left)
{
    uint64_t pages = mm_commit_limit() - mm_committed() - left;

    assert_int_equal(sim_mmap(mm, AT(PAGES), pages * PG, RW, PRIVATE), AT(PAGES));
}

/* The source keeps its promise, and the destination gets one; for what was there it is back. */
static void test_dontunmap(void **state)
{
    fill(0, 10);
    assert_int_equal(map(20, 10, RW, PRIVATE), AT(20));
    assert_int_equal(map(40, 1, PROT_READ, PRIVATE), AT(40));
    promise_all_but(9);
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mremap(mm, AT(0), 10 * PG, 10 * PG, LEAVE, 0));
    check_refused_for(-ENOMEM, REFUSE_LIMIT,
                      sim_mremap(mm, AT(0), 10 * PG, 10 * PG, LEAVE | MREMAP_FIXED, AT(10)));
    assert_true(sim_mremap(mm, AT(40), PG, PG, LEAVE, 0) > 0);
    assert_int_equal(sim_mremap(mm, AT(0), 10 * PG, 10 * PG, LEAVE | MREMAP_FIXED, AT(20)), AT(20));
    assert_int_equal(sim_mremap(mm, AT(0), 9 * PG, 9 * PG, LEAVE | MREMAP_FIXED, AT(40)), AT(40));
    assert_int_equal(mm_committed(), mm_commit_limit());
    assert_int_equal(sim_munmap(mm, 0, TASK_SIZE), 0);
}

/* Each of several VMAs may go, all of them may not. */
static void test_dontunmap_of_several(void **state)
{
    assert_int_equal(map(0, 5, RW, PRIVATE), AT(0));
    assert_int_equal(map(5, 5, RW | PROT_EXEC, PRIVATE), AT(5));
    promise_all_but(9);
    check_refused_for(-ENOMEM, REFUSE_LIMIT,
                      sim_mremap(mm, AT(0), 10 * PG, 10 * PG, LEAVE | MREMAP_FIXED, AT(20)));
    assert_int_equal(sim_munmap(mm, AT(9), PG), 0);
    assert_int_equal(sim_mremap(mm, AT(0), 10 * PG, 10 * PG, LEAVE | MREMAP_FIXED, AT(20)), AT(20));
    assert_int_equal(sim_munmap(mm, 0, TASK_SIZE), 0);
}

/* Memory that was written keeps its promise when it may be written no more, and gets one for what it grows by. */
static void test_growth(void **state)
{
    fill(0, 2);
    assert_int_equal(sim_mprotect(mm, AT(0), 2 * PG, PROT_READ), 0);
    assert_int_equal(map(20, 2, PROT_READ, PRIVATE), AT(20));
    promise_all_but(3);
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mremap(mm, AT(0), 2 * PG, 6 * PG, 0, 0));
    assert_int_equal(sim_mremap(mm, AT(20), 2 * PG, 6 * PG, 0, 0), AT(20));
    assert_int_equal(sim_mremap(mm, AT(0), 2 * PG, 5 * PG, 0, 0), AT(0));
    assert_int_equal(mm_committed(), mm_commit_limit());
    assert_int_equal(sim_munmap(mm, 0, TASK_SIZE), 0);
}

static void test_stack(void **state)
{
    assert_int_equal(map(20, 1, RW, PRIVATE | MAP_GROWSDOWN), AT(20));
    promise_all_but(4);
    assert_int_equal(sim_touch(mm, 0, AT(15), ACCESS_WRITE), FAULT_MAPERR);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(mm_committed(), mm_commit_limit());
    assert_int_equal(sim_munmap(mm, 0, TASK_SIZE), 0);
}

/* What a mapping replaces gives its promise back first. */
static void test_replaced(void **state)
{
    assert_int_equal(map(0, 10, RW, PRIVATE), AT(0));
    promise_all_but(1);
    check_refused_for(-ENOMEM, REFUSE_LIMIT, map(0, 12, RW, PRIVATE));
    assert_int_equal(map(0, 11, RW, PRIVATE), AT(0));
    assert_int_equal(mm_committed(), mm_commit_limit());
    assert_int_equal(sim_munmap(mm, 0, TASK_SIZE), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_never, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dontunmap), TEST(test_dontunmap_of_several), TEST(test_growth), TEST(test_stack),
        TEST(test_replaced),
    };

    return cmocka_run_group_tests_name("promise", tests, NULL, NULL);
}
