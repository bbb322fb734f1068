/*
 * Regular files in RAM. A file's contents are an object of mm/, so that mmap, read and write see the
 * same pages. What is written goes by way of a page of our own: the object's lock is not to be held
 * while user memory is touched.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/memfd.h"
#include "kernel/abi/mman.h"
#include "kernel/file.h"
#include "kernel/format.h"
#include "kernel/slab.h"
#include "kernel/string.h"

static void release(struct inode *inode)
{
    if (inode->object)
        object_put(inode->object);
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
    long err = ramfs_grow(inode, pos + len);

    if (err)
        return err;
    if (!object_write(inode->object, pos, page, len))
        return 0;
    ramfs_shrink_back(inode, size);
    return -ENOSPC;
}

static long file_write(struct file *file, struct io *io, uint64_t pos)
{
    long room = io->left ? ramfs_write_room(file->inode, pos, io->left) : 0, err = 0;
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

/* ---- Mapping ---- */

#define DELETED " (deleted)"

/* Without memory for another name, the old one stays. */
void ramfs_name_object(const struct dirent *entry, const struct inode *inode)
{
    const char *end = entry->inode == inode ? "" : DELETED;
    char *name = kmalloc(PATH_MAX);
    long length;

    if (!name)
        return;
    length = path_name(entry->dir, entry->name, name, PATH_MAX - sizeof(DELETED));
    if (length >= 0) {
        strlcpy(name + length, end, sizeof(DELETED));
        length = object_rename(inode->object, name);
    }
    kfree(name, PATH_MAX);
}

/* The same for what is open without a name. */
static long name_unnamed(const struct inode *inode)
{
    char name[48];

    format(name, sizeof(name), "/#%llu" DELETED, (unsigned long long)inode->ino);
    return object_rename(inode->object, name);
}

/* A sealed file can be mapped by all as far as nobody can write to it by way of that. */
static long file_map(struct file *file, struct file_mapping *m)
{
    bool shared = (m->flags & MAP_TYPE) != MAP_PRIVATE;
    bool sealed = file->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);

    if (sealed && shared && (m->prot & PROT_WRITE) && m->may_write)
        return -EPERM;
    if (sealed)
        m->may_write = false;
    if (file->entry)
        ramfs_name_object(file->entry, file->inode);
    m->object = file->inode->object;
    return *object_name(m->object) ? 0 : name_unnamed(file->inode);
}

static const struct file_ops regular_ops = {
    .seek = SEEK_ANY,
    .read = file_read,
    .write = file_write,
    .map = file_map,
};

long ramfs_set_contents(struct inode *file, const void *data, uint64_t size, const char *name)
{
    struct object *object = object_create(size, name ? name : "");
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

/* What maps shows: only files that have never had a name come here for it. */
static long file_name(const struct inode *inode, char *buf, size_t size)
{
    const char *name = object_name(inode->object);
    size_t length = strlen(name);

    memcpy(buf, name, min_u64(length, size));
    return (long)length;
}

struct inode *ramfs_file(uint32_t mode, const void *data, uint64_t size, const char *name)
{
    static const struct inode_ops ops = {.release = release};
    struct inode *file = inode_create(&ops, &regular_ops, S_IFREG | mode);

    if (file && ramfs_set_contents(file, data, size, name) != 0) {
        inode_put(file);
        return NULL;
    }
    if (file)
        file->seals = F_SEAL_SEAL;
    return file;
}

struct inode *ramfs_unnamed(uint32_t mode, const char *shown)
{
    static const struct inode_ops ops = {.release = release, .name = file_name};
    struct inode *file = ramfs_file(mode, NULL, 0, shown);

    if (file)
        file->ops = &ops;
    return file;
}
