/* Calls on names of files. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/*
 * The directory that relative names start from: the working directory, or what @fd has open. With a
 * reference. 0, -EBADF, -ENOTDIR.
 */
static long start_directory(int fd, struct inode **start)
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

/* Fetch the name at @user to a new buffer of PATH_MAX bytes. */
static long fetch_name(vaddr_t user, char **name)
{
    char *buf = kmalloc(PATH_MAX);
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

/* Where the name at @user leads, seen from @fd. The errnos of path_lookup(), -EFAULT, -EBADF. */
static long lookup_user(int fd, vaddr_t user, unsigned flags, struct path *path)
{
    struct inode *start = NULL;
    char *name;
    long err = fetch_name(user, &name);

    if (err)
        return err;
    err = *name == '/' ? 0 : *name ? start_directory(fd, &start) : -ENOENT;
    if (!err)
        err = path_lookup(start, name, flags, path);
    inode_put(start);
    kfree(name, PATH_MAX);
    return err;
}

/* ---- open ---- */

/* May @inode be opened with @flags? The tree is read-only: no file in it can be written. */
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

/* Open what was found, as the lowest free descriptor. */
static long open_inode(struct inode *inode, uint32_t flags)
{
    struct process *process = process_current();
    struct file *file;
    long fd, err = open_check(inode, flags);

    if (!err)
        err = file_open(inode, flags, &file);
    if (err)
        return err;
    fd = files_add(process->files, file, 0, process->limits[RLIMIT_NOFILE].cur, flags & O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

static long open_at(int dir, vaddr_t name, uint32_t flags)
{
    unsigned lookup = PATH_FOLLOW;
    struct path path;
    long result;

    if (flags & O_PATH)
        flags &= O_PATH_FLAGS;
    if ((flags & O_CREAT) && (flags & O_DIRECTORY))
        return -EINVAL;
    if ((flags & O_NOFOLLOW) || ((flags & O_CREAT) && (flags & O_EXCL)))
        lookup = 0;
    if (flags & O_CREAT)
        lookup |= PATH_CREATE;
    result = lookup_user(dir, name, lookup, &path);
    if (result)
        return result;
    result = path.inode ? open_inode(path.inode, flags) : -EROFS;
    path_put(&path);
    return result;
}

SYSCALL2(open, vaddr_t, name, uint32_t, flags)
{
    return open_at(AT_FDCWD, name, flags);
}

SYSCALL3(openat, int, dir, vaddr_t, name, uint32_t, flags)
{
    return open_at(dir, name, flags);
}

/* ---- stat, access ---- */

/* What an empty name with AT_EMPTY_PATH stands for: what @fd has open, or the working directory. */
static long lookup_descriptor(int fd, struct path *path)
{
    struct process *process = process_current();
    struct descriptor *d = files_descriptor(process->files, fd);

    if (fd != AT_FDCWD && !d)
        return -EBADF;
    path->dir = NULL;
    path->inode = inode_get(fd == AT_FDCWD ? process->cwd : d->file->inode);
    return 0;
}

/* As lookup_user(), with the AT_ flags that change what a name means. */
static long lookup_at(int dir, vaddr_t name, int flags, struct path *path)
{
    char first;

    if (flags & AT_EMPTY_PATH) {
        if (copy_from_user(&first, name, 1))
            return -EFAULT;
        if (!first)
            return lookup_descriptor(dir, path);
    }
    return lookup_user(dir, name, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW, path);
}

static long stat_at(int dir, vaddr_t name, vaddr_t buf, int flags)
{
    struct path path;
    struct stat st;
    long err;

    if (!name && (flags & AT_EMPTY_PATH))
        err = lookup_descriptor(dir, &path);
    else
        err = lookup_at(dir, name, flags, &path);
    if (err)
        return err;
    inode_stat(path.inode, &st);
    path_put(&path);
    return copy_to_user(buf, &st, sizeof(st));
}

SYSCALL2(stat, vaddr_t, name, vaddr_t, buf)
{
    return stat_at(AT_FDCWD, name, buf, 0);
}

SYSCALL2(lstat, vaddr_t, name, vaddr_t, buf)
{
    return stat_at(AT_FDCWD, name, buf, AT_SYMLINK_NOFOLLOW);
}

SYSCALL4(newfstatat, int, dir, vaddr_t, name, vaddr_t, buf, int, flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return stat_at(dir, name, buf, flags);
}

static long access_at(int dir, vaddr_t name, uint32_t mode, int flags)
{
    struct path path;
    long err;

    if (mode & ~(uint32_t)(R_OK | W_OK | X_OK))
        return -EINVAL;
    err = lookup_at(dir, name, flags, &path);
    if (err)
        return err;
    err = inode_permission(path.inode, mode);
    path_put(&path);
    return err;
}

SYSCALL2(access, vaddr_t, name, uint32_t, mode)
{
    return access_at(AT_FDCWD, name, mode, 0);
}

SYSCALL3(faccessat, int, dir, vaddr_t, name, uint32_t, mode)
{
    return access_at(dir, name, mode, 0);
}

SYSCALL4(faccessat2, int, dir, vaddr_t, name, uint32_t, mode, int, flags)
{
    if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return access_at(dir, name, mode, flags);
}

/* ---- Links ---- */

/* The target of @link to @size bytes at @user, without a NUL. */
static long readlink_out(struct inode *link, vaddr_t user, uint64_t size)
{
    char *target;
    long n;

    if (!S_ISLNK(link->mode))
        return -EINVAL;
    target = kmalloc(PATH_MAX);
    if (!target)
        return -ENOMEM;
    n = link->ops->readlink(link, target, PATH_MAX);
    if (n > 0) {
        n = (long)min_u64((uint64_t)n, size);
        if (copy_to_user(user, target, (uint64_t)n))
            n = -EFAULT;
    }
    kfree(target, PATH_MAX);
    return n;
}

static long readlink_at(int dir, vaddr_t name, vaddr_t buf, int size)
{
    struct path path;
    long n;

    if (size <= 0)
        return -EINVAL;
    n = lookup_user(dir, name, 0, &path);
    if (n)
        return n;
    n = readlink_out(path.inode, buf, (uint64_t)size);
    path_put(&path);
    return n;
}

SYSCALL3(readlink, vaddr_t, name, vaddr_t, buf, int, size)
{
    return readlink_at(AT_FDCWD, name, buf, size);
}

SYSCALL4(readlinkat, int, dir, vaddr_t, name, vaddr_t, buf, int, size)
{
    return readlink_at(dir, name, buf, size);
}

/* ---- The working directory ---- */

SYSCALL2(getcwd, vaddr_t, buf, uint64_t, size)
{
    char *name = kmalloc(PATH_MAX);
    long length;

    if (!name)
        return -ENOMEM;
    length = path_name(process_current()->cwd, "", name, PATH_MAX);
    if (length >= 0)
        length++; /* the NUL counts */
    if (length > 0 && (uint64_t)length > size)
        length = -ERANGE;
    if (length > 0 && copy_to_user(buf, name, (uint64_t)length))
        length = -EFAULT;
    kfree(name, PATH_MAX);
    return length;
}

static void set_cwd(struct inode *dir)
{
    struct process *process = process_current();

    inode_get(dir);
    inode_put(process->cwd);
    process->cwd = dir;
}

SYSCALL1(chdir, vaddr_t, name)
{
    struct path path;
    long err = lookup_user(AT_FDCWD, name, PATH_FOLLOW, &path);

    if (err)
        return err;
    if (S_ISDIR(path.inode->mode))
        set_cwd(path.inode);
    else
        err = -ENOTDIR;
    path_put(&path);
    return err;
}

SYSCALL1(fchdir, int, fd)
{
    struct inode *dir;
    long err = fd == AT_FDCWD ? -EBADF : start_directory(fd, &dir);

    if (err)
        return err;
    set_cwd(dir);
    inode_put(dir);
    return 0;
}

SYSCALL1(umask, uint32_t, mask)
{
    uint32_t old = process_current()->umask;

    process_current()->umask = mask & 0777;
    return old;
}
