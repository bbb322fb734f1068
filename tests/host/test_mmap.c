/* mmap, munmap and brk: what they do, what they refuse, and that a refusal changes nothing. */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

/* ---- mmap ---- */

static void test_places(void **state)
{
    assert_int_equal(sim_mmap(mm, 0, 3 * PG - 5, RW, ANON), AT(PAGES - 3));
    assert_int_equal(sim_mmap(mm, 0, 2 * PG, PROT_READ, ANON), AT(PAGES - 5));
    assert_int_equal(sim_mmap(mm, AT(50), PG, RW, ANON), AT(50));
    assert_int_equal(sim_mmap(mm, AT(50), PG, RW, ANON), AT(PAGES - 6));
    assert_int_equal(sim_mmap(mm, AT(60) + 1, PG, RW, ANON), AT(60));
    assert_int_equal(sim_mmap(mm, AT(49), 2 * PG, PROT_READ, ANON), AT(PAGES - 8));
    assert_int_equal(sim_mmap(mm, AT(48), 2 * PG, RX, ANON), AT(48));
    assert_int_equal(sim_munmap(mm, AT(PAGES - 5), PG), 0);
    assert_int_equal(sim_mmap(mm, 0, PG, RX, ANON), AT(PAGES - 5));
}

/* Below mmap_base nothing fits: above it then. */
static void test_above_the_base(void **state)
{
    mm->layout.mmap_base = mm_config.mmap_min_addr + 2 * PG;
    assert_int_equal(sim_mmap(mm, 0, 2 * PG, RW, ANON), mm_config.mmap_min_addr);
    assert_int_equal(sim_mmap(mm, 0, PG, RW, ANON), TASK_SIZE - PG);
}

/* Where mappings may begin at 0, no hint still names no place, and 0 is nobody's answer. */
static void test_no_hint_above_zero(void **state)
{
    long at;

    mm_config.mmap_min_addr = 0;
    at = sim_mmap(mm, 0, PG, RW, ANON);
    assert_true(at > 0 && mm->vma_count == 1);
    assert_int_equal(sim_mmap(mm, 0, PG, RW, ANON), at - (long)PG);
}

static void test_merges(void **state)
{
    assert_int_equal(map(10, 2, RW, PRIVATE), AT(10));
    assert_int_equal(map(14, 2, RW, PRIVATE), AT(14));
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(map(12, 2, RW, PRIVATE), AT(12));
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(map(16, 2, PROT_READ, PRIVATE), AT(16));
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(map(18, 2, PROT_READ, PRIVATE | MAP_NORESERVE), AT(18));
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(map(16, 2, RW, PRIVATE), AT(16));
    assert_int_equal(mm->vma_count, 2);
}

static void test_fixed_replaces(void **state)
{
    fill(10, 20);
    check_starved(AT(15), map(15, 5, PROT_READ, PRIVATE));
    for (unsigned n = 15; n < 20; n++)
        w.page[n] = (struct world_page){true, PROT_READ, 0};
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    check_refused_for(-EEXIST, REFUSE_EXISTS, map(29, 5, RW, ANON | MAP_FIXED_NOREPLACE));
    check_refused_for(-EEXIST, REFUSE_EXISTS, map(12, 1, RW, ANON | MAP_FIXED_NOREPLACE));
    assert_int_equal(map(30, 5, RW, ANON | MAP_FIXED_NOREPLACE), AT(30));
}

static void test_mmap_refusals(void **state)
{
    struct object *object = object_create(4 * PG, "file");

    fill(10, 2);
    check_refused_for(-EINVAL, REFUSE_LENGTH, map(20, 0, RW, PRIVATE));
    check_refused_for(-ENOMEM, REFUSE_LENGTH, sim_mmap(mm, 0, UINT64_MAX, RW, ANON));
    check_refused_for(-ENOMEM, REFUSE_LENGTH, sim_mmap(mm, 0, TASK_SIZE + 1, RW, ANON));
    check_refused_for(-ENOMEM, REFUSE_NO_GAP, sim_mmap(mm, 0, TASK_SIZE, RW, ANON));
    check_refused_for(-ENOMEM, REFUSE_LENGTH, sim_mmap(mm, TASK_SIZE, PG, RW, PRIVATE));
    check_refused_for(-ENOMEM, REFUSE_LENGTH, sim_mmap(mm, TASK_SIZE - PG, 2 * PG, RW, PRIVATE));
    check_refused_for(-EINVAL, REFUSE_UNALIGNED, sim_mmap(mm, AT(20) + 8, PG, RW, PRIVATE));
    check_refused_for(-EPERM, REFUSE_TOO_LOW, sim_mmap(mm, 0, PG, RW, PRIVATE));
    check_refused_for(-EINVAL, REFUSE_FLAGS, map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED));
    check_refused_for(-EINVAL, REFUSE_FLAGS,
                      map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED | MAP_SHARED_VALIDATE));
    check_refused_for(-EINVAL, REFUSE_FLAGS, map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED | 7));
    check_refused_for(-EINVAL, REFUSE_FLAGS,
                      map(20, 1, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN));
    check_refused_for(-EINVAL, REFUSE_OFFSET,
                      sim_mmap_object(mm, AT(20), PG, RW, MAP_PRIVATE, object, 100));
    port_lock_write(&mm->lock);
    assert_int_equal(mm_mmap(mm, AT(20), PG, RW, MAP_SHARED, object, 0, false), -EACCES);
    assert_int_equal(mm_mmap(mm, AT(20), PG, PROT_READ, MAP_SHARED, object, 0, false), AT(20));
    port_unlock_write(&mm->lock);
    check_refused_for(-EACCES, REFUSE_ACCESS, sim_mprotect(mm, AT(20), PG, RW));
    assert_int_equal(sim_mmap_object(mm, AT(30), PG, PROT_READ, MAP_SHARED, object, 0), AT(30));
    assert_int_equal(sim_mprotect(mm, AT(30), PG, RW), 0);
    object_put(object);
}

