/* Inside of file_test: modes, owners, times, statx, statfs. */
#define _GNU_SOURCE
#include "file_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void test_chmod(void)
{
    int fd;

    scene();
    make_file("f", "");
    EXPECT(symlink("f", "l"), 0);
    EXPECT(SYS(SYS_chmod, "f", 0600), 0);
    EXPECT(stat_of("f").st_mode, S_IFREG | 0600);
    EXPECT(SYS(SYS_chmod, "l", 0177777), 0);
    EXPECT(stat_of("f").st_mode, S_IFREG | 07777);
    EXPECT(stat_of("l").st_mode, S_IFLNK | 0777);
    EXPECT(SYS(SYS_fchmodat2, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), -EOPNOTSUPP);
    EXPECT(SYS(SYS_fchmodat2, AT_FDCWD, "f", 0600, 1), -EINVAL);
    EXPECT(SYS(SYS_fchmodat, AT_FDCWD, "no", 0600), -ENOENT);
    fd = must_open("f", O_RDONLY);
    EXPECT(fchmod(fd, 0), 0);
    EXPECT(stat_of("f").st_mode, S_IFREG);
    EXPECT(SYS(SYS_fchmodat2, fd, "", 0644, AT_EMPTY_PATH), 0);
    close(fd);
    fd = must_open("f", O_PATH);
    EXPECT(SYS(SYS_fchmod, fd, 0600), -EBADF);
    close(fd);
    EXPECT(SYS(SYS_access, "f", X_OK), -EACCES);
    EXPECT(SYS(SYS_access, "f", R_OK | W_OK), 0);
    EXPECT(chmod("f", 0100), 0);
    EXPECT(SYS(SYS_access, "f", X_OK), 0);
    EXPECT(SYS(SYS_access, "f", 8), -EINVAL);
}

static void test_chown(void)
{
    int fd;

    scene();
    make_file("f", "");
    EXPECT(symlink("f", "l"), 0);
    EXPECT(chmod("f", 06755), 0);
    EXPECT(SYS(SYS_chown, "l", 1000, -1), 0);
    EXPECT(stat_of("f").st_uid, 1000);
    EXPECT(stat_of("f").st_gid, 0);
    EXPECT(stat_of("f").st_mode, S_IFREG | 0755);
    EXPECT(SYS(SYS_lchown, "l", 1, 2), 0);
    EXPECT(stat_of("l").st_uid, 1);
    EXPECT(stat_of("f").st_uid, 1000);
    fd = must_open("f", O_RDONLY);
    EXPECT(SYS(SYS_fchown, fd, -1, 7), 0);
    EXPECT(stat_of("f").st_gid, 7);
    EXPECT(SYS(SYS_fchownat, fd, "", 3, 4, AT_EMPTY_PATH), 0);
    EXPECT(stat_of("f").st_uid, 3);
    EXPECT(SYS(SYS_fchownat, fd, "", 3, 4, 1), -EINVAL);
    close(fd);
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    EXPECT(chown("d", 0, 9), 0);
    EXPECT(chmod("d", 02755), 0);
    EXPECT(SYS(SYS_mkdir, "d/e", 0755), 0);
    EXPECT(stat_of("d/e").st_gid, 9);
    EXPECT(stat_of("d/e").st_mode, S_IFDIR | 02755);
    make_file("d/f", "");
    EXPECT(stat_of("d/f").st_gid, 9);
}

static void test_utimens(void)
{
    struct timespec t[2] = {{1000, 1}, {2000, 999999999}};
    struct timeval v[2] = {{5, 6}, {7, 8}};
    time_t seconds[2] = {11, 12};
    struct stat st;
    int fd;

    scene();
    make_file("f", "");
    EXPECT(symlink("f", "l"), 0);
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, "l", t, 0), 0);
    st = stat_of("f");
    EXPECT(st.st_atim.tv_sec, 1000);
    EXPECT(st.st_atim.tv_nsec, 1);
    EXPECT(st.st_mtim.tv_sec, 2000);
    EXPECT(st.st_mtim.tv_nsec, 999999999);
    CHECK(st.st_ctim.tv_sec > 100000, "the time of the change is %ld", st.st_ctim.tv_sec);
    t[0] = (struct timespec){0, UTIME_OMIT};
    t[1] = (struct timespec){0, UTIME_NOW};
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, "f", t, 0), 0);
    st = stat_of("f");
    EXPECT(st.st_atim.tv_sec, 1000);
    EXPECT(st.st_mtim.tv_sec == st.st_ctim.tv_sec, 1);
    t[0] = t[1] = (struct timespec){33, 0};
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW), 0);
    EXPECT(stat_of("l").st_mtim.tv_sec, 33);
    t[0].tv_nsec = 1000000000;
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, "f", t, 0), -EINVAL);
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, "no", NULL, 0), -ENOENT);
    EXPECT(SYS(SYS_utimensat, AT_FDCWD, NULL, NULL, 0), -EFAULT);
    fd = must_open("f", O_RDONLY);
    t[0] = t[1] = (struct timespec){44, 0};
    EXPECT(SYS(SYS_utimensat, fd, NULL, t, 0), 0);
    EXPECT(stat_of("f").st_mtim.tv_sec, 44);
    close(fd);
    EXPECT(SYS(SYS_utimes, "f", v), 0);
    EXPECT(stat_of("f").st_mtim.tv_nsec, 8000);
    EXPECT(SYS(SYS_utime, "f", seconds), 0);
    EXPECT(stat_of("f").st_mtim.tv_sec, 12);
    v[1].tv_usec = 1000000;
    EXPECT(SYS(SYS_futimesat, AT_FDCWD, "f", v), -EINVAL);
}

