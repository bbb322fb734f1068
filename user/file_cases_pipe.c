/* Inside of file_test: pipes and FIFOs. */
#define _GNU_SOURCE
#include "file_test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

enum { CAPACITY = 65536 };

static int ends[2];

static void make_pipe(int flags)
{
    EXPECT(SYS(SYS_pipe2, ends, flags), 0);
}

static void close_pipe(void)
{
    close(ends[0]);
    close(ends[1]);
}

/* What poll says of @fd at once. */
static int ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK(poll(&p, 1, 0) >= 0, "poll(): %s", strerror(errno));
    return p.revents;
}

static void test_basics(void)
{
    char buf[16] = "";
    int waiting = -1;
    struct stat st;

    make_pipe(0);
    EXPECT(fcntl(ends[0], F_GETFL), O_RDONLY);
    EXPECT(fcntl(ends[1], F_GETFL), O_WRONLY);
    EXPECT(write(ends[1], "hello", 5), 5);
    EXPECT(write(ends[1], " all", 4), 4);
    EXPECT(ioctl(ends[0], FIONREAD, &waiting), 0);
    EXPECT(waiting, 9);
    EXPECT(read(ends[0], buf, 3), 3);
    EXPECT(read(ends[0], buf + 3, 13), 6);
    CHECK(!strcmp(buf, "hello all"), "read \"%s\"", buf);
    EXPECT(SYS(SYS_write, ends[0], "x", 1), -EBADF);
    EXPECT(SYS(SYS_read, ends[1], buf, 1), -EBADF);
    EXPECT(SYS(SYS_lseek, ends[0], 0l, SEEK_SET), -ESPIPE);
    EXPECT(SYS(SYS_pread64, ends[0], buf, 1, 0), -ESPIPE);
    EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0), -ENODEV);
    EXPECT(SYS(SYS_fsync, ends[0]), -EINVAL);
    EXPECT(fstat(ends[0], &st), 0);
    EXPECT(st.st_mode, S_IFIFO | 0600);
    EXPECT(read(ends[0], buf, 0), 0);
    EXPECT(write(ends[1], buf, 0), 0);
    close(ends[1]);
    EXPECT(read(ends[0], buf, 16), 0);
    close(ends[0]);
}

