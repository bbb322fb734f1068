/* Inside of mm_test: mlock, mlock2, munlock, mlockall, munlockall, MAP_LOCKED, and RLIMIT_MEMLOCK. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>
#include <sys/resource.h>

#define ONFAULT 1
#define CURRENT 1
#define FUTURE 2
#define ALL_ONFAULT 4

#define LOCK(page, pages) SYS(SYS_mlock, at(page), MS(pages))
#define LOCK2(page, pages, flags) SYS(SYS_mlock2, at(page), MS(pages), flags)
#define UNLOCK(page, pages) SYS(SYS_munlock, at(page), MS(pages))

/* Nobody special, who may lock @pages. */
static void may_lock(uint64_t pages)
{
    struct rlimit limit = {pages * PAGE, pages * PAGE};

    EXPECT(SYS(SYS_setrlimit, RLIMIT_MEMLOCK, &limit), 0);
    drop_rights();
}

static void test_mlock(void)
{
    put(0, 8, RW, MAP_PRIVATE);
    EXPECT(LOCK(2, 4), 0);
    EXPECT_MAPS(0, "ww|wwww|ww");
    EXPECT_RESIDENT(0, "00111100");
    EXPECT(LOCK2(0, 2, ONFAULT), 0);
    EXPECT_MAPS(0, "ww|wwww|ww");
    EXPECT_RESIDENT(0, "00111100");
    EXPECT(LOCK(0, 2), 0);
    EXPECT_MAPS(0, "wwwwww|ww");
    EXPECT_RESIDENT(0, "11111100");
    EXPECT(UNLOCK(1, 4), 0);
    EXPECT_MAPS(0, "w|wwww|w|ww");
    EXPECT(UNLOCK(0, 8), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    EXPECT_RESIDENT(0, "11111100");
    drop(0, 8);
}

/* Private memory gets pages of its own; what is only read gets what reading brings. */
static void test_mlock_kinds(void)
{
    int fd = make_file(4);

    put(0, 2, PROT_READ, MAP_PRIVATE);
    put(2, 2, RW, MAP_SHARED);
    put_file(4, 4, RW, MAP_PRIVATE, fd);
    EXPECT(LOCK(0, 8), 0);
    EXPECT_RESIDENT(0, "11111111");
    check_zero(0, 4);
    CHECK_EQ("the file's", pattern_check(at(6), 3), PAGE);
    EXPECT(PROTECT(0, 2, RW), 0);
    memset(at(0), 1, PAGE);
    EXPECT(UNLOCK(0, 8), 0);
    drop(0, 8);
    close(fd);
}

static void test_mlock_errors(void)
{
    put(0, 2, RW, MAP_PRIVATE);
    put(3, 1, RW, MAP_PRIVATE);
    EXPECT(LOCK2(0, 1, 2), -EINVAL);
    EXPECT(LOCK2(0, 1, -1), -EINVAL);
    EXPECT(LOCK(2, 1), -ENOMEM);
    EXPECT(UNLOCK(2, 1), -ENOMEM);
    EXPECT(SYS(SYS_mlock, at(0), 0), 0);
    EXPECT(SYS(SYS_mlock, at(2), 0), 0);
    EXPECT(SYS(SYS_munlock, at(2), 0), 0);
    EXPECT(SYS(SYS_munlock, at(0), -PAGE), -EINVAL);
    EXPECT(SYS(SYS_munlock, KERNEL_ADDRESS, PAGE), -ENOMEM);
    EXPECT_MAPS(0, "ww.w");
    EXPECT(SYS(SYS_mlock, at(0) + 5, 10), 0);
    EXPECT_MAPS(0, "w|w.w");
    EXPECT(SYS(SYS_mlock, at(0) + PAGE - 1, 2), 0);
    EXPECT_MAPS(0, "ww.w");
    EXPECT_RESIDENT(0, "11");
    drop(0, 4);
}

IN_CHILD(test_limit)
{
    may_lock(8);
    put(0, 20, RW, MAP_PRIVATE);
    EXPECT(LOCK(0, 9), -ENOMEM);
    EXPECT(LOCK(0, 8), 0);
    EXPECT(LOCK(0, 8), 0);
    EXPECT(LOCK(4, 8), -ENOMEM);
    EXPECT(LOCK(10, 1), -ENOMEM);
    EXPECT(UNLOCK(0, 4), 0);
    EXPECT(LOCK(6, 6), 0);
    EXPECT_MAPS(0, "wwww|wwwwwwww|wwwwwwww");
    EXPECT(LOCK(12, 20), -ENOMEM);
    EXPECT(UNLOCK(0, 20), 0);
    EXPECT(SYS(SYS_mlock, at(0) + 1, 8 * PAGE), -ENOMEM);
    EXPECT(SYS(SYS_mlock, at(0) + 1, 7 * PAGE), 0);
    EXPECT(UNMAP(0, 8), 0);
    EXPECT(LOCK(8, 8), 0);
    return 0;
}

/* Where none may be locked it is another error. */
IN_CHILD(test_limit_of_none)
{
    may_lock(0);
    put(0, 4, RW, MAP_PRIVATE);
    EXPECT(LOCK(0, 1), -EPERM);
    EXPECT(LOCK2(0, 1, ONFAULT), -EPERM);
    EXPECT(SYS(SYS_mlock, at(0), 0), -EPERM);
    EXPECT(SYS(SYS_mlockall, CURRENT), -EPERM);
    EXPECT(SYS(SYS_mlockall, FUTURE), -EPERM);
    EXPECT(SYS(SYS_munlockall), 0);
    EXPECT(UNLOCK(0, 1), 0);
    EXPECT(raw_mmap(0, PAGE, RW, ANON | MAP_LOCKED, -1, 0), -EPERM);
    return 0;
}

/* Less than a page is nothing, but not nothing at all. */
IN_CHILD(test_limit_of_little)
{
    struct rlimit limit = {PAGE - 1, PAGE - 1};

    EXPECT(SYS(SYS_setrlimit, RLIMIT_MEMLOCK, &limit), 0);
    drop_rights();
    put(0, 4, RW, MAP_PRIVATE);
    EXPECT(LOCK(0, 1), -ENOMEM);
    EXPECT(SYS(SYS_mlock, at(0), 0), 0);
    EXPECT(raw_mmap(0, PAGE, RW, ANON | MAP_LOCKED, -1, 0), -EAGAIN);
    EXPECT(SYS(SYS_mlockall, CURRENT), -ENOMEM);
    EXPECT(SYS(SYS_mlockall, FUTURE), 0);
    EXPECT(raw_mmap(0, PAGE, RW, ANON, -1, 0), -EAGAIN);
    return 0;
}

IN_CHILD(test_limit_of_mmap)
{
    may_lock(8);
    put(0, 6, RW, MAP_PRIVATE | MAP_LOCKED);
    EXPECT_RESIDENT(0, "111111");
    EXPECT(raw_mmap(0, 3 * PAGE, RW, ANON | MAP_LOCKED, -1, 0), -EAGAIN);
    EXPECT(raw_mmap(area, 3 * PAGE, RW, ANON | MAP_LOCKED | MAP_FIXED, -1, 0), -EAGAIN);
    EXPECT_MAPS(0, "wwwwww");
    put(6, 2, RW, MAP_PRIVATE | MAP_LOCKED);
    EXPECT_MAPS(0, "wwwwwwww");
    return 0;
}

/* Locked memory grows only within the limit; what moves counts once. */
IN_CHILD(test_limit_of_mremap)
{
    may_lock(8);
    put(0, 6, RW, MAP_PRIVATE | MAP_LOCKED);
    EXPECT(REMAP(0, 6, 9, 0, 0), -EAGAIN);
    EXPECT(REMAP(0, 6, 9, MREMAP_MAYMOVE, 0), -EAGAIN);
    EXPECT(REMAP(0, 6, 9, MREMAP_MAYMOVE | MREMAP_FIXED, 20), -EAGAIN);
    EXPECT(REMAP(0, 6, 8, 0, 0), area);
    EXPECT_RESIDENT(0, "11111111");
    EXPECT(REMAP(0, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, 20), area + 20 * PAGE);
    put(0, 4, RW, MAP_PRIVATE);
    EXPECT(LOCK(0, 1), -ENOMEM);
    EXPECT(REMAP(20, 8, 4, 0, 0), area + 20 * PAGE);
    EXPECT(LOCK(0, 4), 0);
    return 0;
}

/* A mapping that grows down would lock more than it may. */
static int grow_too_far(void *arg)
{
    may_lock(4);
    put(600, 2, RW, MAP_PRIVATE | MAP_GROWSDOWN | MAP_LOCKED);
    at(598)[0] = 1;
    EXPECT_MAPS(596, "..wwww");
    at(597)[0] = 1;
    return arg != NULL;
}

static void test_limit_of_growth(void)
{
    child_dies(child_start(grow_too_far, NULL), 11);
}

/* Nobody is above this limit on Realign, whose programs have much less of it than these map. */
static void may_lock_all(void)
{
    static const uint64_t all[2] = {-1ul, -1ul};

    (void)SYS(SYS_prlimit64, 0, RLIMIT_MEMLOCK, all,
              NULL); /* Linux may refuse it, and does not need it */
}

IN_CHILD(test_mlockall)
{
    may_lock_all();
    put(0, 4, RW, MAP_PRIVATE);
    put(4, 2, PROT_NONE, MAP_PRIVATE);
    EXPECT(SYS(SYS_mlockall, 0), -EINVAL);
    EXPECT(SYS(SYS_mlockall, 8), -EINVAL);
    EXPECT(SYS(SYS_mlockall, ALL_ONFAULT), -EINVAL);
    EXPECT(SYS(SYS_mlockall, CURRENT), 0);
    EXPECT_RESIDENT(0, "111100");
    put(10, 2, RW, MAP_PRIVATE);
    EXPECT_RESIDENT(10, "00");
    EXPECT(SYS(SYS_munlockall), 0);
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), 0);
    EXPECT_RESIDENT(0, "0000");
    EXPECT(SYS(SYS_mlockall, CURRENT | ALL_ONFAULT), 0);
    EXPECT_RESIDENT(0, "0000");
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_munlockall), 0);
    return 0;
}

