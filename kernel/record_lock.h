/* Record locks: fcntl's locks on bytes of a file. */
#pragma once

#include "kernel/file.h"

/*
 * fcntl(2) on @file, which is behind @fd, with F_GETLK, F_SETLK, F_SETLKW, or one of F_OFD_, and the struct flock at
 * @user.
 */
long record_lock(struct file *file, int fd, uint32_t command, vaddr_t user);

/* All locks on @inode that @owner has go: a process that closed it, or an open file that is no more. */
void record_unlock_all(struct inode *inode, const void *owner);
