/* Inside of file_test: bytes into files and out of them. */
#define _GNU_SOURCE
#include "file_test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static void test_write_read(void)
{
    char buf[16] = "";
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(write(fd, "abcdef", 6), 6);
    EXPECT(read(fd, buf, 4), 0);
    EXPECT(lseek(fd, 1, SEEK_SET), 1);
    EXPECT(write(fd, "XY", 2), 2);
    EXPECT(read(fd, buf, 16), 3);
    EXPECT(memcmp(buf, "def", 3), 0);
    EXPECT(pread(fd, buf, 3, 1), 3);
    EXPECT(memcmp(buf, "XYd", 3), 0);
    EXPECT(lseek(fd, 0, SEEK_CUR), 6);
    EXPECT(pwrite(fd, "!", 1, 9), 1);
    EXPECT(lseek(fd, 0, SEEK_CUR), 6);
    EXPECT(stat_of("f").st_size, 10);
    EXPECT(pread(fd, buf, 16, 5), 5);
    EXPECT(memcmp(buf, "f\0\0\0!", 5), 0);
    EXPECT(pread(fd, buf, 1, 10), 0);
    EXPECT(SYS(SYS_pwrite64, fd, "x", 1, -1l), -EINVAL);
    close(fd);
    fd = must_open("f", O_RDONLY);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EBADF);
    close(fd);
    fd = must_open("f", O_WRONLY);
    EXPECT(SYS(SYS_read, fd, buf, 1), -EBADF);
    close(fd);
}

/* Across pages, at odd places, in odd lengths. */
static void test_pattern(void)
{
    static unsigned char model[300000], seen[300000];
    uint32_t random = 7;
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    for (int i = 0; i < 300; i++) {
        size_t at = (random = random * 1664525 + 1013904223) % 280000, n = random / 77 % 9000;

        memset(model + at, i, n);
        EXPECT(pwrite(fd, model + at, n, (off_t)at), n);
    }
    EXPECT(ftruncate(fd, sizeof(model)), 0);
    EXPECT(pread(fd, seen, sizeof(seen), 0), sizeof(seen));
    EXPECT(memcmp(model, seen, sizeof(model)), 0);
    close(fd);
}

/* What went over before the bad address counts. */
static void test_partial(void)
{
    char *page = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd;

    scene();
    munmap(page + PAGE, PAGE);
    memset(page, 'p', PAGE);
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(SYS(SYS_write, fd, page + PAGE, 10), -EFAULT);
    EXPECT(SYS(SYS_write, fd, NULL, 10), -EFAULT);
    EXPECT(stat_of("f").st_size, 0);
    EXPECT(ftruncate(fd, 10000), 0);
    EXPECT(SYS(SYS_read, fd, page + PAGE - 100, 200), 100);
    EXPECT(lseek(fd, 0, SEEK_CUR), 100);
    EXPECT(SYS(SYS_read, fd, KERNEL_ADDRESS, 10), -EFAULT);
    EXPECT(SYS(SYS_read, fd, page, -1ul), -EFAULT);
    EXPECT(lseek(fd, 0, SEEK_CUR), 100);
    close(fd);
    munmap(page, PAGE);
}

static void test_vectors(void)
{
    char a[4] = "", b[4] = "", c[16] = "";
    struct iovec out[] = {{"ab", 2}, {"", 0}, {"cdef", 4}},
                 in[] = {{a, 1}, {NULL, 0}, {b, 2}, {c, 16}};
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(writev(fd, out, 3), 6);
    EXPECT(pwritev(fd, out, 3, 8), 6);
    EXPECT(stat_of("f").st_size, 14);
    EXPECT(lseek(fd, 0, SEEK_SET), 0);
    EXPECT(readv(fd, in, 4), 14);
    CHECK(a[0] == 'a' && !memcmp(b, "bc", 2) && !memcmp(c, "def\0\0abcdef", 11), "wrong pieces");
    EXPECT(preadv(fd, in, 3, 12), 2);
    EXPECT(SYS(SYS_preadv, fd, in, 3, -1l, 0), -EINVAL);
    EXPECT(SYS(SYS_preadv2, fd, in, 3, 0, 0, 0), 3);
    EXPECT(SYS(SYS_readv, fd, in, 1025), -EINVAL);
    EXPECT(SYS(SYS_readv, fd, in, 0), 0);
    EXPECT(SYS(SYS_readv, fd, NULL, 1), -EFAULT);
    in[2].iov_len = -1ul;
    EXPECT(SYS(SYS_readv, fd, in, 3), -EINVAL);
    close(fd);
}