/* A file ends at 2^63 - 1, as on Linux. */
static void test_offset_overflow(void **state)
{
    const uint64_t last = 0x7fffffffffffd000ull;
    struct object *object = object_create(4 * PG, "file");

    assert_int_equal(sim_mmap_object(mm, AT(20), 2 * PG, RW, MAP_PRIVATE, object, last), AT(20));
    check_refused_for(-EOVERFLOW, REFUSE_OFFSET,
                      sim_mmap_object(mm, AT(30), 2 * PG, RW, MAP_PRIVATE, object, last + PG));
    check_refused_for(-EOVERFLOW, REFUSE_OFFSET,
                      sim_mmap_object(mm, AT(30), 2 * PG, RW, MAP_PRIVATE, object, 0 - PG));
    object_put(object);
}

static void test_mmap_limits(void **state)
{
    fill(10, 10);
    mm->limits.as = 15 * PG;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, map(30, 6, PROT_READ, PRIVATE));
    assert_int_equal(map(16, 9, PROT_READ, PRIVATE), AT(16));
    assert_int_equal(sim_munmap(mm, AT(16), 9 * PG), 0);
    mm->limits.as = UINT64_MAX;
    mm->limits.data = 8 * PG;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, map(30, 3, RW, PRIVATE));
    assert_int_equal(map(30, 2, RW, PRIVATE), AT(30));
    assert_int_equal(map(40, 20, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), AT(40));
    assert_int_equal(sim_mprotect(mm, AT(10), 3 * PG, PROT_READ), 0);
    mm->limits.data = 5 * PG;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mprotect(mm, AT(10), 3 * PG, RW));
    mm->limits.data = UINT64_MAX;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, map(60, FRAMES + 1, RW, ANON));
    assert_int_equal(sim_mmap(mm, 0, PG, RW, ANON | MAP_NORESERVE), AT(PAGES - 1));
    mm_config.max_map_count = mm->vma_count - 1;
    check_refused_for(-ENOMEM, REFUSE_LIMIT, map(100, 1, RX, PRIVATE));
    mm_config.max_map_count = mm->vma_count;
    assert_int_equal(map(100, 3, RX, PRIVATE), AT(100));
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_munmap(mm, AT(101), PG));
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mprotect(mm, AT(101), PG, PROT_READ));
    assert_int_equal(sim_munmap(mm, AT(102), PG), 0);
}

static void test_populate(void **state)
{
    assert_int_equal(map(10, 20, RW, PRIVATE | MAP_POPULATE), AT(10));
    assert_int_equal(mm->rss_pages, 20);
    assert_int_equal(map(40, 5, PROT_READ, PRIVATE | MAP_POPULATE), AT(40));
    assert_int_equal(mm->rss_pages, 25);
    assert_int_equal(map(50, 5, PROT_NONE, PRIVATE | MAP_POPULATE), AT(50));
    assert_int_equal(map(60, 5, RW, PRIVATE | MAP_POPULATE | MAP_NONBLOCK), AT(60));
    assert_int_equal(mm->rss_pages, 25);
    sim_fail_after(6, true);
    assert_int_equal(map(70, 20, RW, PRIVATE | MAP_POPULATE), AT(70));
    sim_fail_after(0, false);
    assert_true(mm->rss_pages < 45);
}

static void test_no_memory_for_mmap(void **state)
{
    fill(5, 2);
    check_starved(AT(10), map(10, 20, RW, PRIVATE));
    check_starved(AT(40), map(40, 5, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED));
    check_starved(AT(12), map(12, 5, PROT_READ, PRIVATE));
    assert_int_equal(sim_munmap(mm, AT(0), PAGES * PG), 0);
    assert_null(object_all);
}

/* ---- munmap ---- */

