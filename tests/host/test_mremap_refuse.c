/*
 * mremap(2): what is refused, with which errno, in Linux's order, changing nothing; and shared
 * memory, which may be shown twice.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_remap.h"

#define AT(page) (BASE + (page)*PAGE_SIZE)

/* Most of the address space is more than there is memory for. */
#define BEYOND_MEMORY (TASK_SIZE / PAGE_SIZE / 2 > FRAMES)

/* ---- Refusals: the arguments, in Linux's order ---- */

struct refusal_case {
    long err;
    enum refusal why;
    uint64_t old, old_len, new_len;
    uint32_t flags;
    uint64_t to;
};

static void refused(const struct refusal_case *c, unsigned n)
{
    struct sim_snapshot *snap = sim_snapshot();
    const struct mm_stats stats = mm_stats;
    long result = sim_mremap(w.mm, c->old, c->old_len, c->new_len, c->flags, c->to);

    check(refusal_since(&stats) == c->why, "case or line %u: for reason %d", n,
          refusal_since(&stats));
    check(result == c->err, "case or line %u: answer %ld, not %ld", n, result, c->err);
    check(!sim_changed(snap), "case %u: %s", n, sim_changed(snap));
    sim_snapshot_free(snap);
}

#define REFUSED(err, ...) refused(&(struct refusal_case){err, __VA_ARGS__}, __LINE__)

static void test_refusals(void **state)
{
    const uint64_t pg = PAGE_SIZE;
    const struct refusal_case cases[] = {
        {-EINVAL, REFUSE_FLAGS, AT(10), 5 * pg, 5 * pg, 8, 0},
        {-EINVAL, REFUSE_FLAGS, AT(10), 5 * pg, 5 * pg, 0x80000000u, 0},
        {-EINVAL, REFUSE_UNALIGNED, AT(10) + 1, 5 * pg, 5 * pg, 0, 0},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 0, 0, 0},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, UINT64_MAX, MOVE, 0},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, TASK_SIZE + 1, MOVE, 0},
        {-EINVAL, REFUSE_FLAGS, AT(10), 5 * pg, 5 * pg, MREMAP_FIXED, AT(40)},
        {-EINVAL, REFUSE_FLAGS, AT(10), 5 * pg, 5 * pg, MREMAP_DONTUNMAP, AT(40)},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 6 * pg, LEAVE, AT(40)},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 4 * pg, LEAVE, AT(40)},
        {-EINVAL, REFUSE_UNALIGNED, AT(10), 5 * pg, 5 * pg, FIXED, AT(40) + 8},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 5 * pg, FIXED, TASK_SIZE},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 5 * pg, FIXED, TASK_SIZE - 4 * pg},
        {-EINVAL, REFUSE_LENGTH, AT(10), 5 * pg, 5 * pg, FIXED, UINT64_MAX - pg + 1},
        {-EINVAL, REFUSE_OVERLAP, AT(10), 5 * pg, 5 * pg, FIXED, AT(10)},
        {-EINVAL, REFUSE_OVERLAP, AT(10), 5 * pg, 5 * pg, FIXED, AT(14)},
        {-EINVAL, REFUSE_OVERLAP, AT(10), 5 * pg, 5 * pg, FIXED, AT(6)},
        {-EINVAL, REFUSE_OVERLAP, AT(10), 1 * pg, 5 * pg, FIXED, AT(6)},
        {-EINVAL, REFUSE_OVERLAP, AT(50), 5 * pg, 5 * pg, FIXED, AT(50)},
        {-EFAULT, REFUSE_UNMAPPED, AT(50), 5 * pg, 5 * pg, 0, 0},
        {-EFAULT, REFUSE_UNMAPPED, AT(9), 5 * pg, 5 * pg, 0, 0},
        {-EFAULT, REFUSE_UNMAPPED, AT(50), 5 * pg, 5 * pg, FIXED, AT(30)},
        {-EFAULT, REFUSE_UNMAPPED, TASK_SIZE, pg, pg, 0, 0},
        {-EFAULT, REFUSE_UNMAPPED, UINT64_MAX - pg + 1, pg, pg, 0, 0},
        {-EFAULT, REFUSE_CROSSES_VMA, AT(10), 11 * pg, 12 * pg, MOVE, 0},
        {-EFAULT, REFUSE_CROSSES_VMA, AT(15), 6 * pg, 7 * pg, 0, 0},
        {-EINVAL, REFUSE_LENGTH, AT(15), 0 - AT(15), 5 * pg, FIXED, AT(40)},
        {-EFAULT, REFUSE_CROSSES_VMA, AT(10), 11 * pg, 12 * pg, FIXED, AT(40)},
        {-EINVAL, REFUSE_LENGTH, AT(10), 11 * pg, 8 * pg, LEAVE, AT(40)},
        {-EFAULT, REFUSE_UNMAPPED, AT(9), 8 * pg, 8 * pg, FIXED, AT(40)},
        {-EFAULT, REFUSE_CROSSES_VMA, AT(15), 8 * pg, 8 * pg, LEAVE, AT(40)},
        {-EINVAL, REFUSE_PRIVATE_COPY, AT(10), 0, pg, MOVE, 0},
        {-EINVAL, REFUSE_PRIVATE_COPY, AT(10), 0, pg, FIXED, AT(40)},
        {-EINVAL, REFUSE_PRIVATE_COPY, AT(10), 0, pg, 0, 0},
        {-ENOMEM, REFUSE_NOT_GROWABLE, AT(10), 10 * pg, 11 * pg, 0, 0},
        {-ENOMEM, BEYOND_MEMORY ? REFUSE_LIMIT : REFUSE_NOT_GROWABLE, AT(10), 10 * pg,
         TASK_SIZE - AT(10), 0, 0},
        {-EPERM, REFUSE_TOO_LOW, AT(10), 10 * pg, 10 * pg, FIXED, 0},
        {-EINVAL, REFUSE_LENGTH, AT(10), UINT64_MAX - 100 * pg, 5 * pg, 0, 0},
    };

    map_filled(10, 10, 1);
    assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++)
        refused(&cases[n], n);
}

