/*
 * Bytes on their way between an open file and whoever reads or writes it: memory of the running
 * program, in one piece or several, or the kernel's own.
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "mm/types.h"

/*
 * One read or write on its way. The lengths of the pieces add up to what was left at first; all lie
 * where user memory can be, see user_range_ok().
 */
struct io {
    const struct iovec *piece; /* of user memory; NULL: the kernel's own */
    char *kernel;
    uint64_t offset; /* in the piece, or behind @kernel */
    uint64_t left;   /* bytes still wanted */
    uint64_t done;   /* bytes that went over */
};

static inline struct io io_user(const struct iovec *pieces, uint64_t bytes)
{
    return (struct io){.piece = pieces, .left = bytes};
}

static inline struct io io_kernel(void *bytes, uint64_t len)
{
    return (struct io){.kernel = bytes, .left = len};
}

/*
 * Copy the next @len bytes, or what is left if that is less, to where they are wanted, or from
 * there. Returns how many: fewer when user memory is not there.
 */
uint64_t io_put(struct io *io, const void *bytes, uint64_t len);
uint64_t io_get(struct io *io, void *bytes, uint64_t len);

/* What read(2) or write(2) answers: how many bytes went over, or @err when it was none. */
static inline long io_result(const struct io *io, long err)
{
    return io->done ? (long)io->done : err;
}
