#include "kernel/devices.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/file.h"
#include "kernel/uaccess.h"

static long null_read(struct file *file, vaddr_t buf, uint64_t len, uint64_t pos)
{
    (void)file, (void)buf, (void)len, (void)pos;
    return 0;
}

static long null_write(struct file *file, vaddr_t buf, uint64_t len, uint64_t pos)
{
    (void)file, (void)buf, (void)pos;
    return (long)len;
}

static long zero_read(struct file *file, vaddr_t buf, uint64_t len, uint64_t pos)
{
    static const char zeros[PAGE_SIZE];
    uint64_t done = 0;

    (void)file, (void)pos;
    while (done < len) {
        uint64_t n = user_piece(buf + done, len - done);

        if (copy_to_user(buf + done, zeros, n))
            return done ? (long)done : -EFAULT;
        done += n;
    }
    return (long)done;
}

/* A mapping of /dev/zero is anonymous memory. */
static long zero_map(struct file *file, uint32_t *flags, struct object **object)
{
    (void)file;
    *flags |= MAP_ANONYMOUS;
    *object = NULL;
    return 0;
}

static const struct file_ops null_ops = {
    .seek = SEEK_NOWHERE,
    .read = null_read,
    .write = null_write,
};
static const struct file_ops zero_ops = {
    .seek = SEEK_NOWHERE,
    .read = zero_read,
    .write = null_write,
    .map = zero_map,
};

static const struct file_ops *find(uint64_t rdev)
{
    switch (rdev) {
    case DEVICE_NULL:
        return &null_ops;
    case DEVICE_ZERO:
        return &zero_ops;
    case DEVICE_SERIAL:
    case DEVICE_TTY:
    case DEVICE_CONSOLE:
        return &console_ops;
    default:
        return NULL;
    }
}

struct inode *device_inode(uint32_t mode, uint64_t rdev)
{
    static const struct inode_ops ops;
    struct inode *inode = inode_create(&ops, find(rdev), S_IFCHR | mode);

    if (inode)
        inode->rdev = rdev;
    return inode;
}
