/*
 * Pages that go while they are mapped: madvise(MADV_REMOVE), and all of a process when memory is out; and which object
 * stands behind an address.
 */
/* host-build: 9/4 2/4 */
#include "kernel/abi/errno.h"
#include "mm/fault.h"
#include "tests/host/test_file.h"

#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static void map(struct mm *to, unsigned page, unsigned count, uint32_t prot, uint32_t type,
                unsigned from)
{
    assert_int_equal(
        sim_mmap_object(to, AT(page), count * PG, prot, type | MAP_FIXED, file, from * PG),
        AT(page));
}

static void write_pages(struct mm *to, unsigned page, unsigned count)
{
    for (unsigned n = page; n < page + count; n++)
        assert_int_equal(sim_write(to, 0, AT(n), n + 1), FAULT_DONE);
}

static long remove_pages(unsigned page, unsigned count)
{
    return sim_madvise(mm, AT(page), count * PG, MADV_REMOVE);
}

/* ---- MADV_REMOVE ---- */

/* For all that show them, at whatever address; a private copy stays. */
static void test_remove(void **state)
{
    map(mm, 4, 6, RW, MAP_SHARED, 3);
    write_pages(mm, 4, 6);
    map(other, 0, PAGES, RW, MAP_PRIVATE, 0);
    assert_int_equal(sim_read(other, 1, AT(6)), 8);
    assert_int_equal(sim_write(other, 1, AT(5), 99), FAULT_DONE);
    assert_int_equal(remove_pages(6, 3), 0);
    assert_int_equal(object_pages(file), 3);
    assert_int_equal(sim_read(mm, 0, AT(5)), 6);
    assert_int_equal(sim_read(mm, 0, AT(6)), 0);
    assert_int_equal(sim_read(mm, 2, AT(9)), 10);
    assert_int_equal(sim_read(other, 1, AT(6)), 0);
    assert_int_equal(sim_read(other, 1, AT(5)), 99);
    assert_int_equal(sim_read(other, 1, AT(4)), 6);
}

/* Over several mappings, each with its own place in the object; what lies in a page beyond the range stays. */
static void test_remove_over_mappings(void **state)
{
    struct object *shared;

    map(mm, 0, 2, RW, MAP_SHARED, 8);
    map(mm, 2, 2, RW, MAP_SHARED, 0);
    assert_int_equal(sim_mmap(mm, AT(4), 2 * PG, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
                     AT(4));
    write_pages(mm, 0, 6);
    port_lock_read(&mm->lock);
    shared = vma_at(mm, AT(4))->object;
    port_unlock_read(&mm->lock);
    assert_int_equal(remove_pages(1, 4), 0);
    assert_int_equal(object_pages(file), 1);
    assert_int_equal(object_pages(shared), 1);
    assert_int_equal(sim_read(mm, 0, AT(0)), 1);
    for (unsigned n = 1; n < 5; n++)
        assert_int_equal(sim_read(mm, 0, AT(n)), 0);
    assert_int_equal(sim_read(mm, 0, AT(5)), 6);
}

static void test_remove_refused(void **state)
{
    struct sim_snapshot *snap;

    mm->limits.memlock = UINT64_MAX;
    map(mm, 0, 2, RW, MAP_SHARED, 0);
    write_pages(mm, 0, 2);
    map(mm, 2, 1, RW, MAP_PRIVATE, 2);
    assert_int_equal(
        sim_mmap_object(mm, AT(4), PG, PROT_READ, MAP_SHARED | MAP_FIXED, file, 4 * PG), AT(4));
    assert_int_equal(sim_mmap(mm, AT(6), PG, RW, PRIVATE), AT(6));
    map(mm, 8, 1, RW, MAP_SHARED, 0);
    assert_int_equal(sim_mlock(mm, AT(8), PG, true, false), 0);
    snap = sim_snapshot();
    assert_int_equal(remove_pages(0, 3), -EACCES);
    assert_int_equal(remove_pages(0, 4), -EACCES);
    assert_int_equal(remove_pages(6, 1), -EINVAL);
    assert_int_equal(remove_pages(8, 1), -EINVAL);
    assert_int_equal(remove_pages(3, 2), -ENOMEM);
    assert_null(sim_changed(snap));
    sim_snapshot_free(snap);
    assert_int_equal(remove_pages(4, 1), 0); /* not writable now, but it may become so */
}

/* ---- Out of memory ---- */

static void test_forget_all(void **state)
{
    uint32_t before = sim_frames_free();

    map(mm, 0, 4, RW, MAP_PRIVATE, 0);
    assert_int_equal(sim_mmap(mm, AT(10), 4 * PG, RW, PRIVATE), AT(10));
    write_pages(mm, 0, 4);
    write_pages(mm, 10, 4);
    mm_forget_all(mm);
    mm_check_all();
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(mm->pt.tables, 1);
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(sim_frames_free(), before);
    assert_int_equal(sim_read(mm, 0, AT(10)), 0);
}

/* ---- The object behind an address ---- */

static void test_shared_object(void **state)
{
    uint64_t offset = 77;

    map(mm, 0, 4, RW, MAP_SHARED, 3);
    map(mm, 6, 1, RW, MAP_PRIVATE, 0);
    port_lock_read(&mm->lock);
    assert_null(mm_shared_object(mm, AT(4), &offset));
    assert_null(mm_shared_object(mm, AT(6) + 8, &offset));
    assert_int_equal(offset, 77);
    assert_ptr_equal(mm_shared_object(mm, AT(2) + 20, &offset), file);
    port_unlock_read(&mm->lock);
    assert_int_equal(offset, 5 * PG + 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_remove),     TEST(test_remove_over_mappings), TEST(test_remove_refused),
        TEST(test_forget_all), TEST(test_shared_object),
    };

    return cmocka_run_group_tests_name("remove", tests, NULL, NULL);
}
