/* Inside of file_test: making and removing names, at the edges of what a path can be. */
#define _GNU_SOURCE
#include "file_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* f and its links fl and dang (to what is not there), d and its link dl. */
static void furnish(void)
{
    scene();
    make_file("f", "file");
    EXPECT(SYS(SYS_mkdir, "d", 0755), 0);
    EXPECT(SYS(SYS_symlink, "f", "fl"), 0);
    EXPECT(SYS(SYS_symlink, "d", "dl"), 0);
    EXPECT(SYS(SYS_symlink, "nowhere", "dang"), 0);
}

static void test_mkdir(void)
{
    furnish();
    EXPECT(SYS(SYS_mkdir, "x/", 0755), 0);
    EXPECT(SYS(SYS_mkdir, "x//y///", 0755), 0);
    EXPECT(SYS(SYS_mkdir, "x/", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "f", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "f/", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "f/x", 0755), -ENOTDIR);
    EXPECT(SYS(SYS_mkdir, "dang", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "dang/", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "dl/", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "dl/x", 0755), 0);
    EXPECT(SYS(SYS_mkdir, ".", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "d/..", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "/", 0755), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "", 0755), -ENOENT);
    EXPECT(SYS(SYS_mkdir, "no/x", 0755), -ENOENT);
    EXPECT(SYS(SYS_mkdir, NULL, 0755), -EFAULT);
    EXPECT(SYS(SYS_mkdirat, 99, "x", 0755), -EBADF);
    EXPECT(SYS(SYS_mkdirat, 99, "/", 0755), -EEXIST);
    CHECK(exists("d/x"), "d/x is not there");
}

static void test_long_names(void)
{
    static char name[5000];

    scene();
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    EXPECT(SYS(SYS_mkdir, name, 0755), 0);
    EXPECT(SYS(SYS_rmdir, name), 0);
    name[255] = 'n';
    name[256] = '\0';
    EXPECT(SYS(SYS_mkdir, name, 0755), -ENAMETOOLONG);
    EXPECT(SYS(SYS_unlink, name), -ENAMETOOLONG);
    EXPECT(SYS(SYS_rename, name, "x"), -ENAMETOOLONG);
    memset(name, '/', sizeof(name) - 1);
    name[4095] = '\0';
    EXPECT(SYS(SYS_mkdir, name, 0755), -EEXIST);
    name[4095] = '/';
    name[4096] = '\0';
    EXPECT(SYS(SYS_mkdir, name, 0755), -ENAMETOOLONG);
    EXPECT(SYS(SYS_symlink, name, "l"), -ENAMETOOLONG);
    name[4095] = '\0';
    EXPECT(SYS(SYS_symlink, name, "l"), 0);
    EXPECT(stat_of("l").st_size, 4095);
}

