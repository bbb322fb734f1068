/* Inside of file_test: files that are mapped, holes in them, memfd_create and seals. */
#define _GNU_SOURCE
#include "file_test.h"

#include <setjmp.h>
#include <signal.h>
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

static char *map(int fd, size_t bytes, int prot, int type)
{
    char *p = mmap(NULL, bytes, prot, type, fd, 0);

    CHECK(p != MAP_FAILED, "mmap(): %s", strerror(errno));
    return p;
}

/* ---- SIGBUS ---- */

static sigjmp_buf back;
static void *fault_address;
static int fault_code;

static void on_bus(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    fault_address = info->si_addr;
    fault_code = info->si_code;
    siglongjmp(back, 1);
}

/* Does reading the byte end in SIGBUS? */
static bool bus(volatile char *p)
{
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO}, old;
    volatile bool faulted = true;

    sigaction(SIGBUS, &action, &old);
    if (sigsetjmp(back, 1) == 0) {
        (void)*p;
        faulted = false;
    }
    sigaction(SIGBUS, &old, NULL);
    if (faulted) {
        EXPECT(fault_address == p, 1);
        EXPECT(fault_code, BUS_ADRERR);
    }
    return faulted;
}

/* ---- Coherence ---- */

static void test_shared(void)
{
    char buf[8] = "";
    char *p, *q;
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(write(fd, "0123456789", 10), 10);
    p = map(fd, PAGE, RW, MAP_SHARED);
    q = map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(pwrite(fd, "ab", 2, 4), 2);
    EXPECT(memcmp(q, "0123ab6789", 10), 0);
    p[0] = 'X';
    EXPECT(q[0], 'X');
    EXPECT(pread(fd, buf, 5, 0), 5);
    EXPECT(memcmp(buf, "X123a", 5), 0);
    EXPECT(p[10], 0);
    EXPECT(SYS(SYS_unlink, "f"), 0);
    close(fd);
    p[1] = 'Y';
    EXPECT(q[1], 'Y');
    munmap(p, PAGE);
    munmap(q, PAGE);
}

static void test_private(void)
{
    char *p, *q;
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    p = map(fd, PAGE, RW, MAP_PRIVATE);
    q = map(fd, PAGE, RW, MAP_PRIVATE);
    EXPECT(p[0], '0');
    EXPECT(pwrite(fd, "a", 1, 0), 1);
    EXPECT(p[0], 'a'); /* no copy yet */
    p[1] = 'P';
    EXPECT(pwrite(fd, "bcd", 3, 0), 3);
    EXPECT(p[0], 'a');
    EXPECT(q[0], 'b');
    EXPECT(q[1], 'c');
    expect_bytes(fd, "bcd3456789");
    munmap(p, PAGE);
    munmap(q, PAGE);
    close(fd);
}

static int write_through(void *p)
{
    ((char *)p)[2] = 'c';
    return 0;
}

static void test_shared_with_child(void)
{
    char *p;
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    p = map(fd, PAGE, RW, MAP_SHARED);
    in_child(write_through, p);
    EXPECT(p[2], 'c');
    expect_bytes(fd, "01c3456789");
    munmap(p, PAGE);
    close(fd);
}

static void test_rights(void)
{
    char *p;
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDONLY);
    EXPECT(raw_mmap(0, PAGE, RW, MAP_SHARED, fd, 0), -EACCES);
    p = map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(result(mprotect(p, PAGE, RW)), -EACCES);
    munmap(p, PAGE);
    p = map(fd, PAGE, RW, MAP_PRIVATE);
    p[0] = 'x';
    munmap(p, PAGE);
    close(fd);
    fd = must_open("f", O_WRONLY);
    EXPECT(raw_mmap(0, PAGE, PROT_WRITE, MAP_SHARED, fd, 0), -EACCES);
    close(fd);
    fd = must_open(".", O_RDONLY);
    EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -ENODEV);
    close(fd);
}

