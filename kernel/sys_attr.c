/* Calls that change what is known of a file: its mode, owner, times and length. */
#include "kernel/abi/errno.h"
#include "kernel/abi/memfd.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

/* What a descriptor stands for, as a path; -EBADF also for one of O_PATH. */
static long lookup_file(int fd, struct path *path)
{
    struct descriptor *d = files_descriptor(process_current()->files, fd);

    if (!d || (d->file->flags & O_PATH))
        return -EBADF;
    return lookup_descriptor(fd, path);
}

/* ---- Mode ---- */

static long set_mode(struct path *path, uint32_t mode)
{
    struct inode *inode = path->inode;
    long err = S_ISLNK(inode->mode) ? -EOPNOTSUPP : 0;

    if ((inode->seals & F_SEAL_EXEC) && ((inode->mode ^ mode) & 0111))
        err = -EPERM;
    if (!err) {
        inode->mode = (inode->mode & S_IFMT) | (mode & S_PERMISSIONS);
        inode_changed(inode);
    }
    path_put(path);
    return err;
}

static long chmod_at(int dir, vaddr_t name, uint32_t mode, int flags)
{
    struct path path;
    long err = lookup_at(dir, name, flags, &path);

    return err ? err : set_mode(&path, mode);
}

SYSCALL2(chmod, vaddr_t, name, uint32_t, mode)
{
    return chmod_at(AT_FDCWD, name, mode, 0);
}

SYSCALL3(fchmodat, int, dir, vaddr_t, name, uint32_t, mode)
{
    return chmod_at(dir, name, mode, 0);
}

SYSCALL4(fchmodat2, int, dir, vaddr_t, name, uint32_t, mode, int, flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return chmod_at(dir, name, mode, flags);
}

SYSCALL2(fchmod, int, fd, uint32_t, mode)
{
    struct path path;
    long err = lookup_file(fd, &path);

    return err ? err : set_mode(&path, mode);
}

/* ---- Owner; -1 leaves one as it is ---- */

/* A file that runs with its owner's rights loses that with its owner. */
static long set_owner(struct path *path, uint32_t uid, uint32_t gid)
{
    struct inode *inode = path->inode;

    if (uid != UINT32_MAX)
        inode->uid = uid;
    if (gid != UINT32_MAX)
        inode->gid = gid;
    if (!S_ISDIR(inode->mode))
        inode->mode &= ~(uint32_t)(S_ISUID | (inode->mode & S_IXGRP ? S_ISGID : 0));
    inode_changed(inode);
    path_put(path);
    return 0;
}

static long chown_at(int dir, vaddr_t name, uint32_t uid, uint32_t gid, int flags)
{
    struct path path;
    long err = lookup_at(dir, name, flags, &path);

    return err ? err : set_owner(&path, uid, gid);
}

SYSCALL3(chown, vaddr_t, name, uint32_t, uid, uint32_t, gid)
{
    return chown_at(AT_FDCWD, name, uid, gid, 0);
}

