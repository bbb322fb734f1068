/* Inside of file_test: open and what it makes. */
#define _GNU_SOURCE
#include "file_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void test_create(void)
{
    int fd;

    scene();
    fd = must_open("a", O_CREAT | O_RDWR);
    EXPECT(stat_of("a").st_mode, S_IFREG | 0644);
    EXPECT(stat_of("a").st_size, 0);
    EXPECT(write(fd, "abc", 3), 3);
    close(fd);
    fd = must_open("a", O_CREAT | O_RDWR);
    expect_bytes(fd, "abc");
    close(fd);
    EXPECT(SYS(SYS_open, "a", O_CREAT | O_EXCL | O_RDWR, 0644), -EEXIST);
    EXPECT(SYS(SYS_open, "no/a", O_CREAT | O_RDWR, 0644), -ENOENT);
    EXPECT(SYS(SYS_open, "a/b", O_CREAT | O_RDWR, 0644), -ENOTDIR);
    EXPECT(SYS(SYS_open, "b/", O_CREAT | O_RDWR, 0644), -EISDIR);
    EXPECT(SYS(SYS_open, ".", O_CREAT | O_RDWR, 0644), -EISDIR);
    EXPECT(SYS(SYS_open, ".", O_RDWR), -EISDIR);
    EXPECT(SYS(SYS_open, "/proc/x", O_CREAT | O_WRONLY, 0644), -ENOENT);
    fd = (int)SYS(SYS_creat, "a", 0600);
    EXPECT(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    EXPECT(stat_of("a").st_size, 0);
    EXPECT(stat_of("a").st_mode, S_IFREG | 0644);
    close(fd);
}

/* A new file can be used with all the rights that open asks for, even if its mode has none. */
static void test_create_mode(void)
{
    int fd;

    scene();
    umask(0);
    EXPECT(close((int)SYS(SYS_open, "m1", O_CREAT | O_WRONLY, 07777)), 0);
    EXPECT(stat_of("m1").st_mode, S_IFREG | 07777);
    umask(0137);
    fd = (int)SYS(SYS_open, "m2", O_CREAT | O_RDWR, 0777);
    EXPECT(stat_of("m2").st_mode, S_IFREG | 0640);
    close(fd);
    EXPECT(SYS(SYS_mkdir, "m3", 07777), 0);
    EXPECT(stat_of("m3").st_mode, S_IFDIR | 01640);
    umask(022);
    fd = (int)SYS(SYS_open, "m4", O_CREAT | O_RDWR, 0);
    EXPECT(write(fd, "x", 1), 1);
    expect_bytes(fd, "x");
    close(fd);
}

static void test_create_through_links(void)
{
    scene();
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    EXPECT(SYS(SYS_symlink, "d/target", "l"), 0);
    EXPECT(SYS(SYS_open, "l", O_CREAT | O_EXCL | O_RDWR, 0644), -EEXIST);
    EXPECT(SYS(SYS_open, "l", O_CREAT | O_NOFOLLOW | O_RDWR, 0644), -ELOOP);
    EXPECT(SYS(SYS_open, "l", O_NOFOLLOW | O_DIRECTORY), -ENOTDIR);
    CHECK(!exists("d/target"), "created in spite of the refusal");
    close(must_open("l", O_CREAT | O_RDWR));
    CHECK(exists("d/target"), "d/target was not created");
}

static void test_truncate(void)
{
    int fd;

    scene();
    make_file("a", "some text");
    close(must_open("a", O_RDONLY | O_TRUNC));
    EXPECT(stat_of("a").st_size, 0);
    make_file("a", "some text");
    fd = must_open("a", O_RDONLY);
    close(must_open("a", O_WRONLY | O_TRUNC | O_CREAT));
    expect_bytes(fd, "");
    close(fd);
    EXPECT(SYS(SYS_open, ".", O_RDONLY | O_TRUNC), -EISDIR);
    close(must_open("/dev/null", O_WRONLY | O_TRUNC));
}

static void test_append(void)
{
    int a, b;

    scene();
    make_file("a", "0");
    a = must_open("a", O_RDWR | O_APPEND);
    b = must_open("a", O_RDWR);
    EXPECT(write(a, "1", 1), 1);
    EXPECT(lseek(a, 0, SEEK_CUR), 2);
    EXPECT(lseek(b, 2, SEEK_SET), 2);
    EXPECT(write(b, "2", 1), 1);
    EXPECT(write(a, "3", 1), 1);
    EXPECT(lseek(a, 0, SEEK_SET), 0);
    EXPECT(write(a, "", 0), 0);
    EXPECT(lseek(a, 0, SEEK_CUR), 0);
    EXPECT(write(a, "4", 1), 1);
    EXPECT(lseek(a, 0, SEEK_CUR), 5);
    EXPECT(pwrite(a, "5", 1, 0), 1); /* at the end, in spite of the standard */
    expect_text("a", "012345");
    EXPECT(fcntl(a, F_SETFL, 0), 0);
    EXPECT(pwrite(a, "x", 1, 0), 1);
    EXPECT(fcntl(b, F_SETFL, O_APPEND), 0);
    EXPECT(write(b, "6", 1), 1);
    expect_text("a", "x123456");
    close(a);
    close(b);
}

static void test_unlinked(void)
{
    struct stat st;
    int fd;

    scene();
    fd = must_open("a", O_CREAT | O_RDWR);
    EXPECT(write(fd, "kept", 4), 4);
    EXPECT(SYS(SYS_unlink, "a"), 0);
    EXPECT(fstat(fd, &st), 0);
    EXPECT(st.st_nlink, 0);
    EXPECT(pwrite(fd, "K", 1, 0), 1);
    expect_bytes(fd, "Kept");
    make_file("a", "another");
    expect_bytes(fd, "Kept");
    EXPECT(SYS(SYS_linkat, fd, "", AT_FDCWD, "b", AT_EMPTY_PATH), -ENOENT);
    close(fd);
}

static void test_tmpfile(void)
{
    struct stat st;
    int fd;

    scene();
    make_file("f", "");
    EXPECT(SYS(SYS_open, ".", O_TMPFILE | O_RDONLY, 0600), -EINVAL);
    EXPECT(SYS(SYS_open, ".", O_TMPFILE | O_RDWR | O_CREAT, 0600), -EINVAL);
    EXPECT(SYS(SYS_open, ".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600), -EINVAL);
    EXPECT(SYS(SYS_open, "f", O_TMPFILE | O_RDWR, 0600), -ENOTDIR);
    EXPECT(SYS(SYS_open, "no", O_TMPFILE | O_RDWR, 0600), -ENOENT);
    EXPECT(SYS(SYS_open, "/proc", O_TMPFILE | O_RDWR, 0600), -EOPNOTSUPP);
    fd = (int)SYS(SYS_open, ".", O_TMPFILE | O_RDWR, 0666);
    EXPECT(fstat(fd, &st), 0);
    EXPECT(st.st_nlink, 0);
    EXPECT(st.st_mode, S_IFREG | 0644);
    EXPECT(write(fd, "hidden", 6), 6);
    EXPECT(SYS(SYS_linkat, fd, "", AT_FDCWD, "shown", AT_EMPTY_PATH), 0);
    expect_text("shown", "hidden");
    close(fd);
    fd = (int)SYS(SYS_open, ".", O_TMPFILE | O_RDWR | O_EXCL, 0666);
    EXPECT(SYS(SYS_linkat, fd, "", AT_FDCWD, "shown2", AT_EMPTY_PATH), -ENOENT);
    close(fd);
}

/* Without a descriptor for it, no file is made. */
static void test_no_descriptor(void)
{
    struct rlimit old;
    int fd;

    scene();
    EXPECT(getrlimit(RLIMIT_NOFILE, &old), 0);
    fd = dup(0);
    close(fd);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)fd, old.rlim_max}), 0);
    EXPECT(SYS(SYS_open, "new", O_CREAT | O_RDWR, 0644), -EMFILE);
    EXPECT(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK(!exists("new"), "the file was made");
}

static const struct suite_case cases[] = {
    {"open: O_CREAT, O_EXCL", test_create},
    {"open: modes and umask", test_create_mode},
    {"open: O_CREAT through symbolic links", test_create_through_links},
    {"open: O_TRUNC", test_truncate},
    {"open: O_APPEND", test_append},
    {"open: a file that is removed while open", test_unlinked},
    {"open: O_TMPFILE", test_tmpfile},
    {"open: no descriptor, no file", test_no_descriptor},
};
CASES(open_cases, cases);
