/* Calls that read and write open files, and the position at which they do. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

enum direction { READ, WRITE };

static struct file *get(int fd)
{
    return files_lookup(process_current()->files, fd);
}

/* Give @file back and pass @result on. */
static long put(struct file *file, long result)
{
    file_put(file);
    return result;
}

/* ---- One transfer ---- */

/* Is @file open for this? 0, -EBADF, -EINVAL. */
static long transfer_check(const struct file *file, enum direction direction)
{
    if (direction == READ ? !file_readable(file) : !file_writable(file))
        return -EBADF;
    if (direction == READ ? !file->ops->read : !file->ops->write)
        return -EINVAL;
    return 0;
}

/* Where a transfer at @pos takes place: what is appended goes to the end. */
static uint64_t transfer_pos(const struct file *file, enum direction direction, uint64_t pos)
{
    bool append = direction == WRITE && (file->flags & O_APPEND) && S_ISREG(file->inode->mode);

    return append ? file->inode->size : pos;
}

/* The bytes that went over at @pos, or an errno when it was none. */
static long transfer_at(struct file *file, enum direction direction, struct io *io, uint64_t pos)
{
    pos = transfer_pos(file, direction, pos);
    return direction == READ ? file->ops->read(file, io, pos) : file->ops->write(file, io, pos);
}

/* The same at the file's own position, which moves on. */
static long transfer(struct file *file, enum direction direction, struct io *io)
{
    uint64_t pos = transfer_pos(file, direction, file->pos);
    long n = transfer_at(file, direction, io, pos);

    if (n > 0 && file->ops->seek == SEEK_ANY)
        file->pos = pos + (uint64_t)n;
    return n;
}

/* At @pos, or at the file's own position for NULL; not beyond 2^63 - 1. */
static long transfer_bytes(struct file *file, enum direction direction, vaddr_t buf, uint64_t len,
                           const uint64_t *pos)
{
    struct iovec piece = {buf, min_u64(len, RW_MAX)};
    struct io io = io_user(&piece, piece.len);
    long err = transfer_check(file, direction);

    if (!err && !user_range_ok(buf, len))
        err = -EFAULT;
    if (!err && len > INT64_MAX - (pos ? *pos : file->pos))
        err = -EINVAL;
    if (err)
        return err;
    return pos ? transfer_at(file, direction, &io, *pos) : transfer(file, direction, &io);
}

/* ---- In one piece ---- */

SYSCALL3(read, int, fd, vaddr_t, buf, uint64_t, len)
{
    struct file *file = get(fd);

    return file ? put(file, transfer_bytes(file, READ, buf, len, NULL)) : -EBADF;
}

SYSCALL3(write, int, fd, vaddr_t, buf, uint64_t, len)
{
    struct file *file = get(fd);

    return file ? put(file, transfer_bytes(file, WRITE, buf, len, NULL)) : -EBADF;
}

/* Get the file behind @fd to be read or written at @pos: 0, -EINVAL, -EBADF, -ESPIPE. */
static long get_at(int fd, int64_t pos, struct file **file)
{
    if (pos < 0)
        return -EINVAL;
    *file = get(fd);
    if (!*file)
        return -EBADF;
    return (*file)->ops->seek == SEEK_NONE ? put(*file, -ESPIPE) : 0;
}

static long bytes_at(int fd, enum direction direction, vaddr_t buf, uint64_t len, int64_t pos)
{
    struct file *file;
    long err = get_at(fd, pos, &file);

    return err ? err : put(file, transfer_bytes(file, direction, buf, len, &(uint64_t){pos}));
}

SYSCALL4(pread64, int, fd, vaddr_t, buf, uint64_t, len, int64_t, pos)
{
    return bytes_at(fd, READ, buf, len, pos);
}

SYSCALL4(pwrite64, int, fd, vaddr_t, buf, uint64_t, len, int64_t, pos)
{
    return bytes_at(fd, WRITE, buf, len, pos);
}

/* ---- In several pieces ---- */

/*
 * Fetch @count pieces to @iov and check them: no length negative, all in user memory, no more than
 * RW_MAX bytes. Returns how many bytes it is.
 */
static long fetch_iov(struct iovec *iov, vaddr_t user, uint64_t count)
{
    uint64_t total = 0;

    if (copy_from_user(iov, user, count * sizeof(*iov)))
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        if ((int64_t)iov[i].len < 0)
            return -EINVAL;
        if (!user_range_ok(iov[i].base, iov[i].len))
            return -EFAULT;
        iov[i].len = min_u64(iov[i].len, RW_MAX - total);
        total += iov[i].len;
    }
    return (long)total;
}

