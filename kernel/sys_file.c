/* Calls on descriptors, and on what is open behind them, but for reading and writing it. */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/record_lock.h"
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

long file_install(struct file *file, uint32_t flags)
{
    long fd = files_add(process_current()->files, file, 0, limit(), flags & O_CLOEXEC);

    return fd < 0 ? put(file, fd) : fd;
}

SYSCALL3(close_range, uint32_t, first, uint32_t, last, uint32_t, flags)
{
    struct process *process = process_current();

    if ((flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    if ((flags & CLOSE_RANGE_UNSHARE) && files_unshare(&process->files))
        return -ENOMEM;
    for (uint64_t fd = first; fd <= last && fd < process->files->size; fd++) {
        struct descriptor *d = files_descriptor(process->files, (int)fd);

        if (d && (flags & CLOSE_RANGE_CLOEXEC))
            d->cloexec = true;
        else if (d)
            files_close(process->files, (int)fd);
    }
    return 0;
}

/* ---- What is set and asked of open files ---- */

/* Is @command about the descriptor, and not about what is open? */
static bool works_on_path(uint32_t command)
{
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
           command == F_SETFD || command == F_GETFL;
}

static void set_flags(struct file *file, uint32_t flags)
{
    const uint32_t settable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

    file->flags = (file->flags & ~settable) | (flags & settable);
}

/* Waiting, by another thread the descriptor may be closed. */
static long locks(struct file *file, int fd, uint32_t command, vaddr_t user)
{
    file_get(file);
    return put(file, record_lock(file, fd, command, user));
}

SYSCALL3(fcntl, int, fd, uint32_t, command, uint64_t, arg)
{
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
        return d->file->flags;
    case F_SETFL:
        set_flags(d->file, (uint32_t)arg);
        return 0;
    case F_GETPIPE_SZ:
        return pipe_size(d->file);
    case F_SETPIPE_SZ:
        return pipe_resize(d->file, (uint32_t)arg);
    case F_ADD_SEALS:
        return ramfs_add_seals(d->file, (uint32_t)arg);
    case F_GET_SEALS:
        return ramfs_seals(d->file);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return locks(d->file, fd, command, arg);
    default:
        return -EINVAL;
    }
}

/* FIONREAD of a regular file: what lies behind its position. */
static long put_unread(const struct file *file, vaddr_t user)
{
    int32_t unread = (int32_t)(file->inode->size - file->pos);

    return copy_to_user(user, &unread, sizeof(unread));
}

/* FIONBIO */
static long set_nonblocking(struct file *file, vaddr_t user)
{
    int32_t on;

    if (copy_from_user(&on, user, sizeof(on)))
        return -EFAULT;
    set_flags(file, on ? file->flags | O_NONBLOCK : file->flags & ~(uint32_t)O_NONBLOCK);
    return 0;
}

SYSCALL3(ioctl, int, fd, uint32_t, request, vaddr_t, arg)
{
    struct file *file = get(fd);
    long result = -ENOTTY;

    if (!file)
        return -EBADF;
    if (request == FIOCLEX || request == FIONCLEX) {
        files_descriptor(process_current()->files, fd)->cloexec = request == FIOCLEX;
        result = 0;
    } else if (request == FIONBIO) {
        result = set_nonblocking(file, arg);
    } else if (request == FIONREAD && S_ISREG(file->inode->mode)) {
        result = put_unread(file, arg);
    } else if (file->ops->ioctl) {
        result = file->ops->ioctl(file, request, arg);
    }
    return put(file, result);
}

/* ---- Everything is in RAM: there is nothing to write back ---- */

static long sync_file(int fd)
{
    struct file *file = get(fd);
    bool can;

    if (!file)
        return -EBADF;
    can = S_ISREG(file->inode->mode) || S_ISDIR(file->inode->mode);
    return put(file, can ? 0 : -EINVAL);
}

SYSCALL1(fsync, int, fd)
{
    return sync_file(fd);
}

SYSCALL1(fdatasync, int, fd)
{
    return sync_file(fd);
}

SYSCALL0(sync)
{
    return 0;
}

SYSCALL1(syncfs, int, fd)
{
    struct file *file = get(fd);

    return file ? put(file, 0) : -EBADF;
}

SYSCALL4(fadvise64, int, fd, int64_t, offset, int64_t, len, int, advice)
{
    struct file *file = get(fd);
    long result = 0;

    (void)offset;
    if (!file)
        return -EBADF;
    if (S_ISFIFO(file->inode->mode))
        result = -ESPIPE;
    else if (len < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE)
        result = -EINVAL;
    return put(file, result);
}

/* ---- There are no sockets ---- */

SYSCALL3(socket, int, family, int, type, int, protocol)
{
    (void)family, (void)type, (void)protocol;
    return -EAFNOSUPPORT;
}

SYSCALL4(socketpair, int, family, int, type, int, protocol, vaddr_t, fds)
{
    (void)family, (void)type, (void)protocol, (void)fds;
    return -EAFNOSUPPORT;
}
