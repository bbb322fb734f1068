/* How long a regular file in RAM is, which of its pages are there, and the seals that forbid to change that. */
#include "kernel/abi/errno.h"
#include "kernel/abi/memfd.h"
#include "kernel/file.h"
#include "kernel/panic.h"
#include "kernel/process.h"

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
    uint32_t seal = size > inode->size ? F_SEAL_GROW : size < inode->size ? F_SEAL_SHRINK : 0;
    long err = size > inode->size ? limit_check(size) : 0;

    if (!ramfs_object(inode))
        return 0;
    if (!err && (inode->seals & seal))
        err = -EPERM;
    if (!err && size != inode->size)
        err = resize(inode, size);
    if (!err)
        inode_modified(inode);
    return err;
}

long ramfs_write_room(const struct inode *inode, uint64_t pos, uint64_t len)
{
    uint64_t limit = process_current()->limits[RLIMIT_FSIZE].cur;

    if (pos >= limit)
        return limit_check(pos + 1);
    if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return -EPERM;
    return (long)min_u64(len, limit - pos);
}

long ramfs_grow(struct inode *inode, uint64_t size)
{
    long err;

    if (size <= inode->size)
        return 0;
    if (inode->seals & F_SEAL_GROW)
        return -EPERM;
    err = resize(inode, size);
    return err == -ENOMEM ? -ENOSPC : err;
}

void ramfs_shrink_back(struct inode *inode, uint64_t size)
{
    if (size < inode->size && resize(inode, size))
        panic("a file cannot become shorter");
}

/* ---- fallocate ---- */

static long allocate_check(const struct file *file, int mode, int64_t offset, int64_t len)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    if (offset < 0 || len <= 0)
        return -EINVAL;
    if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE && mode != punch)
        return -EOPNOTSUPP;
    if (!file_writable(file))
        return -EBADF;
    if (S_ISFIFO(file->inode->mode))
        return -ESPIPE;
    if (S_ISDIR(file->inode->mode))
        return -EISDIR;
    if (!ramfs_object(file->inode))
        return -ENODEV;
    return len > INT64_MAX - offset ? -EFBIG : 0;
}

static long punch(struct inode *inode, uint64_t offset, uint64_t len)
{
    if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return -EPERM;
    object_punch(inode->object, offset, len);
    inode_modified(inode);
    return 0;
}

/* Have all pages of [@offset, @end), below the file's end. 0 or -ENOSPC. */
static long fill(struct inode *inode, uint64_t offset, uint64_t end)
{
    return offset < end && object_fill(inode->object, offset, end - offset) ? -ENOSPC : 0;
}

/* What lies beyond the end when the size is kept is not remembered: it would be no use before the file grows. */
static long allocate(struct inode *inode, uint64_t offset, uint64_t end, bool keep_size)
{
    uint64_t size = inode->size;
    long err = keep_size || end <= size ? 0 : limit_check(end);

    if (!err && !keep_size)
        err = ramfs_grow(inode, end);
    if (!err)
        err = fill(inode, offset, min_u64(end, inode->size));
    if (err)
        ramfs_shrink_back(inode, size);
    else
        inode_modified(inode);
    return err;
}

long ramfs_fallocate(struct file *file, int mode, int64_t offset, int64_t len)
{
    long err = allocate_check(file, mode, offset, len);
    uint64_t start = (uint64_t)offset, end = start + (uint64_t)len;

    if (err)
        return err;
    if (mode & FALLOC_FL_PUNCH_HOLE)
        return punch(file->inode, start, end - start);
    return allocate(file->inode, start, end, mode & FALLOC_FL_KEEP_SIZE);
}

/* ---- Data and holes, for lseek ---- */

int64_t ramfs_seek(const struct inode *inode, int64_t offset, bool data)
{
    uint64_t at;

    if (offset < 0 || (uint64_t)offset >= inode->size)
        return -ENXIO;
    at = object_seek(inode->object, (uint64_t)offset, data);
    return data && at == inode->size ? -ENXIO : (int64_t)at;
}

/* ---- Seals ---- */

long ramfs_seals(const struct file *file)
{
    return ramfs_object(file->inode) ? (long)file->inode->seals : -EINVAL;
}

long ramfs_add_seals(struct file *file, uint32_t seals)
{
    struct inode *inode = file->inode;

    if (!ramfs_object(inode))
        return -EINVAL;
    if (!file_writable(file))
        return -EPERM;
    if (seals & ~(uint32_t)F_SEALS)
        return -EINVAL;
    if (inode->seals & F_SEAL_SEAL)
        return -EPERM;
    if ((seals & F_SEAL_WRITE) && !(inode->seals & F_SEAL_WRITE) &&
        object_mapped_shared(inode->object))
        return -EBUSY;
    if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    inode->seals |= seals;
    return 0;
}
