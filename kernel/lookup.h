/* Names of files as system calls give them: in user memory, from a descriptor on, with AT_ flags. */
#pragma once

#include "kernel/inode.h"

/* Fetch the name at @user to a new buffer of PATH_MAX bytes. 0, -EFAULT, -ENAMETOOLONG, -ENOMEM. */
[[nodiscard]] long lookup_fetch(vaddr_t user, char **name);

/*
 * Where @name leads, seen from the directory that @fd has open, or from the working directory for
 * AT_FDCWD. @flags of PATH_. The errnos of path_lookup(), -EBADF.
 */
[[nodiscard]] long lookup_name(int fd, const char *name, unsigned flags, struct path *path);

/* Both. */
[[nodiscard]] long lookup_user(int fd, vaddr_t user, unsigned flags, struct path *path);

/*
 * The same for calls with AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH in @flags: an empty name, with the
 * latter, is what @fd itself has open, see lookup_descriptor().
 */
[[nodiscard]] long lookup_at(int fd, vaddr_t user, int flags, struct path *path);

/* What @fd has open, or the working directory, as a path without a name. 0 or -EBADF. */
[[nodiscard]] long lookup_descriptor(int fd, struct path *path);

/*
 * The directory that relative names start from, with a reference. 0, -EBADF, -ENOTDIR.
 */
[[nodiscard]] long lookup_start(int fd, struct inode **start);
