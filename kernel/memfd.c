/* memfd_create: files in RAM that never had a name in a directory. */
#include "kernel/abi/memfd.h"
#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/format.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define SHOWN "/memfd:%s (deleted)"
#define SHOWN_SIZE (sizeof(SHOWN) + MFD_NAME_MAX)

static long flags_check(uint32_t flags)
{
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
        return -EINVAL;
    return (flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL) ? -EINVAL : 0;
}

/* The name at @user as maps and /proc/PID/fd show it, to @shown. 0, -EFAULT, -EINVAL when too long. */
static long fetch_name(vaddr_t user, char shown[SHOWN_SIZE])
{
    char name[MFD_NAME_MAX + 1];
    long length = strncpy_from_user(name, user, sizeof(name));

    if (length < 0)
        return length;
    if (length == sizeof(name))
        return -EINVAL;
    format(shown, SHOWN_SIZE, SHOWN, name);
    return 0;
}

/* Whose mode never lets it be executed is sealed so. */
static struct inode *create(uint32_t flags, const char *shown)
{
    struct inode *inode = ramfs_unnamed(flags & MFD_NOEXEC_SEAL ? 0666 : 0777, shown);

    if (!inode)
        return NULL;
    if (flags & MFD_NOEXEC_SEAL)
        inode->seals = F_SEAL_EXEC;
    else if (flags & MFD_ALLOW_SEALING)
        inode->seals = 0;
    return inode;
}

SYSCALL2(memfd_create, vaddr_t, user, uint32_t, flags)
{
    char shown[SHOWN_SIZE];
    struct inode *inode;
    struct file *file;
    long err = flags_check(flags);

    if (!err)
        err = fetch_name(user, shown);
    if (err)
        return err;
    inode = create(flags, shown);
    err = inode ? file_open(inode, O_RDWR | O_LARGEFILE, &file) : -ENOMEM;
    inode_put(inode);
    return err ? err : file_install(file, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}
