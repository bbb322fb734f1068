/* Directories and symbolic links in RAM. The tree is filled at boot, and programs change it. */
#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/inode.h"
#include "kernel/panic.h"
#include "kernel/pipe.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define FIRST_POSITION 2 /* behind "." and ".." */

/* ---- Names ---- */

struct dirent *dirent_get(struct dirent *entry)
{
    kassert(entry->refs > 0);
    entry->refs++;
    return entry;
}

void dirent_put(struct dirent *entry)
{
    if (!entry)
        return;
    kassert(entry->refs > 0);
    if (--entry->refs > 0)
        return;
    inode_put(entry->dir);
    kfree(entry->name, strlen(entry->name) + 1);
    kfree(entry, sizeof(*entry));
}

static char *copy_name(const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = kmalloc(size);

    return copy ? memcpy(copy, name, size) : NULL;
}

/* A name that is in no directory yet. NULL when memory is out. */
static struct dirent *dirent_create(const char *name)
{
    struct dirent *entry = kmalloc(sizeof(*entry));

    if (!entry)
        return NULL;
    entry->name = copy_name(name);
    if (!entry->name) {
        kfree(entry, sizeof(*entry));
        return NULL;
    }
    entry->refs = 1;
    return entry;
}

/* Put @entry at the end of @dir's list; positions go up in it. */
static void enlist(struct dirent *entry, struct inode *dir)
{
    struct entries *entries = &dir->entries;

    entry->dir = inode_get(dir);
    entry->position = entries->position++;
    entry->next = NULL;
    entry->prev = entries->last;
    if (entries->last)
        entries->last->next = entry;
    else
        entries->first = entry;
    entries->last = entry;
}

/* Take it out; it keeps its reference to the directory. */
static void unlist(struct dirent *entry)
{
    struct entries *entries = &entry->dir->entries;

    if (entry->prev)
        entry->prev->next = entry->next;
    else
        entries->first = entry->next;
    if (entry->next)
        entry->next->prev = entry->prev;
    else
        entries->last = entry->prev;
    entry->next = entry->prev = NULL;
}

struct dirent *ramfs_find(const struct inode *dir, const char *name)
{
    struct dirent *entry = dir->entries.first;

    while (entry && strcmp(entry->name, name) != 0)
        entry = entry->next;
    return entry;
}

/* ---- Directories ---- */

long ramfs_lookup(struct inode *dir, const char *name, struct inode **found)
{
    struct dirent *entry = ramfs_find(dir, name);

    if (!entry)
        return -ENOENT;
    *found = inode_get(entry->inode);
    return 0;
}

long ramfs_list(struct inode *dir, struct dir_reader *reader)
{
    for (struct dirent *e = dir->entries.first; e; e = e->next)
        if (e->position >= reader->pos &&
            !dir_take(reader, e->position, e->name, e->inode->ino, e->inode->mode))
            break;
    return 0;
}

const char *ramfs_name_of(const struct inode *dir)
{
    const struct dirent *entry = dir->parent->entries.first;

    while (entry && entry->inode != dir)
        entry = entry->next;
    return entry ? entry->name : NULL;
}

struct inode *ramfs_directory(uint32_t mode)
{
    static const struct inode_ops ops = {.lookup = ramfs_lookup, .list = ramfs_list};
    struct inode *dir = inode_create(&ops, &file_directory_ops, S_IFDIR | mode);

    if (!dir)
        return NULL;
    dir->nlink =
        2; /* its name and its "."; one without a name is the root, which is its own ".." */
    dir->parent = dir;
    dir->entries.position = FIRST_POSITION;
    return dir;
}

/* A directory has one name only: it moves to its new parent with it. */
static void set_parent(struct inode *dir, struct inode *parent)
{
    struct inode *old = dir->parent;

    parent->nlink++;
    dir->parent = inode_get(parent);
    if (old != dir)
        inode_put(old);
}

long ramfs_add(struct inode *dir, const char *name, struct inode *inode)
{
    struct dirent *entry;

    if (!dir->nlink)
        return -ENOENT;
    entry = dirent_create(name);
    if (!entry)
        return -ENOMEM;

    /* ---- point of no return ---- */
    entry->inode = inode_get(inode);
    enlist(entry, dir);
    if (S_ISDIR(inode->mode))
        set_parent(inode, dir);
    else
        inode->nlink++;
    inode_changed(inode);
    inode_modified(dir);
    return 0;
}

