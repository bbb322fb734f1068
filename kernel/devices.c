#include "kernel/devices.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/file.h"
#include "kernel/random.h"

static long null_read(struct file *file, struct io *io, uint64_t pos)
{
    (void)file, (void)io, (void)pos;
    return 0;
}

static long null_write(struct file *file, struct io *io, uint64_t pos)
{
    (void)file, (void)pos;
    return (long)io->left;
}

static long zero_read(struct file *file, struct io *io, uint64_t pos)
{
    static const char zeros[PAGE_SIZE];

    (void)file, (void)pos;
    while (io->left)
        if (!io_put(io, zeros, sizeof(zeros)))
            return io_result(io, -EFAULT);
    return (long)io->done;
}

static long full_write(struct file *file, struct io *io, uint64_t pos)
{
    (void)file, (void)io, (void)pos;
    return -ENOSPC;
}

static long random_read(struct file *file, struct io *io, uint64_t pos)
{
    uint8_t piece[256];

    (void)file, (void)pos;
    while (io->left) {
        random_bytes(piece, sizeof(piece));
        if (!io_put(io, piece, sizeof(piece)))
            return io_result(io, -EFAULT);
    }
    return (long)io->done;
}

/* A mapping of /dev/zero is anonymous memory. */
static long zero_map(struct file *file, struct file_mapping *mapping)
{
    (void)file;
    mapping->flags |= MAP_ANONYMOUS;
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

static const struct file_ops full_ops = {
    .seek = SEEK_NOWHERE,
    .read = zero_read,
    .write = full_write,
};
static const struct file_ops random_ops = {
    .seek = SEEK_NOWHERE,
    .read = random_read,
    .write = null_write,
};

static const struct file_ops *find(uint64_t rdev)
{
    switch (rdev) {
    case DEVICE_NULL:
        return &null_ops;
    case DEVICE_ZERO:
        return &zero_ops;
    case DEVICE_FULL:
        return &full_ops;
    case DEVICE_RANDOM:
    case DEVICE_URANDOM:
        return &random_ops;
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
