/*
 * Record locks: bytes of a file that their owner has for itself, or shares with other readers, as far as all ask for
 * them by fcntl. The owner is a process, by its table of descriptors, or with F_OFD_ an open file.
 */
#include "kernel/record_lock.h"

#include "kernel/abi/errno.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"

#define LAST_BYTE ((uint64_t)INT64_MAX)

/* Locked bytes [@start, @end], both included. Those of one owner do not overlap. */
struct record {
    struct record *next;
    const void *owner; /* a struct files, or a struct file */
    int pid;           /* as F_GETLK tells it: -1 of an open file */
    int16_t type;      /* F_RDLCK, F_WRLCK; in a request also F_UNLCK */
    uint64_t start, end;
};

static bool overlap(const struct record *a, const struct record *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static bool conflict(const struct record *a, const struct record *b)
{
    return a->owner != b->owner && overlap(a, b) && (a->type == F_WRLCK || b->type == F_WRLCK);
}

/* The lowest that others have and @wanted cannot be had with; NULL when there is none. */
static const struct record *find_conflict(const struct inode *inode, const struct record *wanted)
{
    const struct record *found = NULL;

    for (const struct record *r = inode->records; r; r = r->next)
        if (conflict(r, wanted) && (!found || r->start < found->start))
            found = r;
    return found;
}

static void wake(struct inode *inode)
{
    sched_wake(&inode->records);
}

/* ---- Change ---- */

/* Widen @wanted by what its owner has right beside it, of the same type: they become one. */
static void widen(const struct inode *inode, struct record *wanted)
{
    for (const struct record *r = inode->records; r; r = r->next) {
        if (r->owner != wanted->owner || r->type != wanted->type)
            continue;
        if (r->end + 1 < wanted->start || wanted->end + 1 < r->start)
            continue;
        wanted->start = min_u64(wanted->start, r->start);
        wanted->end = max_u64(wanted->end, r->end);
    }
}

static void push(struct inode *inode, struct record *r)
{
    r->next = inode->records;
    inode->records = r;
}

/* Take from the owner of @gone what it has of these bytes. True when @spare was needed, for the rest behind them. */
static bool cut(struct inode *inode, const struct record *gone, struct record *spare)
{
    struct record **link = &inode->records, *r;
    bool split = false;

    while ((r = *link)) {
        if (r->owner != gone->owner || !overlap(r, gone)) {
            link = &r->next;
        } else if (r->start < gone->start && r->end > gone->end) {
            *spare = *r;
            spare->start = gone->end + 1;
            r->end = gone->start - 1;
            split = true;
            link = &r->next;
        } else if (r->start < gone->start) {
            r->end = gone->start - 1;
            link = &r->next;
        } else if (r->end > gone->end) {
            r->start = gone->end + 1;
            link = &r->next;
        } else {
            *link = r->next;
            kfree(r, sizeof(*r));
        }
    }
    if (split)
        push(inode, spare);
    return split;
}

/* Give @wanted to its owner, in place of what it had there. 0 or -ENOMEM. */
static long set(struct inode *inode, struct record wanted)
{
    struct record *spare = kmalloc(sizeof(*spare)), *new = kmalloc(sizeof(*new));

    if (!spare || !new) {
        kfree(spare, sizeof(*spare));
        kfree(new, sizeof(*new));
        return -ENOMEM;
    }

    /* ---- point of no return ---- */
    if (wanted.type != F_UNLCK)
        widen(inode, &wanted);
    if (!cut(inode, &wanted, spare))
        kfree(spare, sizeof(*spare));
    *new = wanted;
    if (wanted.type != F_UNLCK)
        push(inode, new);
    else
        kfree(new, sizeof(*new));
    wake(inode);
    return 0;
}

void record_unlock_all(struct inode *inode, const void *owner)
{
    struct record all = {.owner = owner, .end = LAST_BYTE};

    if (!inode->records)
        return;
    cut(inode, &all, NULL); /* which splits nothing */
    wake(inode);
}

/* ---- What fcntl asks for ---- */

/* The byte that positions of @whence count from. */
static int64_t base(const struct file *file, int whence)
{
    switch (whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        return (int64_t)file->pos;
    case SEEK_END:
        return (int64_t)file->inode->size;
    default:
        return -1;
    }
}

/* Bytes first and last of @flock; a negative length counts down from the start. 0, -EINVAL, -EOVERFLOW. */
static long parse_range(const struct file *file, const struct flock *flock, struct record *wanted)
{
    int64_t start = base(file, flock->whence), end;

    if (start < 0)
        return -EINVAL;
    if (__builtin_add_overflow(start, flock->start, &start))
        return -EOVERFLOW;
    end = flock->len == 0 ? INT64_MAX : start - 1;
    if (flock->len > 0 && __builtin_add_overflow(start, flock->len - 1, &end))
        return -EOVERFLOW;
    if (flock->len < 0 && __builtin_add_overflow(start, flock->len, &start))
        return -EINVAL;
    if (start < 0 || end < 0)
        return -EINVAL;
    wanted->start = (uint64_t)start;
    wanted->end = (uint64_t)end;
    return 0;
}

static long parse(struct file *file, const struct flock *flock, bool ofd, struct record *wanted)
{
    *wanted = (struct record){.type = flock->type};
    wanted->owner = ofd ? (const void *)file : process_current()->files;
    wanted->pid = ofd ? -1 : process_current()->pid;
    if (ofd && flock->pid)
        return -EINVAL;
    if (flock->type != F_RDLCK && flock->type != F_WRLCK && flock->type != F_UNLCK)
        return -EINVAL;
    return parse_range(file, flock, wanted);
}

/* Who waited, and was closed by then, gets nothing: nobody would give it back. */
static bool still_open(const struct file *file, int fd)
{
    const struct descriptor *d = files_descriptor(process_current()->files, fd);

    return d && d->file == file;
}

static long lock(struct file *file, int fd, const struct record *wanted, bool wait)
{
    if (wanted->type == F_RDLCK && !file_readable(file))
        return -EBADF;
    if (wanted->type == F_WRLCK && !file_writable(file))
        return -EBADF;
    while (wanted->type != F_UNLCK && find_conflict(file->inode, wanted)) {
        if (!wait)
            return -EAGAIN;
        if (sched_sleep(&file->inode->records, SCHED_FOREVER))
            return -ERESTARTSYS;
        if (wanted->owner != file && !still_open(file, fd))
            return -EBADF;
    }
    return set(file->inode, *wanted);
}

/* What stands in the way, in place of the request; or nothing, and then only the type changes. */
static void tell(const struct record *r, struct flock *flock)
{
    if (!r) {
        flock->type = F_UNLCK;
        return;
    }
    *flock = (struct flock){
        .type = r->type,
        .whence = SEEK_SET,
        .start = (int64_t)r->start,
        .len = r->end == LAST_BYTE ? 0 : (int64_t)(r->end - r->start + 1),
        .pid = r->pid,
    };
}

long record_lock(struct file *file, int fd, uint32_t command, vaddr_t user)
{
    bool ofd = command >= F_OFD_GETLK;
    struct record wanted;
    struct flock flock;
    long err = copy_from_user(&flock, user, sizeof(flock));

    if (!err)
        err = parse(file, &flock, ofd, &wanted);
    if (err)
        return err;
    if (command != F_GETLK && command != F_OFD_GETLK)
        return lock(file, fd, &wanted, command == F_SETLKW || command == F_OFD_SETLKW);
    if (flock.type == F_UNLCK)
        return -EINVAL;
    tell(find_conflict(file->inode, &wanted), &flock);
    return copy_to_user(user, &flock, sizeof(flock));
}
