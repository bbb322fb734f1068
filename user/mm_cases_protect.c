/* Inside of mm_test: mprotect, over several mappings, and of what grows down. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <fcntl.h>
#include <string.h>

#define R PROT_READ

static void test_ranges(void)
{
    put_filled(0, 8);
    EXPECT(PROTECT(2, 4, R), 0);
    EXPECT_MAPS(0, "ww|rrrr|ww");
    EXPECT(PROTECT(1, 2, PROT_NONE), 0);
    EXPECT_MAPS(0, "w|nn|rrr|ww");
    EXPECT(PROTECT(4, 3, R | PROT_EXEC), 0);
    EXPECT_MAPS(0, "w|nn|r|xxx|w");
    EXPECT(PROTECT(0, 8, RW), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    check_filled(0, 8);
    drop(0, 8);
}

/* Of several mappings, each of its kind. */
static void test_kinds(void)
{
    int fd = make_file(4);

    put(0, 2, RW, MAP_PRIVATE);
    put(2, 2, RW, MAP_SHARED);
    put_file(4, 2, R, MAP_PRIVATE, fd);
    put_file(6, 2, R, MAP_SHARED, fd);
    EXPECT(PROTECT(1, 6, RW), 0);
    EXPECT_MAPS(0, "ww|WW|ww|W|R");
    EXPECT(PROTECT(0, 8, R), 0);
    EXPECT_MAPS(0, "rr|RR|rr|RR");
    drop(0, 8);
    close(fd);
}

static void test_errors(void)
{
    put(0, 2, RW, MAP_PRIVATE);
    put(3, 2, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_mprotect, at(0) + 1, PAGE, R), -EINVAL);
    EXPECT(SYS(SYS_mprotect, at(0) + 1, 0, R), -EINVAL);
    EXPECT(SYS(SYS_mprotect, at(2), 0, R), 0);
    EXPECT(SYS(SYS_mprotect, at(2), 0, 0x10), 0);
    EXPECT(PROTECT(0, 2, 0x10), -EINVAL);
    EXPECT(PROTECT(0, 2, 0x8000000), -EINVAL);
    EXPECT(PROTECT(2, 1, R), -ENOMEM);
    EXPECT(PROTECT(2, 2, R), -ENOMEM);
    EXPECT(PROTECT(6, 2, R), -ENOMEM);
    EXPECT(SYS(SYS_mprotect, at(0), -PAGE, R), -ENOMEM);
    EXPECT(SYS(SYS_mprotect, at(0), -1ul, R), -ENOMEM);
    EXPECT(SYS(SYS_mprotect, KERNEL_ADDRESS, PAGE, R), -ENOMEM);
    EXPECT_MAPS(0, "ww.ww");
    EXPECT(PROTECT(0, 1, 8 /* SEM */ | R), 0);
    EXPECT_MAPS(0, "r|w.ww");
    drop(0, 8);
}

/* A file that was opened for reading. */
static void test_read_only(void)
{
    int fd = open(own_path, O_RDONLY);

    put_file(0, 2, R, MAP_SHARED, fd);
    put_file(2, 2, R, MAP_PRIVATE, fd);
    EXPECT(PROTECT(0, 2, RW), -EACCES);
    EXPECT(PROTECT(0, 2, PROT_WRITE), -EACCES);
    EXPECT(PROTECT(0, 2, R | PROT_EXEC), 0);
    EXPECT(PROTECT(2, 2, RW), 0);
    EXPECT_MAPS(0, "XX|ww");
    drop(0, 4);
    close(fd);
}

/* From the start of what grows down to the end of the range. */
static void test_growsdown(void)
{
    put(600, 8, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    put(620, 2, RW, MAP_PRIVATE);
    EXPECT(PROTECT(604, 2, R | PROT_GROWSDOWN), 0);
    EXPECT_MAPS(599, ".rrrrrr|ww");
    EXPECT(PROTECT(607, 1, R | PROT_GROWSDOWN), 0);
    EXPECT_MAPS(599, ".rrrrrrrr");
    EXPECT(PROTECT(598, 4, RW | PROT_GROWSDOWN), 0);
    EXPECT_MAPS(599, ".ww|rrrrrr");
    EXPECT(PROTECT(590, 4, RW | PROT_GROWSDOWN), -ENOMEM);
    EXPECT(PROTECT(620, 2, R | PROT_GROWSDOWN), -EINVAL);
    EXPECT(PROTECT(619, 2, R | PROT_GROWSDOWN), -EINVAL);
    EXPECT(PROTECT(620, 2, R | PROT_GROWSUP), -EINVAL);
    EXPECT(PROTECT(619, 2, R | PROT_GROWSUP), -ENOMEM);
    EXPECT(PROTECT(600, 2, R | PROT_GROWSUP), -EINVAL);
    EXPECT(PROTECT(600, 2, R | PROT_GROWSUP | PROT_GROWSDOWN), -EINVAL);
    EXPECT_MAPS(620, "ww");
    drop(590, 40);
}

/* Both sides of what the processor sees: the bytes, and who may have them. */
static void test_kernel_access(void)
{
    int fd = make_file(1);

    put_filled(0, 2);
    EXPECT(PROTECT(1, 1, PROT_NONE), 0);
    EXPECT(SYS(SYS_pwrite64, fd, at(0), 100, 0), 100);
    EXPECT(SYS(SYS_pwrite64, fd, at(1), 1, 0), -EFAULT);
    EXPECT(PROTECT(0, 1, R), 0);
    EXPECT(SYS(SYS_pread64, fd, at(0), 1, 0), -EFAULT);
    EXPECT(PROTECT(0, 2, RW), 0);
    EXPECT(SYS(SYS_pread64, fd, at(0), 100, 0), 100);
    check_filled(0, 2);
    drop(0, 2);
    close(fd);
}

static const struct suite_case cases[] = {
    {"mprotect: ranges", test_ranges},
    {"mprotect: several kinds of mappings", test_kinds},
    {"mprotect: arguments and holes", test_errors},
    {"mprotect: a file opened for reading", test_read_only},
    {"mprotect: PROT_GROWSDOWN and PROT_GROWSUP", test_growsdown},
    {"mprotect: what the kernel may read and write", test_kernel_access},
};

const struct suite_table protect_cases = {cases, ARRAY_SIZE(cases)};
