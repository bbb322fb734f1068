#include "kernel/lookup.h"

#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"

long lookup_start(int fd, struct inode **start)
{
    struct process *process = process_current();
    struct descriptor *d;

    if (fd == AT_FDCWD) {
        *start = inode_get(process->cwd);
        return 0;
    }
    d = files_descriptor(process->files, fd);
    if (!d)
        return -EBADF;
    if (!S_ISDIR(d->file->inode->mode))
        return -ENOTDIR;
    *start = inode_get(d->file->inode);
    return 0;
}

long lookup_fetch(vaddr_t user, char **name)
{
    char *buf = kmalloc_buffer(PATH_MAX);
    long length;

    if (!buf)
        return -ENOMEM;
    length = strncpy_from_user(buf, user, PATH_MAX);
    if (length < 0 || length == PATH_MAX) {
        kfree(buf, PATH_MAX);
        return length < 0 ? length : -ENAMETOOLONG;
    }
    *name = buf;
    return 0;
}

long lookup_name(int fd, const char *name, unsigned flags, struct path *path)
{
    struct inode *start = NULL;
    long err = *name == '/' ? 0 : *name ? lookup_start(fd, &start) : -ENOENT;

    if (!err)
        err = path_lookup(start, name, flags, path);
    inode_put(start);
    return err;
}

long lookup_user(int fd, vaddr_t user, unsigned flags, struct path *path)
{
    char *name;
    long err = lookup_fetch(user, &name);

    if (err)
        return err;
    err = lookup_name(fd, name, flags, path);
    kfree(name, PATH_MAX);
    return err;
}

long lookup_descriptor(int fd, struct path *path)
{
    struct process *process = process_current();
    struct descriptor *d = files_descriptor(process->files, fd);

    if (fd != AT_FDCWD && !d)
        return -EBADF;
    path->dir = NULL;
    path->inode = inode_get(fd == AT_FDCWD ? process->cwd : d->file->inode);
    path->name[0] = '\0';
    path->end = PATH_DOT;
    path->slash = false;
    return 0;
}

long lookup_at(int fd, vaddr_t user, int flags, struct path *path)
{
    char first;

    if (flags & AT_EMPTY_PATH) {
        if (copy_from_user(&first, user, 1))
            return -EFAULT;
        if (!first)
            return lookup_descriptor(fd, path);
    }
    return lookup_user(fd, user, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW, path);
}