static void test_past_the_end(void)
{
    char *p;
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(ftruncate(fd, 2 * PAGE + 100), 0);
    p = map(fd, 4 * PAGE, RW, MAP_SHARED);
    p[2 * PAGE] = 'x';
    EXPECT(bus(p + 3 * PAGE + 7), 1);
    EXPECT(ftruncate(fd, 4 * PAGE), 0);
    EXPECT(bus(p + 3 * PAGE + 7), 0);
    p[PAGE] = p[3 * PAGE] = 'y';
    EXPECT(ftruncate(fd, PAGE), 0);
    EXPECT(bus(p + PAGE), 1);
    EXPECT(bus(p + 3 * PAGE), 1);
    EXPECT(ftruncate(fd, 4 * PAGE), 0);
    EXPECT(p[PAGE], 0);
    EXPECT(p[3 * PAGE], 0);
    EXPECT(ftruncate(fd, 0), 0);
    EXPECT(SYS(SYS_write, fd, p, 10), -EFAULT);
    close(fd);
    fd = must_open("/dev/zero", O_RDONLY);
    EXPECT(SYS(SYS_read, fd, p, 10), -EFAULT);
    munmap(p, 4 * PAGE);
    close(fd);
}

/* Private copies of what is cut off go too. */
static void test_private_past_the_end(void)
{
    char *p;
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(ftruncate(fd, 3 * PAGE), 0);
    p = map(fd, 3 * PAGE, RW, MAP_PRIVATE);
    p[0] = p[PAGE] = p[2 * PAGE] = 'x';
    EXPECT(ftruncate(fd, PAGE), 0);
    EXPECT(p[0], 'x');
    EXPECT(bus(p + PAGE), 1);
    EXPECT(ftruncate(fd, 3 * PAGE), 0);
    EXPECT(p[PAGE], 0);
    munmap(p, 3 * PAGE);
    close(fd);
}

/* The buffer of a read is the very file that is read. */
static void test_read_into_itself(void)
{
    char *p;
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    p = map(fd, PAGE, RW, MAP_SHARED);
    EXPECT(pread(fd, p + 5, 5, 0), 5);
    EXPECT(memcmp(p, "0123401234", 10), 0);
    EXPECT(pwrite(fd, p, 4, 6), 4);
    EXPECT(memcmp(p, "0123400123", 10), 0);
    munmap(p, PAGE);
    close(fd);
}

/* ---- Names in maps ---- */

static void expect_name(const void *p, const char *end)
{
    struct map_line line[1];
    size_t length, wanted = strlen(end);

    EXPECT(maps_read(line, 1, (uint64_t)p, (uint64_t)p + PAGE), 1);
    length = strlen(line[0].name);
    CHECK(length >= wanted && !strcmp(line[0].name + length - wanted, end), "maps says \"%s\"",
          line[0].name);
}

static void test_names(void)
{
    char *p;
    int fd;

    scene();
    make_file("f", "x");
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    fd = must_open("f", O_RDWR);
    p = map(fd, PAGE, RW, MAP_SHARED);
    expect_name(p, "/f");
    EXPECT(SYS(SYS_rename, "f", "d/g"), 0);
    expect_name(p, "/d/g");
    EXPECT(SYS(SYS_unlink, "d/g"), 0);
    expect_name(p, "/d/g (deleted)");
    munmap(p, PAGE);
    close(fd);
}

/* ---- Holes ---- */

static long blocks(int fd)
{
    struct stat st = {0};

    EXPECT(fstat(fd, &st), 0);
    return st.st_blocks;
}

static void test_holes(void)
{
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(ftruncate(fd, 100 * PAGE), 0);
    EXPECT(blocks(fd), 0);
    EXPECT(SYS(SYS_lseek, fd, 0l, SEEK_DATA), -ENXIO);
    EXPECT(SYS(SYS_lseek, fd, 0l, SEEK_HOLE), 0);
    EXPECT(pwrite(fd, "x", 1, 50 * PAGE + 3), 1);
    EXPECT(blocks(fd), 8);
    EXPECT(SYS(SYS_lseek, fd, 0l, SEEK_DATA), 50 * PAGE);
    EXPECT(SYS(SYS_lseek, fd, 50 * PAGE + 9, SEEK_DATA), 50 * PAGE + 9);
    EXPECT(SYS(SYS_lseek, fd, 50 * PAGE + 9, SEEK_HOLE), 51 * PAGE);
    EXPECT(SYS(SYS_lseek, fd, 51 * PAGE, SEEK_DATA), -ENXIO);
    EXPECT(SYS(SYS_lseek, fd, 100 * PAGE, SEEK_HOLE), -ENXIO);
    EXPECT(SYS(SYS_lseek, fd, -1l, SEEK_DATA), -ENXIO);
    EXPECT(pwrite(fd, "x", 1, 100 * PAGE - 1), 1);
    EXPECT(SYS(SYS_lseek, fd, 99 * PAGE, SEEK_HOLE), 100 * PAGE);
    EXPECT(ftruncate(fd, PAGE), 0);
    EXPECT(blocks(fd), 0);
    close(fd);
}

