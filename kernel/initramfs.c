#include "kernel/initramfs.h"

#include "kernel/abi/errno.h"
#include "kernel/boot.h"
#include "kernel/cpio.h"
#include "kernel/devices.h"
#include "kernel/format.h"
#include "kernel/frames.h"
#include "kernel/inode.h"
#include "kernel/log.h"
#include "kernel/power.h"
#include "kernel/proc.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* A file that the archive has under several names; its contents come with the last of them. */
struct hard_link {
    struct hard_link *next;
    uint32_t dev_major, dev_minor, ino; /* in the archive */
    struct inode *inode;
};

/* The archive on its way into the tree. */
static struct {
    struct cpio cpio;
    struct cpio_entry entry;
    struct hard_link *links;
    char path[CPIO_NAME_SIZE + 1]; /* of the entry, absolute: what /proc/PID/maps shows */
} load;

static _Noreturn void fail(const char *what)
{
    log_err("initramfs: entry %u: %s", load.cpio.entries, what);
    power_off(STATUS_BOOT_FAILED);
}

static void must(long err)
{
    switch (-err) {
    case 0:
        return;
    case ENOMEM:
        fail("out of memory");
    case ENOTEMPTY:
        fail("in the place of a directory that is not empty");
    default:
        fail("a name in it is too long");
    }
}

/* @inode, unless it could not be made. */
static struct inode *made(struct inode *inode)
{
    if (!inode)
        fail("out of memory");
    return inode;
}

/* The directory @name in @dir, made if it is not there; the tree holds the reference. */
static struct inode *enter_directory(struct inode *dir, const char *name)
{
    struct inode *found;

    if (ramfs_lookup(dir, name, &found) != 0) {
        found = made(ramfs_directory(0755));
        must(ramfs_link(dir, name, found));
    }
    inode_put(found);
    if (!S_ISDIR(found->mode))
        fail("a directory on its way is none");
    return found;
}

/* The directory that the entry lies in; *@last becomes its own name. */
static struct inode *parent_of(const struct cpio_entry *entry, const char **last)
{
    struct inode *dir = inode_root;
    const char *at = entry->name, *slash;
    char name[NAME_MAX + 1];

    while ((slash = strchr(at, '/'))) {
        size_t length = (size_t)(slash - at);

        must(length > NAME_MAX ? -ENAMETOOLONG : 0);
        memcpy(name, at, length);
        name[length] = '\0';
        dir = enter_directory(dir, name);
        at = slash + 1;
    }
    must(strlen(at) > NAME_MAX ? -ENAMETOOLONG : 0);
    *last = at;
    return dir;
}

/* ---- Hard links ---- */

static struct hard_link *find_link(const struct cpio_entry *entry)
{
    struct hard_link *l = load.links;

    while (l && (l->ino != entry->ino || l->dev_major != entry->dev_major ||
                 l->dev_minor != entry->dev_minor))
        l = l->next;
    return l;
}

static void remember_link(const struct cpio_entry *entry, struct inode *inode)
{
    struct hard_link *l = kmalloc(sizeof(*l));

    must(l ? 0 : -ENOMEM);
    *l = (struct hard_link){load.links, entry->dev_major, entry->dev_minor, entry->ino, inode};
    inode_get(inode);
    load.links = l;
}

static void forget_links(void)
{
    while (load.links) {
        struct hard_link *l = load.links;

        load.links = l->next;
        inode_put(l->inode);
        kfree(l, sizeof(*l));
    }
}

/* ---- Entries ---- */

static struct inode *make_file(const struct cpio_entry *entry)
{
    struct hard_link *l = entry->nlink > 1 ? find_link(entry) : NULL;
    struct inode *inode;

    if (l) {
        if (entry->size)
            must(ramfs_set_contents(l->inode, entry->data, entry->size, load.path));
        return inode_get(l->inode);
    }
    inode = made(ramfs_file(entry->mode & 07777, entry->data, entry->size, load.path));
    if (entry->nlink > 1)
        remember_link(entry, inode);
    return inode;
}

static struct inode *make_symlink(const struct cpio_entry *entry)
{
    if (entry->size == 0 || entry->size >= PATH_MAX || memchr(entry->data, '\0', entry->size))
        fail("bad target of a symbolic link");
    return made(ramfs_symlink((const char *)entry->data, entry->size));
}

