/* /proc/PID/fd and fdinfo: the descriptors of a process. */
#include "kernel/abi/errno.h"
#include "kernel/format.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/string.h"

/* The descriptor that @subject is about, NULL when it was closed since. */
static const struct descriptor *descriptor_of(const struct proc_subject *subject)
{
    struct files *files = subject->process->files;

    return files ? files_descriptor(files, subject->fd) : NULL;
}

/* ---- A link ---- */

/* Whether @file can still be found by the name it was opened by. */
static bool is_named(const struct file *file)
{
    return file->entry && file->entry->inode == file->inode;
}

/* Put @words behind the @length bytes at @buf, as far as @size allows. The length then. */
static long append(char *buf, size_t size, long length, const char *words)
{
    if (length < 0)
        return length;
    return length + proc_put_link(words, buf + length, size - (size_t)length);
}

/* What has no name any more, opened by way of /proc, or never had one, as O_TMPFILE makes it. */
static long unnamed(const struct file *file, char *buf, size_t size)
{
    const struct object *object = ramfs_object(file->inode);
    char name[40];

    if (object && *object_name(object))
        return proc_put_link(object_name(object), buf, size);
    format(name, sizeof(name), "/#%llu (deleted)", (unsigned long long)file->inode->ino);
    return proc_put_link(name, buf, size);
}

long proc_file_name(const struct file *file, char *buf, size_t size)
{
    const struct inode *inode = file->inode;
    const struct dirent *entry = file->entry;
    char number[16];
    long length = -ENOENT;

    if (inode->ops->name)
        return inode->ops->name(inode, buf, size);
    if (inode->proc)
        return path_name(inode->parent, proc_name(inode, number), buf, size);
    if (entry)
        length = path_name(entry->dir, entry->name, buf, size);
    else if (S_ISDIR(inode->mode))
        length = path_name(inode, "", buf, size);
    if (length == -ENOENT)
        return unnamed(file, buf, size);
    return append(buf, size, length, entry && !is_named(file) ? " (deleted)" : "");
}

static long read_fd(const struct proc_subject *subject, char *buf, size_t size)
{
    const struct descriptor *d = descriptor_of(subject);

    return d ? proc_file_name(d->file, buf, size) : -ENOENT;
}

long proc_file_jump(const struct file *file, struct path *to)
{
    to->inode = inode_get(file->inode);
    if (is_named(file)) {
        to->dir = inode_get(file->entry->dir);
        to->end = PATH_NAME;
        strlcpy(to->name, file->entry->name, sizeof(to->name));
    } else if (S_ISDIR(to->inode->mode)) {
        to->dir = inode_get(to->inode);
    }
    return 0;
}

static long jump_fd(const struct proc_subject *subject, struct path *to)
{
    const struct descriptor *d = descriptor_of(subject);

    return d ? proc_file_jump(d->file, to) : -ENOENT;
}

/* By what the file is open for. */
static const struct proc_entry fd_entries[] = {
    {.mode = S_IFLNK, .readlink = read_fd, .jump = jump_fd},
    {.mode = S_IFLNK | 0500, .readlink = read_fd, .jump = jump_fd},
    {.mode = S_IFLNK | 0300, .readlink = read_fd, .jump = jump_fd},
    {.mode = S_IFLNK | 0700, .readlink = read_fd, .jump = jump_fd},
};

#define LINK_SIZE 64 /* what stat says of each */

static const struct proc_entry *fd_entry(const struct file *file)
{
    if (file->flags & O_PATH)
        return &fd_entries[0];
    return &fd_entries[file_readable(file) + 2 * file_writable(file)];
}

/* ---- fdinfo ---- */

static long show_fdinfo(struct text *out, const struct proc_subject *subject)
{
    const struct descriptor *d = descriptor_of(subject);
    uint32_t flags;

    if (!d)
        return -ENOENT;
    flags = d->file->flags | (d->cloexec ? O_CLOEXEC : 0);
    text_format(out, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
                (unsigned long long)d->file->pos, flags, d->file->inode->dev,
                (unsigned long long)d->file->inode->ino);
    return 0;
}

static const struct proc_entry fdinfo_entry = {.mode = S_IFREG | 0444, .show = show_fdinfo};

/* ---- The directories ---- */

static struct proc_id id_of(const struct inode *dir, int fd)
{
    struct proc_id id = dir->proc_id;

    id.fd = fd;
    return id;
}

/* The open file of descriptor @name of the process that @dir is about, NULL when there is none. */
static struct file *find(const struct inode *dir, const char *name, int *fd)
{
    struct process *process = process_find(dir->proc_id.pid);
    struct descriptor *d = NULL;

    *fd = proc_parse_number(name);
    if (process && process->files && *fd >= 0)
        d = files_descriptor(process->files, *fd);
    return d ? d->file : NULL;
}

static long fd_lookup(struct inode *dir, const char *name, struct inode **found)
{
    int fd;
    struct file *file = find(dir, name, &fd);
    long err = file ? proc_inode(dir, fd_entry(file), id_of(dir, fd), found) : -ENOENT;

    if (!err)
        (*found)->size = LINK_SIZE;
    return err;
}

static long fdinfo_lookup(struct inode *dir, const char *name, struct inode **found)
{
    int fd;

    return find(dir, name, &fd) ? proc_inode(dir, &fdinfo_entry, id_of(dir, fd), found) : -ENOENT;
}

/* A descriptor's position is its number, behind "." and "..". */
static long list(struct inode *dir, struct dir_reader *reader, const struct proc_entry *entry)
{
    struct files *files = process_find(dir->proc_id.pid)->files;
    char name[16];

    for (uint64_t fd = max_u64(reader->pos, 2) - 2; files && fd < files->size; fd++) {
        const struct descriptor *d = files_descriptor(files, (int)fd);

        if (!d)
            continue;
        format(name, sizeof(name), "%d", (int)fd);
        if (!proc_take(reader, fd + 2, name, entry ? entry : fd_entry(d->file),
                       id_of(dir, (int)fd)))
            break;
    }
    return files ? 0 : -ENOENT;
}

static long fd_list(struct inode *dir, struct dir_reader *reader)
{
    return list(dir, reader, NULL);
}

static long fdinfo_list(struct inode *dir, struct dir_reader *reader)
{
    return list(dir, reader, &fdinfo_entry);
}

const struct inode_ops proc_fd_ops = {.lookup = fd_lookup, .list = fd_list};
const struct inode_ops proc_fdinfo_ops = {.lookup = fdinfo_lookup, .list = fdinfo_list};
