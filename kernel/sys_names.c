/* Calls that make, remove and move names in directories. */
#include "kernel/abi/errno.h"
#include "kernel/devices.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"

/* ---- New names ---- */

/*
 * Find the free name at @user in a directory that names can be made in. What has it is -EEXIST; a
 * slash may stand behind the name of a directory only.
 */
static long lookup_new(int dir, vaddr_t user, bool directory, struct path *path)
{
    long err = lookup_user(dir, user, PATH_ENTRY, path);

    if (err)
        return err;
    if (path->inode)
        err = -EEXIST;
    else if ((path->slash && !directory) || path->dir->dev != DEV_RAM)
        err = -ENOENT;
    if (err)
        path_put(path);
    return err;
}

/* Enter @inode, with a reference that is taken over (NULL: memory was out), under the free name. */
static long enter(struct path *path, struct inode *inode)
{
    long err = inode ? ramfs_enter(path->dir, path->name, inode) : -ENOMEM;

    inode_put(inode);
    path_put(path);
    return err;
}

static uint32_t permissions(uint32_t mode)
{
    return mode & S_PERMISSIONS & ~process_current()->umask;
}

static long mkdir_at(int dir, vaddr_t name, uint32_t mode)
{
    struct path path;
    long err = lookup_new(dir, name, true, &path);

    return err ? err : enter(&path, ramfs_directory(permissions(mode) & ~(S_ISUID | S_ISGID)));
}

SYSCALL2(mkdir, vaddr_t, name, uint32_t, mode)
{
    return mkdir_at(AT_FDCWD, name, mode);
}

SYSCALL3(mkdirat, int, dir, vaddr_t, name, uint32_t, mode)
{
    return mkdir_at(dir, name, mode);
}

/* A node of the type in @mode. What nobody serves can be made, and not be opened. */
static struct inode *create_node(uint32_t mode, uint64_t rdev)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return ramfs_file(permissions(mode), NULL, 0, NULL);
    case S_IFCHR:
        return device_inode(permissions(mode), rdev);
    default:
        return ramfs_node((mode & S_IFMT) | permissions(mode), rdev);
    }
}

