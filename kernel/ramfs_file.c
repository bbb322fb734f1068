/*
 * Regular files in RAM. A file's contents are an object of mm/, so that mmap and read see the same
 * pages.
 */
#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/slab.h"

static void release(struct inode *inode)
{
    if (inode->object)
        object_put(inode->object);
}

/* Through a page of our own: the object's lock is not to be held while user memory is touched. */
static long file_read(struct file *file, struct io *io, uint64_t pos)
{
    uint64_t size = file->inode->size;
    char *page;
    long err = 0;

    if (pos >= size || !io->left)
        return 0;
    page = kmalloc(PAGE_SIZE);
    if (!page)
        return -ENOMEM;
    while (!err && io->left && pos < size) {
        uint64_t n = min_u64(min_u64(io->left, size - pos), PAGE_SIZE - page_offset(pos));

        err = object_read(file->inode->object, pos, page, n);
        if (!err && io_put(io, page, n) < n)
            err = -EFAULT;
        pos += n;
    }
    kfree(page, PAGE_SIZE);
    inode_accessed(file->inode);
    return io_result(io, err);
}

static long file_map(struct file *file, uint32_t *flags, struct object **object)
{
    (void)flags;
    *object = file->inode->object;
    return 0;
}

static const struct file_ops regular_ops = {
    .seek = SEEK_ANY,
    .read = file_read,
    .map = file_map,
};

long ramfs_set_contents(struct inode *file, const void *data, uint64_t size, const char *name)
{
    struct object *object = object_create(size, name);
    long err = object ? object_write(object, 0, data, size) : -ENOMEM;

    if (err) {
        if (object)
            object_put(object);
        return err;
    }
    release(file);
    file->object = object;
    file->ino = object_ino(object);
    file->size = size;
    return 0;
}

struct object *ramfs_object(const struct inode *inode)
{
    return inode->file_ops == &regular_ops ? inode->object : NULL;
}

struct inode *ramfs_file(uint32_t mode, const void *data, uint64_t size, const char *name)
{
    static const struct inode_ops ops = {.release = release};
    struct inode *file = inode_create(&ops, &regular_ops, S_IFREG | mode);

    if (file && ramfs_set_contents(file, data, size, name) != 0) {
        inode_put(file);
        return NULL;
    }
    return file;
}
