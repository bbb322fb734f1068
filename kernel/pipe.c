/*
 * A pipe is a ring of bytes in an inode, from its first open end to its last. Readers and writers
 * sleep on it and look again when it has changed.
 */
#include "kernel/pipe.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/format.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

struct pipe {
    char *ring;
    uint32_t size;    /* of the ring, a power of two */
    uint64_t in, out; /* bytes written and read so far; the place in the ring, modulo size */
    uint32_t ends;    /* open files; with the last one the pipe goes */
    uint32_t readers, writers; /* those that can do it */
    uint64_t reader_count;     /* there were so far */
    uint64_t writer_count;
};

static struct pipe *pipe_of(const struct file *file)
{
    return file->inode->pipe;
}

static uint64_t used(const struct pipe *pipe)
{
    return pipe->in - pipe->out;
}

static uint64_t room(const struct pipe *pipe)
{
    return pipe->size - used(pipe);
}

/* Those who wait for a change of @pipe look again. */
static void changed(struct pipe *pipe)
{
    sched_wake(pipe);
    file_changed();
}

/* Wait for a change. The caller's end, or the one it is opening, keeps the pipe. 0 or -ERESTARTSYS. */
static long wait_change(struct pipe *pipe)
{
    return sched_sleep(pipe, SCHED_FOREVER) ? -ERESTARTSYS : 0;
}

/* ---- Opening and closing ---- */

static struct pipe *create(void)
{
    struct pipe *pipe = kmalloc(sizeof(*pipe));

    if (!pipe)
        return NULL;
    pipe->size = PIPE_SIZE;
    pipe->ring = kmalloc(pipe->size);
    if (!pipe->ring) {
        kfree(pipe, sizeof(*pipe));
        return NULL;
    }
    return pipe;
}

static void pipe_release(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    pipe->readers -= file_readable(file);
    pipe->writers -= file_writable(file);
    changed(pipe);
    if (--pipe->ends > 0)
        return;
    file->inode->pipe = NULL;
    kfree(pipe->ring, pipe->size);
    kfree(pipe, sizeof(*pipe));
}

/* Wait for somebody at the other end, who may have come and gone. */
static long wait_other_end(struct file *file, struct pipe *pipe)
{
    bool reads = file_readable(file);
    uint64_t before = reads ? pipe->writer_count : pipe->reader_count;
    long err = 0;

    if (reads ? pipe->writers : pipe->readers)
        return 0;
    if (file->flags & O_NONBLOCK)
        return reads ? 0 : -ENXIO;
    while (!err && (reads ? pipe->writer_count : pipe->reader_count) == before)
        err = wait_change(pipe);
    return err;
}

/*
 * The one end is open when the other one is, but for both at once. file->pos is how many writers there had been: a
 * reader is not told of an end before it began.
 */
static long pipe_open(struct file *file)
{
    struct inode *inode = file->inode;
    struct pipe *pipe = inode->pipe ? inode->pipe : create();
    long err;

    if (!pipe)
        return -ENOMEM;
    inode->pipe = pipe;
    pipe->ends++;
    pipe->readers += file_readable(file);
    pipe->writers += file_writable(file);
    pipe->reader_count += file_readable(file);
    file->pos = pipe->writer_count;
    pipe->writer_count += file_writable(file);
    changed(pipe);
    err = file_readable(file) && file_writable(file) ? 0 : wait_other_end(file, pipe);
    if (err)
        pipe_release(file);
    return err;
}

static long pipe_name(const struct inode *inode, char *buf, size_t size)
{
    char name[32];
    int length = format(name, sizeof(name), "pipe:[%llu]", (unsigned long long)inode->ino);

    memcpy(buf, name, min_u64((uint64_t)length, size));
    return length;
}

long pipe_create(uint32_t flags, struct file **read_end, struct file **write_end)
{
    static const struct inode_ops ops = {.name = pipe_name};
    struct inode *inode = inode_create(&ops, &pipe_ops, S_IFIFO | 0600);
    long err = inode ? file_open(inode, O_RDONLY | O_NONBLOCK, read_end) : -ENOMEM;

    if (inode) {
        inode->dev = DEV_PIPE;
        inode->nlink = 1;
    }
    if (!err) {
        err = file_open(inode, O_WRONLY | flags, write_end);
        if (err)
            file_put(*read_end);
    }
    inode_put(inode);
    if (err)
        return err;
    (*read_end)->flags = O_RDONLY | flags;
    return 0;
}

/* ---- Bytes ---- */

/* The bytes from place @at on that lie side by side in the ring. */
static uint64_t straight(const struct pipe *pipe, uint64_t at)
{
    return pipe->size - (at & (pipe->size - 1));
}