SYSCALL3(lchown, vaddr_t, name, uint32_t, uid, uint32_t, gid)
{
    return chown_at(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SYSCALL5(fchownat, int, dir, vaddr_t, name, uint32_t, uid, uint32_t, gid, int, flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return chown_at(dir, name, uid, gid, flags);
}

SYSCALL3(fchown, int, fd, uint32_t, uid, uint32_t, gid)
{
    struct path path;
    long err = lookup_file(fd, &path);

    return err ? err : set_owner(&path, uid, gid);
}

/* ---- Times ---- */

/* Access and modification as they are asked for; nsec may be UTIME_NOW or UTIME_OMIT. */
struct times {
    struct timespec access, modified;
};

static const struct times times_now = {{0, UTIME_NOW}, {0, UTIME_NOW}};

static bool time_ok(struct timespec time)
{
    return time.nsec == UTIME_NOW || time.nsec == UTIME_OMIT ||
           (time.nsec >= 0 && (uint64_t)time.nsec < NS_PER_SEC);
}

static void set_time(struct timespec *to, struct timespec from, struct timespec now)
{
    if (from.nsec != UTIME_OMIT)
        *to = from.nsec == UTIME_NOW ? now : from;
}

static bool omits_both(const struct times *times)
{
    return times->access.nsec == UTIME_OMIT && times->modified.nsec == UTIME_OMIT;
}

static void set_times(struct path *path, const struct times *times)
{
    struct inode *inode = path->inode;

    if (!omits_both(times)) {
        inode_changed(inode);
        set_time(&inode->atime, times->access, inode->ctime);
        set_time(&inode->mtime, times->modified, inode->ctime);
    }
    path_put(path);
}

/* Without a name, those of @dir itself. */
static long times_at(int dir, vaddr_t name, const struct times *times, int flags)
{
    struct path path;
    long err;

    if (!time_ok(times->access) || !time_ok(times->modified))
        return -EINVAL;
    if (omits_both(times))
        return 0;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (name || dir == AT_FDCWD)
        err = lookup_at(dir, name, flags, &path);
    else
        err = flags ? -EINVAL : lookup_file(dir, &path);
    if (!err)
        set_times(&path, times);
    return err;
}

SYSCALL4(utimensat, int, dir, vaddr_t, name, vaddr_t, user, int, flags)
{
    struct times times = times_now;

    if (user && copy_from_user(&times, user, sizeof(times)))
        return -EFAULT;
    return times_at(dir, name, &times, flags);
}

/* The same by seconds and microseconds. */
static long times_by_microseconds(int dir, vaddr_t name, vaddr_t user)
{
    struct times times = times_now;
    struct timeval t[2];

    if (user) {
        if (copy_from_user(t, user, sizeof(t)))
            return -EFAULT;
        if (t[0].usec < 0 || t[0].usec >= 1000000 || t[1].usec < 0 || t[1].usec >= 1000000)
            return -EINVAL;
        times = (struct times){{t[0].sec, t[0].usec * 1000}, {t[1].sec, t[1].usec * 1000}};
    }
    return times_at(dir, name, &times, 0);
}

SYSCALL2(utimes, vaddr_t, name, vaddr_t, times)
{
    return times_by_microseconds(AT_FDCWD, name, times);
}

SYSCALL3(futimesat, int, dir, vaddr_t, name, vaddr_t, times)
{
    return times_by_microseconds(dir, name, times);
}

SYSCALL2(utime, vaddr_t, name, vaddr_t, user)
{
    struct times times = times_now;
    int64_t seconds[2];

    if (user) {
        if (copy_from_user(seconds, user, sizeof(seconds)))
            return -EFAULT;
        times = (struct times){{seconds[0], 0}, {seconds[1], 0}};
    }
    return times_at(AT_FDCWD, name, &times, 0);
}

/* ---- Length ---- */

SYSCALL2(truncate, vaddr_t, name, int64_t, size)
{
    struct path path;
    long err;

    if (size < 0)
        return -EINVAL;
    err = lookup_user(AT_FDCWD, name, PATH_FOLLOW, &path);
    if (err)
        return err;
    if (!S_ISREG(path.inode->mode))
        err = S_ISDIR(path.inode->mode) ? -EISDIR : -EINVAL;
    else if (path.inode->claims < 0)
        err = -ETXTBSY;
    else
        err = ramfs_truncate(path.inode, (uint64_t)size);
    path_put(&path);
    return err;
}

SYSCALL2(ftruncate, int, fd, int64_t, size)
{
    struct file *file;
    long err;

    if (size < 0)
        return -EINVAL;
    file = files_lookup(process_current()->files, fd);
    if (!file)
        return -EBADF;
    err = S_ISREG(file->inode->mode) && file_writable(file)
              ? ramfs_truncate(file->inode, (uint64_t)size)
              : -EINVAL;
    file_put(file);
    return err;
}

SYSCALL4(fallocate, int, fd, int, mode, int64_t, offset, int64_t, len)
{
    struct file *file = files_lookup(process_current()->files, fd);
    long err;

    if (!file)
        return -EBADF;
    err = ramfs_fallocate(file, mode, offset, len);
    file_put(file);
    return err;
}
