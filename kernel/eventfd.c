/* eventfd: a counter that can be waited for. */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/file.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"

#define EFD_SEMAPHORE 1
#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
    uint64_t count;
    bool semaphore; /* a read takes one, not all */
};

static void changed(struct eventfd *event)
{
    sched_wake(event);
    file_changed();
}

/* Wait for a change. 0, -EAGAIN, -ERESTARTSYS. */
static long wait_change(struct file *file, struct eventfd *event)
{
    if (file->flags & O_NONBLOCK)
        return -EAGAIN;
    return sched_sleep(event, SCHED_FOREVER) ? -ERESTARTSYS : 0;
}

static long event_read(struct file *file, struct io *io, uint64_t pos)
{
    struct eventfd *event = file->data;
    uint64_t value;

    (void)pos;
    if (io->left < sizeof(value))
        return -EINVAL;
    while (!event->count) {
        long err = wait_change(file, event);

        if (err)
            return err;
    }
    value = event->semaphore ? 1 : event->count;
    event->count -= value;
    changed(event);
    return io_put(io, &value, sizeof(value)) == sizeof(value) ? (long)sizeof(value) : -EFAULT;
}

static long event_write(struct file *file, struct io *io, uint64_t pos)
{
    struct eventfd *event = file->data;
    uint64_t value;

    (void)pos;
    if (io->left < sizeof(value))
        return -EINVAL;
    if (io_get(io, &value, sizeof(value)) < sizeof(value))
        return -EFAULT;
    if (value > COUNT_MAX)
        return -EINVAL;
    while (value > COUNT_MAX - event->count) {
        long err = wait_change(file, event);

        if (err)
            return err;
    }
    event->count += value;
    changed(event);
    return sizeof(value);
}

static uint32_t event_poll(struct file *file)
{
    const struct eventfd *event = file->data;

    return (event->count ? POLLIN | POLLRDNORM : 0) |
           (event->count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static void event_release(struct file *file)
{
    kfree(file->data, sizeof(struct eventfd));
}

static long event_name(const struct inode *inode, char *buf, size_t size)
{
    static const char name[] = "anon_inode:[eventfd]";

    (void)inode;
    memcpy(buf, name, min_u64(sizeof(name) - 1, size));
    return sizeof(name) - 1;
}

static const struct file_ops event_ops = {
    .seek = SEEK_NONE,
    .read = event_read,
    .write = event_write,
    .poll = event_poll,
    .release = event_release,
};

/* An open file with a counter of @count. 0 or -ENOMEM. */
static long create(uint32_t count, uint32_t flags, struct file **file)
{
    static const struct inode_ops ops = {.name = event_name};
    struct inode *inode = inode_create(&ops, &event_ops, 0600);
    struct eventfd *event = kmalloc(sizeof(*event));
    long err = inode && event ? file_open(inode, O_RDWR | (flags & O_NONBLOCK), file) : -ENOMEM;

    if (inode) {
        inode->dev = DEV_ANON;
        inode->nlink = 1;
        inode->file_ops = NULL; /* nobody opens it again, by way of /proc/PID/fd */
    }
    inode_put(inode);
    if (err) {
        kfree(event, sizeof(*event));
        return err;
    }
    event->count = count;
    event->semaphore = flags & EFD_SEMAPHORE;
    (*file)->data = event;
    return 0;
}

SYSCALL2(eventfd2, uint32_t, count, uint32_t, flags)
{
    struct file *file;
    long err;

    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE))
        return -EINVAL;
    err = create(count, flags, &file);
    return err ? err : file_install(file, flags);
}

SYSCALL1(eventfd, uint32_t, count)
{
    return do_eventfd2(count, 0);
}
