/* flock: locks that an open file has, whoever uses it. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"

/* Could @file have @kind of lock, as far as others are concerned? */
static bool lock_free(const struct file *file, uint32_t kind)
{
    const struct inode *inode = file->inode;
    uint32_t shared = inode->locks_shared - (file->lock == LOCK_SH);

    if (inode->locked && file->lock != LOCK_EX)
        return false;
    return kind == LOCK_SH || shared == 0;
}

/* Change from one kind to another, 0 for none. */
static void lock_set(struct file *file, uint32_t kind)
{
    struct inode *inode = file->inode;

    inode->locks_shared -= file->lock == LOCK_SH;
    inode->locks_shared += kind == LOCK_SH;
    inode->locked = kind == LOCK_EX || (inode->locked && file->lock != LOCK_EX);
    file->lock = kind;
    sched_wake(&inode->locked);
}

void file_unlock(struct file *file)
{
    if (file->lock)
        lock_set(file, 0);
}

/* Wait until @file can have @kind. As on Linux, a change from one kind to another begins with none. */
static long lock_wait(struct file *file, uint32_t kind, bool nonblocking)
{
    if (file->lock != kind)
        file_unlock(file);
    while (!lock_free(file, kind)) {
        if (nonblocking)
            return -EAGAIN;
        if (sched_sleep(&file->inode->locked, SCHED_FOREVER))
            return -ERESTARTSYS;
    }
    lock_set(file, kind);
    return 0;
}

SYSCALL2(flock, int, fd, uint32_t, operation)
{
    uint32_t kind = operation & ~(uint32_t)LOCK_NB;
    struct file *file;
    long err = 0;

    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    file = files_lookup(process_current()->files, fd);
    if (!file)
        return -EBADF;
    if (kind == LOCK_UN)
        file_unlock(file);
    else
        err = lock_wait(file, kind, operation & LOCK_NB);
    file_put(file);
    return err;
}
