#include "kernel/proc.h"

#include "kernel/abi/errno.h"
#include "kernel/format.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* ---- Whom it is about ---- */

static struct thread *find_thread(const struct process *process, int tid)
{
    struct thread *thread = process->threads;

    while (thread && thread->tid != tid)
        thread = thread->next;
    return thread;
}

bool proc_subject(const struct inode *inode, struct proc_subject *subject)
{
    struct proc_id id = inode->proc_id;

    *subject = (struct proc_subject){.entry = inode->proc, .is_thread = id.tid, .fd = id.fd};
    if (!id.pid)
        return true;
    subject->process = process_find(id.pid);
    if (!subject->process || subject->process->started_ns != id.started_ns)
        return false;
    subject->thread = find_thread(subject->process, id.tid ? id.tid : id.pid);
    if (!subject->thread && !id.tid)
        subject->thread = subject->process->threads;
    return subject->thread || !id.tid;
}

/* ---- Files that are text ---- */

static long next_record(struct text *out, const void *ctx, uint64_t *cursor)
{
    const struct proc_subject *subject = ctx;
    const struct proc_entry *entry = subject->entry;
    long err = 0;

    if (entry->next)
        return entry->next(out, ctx, cursor);
    if ((*cursor)++)
        return 0;
    if (entry->number)
        text_format(out, "%lld\n", (long long)entry->number->get());
    else if (entry->show)
        err = entry->show(out, subject);
    return err ? err : 1;
}

static long text_read(struct file *file, struct io *io, uint64_t pos)
{
    struct proc_subject subject;
    const char *bytes;
    long n;

    if (!proc_subject(file->inode, &subject))
        return -ESRCH;
    if (pos && subject.entry->number)
        return 0;
    if (!file->data)
        file->data = kmalloc(sizeof(struct seq));
    if (!file->data)
        return -ENOMEM;
    n = seq_find(file->data, pos, next_record, &subject, &bytes);
    if (n <= 0)
        return n;
    io_put(io, bytes, (uint64_t)n);
    seq_read_on(file->data, pos + io->done);
    return io_result(io, -EFAULT);
}

/* Give @entry what is written to it. */
static long store(const struct proc_subject *subject, const char *value, size_t length)
{
    const struct proc_number *number = subject->entry->number;
    int64_t setting;
    long n;

    if (!number)
        return subject->entry->store(subject, value, length);
    n = proc_parse_setting(value, length, number->min, number->max, &setting);
    if (n > 0)
        number->set(setting);
    return n;
}

static bool storable(const struct proc_entry *entry)
{
    return entry->store || (entry->number && entry->number->set);
}

/* What is written in one go, and no more than a page of it, is a value; behind the start is none. */
static long text_write(struct file *file, struct io *io, uint64_t pos)
{
    struct proc_subject subject;
    char *value;
    uint64_t length;
    long n;

    if (!storable(file->inode->proc))
        return file->inode->proc_id.pid ? -EINVAL : -EIO;
    if (!proc_subject(file->inode, &subject))
        return -ESRCH;
    if (pos && subject.entry->number)
        return (long)io->left;
    value = kmalloc(PAGE_SIZE);
    if (!value)
        return -ENOMEM;
    length = min_u64(io->left, PAGE_SIZE - 1);
    n = io_get(io, value, length) == length ? store(&subject, value, length) : -EFAULT;
    kfree(value, PAGE_SIZE);
    return n;
}

static void text_release(struct file *file)
{
    if (!file->data)
        return;
    seq_free(file->data);
    kfree(file->data, sizeof(struct seq));
}

/* A setting that cannot be changed cannot be opened to be: there is no such thing as root here. */
static long text_open(struct file *file)
{
    const struct proc_entry *entry = file->inode->proc;

    if (file_writable(file) && !(entry->mode & 0222) && (entry->number || entry->fixed))
        return -EACCES;
    return 0;
}

#define TEXT_OPS                                                                                   \
    .seek = SEEK_ANY, .open = text_open, .read = text_read, .write = text_write,                   \
    .release = text_release

static const struct file_ops text_ops = {TEXT_OPS, .endless = true};
static const struct file_ops setting_ops = {TEXT_OPS};

/* ---- Links ---- */

static long link_read(struct inode *link, char *buf, size_t size)
{
    struct proc_subject subject;

    return proc_subject(link, &subject) ? link->proc->readlink(&subject, buf, size) : -ENOENT;
}

static long link_jump(struct inode *link, struct path *to)
{
    struct proc_subject subject;

    return proc_subject(link, &subject) ? link->proc->jump(&subject, to) : -ENOENT;
}

long proc_put_link(const char *target, char *buf, size_t size)
{
    size_t length = min_u64(strlen(target), size);

    memcpy(buf, target, length);
    return (long)length;
}

/* ---- Directories ---- */

static long directory_lookup(struct inode *dir, const char *name, struct inode **found)
{
    const struct proc_entry *parent = dir->proc, *entry = parent->entries;
    struct proc_subject subject;

    if (!proc_subject(dir, &subject))
        return -ESRCH;
    while (entry && entry->name && strcmp(entry->name, name) != 0)
        entry++;
    if (entry && entry->name)
        return proc_inode(dir, entry, dir->proc_id, found);
    return parent->dir_ops ? parent->dir_ops->lookup(dir, name, found) : -ENOENT;
}

#define FIRST_POSITION 2 /* behind "." and ".." */

