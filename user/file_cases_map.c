/* Inside of file_test: files that are mapped, and holes in them. */
#define _GNU_SOURCE
#include "file_test.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

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
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    q = must_map(fd, PAGE, PROT_READ, MAP_SHARED);
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
    p = must_map(fd, PAGE, RW, MAP_PRIVATE);
    q = must_map(fd, PAGE, RW, MAP_PRIVATE);
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
    p = must_map(fd, PAGE, RW, MAP_SHARED);
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
    p = must_map(fd, PAGE, PROT_READ, MAP_SHARED);
    EXPECT(result(mprotect(p, PAGE, RW)), -EACCES);
    munmap(p, PAGE);
    p = must_map(fd, PAGE, RW, MAP_PRIVATE);
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
    p = must_map(fd, 4 * PAGE, RW, MAP_SHARED);
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
    p = must_map(fd, 3 * PAGE, RW, MAP_PRIVATE);
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
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    EXPECT(pread(fd, p + 5, 5, 0), 5);
    EXPECT(memcmp(p, "0123401234", 10), 0);
    EXPECT(pwrite(fd, p, 4, 6), 4);
    EXPECT(memcmp(p, "0123400123", 10), 0);
    munmap(p, PAGE);
    close(fd);
}

/* ---- Names in maps ---- */

static void test_names(void)
{
    char *p;
    int fd;

    scene();
    make_file("f", "x");
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    fd = must_open("f", O_RDWR);
    p = must_map(fd, PAGE, RW, MAP_SHARED);
    expect_map_name(p, "/f");
    EXPECT(SYS(SYS_rename, "f", "d/g"), 0);
    expect_map_name(p, "/d/g");
    EXPECT(SYS(SYS_unlink, "d/g"), 0);
    expect_map_name(p, "/d/g (deleted)");
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
    p = must_map(fd, 4 * PAGE, RW, MAP_SHARED);
    memset(p, 'x', 4 * PAGE);
    q = must_map(fd, 4 * PAGE, RW, MAP_PRIVATE);
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
};
CASES(map_cases, cases);
