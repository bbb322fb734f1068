/* Inside of file_test: reading directories. */
#define _GNU_SOURCE
#include "file_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What getdents64 writes. */
struct entry {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

enum { FILES = 200 };

/* Read all of @fd by calls with @size bytes each, into seen[] by the numbers in the names f0 to f199. */
static unsigned read_all(int fd, size_t size, unsigned seen[FILES], void (*between)(int fd))
{
    unsigned total = 0;
    char buf[4096];
    long n;

    while ((n = SYS(SYS_getdents64, fd, buf, size)) > 0) {
        for (char *at = buf; at < buf + n; at += ((struct entry *)at)->size) {
            struct entry *e = (struct entry *)at;

            total++;
            EXPECT(e->size % 8, 0);
            if (e->name[0] != 'f')
                continue;
            EXPECT(e->type, DT_REG);
            EXPECT(e->ino == stat_of(e->name).st_ino, 1);
            seen[atoi(e->name + 1)]++;
        }
        if (between)
            between(fd);
    }
    EXPECT(n, 0);
    return total;
}

static void make_files(void)
{
    char name[16];

    scene();
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        make_file(name, "");
    }
}

static void test_read(void)
{
    unsigned seen[FILES] = {0}, again[FILES] = {0};
    int fd;

    make_files();
    fd = must_open(".", O_RDONLY);
    EXPECT(read_all(fd, 4096, seen, NULL), FILES + 2);
    for (int i = 0; i < FILES; i++)
        EXPECT(seen[i], 1);
    EXPECT(lseek(fd, 0, SEEK_SET), 0);
    EXPECT(read_all(fd, 64, again, NULL), FILES + 2);
    EXPECT(memcmp(seen, again, sizeof(seen)), 0);
    close(fd);
}

static void test_errors(void)
{
    char buf[256];
    int fd;

    scene();
    make_file("f0", "");
    fd = must_open(".", O_RDONLY);
    EXPECT(SYS(SYS_getdents64, fd, buf, 23), -EINVAL);
    EXPECT(SYS(SYS_getdents64, fd, KERNEL_ADDRESS, 256), -EFAULT);
    EXPECT(SYS(SYS_read, fd, buf, 1), -EISDIR);
    EXPECT(SYS(SYS_write, fd, buf, 1), -EBADF);
    EXPECT(SYS(SYS_getdents64, fd, buf, 24), 24);
    EXPECT(((struct entry *)buf)->type, DT_DIR);
    close(fd);
    EXPECT(SYS(SYS_getdents64, fd, buf, 256), -EBADF);
    fd = must_open("f0", O_RDONLY);
    EXPECT(SYS(SYS_getdents64, fd, buf, 256), -ENOTDIR);
    close(fd);
}

/* Remove every third file, wherever the reader is; those that stay are seen once. */
static void remove_some(int fd)
{
    static int next;
    char name[16];

    if (fd < 0)
        next = 0;
    for (int i = 0; fd >= 0 && i < 5; i++, next += 3) {
        snprintf(name, sizeof(name), "f%d", next);
        unlink(name);
    }
}

static void test_delete_while_reading(void)
{
    unsigned seen[FILES] = {0};
    int fd;

    make_files();
    fd = must_open(".", O_RDONLY);
    remove_some(-1);
    read_all(fd, 200, seen, remove_some);
    for (int i = 0; i < FILES; i++)
        CHECK(seen[i] == 1 || (i % 3 == 0 && seen[i] == 0), "f%d was seen %u times", i, seen[i]);
    close(fd);
}

static void test_positions(void)
{
    DIR *dir;
    struct dirent *e;
    long at = 0;
    char name[256] = "";

    make_files();
    dir = opendir(".");
    for (int i = 0; i < 100; i++)
        e = readdir(dir);
    at = telldir(dir);
    e = readdir(dir);
    snprintf(name, sizeof(name), "%s", e ? e->d_name : "");
    while (readdir(dir))
        ;
    seekdir(dir, at);
    e = readdir(dir);
    CHECK(e && !strcmp(e->d_name, name), "back at the position stands %s, not %s",
          e ? e->d_name : "nothing", name);
    closedir(dir);
}

static void test_types(void)
{
    static const struct {
        const char *name;
        int type;
    } expected[] = {{"dir", DT_DIR}, {"link", DT_LNK}, {"fifo", DT_FIFO}, {"null", DT_CHR}};
    struct dirent *e;
    unsigned found = 0;
    DIR *dir;

    scene();
    mkdir("dir", 0755);
    EXPECT(symlink("dir", "link"), 0);
    EXPECT(SYS(SYS_mknod, "fifo", S_IFIFO | 0644, 0), 0);
    EXPECT(SYS(SYS_mknod, "null", S_IFCHR | 0644, 0x103), 0);
    dir = opendir(".");
    while ((e = readdir(dir)))
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
            if (!strcmp(e->d_name, expected[i].name)) {
                EXPECT(e->d_type, expected[i].type);
                found++;
            }
    closedir(dir);
    EXPECT(found, ARRAY_SIZE(expected));
}

static const struct suite_case cases[] = {
    {"getdents64: every name once", test_read},
    {"getdents64: errors", test_errors},
    {"getdents64: names are removed on the way", test_delete_while_reading},
    {"getdents64: positions", test_positions},
    {"getdents64: types", test_types},
};
CASES(dir_cases, cases);
