/* Inside of file_test: memfd_create and seals. */
#define _GNU_SOURCE
#include "file_test.h"

#include <stdio.h>
#include <string.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define F_SEAL_EXECUTION 0x20

static int memfd(const char *name, unsigned flags)
{
    long fd = SYS(SYS_memfd_create, name, flags);

    CHECK(fd >= 0, "memfd_create(): %ld", fd);
    return (int)fd;
}

static void test_memfd(void)
{
    static char name[300];
    struct stat st;
    char *p;
    int fd = memfd("some name", 0);

    EXPECT(fcntl(fd, F_GETFD), 0);
    EXPECT(fcntl(fd, F_GETFL), O_RDWR | 0100000);
    EXPECT(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    EXPECT(fstat(fd, &st), 0);
    EXPECT(st.st_mode, S_IFREG | 0777);
    EXPECT(st.st_nlink, 0);
    EXPECT(ftruncate(fd, PAGE), 0);
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    expect_map_name(p, "/memfd:some name (deleted)");
    EXPECT(write(fd, "abc", 3), 3);
    EXPECT(memcmp(p, "abc", 3), 0);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_GROW), -EPERM);
    munmap(p, PAGE);
    close(fd);
    fd = memfd("", MFD_CLOEXEC);
    EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    memset(name, 'n', sizeof(name) - 1);
    EXPECT(SYS(SYS_memfd_create, name, 0), -EINVAL);
    name[250] = '\0';
    EXPECT(SYS(SYS_memfd_create, name, 0), -EINVAL);
    name[249] = '\0';
    close(memfd(name, 0));
    EXPECT(SYS(SYS_memfd_create, 16, 0), -EFAULT);
    EXPECT(SYS(SYS_memfd_create, "x", 0x100), -EINVAL);
    EXPECT(SYS(SYS_memfd_create, "x", MFD_EXEC | MFD_NOEXEC_SEAL), -EINVAL);
}

static void test_seals_of_size(void)
{
    int fd = memfd("x", MFD_ALLOW_SEALING);

    EXPECT(fcntl(fd, F_GET_SEALS), 0);
    EXPECT(ftruncate(fd, 2 * PAGE), 0);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    EXPECT(SYS(SYS_ftruncate, fd, PAGE), -EPERM);
    EXPECT(ftruncate(fd, 3 * PAGE), 0);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    EXPECT(SYS(SYS_ftruncate, fd, 4 * PAGE), -EPERM);
    EXPECT(ftruncate(fd, 3 * PAGE), 0);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, 4 * PAGE), -EPERM);
    EXPECT(pwrite(fd, "x", 1, 3 * PAGE - 1), 1);
    EXPECT(SYS(SYS_pwrite64, fd, "x", 1, 3 * PAGE), -EPERM);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, 0x1000), -EINVAL);
    EXPECT(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), -EPERM);
    close(fd);
}

static void test_seal_of_writing(void)
{
    int fd = memfd("x", MFD_ALLOW_SEALING);
    char *p, *q;

    EXPECT(ftruncate(fd, PAGE), 0);
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
    munmap(p, PAGE);
    p = must_map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
    munmap(p, PAGE);
    p = must_map(fd, PAGE, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    p[0] = 'x';
    EXPECT(SYS(SYS_write, fd, "x", 1), -EPERM);
    EXPECT(SYS(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0l, PAGE), -EPERM);
    EXPECT(raw_mmap(0, PAGE, RW, MAP_SHARED, fd, 0), -EPERM);
    q = must_map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(q[0], 0);
    EXPECT(result(mprotect(q, PAGE, RW)), -EACCES);
    munmap(p, PAGE);
    munmap(q, PAGE);
    close(fd);
}

static void test_seal_of_future_writing(void)
{
    int fd = memfd("x", MFD_ALLOW_SEALING);
    char *p, byte = 0;

    EXPECT(ftruncate(fd, PAGE), 0);
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    p[0] = 'x';
    EXPECT(pread(fd, &byte, 1, 0), 1);
    EXPECT(byte, 'x');
    EXPECT(SYS(SYS_write, fd, "x", 1), -EPERM);
    EXPECT(raw_mmap(0, PAGE, RW, MAP_SHARED, fd, 0), -EPERM);
    munmap(p, PAGE);
    close(fd);
}

static void test_noexec(void)
{
    struct stat st;
    int fd = memfd("x", MFD_NOEXEC_SEAL);

    EXPECT(fstat(fd, &st), 0);
    EXPECT(st.st_mode, S_IFREG | 0666);
    EXPECT(fcntl(fd, F_GET_SEALS), F_SEAL_EXECUTION);
    EXPECT(result(fchmod(fd, 0777)), -EPERM);
    EXPECT(fchmod(fd, 0600), 0);
    close(fd);
}

static const struct suite_case cases[] = {
    {"memfd_create", test_memfd},
    {"memfd: F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL", test_seals_of_size},
    {"memfd: F_SEAL_WRITE", test_seal_of_writing},
    {"memfd: F_SEAL_FUTURE_WRITE", test_seal_of_future_writing},
    {"memfd: MFD_NOEXEC_SEAL", test_noexec},
};
CASES(memfd_cases, cases);