static long directory_list(struct inode *dir, struct dir_reader *reader)
{
    const struct proc_entry *entry = dir->proc->entries;
    struct proc_subject subject;

    if (!proc_subject(dir, &subject))
        return -ENOENT;
    for (uint64_t pos = FIRST_POSITION; entry && entry->name; entry++, pos++)
        if (pos >= reader->pos && !proc_take(reader, pos, entry->name, entry, dir->proc_id))
            return 0;
    return dir->proc->dir_ops ? dir->proc->dir_ops->list(dir, reader) : 0;
}

const char *proc_name(const struct inode *inode, char number[16])
{
    struct proc_id id = inode->proc_id;

    if (inode->proc->name)
        return inode->proc->name;
    if (!S_ISDIR(inode->mode))
        format(number, 16, "%d", id.fd);
    else
        format(number, 16, "%d", id.tid ? id.tid : id.pid);
    return number;
}

/* ---- Inodes ---- */

/* The same for the same thing, and different for any two: tables lie in the kernel's few MiB. */
static uint64_t ino_of(const struct proc_entry *entry, struct proc_id id)
{
    uint64_t place = (uintptr_t)entry / sizeof(uint64_t) & 0xffffff;

    return place << 40 ^ (uint64_t)id.pid << 24 ^ (uint64_t)id.tid << 8 ^ (uint64_t)(id.fd + 1);
}

static const struct inode_ops *ops_of(const struct proc_entry *entry)
{
    static const struct inode_ops file_ops, link_ops = {.readlink = link_read};
    static const struct inode_ops jump_ops = {.readlink = link_read, .jump = link_jump};
    static const struct inode_ops directory_ops = {
        .lookup = directory_lookup,
        .list = directory_list,
        .own_name = proc_name,
    };

    if (S_ISDIR(entry->mode))
        return &directory_ops;
    if (S_ISLNK(entry->mode))
        return entry->jump ? &jump_ops : &link_ops;
    return &file_ops;
}

static const struct file_ops *file_ops_of(const struct proc_entry *entry)
{
    if (S_ISDIR(entry->mode))
        return &file_directory_ops;
    if (S_ISLNK(entry->mode))
        return NULL;
    if (entry->file_ops)
        return entry->file_ops;
    return entry->number || entry->store || entry->fixed ? &setting_ops : &text_ops;
}

long proc_inode(struct inode *dir, const struct proc_entry *entry, struct proc_id id,
                struct inode **found)
{
    struct inode *inode = inode_create(ops_of(entry), file_ops_of(entry), entry->mode);

    if (!inode)
        return -ENOMEM;
    inode->dev = dir ? dir->dev : DEV_PROC;
    inode->nlink = S_ISDIR(entry->mode) ? 2 : 1;
    inode->size = inode->dev == DEV_SYS && S_ISREG(entry->mode) ? PAGE_SIZE : 0;
    inode->proc = entry;
    inode->proc_id = id;
    inode->ino = ino_of(entry, id);
    inode->parent = dir ? inode_get(dir) : inode;
    *found = inode;
    return 0;
}

bool proc_take(struct dir_reader *reader, uint64_t pos, const char *name,
               const struct proc_entry *entry, struct proc_id id)
{
    return dir_take(reader, pos, name, ino_of(entry, id), entry->mode);
}

int proc_parse_number(const char *name)
{
    int number = 0;

    if (!*name || (*name == '0' && name[1]))
        return -1;
    for (; *name; name++)
        if (*name < '0' || *name > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *name - '0', &number))
            return -1;
    return number;
}

/* ---- The roots ---- */

static const struct proc_entry process_entry = {
    .mode = S_IFDIR | 0555,
    .entries = proc_process_entries,
};

static long root_lookup(struct inode *dir, const char *name, struct inode **found)
{
    int pid = proc_parse_number(name);
    const struct process *process = pid > 0 ? process_find(pid) : NULL;
    struct proc_id id = {.pid = pid};

    if (!process)
        return -ENOENT;
    id.started_ns = process->started_ns;
    return proc_inode(dir, &process_entry, id, found);
}

#define FIRST_PROCESS 256 /* the position of process 0, if there were one */

/* The lowest number of a process from @pid up, 0 when there is none. */
static int process_from(int pid)
{
    int lowest = 0;

    for (const struct process *p = process_all; p; p = p->next)
        if (p->pid >= pid && (!lowest || p->pid < lowest))
            lowest = p->pid;
    return lowest;
}

static long root_list(struct inode *dir, struct dir_reader *reader)
{
    int pid = reader->pos > FIRST_PROCESS ? (int)(reader->pos - FIRST_PROCESS) : 1;
    char name[16];

    (void)dir;
    while ((pid = process_from(pid))) {
        format(name, sizeof(name), "%d", pid);
        if (!proc_take(reader, FIRST_PROCESS + (uint64_t)pid, name, &process_entry,
                       (struct proc_id){.pid = pid}))
            break;
        pid++;
    }
    return 0;
}

struct inode *proc_create(void)
{
    static const struct inode_ops ops = {.lookup = root_lookup, .list = root_list};
    static const struct proc_entry root = {
        .name = "proc",
        .mode = S_IFDIR | 0555,
        .entries = proc_system_entries,
        .dir_ops = &ops,
    };
    struct inode *inode;

    return proc_inode(NULL, &root, (struct proc_id){0}, &inode) ? NULL : inode;
}

struct inode *sysfs_create(void)
{
    static const struct proc_entry root = {
        .name = "sys", .mode = S_IFDIR | 0555, .entries = sysfs_entries};
    struct inode *inode;

    if (proc_inode(NULL, &root, (struct proc_id){0}, &inode))
        return NULL;
    inode->dev = DEV_SYS;
    return inode;
}
