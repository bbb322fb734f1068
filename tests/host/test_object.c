/* Objects and what is told of an address space: lives, bytes, dump. */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

/* ---- Objects ---- */

static void test_object_lives_as_long_as_its_mappings(void **state)
{
    uint32_t before = sim_objects();
    struct object *object = object_create(3 * PG, "file");

    assert_int_equal(sim_mmap_object(mm, AT(10), 3 * PG, RW, MAP_SHARED | MAP_FIXED, object, 0),
                     AT(10));
    assert_int_equal(sim_write(mm, 0, AT(11), 99), FAULT_DONE);
    object_put(object);
    assert_int_equal(sim_munmap(mm, AT(11), PG), 0);
    assert_int_equal(object->refs, 2);
    assert_int_equal(sim_munmap(mm, AT(10), PG), 0);
    assert_ptr_equal(object_all, object);
    assert_int_equal(sim_munmap(mm, AT(12), PG), 0);
    assert_null(object_all);
    assert_int_equal(sim_objects(), before);
}

static void test_object_bytes(void **state)
{
    static char out[3 * 4096 + 5], in[3 * 4096 + 5];
    struct object *object = object_create(40 * PG, "bytes");

    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 3 + i / 100);
    assert_int_equal(object_size(object), 40 * PG);
    assert_int_equal(object_write(object, 33 * PG - 7, out, sizeof(out)), 0);
    assert_int_equal(object_read(object, 33 * PG - 7, in, sizeof(in)), 0);
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(object_read(object, 5 * PG, in, sizeof(in)), 0);
    assert_int_equal(in[0] | in[4096], 0);
    sim_fail_after(1, true);
    assert_int_equal(object_write(object, 0, out, 5), -ENOMEM);
    sim_fail_after(0, false);
    mm_check_all();
    object_put(object);
}

static void test_no_memory_for_an_object(void **state)
{
    uint32_t frames = sim_frames_free(), objects = sim_objects();

    for (unsigned n = 1; n <= 2; n++) {
        sim_fail_after(n, false);
        assert_null(object_create(PG, "x"));
        assert_null(object_all);
        assert_int_equal(sim_frames_free(), frames);
        assert_int_equal(sim_objects(), objects);
    }
    for (unsigned n = 1; n <= 2; n++) {
        sim_fail_after(n, false);
        assert_null(sim_create());
        assert_int_equal(sim_frames_free(), frames);
        assert_int_equal(sim_objects(), objects);
    }
    sim_fail_after(0, false);
}

/* ---- Words ---- */

struct text {
    char lines[8][160];
    unsigned count;
};

static void keep_line(void *ctx, const char *line)
{
    struct text *text = ctx;

    if (text->count < 8)
        snprintf(text->lines[text->count], sizeof(text->lines[0]), "%s", line);
    text->count++;
}

static void test_dump_is_stable(void **state)
{
    struct text first = {.count = 0}, second = {.count = 0};

    fill(10, 3);
    assert_int_equal(map(30, 1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), AT(30));
    for (unsigned i = 0; i < 2; i++) {
        port_lock_read(&mm->lock);
        mm_dump(mm, keep_line, i ? &second : &first);
        port_unlock_read(&mm->lock);
    }
    assert_int_equal(first.count, second.count);
    assert_true(first.count >= 2 + PT_TOP);
    assert_memory_equal(&first, &second, sizeof(first));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_object_lives_as_long_as_its_mappings),
        TEST(test_object_bytes),
        TEST(test_no_memory_for_an_object),
        TEST(test_dump_is_stable),
    };

    return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
