/* Pipes, and FIFOs, which are pipes with names. */
#pragma once

#include "kernel/file.h"

#define PIPE_SIZE 65536       /* bytes that a new pipe holds */
#define PIPE_SIZE_MAX 1048576 /* and can be made to hold */

/* Both ends of a new pipe, with @flags of O_NONBLOCK. 0 or -ENOMEM. */
[[nodiscard]] long pipe_create(uint32_t flags, struct file **read_end, struct file **write_end);

/* How many bytes the pipe that @file is an end of can hold, -EBADF when it is none. */
long pipe_size(const struct file *file);

/* Make it hold at least @bytes: how many it is then; -EBADF, -EBUSY, -EINVAL, -EPERM, -ENOMEM. */
long pipe_resize(struct file *file, uint32_t bytes);

extern const struct file_ops pipe_ops;
