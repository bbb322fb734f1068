/* Inside of abi_test: open files, at the edges of what may be asked of them. */
#define _GNU_SOURCE
#include "abi_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <stdio.h>

static void test_open_create(void)
{
    char below[600];

    snprintf(below, sizeof(below), "%s/", own_path);
    EXPECT(SYS(SYS_open, "/nosuchfile", O_CREAT | O_DIRECTORY, 0600), -EINVAL);
    EXPECT(SYS(SYS_open, NULL, O_CREAT | O_DIRECTORY, 0600), -EINVAL);
    EXPECT(SYS(SYS_open, "/nosuchfile/", O_CREAT | O_RDWR, 0600), -EISDIR);
    EXPECT(SYS(SYS_open, "/nosuchfile///", O_CREAT | O_EXCL, 0600), -EISDIR);
    EXPECT(SYS(SYS_open, "/no/such/", O_CREAT, 0600), -ENOENT);
    EXPECT(SYS(SYS_open, "/nosuchfile/", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_open, below, O_CREAT | O_RDWR, 0600), -EISDIR);
    EXPECT(SYS(SYS_open, below, O_RDONLY), -ENOTDIR);
    EXPECT(SYS(SYS_open, "/dev/", O_CREAT | O_EXCL, 0600), -EISDIR);
    EXPECT(SYS(SYS_open, "/", O_CREAT | O_EXCL, 0600), -EEXIST);
    EXPECT(SYS(SYS_open, "/", O_CREAT, 0600), -EISDIR);
}

/* The access mode 3 asks for both rights, and gives none. */
static void test_open_mode_3(void)
{
    char byte;
    int fd = (int)SYS(SYS_open, "/dev/null", 3);

    CHECK(fd >= 0, "open(): %d", fd);
    EXPECT(SYS(SYS_read, fd, &byte, 1), -EBADF);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EBADF);
    EXPECT(SYS(SYS_fcntl, fd, F_GETFL) & 3, 3);
    EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -EACCES);
    close(fd);
}

/* A descriptor of O_PATH stands for a place in the tree, and for nothing that is in the file. */
static void test_open_path(void)
{
    char byte;
    struct stat st;
    int copy, fd = (int)SYS(SYS_open, own_path, O_PATH | O_RDWR | O_CREAT | O_CLOEXEC);

    CHECK(fd >= 0, "open(): %d", fd);
    EXPECT(SYS(SYS_fcntl, fd, F_GETFL), O_PATH);
    EXPECT(SYS(SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
    EXPECT(SYS(SYS_fcntl, fd, F_SETFL, 0), -EBADF);
    EXPECT(SYS(SYS_read, fd, &byte, 1), -EBADF);
    EXPECT(SYS(SYS_pread64, fd, &byte, 1, 0), -EBADF);
    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_SET), -EBADF);
    EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -EBADF);
    EXPECT(SYS(SYS_fstat, fd, &st), 0);
    CHECK(S_ISREG(st.st_mode), "mode %o", st.st_mode);
    copy = (int)SYS(SYS_dup, fd);
    EXPECT(SYS(SYS_read, copy, &byte, 1), -EBADF);
    EXPECT(SYS(SYS_close, copy), 0);
    EXPECT(SYS(SYS_close, fd), 0);
}

static void test_open_path_kinds(void)
{
    struct stat st;
    int fd = (int)SYS(SYS_open, "/", O_PATH | O_DIRECTORY), below;

    below = (int)SYS(SYS_openat, fd, "proc", O_RDONLY);
    CHECK(below >= 0, "openat(): %d", below);
    close(below);
    EXPECT(SYS(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), 0);
    CHECK(S_ISDIR(st.st_mode), "mode %o", st.st_mode);
    close(fd);
    EXPECT(SYS(SYS_open, own_path, O_PATH | O_DIRECTORY), -ENOTDIR);
    fd = (int)SYS(SYS_open, "/proc/self/exe", O_PATH | O_NOFOLLOW);
    EXPECT(SYS(SYS_fstat, fd, &st), 0);
    CHECK(S_ISLNK(st.st_mode), "mode %o", st.st_mode);
    EXPECT(SYS(SYS_openat, fd, "x", O_RDONLY), -ENOTDIR);
    close(fd);
}

/* Reads that would end beyond 2^63 - 1; the file of /proc can be sought so far, the one on disk or in RAM not. */
static void test_far_offsets(void)
{
    static const char *const names[] = {"/proc/self/maps", "/dev/zero", "/dev/null", own_path};
    char bytes[2];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int fd = open(names[i], O_RDONLY);

        EXPECT(SYS(SYS_pread64, fd, bytes, 1, INT64_MAX), -EINVAL);
        EXPECT(SYS(SYS_pread64, fd, bytes, 2, INT64_MAX - 1), -EINVAL);
        EXPECT(SYS(SYS_pread64, fd, bytes, 1, INT64_MAX - 1), i == 1);
        EXPECT(SYS(SYS_pread64, fd, bytes, 0, INT64_MAX), 0);
        close(fd);
    }
}

static void test_far_position(void)
{
    char byte;
    int fd = open("/proc/self/maps", O_RDONLY);

    EXPECT(SYS(SYS_lseek, fd, INT64_MAX, SEEK_SET), INT64_MAX);
    EXPECT(SYS(SYS_read, fd, &byte, 1), -EINVAL);
    EXPECT(SYS(SYS_read, fd, &byte, 0), 0);
    EXPECT(SYS(SYS_lseek, fd, INT64_MAX - 1, SEEK_SET), INT64_MAX - 1);
    EXPECT(SYS(SYS_read, fd, &byte, 1), 0);
    close(fd);
}

/* A limit of descriptors that can be set can be used. */
static void test_many_descriptors(void)
{
    static const rlim_t limits[] = {4096, 100000, 1048576};
    struct rlimit old;

    EXPECT(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        rlim_t max = limits[i] > old.rlim_max ? limits[i] : old.rlim_max;
        long last = (long)limits[i] - 1;

        if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){limits[i], max}) != 0) {
            EXPECT(-errno, -EPERM);
            continue;
        }
        EXPECT(SYS(SYS_dup2, 1, last), last);
        EXPECT(SYS(SYS_dup2, 1, last + 1), -EBADF);
        EXPECT(SYS(SYS_close, last), 0);
    }
    EXPECT(setrlimit(RLIMIT_NOFILE, &old), 0);
}

const struct abi_case file_cases[] = {
    {"open: O_CREAT of what cannot be made", test_open_create},
    {"open: access mode 3", test_open_mode_3},
    {"open: O_PATH", test_open_path},
    {"open: O_PATH of directories and links", test_open_path_kinds},
    {"reads at the largest offsets", test_far_offsets},
    {"a position at the largest offset", test_far_position},
    {"as many descriptors as the limit allows", test_many_descriptors},
};
const size_t file_case_count = ARRAY_SIZE(file_cases);