static void test_seek(void)
{
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    EXPECT(lseek(fd, -3, SEEK_END), 7);
    EXPECT(lseek(fd, 100, SEEK_CUR), 107);
    EXPECT(SYS(SYS_lseek, fd, -108l, SEEK_CUR), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, -1l, SEEK_SET), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, 0, 99), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, 10, SEEK_DATA), -ENXIO);
    EXPECT(SYS(SYS_lseek, fd, 3, SEEK_DATA), 3);
    EXPECT(SYS(SYS_lseek, fd, 3, SEEK_HOLE), 10);
    EXPECT(SYS(SYS_lseek, fd, INT64_MAX, SEEK_SET), INT64_MAX);
    EXPECT(SYS(SYS_lseek, fd, 1l, SEEK_CUR), -EINVAL);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EINVAL);
    close(fd);
}

static void test_truncate(void)
{
    char buf[32];
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    EXPECT(SYS(SYS_truncate, "f", 4), 0);
    expect_text("f", "0123");
    EXPECT(ftruncate(fd, 8), 0);
    EXPECT(pread(fd, buf, 32, 0), 8);
    EXPECT(memcmp(buf, "0123\0\0\0\0", 8), 0);
    EXPECT(ftruncate(fd, 3 * MIB(1) + 5), 0);
    EXPECT(pread(fd, buf, 32, 3 * MIB(1)), 5);
    EXPECT(memcmp(buf, "\0\0\0\0\0", 5), 0);
    EXPECT(ftruncate(fd, 0), 0);
    EXPECT(SYS(SYS_ftruncate, fd, -1l), -EINVAL);
    EXPECT(SYS(SYS_truncate, "f", -1l), -EINVAL);
    EXPECT(SYS(SYS_truncate, ".", 0), -EISDIR);
    EXPECT(SYS(SYS_truncate, "no", 0), -ENOENT);
    EXPECT(SYS(SYS_truncate, "/dev/null", 0), -EINVAL);
    close(fd);
    fd = must_open("f", O_RDONLY);
    EXPECT(SYS(SYS_ftruncate, fd, 0), -EINVAL);
    close(fd);
    EXPECT(SYS(SYS_ftruncate, fd, 0), -EBADF);
}

/* A file that is longer than all memory, with little in it. */
static void test_sparse(void)
{
    char buf[8] = "";
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(pwrite(fd, "start", 5, 0), 5);
    EXPECT(pwrite(fd, "end", 3, GIB(600)), 3);
    EXPECT(stat_of("f").st_size, GIB(600) + 3);
    EXPECT(pread(fd, buf, 8, GIB(600)), 3);
    EXPECT(memcmp(buf, "end", 3), 0);
    EXPECT(pread(fd, buf, 5, 0), 5);
    EXPECT(memcmp(buf, "start", 5), 0);
    EXPECT(pread(fd, buf, 1, GIB(300)), 1);
    EXPECT(buf[0], 0);
    EXPECT(ftruncate(fd, 1), 0);
    EXPECT(ftruncate(fd, GIB(600) + 3), 0);
    EXPECT(pread(fd, buf, 3, GIB(600)), 3);
    EXPECT(memcmp(buf, "\0\0\0", 3), 0);
    close(fd);
}