static void test_fallocate(void)
{
    char buf[4];
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(fallocate(fd, 0, PAGE, 2 * PAGE), 0);
    EXPECT(stat_of("f").st_size, 3 * PAGE);
    EXPECT(blocks(fd), 16);
    EXPECT(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * PAGE), 0);
    EXPECT(stat_of("f").st_size, 3 * PAGE);
    EXPECT(pread(fd, buf, 4, 3 * PAGE - 2), 2);
    EXPECT(SYS(SYS_fallocate, fd, 0, -1l, PAGE), -EINVAL);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, 0l), -EINVAL);
    EXPECT(SYS(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0l, PAGE), -EOPNOTSUPP);
    EXPECT(SYS(SYS_fallocate, fd, 0x80, 0l, PAGE), -EOPNOTSUPP);
    EXPECT(SYS(SYS_fallocate, fd, 0, INT64_MAX, PAGE), -EFBIG);
    close(fd);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, PAGE), -EBADF);
    fd = must_open("f", O_RDONLY);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, PAGE), -EBADF);
    close(fd);
    fd = must_open("/dev/null", O_RDWR);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, PAGE), -ENODEV);
    close(fd);
}

static void test_punch(void)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    char *p, *q;
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(ftruncate(fd, 4 * PAGE), 0);
    p = map(fd, 4 * PAGE, RW, MAP_SHARED);
    memset(p, 'x', 4 * PAGE);
    q = map(fd, 4 * PAGE, RW, MAP_PRIVATE);
    q[PAGE] = 'q';
    EXPECT(q[2 * PAGE], 'x');
    EXPECT(fallocate(fd, punch, 100, 2 * PAGE), 0);
    EXPECT(p[99], 'x');
    EXPECT(p[100], 0);
    EXPECT(p[PAGE], 0);
    EXPECT(p[2 * PAGE + 99], 0);
    EXPECT(p[2 * PAGE + 100], 'x');
    EXPECT(q[PAGE], 'q');
    EXPECT(q[2 * PAGE], 0);
    EXPECT(blocks(fd), 32);
    EXPECT(fallocate(fd, punch, PAGE, PAGE), 0);
    EXPECT(fallocate(fd, punch, 3 * PAGE, 100 * PAGE), 0);
    EXPECT(stat_of("f").st_size, 4 * PAGE);
    EXPECT(q[PAGE], 'q');
    EXPECT(p[3 * PAGE], 0);
    munmap(p, 4 * PAGE);
    munmap(q, 4 * PAGE);
    close(fd);
}

/* ---- memfd ---- */

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
    p = map(fd, PAGE, RW, MAP_SHARED);
    expect_name(p, "/memfd:some name (deleted)");
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
    p = map(fd, PAGE, RW, MAP_SHARED);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
    munmap(p, PAGE);
    p = map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
    munmap(p, PAGE);
    p = map(fd, PAGE, RW, MAP_PRIVATE);
    EXPECT(SYS(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    p[0] = 'x';
    EXPECT(SYS(SYS_write, fd, "x", 1), -EPERM);
    EXPECT(SYS(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0l, PAGE), -EPERM);
    EXPECT(raw_mmap(0, PAGE, RW, MAP_SHARED, fd, 0), -EPERM);
    q = map(fd, PAGE, PROT_READ, MAP_SHARED);
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
    p = map(fd, PAGE, RW, MAP_SHARED);
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
    {"map: shared, and read and write", test_shared},
    {"map: private, and write", test_private},
    {"map: shared with a child", test_shared_with_child},
    {"map: rights of the descriptor", test_rights},
    {"map: SIGBUS past the end", test_past_the_end},
    {"map: SIGBUS past the end, private", test_private_past_the_end},
    {"map: a file read into itself", test_read_into_itself},
    {"map: names of moved and removed files", test_names},
    {"holes: SEEK_DATA, SEEK_HOLE, st_blocks", test_holes},
    {"fallocate", test_fallocate},
    {"fallocate: FALLOC_FL_PUNCH_HOLE", test_punch},
    {"memfd_create", test_memfd},
    {"memfd: F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL", test_seals_of_size},
    {"memfd: F_SEAL_WRITE", test_seal_of_writing},
    {"memfd: F_SEAL_FUTURE_WRITE", test_seal_of_future_writing},
    {"memfd: MFD_NOEXEC_SEAL", test_noexec},
};
CASES(map_cases, cases);
