/* Calls that look at files: stat and its kin, access, what a file system has. */
#include "kernel/abi/errno.h"
#include "kernel/frames.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* ---- stat ---- */

/* As lookup_at(); address 0 stands for an empty name too. */
static long lookup_stat(int dir, vaddr_t name, int flags, struct path *path)
{
    if (!name && (flags & AT_EMPTY_PATH))
        return lookup_descriptor(dir, path);
    return lookup_at(dir, name, flags, path);
}

static long stat_at(int dir, vaddr_t name, vaddr_t buf, int flags)
{
    struct path path;
    struct stat st;
    long err = lookup_stat(dir, name, flags, &path);

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

SYSCALL2(fstat, int, fd, vaddr_t, buf)
{
    struct descriptor *d = files_descriptor(process_current()->files, fd);
    struct stat st;

    if (!d)
        return -EBADF;
    inode_stat(d->file->inode, &st);
    return copy_to_user(buf, &st, sizeof(st));
}

static struct statx_timestamp timestamp(struct timespec time)
{
    return (struct statx_timestamp){.sec = time.sec, .nsec = (uint32_t)time.nsec};
}

static void fill_statx(const struct inode *inode, struct statx *stx)
{
    struct stat st;

    inode_stat(inode, &st);
    *stx = (struct statx){
        .mask = STATX_BASIC_STATS | STATX_BTIME,
        .blksize = (uint32_t)st.blksize,
        .nlink = (uint32_t)st.nlink,
        .uid = st.uid,
        .gid = st.gid,
        .mode = (uint16_t)st.mode,
        .ino = st.ino,
        .size = (uint64_t)st.size,
        .blocks = (uint64_t)st.blocks,
        .atime = timestamp(st.atime),
        .btime = timestamp(inode->btime),
        .ctime = timestamp(st.ctime),
        .mtime = timestamp(st.mtime),
        .rdev_major = (uint32_t)(st.rdev >> 8),
        .rdev_minor = st.rdev & 0xff,
        .dev_major = (uint32_t)(st.dev >> 8),
        .dev_minor = st.dev & 0xff,
    };
}

SYSCALL5(statx, int, dir, vaddr_t, name, uint32_t, flags, uint32_t, mask, vaddr_t, buf)
{
    const uint32_t known =
        AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    struct path path;
    struct statx stx;
    long err;

    if ((mask & STATX_RESERVED) || (flags & ~known) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    err = lookup_stat(dir, name, (int)flags, &path);
    if (err)
        return err;
    fill_statx(path.inode, &stx);
    path_put(&path);
    return copy_to_user(buf, &stx, sizeof(stx));
}

/* ---- access ---- */

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

/* ---- What a file system has ---- */

static void fill_statfs(const struct inode *inode, struct statfs *st)
{
    static const uint32_t magic[] = {[DEV_RAM] = TMPFS_MAGIC,
                                     [DEV_PROC] = PROC_SUPER_MAGIC,
                                     [DEV_PIPE] = PIPEFS_MAGIC,
                                     [DEV_ANON] = ANON_INODE_FS_MAGIC};

    *st = (struct statfs){
        .type = magic[inode->dev],
        .bsize = (int64_t)PAGE_SIZE,
        .frsize = (int64_t)PAGE_SIZE,
        .namelen = NAME_MAX,
    };
    if (inode->dev != DEV_RAM)
        return;
    st->blocks = frames_total_count();
    st->bfree = st->bavail = frames_free_count();
    st->files = st->ffree = frames_free_count();
}

SYSCALL2(statfs, vaddr_t, name, vaddr_t, buf)
{
    struct path path;
    struct statfs st;
    long err = lookup_user(AT_FDCWD, name, PATH_FOLLOW, &path);

    if (err)
        return err;
    fill_statfs(path.inode, &st);
    path_put(&path);
    return copy_to_user(buf, &st, sizeof(st));
}

SYSCALL2(fstatfs, int, fd, vaddr_t, buf)
{
    struct descriptor *d = files_descriptor(process_current()->files, fd);
    struct statfs st;

    if (!d)
        return -EBADF;
    fill_statfs(d->file->inode, &st);
    return copy_to_user(buf, &st, sizeof(st));
}
