/* Calls on open files, by descriptor. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

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

/* ---- read and write ---- */

enum direction { READ, WRITE };

/* Is @file open for this, and can @len bytes be at @buf at all? 0, -EBADF, -EINVAL, -EFAULT. */
static long transfer_check(const struct file *file, enum direction direction, vaddr_t buf,
                           uint64_t len)
{
    if (direction == READ ? !file_readable(file) : !file_writable(file))
        return -EBADF;
    if (direction == READ ? !file->ops->read : !file->ops->write)
        return -EINVAL;
    return user_range_ok(buf, len) ? 0 : -EFAULT;
}

/* Read or write at @pos, not beyond 2^63 - 1. The bytes that went over, or an errno when it was none. */
static long transfer_at(struct file *file, enum direction direction, vaddr_t buf, uint64_t len,
                        uint64_t pos)
{
    long err = transfer_check(file, direction, buf, len);

    if (!err && len > INT64_MAX - pos)
        err = -EINVAL;
    if (err)
        return err;
    len = min_u64(len, RW_MAX);
    return direction == READ ? file->ops->read(file, buf, len, pos)
                             : file->ops->write(file, buf, len, pos);
}

/* The same at the file's own position, which moves on. */
static long transfer(struct file *file, enum direction direction, vaddr_t buf, uint64_t len)
{
    long n = transfer_at(file, direction, buf, len, file->pos);

    if (n > 0 && file->ops->seek == SEEK_ANY)
        file->pos += (uint64_t)n;
    return n;
}

SYSCALL3(read, int, fd, vaddr_t, buf, uint64_t, len)
{
    struct file *file = get(fd);

    return file ? put(file, transfer(file, READ, buf, len)) : -EBADF;
}

SYSCALL3(write, int, fd, vaddr_t, buf, uint64_t, len)
{
    struct file *file = get(fd);

    return file ? put(file, transfer(file, WRITE, buf, len)) : -EBADF;
}

SYSCALL4(pread64, int, fd, vaddr_t, buf, uint64_t, len, int64_t, pos)
{
    struct file *file;

    if (pos < 0)
        return -EINVAL;
    file = get(fd);
    if (!file)
        return -EBADF;
    if (file->ops->seek == SEEK_NONE)
        return put(file, -ESPIPE);
    return put(file, transfer_at(file, READ, buf, len, (uint64_t)pos));
}

/* Fetch @count pieces to @iov and check them: no length negative, all in user memory. */
static long fetch_iov(struct iovec *iov, vaddr_t user, uint64_t count)
{
    long err = copy_from_user(iov, user, count * sizeof(*iov));

    for (uint64_t i = 0; !err && i < count; i++) {
        if ((int64_t)iov[i].len < 0)
            err = -EINVAL;
        else if (!user_range_ok(iov[i].base, iov[i].len))
            err = -EFAULT;
    }
    return err;
}

/* One piece after the other, until one is short; an errno only when nothing went over. */
static long transfer_pieces(struct file *file, enum direction direction, const struct iovec *iov,
                            uint64_t count)
{
    uint64_t total = 0;

    for (uint64_t i = 0; i < count && total < RW_MAX; i++) {
        uint64_t len = min_u64(iov[i].len, RW_MAX - total);
        long n = len ? transfer(file, direction, iov[i].base, len) : 0;

        if (n < 0)
            return total ? (long)total : n;
        total += (uint64_t)n;
        if ((uint64_t)n < len)
            break;
    }
    return (long)total;
}

static long transfer_iov(int fd, enum direction direction, vaddr_t user, uint64_t count)
{
    struct file *file = get(fd);
    struct iovec *iov;
    long result;

    if (!file)
        return -EBADF;
    result = transfer_check(file, direction, 0, 0);
    if (!result && count > IOV_MAX)
        result = -EINVAL;
    if (result || !count)
        return put(file, result);
    iov = kmalloc(count * sizeof(*iov));
    if (!iov)
        return put(file, -ENOMEM);
    result = fetch_iov(iov, user, count);
    if (!result)
        result = transfer_pieces(file, direction, iov, count);
    kfree(iov, count * sizeof(*iov));
    return put(file, result);
}