IN_CHILD(test_mlockall_future)
{
    EXPECT(SYS(SYS_mlockall, FUTURE), 0);
    put(0, 4, RW, MAP_PRIVATE);
    put(10, 2, PROT_READ, MAP_PRIVATE);
    EXPECT_RESIDENT(0, "1111");
    EXPECT_RESIDENT(10, "11");
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_mlockall, FUTURE | ALL_ONFAULT), 0);
    put(20, 4, RW, MAP_PRIVATE);
    EXPECT_RESIDENT(20, "0000");
    EXPECT(ADVISE(20, 4, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_munlockall), 0);
    put(30, 4, RW, MAP_PRIVATE);
    EXPECT_RESIDENT(30, "0000");
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), 0);
    return 0;
}

/* A child of fork has none of it. */
static int unlocked_here(void *arg)
{
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), 0);
    put(10, 4, RW, MAP_PRIVATE);
    EXPECT_RESIDENT(10, "0000");
    return arg != NULL;
}

IN_CHILD(test_fork)
{
    may_lock_all();
    put_filled(0, 4);
    EXPECT(SYS(SYS_mlockall, CURRENT | FUTURE), 0);
    in_child(unlocked_here, NULL);
    EXPECT(ADVISE(0, 4, MADV_DONTNEED), -EINVAL);
    check_filled(0, 4);
    return 0;
}

static const struct suite_case cases[] = {
    {"mlock, mlock2, munlock", test_mlock},
    {"mlock: kinds of memory", test_mlock_kinds},
    {"mlock: arguments and holes", test_mlock_errors},
    {"RLIMIT_MEMLOCK", test_limit},
    {"RLIMIT_MEMLOCK of 0", test_limit_of_none},
    {"RLIMIT_MEMLOCK of less than a page", test_limit_of_little},
    {"RLIMIT_MEMLOCK: mmap", test_limit_of_mmap},
    {"RLIMIT_MEMLOCK: mremap", test_limit_of_mremap},
    {"RLIMIT_MEMLOCK: growing down", test_limit_of_growth},
    {"mlockall", test_mlockall},
    {"mlockall: what comes later", test_mlockall_future},
    {"mlockall: a child has none of it", test_fork},
};

const struct suite_table lock_cases = {cases, ARRAY_SIZE(cases)};
