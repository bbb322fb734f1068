/* The kernel's formatter against the C library's. */
/* host-test: kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/format.h"

/* Both with the same arguments: the same text, the same length. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[256], theirs[256];                                                               \
        int a = format(ours, sizeof(ours), __VA_ARGS__);                                           \
        int b = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                     \
        assert_string_equal(ours, theirs);                                                         \
        assert_int_equal(a, b);                                                                    \
    } while (0)

static void test_numbers(void **state)
{
    static const long long values[] = {0,    1,       -1,      9,         10,       255,
                                       4096, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        long long v = values[i];

        SAME("%d %i %u %x %X %o", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v,
             (unsigned)v);
        SAME("%ld %lu %lx %lld %llu %llx", (long)v, (long)v, (long)v, v, v, v);
        SAME("%zu %zx %hhd %hhu %hd %hx", (size_t)v, (size_t)v, (signed char)v, (unsigned char)v,
             (short)v, (unsigned short)v);
        SAME("%8d|%-8d|%08d|%+d|% d|%.3d|%8.3d", (int)v, (int)v, (int)v, (int)v, (int)v, (int)v,
             (int)v);
        SAME("%#14llx|%-20llx|%020llx|%.18llx", v | 1, v, v, v);
        SAME("%*d|%-*d|%.*d", 12, (int)v, 12, (int)v, 4, (int)v);
    }
}

static void test_strings(void **state)
{
    (void)state;
    SAME("%s|%10s|%-10s|%.2s|%10.2s", "four", "four", "four", "four", "four");
    SAME("%c|%3c|%-3c|%%|plain", 'a', 'b', 'c');
    SAME("%p", (void *)0x1234);
    SAME("%s", "");
    SAME("%.3s", (char[]){'a', 'b', 'c'});
}

/* It never writes beyond its bounds, and says how long it would have been. */
static void test_bounds(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 12; size++) {
        char buf[16];

        memset(buf, '#', sizeof(buf));
        assert_int_equal(format(buf, size, "%s-%d", "abcd", 1234), 9);
        for (size_t i = size; i < sizeof(buf); i++)
            assert_int_equal(buf[i], '#');
        if (size) {
            assert_int_equal(strlen(buf), size - 1 < 9 ? size - 1 : 9);
            assert_memory_equal(buf, "abcd-1234", strlen(buf));
        }
    }
}

static void test_oddities(void **state)
{
    char buf[32];
    const char *volatile unfinished = "100%";
    const char *volatile unknown = "%q|";

    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    format(buf, sizeof(buf), unfinished);
    assert_string_equal(buf, "100");
    format(buf, sizeof(buf), unknown);
    assert_string_equal(buf, "?|");
    format(buf, sizeof(buf), "%s", (const char *volatile){NULL});
    assert_string_equal(buf, "(null)");
#pragma GCC diagnostic pop
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_oddities),
    };

    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