/* At @pos, or at the file's own position for NULL. */
static long transfer_iov(struct file *file, enum direction direction, vaddr_t user, uint64_t count,
                         const uint64_t *pos)
{
    long result = transfer_check(file, direction);
    struct iovec *iov;
    struct io io;

    if (!result && count > IOV_MAX)
        result = -EINVAL;
    if (result || !count)
        return result;
    iov = kmalloc(count * sizeof(*iov));
    if (!iov)
        return -ENOMEM;
    result = fetch_iov(iov, user, count);
    if (result > 0) {
        io = io_user(iov, (uint64_t)result);
        result = pos ? transfer_at(file, direction, &io, *pos) : transfer(file, direction, &io);
    }
    kfree(iov, count * sizeof(*iov));
    return result;
}

static long pieces(int fd, enum direction direction, vaddr_t iov, uint64_t count)
{
    struct file *file = get(fd);

    return file ? put(file, transfer_iov(file, direction, iov, count, NULL)) : -EBADF;
}

SYSCALL3(readv, int, fd, vaddr_t, iov, uint64_t, count)
{
    return pieces(fd, READ, iov, count);
}

SYSCALL3(writev, int, fd, vaddr_t, iov, uint64_t, count)
{
    return pieces(fd, WRITE, iov, count);
}

static long pieces_at(int fd, enum direction direction, vaddr_t iov, uint64_t count, int64_t pos)
{
    struct file *file;
    long err = get_at(fd, pos, &file);

    return err ? err : put(file, transfer_iov(file, direction, iov, count, &(uint64_t){pos}));
}

SYSCALL4(preadv, int, fd, vaddr_t, iov, uint64_t, count, int64_t, pos)
{
    return pieces_at(fd, READ, iov, count, pos);
}

SYSCALL4(pwritev, int, fd, vaddr_t, iov, uint64_t, count, int64_t, pos)
{
    return pieces_at(fd, WRITE, iov, count, pos);
}

/* With flags, of which there are none here; position -1 is the file's own. */
static long pieces_with(int fd, enum direction direction, vaddr_t iov, uint64_t count, int64_t pos,
                        uint32_t flags)
{
    if (flags)
        return -EOPNOTSUPP;
    return pos == -1 ? pieces(fd, direction, iov, count)
                     : pieces_at(fd, direction, iov, count, pos);
}

SYSCALL6(preadv2, int, fd, vaddr_t, iov, uint64_t, count, int64_t, pos, uint64_t, high, uint32_t,
         flags)
{
    (void)high; /* the upper half of a position, where registers are short */
    return pieces_with(fd, READ, iov, count, pos, flags);
}

SYSCALL6(pwritev2, int, fd, vaddr_t, iov, uint64_t, count, int64_t, pos, uint64_t, high, uint32_t,
         flags)
{
    (void)high;
    return pieces_with(fd, WRITE, iov, count, pos, flags);
}

/* ---- The position ---- */

/* Where @offset from @whence is in @file, or -EINVAL, -ENXIO. What is not in RAM has data all through. */
static int64_t seek_target(const struct file *file, int64_t offset, int whence)
{
    int64_t size = (int64_t)file->inode->size, target;

    switch (whence) {
    case SEEK_SET:
        return offset < 0 ? -EINVAL : offset;
    case SEEK_CUR:
    case SEEK_END:
        if (__builtin_add_overflow(whence == SEEK_CUR ? (int64_t)file->pos : size, offset, &target))
            return -EINVAL;
        return target < 0 ? -EINVAL : target;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (ramfs_object(file->inode))
            return ramfs_seek(file->inode, offset, whence == SEEK_DATA);
        if (offset < 0 || offset >= size)
            return -ENXIO;
        return whence == SEEK_DATA ? offset : size;
    default:
        return -EINVAL;
    }
}

SYSCALL3(lseek, int, fd, int64_t, offset, int, whence)
{
    struct file *file = get(fd);
    int64_t target;

    if (!file)
        return -EBADF;
    if (file->ops->seek != SEEK_ANY)
        return put(file, file->ops->seek == SEEK_NONE ? -ESPIPE : 0);
    target = whence > SEEK_CUR && file->ops->endless ? -EINVAL : seek_target(file, offset, whence);
    if (target >= 0)
        file->pos = (uint64_t)target;
    return put(file, target);
}
