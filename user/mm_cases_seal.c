/* Inside of mm_test: mseal: what is sealed stays where, what and as large as it is. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>

#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

IN_CHILD(test_arguments)
{
    put(1, 4, RW, MAP_PRIVATE);
    put(6, 2, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_mseal, at(1), PAGE, 1), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1), PAGE, 1ul << 63), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1) + 1, PAGE, 0), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1), -1ul, 0), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1), -MS(1), 0), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1), 0, 0), 0);
    EXPECT(SYS(SYS_mseal, at(0), 0, 0), 0);
    EXPECT(SYS(SYS_mseal, at(0) + 1, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_mseal, at(1), 0, 1), -EINVAL);
    EXPECT(SEAL(0, 2), -ENOMEM);
    EXPECT(SEAL(0, 1), -ENOMEM);
    EXPECT(SEAL(4, 2), -ENOMEM);
    EXPECT(SEAL(1, 7), -ENOMEM);
    EXPECT(SEAL(7, 2), -ENOMEM);
    EXPECT(SYS(SYS_mseal, KERNEL_ADDRESS, PAGE, 0), -ENOMEM);
    EXPECT(SYS(SYS_mseal, NOT_CANONICAL, PAGE, 0), -ENOMEM);
    EXPECT_MAPS(0, ".wwww.ww.");
    EXPECT(UNMAP(0, 9), 0);
    return 0;
}

IN_CHILD(test_stays)
{
    put_filled(0, 8);
    EXPECT(SEAL(2, 4), 0);
    EXPECT_MAPS(0, "ww|wwww|ww");
    EXPECT(UNMAP(2, 4), -EPERM);
    EXPECT(UNMAP(3, 1), -EPERM);
    EXPECT(UNMAP(5, 1), -EPERM);
    EXPECT(PROTECT(2, 4, PROT_READ), -EPERM);
    EXPECT(PROTECT(3, 1, PROT_NONE), -EPERM);
    EXPECT(PROTECT(3, 1, RW), -EPERM);
    EXPECT(PROTECT(3, 1, PROT_READ | PROT_WRITE | PROT_EXEC), -EPERM);
    EXPECT(MAP_OVER(2, 4), -EPERM);
    EXPECT(MAP_OVER(4, 1), -EPERM);
    EXPECT(raw_mmap(area + 4 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    EXPECT_MAPS(0, "ww|wwww|ww");
    check_filled(0, 8);
    fill(0, 8);
    EXPECT(UNMAP(0, 2), 0);
    EXPECT(UNMAP(6, 2), 0);
    EXPECT_MAPS(0, "..wwww..");
    return 0;
}

/* Over what is not sealed and what is: all of it stays. */
IN_CHILD(test_ranges_around)
{
    put_filled(1, 2);
    put(3, 2, PROT_READ, MAP_PRIVATE);
    put_filled(5, 2);
    EXPECT(SEAL(3, 2), 0);
    EXPECT(UNMAP(1, 6), -EPERM);
    EXPECT(UNMAP(0, 8), -EPERM);
    EXPECT(MAP_OVER(1, 6), -EPERM);
    EXPECT_MAPS(0, ".ww|rr|ww.");
    check_filled(1, 2);
    check_filled(5, 2);
    return 0;
}

IN_CHILD(test_mremap)
{
    put_filled(0, 4);
    EXPECT(SEAL(0, 4), 0);
    EXPECT(REMAP(0, 4, 2, 0, 0), -EPERM);
    EXPECT(REMAP(0, 4, 4, 0, 0), -EPERM);
    EXPECT(REMAP(0, 4, 8, 0, 0), -EPERM);
    EXPECT(REMAP(0, 4, 8, MREMAP_MAYMOVE, 0), -EPERM);
    EXPECT(REMAP(0, 4, 4, FIXED, 20), -EPERM);
    EXPECT(REMAP(1, 2, 2, FIXED, 20), -EPERM);
    EXPECT(REMAP(0, 4, 4, FIXED | MREMAP_DONTUNMAP, 20), -EPERM);
    EXPECT(REMAP(0, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 20), -EPERM);
    EXPECT(REMAP(0, 0, 4, MREMAP_MAYMOVE, 0), -EPERM);
    EXPECT(REMAP(0, 9, 12, MREMAP_MAYMOVE, 0), -EPERM);
    EXPECT(REMAP(0, 9, 9, FIXED, 20), -EPERM);
    EXPECT(REMAP(0, 4, 4, MREMAP_FIXED, 20), -EINVAL);
    EXPECT(REMAP(0, 4, 4, FIXED, 2), -EINVAL);
    EXPECT_MAPS(0, "wwww....");
    EXPECT_MAPS(20, "....");
    check_filled(0, 4);
    return 0;
}

