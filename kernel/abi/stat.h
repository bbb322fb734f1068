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
#define S_ISFIFO(mode) ((S_IFMT & (mode)) == S_IFIFO)

#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010
#define S_PERMISSIONS 07777 /* with the three above rwx */

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

struct statx_timestamp {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};

struct statx {
    uint32_t mask; /* STATX_ that are filled in */
    uint32_t blksize;
    uint64_t attributes;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t pad;
    uint64_t ino;
    uint64_t size;
    uint64_t blocks; /* of 512 bytes */
    uint64_t attributes_mask;
    struct statx_timestamp atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor;
    uint32_t dev_major, dev_minor;
    uint64_t mnt_id;
    uint64_t unused[13];
};
_Static_assert(sizeof(struct statx) == 256, "the ABI's size");

#define STATX_BASIC_STATS 0x7ffu
#define STATX_BTIME 0x800u
#define STATX_RESERVED 0x80000000u
#define AT_STATX_SYNC_TYPE 0x6000

struct statfs {
    int64_t type;
    int64_t bsize;
    uint64_t blocks;
    uint64_t bfree;
    uint64_t bavail;
    uint64_t files;
    uint64_t ffree;
    int32_t fsid[2];
    int64_t namelen;
    int64_t frsize;
    int64_t flags;
    int64_t spare[4];
};
_Static_assert(sizeof(struct statfs) == 120, "the ABI's size");

#define TMPFS_MAGIC 0x01021994
#define PROC_SUPER_MAGIC 0x9fa0
#define PIPEFS_MAGIC 0x50495045
#define ANON_INODE_FS_MAGIC 0x09041934

/* A device number as stat shows it, for numbers below 4096 and 256. */
#define MAKEDEV(major, minor) ((uint64_t)(major) << 8 | (minor))
