/*
 * The tree of files: inodes, and the lookup of paths in it.
 *
 * Lock: none; one CPU, and nothing sleeps while it walks the tree.
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "kernel/abi/stat.h"
#include "mm/mm.h"

struct inode;
struct file_ops;
struct file;
struct path;
struct dir_reader;

/* A NULL member cannot be done, with the errno said. */
struct inode_ops {
    /* Of a directory: what is called @name in it, with a reference. 0, -ENOENT, -ENOMEM. */
    long (*lookup)(struct inode *dir, const char *name, struct inode **found); /* -ENOTDIR */
    /* Of a directory: dir_take() for each name at reader->pos or behind, until it says no. */
    long (*list)(struct inode *dir, struct dir_reader *reader); /* no names */
    /* Of a symbolic link: its target to @buf, not ended by a NUL and cut at @size. The length. */
    long (*readlink)(struct inode *link, char *buf, size_t size);
    /*
     * Of a link that leads to something itself and not to its name, as those of /proc/PID/fd: there,
     * with references, and with directory and name where it has some.
     */
    long (*jump)(struct inode *link, struct path *to);
    /* Of what has no name in a directory: what /proc/PID/fd shows, as readlink. */
    long (*name)(const struct inode *inode, char *buf, size_t size); /* -ENOENT */
    /* Of a directory that stands in no entry of its parent: what it is called there, by way of @number. */
    const char *(*own_name)(const struct inode *dir, char number[16]);
    /* The last reference is gone: free what the union below holds. */
    void (*release)(struct inode *inode);
};

/* What st_dev says an inode lies on, MAKEDEV(0, it). */
enum { DEV_RAM = 1, DEV_PROC, DEV_SYS, DEV_PIPE, DEV_ANON };

/* The names in a directory. */
struct entries {
    struct dirent *first, *last;
    uint64_t position; /* for getdents64: of the name that is added next */
};

/* What an inode below /proc/PID is about: 0 for what it is not. */
struct proc_id {
    int pid;
    int tid;             /* below /proc/PID/task */
    int fd;              /* below /proc/PID/fd and fdinfo */
    uint64_t started_ns; /* of the process: others may have its number later */
};

struct inode {
    const struct inode_ops *ops;
    const struct file_ops *file_ops; /* what an open file of it can do; NULL: -ENXIO */
    uint32_t refs;
    uint32_t mode; /* S_IF type and permissions */
    uint32_t uid, gid;
    uint32_t nlink;
    int32_t
        claims; /* open files that may write to it; or, negative, that are executed: file_claim() */
    uint32_t dev;   /* DEV_ */
    uint32_t seals; /* F_SEAL_, of a regular file in RAM */
    bool linkable;  /* without a name so far, but may get one: O_TMPFILE */
    struct timespec atime, mtime, ctime, btime;
    uint64_t ino;
    uint64_t size;          /* of a regular file or a link in RAM; else 0 */
    uint64_t rdev;          /* of a device, MAKEDEV(major, minor) */
    uint32_t locks_shared;  /* flock: open files with LOCK_SH */
    bool locked;            /* flock: one has LOCK_EX */
    struct record *records; /* fcntl's locks */
    struct inode *parent;   /* of a directory, with a reference; the root's is itself */
    union {
        struct entries entries; /* of a directory */
        struct object *object;  /* of a regular file in RAM */
        char *target;           /* of a symbolic link in RAM */
        struct pipe *pipe;      /* of a FIFO that is open; else NULL */
    };
    const struct proc_entry *proc; /* of what /proc and /sys make up */
    struct proc_id proc_id;
};

/* A new inode in RAM with one reference and the next number; NULL when memory is out. */
[[nodiscard]] struct inode *inode_create(const struct inode_ops *ops,
                                         const struct file_ops *file_ops, uint32_t mode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode); /* NULL is allowed */

void inode_stat(const struct inode *inode, struct stat *st);

/* The times that a change sets: of what is in it, or of what is said about it. */
void inode_modified(struct inode *inode);
void inode_changed(struct inode *inode);
void inode_accessed(struct inode *inode);

/* May it be read, written, executed (R_OK, W_OK, X_OK)? All run as root. 0 or -EACCES. */
long inode_permission(const struct inode *inode, unsigned access);

/* ---- Paths ---- */

/* How a path ends. */
enum path_end {
    PATH_NAME,
    PATH_DOT, /* or a link that leads to something without a name */
    PATH_DOTDOT,
    PATH_ROOT /* nothing but slashes */
};

/* Where a path leads. With references; give them back with path_put(). */
struct path {
    struct inode *dir; /* that holds the last name */
    struct inode *inode;
    char name[NAME_MAX + 1]; /* the last name; "" when it does not end in PATH_NAME */
    enum path_end end;
    bool slash; /* one stands behind the last name */
};

enum {
    PATH_FOLLOW = 1, /* a symbolic link that the path ends in */
    PATH_CREATE =
        2, /* the last name may be free: path->inode is NULL then; a slash behind it is -EISDIR */
    PATH_ENTRY = 4 /* what matters is the name: it may be free, and is followed on no account */
};

/*
 * Follow @name from @start, or from the root when it begins with a slash.
 * -ENOENT, -ENOTDIR, -EISDIR, -ELOOP, -ENAMETOOLONG, -ENOMEM.
 */
[[nodiscard]] long path_lookup(struct inode *start, const char *name, unsigned flags,
                               struct path *path);
void path_put(struct path *path);