/* What is sealed is no place to move to, and no rest to be cut off. */
IN_CHILD(test_mremap_target)
{
    put_filled(0, 4);
    put(20, 4, PROT_READ, MAP_PRIVATE);
    put(4, 2, PROT_READ, MAP_PRIVATE);
    EXPECT(SEAL(20, 4), 0);
    EXPECT(REMAP(0, 4, 4, FIXED, 20), -EPERM);
    EXPECT(REMAP(0, 2, 2, FIXED, 21), -EPERM);
    EXPECT(REMAP(0, 4, 4, FIXED, 18), -EPERM);
    EXPECT(REMAP(0, 4, 2, FIXED, 22), -EPERM);
    EXPECT(REMAP(0, 4, 8, FIXED, 22), -EPERM);
    EXPECT(SEAL(4, 2), 0);
    EXPECT(REMAP(0, 6, 4, 0, 0), -EPERM);
    EXPECT(REMAP(0, 5, 4, MREMAP_MAYMOVE, 0), -EPERM);
    EXPECT_MAPS(0, "wwww|rr");
    EXPECT_MAPS(20, "rrrr");
    check_filled(0, 4);
    EXPECT(REMAP(0, 4, 4, FIXED, 24), area + 24 * PAGE);
    EXPECT_MAPS(18, "..rrrr|wwww.");
    return 0;
}

