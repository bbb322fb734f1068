/* pidfd_open: the file is ready to be read once its process has ended. */
#include "kernel/pidfd.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/file.h"
#include "kernel/string.h"
#include "kernel/syscall.h"

#define PIDFD_NONBLOCK O_NONBLOCK

/*
 * What it stands for is in the inode, which /proc/PID/fd opens again. A number is given out again too, but not with the
 * same time of birth.
 */
static struct process *process_of(const struct file *file)
{
    struct proc_id id = file->inode->proc_id;
    struct process *process = process_find(id.pid);

    return process && process->started_ns == id.started_ns ? process : NULL;
}

static uint32_t pidfd_poll(struct file *file)
{
    const struct process *process = process_of(file);

    if (!process)
        return POLLIN | POLLRDNORM | POLLHUP;
    return process->ended ? POLLIN | POLLRDNORM : 0;
}

static long pidfd_name(const struct inode *inode, char *buf, size_t size)
{
    static const char name[] = "anon_inode:[pidfd]";

    (void)inode;
    memcpy(buf, name, min_u64(sizeof(name) - 1, size));
    return sizeof(name) - 1;
}

static const struct file_ops pidfd_ops = {
    .seek = SEEK_NONE,
    .poll = pidfd_poll,
};

static long create(const struct process *process, uint32_t flags, struct file **file)
{
    static const struct inode_ops ops = {.name = pidfd_name};
    struct inode *inode = inode_create(&ops, &pidfd_ops, 0600);
    long err;

    if (!inode)
        return -ENOMEM;
    inode->dev = DEV_ANON;
    inode->nlink = 1;
    inode->proc_id = (struct proc_id){.pid = process->pid, .started_ns = process->started_ns};
    err = file_open(inode, O_RDWR | flags, file);
    inode_put(inode);
    return err;
}

SYSCALL2(pidfd_open, int, pid, uint32_t, flags)
{
    const struct process *process = process_find(pid);
    struct file *file;
    long err;

    if ((flags & ~(uint32_t)PIDFD_NONBLOCK) || pid <= 0)
        return -EINVAL;
    if (!process)
        return thread_find(pid) ? -ENOENT : -ESRCH;
    err = create(process, flags, &file);
    return err ? err : file_install(file, flags | O_CLOEXEC);
}

long pidfd_process(int fd, struct process **process, bool *nonblocking)
{
    struct file *file = files_lookup(process_current()->files, fd);
    long err = file && file->ops == &pidfd_ops ? 0 : -EBADF;

    if (!err) {
        *process = process_of(file);
        *nonblocking = file->flags & PIDFD_NONBLOCK;
        err = *process ? 0 : -ESRCH;
    }
    if (file)
        file_put(file);
    return err;
}