static void test_mknod(void)
{
    struct stat st;

    furnish();
    EXPECT(SYS(SYS_mknod, "m0", 0640, 0), 0);
    EXPECT(stat_of("m0").st_mode, S_IFREG | 0640);
    EXPECT(SYS(SYS_mknod, "fifo", S_IFIFO | 0666, 0), 0);
    EXPECT(stat_of("fifo").st_mode, S_IFIFO | 0644);
    EXPECT(SYS(SYS_mknod, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
    st = stat_of("null");
    EXPECT(st.st_mode, S_IFCHR | 0644);
    EXPECT(st.st_rdev, makedev(1, 3));
    EXPECT(SYS(SYS_mknod, "sock", S_IFSOCK | 0600, 0), 0);
    EXPECT(SYS(SYS_open, "sock", O_RDONLY), -ENXIO);
    EXPECT(SYS(SYS_mknod, "chr", S_IFCHR | 0600, makedev(240, 77)), 0);
    EXPECT(SYS(SYS_open, "chr", O_RDONLY), -ENXIO);
    EXPECT(SYS(SYS_mknod, "a/", S_IFIFO | 0644, 0), -ENOENT);
    EXPECT(SYS(SYS_mknod, "d/", S_IFIFO | 0644, 0), -EEXIST);
    EXPECT(SYS(SYS_mknod, "dir", S_IFDIR | 0644, 0), -EPERM);
    EXPECT(SYS(SYS_mknod, "bad", S_IFMT | 0644, 0), -EINVAL);
    EXPECT(SYS(SYS_mknod, "bad", S_IFLNK | 0644, 0), -EINVAL);
}

static void test_symlink(void)
{
    char buf[16];

    furnish();
    EXPECT(SYS(SYS_symlink, "t", "a/"), -ENOENT);
    EXPECT(SYS(SYS_symlink, "t", "d/"), -EEXIST);
    EXPECT(SYS(SYS_symlink, "t", "dang"), -EEXIST);
    EXPECT(SYS(SYS_symlink, "", "a"), -ENOENT);
    EXPECT(SYS(SYS_symlink, "t", ""), -ENOENT);
    EXPECT(SYS(SYS_readlink, "dang", buf, sizeof(buf)), 7);
    EXPECT(SYS(SYS_readlink, "dang", buf, 3), 3);
    EXPECT(SYS(SYS_readlink, "f", buf, 3), -EINVAL);
    EXPECT(SYS(SYS_readlink, "dang", buf, 0), -EINVAL);
    EXPECT(stat_of("fl").st_size, 1);
    EXPECT(stat_of("fl").st_mode, S_IFLNK | 0777);
    EXPECT(SYS(SYS_symlink, "loop2", "loop1"), 0);
    EXPECT(SYS(SYS_symlink, "loop1", "loop2"), 0);
    EXPECT(SYS(SYS_open, "loop1", O_RDONLY), -ELOOP);
    EXPECT(SYS(SYS_open, "loop1/x", O_RDONLY), -ELOOP);
}

static void test_link(void)
{
    furnish();
    EXPECT(SYS(SYS_link, "f", "g"), 0);
    EXPECT(stat_of("f").st_nlink, 2);
    EXPECT(stat_of("f").st_ino == stat_of("g").st_ino, 1);
    EXPECT(SYS(SYS_link, "f", "a/"), -ENOENT);
    EXPECT(SYS(SYS_link, "f/", "a"), -ENOTDIR);
    EXPECT(SYS(SYS_link, "f", "g"), -EEXIST);
    EXPECT(SYS(SYS_link, "f", "d/"), -EEXIST);
    EXPECT(SYS(SYS_link, "f", "."), -EEXIST);
    EXPECT(SYS(SYS_link, "d", "e"), -EPERM);
    EXPECT(SYS(SYS_link, "no", "e"), -ENOENT);
    EXPECT(SYS(SYS_link, "fl", "fl2"), 0);
    EXPECT(S_ISLNK(stat_of("fl2").st_mode), 1);
    EXPECT(SYS(SYS_linkat, AT_FDCWD, "fl", AT_FDCWD, "h", AT_SYMLINK_FOLLOW), 0);
    EXPECT(stat_of("h").st_nlink, 3);
    EXPECT(SYS(SYS_linkat, AT_FDCWD, "f", AT_FDCWD, "i", 1), -EINVAL);
    EXPECT(SYS(SYS_link, "f", "/proc/x"), -ENOENT);
    EXPECT(SYS(SYS_link, "/proc/meminfo", "x"), -EXDEV);
}

static void test_unlink(void)
{
    furnish();
    EXPECT(SYS(SYS_unlink, "d"), -EISDIR);
    EXPECT(SYS(SYS_unlink, "d/"), -EISDIR);
    EXPECT(SYS(SYS_unlink, "f/"), -ENOTDIR);
    EXPECT(SYS(SYS_unlink, "dl/"), -ENOTDIR);
    EXPECT(SYS(SYS_unlink, "no"), -ENOENT);
    EXPECT(SYS(SYS_unlink, "no/"), -ENOENT);
    EXPECT(SYS(SYS_unlink, "."), -EISDIR);
    EXPECT(SYS(SYS_unlink, ".."), -EISDIR);
    EXPECT(SYS(SYS_unlink, "/"), -EISDIR);
    EXPECT(SYS(SYS_unlink, ""), -ENOENT);
    EXPECT(SYS(SYS_unlink, "/proc/meminfo"), -EPERM);
    EXPECT(SYS(SYS_unlinkat, AT_FDCWD, "f", 1), -EINVAL);
    EXPECT(SYS(SYS_unlink, "dl"), 0);
    EXPECT(SYS(SYS_unlink, "fl"), 0);
    EXPECT(SYS(SYS_unlink, "f"), 0);
    EXPECT(SYS(SYS_unlink, "f"), -ENOENT);
    CHECK(exists("d"), "with its link, the directory went");
}

static void test_rmdir(void)
{
    furnish();
    EXPECT(SYS(SYS_mkdir, "d/x", 0755), 0);
    EXPECT(SYS(SYS_rmdir, "d"), -ENOTEMPTY);
    EXPECT(SYS(SYS_rmdir, "f"), -ENOTDIR);
    EXPECT(SYS(SYS_rmdir, "dl"), -ENOTDIR);
    EXPECT(SYS(SYS_rmdir, "dl/"), -ENOTDIR);
    EXPECT(SYS(SYS_rmdir, "d/."), -EINVAL);
    EXPECT(SYS(SYS_rmdir, "d/.."), -ENOTEMPTY);
    EXPECT(SYS(SYS_rmdir, "/"), -EBUSY);
    EXPECT(SYS(SYS_rmdir, "no/"), -ENOENT);
    EXPECT(SYS(SYS_rmdir, "/proc"), -EBUSY);
    EXPECT(SYS(SYS_rmdir, "/proc/sys"), -EPERM);
    EXPECT(SYS(SYS_rmdir, "dl/x"), 0);
    EXPECT(SYS(SYS_unlinkat, AT_FDCWD, "d/", AT_REMOVEDIR), 0);
    CHECK(!exists("d"), "d is still there");
}

static void test_link_counts(void)
{
    scene();
    EXPECT(stat_of(".").st_nlink, 2);
    EXPECT(SYS(SYS_mkdir, "a", 0755), 0);
    EXPECT(SYS(SYS_mkdir, "b", 0755), 0);
    EXPECT(stat_of(".").st_nlink, 4);
    EXPECT(SYS(SYS_mkdir, "a/x", 0755), 0);
    EXPECT(stat_of("a").st_nlink, 3);
    EXPECT(SYS(SYS_rename, "a/x", "b/y"), 0);
    EXPECT(stat_of("a").st_nlink, 2);
    EXPECT(stat_of("b").st_nlink, 3);
    EXPECT(SYS(SYS_rename, "a", "b/y"), 0);
    EXPECT(stat_of(".").st_nlink, 3);
    EXPECT(stat_of("b").st_nlink, 3);
    EXPECT(SYS(SYS_rmdir, "b/y"), 0);
    EXPECT(SYS(SYS_rmdir, "b"), 0);
    EXPECT(stat_of(".").st_nlink, 2);
    make_file("f", "");
    EXPECT(stat_of("f").st_nlink, 1);
}

/* A working directory that was removed has no name, takes no names, and still leads up. */
static void test_removed_directory(void)
{
    char buf[256];
    struct stat st;

    scene();
    EXPECT(SYS(SYS_mkdir, "dead", 0755), 0);
    make_file("f", "");
    EXPECT(SYS(SYS_chdir, "dead"), 0);
    EXPECT(SYS(SYS_rmdir, "../dead"), 0);
    EXPECT(SYS(SYS_getcwd, buf, sizeof(buf)), -ENOENT);
    EXPECT(SYS(SYS_open, "x", O_CREAT | O_WRONLY, 0600), -ENOENT);
    EXPECT(SYS(SYS_mkdir, "x", 0755), -ENOENT);
    EXPECT(SYS(SYS_symlink, "x", "y"), -ENOENT);
    EXPECT(SYS(SYS_link, "../f", "x"), -ENOENT);
    EXPECT(SYS(SYS_rename, "../f", "x"), -ENOENT);
    EXPECT(SYS(SYS_stat, ".", &st), 0);
    EXPECT(st.st_nlink, 0);
    EXPECT(SYS(SYS_stat, "../f", &st), 0);
    EXPECT(SYS(SYS_chdir, ".."), 0);
    CHECK(exists("f"), "\"..\" of a removed directory is not its parent");
}

/* A chain of directories that only the deepest keeps alive. */
static void test_removed_chain(void)
{
    enum { DEPTH = 5000 };
    int fd, up;

    scene();
    for (int i = 0; i < DEPTH; i++)
        if (mkdir("d", 0755) || chdir("d"))
            return tap_fail("level %d: %s", i, strerror(errno));
    fd = must_open(".", O_RDONLY);
    for (int i = 0; i < DEPTH && !tap_failing(); i++) {
        EXPECT(SYS(SYS_unlinkat, fd, "../d", AT_REMOVEDIR), 0);
        up = openat(fd, "..", O_RDONLY);
        close(fd);
        fd = up;
    }
    close(fd);
    EXPECT(SYS(SYS_chdir, "/"), 0);
}

static const struct suite_case cases[] = {
    {"mkdir", test_mkdir},
    {"names as long as they may be, and longer", test_long_names},
    {"mknod", test_mknod},
    {"symlink and readlink", test_symlink},
    {"link", test_link},
    {"unlink", test_unlink},
    {"rmdir", test_rmdir},
    {"link counts of directories", test_link_counts},
    {"a working directory that is removed", test_removed_directory},
    {"a long chain of removed directories", test_removed_chain},
};
CASES(name_cases, cases);
