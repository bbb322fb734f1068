/* Inside of proc_test: links, open files, and what is known of them. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void expect_link(const char *path, const char *target)
{
    const char *seen = link_target(path);

    CHECK(!strcmp(seen, target), "%s -> %s, not %s", path, seen, target);
}

static const char *fd_path(int fd)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_ino == sb.st_ino &&
           sa.st_dev == sb.st_dev;
}

/* ---- self, exe, cwd, root ---- */

static void *thread_self(void *arg)
{
    char expected[64];

    (void)arg;
    snprintf(expected, sizeof(expected), "%d/task/%d", getpid(), (int)SYS(SYS_gettid));
    expect_link("/proc/thread-self", expected);
    return NULL;
}

static void test_self(void)
{
    char expected[64];
    pthread_t thread;

    snprintf(expected, sizeof(expected), "%d", getpid());
    expect_link("/proc/self", expected);
    thread_self(NULL);
    EXPECT(pthread_create(&thread, NULL, thread_self, NULL), 0);
    EXPECT(pthread_join(thread, NULL), 0);
    expect_link("/proc/mounts", "self/mounts");
}

static void test_exe(void)
{
    char magic[4] = "", small[3];
    struct stat st;
    int fd;

    expect_link("/proc/self/exe", own_path);
    CHECK(same_file("/proc/self/exe", own_path), "it leads elsewhere");
    fd = must_open("/proc/self/exe", O_RDONLY);
    EXPECT(read(fd, magic, 4), 4);
    CHECK(!memcmp(magic, "\177ELF", 4), "not the program");
    close(fd);
    EXPECT(SYS(SYS_readlink, "/proc/self/exe", small, 3), 3);
    EXPECT(SYS(SYS_open, "/proc/self/exe", O_RDONLY | O_NOFOLLOW), -ELOOP);
    EXPECT(SYS(SYS_open, "/proc/self/exe/", O_RDONLY), -ENOTDIR);
    EXPECT(lstat("/proc/self/exe", &st), 0);
    EXPECT(st.st_mode, S_IFLNK | 0777);
    EXPECT(SYS(SYS_readlink, "/proc/self/maps", magic, 4), -EINVAL);
}

int proc_role_sleep(int argc, char **argv);

int proc_role_sleep(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (;;)
        sleep_ms(1000);
}

/* A copy of this program in @fd, which is closed. */
static void copy_self(int fd)
{
    int self = must_open(own_path, O_RDONLY);
    long n;

    while ((n = read(self, text, sizeof(text))) > 0)
        EXPECT(write(fd, text, (size_t)n), n);
    close(self);
    close(fd);
}

static int exec_sleeper(void *path)
{
    char *argv[] = {"sleeper", "--be", "sleep", NULL};

    execv(path, argv);
    return 99;
}

/* Wait until the child is another program. */
static void wait_for_exec(pid_t pid, const char *name)
{
    char comm[32];
    uint64_t start = now_ms();

    do {
        sleep_ms(1);
        must_slurp(of_process(pid, "comm"));
        snprintf(comm, sizeof(comm), "%.31s", text);
    } while (strcmp(comm, name) && now_ms() - start < 5000);
    CHECK(!strcmp(comm, name), "the child is %s, not %s", comm, name);
}

