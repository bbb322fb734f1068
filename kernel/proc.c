#include "kernel/proc.h"

#include "kernel/abi/errno.h"
#include "kernel/file.h"
#include "kernel/format.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* ---- Files ---- */

/* Make the text of @file anew: what was there at the last read from the start is gone. */
static long generate(struct file *file)
{
    const struct inode *inode = file->inode;
    struct process *process = inode->pid ? process_find(inode->pid) : NULL;
    struct text *text = file->data;
    long err;

    if (inode->pid && !process)
        return -ESRCH;
    if (!text)
        text = file->data = kmalloc(sizeof(*text));
    if (!text)
        return -ENOMEM;
    text_clear(text);
    err = inode->proc->show(text, process);
    if (!err && text->out_of_memory)
        err = -ENOMEM;
    if (err)
        text_clear(text);
    return err;
}

static long proc_read(struct file *file, struct io *io, uint64_t pos)
{
    long err = pos == 0 || !file->data ? generate(file) : 0;

    return err ? err : text_read(file->data, io, pos);
}

static void proc_release(struct file *file)
{
    if (!file->data)
        return;
    text_clear(file->data);
    kfree(file->data, sizeof(struct text));
}

static const struct file_ops text_ops = {
    .seek = SEEK_ANY,
    .read = proc_read,
    .release = proc_release,
};

static long proc_readlink(struct inode *link, char *buf, size_t size)
{
    struct process *process = link->pid ? process_find(link->pid) : NULL;

    if (link->pid && !process)
        return -ENOENT;
    return link->proc->readlink(process, buf, size);
}

/* ---- Directories ---- */

static struct inode *create_entry(const struct proc_entry *entry, int pid)
{
    static const struct inode_ops file_ops, link_ops = {.readlink = proc_readlink};
    bool link = S_ISLNK(entry->mode);
    struct inode *inode =
        inode_create(link ? &link_ops : &file_ops, link ? NULL : &text_ops, entry->mode);

    if (!inode)
        return NULL;
    inode->dev = DEV_PROC;
    inode->proc = entry;
    inode->pid = pid;
    return inode;
}

/* The inodes below /proc/PID live only while somebody uses them. */
static long process_lookup(struct inode *dir, const char *name, struct inode **found)
{
    const struct proc_entry *entry = proc_process_entries;

    while (entry->name && strcmp(entry->name, name) != 0)
        entry++;
    if (!entry->name || !process_find(dir->pid))
        return -ENOENT;
    *found = create_entry(entry, dir->pid);
    if (!*found)
        return -ENOMEM;
    (*found)->nlink = 1;
    return 0;
}

/* The number that @name is, written as the kernel would; 0 when it is none. */
static int parse_pid(const char *name)
{
    int pid = 0;

    if (*name == '0')
        return 0;
    for (; *name; name++)
        if (*name < '0' || *name > '9' || __builtin_mul_overflow(pid, 10, &pid) ||
            __builtin_add_overflow(pid, *name - '0', &pid))
            return 0;
    return pid;
}

static long root_lookup(struct inode *dir, const char *name, struct inode **found)
{
    static const struct inode_ops process_ops = {.lookup = process_lookup};
    int pid = parse_pid(name);
    struct inode *inode;

    if (!pid)
        return ramfs_lookup(dir, name, found);
    if (!process_find(pid))
        return -ENOENT;
    inode = inode_create(&process_ops, &file_directory_ops, S_IFDIR | 0555);
    if (!inode)
        return -ENOMEM;
    inode->dev = DEV_PROC;
    inode->pid = pid;
    inode->nlink = 2;
    inode->parent = inode_get(dir);
    *found = inode;
    return 0;
}

/* Enter all of @entries in @dir. */
static long add_entries(struct inode *dir, const struct proc_entry *entries)
{
    for (const struct proc_entry *e = entries; e->name; e++) {
        struct inode *inode = create_entry(e, 0);
        long err = inode ? ramfs_add(dir, e->name, inode) : -ENOMEM;

        inode_put(inode);
        if (err)
            return err;
    }
    return 0;
}

/* A new directory @name in @parent, in which the caller gets no reference. */
static struct inode *add_directory(struct inode *parent, const char *name)
{
    struct inode *dir = ramfs_directory(0555);

    if (!dir)
        return NULL;
    dir->dev = DEV_PROC;
    if (ramfs_add(parent, name, dir) != 0) {
        inode_put(dir);
        return NULL;
    }
    inode_put(dir);
    return dir;
}

struct inode *proc_create(void)
{
    static const struct inode_ops root_ops = {.lookup = root_lookup, .list = ramfs_list};
    struct inode *root = ramfs_directory(0555), *sys, *vm;

    if (!root)
        return NULL;
    root->ops = &root_ops;
    root->dev = DEV_PROC;
    sys = add_directory(root, "sys");
    vm = sys ? add_directory(sys, "vm") : NULL;
    if (vm && add_entries(root, proc_system_entries) == 0 && add_entries(vm, proc_vm_entries) == 0)
        return root;
    inode_put(root);
    return NULL;
}