static char *place(const struct pipe *pipe, uint64_t at)
{
    return pipe->ring + (at & (pipe->size - 1));
}

/* Hand out what there is. False when user memory is not there. */
static bool take(struct pipe *pipe, struct io *io)
{
    while (io->left && used(pipe)) {
        uint64_t n = min_u64(used(pipe), straight(pipe, pipe->out));
        uint64_t want = min_u64(n, io->left);

        n = io_put(io, place(pipe, pipe->out), want);
        pipe->out += n;
        if (n < want)
            return false;
    }
    return true;
}

/* Take in what there is room for. False when user memory is not there. */
static bool give(struct pipe *pipe, struct io *io)
{
    while (io->left && room(pipe)) {
        uint64_t n = min_u64(room(pipe), straight(pipe, pipe->in));
        uint64_t want = min_u64(n, io->left);

        n = io_get(io, place(pipe, pipe->in), want);
        pipe->in += n;
        if (n < want)
            return false;
    }
    return true;
}

static long pipe_read(struct file *file, struct io *io, uint64_t pos)
{
    struct pipe *pipe = pipe_of(file);
    bool good;

    (void)pos;
    while (io->left && !used(pipe)) {
        if (!pipe->writers)
            return 0;
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (wait_change(pipe))
            return -ERESTARTSYS;
    }
    good = take(pipe, io);
    changed(pipe);
    return io_result(io, good ? 0 : -EFAULT);
}

/* All that is left at once, when it is no more than PIPE_BUF; else as it comes. */
static uint64_t room_wanted(const struct io *io)
{
    return io->done == 0 && io->left <= PIPE_BUF ? io->left : 1;
}

static long pipe_write(struct file *file, struct io *io, uint64_t pos)
{
    struct pipe *pipe = pipe_of(file);

    (void)pos;
    while (io->left) {
        if (!pipe->readers) {
            signal_send_thread(thread_current(), SIGPIPE, "nobody reads the pipe");
            return io_result(io, -EPIPE);
        }
        if (room(pipe) >= room_wanted(io)) {
            bool good = give(pipe, io);

            changed(pipe);
            if (!good)
                return io_result(io, -EFAULT);
        } else if (file->flags & O_NONBLOCK) {
            return io_result(io, -EAGAIN);
        } else if (wait_change(pipe)) {
            return io_result(io, -ERESTARTSYS);
        }
    }
    return (long)io->done;
}

/* ---- The rest ---- */

static uint32_t pipe_poll(struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    uint32_t ready = 0;

    if (file_readable(file)) {
        ready |= used(pipe) ? POLLIN | POLLRDNORM : 0;
        ready |= !pipe->writers && pipe->writer_count != file->pos ? POLLHUP : 0;
    }
    if (file_writable(file)) {
        ready |= room(pipe) >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0;
        ready |= !pipe->readers ? POLLERR : 0;
    }
    return ready;
}

static long pipe_ioctl(struct file *file, uint32_t request, vaddr_t arg)
{
    int32_t n = (int32_t)used(pipe_of(file));

    return request == FIONREAD ? copy_to_user(arg, &n, sizeof(n)) : -ENOTTY;
}

long pipe_size(const struct file *file)
{
    return file->ops == &pipe_ops ? (long)pipe_of(file)->size : -EBADF;
}

/* Put what is in @pipe at the start of @ring. */
static void move(struct pipe *pipe, char *ring, uint32_t size)
{
    uint64_t bytes = used(pipe);
    struct io io = io_kernel(ring, bytes);

    take(pipe, &io);
    kfree(pipe->ring, pipe->size);
    pipe->ring = ring;
    pipe->size = size;
    pipe->out = 0;
    pipe->in = bytes;
}

long pipe_resize(struct file *file, uint32_t bytes)
{
    uint32_t size = PAGE_SIZE;
    struct pipe *pipe;
    char *ring;

    if (file->ops != &pipe_ops)
        return -EBADF;
    pipe = pipe_of(file);
    if (bytes > PIPE_SIZE_MAX)
        return bytes > (1u << 31) ? -EINVAL : -EPERM;
    while (size < bytes)
        size *= 2;
    if (used(pipe) > size)
        return -EBUSY;
    ring = kmalloc(size);
    if (!ring)
        return -ENOMEM;
    move(pipe, ring, size);
    changed(pipe);
    return size;
}

const struct file_ops pipe_ops = {
    .seek = SEEK_NONE,
    .open = pipe_open,
    .read = pipe_read,
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll,
    .release = pipe_release,
};