static void test_no_gap(void **state)
{
    w.mm->layout.mmap_base = TASK_SIZE;
    map_filled(10, 10, 1);
    assert_int_equal(sim_mmap(w.mm, AT(20), TASK_SIZE - AT(20), PROT_READ, NORESERVE_FIXED),
                     AT(20));
    REFUSED(-ENOMEM, REFUSE_NO_GAP, AT(10), 10 * PAGE_SIZE, AT(10), MOVE, 0);
    REFUSED(-ENOMEM, BEYOND_MEMORY ? REFUSE_LIMIT : REFUSE_NO_GAP, AT(10), 10 * PAGE_SIZE,
            TASK_SIZE / 4 * 3, MOVE, 0);
    assert_int_equal(sim_munmap(w.mm, AT(20), TASK_SIZE - AT(20)), 0);
}

static void test_limits(void **state)
{
    const uint64_t pg = PAGE_SIZE;

    map_filled(10, 10, 1);
    map_filled(20, 1, 1);
    assert_int_equal(world_protect(&w, 20, 1, PROT_READ), 0);
    w.mm->limits.as = 20 * pg;
    REFUSED(-ENOMEM, REFUSE_LIMIT, AT(10), 10 * pg, 20 * pg, MOVE, 0);
    REFUSED(-ENOMEM, REFUSE_LIMIT, AT(10), 10 * pg, 10 * pg, LEAVE, 0);
    assert_int_equal(world_remap(&w, 10, 10, 19, MOVE, 0), PAGES - 19);
    w.mm->limits.as = UINT64_MAX;
    w.mm->limits.data = 19 * pg;
    REFUSED(-ENOMEM, REFUSE_LIMIT, AT(PAGES - 19), 19 * pg, 20 * pg, MOVE, 0);
    w.mm->limits.data = UINT64_MAX;
    if ((FRAMES + 20) * pg < TASK_SIZE)
        REFUSED(-ENOMEM, REFUSE_LIMIT, AT(PAGES - 19), 19 * pg, (FRAMES + 20) * pg, MOVE, 0);
    mm_config.max_map_count = w.mm->vma_count + 3;
    REFUSED(-ENOMEM, REFUSE_LIMIT, AT(PAGES - 19), 19 * pg, 20 * pg, FIXED, AT(30));
    REFUSED(-ENOMEM, REFUSE_LIMIT, AT(PAGES - 19), 18 * pg, 20 * pg, MOVE, 0);
    mm_config.max_map_count = 65530;
    assert_int_equal(sim_mlock(w.mm, AT(PAGES - 19), 19 * pg, true, false), 0);
    w.mm->limits.memlock = 19 * pg;
    REFUSED(-EAGAIN, REFUSE_LIMIT, AT(PAGES - 19), 19 * pg, 20 * pg, MOVE, 0);
    w.mm->limits.memlock = 20 * pg;
    assert_int_equal(world_remap(&w, PAGES - 19, 19, 20, FIXED, 30), 30);
    assert_int_equal(w.mm->locked_pages, 20);
    assert_int_equal(w.mm->rss_pages, 21);
}

/* ---- Shared memory, and old_len 0 ---- */

#define SHARED_AT AT(20)

