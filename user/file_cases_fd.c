/* Inside of file_test: descriptors and what they share, and the devices. */
#define _GNU_SOURCE
#include "file_test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void test_dup(void)
{
    int a, b;

    scene();
    make_file("f", "0123456789");
    a = must_open("f", O_RDWR);
    b = dup(a);
    EXPECT(lseek(a, 5, SEEK_SET), 5);
    EXPECT(lseek(b, 0, SEEK_CUR), 5);
    EXPECT(fcntl(b, F_SETFL, O_APPEND), 0);
    EXPECT(fcntl(a, F_GETFL) & O_APPEND, O_APPEND);
    EXPECT(fcntl(a, F_SETFD, FD_CLOEXEC), 0);
    EXPECT(fcntl(b, F_GETFD), 0);
    EXPECT(SYS(SYS_dup2, a, b), b);
    EXPECT(SYS(SYS_dup2, a, a), a);
    EXPECT(SYS(SYS_dup3, a, a, 0), -EINVAL);
    EXPECT(SYS(SYS_dup3, a, b, O_APPEND), -EINVAL);
    EXPECT(SYS(SYS_dup3, a, b, O_CLOEXEC), b);
    EXPECT(fcntl(b, F_GETFD), FD_CLOEXEC);
    close(b);
    EXPECT(SYS(SYS_fcntl, a, F_DUPFD, 50), 50);
    EXPECT(SYS(SYS_fcntl, a, F_DUPFD_CLOEXEC, 50), 51);
    EXPECT(fcntl(51, F_GETFD), FD_CLOEXEC);
    EXPECT(SYS(SYS_fcntl, a, F_DUPFD, 1 << 30), -EINVAL);
    EXPECT(SYS(SYS_fcntl, a, 9999), -EINVAL);
    EXPECT(SYS(SYS_fcntl, 999, F_GETFD), -EBADF);
    close(50);
    close(51);
    close(a);
}

static int read_three(void *fd)
{
    char buf[4];

    return read((int)(long)fd, buf, 3) != 3;
}

/* A child has its parent's open files: they have one position. */
static void test_fork(void)
{
    int fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDONLY);
    in_child(read_three, (void *)(long)fd);
    EXPECT(lseek(fd, 0, SEEK_CUR), 3);
    close(fd);
}

static int close_it(void *fd)
{
    return close((int)(long)fd);
}

static void test_fork_close(void)
{
    int fd;

    scene();
    make_file("f", "x");
    fd = must_open("f", O_RDONLY);
    in_child(close_it, (void *)(long)fd);
    expect_bytes(fd, "x");
    close(fd);
}

/* A child that shares the table has one of its own as soon as it is another program. */
static void test_shared_table(void)
{
    int fd = must_open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t child = (pid_t)SYS(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    int status = 0;

    if (child == 0) {
        dup2(fd, 40);
        execl(own_path, own_path, "--be", "nobody", NULL);
        _exit(1);
    }
    EXPECT(waitpid(child, &status, 0), child);
    EXPECT(status, 99 << 8);
    EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT(close(40), 0); /* what the child opened is open here */
    close(fd);
}

static void test_close_range(void)
{
    int first = dup(0);

    for (int i = 1; i < 6; i++)
        EXPECT(dup(0), first + i);
    EXPECT(SYS(SYS_close_range, first + 3, first + 2, 0), -EINVAL);
    EXPECT(SYS(SYS_close_range, first, first, 1), -EINVAL);
    EXPECT(SYS(SYS_close_range, first + 1, first + 2, 0), 0);
    EXPECT(SYS(SYS_close, first + 1), -EBADF);
    EXPECT(SYS(SYS_close, first + 2), -EBADF);
    EXPECT(SYS(SYS_close_range, first + 3, first + 3, 4), 0);
    EXPECT(fcntl(first + 3, F_GETFD), FD_CLOEXEC);
    EXPECT(fcntl(first + 4, F_GETFD), 0);
    EXPECT(SYS(SYS_close_range, first, ~0u, 2), 0);
    EXPECT(SYS(SYS_close, first), -EBADF);
    EXPECT(SYS(SYS_close, first + 5), -EBADF);
}

static void test_ioctl(void)
{
    int n = -1, on = 1, fd;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDONLY);
    EXPECT(lseek(fd, 4, SEEK_SET), 4);
    EXPECT(ioctl(fd, FIONREAD, &n), 0);
    EXPECT(n, 6);
    EXPECT(ioctl(fd, FIONBIO, &on), 0);
    EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    EXPECT(ioctl(fd, FIOCLEX, 0), 0);
    EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT(SYS(SYS_ioctl, fd, 0x1234, 0), -ENOTTY);
    EXPECT(SYS(SYS_ioctl, 999, FIONREAD, &n), -EBADF);
    close(fd);
}

