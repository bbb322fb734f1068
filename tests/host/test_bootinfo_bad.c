/* The readers of boot information: what no loader should leave. */
/* host-test: kernel/bootinfo.c kernel/ranges.c */
#include "tests/host/test_bootinfo.h"

/* ---- What is cut short ---- */

/* A tag of every type whose size says less than its header, or more than there is. */
static void test_tag_sizes(void **state)
{
    static const uint32_t sizes[] = {0, 1, 7, SIZE, 0x7fffffff, 0xfffffff8, 0xffffffff};

    (void)state;
    for (uint32_t type = 1; type < 24; type++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            used = 8;
            put32(type);
            put32(sizes[i]);
            end_tag();
            assert_string_equal(parse(MB2), "a tag of the Multiboot information is cut short");
        }
    }
}

static void test_tags_without_body(void **state)
{
    static const struct {
        uint32_t type;
        const char *error;
    } tags[] = {
        {1, "the command line has no end"},
        {3, "the module's tag is cut short"},
        {6, "the memory map is cut short"},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        used = 8;
        begin_tag(tags[i].type, 0);
        end_tag();
        assert_string_equal(parse(MB2), tags[i].error);
    }
}

static void test_map_entries(void **state)
{
    static const uint32_t sizes[] = {0, 1, 19, 25, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        used = 8;
        begin_tag(6, 8 + 24);
        put32(sizes[i]);
        put32(0);
        put_map(usual + 2, 1, false, 24);
        end_tag();
        assert_string_equal(parse(MB2), "the memory map is cut short");
    }
}

static void test_no_end(void **state)
{
    uint32_t total;

    (void)state;
    build_mb2("", USUAL);
    total = 16;
    memcpy(memory, &total, sizeof(total));
    assert_string_equal(parse(MB2), "a tag of the Multiboot information is cut short");
    total = used - 8;
    memcpy(memory, &total, sizeof(total));
    assert_string_equal(parse(MB2), "the Multiboot information has no end");
    total = 2 * SIZE;
    memcpy(memory, &total, sizeof(total));
    memset(memory + used - 8, 0xff, SIZE - used + 8);
    assert_string_equal(parse(MB2), "a tag of the Multiboot information is cut short");
}

static void test_no_map(void **state)
{
    (void)state;
    used = 8;
    end_tag();
    assert_string_equal(parse(MB2), "the loader gave no memory map");
    build_mb1("", USUAL);
    memory[0] = 0;
    assert_string_equal(parse(MB1), "the loader gave no memory map");
}

static void test_elsewhere(void **state)
{
    (void)state;
    assert_non_null(bootinfo_parse(&info, MB1, 0, &reader));
    assert_non_null(bootinfo_parse(&info, MB2, BASE + SIZE - 4, &reader));
    assert_non_null(bootinfo_parse(&info, PVH, UINT64_MAX, &reader));
    assert_non_null(bootinfo_parse(&info, 0x12345678, BASE, &reader));
}

static void test_long_command_line(void **state)
{
    char line[BOOT_CMDLINE_SIZE + 1];

    (void)state;
    memset(line, 'x', sizeof(line));
    line[BOOT_CMDLINE_SIZE] = '\0';
    build_mb1(line, USUAL);
    assert_string_equal(parse(MB1), "the command line is too long");
    build_mb2(line, USUAL);
    assert_string_equal(parse(MB2), "the command line is too long");
    line[BOOT_CMDLINE_SIZE - 1] = '\0';
    build_mb2(line, USUAL);
    assert_null(parse(MB2));
}

/* ---- Anything at all ---- */

static void check_sound(void)
{
    uint64_t last = 0;

    assert_non_null(memchr(info.cmdline, 0, sizeof(info.cmdline)));
    assert_true(info.memory.count <= RANGES_MAX);
    for (unsigned i = 0; i < info.memory.count; i++) {
        struct range r = info.memory.at[i];

        assert_true(r.start < r.end && r.end <= 1ull << 40);
        assert_true(r.start % 4096 == 0 && r.end % 4096 == 0);
        assert_true(i == 0 || r.start > last);
        last = r.end;
    }
    if (range_size(info.module))
        assert_true(ranges_hold(&info.memory, info.module));
}

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* A sound form with a few bytes spoiled: accepted or refused, but then accepted with sound contents. */
static void test_spoiled(void **state)
{
    static void (*const builders[])(const char *, const struct piece *, size_t) = {
        build_mb1,
        build_mb2,
        build_pvh,
    };
    static const uint32_t magics[] = {MB1, MB2, PVH};
    unsigned accepted = 0;

    (void)state;
    for (unsigned round = 0; round < 60000; round++) {
        unsigned form = round % 3;

        builders[form]("realign=off", USUAL);
        for (uint32_t n = random_below(6) + 1; n > 0; n--)
            memory[random_below(used)] = random_below(3) ? (uint8_t)random_below(256) : 0xff;
        if (!parse(magics[form])) {
            accepted++;
            check_sound();
        }
    }
    assert_in_range(accepted, 1000, 59000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tag_sizes),
        TEST(test_tags_without_body),
        TEST(test_map_entries),
        TEST(test_no_end),
        TEST(test_no_map),
        TEST(test_elsewhere),
        TEST(test_long_command_line),
        TEST(test_spoiled),
    };

    return cmocka_run_group_tests_name("bootinfo_bad", tests, NULL, NULL);
}