IN_CHILD(test_lines)
{
    put_filled(0, 8);
    EXPECT(SEAL(0, 2), 0);
    EXPECT_MAPS(0, "ww|wwwwww");
    EXPECT(SEAL(4, 2), 0);
    EXPECT_MAPS(0, "ww|ww|ww|ww");
    EXPECT(SEAL(0, 6), 0);
    EXPECT_MAPS(0, "wwwwww|ww");
    EXPECT(SEAL(1, 3), 0);
    EXPECT_MAPS(0, "wwwwww|ww");
    EXPECT(SEAL(0, 8), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    put(8, 2, RW, MAP_PRIVATE);
    EXPECT_MAPS(0, "wwwwwwww|ww");
    check_filled(0, 8);
    return 0;
}

/* Memory that may be written may also be forgotten; other memory only if it is of an object. */
IN_CHILD(test_madvise)
{
    static const int discards[] = {MADV_DONTNEED, MADV_FREE, ADVICE_DONTNEED_LOCKED, MADV_DONTFORK,
                                   MADV_WIPEONFORK};
    static const int others[] = {MADV_NORMAL,     MADV_RANDOM, MADV_SEQUENTIAL,
                                 MADV_WILLNEED,   MADV_DOFORK, MADV_DONTDUMP,
                                 MADV_DODUMP,     ADVICE_COLD, ADVICE_PAGEOUT,
                                 MADV_KEEPONFORK, MADV_NORMAL, ADVICE_POPULATE_READ};

    put_filled(0, 4);
    put_filled(10, 4);
    EXPECT(PROTECT(10, 4, PROT_READ), 0);
    EXPECT(SEAL(0, 4), 0);
    EXPECT(SEAL(10, 4), 0);
    for (size_t i = 0; i < ARRAY_SIZE(discards); i++)
        CHECK_EQ("advice for what cannot be written", ADVISE(10, 4, discards[i]), -EPERM);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        CHECK_EQ("another advice", ADVISE(10, 4, others[i]), 0);
    EXPECT(ADVISE(10, 4, ADVICE_POPULATE_WRITE), -EINVAL);
    EXPECT_MAPS(10, "rrrr");
    check_filled(10, 4);
    EXPECT(ADVISE(1, 2, MADV_DONTNEED), 0);
    check_zero(1, 2);
    check_filled(0, 1);
    EXPECT(ADVISE(0, 2, MADV_WIPEONFORK), 0);
    EXPECT_MAPS(0, "ww|ww");
    return 0;
}

IN_CHILD(test_madvise_objects)
{
    int fd = make_file(4);

    put_file(0, 4, PROT_READ, MAP_PRIVATE, fd);
    put_file(10, 4, PROT_READ, MAP_SHARED, fd);
    put(20, 4, RW, MAP_SHARED);
    fill(20, 4);
    EXPECT(PROTECT(20, 4, PROT_READ), 0);
    for (uint64_t page = 0; page <= 20; page += 10) {
        EXPECT(SEAL(page, 4), 0);
        EXPECT(ADVISE(page, 4, MADV_DONTNEED), 0);
        EXPECT(ADVISE(page, 4, MADV_FREE), -EINVAL);
    }
    check_filled(0, 4);
    check_filled(20, 4);
    EXPECT(ADVISE(20, 2, MADV_REMOVE), 0);
    check_zero(20, 2);
    check_filled(22, 2);
    close(fd);
    return 0;
}

/* It works as any other memory does. */
IN_CHILD(test_use)
{
    int fd = make_file(1);
    char c = 0;

    put(0, 4, RW, MAP_PRIVATE);
    EXPECT(SEAL(0, 4), 0);
    fill(0, 4);
    check_filled(0, 4);
    EXPECT(SYS(SYS_mlock, at(0), MS(4)), 0);
    EXPECT(SYS(SYS_munlock, at(1), MS(2)), 0);
    EXPECT_MAPS(0, "w|ww|w");
    EXPECT(SYS(SYS_munlock, at(0), MS(4)), 0);
    EXPECT_MAPS(0, "wwww");
    EXPECT(SYS(SYS_msync, at(0), MS(4), 4), 0);
    EXPECT(SYS(SYS_pwrite64, fd, at(0) + 8, 1, 0), 1);
    EXPECT(SYS(SYS_pread64, fd, &c, 1, 0), 1);
    CHECK_EQ("the byte written", c, at(0)[8]);
    EXPECT(SYS(SYS_pread64, fd, at(0) + 16, 1, 0), 1);
    CHECK_EQ("the byte read", at(0)[16], c);
    return 0;
}

static int in_the_child(void *arg)
{
    check_filled(0, 4);
    fill(0, 4);
    EXPECT(UNMAP(0, 4), -EPERM);
    EXPECT(REMAP(0, 4, 4, FIXED, 20), -EPERM);
    EXPECT(UNMAP(4, 2), 0);
    return arg != NULL;
}

IN_CHILD(test_fork)
{
    put_filled(0, 6);
    EXPECT(SEAL(0, 4), 0);
    in_child(in_the_child, NULL);
    check_filled(0, 6);
    return 0;
}

/* The heap does not shrink, but grows. */
IN_CHILD(test_brk)
{
    long start = (SYS(SYS_brk, 0) + 4095) & -4096l;

    EXPECT(SYS(SYS_brk, start + 4 * PAGE), start + 4 * PAGE);
    EXPECT(SYS(SYS_mseal, start, 2 * PAGE, 0), 0);
    EXPECT(SYS(SYS_brk, start), start + 4 * PAGE);
    EXPECT(SYS(SYS_brk, start + PAGE), start + 4 * PAGE);
    EXPECT(SYS(SYS_brk, start + 2 * PAGE), start + 2 * PAGE);
    EXPECT(SYS(SYS_brk, start + 3 * PAGE), start + 3 * PAGE);
    EXPECT(SYS(SYS_brk, start), start + 3 * PAGE);
    memset((void *)start, 1, 3 * PAGE);
    return 0;
}

/* A mapping that grows down does so although it is sealed. */
IN_CHILD(test_grows)
{
    put(600, 2, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    EXPECT(SEAL(600, 2), 0);
    at(598)[0] = 1;
    EXPECT_MAPS(596, "..wwww");
    EXPECT(UNMAP(598, 4), -EPERM);
    return 0;
}

IN_CHILD(test_file)
{
    int fd = make_file(4);

    put_file(0, 4, RW, MAP_SHARED, fd);
    EXPECT(SEAL(0, 4), 0);
    EXPECT(SYS(SYS_ftruncate, fd, PAGE), 0);
    EXPECT(SYS(SYS_ftruncate, fd, 4 * PAGE), 0);
    EXPECT(UNMAP(0, 4), -EPERM);
    close(fd);
    return 0;
}

static const struct suite_case cases[] = {
    {"mseal: arguments and holes", test_arguments},
    {"mseal: munmap, mprotect and mmap leave it alone", test_stays},
    {"mseal: ranges around it stay", test_ranges_around},
    {"mseal: mremap leaves it alone", test_mremap},
    {"mseal: mremap onto it, or cutting it off", test_mremap_target},
    {"mseal: lines of maps", test_lines},
    {"mseal: madvise of private memory", test_madvise},
    {"mseal: madvise of files and shared memory", test_madvise_objects},
    {"mseal: reading, writing, locking", test_use},
    {"mseal: a child's is sealed, too", test_fork},
    {"mseal: brk", test_brk},
    {"mseal: growing down", test_grows},
    {"mseal: ftruncate", test_file},
};

const struct suite_table seal_cases = {cases, ARRAY_SIZE(cases)};
