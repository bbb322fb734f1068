/* Inside of mm_test: msync and mincore. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>

#ifndef MS_ASYNC
#define MS_ASYNC 1
#endif

#define SYNC(page, pages, flags) SYS(SYS_msync, at(page), MS(pages), flags)

static void test_msync(void)
{
    int fd = make_file(4);
    char byte = 0;

    put(0, 2, RW, MAP_PRIVATE);
    put_file(2, 4, RW, MAP_SHARED, fd);
    put(6, 2, PROT_NONE, MAP_PRIVATE);
    at(3)[7] = 5;
    EXPECT(SYNC(0, 8, 0), 0);
    EXPECT(SYNC(0, 8, MS_SYNC), 0);
    EXPECT(SYNC(0, 8, MS_ASYNC), 0);
    EXPECT(SYNC(0, 8, MS_INVALIDATE), 0);
    EXPECT(SYNC(0, 8, MS_SYNC | MS_INVALIDATE), 0);
    EXPECT(SYS(SYS_pread64, fd, &byte, 1, PAGE + 7), 1);
    CHECK_EQ("the byte written", byte, 5);
    drop(0, 8);
    close(fd);
}

static void test_msync_errors(void)
{
    put(0, 2, RW, MAP_PRIVATE);
    put(3, 2, RW, MAP_PRIVATE);
    EXPECT(SYNC(0, 2, 8), -EINVAL);
    EXPECT(SYNC(0, 2, -1), -EINVAL);
    EXPECT(SYNC(0, 2, MS_SYNC | MS_ASYNC), -EINVAL);
    EXPECT(SYS(SYS_msync, at(0) + 1, PAGE, MS_SYNC), -EINVAL);
    EXPECT(SYS(SYS_msync, at(2) + 1, 0, MS_SYNC), -EINVAL);
    EXPECT(SYS(SYS_msync, at(0), -PAGE, MS_SYNC), -ENOMEM);
    EXPECT(SYS(SYS_msync, at(0), -1ul, MS_SYNC), 0);
    EXPECT(SYS(SYS_msync, at(2), 0, MS_SYNC), 0);
    EXPECT(SYNC(2, 1, MS_SYNC), -ENOMEM);
    EXPECT(SYNC(0, 5, MS_SYNC), -ENOMEM);
    EXPECT(SYNC(0, 5, MS_ASYNC), -ENOMEM);
    EXPECT(SYNC(0, 5, 0), -ENOMEM);
    EXPECT(SYNC(2, 3, MS_SYNC), -ENOMEM);
    EXPECT(SYNC(4, 5, MS_SYNC), -ENOMEM);
    EXPECT(SYS(SYS_msync, at(0), PAGE + 1, MS_SYNC), 0);
    EXPECT(SYS(SYS_msync, KERNEL_ADDRESS, PAGE, MS_SYNC), -ENOMEM);
    EXPECT(SYS(SYS_msync, NOT_CANONICAL, PAGE, MS_SYNC), -ENOMEM);
    drop(0, 8);
}

/* What is locked is not to become invalid, behind a hole or not. */
static void test_msync_locked(void)
{
    put(0, 2, RW, MAP_PRIVATE);
    put(3, 2, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_mlock, at(3), MS(1)), 0);
    EXPECT(SYNC(3, 1, MS_SYNC), 0);
    EXPECT(SYNC(3, 1, MS_INVALIDATE), -EBUSY);
    EXPECT(SYNC(3, 1, MS_INVALIDATE | MS_ASYNC), -EBUSY);
    EXPECT(SYNC(3, 2, MS_INVALIDATE), -EBUSY);
    EXPECT(SYNC(4, 1, MS_INVALIDATE), 0);
    EXPECT(SYNC(0, 4, MS_INVALIDATE), -EBUSY);
    EXPECT(SYNC(0, 4, MS_INVALIDATE | MS_ASYNC), -EBUSY);
    EXPECT(SYNC(0, 4, MS_ASYNC), -ENOMEM);
    drop(0, 8);
}

/* ---- mincore ---- */

static void test_mincore(void)
{
    int fd = make_file(4);

    put(0, 8, RW, MAP_PRIVATE);
    EXPECT_RESIDENT(0, "00000000");
    at(1)[0] = 1;
    CHECK_EQ("a zero read", at(3)[0], 0);
    EXPECT_RESIDENT(0, "01010000");
    EXPECT(PROTECT(0, 8, PROT_NONE), 0);
    EXPECT_RESIDENT(0, "01010000");
    put(10, 4, RW, MAP_SHARED);
    at(11)[0] = 1;
    EXPECT_RESIDENT(10, "0100");
    EXPECT(ADVISE(10, 4, MADV_DONTNEED), 0);
    EXPECT_RESIDENT(10, "0100");
    put_file(20, 4, PROT_READ, MAP_PRIVATE, fd);
    EXPECT_RESIDENT(20, "1111");
    drop(0, 24);
    close(fd);
}

/* One byte of the answer for each page that is begun; no other byte is touched. */
static void test_mincore_vector(void)
{
    unsigned char vec[16];

    put(0, 8, RW, MAP_PRIVATE);
    at(0)[0] = at(2)[0] = 1;
    memset(vec, 0x55, sizeof(vec));
    EXPECT(SYS(SYS_mincore, at(0), 2 * PAGE + 1, vec), 0);
    CHECK_EQ("page 0", vec[0] & 1, 1);
    CHECK_EQ("page 1", vec[1] & 1, 0);
    CHECK_EQ("page 2", vec[2] & 1, 1);
    CHECK_EQ("behind the answer", vec[3], 0x55);
    EXPECT(SYS(SYS_mincore, at(0), 0, vec), 0);
    EXPECT(SYS(SYS_mincore, at(0), 0, NULL), 0);
    CHECK_EQ("no answer at all", vec[0] & 1, 1);
    drop(0, 8);
}

static void test_mincore_errors(void)
{
    unsigned char vec[16];

    put(0, 2, RW, MAP_PRIVATE);
    put(3, 1, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_mincore, at(0) + 1, PAGE, vec), -EINVAL);
    EXPECT(SYS(SYS_mincore, at(0) + 1, 0, vec), -EINVAL);
    EXPECT(SYS(SYS_mincore, at(2), PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, at(0), 4 * PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, at(2), 0, vec), 0);
    EXPECT(SYS(SYS_mincore, at(0), -PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, KERNEL_ADDRESS, PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, at(0), PAGE, at(2)), -EFAULT);
    EXPECT(SYS(SYS_mincore, at(0), PAGE, KERNEL_ADDRESS), -EFAULT);
    EXPECT(PROTECT(3, 1, PROT_READ), 0);
    EXPECT(SYS(SYS_mincore, at(0), PAGE, at(3)), -EFAULT);
    drop(0, 4);
}

static const struct suite_case cases[] = {
    {"msync", test_msync},
    {"msync: arguments and holes", test_msync_errors},
    {"msync: locked memory", test_msync_locked},
    {"mincore", test_mincore},
    {"mincore: the answer", test_mincore_vector},
    {"mincore: arguments and holes", test_mincore_errors},
};

const struct suite_table sync_cases = {cases, ARRAY_SIZE(cases)};