static void test_sync(void)
{
    int fd;

    scene();
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(SYS(SYS_fsync, fd), 0);
    EXPECT(SYS(SYS_fdatasync, fd), 0);
    EXPECT(SYS(SYS_syncfs, fd), 0);
    EXPECT(SYS(SYS_fadvise64, fd, 0l, 0l, 4), 0);
    EXPECT(SYS(SYS_fadvise64, fd, 0l, 0l, 6), -EINVAL);
    EXPECT(SYS(SYS_sync), 0);
    close(fd);
    EXPECT(SYS(SYS_fsync, fd), -EBADF);
    fd = must_open(".", O_RDONLY);
    EXPECT(SYS(SYS_fsync, fd), 0);
    close(fd);
}

static void test_devices(void)
{
    char a[64], b[64];
    int fd = must_open("/dev/null", O_RDWR);

    EXPECT(write(fd, "abc", 3), 3);
    EXPECT(read(fd, a, 3), 0);
    EXPECT(lseek(fd, 100, SEEK_SET), 0);
    EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -ENODEV);
    close(fd);
    fd = must_open("/dev/zero", O_RDWR);
    memset(a, 1, sizeof(a));
    EXPECT(read(fd, a, 64), 64);
    memset(b, 0, sizeof(b));
    EXPECT(memcmp(a, b, 64), 0);
    EXPECT(write(fd, "abc", 3), 3);
    close(fd);
    fd = must_open("/dev/full", O_RDWR);
    EXPECT(SYS(SYS_write, fd, "abc", 3), -ENOSPC);
    EXPECT(read(fd, a, 3), 3);
    close(fd);
    fd = must_open("/dev/urandom", O_RDONLY);
    EXPECT(read(fd, a, 64), 64);
    EXPECT(read(fd, b, 64), 64);
    CHECK(memcmp(a, b, 64), "the same random bytes twice");
    EXPECT(SYS(SYS_read, fd, 16, 64), -EFAULT);
    close(fd);
    close(must_open("/dev/random", O_RDONLY));
}

static void test_places(void)
{
    EXPECT(stat_of("/tmp").st_mode, S_IFDIR | 01777);
    EXPECT(stat_of("/dev/shm").st_mode, S_IFDIR | 01777);
    EXPECT(stat_of("/dev/null").st_mode & S_IFMT, S_IFCHR);
    EXPECT(stat_of("/dev/null").st_rdev, 0x103);
    EXPECT(stat_of("/dev/tty").st_rdev, 0x500);
}

static void test_no_sockets(void)
{
    EXPECT(SYS(SYS_socket, 999, SOCK_STREAM, 0), -EAFNOSUPPORT);
}

static const struct suite_case cases[] = {
    {"dup, dup2, dup3, fcntl", test_dup},
    {"a position shared with a child", test_fork},
    {"a child closes its own descriptors", test_fork_close},
    {"a table of descriptors that is shared", test_shared_table},
    {"close_range", test_close_range},
    {"ioctl of any file", test_ioctl},
    {"fsync and its kin", test_sync},
    {"devices", test_devices},
    {"/tmp, /dev/shm, device nodes", test_places},
    {"no sockets", test_no_sockets},
};
CASES(fd_cases, cases);
