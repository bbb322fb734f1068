/*
 * file_test: files, directories, pipes and descriptors, call by call.
 *
 * usage: file_test [NAME]: the cases whose names contain NAME. It works in a directory that it makes in /dev/shm, which
 * is in RAM on Linux too.
 */
#define _GNU_SOURCE
#include "file_test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char base[] = "/dev/shm/file_test.XXXXXX";

void scene(void)
{
    static unsigned number;
    char name[64];

    snprintf(name, sizeof(name), "%s/%u", base, number++);
    CHECK(mkdir(name, 0755) == 0, "mkdir(%s): %s", name, strerror(errno));
    CHECK(chdir(name) == 0, "chdir(%s): %s", name, strerror(errno));
}

void make_file(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

    CHECK(fd >= 0, "creating %s: %s", name, strerror(errno));
    EXPECT(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

int must_open(const char *name, int flags)
{
    int fd = open(name, flags, 0644);

    CHECK(fd >= 0, "open(%s, %#o): %s", name, flags, strerror(errno));
    return fd;
}

void expect_bytes(int fd, const char *text)
{
    static char buf[65536];
    long n = pread(fd, buf, sizeof(buf), 0);

    CHECK(n == (long)strlen(text) && !memcmp(buf, text, (size_t)n),
          "%ld bytes \"%.*s\", not \"%s\"", n, (int)(n > 0 ? n : 0), buf, text);
}

void expect_text(const char *name, const char *text)
{
    int fd = open(name, O_RDONLY);

    CHECK(fd >= 0, "open(%s): %s", name, strerror(errno));
    if (fd >= 0)
        expect_bytes(fd, text);
    close(fd);
}

struct stat stat_of(const char *name)
{
    struct stat st = {0};

    CHECK(lstat(name, &st) == 0, "lstat(%s): %s", name, strerror(errno));
    return st;
}

bool exists(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

char *must_map(int fd, size_t bytes, int prot, int type)
{
    char *p = mmap(NULL, bytes, prot, type, fd, 0);

    CHECK(p != MAP_FAILED, "mmap(): %s", strerror(errno));
    return p;
}

void expect_map_name(const void *p, const char *end)
{
    struct map_line line[1];
    size_t length, wanted = strlen(end);

    EXPECT(maps_read(line, 1, (uint64_t)p, (uint64_t)p + PAGE), 1);
    length = strlen(line[0].name);
    CHECK(length >= wanted && !strcmp(line[0].name + length - wanted, end), "maps says \"%s\"",
          line[0].name);
}

static int delete (const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(name);
}

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {
        &open_cases, &name_cases, &rename_cases, &dir_cases,  &data_cases, &map_cases, &memfd_cases,
        &attr_cases, &fd_cases,   &pipe_cases,   &wait_cases, &lock_cases, NULL};
    static const struct suite suite = {tables, NULL};
    int status;

    umask(022);
    if (!mkdtemp(base)) {
        perror(base);
        return 97;
    }
    status = suite_main(argc, argv, &suite);
    if (chdir("/") || nftw(base, delete, 16, FTW_DEPTH | FTW_PHYS)) {
        perror(base);
        return 96;
    }
    return status;
}