static struct inode *make_device(const struct cpio_entry *entry)
{
    return made(device_inode(entry->mode & 07777, MAKEDEV(entry->rdev_major, entry->rdev_minor)));
}

/* The inode of an entry that is no directory, with a reference; NULL for a kind that is left out. */
static struct inode *make(const struct cpio_entry *entry)
{
    switch (entry->mode & S_IFMT) {
    case S_IFREG:
        return make_file(entry);
    case S_IFLNK:
        return make_symlink(entry);
    case S_IFCHR:
        return make_device(entry);
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        log_warn("initramfs: %s: of a kind that is not supported, left out", load.path);
        return NULL;
    default:
        fail("unknown type of file");
    }
}

static void set_owner(struct inode *inode, const struct cpio_entry *entry)
{
    inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777);
    inode->uid = entry->uid;
    inode->gid = entry->gid;
    inode->mtime = (struct timespec){.sec = entry->mtime};
    inode->atime = inode->ctime = inode->mtime;
}

static void add(const struct cpio_entry *entry)
{
    const char *last;
    struct inode *dir = parent_of(entry, &last), *inode;

    format(load.path, sizeof(load.path), "/%s", entry->name);
    if (S_ISDIR(entry->mode)) {
        set_owner(*last ? enter_directory(dir, last) : inode_root, entry);
        return;
    }
    if (!*last)
        fail("the root is no directory");
    inode = make(entry);
    if (!inode)
        return;
    set_owner(inode, entry);
    must(ramfs_link(dir, last, inode));
    inode_put(inode);
}

/* What was unpacked goes at once, to make room for the rest. How many frames the archive had. */
static uint64_t unpack(void)
{
    struct boot_module module = boot_module();
    uint64_t freed = 0;

    cpio_open(&load.cpio, module.data, module.size);
    while (cpio_next(&load.cpio, &load.entry)) {
        add(&load.entry);
        freed += boot_module_free(load.cpio.offset);
    }
    forget_links();
    if (load.cpio.error) {
        log_err("initramfs: entry %u: %s (offset 0x%llx)", load.cpio.entries, load.cpio.error,
                (unsigned long long)load.cpio.offset);
        power_off(STATUS_BOOT_FAILED);
    }
    log_info("initramfs: %u entries", load.cpio.entries);
    return freed + boot_module_free(module.size);
}

/* ---- What is always there ---- */

static void add_device(struct inode *dev, const char *name, uint64_t rdev)
{
    struct inode *inode = made(device_inode(0666, rdev));

    must(ramfs_link(dev, name, inode));
    inode_put(inode);
}

static void add_link(struct inode *dir, const char *name, const char *target)
{
    struct inode *link = made(ramfs_symlink(target, strlen(target)));

    must(ramfs_link(dir, name, link));
    inode_put(link);
}

static void add_system(void)
{
    struct inode *dev = enter_directory(inode_root, "dev");
    struct inode *temporary[] = {enter_directory(inode_root, "tmp"), enter_directory(dev, "shm")};
    struct inode *proc = made(proc_create()), *sys = made(sysfs_create());

    add_device(dev, "console", DEVICE_CONSOLE);
    add_device(dev, "tty", DEVICE_TTY);
    add_device(dev, "ttyS0", DEVICE_SERIAL);
    add_device(dev, "null", DEVICE_NULL);
    add_device(dev, "zero", DEVICE_ZERO);
    add_device(dev, "full", DEVICE_FULL);
    add_device(dev, "random", DEVICE_RANDOM);
    add_device(dev, "urandom", DEVICE_URANDOM);
    add_link(dev, "fd", "/proc/self/fd");
    add_link(dev, "stdin", "/proc/self/fd/0");
    add_link(dev, "stdout", "/proc/self/fd/1");
    add_link(dev, "stderr", "/proc/self/fd/2");
    for (unsigned i = 0; i < 2; i++)
        temporary[i]->mode = S_IFDIR | 01777;
    must(ramfs_link(inode_root, "proc", proc));
    must(ramfs_link(inode_root, "sys", sys));
    inode_put(proc);
    inode_put(sys);
}

uint64_t initramfs_load(void)
{
    uint64_t frames;

    inode_root = made(ramfs_directory(0755));
    frames = unpack();
    add_system();
    return frames;
}

void initramfs_unload(void)
{
    ramfs_clear(inode_root);
    inode_put(inode_root);
    inode_root = NULL;
}
