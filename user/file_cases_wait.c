/* Inside of file_test: poll, select, eventfd: waiting for files. */
#define _GNU_SOURCE
#include "file_test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

static int ends[2];

static int be_writer(void *arg)
{
    sleep_ms(20);
    return write(ends[1], "x", 1) != 1 || arg;
}

static void test_poll_waits(void)
{
    struct pollfd p[2] = {{.fd = -1}, {.events = POLLIN}};
    uint64_t start = now_ms();
    pid_t child;

    EXPECT(pipe(ends), 0);
    p[1].fd = ends[0];
    EXPECT(poll(p, 2, 30), 0);
    CHECK(now_ms() - start >= 30 && now_ms() - start < 5000, "30 ms lasted %lu", now_ms() - start);
    child = child_start(be_writer, NULL);
    EXPECT(poll(p, 2, 10000), 1);
    EXPECT(p[0].revents, 0);
    EXPECT(p[1].revents, POLLIN);
    child_exits(child, 0);
    EXPECT(poll(p, 2, -1), 1);
    close(ends[0]);
    close(ends[1]);
}

static void test_poll_answers(void)
{
    struct pollfd p[3] = {
        {.events = POLLIN | POLLOUT}, {.fd = 999, .events = POLLIN}, {.events = 0}};

    scene();
    make_file("f", "");
    p[0].fd = must_open("f", O_RDWR);
    p[2].fd = p[0].fd;
    EXPECT(poll(p, 3, -1), 2);
    EXPECT(p[0].revents, POLLIN | POLLOUT);
    EXPECT(p[1].revents, POLLNVAL);
    EXPECT(p[2].revents, 0);
    EXPECT(SYS(SYS_poll, NULL, 0, 0), 0);
    EXPECT(SYS(SYS_poll, 16, 1, 0), -EFAULT);
    EXPECT(SYS(SYS_poll, p, 1u << 30, 0), -EINVAL);
    close(p[0].fd);
}

static void test_ppoll(void)
{
    struct timespec t = {0, 20000000};
    struct pollfd p = {.events = POLLIN};
    uint64_t start = now_ms();

    EXPECT(pipe(ends), 0);
    p.fd = ends[0];
    EXPECT(SYS(SYS_ppoll, &p, 1, &t, NULL, 8), 0);
    CHECK(now_ms() - start >= 20, "20 ms lasted %lu", now_ms() - start);
    EXPECT(t.tv_sec + t.tv_nsec, 0);
    t = (struct timespec){100, 0};
    EXPECT(write(ends[1], "x", 1), 1);
    EXPECT(SYS(SYS_ppoll, &p, 1, &t, NULL, 8), 1);
    EXPECT(t.tv_sec, 99);
    t.tv_nsec = 1000000000;
    EXPECT(SYS(SYS_ppoll, &p, 1, &t, NULL, 8), -EINVAL);
    EXPECT(SYS(SYS_ppoll, &p, 1, NULL, &t, 4), -EINVAL);
    EXPECT(SYS(SYS_ppoll, &p, 1, 16, NULL, 8), -EFAULT);
    close(ends[0]);
    close(ends[1]);
}

static volatile int caught;

static void on_signal(int sig)
{
    caught = sig;
}

static int be_killer(void *arg)
{
    sleep_ms(20);
    return kill(getppid(), SIGUSR1) || arg;
}

/* A signal that is blocked but for the time of the call: its handler runs, and the call says so. */
static void test_masks(void)
{
    struct timespec t = {10, 0};
    uint64_t usr1 = 1ul << (SIGUSR1 - 1), none = 0, now = 0;
    struct {
        uint64_t *mask;
        size_t size;
    } argument = {&none, 8};
    pid_t child;

    signal(SIGUSR1, on_signal);
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8), 0);
    for (int i = 0; i < 2; i++) {
        caught = 0;
        child = child_start(be_killer, NULL);
        if (i == 0)
            EXPECT(SYS(SYS_ppoll, NULL, 0, &t, &none, 8), -EINTR);
        else
            EXPECT(SYS(SYS_pselect6, 0, NULL, NULL, NULL, &t, &argument), -EINTR);
        EXPECT(caught, SIGUSR1);
        child_exits(child, 0);
        EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8), 0);
        EXPECT(now, usr1);
    }
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, NULL, 8), 0);
    signal(SIGUSR1, SIG_DFL);
}

/* poll is not begun again when a handler ran, even if that was asked for. */
static void test_interrupted(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    char byte;
    pid_t child;

    EXPECT(pipe(ends), 0);
    sigaction(SIGUSR1, &action, NULL);
    child = child_start(be_killer, NULL);
    EXPECT(SYS(SYS_poll, NULL, 0, 10000), -EINTR);
    child_exits(child, 0);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    child = child_start(be_killer, NULL);
    EXPECT(SYS(SYS_read, ends[0], &byte, 1), -EINTR);
    child_exits(child, 0);
    signal(SIGUSR1, SIG_DFL);
    close(ends[0]);
    close(ends[1]);
}

