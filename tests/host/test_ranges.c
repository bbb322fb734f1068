/* Lists of ranges of physical memory: add, cut, look up; what becomes of a full one. */
/* host-test: kernel/ranges.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/boot.h"

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* Adding and cutting, against a map of bits. */
static void test_ranges(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct ranges list = {.count = 0};
        bool bits[64] = {false};

        for (unsigned step = 0; step < 20; step++) {
            struct range r = {.start = random_below(63)};
            bool add = random_below(2);

            r.end = r.start + 1 + random_below((uint32_t)(64 - r.start));
            assert_true(add ? ranges_add(&list, r) : ranges_cut(&list, r));
            for (uint64_t i = r.start; i < r.end; i++)
                bits[i] = add;
            for (uint64_t i = 0; i < 64; i++)
                assert_int_equal(ranges_meet(&list, (struct range){i, i + 1}), bits[i]);
            for (unsigned i = 1; i < list.count; i++)
                assert_true(list.at[i - 1].end < list.at[i].start);
        }
    }
}

/* A list without room loses memory, but never gives what was cut. */
static void test_full_list(void **state)
{
    struct ranges list = {.count = 0};

    (void)state;
    for (uint64_t i = 0; i < RANGES_MAX; i++)
        assert_true(ranges_add(&list, (struct range){i * 100, i * 100 + 50}));
    assert_false(ranges_add(&list, (struct range){90, 95}));
    assert_false(ranges_cut(&list, (struct range){510, 520}));
    assert_false(ranges_meet(&list, (struct range){510, 520}));
    assert_true(ranges_hold(&list, (struct range){500, 510}));
    assert_true(ranges_add(&list, (struct range){40, 110}));
    assert_int_equal(list.count, RANGES_MAX - 1);
}

static void test_longest(void **state)
{
    struct ranges list = {.at = {{10, 20}, {30, 60}, {100, 500}}, .count = 3};

    (void)state;
    assert_int_equal(ranges_longest_below(&list, 1000).start, 100);
    assert_int_equal(ranges_longest_below(&list, 110).start, 30);
    assert_int_equal(ranges_longest_below(&list, 15).end, 15);
    assert_int_equal(range_size(ranges_longest_below(&list, 5)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_full_list),
        cmocka_unit_test(test_longest),
    };

    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
