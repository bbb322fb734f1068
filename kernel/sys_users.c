/* Users and groups: all is root's, and stays so. */
#include "kernel/abi/errno.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define NOBODY 0xffffffffu /* in a call that sets several: leave this one as it is */
#define GROUPS_MAX 65536

SYSCALL0(getuid)
{
    return 0;
}

SYSCALL0(geteuid)
{
    return 0;
}

SYSCALL0(getgid)
{
    return 0;
}

SYSCALL0(getegid)
{
    return 0;
}

/* To become root again is all that works: there are no other users. */
static long become(uint32_t id)
{
    return id == 0 || id == NOBODY ? 0 : -EINVAL;
}

SYSCALL1(setuid, uint32_t, uid)
{
    return uid == 0 ? 0 : -EINVAL;
}

SYSCALL1(setgid, uint32_t, gid)
{
    return gid == 0 ? 0 : -EINVAL;
}

SYSCALL2(setreuid, uint32_t, real, uint32_t, effective)
{
    return become(real) | become(effective);
}

SYSCALL2(setregid, uint32_t, real, uint32_t, effective)
{
    return become(real) | become(effective);
}

SYSCALL3(setresuid, uint32_t, real, uint32_t, effective, uint32_t, saved)
{
    return become(real) | become(effective) | become(saved);
}

SYSCALL3(setresgid, uint32_t, real, uint32_t, effective, uint32_t, saved)
{
    return become(real) | become(effective) | become(saved);
}

/* Root's number three times. */
static long put_roots(vaddr_t real, vaddr_t effective, vaddr_t saved)
{
    const uint32_t root = 0;
    long err = copy_to_user(real, &root, sizeof(root));

    if (!err)
        err = copy_to_user(effective, &root, sizeof(root));
    return err ? err : copy_to_user(saved, &root, sizeof(root));
}

SYSCALL3(getresuid, vaddr_t, real, vaddr_t, effective, vaddr_t, saved)
{
    return put_roots(real, effective, saved);
}

SYSCALL3(getresgid, vaddr_t, real, vaddr_t, effective, vaddr_t, saved)
{
    return put_roots(real, effective, saved);
}

/* Of what setfsuid and setfsgid are told, nothing comes; they return what was before. */
SYSCALL1(setfsuid, uint32_t, uid)
{
    (void)uid;
    return 0;
}

SYSCALL1(setfsgid, uint32_t, gid)
{
    (void)gid;
    return 0;
}

/* There are no supplementary groups; a list of nothing but root's is as good as none. */
SYSCALL2(getgroups, int, size, vaddr_t, list)
{
    (void)list;
    return size < 0 ? -EINVAL : 0;
}

SYSCALL2(setgroups, int, size, vaddr_t, list)
{
    uint32_t group;

    if (size < 0 || size > GROUPS_MAX)
        return -EINVAL;
    for (uint64_t i = 0; i < (uint64_t)size; i++) {
        if (copy_from_user(&group, list + i * sizeof(group), sizeof(group)))
            return -EFAULT;
        if (group)
            return -EPERM;
    }
    return 0;
}
