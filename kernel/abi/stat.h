/* File types and struct stat. */
#pragma once

#include "kernel/abi/time.h"

#include <stdint.h>

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

#define S_ISREG(mode) ((S_IFMT & (mode)) == S_IFREG)
#define S_ISDIR(mode) ((S_IFMT & (mode)) == S_IFDIR)
#define S_ISLNK(mode) ((S_IFMT & (mode)) == S_IFLNK)
#define S_ISCHR(mode) ((S_IFMT & (mode)) == S_IFCHR)

struct stat {
    uint64_t dev;
    uint64_t ino;
    uint64_t nlink;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t pad;
    uint64_t rdev;
    int64_t size;
    int64_t blksize;
    int64_t blocks; /* of 512 bytes */
    struct timespec atime;
    struct timespec mtime;
    struct timespec ctime;
    int64_t unused[3];
};
_Static_assert(sizeof(struct stat) == 144, "the ABI's size");

/* A device number as stat shows it, for numbers below 4096 and 256. */
#define MAKEDEV(major, minor) ((uint64_t)(major) << 8 | (minor))
