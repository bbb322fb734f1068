/* open and its kin. */
#include "kernel/abi/errno.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/syscall.h"

/* May @inode, which is there already, be opened with @flags? */
static long open_check(const struct inode *inode, uint32_t flags)
{
    bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode))
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (S_ISLNK(inode->mode))
        return -ELOOP;
    if (S_ISDIR(inode->mode) && (write || (flags & O_CREAT)))
        return -EISDIR;
    return inode_permission(inode, write ? W_OK : 0);
}

static long open_existing(const struct path *path, uint32_t flags, struct file **file)
{
    long err = open_check(path->inode, flags);

    if (err)
        return err;
    err = file_open(path->inode, flags, file);
    if (err)
        return err;
    if (S_ISREG(path->inode->mode) && (file_writable(*file) || (flags & O_TRUNC)))
        err = file_claim_write(*file);
    if (!err && (flags & O_TRUNC) && S_ISREG(path->inode->mode))
        err = ramfs_truncate(path->inode, 0);
    if (err)
        file_put(*file);
    return err;
}

/* A new regular file, open with all the rights that are asked for, whatever @mode says. */
static long create(uint32_t mode, uint32_t flags, struct file **file)
{
    struct inode *inode =
        ramfs_file(mode & S_PERMISSIONS & ~process_current()->umask, NULL, 0, NULL);
    long err = inode ? file_open(inode, flags, file) : -ENOMEM;

    inode_put(inode);
    if (!err && file_writable(*file))
        err = file_claim_write(*file); /* nobody executes it yet: 0 */
    return err;
}

static long open_new(const struct path *path, uint32_t flags, uint32_t mode, struct file **file)
{
    long err;

    if (path->dir->dev != DEV_RAM)
        return -ENOENT;
    err = create(mode, flags, file);
    if (err)
        return err;
    err = ramfs_enter(path->dir, path->name, (*file)->inode);
    if (err)
        file_put(*file);
    return err;
}

/* O_TMPFILE: in a directory, but without a name. */
static long open_unnamed(const struct path *path, uint32_t flags, uint32_t mode, struct file **file)
{
    long err;

    if (!S_ISDIR(path->inode->mode))
        return -ENOTDIR;
    if (path->inode->dev != DEV_RAM)
        return -EOPNOTSUPP;
    err = create(mode, flags, file);
    if (!err)
        (*file)->inode->linkable = !(flags & O_EXCL);
    return err;
}

/* Open what @path leads to, or make it; the file remembers by which name. */
static long open_path(const struct path *path, uint32_t flags, uint32_t mode, struct file **file)
{
    long err;

    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_unnamed(path, flags, mode, file);
    err = path->inode ? open_existing(path, flags, file) : open_new(path, flags, mode, file);
    if (!err)
        file_remember(*file, path);
    return err;
}

/* Flags that contradict each other. */
static long flags_check(uint32_t flags)
{
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    if ((flags & O_TMPFILE & ~O_DIRECTORY) &&
        ((flags & O_TMPFILE) != O_TMPFILE || (flags & O_ACCMODE) == O_RDONLY))
        return -EINVAL;
    return 0;
}

static unsigned lookup_flags(uint32_t flags)
{
    unsigned lookup = PATH_FOLLOW;

    if ((flags & O_NOFOLLOW) || ((flags & O_CREAT) && (flags & O_EXCL)))
        lookup = 0;
    return lookup | (flags & O_CREAT ? PATH_CREATE : 0);
}

static long open_at(int dir, vaddr_t name, uint32_t flags, uint32_t mode)
{
    struct process *process = process_current();
    struct path path;
    struct file *file;
    long result;

    flags = flags & O_PATH ? flags & O_PATH_FLAGS : flags | O_LARGEFILE;
    result = flags_check(flags);
    if (!result)
        result = files_room(process->files, process->limits[RLIMIT_NOFILE].cur);
    if (!result)
        result = lookup_user(dir, name, lookup_flags(flags), &path);
    if (result)
        return result;
    result = open_path(&path, flags, mode, &file);
    path_put(&path);
    return result ? result : file_install(file, flags);
}

SYSCALL3(open, vaddr_t, name, uint32_t, flags, uint32_t, mode)
{
    return open_at(AT_FDCWD, name, flags, mode);
}

SYSCALL4(openat, int, dir, vaddr_t, name, uint32_t, flags, uint32_t, mode)
{
    return open_at(dir, name, flags, mode);
}

SYSCALL2(creat, vaddr_t, name, uint32_t, mode)
{
    return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
