/*
 * The tree of files: inodes, and the lookup of paths in it.
 *
 * Lock: none yet; one CPU, and nothing sleeps while it walks the tree.
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "kernel/abi/stat.h"
#include "mm/mm.h"

struct inode;
struct file_ops;

struct inode_ops {
    /* Of a directory: what is called @name in it, with a reference. 0, -ENOENT, -ENOMEM. */
    long (*lookup)(struct inode *dir, const char *name, struct inode **found);
    /* Of a symbolic link: its target to @buf, not ended by a NUL and cut at @size. The length. */
    long (*readlink)(struct inode *link, char *buf, size_t size);
    /* The last reference is gone: free what the union below holds. */
    void (*release)(struct inode *inode);
};

struct inode {
    const struct inode_ops *ops;
    const struct file_ops *file_ops; /* what an open file of it can do; NULL: -ENXIO */
    uint32_t refs;
    uint32_t mode; /* S_IF type and permissions */
    uint32_t uid, gid;
    uint32_t nlink;
    uint32_t mtime; /* seconds since 1970 */
    uint64_t ino;
    uint64_t size;        /* of a regular file or a link in RAM; else 0 */
    uint64_t rdev;        /* of a device, MAKEDEV(major, minor) */
    struct inode *parent; /* of a directory, with a reference; the root's is itself */
    union {
        struct dirent *entries;        /* of a directory */
        struct object *object;         /* of a regular file in RAM */
        char *target;                  /* of a symbolic link in RAM */
        const struct proc_entry *proc; /* of a file that /proc makes up */
    };
    int pid; /* of /proc/PID and what is in it */
};

/* A new inode with one reference and the next number; NULL when memory is out. */
[[nodiscard]] struct inode *inode_create(const struct inode_ops *ops,
                                         const struct file_ops *file_ops, uint32_t mode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode); /* NULL is allowed */

void inode_stat(const struct inode *inode, struct stat *st);

/* May it be read, written, executed (R_OK, W_OK, X_OK)? All run as root. 0, -EACCES, -EROFS. */
long inode_permission(const struct inode *inode, unsigned access);

/* ---- Paths ---- */

/* Where a path leads. With references; give them back with path_put(). */
struct path {
    struct inode *dir; /* that holds the last name */
    struct inode *inode;
    char name[NAME_MAX + 1]; /* the last name; "" when the path ends in "/", "." or ".." */
};

enum {
    PATH_FOLLOW = 1, /* a symbolic link that the path ends in */
    PATH_CREATE =
        2, /* the last name may be free: path->inode is NULL then; a slash behind it is -EISDIR */
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

/* ---- Files in RAM ---- */

/* New inodes with one reference each; NULL when memory is out. @name is for /proc/PID/maps. */
[[nodiscard]] struct inode *ramfs_directory(uint32_t mode);
[[nodiscard]] struct inode *ramfs_file(uint32_t mode, const void *data, uint64_t size,
                                       const char *name);
[[nodiscard]] struct inode *ramfs_symlink(const char *target, size_t length);

/* The contents of @inode when it is a regular file in RAM, else NULL. */
struct object *ramfs_object(const struct inode *inode);

/* Put new contents into a regular file. 0 or -ENOMEM. */
[[nodiscard]] long ramfs_set_contents(struct inode *file, const void *data, uint64_t size,
                                      const char *name);

/*
 * Enter @inode in @dir as @name, with a reference of the directory's own; what had the name before
 * loses it. @name is at most NAME_MAX long. 0, -ENOMEM, or -ENOTEMPTY when that is a directory with
 * something in it.
 */
[[nodiscard]] long ramfs_link(struct inode *dir, const char *name, struct inode *inode);

/* The lookup of a directory's own entries. */
long ramfs_lookup(struct inode *dir, const char *name, struct inode **found);

/* The name that directory @dir has in its parent, NULL when it has none. */
const char *ramfs_name_of(const struct inode *dir);