/* The program's name may change, and go away: the link goes on leading to it. */
static void test_exe_renamed(void)
{
    char magic[4] = "";
    pid_t pid;
    int fd;

    unlink("/tmp/proc_test_p");
    copy_self(open("/tmp/proc_test_p", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    pid = child_start(exec_sleeper, "/tmp/proc_test_p");
    wait_for_exec(pid, "proc_test_p\n");
    expect_link(of_process(pid, "exe"), "/tmp/proc_test_p");
    EXPECT(rename("/tmp/proc_test_p", "/tmp/proc_test_q"), 0);
    expect_link(of_process(pid, "exe"), "/tmp/proc_test_q");
    EXPECT(unlink("/tmp/proc_test_q"), 0);
    expect_link(of_process(pid, "exe"), "/tmp/proc_test_q (deleted)");
    fd = must_open(of_process(pid, "exe"), O_RDONLY);
    EXPECT(read(fd, magic, 4), 4);
    CHECK(!memcmp(magic, "\177ELF", 4), "not the program");
    close(fd);
    child_end(pid);
}

static void test_cwd(void)
{
    char before[512], seen[512] = "";

    CHECK(getcwd(before, sizeof(before)), "getcwd()");
    EXPECT(chdir("/proc/self/task"), 0);
    CHECK(getcwd(seen, sizeof(seen)), "getcwd() in /proc: %s", strerror(errno));
    expect_link("/proc/self/cwd", seen);
    CHECK(!strncmp(seen, "/proc/", 6) && strstr(seen, "/task"), "in %s", seen);
    EXPECT(chdir("/dev"), 0);
    expect_link("/proc/self/cwd", "/dev");
    CHECK(same_file("/proc/self/cwd/null", "/dev/null"), "/proc/self/cwd/null");
    CHECK(same_file("/proc/self/cwd/..", "/"), "/proc/self/cwd/..");
    expect_link("/proc/self/root", "/");
    CHECK(same_file("/proc/self/root/dev/null", "/dev/null"), "by way of root");
    EXPECT(chdir(before), 0);
}

/* ---- fd ---- */

static void test_fd_names(void)
{
    char expected[128];
    struct stat st;
    int fd, pipes[2];

    fd = must_open("/dev/null", O_RDWR);
    expect_link(fd_path(fd), "/dev/null");
    close(fd);
    fd = must_open("/dev", O_RDONLY | O_DIRECTORY);
    expect_link(fd_path(fd), "/dev");
    close(fd);
    fd = must_open("/proc/self/maps", O_RDONLY);
    snprintf(expected, sizeof(expected), "/proc/%d/maps", getpid());
    expect_link(fd_path(fd), expected);
    close(fd);
    fd = must_open("/proc/self/exe", O_PATH | O_NOFOLLOW);
    snprintf(expected, sizeof(expected), "/proc/%d/exe", getpid());
    expect_link(fd_path(fd), expected);
    close(fd);
    EXPECT(pipe(pipes), 0);
    EXPECT(fstat(pipes[0], &st), 0);
    snprintf(expected, sizeof(expected), "pipe:[%lu]", (unsigned long)st.st_ino);
    expect_link(fd_path(pipes[0]), expected);
    expect_link(fd_path(pipes[1]), expected);
    close(pipes[0]);
    close(pipes[1]);
    fd = (int)SYS(SYS_memfd_create, "some memory", 0);
    expect_link(fd_path(fd), "/memfd:some memory (deleted)");
    close(fd);
}

/* A name that changes, and goes away. */
static void test_fd_renamed(void)
{
    int fd = must_open("/tmp/proc_test_a", O_RDWR | O_CREAT | O_TRUNC);

    expect_link(fd_path(fd), "/tmp/proc_test_a");
    EXPECT(rename("/tmp/proc_test_a", "/tmp/proc_test_b"), 0);
    expect_link(fd_path(fd), "/tmp/proc_test_b");
    EXPECT(unlink("/tmp/proc_test_b"), 0);
    expect_link(fd_path(fd), "/tmp/proc_test_b (deleted)");
    close(fd);
}

/* What it is open for shows in the link's permissions. */
static void test_fd_modes(void)
{
    static const struct {
        int flags;
        mode_t mode;
    } modes[] = {{O_RDONLY, 0500}, {O_WRONLY, 0300}, {O_RDWR, 0700}, {O_PATH, 0}};
    struct stat st;

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        int fd = must_open("/dev/null", modes[i].flags);

        EXPECT(lstat(fd_path(fd), &st), 0);
        EXPECT(st.st_mode, S_IFLNK | modes[i].mode);
        EXPECT(st.st_size, 64);
        close(fd);
    }
}

/* Opening the link opens what is behind it once more. */
static void test_fd_open(void)
{
    int fd = must_open(own_path, O_RDONLY), again, pipes[2];
    char bytes[8] = "";

    EXPECT(read(fd, bytes, 8), 8);
    again = must_open(fd_path(fd), O_RDONLY);
    EXPECT(lseek(again, 0, SEEK_CUR), 0);
    expect_link(fd_path(again), own_path);
    EXPECT(SYS(SYS_open, fd_path(fd), O_RDONLY | O_NOFOLLOW), -ELOOP);
    close(again);
    close(fd);
    EXPECT(SYS(SYS_open, fd_path(fd), O_RDONLY), -ENOENT);
    EXPECT(pipe(pipes), 0);
    again = must_open(fd_path(pipes[0]), O_WRONLY);
    EXPECT(write(again, "through", 7), 7);
    EXPECT(read(pipes[0], bytes, 7), 7);
    CHECK(!memcmp(bytes, "through", 7), "%.7s", bytes);
    close(again);
    close(pipes[0]);
    close(pipes[1]);
    again = must_open("/proc/self/cwd", O_RDONLY | O_DIRECTORY);
    close(again);
}

/* Also what has no name any more. */
static void test_fd_unnamed(void)
{
    int fd = must_open("/tmp/proc_test_c", O_RDWR | O_CREAT | O_TRUNC), again;
    char bytes[8] = "";

    EXPECT(write(fd, "still", 5), 5);
    EXPECT(unlink("/tmp/proc_test_c"), 0);
    again = must_open(fd_path(fd), O_RDONLY);
    EXPECT(read(again, bytes, 8), 5);
    CHECK(!memcmp(bytes, "still", 5), "%.5s", bytes);
    close(again);
    close(fd);
}

static void test_fd_wrong(void)
{
    static const char *const names[] = {"99", "x", "00", "-1", "4294967296", "1x", ""};
    char path[64];

    for (size_t i = 0; i < ARRAY_SIZE(names) - 1; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%s", names[i]);
        EXPECT(SYS(SYS_open, path, O_RDONLY), -ENOENT);
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", names[i]);
        EXPECT(SYS(SYS_open, path, O_RDONLY), -ENOENT);
    }
    EXPECT(SYS(SYS_open, "/proc/self/fd", O_WRONLY), -EISDIR);
}

/* ---- fdinfo ---- */

static void expect_info(int fd, uint64_t pos, uint64_t flags)
{
    char path[64], octal[32];
    uint64_t seen_pos, ino;
    const char *at;
    struct stat st;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    snprintf(octal, sizeof(octal), "%#lo", flags);
    at = must_slurp(path);
    EXPECT(fstat(fd, &st), 0);
    if (!scan(&at, "pos:\t%u\nflags:\t", &seen_pos)) {
        tap_fail("%s", text);
        return;
    }
    EXPECT(seen_pos, pos);
    CHECK(!strncmp(at, octal, strlen(octal)), "flags %.10s, not %s", at, octal);
    at += strcspn(at, "\n");
    CHECK(scan(&at, "\nmnt_id:\t%u\nino:\t%u\n", NULL, &ino) && !*at, "%s", text);
    EXPECT(ino, st.st_ino);
}

static void test_fdinfo(void)
{
    int fd = must_open(own_path, O_RDONLY);
    char bytes[5];

    expect_info(fd, 0, 0100000);
    EXPECT(read(fd, bytes, 5), 5);
    expect_info(fd, 5, 0100000);
    EXPECT(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    EXPECT(lseek(fd, 1l << 40, SEEK_SET), 1l << 40);
    expect_info(fd, 1ul << 40, 02100000);
    close(fd);
    fd = must_open("/dev/null", O_RDWR | O_APPEND | O_NONBLOCK);
    expect_info(fd, 0, 0106002);
    close(fd);
    fd = must_open("/dev/null", O_PATH);
    expect_info(fd, 0, 010000000);
    close(fd);
}

static const struct suite_case cases[] = {
    {"self, thread-self, mounts", test_self},
    {"exe", test_exe},
    {"exe: renamed and removed", test_exe_renamed},
    {"cwd and root", test_cwd},
    {"fd: what the links show", test_fd_names},
    {"fd: a file renamed and removed", test_fd_renamed},
    {"fd: permissions", test_fd_modes},
    {"fd: opened once more", test_fd_open},
    {"fd: without a name, opened once more", test_fd_unnamed},
    {"fd: what is not open", test_fd_wrong},
    {"fdinfo", test_fdinfo},
};
CASES(link_cases, cases);