/* Set all times of @name far back, so that a change shows. */
static void age(const char *name)
{
    struct timespec t[2] = {{1, 0}, {1, 0}};

    EXPECT(utimensat(AT_FDCWD, name, t, AT_SYMLINK_NOFOLLOW), 0);
}

static bool modified(const char *name)
{
    return stat_of(name).st_mtim.tv_sec != 1;
}

static void test_times_of_changes(void)
{
    char buf[4];
    int fd;

    scene();
    make_file("f", "text");
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    fd = must_open("f", O_RDWR);
    age("f");
    EXPECT(read(fd, buf, 4), 4);
    EXPECT(modified("f"), 0);
    EXPECT(write(fd, buf, 4), 4);
    EXPECT(modified("f"), 1);
    age("f");
    EXPECT(ftruncate(fd, 1), 0);
    EXPECT(modified("f"), 1);
    age("f");
    EXPECT(chmod("f", 0600), 0);
    EXPECT(link("f", "g"), 0);
    EXPECT(modified("f"), 0);
    close(must_open("f", O_RDONLY | O_TRUNC));
    EXPECT(modified("f"), 1);
    close(fd);
    age("d");
    make_file("d/x", "");
    EXPECT(modified("d"), 1);
    age("d");
    make_file("d/x", "again");
    EXPECT(modified("d"), 0);
    EXPECT(rename("d/x", "d/y"), 0);
    EXPECT(modified("d"), 1);
    age("d");
    EXPECT(rename("d/y", "y"), 0);
    EXPECT(modified("d"), 1);
    age("d");
    EXPECT(rename("y", "d/y"), 0);
    EXPECT(modified("d"), 1);
    age("d");
    EXPECT(unlink("d/y"), 0);
    EXPECT(modified("d"), 1);
}

/* struct statx; musl's headers have it only lately. */
struct statx_answer {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct {
        int64_t sec;
        uint32_t nsec, pad;
    } atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t rest[14];
};

static void test_statx(void)
{
    struct statx_answer x = {0};
    struct stat st;
    int fd;

    scene();
    make_file("f", "12345");
    EXPECT(symlink("f", "l"), 0);
    EXPECT(SYS(SYS_statx, AT_FDCWD, "f", 0, 0xfff, &x), 0);
    st = stat_of("f");
    EXPECT(x.mask & 0xfff, 0xfff);
    EXPECT(x.mode, S_IFREG | 0644);
    EXPECT(x.size, 5);
    EXPECT(x.blocks, 8);
    EXPECT(x.nlink, 1);
    EXPECT(x.ino == st.st_ino, 1);
    EXPECT(makedev(x.dev_major, x.dev_minor) == st.st_dev, 1);
    EXPECT(x.mtime.sec == st.st_mtim.tv_sec && x.mtime.nsec == st.st_mtim.tv_nsec, 1);
    CHECK(x.btime.sec <= x.mtime.sec && x.btime.sec > 0, "born %ld", x.btime.sec);
    EXPECT(SYS(SYS_statx, AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, 0xfff, &x), 0);
    EXPECT(x.mode, S_IFLNK | 0777);
    EXPECT(SYS(SYS_statx, AT_FDCWD, "/dev/null", 0, 0xfff, &x), 0);
    EXPECT(x.rdev_major, 1);
    EXPECT(x.rdev_minor, 3);
    fd = must_open("f", O_RDONLY);
    EXPECT(SYS(SYS_statx, fd, "", AT_EMPTY_PATH, 0xfff, &x), 0);
    EXPECT(x.size, 5);
    EXPECT(SYS(SYS_statx, fd, "", 0, 0xfff, &x), -ENOENT);
    EXPECT(SYS(SYS_statx, fd, "", AT_EMPTY_PATH, 0x80000000, &x), -EINVAL);
    EXPECT(SYS(SYS_statx, fd, "", AT_EMPTY_PATH | 0x6000, 0xfff, &x), -EINVAL);
    EXPECT(SYS(SYS_statx, AT_FDCWD, "f", 0, 0xfff, 16), -EFAULT);
    close(fd);
}

static void test_statfs(void)
{
    struct statfs s;
    int fd;

    scene();
    EXPECT(statfs(".", &s), 0);
    EXPECT(s.f_type, 0x01021994);
    EXPECT(s.f_bsize, PAGE);
    EXPECT(s.f_namelen, 255);
    CHECK(s.f_blocks > 0 && s.f_bfree > 0 && s.f_bfree <= s.f_blocks, "%lu of %lu blocks free",
          s.f_bfree, s.f_blocks);
    EXPECT(statfs("/proc", &s), 0);
    EXPECT(s.f_type, 0x9fa0);
    EXPECT(SYS(SYS_statfs, "no", &s), -ENOENT);
    EXPECT(SYS(SYS_statfs, ".", 16), -EFAULT);
    fd = must_open("f", O_CREAT | O_RDWR);
    EXPECT(fstatfs(fd, &s), 0);
    EXPECT(s.f_type, 0x01021994);
    close(fd);
    EXPECT(SYS(SYS_fstatfs, fd, &s), -EBADF);
}

static const struct suite_case cases[] = {
    {"chmod and access", test_chmod},
    {"chown", test_chown},
    {"utimensat and its kin", test_utimens},
    {"times of changes", test_times_of_changes},
    {"statx", test_statx},
    {"statfs", test_statfs},
};
CASES(attr_cases, cases);