void ramfs_remove(struct dirent *entry)
{
    struct inode *inode = entry->inode, *dir = entry->dir;

    unlist(entry);
    entry->inode = NULL;
    if (S_ISDIR(inode->mode)) {
        kassert(!inode->entries.first);
        inode->nlink = 0;
        dir->nlink--;
    } else {
        inode->nlink--;
    }
    inode_changed(inode);
    inode_modified(dir);
    if (!inode->nlink && ramfs_object(inode) && *object_name(inode->object))
        ramfs_name_object(entry, inode);
    inode_put(inode);
    dirent_put(entry);
}

long ramfs_enter(struct inode *dir, const char *name, struct inode *inode)
{
    if (dir->mode & S_ISGID) {
        inode->gid = dir->gid;
        inode->mode |= S_ISDIR(inode->mode) ? S_ISGID : 0;
    }
    return ramfs_add(dir, name, inode);
}

long ramfs_link(struct inode *dir, const char *name, struct inode *inode)
{
    struct dirent *old = ramfs_find(dir, name);
    long err;

    if (old && S_ISDIR(old->inode->mode) && old->inode->entries.first)
        return -ENOTEMPTY;
    err = ramfs_add(dir, name, inode);
    if (!err && old)
        ramfs_remove(old);
    return err;
}

/* Take @entry over to directory @to; its name is free there. */
static void move(struct dirent *entry, struct inode *to)
{
    struct inode *from = entry->dir;

    unlist(entry);
    enlist(entry, to);
    if (S_ISDIR(entry->inode->mode)) {
        from->nlink--;
        set_parent(entry->inode, to);
    }
    if (ramfs_object(entry->inode) && *object_name(entry->inode->object))
        ramfs_name_object(entry, entry->inode);
    inode_changed(entry->inode);
    inode_modified(from);
    inode_modified(to);
    inode_put(from);
}

long ramfs_rename(struct dirent *entry, struct inode *dir, const char *name)
{
    struct dirent *old = ramfs_find(dir, name);
    char *new_name = copy_name(name);

    if (!new_name)
        return -ENOMEM;

    /* ---- point of no return ---- */
    if (old)
        ramfs_remove(old);
    kfree(entry->name, strlen(entry->name) + 1);
    entry->name = new_name;
    move(entry, dir);
    return 0;
}

void ramfs_exchange(struct dirent *a, struct dirent *b)
{
    struct inode *dir = a->dir;
    char *name = a->name;

    a->name = b->name;
    b->name = name;
    move(a, b->dir);
    move(b, dir);
}

/* Down to a directory without names, or something else: that can be removed; and up again. */
void ramfs_clear(struct inode *dir)
{
    struct inode *at = dir;

    while (at != dir || at->entries.first) {
        struct dirent *entry = at->entries.first;

        if (!entry)
            at = at->parent;
        else if (S_ISDIR(entry->inode->mode) && entry->inode->entries.first)
            at = entry->inode;
        else
            ramfs_remove(entry);
    }
}

/* ---- Symbolic links ---- */

static long link_read(struct inode *link, char *buf, size_t size)
{
    size = min_u64(size, link->size);
    memcpy(buf, link->target, size);
    return (long)size;
}

static void link_release(struct inode *link)
{
    if (link->target)
        kfree(link->target, link->size + 1);
}

struct inode *ramfs_symlink(const char *target, size_t length)
{
    static const struct inode_ops ops = {.readlink = link_read, .release = link_release};
    struct inode *link = inode_create(&ops, NULL, S_IFLNK | 0777);

    if (!link)
        return NULL;
    link->size = length;
    link->target = kmalloc(length + 1);
    if (!link->target) {
        inode_put(link);
        return NULL;
    }
    memcpy(link->target, target, length);
    return link;
}

/* ---- What is neither ---- */

struct inode *ramfs_node(uint32_t mode, uint64_t rdev)
{
    static const struct inode_ops ops;
    struct inode *inode = inode_create(&ops, S_ISFIFO(mode) ? &pipe_ops : NULL, mode);

    if (inode)
        inode->rdev = S_ISFIFO(mode) ? 0 : rdev;
    return inode;
}
