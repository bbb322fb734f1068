/* Inside of file_test: rename, renameat2. */
#define _GNU_SOURCE
#include "file_test.h"

#include <stdio.h>
#include <string.h>

#define NOREPLACE 1
#define EXCHANGE 2

static long rename2(const char *from, const char *to, unsigned flags)
{
    return SYS(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* Files f, g; directories p/q/r, empty e, full u/x; links dl to e and dang. */
static void furnish(void)
{
    static const char *const dirs[] = {"p", "p/q", "p/q/r", "e", "u", "u/x"};

    scene();
    make_file("f", "F");
    make_file("g", "G");
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        EXPECT(SYS(SYS_mkdir, dirs[i], 0755), 0);
    EXPECT(SYS(SYS_symlink, "e", "dl"), 0);
    EXPECT(SYS(SYS_symlink, "nowhere", "dang"), 0);
}

static void test_moves(void)
{
    ino_t ino;

    furnish();
    ino = stat_of("f").st_ino;
    EXPECT(SYS(SYS_rename, "f", "f2"), 0);
    EXPECT(SYS(SYS_rename, "f2", "e/f3"), 0);
    EXPECT(stat_of("e/f3").st_ino == ino, 1);
    CHECK(!exists("f") && !exists("f2"), "an old name is still there");
    EXPECT(SYS(SYS_rename, "e/f3", "g"), 0);
    expect_text("g", "F");
    EXPECT(SYS(SYS_rename, "dang", "dl"), 0);
    EXPECT(S_ISLNK(stat_of("dl").st_mode), 1);
    EXPECT(SYS(SYS_open, "dl", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_rename, "p", "e"), 0);
    CHECK(exists("e/q/r"), "what was in the directory did not come with it");
    EXPECT(SYS(SYS_rename, "e/q", "new/"), 0);
    CHECK(exists("new/r"), "new/r");
}

static void test_refusals(void)
{
    furnish();
    EXPECT(rename2("p", "p/q/z", 0), -EINVAL);
    EXPECT(rename2("p", "p/z", 0), -EINVAL);
    EXPECT(rename2("p/q", "p", 0), -ENOTEMPTY);
    EXPECT(rename2("p/q/r", "p", 0), -ENOTEMPTY);
    EXPECT(rename2("p/q", "p/q", 0), 0);
    EXPECT(rename2("f", "e", 0), -EISDIR);
    EXPECT(rename2("e", "f", 0), -ENOTDIR);
    EXPECT(rename2("e", "dl", 0), -ENOTDIR);
    EXPECT(rename2("e", "dl/", 0), -ENOTDIR);
    EXPECT(rename2("f", "new/", 0), -ENOTDIR);
    EXPECT(rename2("f/", "new", 0), -ENOTDIR);
    EXPECT(rename2("dl/", "new", 0), -ENOTDIR);
    EXPECT(rename2("e", "u", 0), -ENOTEMPTY);
    EXPECT(rename2("no", "new", 0), -ENOENT);
    EXPECT(rename2("f", "no/new", 0), -ENOENT);
    EXPECT(rename2("f", "g/new", 0), -ENOTDIR);
    EXPECT(rename2(".", "new", 0), -EBUSY);
    EXPECT(rename2("..", "new", 0), -EBUSY);
    EXPECT(rename2("f", ".", 0), -EBUSY);
    EXPECT(rename2("f", "p/..", 0), -EBUSY);
    EXPECT(rename2("f", ".", NOREPLACE), -EEXIST);
    EXPECT(rename2("f", "/proc/x", 0), -EXDEV);
    EXPECT(rename2("/proc/meminfo", "x", 0), -EXDEV);
    EXPECT(rename2("", "x", 0), -ENOENT);
    EXPECT(rename2("f", "", 0), -ENOENT);
    EXPECT(rename2("f", "x", 8), -EINVAL);
    EXPECT(rename2("f", "x", NOREPLACE | EXCHANGE), -EINVAL);
    expect_text("f", "F");
    expect_text("g", "G");
    CHECK(exists("p/q/r") && exists("u/x") && exists("e"), "a refused call changed something");
}

static void test_noreplace(void)
{
    furnish();
    EXPECT(rename2("f", "g", NOREPLACE), -EEXIST);
    EXPECT(rename2("f", "e", NOREPLACE), -EEXIST);
    EXPECT(rename2("f", "f", NOREPLACE), -EEXIST);
    EXPECT(rename2("f", "dang", NOREPLACE), -EEXIST);
    EXPECT(rename2("f", "h", NOREPLACE), 0);
    expect_text("h", "F");
}

static void test_exchange(void)
{
    furnish();
    EXPECT(rename2("f", "no", EXCHANGE), -ENOENT);
    EXPECT(rename2("p", "p/q", EXCHANGE), -EINVAL);
    EXPECT(rename2("p/q", "p", EXCHANGE), -EINVAL);
    EXPECT(rename2("f/", "e", EXCHANGE), -ENOTDIR);
    EXPECT(rename2("e", "f/", EXCHANGE), -ENOTDIR);
    EXPECT(rename2("f", "g", EXCHANGE), 0);
    expect_text("f", "G");
    expect_text("g", "F");
    EXPECT(rename2("f", "p/q", EXCHANGE), 0);
    CHECK(exists("f/r"), "f is not the directory");
    expect_text("p/q", "G");
    EXPECT(stat_of("p").st_nlink, 2);
    EXPECT(rename2("f", "u", EXCHANGE), 0);
    CHECK(exists("u/r") && exists("f/x"), "the directories did not change places");
}

/* Two names of one file: nothing is to be done, and both stay. */
static void test_same_file(void)
{
    furnish();
    EXPECT(SYS(SYS_link, "f", "h"), 0);
    EXPECT(SYS(SYS_rename, "f", "h"), 0);
    EXPECT(stat_of("f").st_nlink, 2);
    EXPECT(rename2("f", "h", EXCHANGE), 0);
    CHECK(exists("f") && exists("h"), "one of the names is gone");
}

static void test_open_file(void)
{
    int fd;

    furnish();
    fd = must_open("g", O_RDWR);
    EXPECT(SYS(SYS_rename, "f", "g"), 0);
    expect_bytes(fd, "G");
    EXPECT(pwrite(fd, "old", 3, 0), 3);
    expect_text("g", "F");
    close(fd);
}

static void test_parent(void)
{
    char name[256] = "";

    furnish();
    EXPECT(SYS(SYS_chdir, "p/q"), 0);
    EXPECT(SYS(SYS_rename, "../q", "../../e/moved"), 0);
    CHECK(getcwd(name, sizeof(name)) && strstr(name, "/e/moved"), "the working directory is %s",
          name);
    EXPECT(SYS(SYS_mkdir, "../brother", 0755), 0);
    EXPECT(SYS(SYS_chdir, "../.."), 0);
    CHECK(exists("e/brother"), "\"..\" of a moved directory is not its new parent");
}

static const struct suite_case cases[] = {
    {"rename: moves", test_moves},
    {"rename: refusals", test_refusals},
    {"rename: RENAME_NOREPLACE", test_noreplace},
    {"rename: RENAME_EXCHANGE", test_exchange},
    {"rename: two names of one file", test_same_file},
    {"rename: over an open file", test_open_file},
    {"rename: a moved directory's parent", test_parent},
};
CASES(rename_cases, cases);