static void test_errors(void)
{
    make_pipe(O_CLOEXEC | O_NONBLOCK);
    EXPECT(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    EXPECT(fcntl(ends[1], F_GETFL), O_WRONLY | O_NONBLOCK);
    EXPECT(SYS(SYS_read, ends[0], KERNEL_ADDRESS, 1), -EFAULT);
    EXPECT(SYS(SYS_write, ends[1], 16, 1), -EFAULT);
    close_pipe();
    EXPECT(SYS(SYS_pipe2, ends, O_APPEND), -EINVAL);
    EXPECT(SYS(SYS_pipe2, 16, 0), -EFAULT);
    EXPECT(SYS(SYS_pipe, KERNEL_ADDRESS), -EFAULT);
    make_pipe(0);
    EXPECT(ends[1] - ends[0], 1); /* the refused ones left no descriptors */
    close_pipe();
}

static void test_nonblocking(void)
{
    static char buf[CAPACITY + 10];

    make_pipe(O_NONBLOCK);
    EXPECT(SYS(SYS_read, ends[0], buf, 1), -EAGAIN);
    EXPECT(fcntl(ends[1], F_GETPIPE_SZ), CAPACITY);
    EXPECT(write(ends[1], buf, sizeof(buf)), CAPACITY);
    EXPECT(SYS(SYS_write, ends[1], buf, 1), -EAGAIN);
    EXPECT(read(ends[0], buf, PAGE), PAGE);
    EXPECT(write(ends[1], buf, 2 * PAGE), PAGE);
    EXPECT(read(ends[0], buf, sizeof(buf)), CAPACITY);
    EXPECT(SYS(SYS_read, ends[0], buf, 1), -EAGAIN);
    close_pipe();
}

/* Up to PIPE_BUF bytes go over in one piece, or not at all. */
static void test_atomic(void)
{
    static char buf[CAPACITY];

    make_pipe(O_NONBLOCK);
    EXPECT(write(ends[1], buf, CAPACITY - 2 * PAGE), CAPACITY - 2 * PAGE);
    EXPECT(write(ends[1], buf, PAGE), PAGE);
    EXPECT(write(ends[1], buf, 100), 100);
    EXPECT(SYS(SYS_write, ends[1], buf, PAGE), -EAGAIN);
    EXPECT(write(ends[1], buf, 3000), 3000);
    EXPECT(SYS(SYS_write, ends[1], buf, 3000), -EAGAIN);
    close_pipe();
}

static void test_size(void)
{
    static char buf[100000];

    make_pipe(O_NONBLOCK);
    EXPECT(SYS(SYS_fcntl, ends[1], F_SETPIPE_SZ, 1), PAGE);
    EXPECT(SYS(SYS_fcntl, ends[1], F_SETPIPE_SZ, 100000), 131072);
    EXPECT(fcntl(ends[0], F_GETPIPE_SZ), 131072);
    for (int i = 0; i < 100000; i++)
        buf[i] = (char)(i * 7);
    EXPECT(write(ends[1], buf, 100000), 100000);
    EXPECT(SYS(SYS_fcntl, ends[1], F_SETPIPE_SZ, 65536), -EBUSY);
    EXPECT(read(ends[0], buf, 50000), 50000);
    EXPECT(SYS(SYS_fcntl, ends[1], F_SETPIPE_SZ, 65536), 65536);
    EXPECT(read(ends[0], buf, 100000), 50000);
    for (int i = 0; i < 50000; i++)
        if (buf[i] != (char)((i + 50000) * 7))
            return tap_fail("byte %d is wrong", i);
    EXPECT(SYS(SYS_fcntl, 0, F_GETPIPE_SZ), -EBADF);
    close_pipe();
}

static int be_reader(void *arg)
{
    static char buf[3001];
    unsigned long total = 0;
    long n;

    close(ends[1]);
    while ((n = read(ends[0], buf, sizeof(buf))) > 0)
        for (long i = 0; i < n; i++, total++)
            if (buf[i] != (char)(total * 31 >> 3))
                return 1;
    return total != MIB(1) || n || arg;
}

/* A megabyte, with a reader and a writer who wait for each other. */
static void test_flow(void)
{
    static char buf[MIB(1)];
    pid_t reader;

    make_pipe(0);
    reader = child_start(be_reader, NULL);
    close(ends[0]);
    for (unsigned long i = 0; i < sizeof(buf); i++)
        buf[i] = (char)(i * 31 >> 3);
    EXPECT(write(ends[1], buf, sizeof(buf)), sizeof(buf));
    close(ends[1]);
    child_exits(reader, 0);
}

static int be_late_writer(void *arg)
{
    sleep_ms(20);
    return write(ends[1], "late", 4) != 4 || arg;
}

static void test_blocking_read(void)
{
    char buf[8] = "";
    pid_t writer;

    make_pipe(0);
    writer = child_start(be_late_writer, NULL);
    close(ends[1]);
    EXPECT(read(ends[0], buf, 8), 4);
    CHECK(!strcmp(buf, "late"), "read \"%s\"", buf);
    EXPECT(read(ends[0], buf, 8), 0);
    close(ends[0]);
    child_exits(writer, 0);
}

/* Several lines at a time are never torn apart. */
static int be_line_writer(void *arg)
{
    char line[200];

    memset(line, 'a' + (int)(long)arg, sizeof(line));
    close(ends[0]);
    for (int i = 0; i < 500; i++)
        if (write(ends[1], line, sizeof(line)) != sizeof(line))
            return 1;
    return 0;
}

static void test_writers(void)
{
    pid_t writers[4];
    char line[200];
    int lines = 0;

    make_pipe(0);
    for (long i = 0; i < 4; i++)
        writers[i] = child_start(be_line_writer, (void *)i);
    close(ends[1]);
    while (read(ends[0], line, sizeof(line)) == sizeof(line)) {
        lines++;
        for (size_t i = 1; i < sizeof(line); i++)
            if (line[i] != line[0])
                return tap_fail("line %d is torn", lines);
    }
    EXPECT(lines, 2000);
    close(ends[0]);
    for (int i = 0; i < 4; i++)
        child_exits(writers[i], 0);
}

static int be_killed(void *arg)
{
    if (write(ends[1], "x", 1))
        return 1;
    return arg != NULL;
}

static void test_broken(void)
{
    pid_t child;

    make_pipe(0);
    close(ends[0]);
    child = child_start(be_killed, NULL);
    child_dies(child, SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    EXPECT(SYS(SYS_write, ends[1], "x", 1), -EPIPE);
    signal(SIGPIPE, SIG_DFL);
    EXPECT(write(ends[1], "x", 0), 0);
    close(ends[1]);
}

static int be_waiting_writer(void *arg)
{
    static char buf[CAPACITY + 1000];

    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    return write(ends[1], buf, sizeof(buf)) != CAPACITY || arg;
}

/* A writer that waits for room learns that nobody will make any. */
static void test_broken_while_waiting(void)
{
    int waiting = 0;
    pid_t child;

    make_pipe(0);
    child = child_start(be_waiting_writer, NULL);
    while (ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting < CAPACITY)
        sleep_ms(1);
    close_pipe();
    child_exits(child, 0);
}

static void test_poll(void)
{
    static char buf[CAPACITY];

    make_pipe(O_NONBLOCK);
    EXPECT(ready(ends[0]), 0);
    EXPECT(ready(ends[1]), POLLOUT);
    EXPECT(write(ends[1], buf, CAPACITY), CAPACITY);
    EXPECT(ready(ends[0]), POLLIN);
    EXPECT(ready(ends[1]), 0);
    close(ends[1]);
    EXPECT(ready(ends[0]), POLLIN | POLLHUP);
    EXPECT(read(ends[0], buf, CAPACITY), CAPACITY);
    EXPECT(ready(ends[0]), POLLHUP);
    close(ends[0]);
    make_pipe(O_NONBLOCK);
    close(ends[0]);
    EXPECT(ready(ends[1]), POLLOUT | POLLERR);
    close(ends[1]);
}

/* Pieces are read as one: what is there, without waiting for more. */
static void test_vectors(void)
{
    char a[4] = "", b[4] = "";
    struct iovec in[] = {{a, 4}, {b, 4}}, out[] = {{"12", 2}, {"345", 3}};

    make_pipe(0);
    EXPECT(writev(ends[1], out, 2), 5);
    EXPECT(readv(ends[0], in, 2), 5);
    CHECK(!memcmp(a, "1234", 4) && b[0] == '5', "wrong bytes");
    EXPECT(write(ends[1], "1234", 4), 4);
    EXPECT(readv(ends[0], in, 2), 4);
    close_pipe();
}

/* ---- FIFOs ---- */

static void test_fifo_nonblocking(void)
{
    int in, out;
    char buf[4];

    scene();
    EXPECT(mkfifo("p", 0600), 0);
    EXPECT(SYS(SYS_open, "p", O_WRONLY | O_NONBLOCK), -ENXIO);
    in = must_open("p", O_RDONLY | O_NONBLOCK);
    EXPECT(read(in, buf, 4), 0);
    EXPECT(ready(in), 0);
    out = must_open("p", O_WRONLY | O_NONBLOCK);
    EXPECT(SYS(SYS_read, in, buf, 4), -EAGAIN);
    EXPECT(write(out, "ab", 2), 2);
    EXPECT(read(in, buf, 4), 2);
    close(out);
    EXPECT(ready(in), POLLHUP);
    EXPECT(read(in, buf, 4), 0);
    close(in);
    in = must_open("p", O_RDWR);
    EXPECT(write(in, "abc", 3), 3);
    EXPECT(read(in, buf, 4), 3);
    EXPECT(write(in, "gone", 4), 4);
    close(in);
    in = must_open("p", O_RDONLY | O_NONBLOCK);
    EXPECT(read(in, buf, 4), 0);
    close(in);
    in = must_open("p", O_PATH);
    close(in);
}

static int be_fifo_writer(void *arg)
{
    int fd = open("p", O_WRONLY);

    board[0] = 1;
    return fd < 0 || write(fd, "hi", 2) != 2 || arg;
}

static void test_fifo_open_waits(void)
{
    char buf[4];
    pid_t child;
    int fd;

    scene();
    EXPECT(mkfifo("p", 0600), 0);
    child = child_start(be_fifo_writer, NULL);
    sleep_ms(20);
    EXPECT(board[0], 0);
    fd = must_open("p", O_RDONLY);
    EXPECT(read(fd, buf, 4), 2);
    EXPECT(read(fd, buf, 4), 0);
    close(fd);
    child_exits(child, 0);
    child = child_start(be_fifo_writer, NULL);
    sleep_ms(10);
    child_end(child);
}

static const struct suite_case cases[] = {
    {"pipe: bytes go through", test_basics},
    {"pipe: errors and flags", test_errors},
    {"pipe: O_NONBLOCK", test_nonblocking},
    {"pipe: PIPE_BUF bytes in one piece", test_atomic},
    {"pipe: F_SETPIPE_SZ", test_size},
    {"pipe: a megabyte to another process", test_flow},
    {"pipe: a read waits", test_blocking_read},
    {"pipe: four writers", test_writers},
    {"pipe: SIGPIPE and EPIPE", test_broken},
    {"pipe: the reader goes while the writer waits", test_broken_while_waiting},
    {"pipe: poll", test_poll},
    {"pipe: readv and writev", test_vectors},
    {"fifo: without waiting", test_fifo_nonblocking},
    {"fifo: open waits for the other end", test_fifo_open_waits},
};
CASES(pipe_cases, cases);
