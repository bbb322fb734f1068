/*
 * mount and umount2. There is one tree, with /proc in it from the start; nothing can be added or taken away, but
 * programs that see to it that /proc and /dev are there get Linux's answer for what is there already.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/inode.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define TYPE_SIZE 32

/* What is mounted where. */
static const struct mounted {
    const char *path, *type;
} mounted[] = {
    {"/", "rootfs"}, {"/proc", "proc"}, {"/dev", "devtmpfs"}, {"/sys", "sysfs"}, {},
};

/* The inode that @path leads to, with a reference. */
static long find(const char *path, unsigned flags, struct inode **found)
{
    struct path at;
    long err = path_lookup(process_current()->cwd, path, flags, &at);

    if (err)
        return err;
    *found = inode_get(at.inode);
    path_put(&at);
    return 0;
}

/* What is mounted at the place that the program calls @user, by *@found; NULL where nothing is. */
static long find_mounted(vaddr_t user, unsigned flags, const struct mounted **found)
{
    char *name = kmalloc(PATH_MAX);
    struct inode *at, *inode;
    long err;

    *found = NULL;
    if (!name)
        return -ENOMEM;
    err = strncpy_from_user(name, user, PATH_MAX);
    if (err == PATH_MAX)
        err = -ENAMETOOLONG;
    if (err >= 0)
        err = find(name, flags, &inode);
    kfree(name, PATH_MAX);
    if (err)
        return err;
    for (const struct mounted *m = mounted; m->path && !*found; m++) {
        if (find(m->path, PATH_FOLLOW, &at))
            continue;
        if (at == inode)
            *found = m;
        inode_put(at);
    }
    inode_put(inode);
    return 0;
}

/* The name of a type of file system, to @type. */
static long get_type(vaddr_t user, char type[TYPE_SIZE])
{
    long length = user ? strncpy_from_user(type, user, TYPE_SIZE) : -EINVAL;

    if (length == TYPE_SIZE)
        return -ENODEV;
    return length < 0 ? length : 0;
}

static bool known(const char *type)
{
    for (const struct mounted *m = mounted; m->path; m++)
        if (strcmp(m->type, type) == 0)
            return true;
    return false;
}

/* 0 when it is there already. -ENODEV: no such type; -EPERM: not in this place. */
SYSCALL5(mount, vaddr_t, source, vaddr_t, target, vaddr_t, type, uint64_t, flags, vaddr_t, data)
{
    const uint64_t propagation = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;
    char name[TYPE_SIZE];
    const struct mounted *at;
    long err = find_mounted(target, PATH_FOLLOW, &at);

    (void)source, (void)data;
    if (err)
        return err;
    if (flags & (MS_REMOUNT | propagation))
        return at ? 0 : -EINVAL;
    if (flags & (MS_BIND | MS_MOVE))
        return -EPERM;
    err = get_type(type, name);
    if (err)
        return err;
    if (!known(name))
        return -ENODEV;
    return at && strcmp(at->type, name) == 0 ? 0 : -EPERM;
}

SYSCALL2(umount2, vaddr_t, target, int, flags)
{
    const struct mounted *at;
    long err;

    if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
        return -EINVAL;
    err = find_mounted(target, flags & UMOUNT_NOFOLLOW ? 0 : PATH_FOLLOW, &at);
    if (err)
        return err;
    return at ? -EBUSY : -EINVAL;
}
