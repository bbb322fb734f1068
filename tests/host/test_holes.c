/* Pages and holes of objects: counted, found, filled, punched while they are mapped; and their names. */
/* host-build: 9/4 2/4 */
#include "kernel/abi/errno.h"
#include "mm/vma.h"
#include "tests/host/test_file.h"

static void fill(unsigned page, unsigned count)
{
    static char bytes[PAGE_SIZE];

    for (unsigned n = page; n < page + count; n++) {
        memset(bytes, (int)n + 1, PG);
        assert_int_equal(object_write(file, n * PG, bytes, PG), 0);
    }
}

static void map(struct mm *to, unsigned page, unsigned count, uint32_t type, unsigned from)
{
    assert_int_equal(sim_mmap_object(to, AT(page), count * PG, RW, type | MAP_FIXED | MAP_POPULATE,
                                     file, from * PG),
                     AT(page));
}

static void punch(uint64_t off, uint64_t len)
{
    sim_op("punch");
    object_punch(file, off, len);
    sim_settle(mm);
    sim_settle(other);
}

static uint8_t byte_at(uint64_t off)
{
    uint8_t byte = 0xff;

    assert_int_equal(object_read(file, off, &byte, 1), 0);
    return byte;
}

static void test_pages_are_found(void **state)
{
    fill(2, 3);
    fill(9, 1);
    assert_int_equal(object_pages(file), 4);
    assert_int_equal(object_seek(file, 0, true), 2 * PG);
    assert_int_equal(object_seek(file, 2 * PG + 5, true), 2 * PG + 5);
    assert_int_equal(object_seek(file, 5 * PG, true), 9 * PG);
    assert_int_equal(object_seek(file, 10 * PG, true), PAGES * PG);
    assert_int_equal(object_seek(file, 5, false), 5);
    assert_int_equal(object_seek(file, 2 * PG + 5, false), 5 * PG);
    assert_int_equal(object_seek(file, 9 * PG, false), 10 * PG);
    fill(11, 1);
    assert_int_equal(object_seek(file, 11 * PG, false), PAGES * PG);
    assert_int_equal(object_resize(file, 11 * PG + 7), 0);
    assert_int_equal(object_seek(file, 11 * PG, false), 11 * PG + 7);
}

static void test_fill(void **state)
{
    fill(3, 1);
    assert_int_equal(object_fill(file, PG + 1, 3 * PG), 0);
    assert_int_equal(object_pages(file), 4);
    assert_int_equal(byte_at(3 * PG), 4);
    assert_int_equal(byte_at(PG), 0);
    sim_fail_after(1, true);
    assert_int_equal(object_fill(file, 0, PG), -ENOMEM);
    sim_fail_after(0, false);
    mm_check_all();
}

/* Parts of pages become zeros, whole pages go; what lies beside stays. */
static void test_punch_bytes(void **state)
{
    fill(0, PAGES);
    punch(PG + 100, 200);
    assert_int_equal(object_pages(file), PAGES);
    assert_int_equal(byte_at(PG + 99), 2);
    assert_int_equal(byte_at(PG + 100), 0);
    assert_int_equal(byte_at(PG + 299), 0);
    assert_int_equal(byte_at(PG + 300), 2);
    punch(3 * PG + 10, 2 * PG);
    assert_int_equal(object_pages(file), PAGES - 1);
    assert_int_equal(byte_at(3 * PG + 9), 4);
    assert_int_equal(byte_at(3 * PG + 10), 0);
    assert_int_equal(byte_at(4 * PG), 0);
    assert_int_equal(byte_at(5 * PG + 9), 0);
    assert_int_equal(byte_at(5 * PG + 10), 6);
    punch(10 * PG, 100 * PG);
    punch(1000 * PG, PG);
    assert_int_equal(object_pages(file), PAGES - 3);
    assert_int_equal(object_size(file), PAGES * PG);
    assert_int_equal(byte_at(9 * PG), 10);
    mm_check_all();
}

