/* Calls that copy from one open file to another: sendfile, copy_file_range. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* One copy on its way: two files, and where in them; the positions move on. */
struct copy {
    struct file *in, *out;
    uint64_t in_pos, out_pos;
};

/* Get both files, for release(). 0 or -EBADF, also when they are not open for this. */
static long get(struct copy *c, int in, int out)
{
    struct files *files = process_current()->files;

    c->in = files_lookup(files, in);
    c->out = files_lookup(files, out);
    if (!c->in || !file_readable(c->in) || !c->out || !file_writable(c->out))
        return -EBADF;
    c->in_pos = c->in->pos;
    c->out_pos = c->out->pos;
    return 0;
}

static void release(struct copy *c)
{
    if (c->in)
        file_put(c->in);
    if (c->out)
        file_put(c->out);
}

/* Copy at most a page. How many bytes, 0 at the end of what is read, or an errno. */
static long copy_piece(struct copy *c, char *page, uint64_t len)
{
    struct io in = io_kernel(page, len);
    long n = c->in->ops->read(c->in, &in, c->in_pos);

    if (n > 0) {
        struct io out = io_kernel(page, (uint64_t)n);

        n = c->out->ops->write(c->out, &out, c->out_pos);
    }
    if (n > 0) {
        c->in_pos += (uint64_t)n;
        c->out_pos += (uint64_t)n;
    }
    return n;
}

/* Copy @len bytes, or fewer when there are no more or an error comes behind the first. */
static long copy_bytes(struct copy *c, uint64_t len)
{
    char *page = kmalloc(PAGE_SIZE);
    uint64_t done = 0;
    long n = 1;

    if (!page)
        return -ENOMEM;
    len = min_u64(len, RW_MAX);
    while (done < len && n > 0) {
        n = copy_piece(c, page, min_u64(len - done, PAGE_SIZE));
        done += n > 0 ? (uint64_t)n : 0;
    }
    kfree(page, PAGE_SIZE);
    return done ? (long)done : n < 0 ? n : 0;
}

/* The position at @user in place of the file's own, when there is one. 0, -EFAULT, -EINVAL. */
static long fetch_pos(vaddr_t user, uint64_t *pos)
{
    if (!user)
        return 0;
    if (copy_from_user(pos, user, sizeof(*pos)))
        return -EFAULT;
    return (int64_t)*pos < 0 ? -EINVAL : 0;
}

/* Keep the new position where the old one came from. */
static long store_pos(struct file *file, vaddr_t user, uint64_t pos)
{
    if (user)
        return copy_to_user(user, &pos, sizeof(pos));
    if (file->ops->seek == SEEK_ANY)
        file->pos = pos;
    return 0;
}

/* What can be mapped can be sent, to all that can be written but not appended to. */
static long sendfile_check(const struct copy *c, vaddr_t offset, uint64_t len)
{
    if (offset && c->in->ops->seek == SEEK_NONE)
        return -ESPIPE;
    if ((int64_t)len < 0 || !c->in->ops->map || !c->out->ops->write)
        return -EINVAL;
    return c->out->flags & O_APPEND ? -EINVAL : 0;
}

SYSCALL4(sendfile, int, out, int, in, vaddr_t, offset, uint64_t, len)
{
    struct copy c;
    long n = get(&c, in, out);

    if (!n)
        n = fetch_pos(offset, &c.in_pos);
    if (!n)
        n = sendfile_check(&c, offset, len);
    if (!n)
        n = copy_bytes(&c, len);
    if (n > 0) {
        store_pos(c.out, 0, c.out_pos);
        if (store_pos(c.in, offset, c.in_pos))
            n = -EFAULT;
    }
    release(&c);
    return n;
}

/* From one regular file in RAM to another, or to another place in the same. */
static long range_check(const struct copy *c, uint64_t len)
{
    if (c->out->flags & O_APPEND)
        return -EBADF;
    if (S_ISDIR(c->in->inode->mode) || S_ISDIR(c->out->inode->mode))
        return -EISDIR;
    if (!S_ISREG(c->in->inode->mode) || !S_ISREG(c->out->inode->mode))
        return -EINVAL;
    if (c->in->inode->dev != c->out->inode->dev)
        return -EXDEV;
    if (c->in->inode->dev != DEV_RAM)
        return -EOPNOTSUPP;
    if (len > INT64_MAX - max_u64(c->in_pos, c->out_pos))
        return -EOVERFLOW;
    return 0;
}

/* How much of @len there is to copy; -EINVAL when a file's bytes would go over themselves. */
static long range_length(const struct copy *c, uint64_t len)
{
    uint64_t size = c->in->inode->size;

    len = c->in_pos < size ? min_u64(min_u64(len, RW_MAX), size - c->in_pos) : 0;
    if (c->in->inode == c->out->inode && c->in_pos < c->out_pos + len &&
        c->out_pos < c->in_pos + len)
        return -EINVAL;
    return (long)len;
}

SYSCALL6(copy_file_range, int, in, vaddr_t, in_offset, int, out, vaddr_t, out_offset, uint64_t, len,
         uint32_t, flags)
{
    struct copy c;
    long n = get(&c, in, out);

    if (!n)
        n = fetch_pos(in_offset, &c.in_pos);
    if (!n)
        n = fetch_pos(out_offset, &c.out_pos);
    if (!n && flags)
        n = -EINVAL;
    if (!n)
        n = range_check(&c, len);
    if (!n)
        n = range_length(&c, len);
    if (n > 0)
        n = copy_bytes(&c, (uint64_t)n);
    if (n > 0 && (store_pos(c.in, in_offset, c.in_pos) || store_pos(c.out, out_offset, c.out_pos)))
        n = -EFAULT;
    release(&c);
    return n;
}
