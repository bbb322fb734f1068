/*
 * /proc/PID/maps, smaps, smaps_rollup, pagetables and pagemap; and what a program finds above its stack when it
 * starts: cmdline, environ, auxv.
 *
 * Lock: the mm's is held while text is made, and given back before that is copied to user memory.
 */
#include "kernel/abi/errno.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* ---- maps, smaps ---- */

/* One VMA by @record; the cursor is the address up to which all were shown. */
static long next_vma(struct text *out, const void *ctx, uint64_t *cursor,
                     size_t (*record)(struct mm *mm, vaddr_t *addr, char *buf, size_t size))
{
    const struct proc_subject *subject = ctx;
    struct mm *mm = subject->process->mm;
    char *room = text_room(out, MM_RECORD);
    size_t length;

    if (!mm || !room)
        return 0;
    port_lock_read(&mm->lock);
    length = record(mm, cursor, room, MM_RECORD);
    port_unlock_read(&mm->lock);
    text_grown(out, length);
    return length > 0;
}

long proc_next_maps(struct text *out, const void *subject, uint64_t *cursor)
{
    return next_vma(out, subject, cursor, mm_maps);
}

long proc_next_smaps(struct text *out, const void *subject, uint64_t *cursor)
{
    return next_vma(out, subject, cursor, mm_smaps);
}

long proc_show_smaps_rollup(struct text *out, const struct proc_subject *subject)
{
    struct mm *mm = subject->process->mm;
    char *room = text_room(out, MM_RECORD);

    if (!mm)
        return -ESRCH;
    if (!room)
        return -ENOMEM;
    port_lock_read(&mm->lock);
    text_grown(out, mm_smaps_rollup(mm, room, MM_RECORD));
    port_unlock_read(&mm->lock);
    return 0;
}

/* ---- pagetables ---- */

static void add_line(void *text, const char *line)
{
    text_add(text, line, strlen(line));
    text_add(text, "\n", 1);
}

long proc_show_pagetables(struct text *out, const struct proc_subject *subject)
{
    struct mm *mm = subject->process->mm;

    if (!mm)
        return -ESRCH;
    port_lock_read(&mm->lock);
    mm_dump(mm, add_line, out);
    port_unlock_read(&mm->lock);
    return out->out_of_memory ? -ENOMEM : 0;
}

/* ---- pagemap ---- */

#define ENTRY_SIZE sizeof(uint64_t)
#define ENTRIES (PAGE_SIZE / ENTRY_SIZE) /* made at a time */

/* The entries from that of page number @page on, at most @count, to @entries. */
static void read_entries(struct mm *mm, uint64_t page, uint64_t count, uint64_t *entries)
{
    struct range range = {page << PAGE_SHIFT, (page + count) << PAGE_SHIFT};

    port_lock_read(&mm->lock);
    mm_pagemap(mm, range, entries);
    port_unlock_read(&mm->lock);
}

static long pagemap_read(struct file *file, struct io *io, uint64_t pos)
{
    const uint64_t end = TASK_SIZE >> PAGE_SHIFT;
    uint64_t page = pos / ENTRY_SIZE;
    struct proc_subject subject;
    uint64_t *entries;

    if (pos % ENTRY_SIZE || io->left % ENTRY_SIZE)
        return -EINVAL;
    if (!proc_subject(file->inode, &subject) || !subject.process->mm)
        return 0;
    entries = kmalloc(ENTRIES * ENTRY_SIZE);
    if (!entries)
        return -ENOMEM;
    while (io->left && page < end) {
        uint64_t n = min_u64(min_u64(io->left / ENTRY_SIZE, ENTRIES), end - page);

        read_entries(subject.process->mm, page, n, entries);
        if (io_put(io, entries, n * ENTRY_SIZE) < n * ENTRY_SIZE)
            break;
        page += n;
    }
    kfree(entries, ENTRIES * ENTRY_SIZE);
    return io_result(io, io->left && page < end ? -EFAULT : 0);
}

const struct file_ops proc_pagemap_ops = {.seek = SEEK_ANY, .endless = true, .read = pagemap_read};

/* ---- Above the stack ---- */

/* Read [@start, @end) of the memory of @mm, in which @pos is a position, as a file. */
static long read_memory(struct mm *mm, struct range range, struct io *io, uint64_t pos)
{
    char *page = kmalloc(PAGE_SIZE);
    long err = page ? 0 : -ENOMEM;

    while (!err && io->left && pos < range_size(range)) {
        uint64_t n = min_u64(min_u64(io->left, PAGE_SIZE), range_size(range) - pos);

        port_lock_write(&mm->lock);
        err = mm_copy_from(mm, page, range.start + pos, n);
        port_unlock_write(&mm->lock);
        if (!err && io_put(io, page, n) < n)
            err = -EFAULT;
        pos += n;
    }
    kfree(page, PAGE_SIZE);
    return io_result(io, err);
}

/* Read the part of a program's memory that @choose says, of the process that @file is about. */
static long read_part(struct file *file, struct io *io, uint64_t pos,
                      struct range (*choose)(const struct mm_layout *layout))
{
    struct proc_subject subject;
    struct mm *mm;
    long result;

    if (!proc_subject(file->inode, &subject))
        return -ESRCH;
    mm = subject.process->mm;
    if (!mm)
        return 0;
    mm = mm_get(mm);
    result = read_memory(mm, choose(&mm->layout), io, pos);
    mm_put(mm);
    return result;
}

static struct range arguments(const struct mm_layout *layout)
{
    return (struct range){layout->arg_start, layout->arg_end};
}

static struct range environment(const struct mm_layout *layout)
{
    return (struct range){layout->env_start, layout->env_end};
}

static struct range auxv(const struct mm_layout *layout)
{
    return (struct range){layout->auxv_start, layout->auxv_end};
}

static long cmdline_read(struct file *file, struct io *io, uint64_t pos)
{
    return read_part(file, io, pos, arguments);
}

static long environ_read(struct file *file, struct io *io, uint64_t pos)
{
    return read_part(file, io, pos, environment);
}

static long auxv_read(struct file *file, struct io *io, uint64_t pos)
{
    return read_part(file, io, pos, auxv);
}

const struct file_ops proc_cmdline_ops = {.seek = SEEK_ANY, .read = cmdline_read};
const struct file_ops proc_environ_ops = {.seek = SEEK_ANY, .read = environ_read};
const struct file_ops proc_auxv_ops = {.seek = SEEK_ANY, .read = auxv_read};
