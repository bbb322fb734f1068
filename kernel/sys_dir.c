/* Reading directories. */
#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* getdents64 on its way: names to user memory. */
struct listing {
    struct dir_reader reader;
    vaddr_t buf;
    uint64_t room; /* bytes left */
    long err;      /* why there were no more */
};

static bool take(struct dir_reader *reader, const char *name, uint64_t ino, uint32_t mode)
{
    struct listing *l = (struct listing *)reader;
    union {
        struct dirent64 entry;
        char bytes[sizeof(struct dirent64) + NAME_MAX + 8];
    } out = {0};
    uint64_t length = strlen(name);
    uint64_t size = (offsetof(struct dirent64, name) + length + 1 + 7) & ~(uint64_t)7;

    out.entry.ino = ino;
    out.entry.next = (int64_t)reader->pos;
    out.entry.size = (uint16_t)size;
    out.entry.type = (uint8_t)((mode & S_IFMT) >> 12);
    memcpy(out.bytes + offsetof(struct dirent64, name), name, length + 1);
    l->err = size > l->room ? -EINVAL : copy_to_user(l->buf, &out, size);
    if (l->err)
        return false;
    l->buf += size;
    l->room -= size;
    return true;
}

/* All names from l->reader.pos on, the directory itself and its parent first. */
static long list(struct inode *dir, struct listing *l)
{
    struct dir_reader *reader = &l->reader;

    if (!dir->nlink)
        return -ENOENT;
    if (reader->pos == 0 && !dir_take(reader, 0, ".", dir->ino, dir->mode))
        return l->err;
    if (reader->pos == 1 && !dir_take(reader, 1, "..", dir->parent->ino, dir->mode))
        return l->err;
    inode_accessed(dir);
    return dir->ops->list ? dir->ops->list(dir, reader) : 0;
}

SYSCALL3(getdents64, int, fd, vaddr_t, buf, uint32_t, size)
{
    struct file *file = files_lookup(process_current()->files, fd);
    struct listing l = {.buf = buf, .room = size, .reader = {.take = take}};
    long err;

    if (!file)
        return -EBADF;
    l.reader.pos = file->pos;
    err = S_ISDIR(file->inode->mode) ? list(file->inode, &l) : -ENOTDIR;
    if (!err)
        err = l.err;
    file->pos = l.reader.pos;
    file_put(file);
    return l.buf > buf ? (long)(l.buf - buf) : err;
}
