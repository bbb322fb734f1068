#include "kernel/inode.h"

#include "kernel/abi/errno.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define BLOCK_SIZE 512 /* the unit of stat's blocks */

/* A regular file in RAM has its object's number; all others count from here. */
#define FIRST_INO 0xf0000000

struct inode *inode_root;

static struct timespec now(void)
{
    uint64_t ns = time_realtime_ns();

    return (struct timespec){(int64_t)(ns / NS_PER_SEC), (int64_t)(ns % NS_PER_SEC)};
}

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
    inode->dev = DEV_RAM;
    inode->ino = ++last_ino;
    inode->btime = now();
    inode->atime = inode->mtime = inode->ctime = inode->btime;
    return inode;
}

struct inode *inode_get(struct inode *inode)
{
    kassert(inode->refs > 0);
    inode->refs++;
    return inode;
}

/* The last reference may be the last one on the parent too, and so on: a loop, as deep as it may be. */
void inode_put(struct inode *inode)
{
    while (inode) {
        struct inode *parent = inode->parent == inode ? NULL : inode->parent;

        kassert(inode->refs > 0);
        if (--inode->refs > 0)
            return;
        if (inode->ops->release)
            inode->ops->release(inode);
        kfree(inode, sizeof(*inode));
        inode = parent;
    }
}

void inode_modified(struct inode *inode)
{
    inode->mtime = inode->ctime = now();
}

void inode_changed(struct inode *inode)
{
    inode->ctime = now();
}

void inode_accessed(struct inode *inode)
{
    inode->atime = now();
}

void inode_stat(const struct inode *inode, struct stat *st)
{
    struct object *object = ramfs_object(inode);

    *st = (struct stat){
        .dev = MAKEDEV(0, inode->dev),
        .ino = inode->ino,
        .nlink = inode->nlink,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .rdev = inode->rdev,
        .size = (int64_t)inode->size,
        .blksize = (int64_t)PAGE_SIZE,
        .blocks = object ? (int64_t)(object_pages(object) * (PAGE_SIZE / BLOCK_SIZE)) : 0,
        .atime = inode->atime,
        .mtime = inode->mtime,
        .ctime = inode->ctime,
    };
}

bool dir_take(struct dir_reader *reader, uint64_t pos, const char *name, uint64_t ino,
              uint32_t mode)
{
    uint64_t before = reader->pos;

    reader->pos = pos + 1;
    if (reader->take(reader, name, ino, mode))
        return true;
    reader->pos = before;
    return false;
}

long inode_permission(const struct inode *inode, unsigned access)
{
    if ((access & X_OK) && !S_ISDIR(inode->mode) && !(inode->mode & 0111))
        return -EACCES;
    return 0;
}
