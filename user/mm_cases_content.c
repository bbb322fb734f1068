/* Inside of mm_test: madvise: advice that takes pages away, or brings them. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>

static void test_dontneed(void)
{
    put_filled(0, 8);
    EXPECT(ADVISE(2, 4, MADV_DONTNEED), 0);
    EXPECT_RESIDENT(0, "11000011");
    check_filled(0, 2);
    check_zero(2, 4);
    check_filled(6, 2);
    EXPECT_MAPS(0, "wwwwwwww");
    drop(0, 8);
}

/* A private copy goes, and the file is seen again; what is shared is there still. */
static void test_dontneed_objects(void)
{
    int fd = make_file(4);

    put_file(0, 4, RW, MAP_PRIVATE, fd);
    memset(at(1), 7, 2 * PAGE);
    put(10, 4, RW, MAP_SHARED);
    fill(10, 4);
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), 0);
    EXPECT(ADVISE(10, 4, MADV_DONTNEED), 0);
    check_filled(0, 4);
    check_filled(10, 4);
    drop(0, 4);
    drop(10, 4);
    close(fd);
}

/* Locked pages stay, unless it is said that they are meant. */
static void test_locked(void)
{
    static const int refused[] = {MADV_DONTNEED, MADV_FREE, ADVICE_COLD, ADVICE_PAGEOUT};

    put_filled(0, 4);
    put(10, 2, RW, MAP_SHARED);
    fill(10, 2);
    EXPECT(SYS(SYS_mlock, at(0), MS(4)), 0);
    EXPECT(SYS(SYS_mlock, at(10), MS(2)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        CHECK_EQ("advice for locked memory", ADVISE(0, 4, refused[i]), -EINVAL);
    EXPECT(ADVISE(10, 2, MADV_REMOVE), -EINVAL);
    EXPECT(ADVISE(0, 4, MADV_WILLNEED), 0);
    check_filled(0, 4);
    check_filled(10, 2);
    EXPECT(ADVISE(1, 2, ADVICE_DONTNEED_LOCKED), 0);
    EXPECT_RESIDENT(0, "1001");
    check_zero(1, 2);
    EXPECT_MAPS(0, "wwww");
    drop(0, 12);
}

/* Any time from now on is the right one to forget; what is written later stays. */
static void test_free(void)
{
    int fd = make_file(4);

    put_filled(0, 4);
    EXPECT(ADVISE(0, 3, MADV_FREE), 0);
    for (uint64_t page = 0; page < 3; page++)
        CHECK(page_is_zero(at(page)) || pattern_check(at(page), page + 1) == PAGE,
              "page %lu is neither what it was nor zero", page);
    fill(1, 1);
    check_filled(1, 1);
    check_filled(3, 1);
    put_file(10, 4, RW, MAP_PRIVATE, fd);
    put(14, 4, RW, MAP_SHARED);
    EXPECT(ADVISE(10, 4, MADV_FREE), -EINVAL);
    EXPECT(ADVISE(14, 4, MADV_FREE), -EINVAL);
    EXPECT_MAPS(0, "wwww");
    drop(0, 18);
    close(fd);
}

static void test_cold(void)
{
    int fd = make_file(4);

    put_filled(0, 4);
    put_file(4, 4, RW, MAP_PRIVATE, fd);
    put_file(10, 4, RW, MAP_SHARED, fd);
    memset(at(5), 7, PAGE);
    EXPECT(ADVISE(0, 8, ADVICE_COLD), 0);
    EXPECT(ADVISE(0, 8, ADVICE_PAGEOUT), 0);
    EXPECT(ADVISE(10, 4, ADVICE_COLD), 0);
    EXPECT(ADVISE(10, 4, ADVICE_PAGEOUT), 0);
    check_filled(0, 4);
    CHECK_EQ("a private byte", at(5)[100], 7);
    CHECK_EQ("the file's", pattern_check(at(12), 3), PAGE);
    drop(0, 14);
    close(fd);
}

static void test_willneed(void)
{
    int fd = make_file(4);

    put_filled(0, 2);
    put_file(4, 4, PROT_READ, MAP_PRIVATE, fd);
    put(8, 2, RW, MAP_SHARED);
    put(10, 2, PROT_NONE, MAP_PRIVATE);
    EXPECT(ADVISE(0, 2, MADV_WILLNEED), 0);
    EXPECT(ADVISE(4, 8, MADV_WILLNEED), 0);
    check_filled(0, 2);
    drop(0, 12);
    close(fd);
}

/* ---- Populate ---- */

static void test_populate(void)
{
    put(0, 8, RW, MAP_PRIVATE);
    EXPECT(ADVISE(1, 2, ADVICE_POPULATE_READ), 0);
    EXPECT(ADVISE(4, 2, ADVICE_POPULATE_WRITE), 0);
    EXPECT_RESIDENT(0, "01101100");
    check_zero(0, 8);
    fill(0, 8);
    EXPECT(ADVISE(0, 8, ADVICE_POPULATE_READ), 0);
    EXPECT(ADVISE(0, 8, ADVICE_POPULATE_WRITE), 0);
    check_filled(0, 8);
    drop(0, 8);
}

static void test_populate_errors(void)
{
    int fd = make_file(2);

    put(0, 2, RW, MAP_PRIVATE);
    put(2, 2, PROT_READ, MAP_PRIVATE);
    put(4, 2, PROT_NONE, MAP_PRIVATE);
    put_file(8, 4, RW, MAP_SHARED, fd);
    EXPECT(ADVISE(2, 2, ADVICE_POPULATE_READ), 0);
    EXPECT(ADVISE(2, 2, ADVICE_POPULATE_WRITE), -EINVAL);
    EXPECT(ADVISE(4, 2, ADVICE_POPULATE_READ), -EINVAL);
    EXPECT(ADVISE(4, 2, ADVICE_POPULATE_WRITE), -EINVAL);
    EXPECT(ADVISE(6, 2, ADVICE_POPULATE_READ), -ENOMEM);
    EXPECT(ADVISE(4, 4, ADVICE_POPULATE_READ), -EINVAL);
    EXPECT(ADVISE(8, 2, ADVICE_POPULATE_WRITE), 0);
    EXPECT(ADVISE(10, 2, ADVICE_POPULATE_READ), -EFAULT);
    EXPECT(ADVISE(10, 1, ADVICE_POPULATE_WRITE), -EFAULT);
    EXPECT(SYS(SYS_madvise, at(0), 0, ADVICE_POPULATE_READ), 0);
    EXPECT(SYS(SYS_madvise, at(0) + 1, PAGE, ADVICE_POPULATE_READ), -EINVAL);
    drop(0, 12);
    close(fd);
}

/* To write means a copy of one's own, and of shared memory the object's page. */
static void test_populate_copies(void)
{
    int fd = make_file(4);
    char byte = 9;

    put_file(0, 4, RW, MAP_PRIVATE, fd);
    EXPECT(ADVISE(0, 1, ADVICE_POPULATE_READ), 0);
    EXPECT(ADVISE(1, 1, ADVICE_POPULATE_WRITE), 0);
    EXPECT(SYS(SYS_pwrite64, fd, &byte, 1, 0), 1);
    EXPECT(SYS(SYS_pwrite64, fd, &byte, 1, PAGE), 1);
    CHECK_EQ("a page read shows the file's new byte", at(0)[0], 9);
    check_filled(1, 3);
    drop(0, 4);
    close(fd);
}

static void test_mmap_populate(void)
{
    int fd = make_file(4);

    put(0, 2, RW, MAP_PRIVATE | MAP_POPULATE);
    put(2, 2, PROT_READ, MAP_PRIVATE | MAP_POPULATE);
    put(4, 2, PROT_NONE, MAP_PRIVATE | MAP_POPULATE);
    put(6, 2, RW, MAP_PRIVATE | MAP_POPULATE | MAP_NONBLOCK);
    put(8, 2, RW, MAP_SHARED | MAP_POPULATE);
    put_file(10, 4, RW, MAP_PRIVATE | MAP_POPULATE, fd);
    EXPECT_RESIDENT(0, "11110000111111");
    check_zero(0, 4);
    check_zero(6, 4);
    CHECK_EQ("the file's", pattern_check(at(11), 2), PAGE);
    drop(0, 14);
    close(fd);
}

/* ---- Remove ---- */

/* The object's pages are holes, for all who show them; private copies stay. */
static void test_remove(void)
{
    int fd = make_file(8);
    char byte = 0;

    put_file(0, 8, RW, MAP_SHARED, fd);
    put_file(10, 8, RW, MAP_SHARED, fd);
    put_file(20, 8, RW, MAP_PRIVATE, fd);
    CHECK_EQ("seen", pattern_check(at(23), 4), PAGE);
    at(24)[5] = 7;
    EXPECT(ADVISE(2, 4, MADV_REMOVE), 0);
    check_filled(0, 2);
    check_zero(2, 4);
    check_filled(6, 2);
    check_zero(12, 4);
    check_zero(22, 2);
    CHECK_EQ("a private byte", at(24)[5], 7);
    EXPECT(SYS(SYS_pread64, fd, &byte, 1, 3 * PAGE), 1);
    CHECK_EQ("read", byte, 0);
    fill(2, 4);
    check_filled(0, 8);
    EXPECT(SYS(SYS_lseek, fd, 0, 2), 8 * PAGE);
    drop(0, 28);
    close(fd);
}

static void test_remove_shared(void)
{
    put(0, 4, RW, MAP_SHARED);
    fill(0, 4);
    EXPECT(ADVISE(1, 2, MADV_REMOVE), 0);
    EXPECT_RESIDENT(0, "1001");
    check_filled(0, 1);
    check_zero(1, 2);
    check_filled(3, 1);
    EXPECT(PROTECT(0, 4, PROT_READ), 0);
    EXPECT(ADVISE(0, 4, MADV_REMOVE), 0);
    check_zero(0, 4);
    drop(0, 4);
}

static void test_remove_errors(void)
{
    int fd = make_file(4);

    put(0, 4, RW, MAP_PRIVATE);
    put_file(4, 4, RW, MAP_PRIVATE, fd);
    put(8, 4, RW, MAP_SHARED);
    EXPECT(ADVISE(0, 4, MADV_REMOVE), -EINVAL);
    EXPECT(ADVISE(4, 4, MADV_REMOVE), -EACCES);
    EXPECT(ADVISE(12, 2, MADV_REMOVE), -ENOMEM);
    drop(0, 12);
    close(fd);
}

static const struct suite_case cases[] = {
    {"madvise: DONTNEED", test_dontneed},
    {"madvise: DONTNEED of files and shared memory", test_dontneed_objects},
    {"madvise: locked memory", test_locked},
    {"madvise: FREE", test_free},
    {"madvise: COLD and PAGEOUT", test_cold},
    {"madvise: WILLNEED", test_willneed},
    {"madvise: POPULATE_READ and POPULATE_WRITE", test_populate},
    {"madvise: POPULATE of what cannot be had", test_populate_errors},
    {"madvise: POPULATE_WRITE copies", test_populate_copies},
    {"MAP_POPULATE", test_mmap_populate},
    {"madvise: REMOVE", test_remove},
    {"madvise: REMOVE of shared memory", test_remove_shared},
    {"madvise: REMOVE of what has nothing to remove", test_remove_errors},
};

const struct suite_table content_cases = {cases, ARRAY_SIZE(cases)};