static long mknod_at(int dir, vaddr_t name, uint32_t mode, uint32_t rdev)
{
    struct path path;
    long err;

    switch (mode & S_IFMT) {
    case 0:
        mode |= S_IFREG;
        break;
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        break;
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
    err = lookup_new(dir, name, false, &path);
    return err ? err : enter(&path, create_node(mode, rdev));
}

SYSCALL3(mknod, vaddr_t, name, uint32_t, mode, uint32_t, rdev)
{
    return mknod_at(AT_FDCWD, name, mode, rdev);
}

SYSCALL4(mknodat, int, dir, vaddr_t, name, uint32_t, mode, uint32_t, rdev)
{
    return mknod_at(dir, name, mode, rdev);
}

static long symlink_at(vaddr_t target, int dir, vaddr_t name)
{
    struct path path;
    char *text;
    long err = lookup_fetch(target, &text);

    if (err)
        return err;
    err = *text ? lookup_new(dir, name, false, &path) : -ENOENT;
    if (!err)
        err = enter(&path, ramfs_symlink(text, strlen(text)));
    kfree(text, PATH_MAX);
    return err;
}

SYSCALL2(symlink, vaddr_t, target, vaddr_t, name)
{
    return symlink_at(target, AT_FDCWD, name);
}

SYSCALL3(symlinkat, vaddr_t, target, int, dir, vaddr_t, name)
{
    return symlink_at(target, dir, name);
}

/* ---- Further names ---- */

/* May @inode get one more name, in @dir? What has none any more may not; O_TMPFILE's may. */
static long link_check(const struct inode *inode, const struct inode *dir)
{
    if (inode->dev != dir->dev)
        return -EXDEV;
    if (S_ISDIR(inode->mode))
        return -EPERM;
    return inode->nlink || inode->linkable ? 0 : -ENOENT;
}

static long link_at(int old_dir, vaddr_t old, int dir, vaddr_t name, int flags)
{
    int at = (flags & AT_EMPTY_PATH) | (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
    struct path from, path;
    long err;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    err = lookup_at(old_dir, old, at, &from);
    if (err)
        return err;
    err = lookup_new(dir, name, false, &path);
    if (!err) {
        err = link_check(from.inode, path.dir);
        if (!err)
            err = ramfs_add(path.dir, path.name, from.inode);
        path_put(&path);
    }
    path_put(&from);
    return err;
}

SYSCALL2(link, vaddr_t, old, vaddr_t, name)
{
    return link_at(AT_FDCWD, old, AT_FDCWD, name, 0);
}

SYSCALL5(linkat, int, old_dir, vaddr_t, old, int, dir, vaddr_t, name, int, flags)
{
    return link_at(old_dir, old, dir, name, flags);
}

/* ---- Fewer names ---- */

/* Is something else mounted on @inode, which @dir has a name for? */
static bool mounted(const struct inode *dir, const struct inode *inode)
{
    return S_ISDIR(inode->mode) && inode->dev != dir->dev;
}

static long unlink_check(const struct path *path)
{
    if (path->end != PATH_NAME)
        return -EISDIR;
    if (!path->inode)
        return -ENOENT;
    if (S_ISDIR(path->inode->mode))
        return -EISDIR;
    if (path->slash)
        return -ENOTDIR;
    return path->dir->dev == DEV_RAM ? 0 : -EPERM;
}

static long rmdir_check(const struct path *path)
{
    if (path->end != PATH_NAME)
        return path->end == PATH_DOT ? -EINVAL : path->end == PATH_DOTDOT ? -ENOTEMPTY : -EBUSY;
    if (!path->inode)
        return -ENOENT;
    if (path->dir->dev != DEV_RAM)
        return -EPERM;
    if (!S_ISDIR(path->inode->mode))
        return -ENOTDIR;
    if (mounted(path->dir, path->inode))
        return -EBUSY;
    return path->inode->entries.first ? -ENOTEMPTY : 0;
}

static long unlink_at(int dir, vaddr_t name, bool directory)
{
    struct path path;
    long err = lookup_user(dir, name, PATH_ENTRY, &path);

    if (err)
        return err;
    err = directory ? rmdir_check(&path) : unlink_check(&path);
    if (!err)
        ramfs_remove(ramfs_find(path.dir, path.name));
    path_put(&path);
    return err;
}

SYSCALL1(unlink, vaddr_t, name)
{
    return unlink_at(AT_FDCWD, name, false);
}

SYSCALL1(rmdir, vaddr_t, name)
{
    return unlink_at(AT_FDCWD, name, true);
}

SYSCALL3(unlinkat, int, dir, vaddr_t, name, int, flags)
{
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return unlink_at(dir, name, flags & AT_REMOVEDIR);
}

/* ---- Other names ---- */

/* Does the directory @below lie in @dir, or is it the same? */
static bool lies_in(const struct inode *below, const struct inode *dir)
{
    while (below != dir && below != below->parent)
        below = below->parent;
    return below == dir;
}

/* What the two paths must be to start with, in Linux's order. */
static long rename_check_paths(const struct path *from, const struct path *to, uint32_t flags)
{
    if (from->dir->dev != to->dir->dev)
        return -EXDEV;
    if (from->end != PATH_NAME)
        return -EBUSY;
    if (to->end != PATH_NAME)
        return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (!from->inode)
        return -ENOENT;
    if (to->inode && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!to->inode && (flags & RENAME_EXCHANGE))
        return -ENOENT;
    if ((flags & RENAME_EXCHANGE) && to->slash && !S_ISDIR(to->inode->mode))
        return -ENOTDIR;
    if (!S_ISDIR(from->inode->mode) && (from->slash || (to->slash && !(flags & RENAME_EXCHANGE))))
        return -ENOTDIR;
    if (S_ISDIR(from->inode->mode) && lies_in(to->dir, from->inode))
        return -EINVAL;
    if (to->inode && S_ISDIR(to->inode->mode) && lies_in(from->dir, to->inode))
        return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    return 0;
}

/* Whether what is there may be put away for what comes, when it is not the same. */
static long rename_check_inodes(const struct path *from, const struct path *to, uint32_t flags)
{
    bool directory = S_ISDIR(from->inode->mode);

    if (from->dir->dev != DEV_RAM)
        return -EPERM;
    if (!to->dir->nlink)
        return -ENOENT;
    if (to->inode && !(flags & RENAME_EXCHANGE) && S_ISDIR(to->inode->mode) != directory)
        return directory ? -ENOTDIR : -EISDIR;
    if (mounted(from->dir, from->inode) || (to->inode && mounted(to->dir, to->inode)))
        return -EBUSY;
    if (to->inode && !(flags & RENAME_EXCHANGE) && directory && to->inode->entries.first)
        return -ENOTEMPTY;
    return 0;
}

static long rename_paths(const struct path *from, const struct path *to, uint32_t flags)
{
    long err = rename_check_paths(from, to, flags);

    if (err || from->inode == to->inode)
        return err;
    err = rename_check_inodes(from, to, flags);
    if (err)
        return err;
    if (!(flags & RENAME_EXCHANGE))
        return ramfs_rename(ramfs_find(from->dir, from->name), to->dir, to->name);
    ramfs_exchange(ramfs_find(from->dir, from->name), ramfs_find(to->dir, to->name));
    return 0;
}

static long rename_at(int old_dir, vaddr_t old, int dir, vaddr_t name, uint32_t flags)
{
    struct path from, to;
    long err;

    if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    if (flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    err = lookup_user(old_dir, old, PATH_ENTRY, &from);
    if (err)
        return err;
    err = lookup_user(dir, name, PATH_ENTRY, &to);
    if (!err) {
        err = rename_paths(&from, &to, flags);
        path_put(&to);
    }
    path_put(&from);
    return err;
}

SYSCALL2(rename, vaddr_t, old, vaddr_t, name)
{
    return rename_at(AT_FDCWD, old, AT_FDCWD, name, 0);
}

SYSCALL4(renameat, int, old_dir, vaddr_t, old, int, dir, vaddr_t, name)
{
    return rename_at(old_dir, old, dir, name, 0);
}

SYSCALL5(renameat2, int, old_dir, vaddr_t, old, int, dir, vaddr_t, name, uint32_t, flags)
{
    return rename_at(old_dir, old, dir, name, flags);
}
