/* The readers of boot information: what loaders leave. */
/* host-test: kernel/bootinfo.c kernel/ranges.c */
#include "tests/host/test_bootinfo.h"

/* ---- What is right ---- */

static void check_usual(void)
{
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.at[0].start, 0);
    assert_int_equal(info.memory.at[0].end, 0x9f000);
    assert_int_equal(info.memory.at[1].start, MIB(1));
    assert_int_equal(info.memory.at[1].end, MIB(64));
    assert_int_equal(info.module.start, MIB(4));
    assert_int_equal(info.module.end, MIB(4) + 1000);
    assert_string_equal(info.cmdline, "realign=off init=/bin/x");
    assert_null(info.warning);
}

static void test_mb1(void **state)
{
    (void)state;
    build_mb1("kernel.elf realign=off init=/bin/x", USUAL);
    assert_null(parse(MB1));
    check_usual();
}

static void test_mb2(void **state)
{
    (void)state;
    build_mb2("realign=off init=/bin/x", USUAL);
    assert_null(parse(MB2));
    check_usual();
    assert_memory_equal(at(NULL, info.rsdp, 8), "RSD PTR ", 8);
}

static void test_pvh(void **state)
{
    (void)state;
    build_pvh("/boot/kernel realign=off init=/bin/x", USUAL);
    assert_null(parse(PVH));
    check_usual();
    assert_int_equal(info.rsdp, 0xf0000);
}

static void test_no_module(void **state)
{
    (void)state;
    build_mb1("", USUAL);
    memory[20] = 0;
    assert_null(parse(MB1));
    assert_int_equal(range_size(info.module), 0);
    assert_string_equal(info.cmdline, "");
}

/* ---- The kernel's name before the options ---- */

static void test_kernel_name(void **state)
{
    static const char *const lines[][2] = {
        {"kernel.elf", ""},
        {"/boot/kernel a=b", "a=b"},
        {"build/release/kernel.elf norandmaps", "norandmaps"},
        {"norandmaps a=b", "norandmaps a=b"},
        {"init=/bin/x.y", "init=/bin/x.y"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        build_mb1(lines[i][0], USUAL);
        assert_null(parse(MB1));
        assert_string_equal(info.cmdline, lines[i][1]);
    }
}

/* ---- Memory maps ---- */

#define PIECES(...)                                                                                \
    (const struct piece[]){__VA_ARGS__},                                                           \
        sizeof((struct piece[]){__VA_ARGS__}) / sizeof(struct piece)

static void test_reserved_wins(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), MIB(63), 1}, {MIB(32) + 5, 10, 2}, {0, MIB(2), 3}));
    assert_null(parse(MB2));
    assert_non_null(info.warning);
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.at[0].start, MIB(2));
    assert_int_equal(info.memory.at[0].end, MIB(32));
    assert_int_equal(info.memory.at[1].start, MIB(32) + 4096);
}

static void test_overlap_is_merged(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(8), MIB(8), 1}, {MIB(1), MIB(8), 1}, {MIB(12), MIB(2), 1}));
    assert_null(parse(MB2));
    assert_string_equal(info.warning, "ranges of usable memory overlap");
    assert_int_equal(info.memory.count, 1);
    assert_int_equal(info.memory.at[0].start, MIB(1));
    assert_int_equal(info.memory.at[0].end, MIB(16));
}

static void test_unaligned_pieces_shrink(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1) + 1, MIB(63), 1}, {MIB(100) + 1, 8000, 1}, {MIB(200), 0, 1}));
    assert_null(parse(MB2));
    assert_int_equal(info.memory.count, 1);
    assert_int_equal(info.memory.at[0].start, MIB(1) + 4096);
    assert_int_equal(info.memory.at[0].end, MIB(64));
}

static void test_wrap_is_refused(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), MIB(63), 1}, {UINT64_MAX - 4095, 8192, 1}));
    assert_string_equal(parse(MB2), "a range of memory wraps around the end of the address space");
}

static void test_reserved_to_the_end(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), MIB(63), 1}, {UINT64_MAX - 8191, 8191, 2}));
    assert_null(parse(MB2));
    assert_int_equal(info.memory.count, 1);
}

static void test_very_much_memory(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), 1ull << 50, 1}, {1ull << 55, MIB(64), 1}));
    assert_null(parse(MB2));
    assert_string_equal(info.warning, "memory above 1 TiB is not used");
    assert_int_equal(info.memory.at[info.memory.count - 1].end, 1ull << 40);
}

static void test_too_little_memory(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), MIB(7), 1}));
    assert_string_equal(parse(MB2), "less than 8 MiB of usable memory");
}

static void test_module_elsewhere(void **state)
{
    (void)state;
    build_mb2("", PIECES({MIB(1), MIB(3), 1}, {MIB(5), MIB(60), 1}));
    assert_string_equal(parse(MB2), "the module does not lie in usable memory");
}

static void test_many_pieces(void **state)
{
    struct piece pieces[RANGES_MAX + 20];

    (void)state;
    for (size_t i = 0; i < RANGES_MAX + 20; i++)
        pieces[i] = (struct piece){MIB(4 * i + 4), MIB(2), 1};
    build_mb2("", pieces, RANGES_MAX + 20);
    assert_null(parse(MB2));
    assert_int_equal(info.memory.count, RANGES_MAX);
    assert_string_equal(info.warning, "too many ranges of memory, some are not used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mb1),
        TEST(test_mb2),
        TEST(test_pvh),
        TEST(test_no_module),
        TEST(test_kernel_name),
        TEST(test_reserved_wins),
        TEST(test_overlap_is_merged),
        TEST(test_unaligned_pieces_shrink),
        TEST(test_wrap_is_refused),
        TEST(test_reserved_to_the_end),
        TEST(test_very_much_memory),
        TEST(test_too_little_memory),
        TEST(test_module_elsewhere),
        TEST(test_many_pieces),
    };

    return cmocka_run_group_tests_name("bootinfo", tests, NULL, NULL);
}