static void test_select(void)
{
    struct timeval t = {100, 0};
    fd_set in, out;

    EXPECT(pipe(ends), 0);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(ends[0], &in);
    FD_SET(ends[1], &out);
    EXPECT(SYS(SYS_select, ends[1] + 1, &in, &out, NULL, &t), 1);
    EXPECT(FD_ISSET(ends[0], &in), 0);
    EXPECT(FD_ISSET(ends[1], &out) != 0, 1);
    EXPECT(t.tv_sec, 99);
    FD_SET(ends[0], &in);
    t = (struct timeval){0, 20000};
    EXPECT(select(ends[0] + 1, &in, NULL, NULL, &t), 0);
    EXPECT(FD_ISSET(ends[0], &in), 0);
    EXPECT(write(ends[1], "x", 1), 1);
    FD_SET(ends[0], &in);
    EXPECT(select(ends[1] + 1, &in, &out, NULL, NULL), 2);
    EXPECT(FD_ISSET(ends[0], &in) != 0, 1);
    close(ends[1]);
    EXPECT(result(select(ends[1] + 1, NULL, &out, NULL, NULL)), -EBADF);
    EXPECT(SYS(SYS_select, -1, NULL, NULL, NULL, NULL), -EINVAL);
    EXPECT(SYS(SYS_select, 4, 16, NULL, NULL, NULL), -EFAULT);
    t = (struct timeval){-1, 0};
    EXPECT(SYS(SYS_select, 0, NULL, NULL, NULL, &t), -EINVAL);
    t = (struct timeval){0, 1000};
    EXPECT(SYS(SYS_select, 0, NULL, NULL, NULL, &t), 0);
    close(ends[0]);
}

static int be_select_writer(void *arg)
{
    sleep_ms(20);
    return write(ends[1], "x", 1) != 1 || arg;
}

static void test_pselect(void)
{
    struct timespec t = {10, 0};
    pid_t child;
    fd_set in;

    EXPECT(pipe(ends), 0);
    FD_ZERO(&in);
    FD_SET(ends[0], &in);
    child = child_start(be_select_writer, NULL);
    EXPECT(SYS(SYS_pselect6, ends[0] + 1, &in, NULL, NULL, &t, NULL), 1);
    CHECK(t.tv_sec < 10 && t.tv_sec >= 5, "%ld s are left", t.tv_sec);
    child_exits(child, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- eventfd ---- */

static int event;

static int be_event_reader(void *arg)
{
    uint64_t value = 0;

    return read(event, &value, 8) != 8 || value != 7 || arg;
}

static void test_eventfd(void)
{
    struct pollfd p = {.events = POLLIN | POLLOUT};
    uint64_t value = 3;
    pid_t child;

    event = (int)SYS(SYS_eventfd2, 2, O_NONBLOCK);
    EXPECT(write(event, &value, 8), 8);
    EXPECT(read(event, &value, 8), 8);
    EXPECT(value, 5);
    EXPECT(SYS(SYS_read, event, &value, 8), -EAGAIN);
    EXPECT(SYS(SYS_read, event, &value, 7), -EINVAL);
    value = -1ul;
    EXPECT(SYS(SYS_write, event, &value, 8), -EINVAL);
    value = -2ul;
    EXPECT(write(event, &value, 8), 8);
    value = 1;
    EXPECT(SYS(SYS_write, event, &value, 8), -EAGAIN);
    p.fd = event;
    EXPECT(poll(&p, 1, 0), 1);
    EXPECT(p.revents, POLLIN);
    close(event);
    event = (int)SYS(SYS_eventfd2, 2, 1);
    EXPECT(read(event, &value, 8), 8);
    EXPECT(value, 1);
    close(event);
    EXPECT(SYS(SYS_eventfd2, 2, 0x10000), -EINVAL);
    event = (int)SYS(SYS_eventfd2, 0, O_CLOEXEC);
    EXPECT(fcntl(event, F_GETFD), FD_CLOEXEC);
    child = child_start(be_event_reader, NULL);
    sleep_ms(10);
    value = 7;
    EXPECT(write(event, &value, 8), 8);
    child_exits(child, 0);
    close(event);
}

static const struct suite_case cases[] = {
    {"poll waits", test_poll_waits},
    {"poll: answers", test_poll_answers},
    {"ppoll", test_ppoll},
    {"select", test_select},
    {"pselect6", test_pselect},
    {"ppoll and pselect6: signal masks", test_masks},
    {"poll and read: interrupted", test_interrupted},
    {"eventfd", test_eventfd},
};
CASES(wait_cases, cases);
