/* open(2), fcntl(2), the *at() calls and their flags. */
#pragma once

#include <stdint.h>

#define O_ACCMODE 0003
#define O_RDONLY 00
#define O_WRONLY 01
#define O_RDWR 02
#define O_CREAT 0100
#define O_EXCL 0200
#define O_NOCTTY 0400
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_NONBLOCK 04000
#define O_DSYNC 010000
#define O_ASYNC 020000
#define O_DIRECT 040000
#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW 0400000
#define O_NOATIME 01000000
#define O_CLOEXEC 02000000
#define O_PATH 010000000
#define O_PATH_FLAGS                                                                               \
    (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC) /* all others mean nothing with it */
#define O_TMPFILE (020000000 | O_DIRECTORY)

#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS 0x200
#define AT_REMOVEDIR 0x200
#define AT_SYMLINK_FOLLOW 0x400
#define AT_NO_AUTOMOUNT 0x800
#define AT_EMPTY_PATH 0x1000
#define AT_EXECVE_CHECK 0x10000

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4

#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe

#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define FD_CLOEXEC 1

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

struct flock {
    int16_t type;
    int16_t whence;
    int64_t start;
    int64_t len; /* 0: to the end, however far that moves */
    int32_t pid;
};
_Static_assert(sizeof(struct flock) == 32, "the ABI's size");

#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

#define POSIX_FADV_NOREUSE 5 /* the highest of its kind */

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define SEEK_DATA 3
#define SEEK_HOLE 4

#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4

#define PATH_MAX 4096   /* a path with its NUL */
#define NAME_MAX 255    /* a name in it, without */
#define SYMLINKS_MAX 40 /* followed in one lookup */
#define IOV_MAX 1024
#define RW_MAX 0x7ffff000 /* bytes in one read or write */

/* What getdents64 writes, one behind the other; each takes @size bytes. */
struct dirent64 {
    uint64_t ino;
    int64_t next; /* the position behind it, for lseek */
    uint16_t size;
    uint8_t type; /* S_IFMT of its mode, shifted down */
    char name[];  /* with a NUL */
};

struct iovec {
    uint64_t base;
    uint64_t len;
};
_Static_assert(sizeof(struct iovec) == 16, "the ABI's size");