/* In several mappings: shared ones see zeros, private copies stay. */
static void test_punch_mapped(void **state)
{
    fill(0, PAGES);
    map(mm, 0, PAGES, MAP_SHARED, 0);
    map(mm, 20, 3, MAP_SHARED, 4);
    map(mm, 30, 2, MAP_SHARED, 10);
    assert_int_equal(
        sim_mmap_object(other, AT(0), PAGES * PG, RW, MAP_PRIVATE | MAP_FIXED, file, 0), AT(0));
    for (unsigned n = 0; n < PAGES; n++)
        assert_int_equal(sim_touch(other, 0, AT(n), ACCESS_READ), FAULT_DONE);
    assert_int_equal(sim_write(other, 0, AT(5), 77), FAULT_DONE);
    punch(4 * PG, 3 * PG);
    assert_int_equal(mm->rss_pages, PAGES - 3 + 2);
    assert_int_equal(other->rss_pages, PAGES - 2);
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(sim_read(mm, 0, AT(4 + n)), 0);
        assert_int_equal(sim_read(mm, 1, AT(20 + n)), 0);
    }
    assert_int_equal(sim_read(other, 0, AT(4)), 0);
    assert_int_equal(sim_read(other, 0, AT(5)), 77);
    assert_int_equal(sim_read(other, 0, AT(6)), 0);
    assert_int_not_equal(sim_read(mm, 0, AT(3)), 0);
    assert_int_not_equal(sim_read(mm, 0, AT(7)), 0);
    assert_int_not_equal(sim_read(mm, 0, AT(30)), 0);
    assert_int_equal(sim_write(mm, 0, AT(5), 5), FAULT_DONE);
    assert_int_equal(sim_read(mm, 1, AT(21)), 5);
    mm_check_all();
}

static void test_mapped_shared(void **state)
{
    assert_false(object_mapped_shared(file));
    map(mm, 0, 1, MAP_PRIVATE, 0);
    assert_false(object_mapped_shared(file));
    map(other, 0, 1, MAP_SHARED, 0);
    assert_true(object_mapped_shared(file));
    assert_int_equal(sim_munmap(other, AT(0), PG), 0);
    assert_false(object_mapped_shared(file));
}

/* Files leave a part of memory to programs, however they are written; shared memory does not. */
static void test_room_is_left(void **state)
{
    enum { FILES = 8, EACH = 200 };
    struct object *big[FILES], *shared = object_create(EACH * PG, NULL);
    uint64_t word = 1, n = 0;

    for (unsigned i = 0; i < FILES; i++)
        big[i] = object_create(EACH * PG, "big");
    while (object_write(big[n / EACH], n % EACH * PG, &word, 8) == 0)
        n++;
    assert_int_equal(object_write(big[n / EACH], n % EACH * PG, &word, 8), -ENOSPC);
    assert_int_equal(object_fill(big[n / EACH], 0, EACH * PG), -ENOSPC);
    assert_int_equal(object_pages(big[n / EACH]), n % EACH);
    assert_in_range(sim_frames_free(), FRAMES / 16 - 4, FRAMES / 16);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(sim_mmap_object(mm, AT(i), PG, RW, MAP_SHARED | MAP_FIXED, big[n / EACH],
                                         i * (n % EACH) * PG),
                         AT(i));
    assert_int_equal(sim_touch(mm, 0, AT(0), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(1), ACCESS_WRITE), FAULT_BUS);
    assert_int_equal(object_write(shared, 0, &word, 8), 0);
    for (unsigned i = 0; i < FILES; i++)
        object_put(big[i]);
    object_put(shared);
}

static void test_names(void **state)
{
    static char name[600];
    uint32_t objects = sim_objects();

    memset(name, 'n', sizeof(name) - 1);
    assert_string_equal(object_name(file), "file");
    assert_int_equal(object_rename(file, name), 0);
    assert_string_equal(object_name(file), name);
    sim_fail_after(1, false);
    assert_int_equal(object_rename(file, "x"), -ENOMEM);
    sim_fail_after(0, false);
    assert_string_equal(object_name(file), name);
    assert_int_equal(sim_objects(), objects);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pages_are_found), TEST(test_fill),          TEST(test_punch_bytes),
        TEST(test_punch_mapped),    TEST(test_mapped_shared), TEST(test_names),
        TEST(test_room_is_left),
    };

    return cmocka_run_group_tests_name("holes", tests, NULL, NULL);
}