static void map_shared(unsigned count)
{
    assert_int_equal(
        sim_mmap(w.mm, SHARED_AT, count * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
        SHARED_AT);
    for (unsigned n = 0; n < count; n += 2)
        assert_int_equal(sim_write(w.mm, 0, SHARED_AT + n * PAGE_SIZE, n + 100), FAULT_DONE);
}

static void expect_shared(vaddr_t va, unsigned first, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        assert_int_equal(sim_read(w.mm, n % 4, va + n * PAGE_SIZE),
                         (first + n) % 2 ? 0 : first + n + 100);
}

static void clear_world(void)
{
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
}

/* Each allocation of the call fails once. */
static long remap_starved(vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                          vaddr_t to)
{
    long result;
    uint64_t n = 0;

    do {
        struct sim_snapshot *snap = sim_snapshot();

        sim_fail_after(++n, false);
        result = sim_mremap(w.mm, old, old_len, new_len, flags, to);
        if (sim_refused()) {
            assert_int_equal(result, -ENOMEM);
            check(!sim_changed(snap), "%s", sim_changed(snap));
        }
        sim_snapshot_free(snap);
    } while (sim_refused());
    sim_fail_after(0, false);
    return result;
}

static void test_shared_moves(void **state)
{
    map_shared(10);
    assert_int_equal(
        remap_starved(SHARED_AT + 2 * PAGE_SIZE, 5 * PAGE_SIZE, 5 * PAGE_SIZE, FIXED, AT(4 * P)),
        AT(4 * P));
    expect_shared(AT(4 * P), 2, 5);
    expect_shared(SHARED_AT, 0, 2);
    expect_shared(SHARED_AT + 7 * PAGE_SIZE, 7, 3);
    assert_int_equal(w.mm->vma_count, 3);
    clear_world();
    assert_null(object_all);
}

static void test_shared_dontunmap(void **state)
{
    map_shared(10);
    assert_int_equal(
        remap_starved(SHARED_AT, 10 * PAGE_SIZE, 10 * PAGE_SIZE, LEAVE | MREMAP_FIXED, AT(4 * P)),
        AT(4 * P));
    expect_shared(AT(4 * P), 0, 10);
    expect_shared(SHARED_AT, 0, 10);
    clear_world();
}

static void duplicate(unsigned first, unsigned count, uint32_t flags, vaddr_t to)
{
    vaddr_t at;

    map_shared(10);
    at = (vaddr_t)remap_starved(SHARED_AT + first * PAGE_SIZE, 0, count * PAGE_SIZE, flags, to);
    check(!(flags & MREMAP_FIXED) || at == to, "went to %llx", (unsigned long long)at);
    expect_shared(at, first, count);
    check(range_size(vma_range(vma_at(w.mm, SHARED_AT))) == 10 * PAGE_SIZE, "the source was cut");
    expect_shared(SHARED_AT, 0, 10);
    assert_int_equal(sim_write(w.mm, 2, at, 77), FAULT_DONE);
    assert_int_equal(sim_read(w.mm, 3, SHARED_AT + first * PAGE_SIZE), 77);
    clear_world();
    assert_null(object_all);
}

static void test_duplicate_shared(void **state)
{
    duplicate(0, 10, MOVE, 0);
    duplicate(0, 3, FIXED, AT(4 * P));
}

static void test_duplicate_from_the_middle(void **state)
{
    duplicate(4, 3, MOVE, 0);
    duplicate(9, 1, FIXED, AT(4 * P));
    duplicate(4, 3, FIXED, AT(3));
}

/* D would unmap what it is to show: refused, and nothing gone. */
static void test_duplicate_onto_itself(void **state)
{
    const uint64_t pg = PAGE_SIZE;

    map_shared(10);
    REFUSED(-EFAULT, REFUSE_UNMAPPED, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT);
    REFUSED(-EINVAL, REFUSE_OVERLAP, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT - pg);
    REFUSED(-EFAULT, REFUSE_UNMAPPED, SHARED_AT + 4 * pg, 0, 2 * pg, FIXED, SHARED_AT + 4 * pg);
    assert_int_equal(sim_mremap(w.mm, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT - 2 * pg),
                     SHARED_AT - 2 * pg);
    expect_shared(SHARED_AT - 2 * pg, 0, 2);
    assert_int_equal(sim_mremap(w.mm, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT + 2 * pg),
                     SHARED_AT + 2 * pg);
    expect_shared(SHARED_AT + 2 * pg, 0, 2);
    expect_shared(SHARED_AT + 4 * pg, 4, 6);
    clear_world();
    assert_null(object_all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_no_gap),
        TEST(test_limits),
        TEST(test_shared_moves),
        TEST(test_shared_dontunmap),
        TEST(test_duplicate_shared),
        TEST(test_duplicate_from_the_middle),
        TEST(test_duplicate_onto_itself),
    };

    return cmocka_run_group_tests_name("mremap_refuse", tests, NULL, NULL);
}
