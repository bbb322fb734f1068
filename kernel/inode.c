#include "kernel/inode.h"

#include "kernel/abi/errno.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define BLOCK_SIZE 512 /* the unit of stat's blocks */

/* A regular file in RAM has its object's number; all others count from here. */
#define FIRST_INO 0xf0000000

struct inode *inode_root;

struct inode *inode_create(const struct inode_ops *ops, const struct file_ops *file_ops,
                           uint32_t mode)
{
    static uint64_t last_ino = FIRST_INO;
    struct inode *inode = kmalloc(sizeof(*inode));

    if (!inode)
        return NULL;
    inode->ops = ops;
    inode->file_ops = file_ops;
    inode->mode = mode;
    inode->refs = 1;
    inode->ino = ++last_ino;
    return inode;
}

struct inode *inode_get(struct inode *inode)
{
    kassert(inode->refs > 0);
    inode->refs++;
    return inode;
}

void inode_put(struct inode *inode)
{
    if (!inode)
        return;
    kassert(inode->refs > 0);
    if (--inode->refs > 0)
        return;
    if (inode->ops->release)
        inode->ops->release(inode);
    if (inode->parent != inode)
        inode_put(inode->parent);
    kfree(inode, sizeof(*inode));
}

void inode_stat(const struct inode *inode, struct stat *st)
{
    struct timespec time = {.sec = inode->mtime};

    *st = (struct stat){
        .dev = MAKEDEV(0, 1),
        .ino = inode->ino,
        .nlink = inode->nlink,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .rdev = inode->rdev,
        .size = (int64_t)inode->size,
        .blksize = (int64_t)PAGE_SIZE,
        .blocks = (int64_t)(page_align(inode->size) / BLOCK_SIZE),
        .atime = time,
        .mtime = time,
        .ctime = time,
    };
}

long inode_permission(const struct inode *inode, unsigned access)
{
    if ((access & X_OK) && !S_ISDIR(inode->mode) && !(inode->mode & 0111))
        return -EACCES;
    if ((access & W_OK) && !S_ISCHR(inode->mode))
        return -EROFS;
    return 0;
}
