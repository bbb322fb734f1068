#include "kernel/io.h"

#include "kernel/string.h"
#include "kernel/uaccess.h"

/* Where the next bytes are in user memory: at most @len of them, in one page. */
static uint64_t next_piece(struct io *io, uint64_t len, vaddr_t *at)
{
    while (io->offset == io->piece->len) {
        io->piece++;
        io->offset = 0;
    }
    *at = io->piece->base + io->offset;
    return user_piece(*at, min_u64(len, io->piece->len - io->offset));
}

static void step(struct io *io, uint64_t n)
{
    io->offset += n;
    io->left -= n;
    io->done += n;
}

uint64_t io_put(struct io *io, const void *bytes, uint64_t len)
{
    const char *from = bytes;
    uint64_t copied = 0, n;
    vaddr_t at;

    len = min_u64(len, io->left);
    if (!io->piece) {
        memcpy(io->kernel + io->offset, from, len);
        step(io, len);
        return len;
    }
    for (; copied < len; copied += n) {
        n = next_piece(io, len - copied, &at);
        if (copy_to_user(at, from + copied, n))
            break;
        step(io, n);
    }
    return copied;
}

uint64_t io_get(struct io *io, void *bytes, uint64_t len)
{
    uint64_t copied = 0, n;
    char *to = bytes;
    vaddr_t at;

    len = min_u64(len, io->left);
    if (!io->piece) {
        memcpy(to, io->kernel + io->offset, len);
        step(io, len);
        return len;
    }
    for (; copied < len; copied += n) {
        n = next_piece(io, len - copied, &at);
        if (copy_from_user(to + copied, at, n))
            break;
        step(io, n);
    }
    return copied;
}