/* What a program may still do when files have taken all that they get. */
static int be_program(void *arg)
{
    char *p = mmap(NULL, MIB(1), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(p, 1, MIB(1));
    return arg != NULL;
}

static void test_no_room(void)
{
    static char buf[65536];
    uint64_t total = 0;
    long n;
    int fd;

    if (!on_realign())
        return tap_skip("memory is too large to be filled");
    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    memset(buf, 'x', sizeof(buf));
    while ((n = SYS(SYS_write, fd, buf, sizeof(buf))) > 0)
        total += (uint64_t)n;
    EXPECT(n, -ENOSPC);
    EXPECT(stat_of("f").st_size, total);
    EXPECT(SYS(SYS_fallocate, fd, 0, 0l, total + MIB(1)), -ENOSPC);
    EXPECT(stat_of("f").st_size, total);
    in_child(be_program, NULL);
    EXPECT(SYS(SYS_truncate, "f", total / 2), 0);
    make_file("g", "there is room again");
    close(fd);
    EXPECT(unlink("f"), 0);
}

static volatile int signals;

static void count(int sig)
{
    signals += sig == SIGXFSZ;
}

static int run_size_limit(void *arg)
{
    struct rlimit limit = {1000, RLIM_INFINITY};
    char buf[600] = "";
    int fd = must_open("f", O_CREAT | O_RDWR);

    signal(SIGXFSZ, count);
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT(write(fd, buf, 600), 600);
    EXPECT(write(fd, buf, 600), 400);
    EXPECT(signals, 0);
    EXPECT(SYS(SYS_write, fd, buf, 600), -EFBIG);
    EXPECT(signals, 1);
    EXPECT(SYS(SYS_ftruncate, fd, 1001), -EFBIG);
    EXPECT(signals, 2);
    EXPECT(ftruncate(fd, 1000), 0);
    EXPECT(pwrite(fd, buf, 10, 100), 10);
    return arg != NULL;
}

static void test_size_limit(void)
{
    scene();
    in_child(run_size_limit, NULL);
}

static void test_sendfile(void)
{
    off_t at = 2;
    int in, out;

    scene();
    make_file("in", "0123456789");
    in = must_open("in", O_RDONLY);
    out = must_open("out", O_CREAT | O_RDWR);
    EXPECT(sendfile(out, in, NULL, 4), 4);
    EXPECT(lseek(in, 0, SEEK_CUR), 4);
    EXPECT(sendfile(out, in, &at, 3), 3);
    EXPECT(at, 5);
    EXPECT(lseek(in, 0, SEEK_CUR), 4);
    EXPECT(sendfile(out, in, NULL, 1000), 6);
    EXPECT(sendfile(out, in, NULL, 1000), 0);
    expect_text("out", "0123234456789");
    EXPECT(SYS(SYS_sendfile, in, out, NULL, 1), -EBADF);
    EXPECT(SYS(SYS_sendfile, out, 99, NULL, 1), -EBADF);
    at = -1;
    EXPECT(SYS(SYS_sendfile, out, in, &at, 1), -EINVAL);
    EXPECT(SYS(SYS_sendfile, out, in, 8, 1), -EFAULT);
    EXPECT(fcntl(out, F_SETFL, O_APPEND), 0);
    EXPECT(SYS(SYS_sendfile, out, in, NULL, 1), -EINVAL);
    close(in);
    close(out);
}

static const struct suite_case cases[] = {
    {"read and write", test_write_read},
    {"write at odd places", test_pattern},
    {"read and write: a buffer that ends early", test_partial},
    {"readv, writev, preadv, pwritev", test_vectors},
    {"lseek", test_seek},
    {"truncate and ftruncate", test_truncate},
    {"a sparse file of 600 GiB", test_sparse},
    {"no room for more", test_no_room},
    {"RLIMIT_FSIZE", test_size_limit},
    {"sendfile", test_sendfile},
};
CASES(data_cases, cases);
