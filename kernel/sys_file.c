/* Calls on descriptors, and on what is open behind them, but for reading and writing it. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
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
