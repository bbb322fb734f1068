/* Inside of mm_test: the flags of mmap. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>

#ifndef MAP_32BIT
#define MAP_32BIT 0x40
#endif
#define ABOVE4G 0x80
#define SHARED_VALIDATE 3

static void test_above_4g(void)
{
    long a = raw_mmap(0, PAGE, RW, ANON | ABOVE4G, -1, 0);
    long b = raw_mmap(0x60000000, PAGE, RW, ANON | ABOVE4G, -1, 0);

    CHECK(a >= (long)GIB(4), "%#lx", a);
    EXPECT(b, 0x60000000);
    EXPECT(SYS(SYS_munmap, a, PAGE), 0);
    EXPECT(SYS(SYS_munmap, b, PAGE), 0);
}

static void test_noreplace(void)
{
    const int flags = ANON | MAP_FIXED_NOREPLACE;

    put_filled(2, 2);
    EXPECT(raw_mmap(area, 2 * PAGE, RW, flags, -1, 0), area);
    EXPECT(raw_mmap(area + PAGE, PAGE, RW, flags, -1, 0), -EEXIST);
    EXPECT(raw_mmap(area + 3 * PAGE, 2 * PAGE, RW, flags, -1, 0), -EEXIST);
    EXPECT(raw_mmap(area, 8 * PAGE, RW, flags, -1, 0), -EEXIST);
    EXPECT(raw_mmap(area + 2 * PAGE, PAGE, RW, flags | MAP_FIXED, -1, 0), -EEXIST);
    EXPECT(raw_mmap(area + 4 * PAGE + 1, PAGE, RW, flags, -1, 0), -EINVAL);
    EXPECT(raw_mmap(USER_TOP, PAGE, RW, flags, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(area + 4 * PAGE, PAGE, RW, flags, -1, 0), area + 4 * PAGE);
    EXPECT_MAPS(0, "wwwww.");
    check_filled(2, 2);
    drop(0, 8);
}

/* Flags that say nothing, or nothing any more. */
static void test_no_effect(void)
{
    static const int flags[] = {MAP_NORESERVE, MAP_STACK,
                                MAP_NONBLOCK,  0x0800 /* DENYWRITE */,
                                0x1000,        0x4000000 /* UNINITIALIZED */,
                                0x200,         0x80000000};

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        CHECK_EQ("mmap()", raw_mmap(area, PAGE, RW, ANON | MAP_FIXED | flags[i], -1, 0), area);
        fill(0, 1);
        check_filled(0, 1);
        drop(0, 1);
    }
}

/* Where reserve matters to what merges. */
static void test_noreserve(void)
{
    put(0, 2, RW, MAP_PRIVATE);
    put(2, 2, RW, MAP_PRIVATE | MAP_NORESERVE);
    put(4, 2, RW, MAP_PRIVATE | MAP_NORESERVE);
    EXPECT_MAPS(0, "ww|wwww");
    drop(0, 6);
}

static void test_types(void)
{
    int fd = make_file(2);

    EXPECT(raw_mmap(area, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED | SHARED_VALIDATE, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED | 4, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED, fd, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | SHARED_VALIDATE, fd, 0), area);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | SHARED_VALIDATE | 0x200, fd, 0), -EOPNOTSUPP);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | SHARED_VALIDATE | 0x80000, fd, 0), -EOPNOTSUPP);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_GROWSDOWN, fd, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, SHARED | MAP_FIXED | MAP_GROWSDOWN, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | MAP_PRIVATE, fd, -PAGE), -EOVERFLOW);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_FIXED | MAP_PRIVATE, fd, 5), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, ANON | MAP_FIXED, -1, 5), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, ANON | MAP_FIXED, 999, PAGE), area);
    drop(0, 1);
    close(fd);
}

/* Where a hint is taken, and where not. */
static void test_hints(void)
{
    long at;

    put(10, 2, RW, MAP_PRIVATE);
    EXPECT(raw_mmap(area + 5 * PAGE, PAGE, RW, ANON, -1, 0), area + 5 * PAGE);
    EXPECT(raw_mmap(area + 7 * PAGE + 100, PAGE, RW, ANON, -1, 0), area + 7 * PAGE);
    at = raw_mmap(area + 9 * PAGE, 2 * PAGE, RW, ANON, -1, 0);
    CHECK(at > 0 && at != (long)area + 9 * (long)PAGE, "over what is there: %#lx", at);
    EXPECT(SYS(SYS_munmap, at, 2 * PAGE), 0);
    put(600, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    at = raw_mmap(area + 400 * PAGE, PAGE, RW, ANON, -1, 0);
    CHECK(at > 0 && at != (long)area + 400 * (long)PAGE, "in the gap of what grows: %#lx", at);
    EXPECT(SYS(SYS_munmap, at, PAGE), 0);
    EXPECT(raw_mmap(area + 343 * PAGE, PAGE, RW, ANON, -1, 0), area + 343 * PAGE);
    EXPECT(raw_mmap(area + 599 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), area + 599 * PAGE);
    drop(0, 601);
}

static const struct suite_case cases[] = {
    {"MAP_ABOVE4G", test_above_4g},
    {"MAP_FIXED_NOREPLACE", test_noreplace},
    {"flags without effect", test_no_effect},
    {"MAP_NORESERVE", test_noreserve},
    {"types of mappings, and what goes with them", test_types},
    {"hints", test_hints},
};

const struct suite_table map_cases = {cases, ARRAY_SIZE(cases)};
