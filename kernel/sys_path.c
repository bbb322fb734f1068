/* Calls that follow links, and the working directory. */
#include "kernel/abi/errno.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

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
    long err = fd == AT_FDCWD ? -EBADF : lookup_start(fd, &dir);

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