/*
 * The absolute name of directory @dir, with @name behind it when that is not "", and a NUL, to @buf.
 * The length without the NUL, or -ENAMETOOLONG, -ENOENT when the directory has no name.
 */
long path_name(const struct inode *dir, const char *name, char *buf, size_t size);

/* The root directory; set once at boot. */
extern struct inode *inode_root;

/* ---- Reading directories ---- */

/* What getdents64 asks of a directory. */
struct dir_reader {
    uint64_t pos; /* of the next name wanted; 0 and 1 are "." and ".." */
    /* Take a name, with reader->pos behind it already; false when there is no room for it. */
    bool (*take)(struct dir_reader *reader, const char *name, uint64_t ino, uint32_t mode);
};

/* Offer the name at @pos, which is not before reader->pos. False: no more. */
bool dir_take(struct dir_reader *reader, uint64_t pos, const char *name, uint64_t ino,
              uint32_t mode);

/* ---- Files in RAM ---- */

/*
 * One name in a directory, which some open files have been opened by. When it is taken out of the
 * directory, its inode is NULL from then on.
 */
struct dirent {
    struct dirent *next, *prev; /* in dir->entries */
    struct inode *dir;          /* with a reference */
    struct inode *inode;        /* with a reference */
    char *name;
    uint32_t refs;
    uint64_t position;
};

struct dirent *dirent_get(struct dirent *entry);
void dirent_put(struct dirent *entry); /* NULL is allowed */

/* New inodes with one reference each; NULL when memory is out. @name is for /proc/PID/maps. */
[[nodiscard]] struct inode *ramfs_directory(uint32_t mode);
[[nodiscard]] struct inode *ramfs_file(uint32_t mode, const void *data, uint64_t size,
                                       const char *name);
[[nodiscard]] struct inode *ramfs_symlink(const char *target, size_t length);

/* A FIFO, a socket, a block device: @mode with its type. */
[[nodiscard]] struct inode *ramfs_node(uint32_t mode, uint64_t rdev);

/*
 * An empty regular file without a name in a directory; @shown is what /proc shows for it.
 */
[[nodiscard]] struct inode *ramfs_unnamed(uint32_t mode, const char *shown);

/* The contents of @inode when it is a regular file in RAM, else NULL. */
struct object *ramfs_object(const struct inode *inode);

/* Put new contents into a regular file. 0 or -ENOMEM. */
[[nodiscard]] long ramfs_set_contents(struct inode *file, const void *data, uint64_t size,
                                      const char *name);

/*
 * Give a regular file @size bytes; what is new reads as zeros, what is gone is unmapped everywhere.
 * One that is made up, as in /proc, stays as it is. 0, -EPERM when sealed, -EFBIG, -ENOMEM.
 */
[[nodiscard]] long ramfs_truncate(struct inode *inode, uint64_t size);

/* How many of @len bytes at @pos may be written, more than none; or -EFBIG, -EPERM. */
[[nodiscard]] long ramfs_write_room(const struct inode *inode, uint64_t pos, uint64_t len);

/* At least @size bytes, to be written at once; and back to as many as before. 0, -EPERM, -ENOSPC, -EFBIG. */
[[nodiscard]] long ramfs_grow(struct inode *inode, uint64_t size);
void ramfs_shrink_back(struct inode *inode, uint64_t size);

/* fallocate(2). */
long ramfs_fallocate(struct file *file, int mode, int64_t offset, int64_t len);

/* lseek(2) to the next data or hole: the position, or -ENXIO. */
int64_t ramfs_seek(const struct inode *inode, int64_t offset, bool data);

/* fcntl(2): the seals of a file in RAM, and more of them. -EINVAL for another; -EPERM, -EBUSY. */
long ramfs_seals(const struct file *file);
long ramfs_add_seals(struct file *file, uint32_t seals);

/* Maps is to show @inode's contents by what @entry is called; " (deleted)" when it is not its name any more. */
void ramfs_name_object(const struct dirent *entry, const struct inode *inode);

/* The entry @name of @dir, without a reference; NULL when there is none. */
struct dirent *ramfs_find(const struct inode *dir, const char *name);

/* Enter @inode in @dir as @name, which is free. 0, -ENOMEM, or -ENOENT in a removed directory. */
[[nodiscard]] long ramfs_add(struct inode *dir, const char *name, struct inode *inode);

/* Take a name away from what has it: of a directory only when that is empty. */
void ramfs_remove(struct dirent *entry);

/* The same for one that was just made: in a directory with the bit S_ISGID it takes its group. */
[[nodiscard]] long ramfs_enter(struct inode *dir, const char *name, struct inode *inode);

/* ramfs_add(); what had the name before loses it. -ENOTEMPTY when that is a directory with names. */
[[nodiscard]] long ramfs_link(struct inode *dir, const char *name, struct inode *inode);

/*
 * Take a name over to @dir, and call it @name there; what had that name loses it, which a directory
 * only may when it is empty. 0 or -ENOMEM.
 */
[[nodiscard]] long ramfs_rename(struct dirent *entry, struct inode *dir, const char *name);

/* Each gets the other's place and name. */
void ramfs_exchange(struct dirent *a, struct dirent *b);

/* The lookup and list of a directory's own entries. */
long ramfs_lookup(struct inode *dir, const char *name, struct inode **found);
long ramfs_list(struct inode *dir, struct dir_reader *reader);

/* The name that directory @dir has in its parent, NULL when it has none. */
const char *ramfs_name_of(const struct inode *dir);

/* The end: remove everything below @dir. */
void ramfs_clear(struct inode *dir);
