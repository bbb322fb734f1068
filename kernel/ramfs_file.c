/*
 * Regular files in RAM. A file's contents are an object of mm/, so that mmap, read and write see the
 * same pages. What is written goes by way of a page of our own: the object's lock is not to be held
 * while user memory is touched.
 */
#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/frames.h"
#include "kernel/process.h"
#include "kernel/slab.h"

/* Of memory, what files leave to programs: a 16th. */
#define ROOM_LEFT 16

static void release(struct inode *inode)
{
    if (inode->object)
        object_put(inode->object);
}

/* ---- Length ---- */

/* The file-size limit: a process that goes beyond it is told by a signal. */
static long limit_check(uint64_t size)
{
    struct process *process = process_current();

    if (size <= process->limits[RLIMIT_FSIZE].cur)
        return 0;
    signal_send(process, SIGXFSZ, "file-size limit");
    return -EFBIG;
}

/* Nothing checked but memory. */
static long resize(struct inode *inode, uint64_t size)
{
    long err = object_resize(inode->object, size);

    if (!err)
        inode->size = size;
    return err;
}

long ramfs_truncate(struct inode *inode, uint64_t size)
{
    long err = 0;

    if (size > inode->size)
        err = limit_check(size);
    if (!err && size != inode->size)
        err = resize(inode, size);
    if (!err)
        inode_modified(inode);
    return err;
}

/* ---- Read, write ---- */

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

/* Write the @len bytes of @page, all in one page of the file, which grows where they need it. */
static long store(struct inode *inode, uint64_t pos, const void *page, uint64_t len)
{
    uint64_t size = inode->size;
    long err = 0;

    if (pos + len > size && frames_free_count() < frames_total_count() / ROOM_LEFT)
        return -ENOSPC;
    if (pos + len > size)
        err = resize(inode, pos + len);
    if (err)
        return err == -ENOMEM ? -ENOSPC : err;
    err = object_write(inode->object, pos, page, len);
    if (err && size < inode->size)
        err = resize(inode, size);
    return err ? -ENOSPC : 0;
}

/* How many bytes may be written at @pos, -EFBIG when it is none. */
static long write_room(uint64_t pos, uint64_t len)
{
    uint64_t limit = process_current()->limits[RLIMIT_FSIZE].cur;

    if (pos >= limit)
        return limit_check(pos + 1);
    return (long)min_u64(len, limit - pos);
}

static long file_write(struct file *file, struct io *io, uint64_t pos)
{
    long room = io->left ? write_room(pos, io->left) : 0, err = 0;
    uint64_t left = (uint64_t)room, done = 0;
    char *page;

    if (room <= 0)
        return room;
    page = kmalloc(PAGE_SIZE);
    if (!page)
        return -ENOMEM;
    while (!err && left) {
        uint64_t n = io_get(io, page, min_u64(left, PAGE_SIZE - page_offset(pos)));

        err = n ? store(file->inode, pos, page, n) : -EFAULT;
        if (err)
            break;
        done += n;
        pos += n;
        left -= n;
    }
    kfree(page, PAGE_SIZE);
    if (done)
        inode_modified(file->inode);
    return done ? (long)done : err;
}

/* ---- The rest ---- */

static long file_map(struct file *file, uint32_t *flags, struct object **object)
{
    (void)flags;
    *object = file->inode->object;
    return 0;
}

static const struct file_ops regular_ops = {
    .seek = SEEK_ANY,
    .read = file_read,
    .write = file_write,
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

long ramfs_fallocate(struct file *file, int mode, int64_t offset, int64_t len)
{
    (void)file, (void)mode, (void)offset, (void)len;
    return -EOPNOTSUPP;
}
