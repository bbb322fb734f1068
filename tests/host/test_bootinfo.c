/* The readers of boot information: what loaders leave, and what none should. */
/* host-test: kernel/bootinfo.c kernel/ranges.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot.h"

#define MB1 0x2badb002u
#define MB2 0x36d76289u
#define PVH 0x336ec578u

#define MIB(n) ((uint64_t)(n) << 20)

/* ---- Physical memory: one piece, on the heap so that a read beyond it is seen ---- */

#define BASE 0x9000u
#define SIZE 0x2000u

static uint8_t *memory;
static uint32_t used; /* bytes written so far */

static const void *at(void *ctx, paddr_t pa, uint64_t size)
{
    (void)ctx;
    if (pa < BASE || pa >= BASE + SIZE || size > BASE + SIZE - pa)
        return NULL;
    return memory + (pa - BASE);
}

static const struct boot_memory reader = {.at = at};
static struct boot_info info;

static const char *parse(uint32_t magic)
{
    return bootinfo_parse(&info, magic, BASE, &reader);
}

/* Append @size bytes; returns their physical address. */
static uint32_t put(const void *bytes, uint32_t size)
{
    uint32_t pa = BASE + used;

    assert_true(used + size <= SIZE);
    memcpy(memory + used, bytes, size);
    used += size;
    return pa;
}

static void put32(uint32_t value)
{
    put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
    put(&value, sizeof(value));
}

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, SIZE);
    used = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* ---- The three forms ---- */

struct piece {
    uint64_t base, size;
    uint32_t type;
};

/* What a machine of 64 MiB has, with a module at 4 MiB. */
static const struct piece usual[] = {
    {0, 0x9fc00, 1},
    {0x9fc00, 0x400, 2},
    {MIB(1), MIB(63), 1},
};
#define USUAL usual, sizeof(usual) / sizeof(usual[0])

static uint32_t put_map(const struct piece *pieces, size_t count, bool sizes, uint32_t stride)
{
    uint32_t start = BASE + used;

    for (size_t i = 0; i < count; i++) {
        if (sizes)
            put32(stride);
        put64(pieces[i].base);
        put64(pieces[i].size);
        put32(pieces[i].type);
        for (uint32_t pad = 20; pad < stride; pad++)
            put("", 1);
    }
    return start;
}

static void build_mb1(const char *cmdline, const struct piece *pieces, size_t count)
{
    uint32_t fields[22] = {0x4c};
    uint32_t module[4] = {MIB(4), MIB(4) + 1000};

    used = sizeof(fields);
    fields[4] = put(cmdline, (uint32_t)strlen(cmdline) + 1);
    fields[5] = 1;
    fields[6] = put(module, sizeof(module));
    fields[12] = put_map(pieces, count, true, 20);
    fields[11] = BASE + used - fields[12];
    memcpy(memory, fields, sizeof(fields));
}

static void end_tag(void)
{
    while (used % 8)
        put("", 1);
    put32(0);
    put32(8);
    memcpy(memory, &used, sizeof(used));
}

static void begin_tag(uint32_t type, uint32_t body)
{
    while (used % 8)
        put("", 1);
    put32(type);
    put32(8 + body);
}

static void build_mb2(const char *cmdline, const struct piece *pieces, size_t count)
{
    used = 8;
    begin_tag(1, (uint32_t)strlen(cmdline) + 1);
    put(cmdline, (uint32_t)strlen(cmdline) + 1);
    begin_tag(3, 9);
    put32(MIB(4));
    put32(MIB(4) + 1000);
    put("", 1);
    begin_tag(6, 8 + 24 * (uint32_t)count);
    put32(24);
    put32(0);
    put_map(pieces, count, false, 24);
    begin_tag(14, 20);
    put("RSD PTR             ", 20);
    end_tag();
}

static void build_pvh(const char *cmdline, const struct piece *pieces, size_t count)
{
    struct {
        uint32_t magic, version, flags, modules;
        uint64_t list, cmdline, rsdp, map;
        uint32_t entries, reserved;
    } head = {
        .magic = PVH, .version = 1, .modules = 1, .rsdp = 0xf0000, .entries = (uint32_t)count};
    uint64_t module[4] = {MIB(4), 1000};

    used = sizeof(head);
    head.cmdline = put(cmdline, (uint32_t)strlen(cmdline) + 1);
    head.list = put(module, sizeof(module));
    head.map = put_map(pieces, count, false, 24);
    memcpy(memory, &head, sizeof(head));
}

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

/* ---- Ranges ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mb1),
        TEST(test_mb2),
        TEST(test_pvh),
        TEST(test_no_module),
        TEST(test_reserved_wins),
        TEST(test_overlap_is_merged),
        TEST(test_unaligned_pieces_shrink),
        TEST(test_wrap_is_refused),
        TEST(test_reserved_to_the_end),
        TEST(test_very_much_memory),
        TEST(test_too_little_memory),
        TEST(test_module_elsewhere),
        TEST(test_many_pieces),
        TEST(test_tag_sizes),
        TEST(test_tags_without_body),
        TEST(test_map_entries),
        TEST(test_no_end),
        TEST(test_no_map),
        TEST(test_elsewhere),
        TEST(test_long_command_line),
        TEST(test_kernel_name),
        TEST(test_spoiled),
        TEST(test_ranges),
        TEST(test_full_list),
        TEST(test_longest),
    };

    return cmocka_run_group_tests_name("bootinfo", tests, NULL, NULL);
}