SYSCALL3(readv, int, fd, vaddr_t, iov, uint64_t, count)
{
    return transfer_iov(fd, READ, iov, count);
}

SYSCALL3(writev, int, fd, vaddr_t, iov, uint64_t, count)
{
    return transfer_iov(fd, WRITE, iov, count);
}

/* ---- Position, state, control ---- */

/* Where @offset from @whence is in @file, or -EINVAL, -ENXIO. A file here has data all through. */
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
    target = seek_target(file, offset, whence);
    if (target >= 0)
        file->pos = (uint64_t)target;
    return put(file, target);
}

SYSCALL2(fstat, int, fd, vaddr_t, buf)
{
    struct file *file = files_lookup_path(process_current()->files, fd);
    struct stat st;

    if (!file)
        return -EBADF;
    inode_stat(file->inode, &st);
    return put(file, copy_to_user(buf, &st, sizeof(st)));
}

SYSCALL3(ioctl, int, fd, uint32_t, request, vaddr_t, arg)
{
    struct file *file = get(fd);

    if (!file)
        return -EBADF;
    return put(file, file->ops->ioctl ? file->ops->ioctl(file, request, arg) : -ENOTTY);
}

/* ---- Descriptors ---- */

SYSCALL1(close, int, fd)
{
    return files_close(process_current()->files, fd);
}

static uint64_t limit(void)
{
    return process_current()->limits[RLIMIT_NOFILE].cur;
}

/* A second descriptor for @fd's file, the lowest free one from @lowest up. */
static long duplicate(int fd, uint64_t lowest, bool cloexec)
{
    struct files *files = process_current()->files;
    struct file *file = files_lookup_path(files, fd);
    long new;

    if (!file)
        return -EBADF;
    new = lowest < limit() ? files_add(files, file, (uint32_t)lowest, limit(), cloexec) : -EINVAL;
    if (new < 0)
        file_put(file);
    return new;
}

SYSCALL1(dup, int, fd)
{
    struct files *files = process_current()->files;
    struct file *file = files_lookup_path(files, fd);
    long new;

    if (!file)
        return -EBADF;
    new = files_add(files, file, 0, limit(), false);
    if (new < 0)
        file_put(file);
    return new;
}

/* dup2 and dup3 once the descriptors are known to differ. */
static long duplicate_to(int fd, uint32_t new, bool cloexec)
{
    struct files *files = process_current()->files;
    struct file *file;
    long err;

    if (new >= limit())
        return -EBADF;
    file = files_lookup_path(files, fd);
    if (!file)
        return -EBADF;
    err = files_set(files, new, file, cloexec);
    if (err)
        return put(file, err);
    return new;
}

SYSCALL2(dup2, int, fd, uint32_t, new)
{
    if ((uint32_t)fd == new)
        return files_descriptor(process_current()->files, fd) ? fd : -EBADF;
    return duplicate_to(fd, new, false);
}

SYSCALL3(dup3, int, fd, uint32_t, new, uint32_t, flags)
{
    if ((flags & ~(uint32_t)O_CLOEXEC) || (uint32_t)fd == new)
        return -EINVAL;
    return duplicate_to(fd, new, flags & O_CLOEXEC);
}

/* Is @command about the descriptor, and not about what is open? */
static bool works_on_path(uint32_t command)
{
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
           command == F_SETFD || command == F_GETFL;
}

SYSCALL3(fcntl, int, fd, uint32_t, command, uint64_t, arg)
{
    const uint32_t settable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
    struct descriptor *d = files_descriptor(process_current()->files, fd);

    if (!d || ((d->file->flags & O_PATH) && !works_on_path(command)))
        return -EBADF;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(fd, (uint32_t)arg, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return d->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        d->cloexec = arg & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return d->file->flags & O_PATH ? d->file->flags : d->file->flags | O_LARGEFILE;
    case F_SETFL:
        d->file->flags = (d->file->flags & ~settable) | ((uint32_t)arg & settable);
        return 0;
    default:
        return -EINVAL;
    }
}
