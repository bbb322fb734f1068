/* Inside of process_test: what a child gets from its parent: files and their offsets, directory, mask, limits. */
#define _GNU_SOURCE
#include "process_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int fd;

static int move_offset(void *arg)
{
    char buf[16];

    (void)arg;
    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_CUR), 100);
    EXPECT(SYS(SYS_read, fd, buf, 16), 16);
    return 0;
}

/* The open file is one: who reads moves the place of all. */
static void test_shared_offset(void)
{
    fd = open(own_path, O_RDONLY);
    EXPECT(SYS(SYS_lseek, fd, 100, SEEK_SET), 100);
    in_child(move_offset, NULL);
    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_CUR), 116);
    EXPECT(SYS(SYS_close, fd), 0);
}

static int open_and_close(void *arg)
{
    (void)arg;
    EXPECT(SYS(SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
    EXPECT(SYS(SYS_close, fd), 0);
    EXPECT(SYS(SYS_dup2, 1, 50), 50);
    return 0;
}

/* The table of descriptors is two: what one closes or opens, the other does not. */
static void test_own_descriptors(void)
{
    fd = open(own_path, O_RDONLY | O_CLOEXEC);
    in_child(open_and_close, NULL);
    EXPECT(SYS(SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
    EXPECT(SYS(SYS_fcntl, 50, F_GETFD), -EBADF);
    EXPECT(SYS(SYS_close, fd), 0);
}

/* The file stays open for the child when the parent closes it first. */
static int read_late(void *arg)
{
    char magic[4];

    (void)arg;
    board_wait(0, 1);
    EXPECT(SYS(SYS_pread64, fd, magic, 4, 0), 4);
    CHECK(!memcmp(magic, "\177ELF", 4), "other bytes");
    return 0;
}

static void test_closed_by_parent(void)
{
    pid_t pid;

    fd = open(own_path, O_RDONLY);
    pid = child_start(read_late, NULL);
    EXPECT(SYS(SYS_close, fd), 0);
    board_post(0);
    child_exits(pid, 0);
}

static int write_words(void *arg)
{
    static const char text[] = "child";

    (void)arg;
    EXPECT(SYS(SYS_write, fd, text, 5), 5);
    return 0;
}

static void test_written_file(void)
{
    char text[16] = "";

    fd = (int)SYS(SYS_memfd_create, "words", 0);
    if (fd == -ENOSYS) {
        tap_skip("no memfd_create");
        return;
    }
    EXPECT(SYS(SYS_write, fd, "parent ", 7), 7);
    in_child(write_words, NULL);
    EXPECT(SYS(SYS_write, fd, "!", 1), 1);
    EXPECT(SYS(SYS_pread64, fd, text, 15, 0), 13);
    CHECK(!strcmp(text, "parent child!"), "file is \"%s\"", text);
    EXPECT(SYS(SYS_close, fd), 0);
}

static int to_other_end(void *arg)
{
    const int *ends = arg;

    EXPECT(SYS(SYS_close, ends[0]), 0);
    EXPECT(SYS(SYS_write, ends[1], "hello", 5), 5);
    return 0;
}

/* A pipe ends when the last one who could write has closed it. */
static void test_pipe(void)
{
    char text[16] = "";
    int ends[2];
    pid_t pid;

    if (pipe(ends)) {
        tap_skip("no pipes");
        return;
    }
    pid = child_start(to_other_end, ends);
    EXPECT(SYS(SYS_close, ends[1]), 0);
    EXPECT(SYS(SYS_read, ends[0], text, 15), 5);
    EXPECT(SYS(SYS_read, ends[0], text + 5, 10), 0);
    CHECK(!strcmp(text, "hello"), "read \"%s\"", text);
    EXPECT(SYS(SYS_close, ends[0]), 0);
    child_exits(pid, 0);
}

static int change_place(void *arg)
{
    char cwd[512];

    (void)arg;
    CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/dev"), "working directory %s", cwd);
    EXPECT(umask(0), 0135);
    return chdir("/");
}

static void test_place(void)
{
    char before[512], cwd[512];
    mode_t mask = umask(0135);

    EXPECT(getcwd(before, sizeof(before)) != NULL, 1);
    EXPECT(chdir("/dev"), 0);
    in_child(change_place, NULL);
    CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/dev"), "working directory %s", cwd);
    EXPECT(umask(mask), 0135);
    EXPECT(chdir(before), 0);
}

static int check_limits(void *arg)
{
    const struct rlimit *given = arg;
    struct rlimit seen;

    EXPECT(getrlimit(RLIMIT_CPU, &seen), 0);
    CHECK(!memcmp(&seen, given, sizeof(seen)), "limits %ld, %ld", (long)seen.rlim_cur,
          (long)seen.rlim_max);
    seen.rlim_cur = 50;
    EXPECT(setrlimit(RLIMIT_CPU, &seen), 0);
    return 0;
}

static int with_limits(void *arg)
{
    struct rlimit given = {100000, 200000}, seen;

    (void)arg;
    EXPECT(setrlimit(RLIMIT_CPU, &given), 0);
    in_child(check_limits, &given);
    EXPECT(getrlimit(RLIMIT_CPU, &seen), 0);
    CHECK_EQ("limit after the child changed its own", seen.rlim_cur, given.rlim_cur);
    return 0;
}

static void test_limits(void)
{
    in_child(with_limits, NULL);
}

static int count_against_limit(void *arg)
{
    (void)arg;
    SYS(SYS_setuid,
        54321); /* Linux does not limit root; where there is nobody else, it is refused */
    EXPECT(setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}), 0);
    EXPECT(SYS(SYS_fork), -EAGAIN);
    return 0;
}

static void test_nproc(void)
{
    in_child(count_against_limit, NULL);
}

/* ---- Signals' settings ---- */

static void handle(int sig)
{
    board[0] = sig;
}

static int check_signals(void *arg)
{
    struct sigaction seen;
    sigset_t set;

    (void)arg;
    EXPECT(sigaction(SIGUSR1, NULL, &seen), 0);
    CHECK(seen.sa_handler == handle, "the handler is gone");
    EXPECT(sigaction(SIGUSR2, NULL, &seen), 0);
    CHECK(seen.sa_handler == SIG_IGN, "SIGUSR2 is no longer ignored");
    EXPECT(sigprocmask(SIG_SETMASK, NULL, &set), 0);
    CHECK(sigismember(&set, SIGHUP) == 1, "SIGHUP is not blocked");
    EXPECT(sigpending(&set), 0);
    CHECK(sigismember(&set, SIGHUP) == 0, "the parent's pending signal is the child's");
    signal(SIGUSR1, SIG_DFL);
    return 0;
}

static int with_signals(void *arg)
{
    struct sigaction seen;
    sigset_t set;

    (void)arg;
    signal(SIGUSR1, handle);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    EXPECT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    raise(SIGHUP);
    in_child(check_signals, NULL);
    EXPECT(sigaction(SIGUSR1, NULL, &seen), 0);
    CHECK(seen.sa_handler == handle, "the child changed its parent's handler");
    return 0;
}

static void test_signals(void)
{
    in_child(with_signals, NULL);
}

static const struct suite_case cases[] = {
    {"inherited: the offset in an open file is shared", test_shared_offset},
    {"inherited: descriptors are not", test_own_descriptors},
    {"inherited: a file that the parent closes", test_closed_by_parent},
    {"inherited: a file that both write", test_written_file},
    {"inherited: a pipe's end", test_pipe},
    {"inherited: directory and mask", test_place},
    {"inherited: limits", test_limits},
    {"inherited: the number of processes is limited", test_nproc},
    {"inherited: handlers and mask, but nothing pending", test_signals},
};
const struct suite_table inherit_cases = {cases, ARRAY_SIZE(cases)};
