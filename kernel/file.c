#include "kernel/file.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/frames.h"
#include "kernel/panic.h"
#include "kernel/record_lock.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define TABLE_SIZE 32 /* descriptors that a table starts with */
_Static_assert(NOFILE_MAX * sizeof(struct descriptor) <= PAGE_SIZE << FRAMES_MAX_ORDER,
               "the largest table can be allocated");

/* Flags of open(2) that describe the opening only, and are not kept. */
#define OPEN_ONLY (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

static long directory_read(struct file *file, struct io *io, uint64_t pos)
{
    (void)file, (void)io, (void)pos;
    return -EISDIR;
}

const struct file_ops file_directory_ops = {.seek = SEEK_ANY, .read = directory_read};

long file_open(struct inode *inode, uint32_t flags, struct file **file)
{
    static const struct file_ops path_ops;
    const struct file_ops *ops = flags & O_PATH ? &path_ops : inode->file_ops;
    struct file *f;
    long err;

    if (!ops)
        return -ENXIO;
    f = kmalloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->ops = ops;
    f->refs = 1;
    f->flags = flags;
    f->inode = inode_get(inode);
    err = ops->open ? ops->open(f) : 0;
    if (err) {
        inode_put(inode);
        kfree(f, sizeof(*f));
        return err;
    }
    f->flags &= ~(uint32_t)OPEN_ONLY;
    *file = f;
    return 0;
}

static long claim(struct file *file, int32_t sign)
{
    struct inode *inode = file->inode;

    if (inode->claims * sign < 0)
        return -ETXTBSY;
    inode->claims += sign;
    file->claim = sign;
    return 0;
}

long file_claim_write(struct file *file)
{
    return claim(file, 1);
}

long file_claim_execute(struct file *file)
{
    return claim(file, -1);
}

void file_remember(struct file *file, const struct path *path)
{
    struct dirent *entry = NULL;

    if (path->dir && path->end == PATH_NAME)
        entry = ramfs_find(path->dir, path->name);
    if (entry)
        file->entry = dirent_get(entry);
}

struct file *file_get(struct file *file)
{
    kassert(file->refs > 0);
    file->refs++;
    return file;
}

void file_put(struct file *file)
{
    kassert(file->refs > 0);
    if (--file->refs > 0)
        return;
    file_unlock(file);
    record_unlock_all(file->inode, file);
    if (file->ops->release)
        file->ops->release(file);
    dirent_put(file->entry);
    file->inode->claims -= file->claim;
    inode_put(file->inode);
    kfree(file, sizeof(*file));
}

/* ---- Descriptors ---- */

struct files *files_create(void)
{
    struct files *files = kmalloc(sizeof(*files));

    if (files)
        files->refs = 1;
    return files;
}

struct files *files_copy(const struct files *files)
{
    struct files *copy = files_create();

    if (!copy || !files->size)
        return copy;
    copy->table = kmalloc(files->size * sizeof(*copy->table));
    if (!copy->table) {
        kfree(copy, sizeof(*copy));
        return NULL;
    }
    copy->size = files->size;
    for (uint32_t fd = 0; fd < files->size; fd++)
        if (files->table[fd].file)
            copy->table[fd] =
                (struct descriptor){file_get(files->table[fd].file), files->table[fd].cloexec};
    return copy;
}

long files_unshare(struct files **files)
{
    struct files *copy;

    if ((*files)->refs == 1)
        return 0;
    copy = files_copy(*files);
    if (!copy)
        return -ENOMEM;
    files_put(*files);
    *files = copy;
    return 0;
}

struct files *files_get(struct files *files)
{
    kassert(files->refs > 0);
    files->refs++;
    return files;
}

void files_put(struct files *files)
{
    if (--files->refs > 0)
        return;
    for (uint32_t fd = 0; fd < files->size; fd++)
        files_close(files, (int)fd);
    kfree(files->table, files->size * sizeof(*files->table));
    kfree(files, sizeof(*files));
}

struct descriptor *files_descriptor(struct files *files, int fd)
{
    if (fd < 0 || (uint32_t)fd >= files->size || !files->table[fd].file)
        return NULL;
    return &files->table[fd];
}

struct file *files_lookup_path(struct files *files, int fd)
{
    struct descriptor *d = files_descriptor(files, fd);

    return d ? file_get(d->file) : NULL;
}

struct file *files_lookup(struct files *files, int fd)
{
    struct descriptor *d = files_descriptor(files, fd);

    return d && !(d->file->flags & O_PATH) ? file_get(d->file) : NULL;
}

/* Make room for descriptor @fd, doubling the table. 0 or -ENOMEM. */
static long grow(struct files *files, uint32_t fd)
{
    uint32_t size = files->size ? files->size : TABLE_SIZE;
    struct descriptor *table;

    if (fd < files->size)
        return 0;
    while (size <= fd)
        size *= 2;
    table = kmalloc(size * sizeof(*table));
    if (!table)
        return -ENOMEM;
    if (files->size)
        memcpy(table, files->table, files->size * sizeof(*table));
    kfree(files->table, files->size * sizeof(*table));
    files->table = table;
    files->size = size;
    return 0;
}

/* The lowest free descriptor from @lowest up, with room for it in the table. -EMFILE, -ENOMEM. */
static long find_free(struct files *files, uint32_t lowest, uint64_t limit)
{
    uint32_t fd = lowest;
    long err;

    while (fd < files->size && files->table[fd].file)
        fd++;
    if (fd >= limit)
        return -EMFILE;
    err = grow(files, fd);
    return err ? err : fd;
}

long files_room(struct files *files, uint64_t limit)
{
    long fd = find_free(files, 0, limit);

    return fd < 0 ? fd : 0;
}

long files_add(struct files *files, struct file *file, uint32_t lowest, uint64_t limit,
               bool cloexec)
{
    long fd = find_free(files, lowest, limit);

    if (fd < 0)
        return fd;
    files->table[fd] = (struct descriptor){file, cloexec};
    return fd;
}

long files_set(struct files *files, uint32_t fd, struct file *file, bool cloexec)
{
    long err = grow(files, fd);

    if (err)
        return err;
    files_close(files, (int)fd);
    files->table[fd] = (struct descriptor){file, cloexec};
    return 0;
}

long files_close(struct files *files, int fd)
{
    struct descriptor *d = files_descriptor(files, fd);
    struct file *file;

    if (!d)
        return -EBADF;
    file = d->file;
    *d = (struct descriptor){0};
    if (!(file->flags & O_PATH))
        record_unlock_all(file->inode, files);
    file_put(file);
    return 0;
}

void files_close_on_exec(struct files *files)
{
    for (uint32_t fd = 0; fd < files->size; fd++)
        if (files->table[fd].file && files->table[fd].cloexec)
            files_close(files, (int)fd);
}