static void test_munmap(void **state)
{
    fill(10, 20);
    fill(40, 20);
    check_starved(0, sim_munmap(mm, AT(15), 5 * PG));
    for (unsigned n = 15; n < 20; n++)
        w.page[n] = (struct world_page){0};
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(world_unmap(&w, 25, 20), 0);
    assert_int_equal(world_unmap(&w, 25, 20), 0);
    assert_int_equal(world_unmap(&w, 10, 1), 0);
    assert_int_equal(world_unmap(&w, 14, 1), 0);
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
    assert_int_equal(mm->pt.tables, 1);
}

static void test_munmap_refusals(void **state)
{
    fill(10, 5);
    check_refused_for(-EINVAL, REFUSE_UNALIGNED, sim_munmap(mm, AT(10) + 1, PG));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, AT(10), 0));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, TASK_SIZE, PG));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, TASK_SIZE - PG, 2 * PG));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, AT(10), UINT64_MAX));
    check_refused(0, sim_munmap(mm, TASK_SIZE - PG, PG));
    check_refused(0, sim_munmap(mm, AT(15), PG));
    assert_int_equal(sim_munmap(mm, AT(10), 1), 0);
    assert_int_equal(mm->total_pages, 4);
}

/* Tables go when nothing is left in them, no sooner. */
static void test_munmap_frees_tables(void **state)
{
    uint64_t tables;

    assert_int_equal(sim_mmap(mm, BASE - PG, 2 * PG, RW, PRIVATE), BASE - PG);
    sim_touch(mm, 0, BASE - PG, ACCESS_WRITE);
    tables = mm->pt.tables;
    sim_touch(mm, 0, BASE, ACCESS_WRITE);
    assert_true(mm->pt.tables > tables);
    assert_int_equal(sim_munmap(mm, BASE, PG), 0);
    assert_int_equal(mm->pt.tables, tables);
    assert_int_equal(sim_munmap(mm, BASE - PG, PG), 0);
    assert_int_equal(mm->pt.tables, 1);
}

/* ---- brk ---- */

/* The raw call answers the old break where it fails. */
static long brk_or_error(vaddr_t brk)
{
    return sim_brk(mm, brk) == (long)brk ? (long)brk : -ENOMEM;
}

static void test_brk(void **state)
{
    mm->layout.brk_start = mm->layout.brk = AT(10) + 100;
    assert_int_equal(sim_brk(mm, 0), AT(10) + 100);
    assert_int_equal(sim_brk(mm, AT(10) + 50), AT(10) + 100);
    assert_int_equal(sim_brk(mm, AT(11)), AT(11));
    assert_int_equal(mm->total_pages, 0);
    check_starved(AT(20) + 5, brk_or_error(AT(20) + 5));
    assert_int_equal(mm->total_pages, 10);
    assert_int_equal(sim_write(mm, 0, AT(20), 5), FAULT_DONE);
    assert_int_equal(sim_brk(mm, AT(20)), AT(20));
    assert_int_equal(sim_touch(mm, 0, AT(20), ACCESS_READ), FAULT_MAPERR);
    assert_int_equal(sim_brk(mm, AT(30)), AT(30));
    assert_int_equal(sim_read(mm, 1, AT(20)), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(sim_brk(mm, AT(10) + 100), AT(10) + 100);
    assert_int_equal(mm->total_pages, 0);
}

static void test_brk_limits(void **state)
{
    mm->layout.brk_start = mm->layout.brk = AT(10);
    fill(20, 1);
    assert_int_equal(sim_brk(mm, AT(20)), AT(10));
    assert_int_equal(sim_brk(mm, AT(19)), AT(19));
    mm->limits.data = 12 * PG;
    assert_int_equal(sim_munmap(mm, AT(20), PG), 0);
    assert_int_equal(sim_brk(mm, AT(23)), AT(19));
    assert_int_equal(sim_brk(mm, AT(22)), AT(22));
    mm->limits.data = UINT64_MAX;
    mm->limits.as = 13 * PG;
    assert_int_equal(sim_brk(mm, AT(24)), AT(22));
    assert_int_equal(sim_brk(mm, TASK_SIZE + PG), AT(22));
    assert_int_equal(sim_brk(mm, UINT64_MAX), AT(22));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places),
        TEST(test_above_the_base),
        TEST(test_no_hint_above_zero),
        TEST(test_merges),
        TEST(test_fixed_replaces),
        TEST(test_mmap_refusals),
        TEST(test_offset_overflow),
        TEST(test_mmap_limits),
        TEST(test_populate),
        TEST(test_no_memory_for_mmap),
        TEST(test_munmap),
        TEST(test_munmap_refusals),
        TEST(test_munmap_frees_tables),
        TEST(test_brk),
        TEST(test_brk_limits),
    };

    return cmocka_run_group_tests_name("mmap", tests, NULL, NULL);
}
