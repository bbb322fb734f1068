/*
 * Files, directories and symbolic links in RAM. A file's contents are an object of mm/, so that
 * mmap and read see the same pages. The tree is filled at boot and read-only afterwards.
 */
#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/inode.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

/* One name in a directory. */
struct dirent {
    struct dirent *next;
    struct inode *inode;
    size_t size; /* of this struct, with the name */
    char name[];
};

static void directory_release(struct inode *dir)
{
    struct dirent *d, *next;

    for (d = dir->entries; d; d = next) {
        next = d->next;
        inode_put(d->inode);
        kfree(d, d->size);
    }
}

static struct dirent *find(const struct inode *dir, const char *name)
{
    struct dirent *d = dir->entries;

    while (d && strcmp(d->name, name) != 0)
        d = d->next;
    return d;
}

long ramfs_lookup(struct inode *dir, const char *name, struct inode **found)
{
    struct dirent *d = find(dir, name);

    if (!d)
        return -ENOENT;
    *found = inode_get(d->inode);
    return 0;
}

const char *ramfs_name_of(const struct inode *dir)
{
    const struct dirent *d = dir->parent->entries;

    while (d && d->inode != dir)
        d = d->next;
    return d ? d->name : NULL;
}

static const struct inode_ops directory_ops = {
    .lookup = ramfs_lookup,
    .release = directory_release,
};

struct inode *ramfs_directory(uint32_t mode)
{
    struct inode *dir = inode_create(&directory_ops, &file_directory_ops, S_IFDIR | mode);

    if (!dir)
        return NULL;
    dir->nlink = 1;
    dir->parent = dir;
    return dir;
}

/* Take the name @d away from what has it now and give it to @inode. */
static void dirent_set(struct dirent *d, struct inode *dir, struct inode *inode)
{
    struct inode *old = d->inode;

    d->inode = inode_get(inode);
    inode->nlink++;
    if (S_ISDIR(inode->mode))
        inode->parent = inode_get(dir);
    if (!old)
        return;
    old->nlink--;
    inode_put(old);
}

long ramfs_link(struct inode *dir, const char *name, struct inode *inode)
{
    struct dirent *d = find(dir, name);
    size_t length = strlen(name);

    if (!d) {
        d = kmalloc(sizeof(*d) + length + 1);
        if (!d)
            return -ENOMEM;
        d->size = sizeof(*d) + length + 1;
        memcpy(d->name, name, length + 1);
        d->next = dir->entries;
        dir->entries = d;
    }
    if (d->inode && S_ISDIR(d->inode->mode) && d->inode->entries)
        return -ENOTEMPTY;
    dirent_set(d, dir, inode);
    return 0;
}

/* ---- Regular files ---- */

static void file_release(struct inode *inode)
{
    if (inode->object)
        object_put(inode->object);
}

/* Through a page of our own: the object's lock is not to be held while user memory is touched. */
static long file_read(struct file *file, vaddr_t buf, uint64_t len, uint64_t pos)
{
    uint64_t size = file->inode->size, done = 0;
    char *page;
    long err = 0;

    if (pos >= size)
        return 0;
    len = min_u64(len, size - pos);
    page = kmalloc(PAGE_SIZE);
    if (!page)
        return -ENOMEM;
    while (done < len && !err) {
        uint64_t n =
            user_piece(buf + done, min_u64(len - done, PAGE_SIZE - page_offset(pos + done)));

        err = object_read(file->inode->object, pos + done, page, n);
        if (!err)
            err = copy_to_user(buf + done, page, n);
        if (!err)
            done += n;
    }
    kfree(page, PAGE_SIZE);
    return done > 0 ? (long)done : err;
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
static const struct inode_ops file_ops = {.release = file_release};

long ramfs_set_contents(struct inode *file, const void *data, uint64_t size, const char *name)
{
    struct object *object = object_create(size, name);
    long err = object ? object_write(object, 0, data, size) : -ENOMEM;

    if (err) {
        if (object)
            object_put(object);
        return err;
    }
    file_release(file);
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
    struct inode *file = inode_create(&file_ops, &regular_ops, S_IFREG | mode);

    if (file && ramfs_set_contents(file, data, size, name) != 0) {
        inode_put(file);
        return NULL;
    }
    return file;
}

/* ---- Symbolic links ---- */

static long link_read(struct inode *link, char *buf, size_t size)
{
    size = min_u64(size, link->size);
    memcpy(buf, link->target, size);
    return (long)size;
}

static void link_release(struct inode *link)
{
    if (link->target)
        kfree(link->target, link->size + 1);
}

static const struct inode_ops link_ops = {.readlink = link_read, .release = link_release};

struct inode *ramfs_symlink(const char *target, size_t length)
{
    struct inode *link = inode_create(&link_ops, NULL, S_IFLNK | 0777);

    if (!link)
        return NULL;
    link->size = length;
    link->target = kmalloc(length + 1);
    if (!link->target) {
        inode_put(link);
        return NULL;
    }
    memcpy(link->target, target, length);
    return link;
}
