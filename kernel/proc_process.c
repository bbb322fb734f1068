/* /proc/PID: what is in it, and its shorter files. */
#include "kernel/abi/errno.h"
#include "kernel/format.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/string.h"

/* ---- Links ---- */

static long read_exe(const struct proc_subject *subject, char *buf, size_t size)
{
    const struct file *exe = subject->process->exe;

    return exe ? proc_file_name(exe, buf, size) : -ENOENT;
}

static long jump_exe(const struct proc_subject *subject, struct path *to)
{
    const struct file *exe = subject->process->exe;

    return exe ? proc_file_jump(exe, to) : -ENOENT;
}

static long read_directory(const struct inode *dir, char *buf, size_t size)
{
    return dir ? path_name(dir, "", buf, size) : -ENOENT;
}

static long jump_to(struct inode *dir, struct path *to)
{
    if (!dir)
        return -ENOENT;
    to->dir = inode_get(dir);
    to->inode = inode_get(dir);
    return 0;
}

static long read_cwd(const struct proc_subject *subject, char *buf, size_t size)
{
    return read_directory(subject->process->cwd, buf, size);
}

static long jump_cwd(const struct proc_subject *subject, struct path *to)
{
    return jump_to(subject->process->cwd, to);
}

/* All have the same root. */
static struct inode *root_of(const struct process *process)
{
    return process->cwd ? inode_root : NULL;
}

static long read_root(const struct proc_subject *subject, char *buf, size_t size)
{
    return read_directory(root_of(subject->process), buf, size);
}

static long jump_root(const struct proc_subject *subject, struct path *to)
{
    return jump_to(root_of(subject->process), to);
}

/* ---- comm ---- */

static long show_comm(struct text *out, const struct proc_subject *subject)
{
    text_format(out, "%s\n", subject->process->name);
    return 0;
}

static long store_comm(const struct proc_subject *subject, const char *value, size_t length)
{
    struct process *process = subject->process;
    size_t kept = min_u64(length, sizeof(process->name) - 1);

    if (process != process_current())
        return -EINVAL;
    memset(process->name, 0, sizeof(process->name));
    memcpy(process->name, value, kept);
    return (long)length;
}

/* ---- limits ---- */

static void show_limit(struct text *out, uint64_t limit)
{
    if (limit == RLIM_INFINITY)
        text_format(out, "%-20s ", "unlimited");
    else
        text_format(out, "%-20llu ", (unsigned long long)limit);
}

static long show_limits(struct text *out, const struct proc_subject *subject)
{
    static const struct {
        const char *name, *unit;
    } limits[RLIMITS] = {
        [RLIMIT_CPU] = {"Max cpu time", "seconds"},
        [RLIMIT_FSIZE] = {"Max file size", "bytes"},
        [RLIMIT_DATA] = {"Max data size", "bytes"},
        [RLIMIT_STACK] = {"Max stack size", "bytes"},
        [RLIMIT_CORE] = {"Max core file size", "bytes"},
        [RLIMIT_RSS] = {"Max resident set", "bytes"},
        [RLIMIT_NPROC] = {"Max processes", "processes"},
        [RLIMIT_NOFILE] = {"Max open files", "files"},
        [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
        [RLIMIT_AS] = {"Max address space", "bytes"},
        [RLIMIT_LOCKS] = {"Max file locks", "locks"},
        [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
        [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
        [RLIMIT_NICE] = {"Max nice priority", ""},
        [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
        [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
    };

    text_format(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < RLIMITS; i++) {
        text_format(out, "%-25s ", limits[i].name);
        show_limit(out, subject->process->limits[i].cur);
        show_limit(out, subject->process->limits[i].max);
        text_format(out, *limits[i].unit ? "%-10s\n" : "%s\n", limits[i].unit);
    }
    return 0;
}

/* ---- Who is killed when memory is out ---- */

static long show_oom_score_adj(struct text *out, const struct proc_subject *subject)
{
    text_format(out, "%d\n", subject->process->oom_score_adj);
    return 0;
}

static long store_oom_score_adj(const struct proc_subject *subject, const char *value,
                                size_t length)
{
    int64_t adj;
    long n = proc_parse_setting(value, length, OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX, &adj);

    if (n <= 0 || n < (long)length)
        return -EINVAL;
    subject->process->oom_score_adj = (int)adj;
    return n;
}

/* How much of all memory it has, in thousandths, as the kill weighs it. */
static long show_oom_score(struct text *out, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    int64_t score = 0;

    if (process->mm)
        score = (int64_t)(process->mm->rss_pages * 1000 / port_frames_total());
    score += process->oom_score_adj;
    text_format(out, "%lld\n", (long long)(score > 0 ? score : 0));
    return 0;
}

/* ---- Mounts ---- */

static long show_mounts(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "rootfs / rootfs rw 0 0\n");
    text_format(out, "proc /proc proc rw,relatime 0 0\n");
    text_format(out, "sysfs /sys sysfs rw,relatime 0 0\n");
    return 0;
}

static long show_mountinfo(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "1 1 0:%d / / rw - rootfs rootfs rw\n", DEV_RAM);
    text_format(out, "2 1 0:%d / /proc rw,relatime - proc proc rw\n", DEV_PROC);
    text_format(out, "3 1 0:%d / /sys rw,relatime - sysfs sysfs rw\n", DEV_SYS);
    return 0;
}

/* What it waits for in the kernel has no name that would say anything to others. */
static long show_wchan(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "0");
    return 0;
}

/* ---- Threads ---- */

#define FILE(n, show_it)                                                                           \
    {                                                                                              \
        .name = n, .mode = S_IFREG | 0444, .show = show_it                                         \
    }

/* What /proc/PID and each /proc/PID/task/TID have. */
#define COMMON_ENTRIES                                                                             \
    {.name = "fd", .mode = S_IFDIR | 0500, .dir_ops = &proc_fd_ops},                               \
        {.name = "fdinfo", .mode = S_IFDIR | 0555, .dir_ops = &proc_fdinfo_ops},                   \
        {.name = "environ", .mode = S_IFREG | 0400, .file_ops = &proc_environ_ops},                \
        {.name = "auxv", .mode = S_IFREG | 0400, .file_ops = &proc_auxv_ops},                      \
        FILE("status", proc_show_status), FILE("limits", show_limits),                             \
        {.name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .store = store_comm},          \
        {.name = "cmdline", .mode = S_IFREG | 0444, .file_ops = &proc_cmdline_ops},                \
        FILE("stat", proc_show_stat), FILE("statm", proc_show_statm),                              \
        {.name = "maps", .mode = S_IFREG | 0444, .next = proc_next_maps},                          \
        {.name = "cwd", .mode = S_IFLNK | 0777, .readlink = read_cwd, .jump = jump_cwd},           \
        {.name = "root", .mode = S_IFLNK | 0777, .readlink = read_root, .jump = jump_root},        \
        {.name = "exe", .mode = S_IFLNK | 0777, .readlink = read_exe, .jump = jump_exe},           \
        FILE("mounts", show_mounts), FILE("mountinfo", show_mountinfo),                            \
        {.name = "smaps", .mode = S_IFREG | 0444, .next = proc_next_smaps},                        \
        FILE("smaps_rollup", proc_show_smaps_rollup), FILE("pagetables", proc_show_pagetables),    \
        {.name = "pagemap", .mode = S_IFREG | 0400, .file_ops = &proc_pagemap_ops},                \
        FILE("wchan", show_wchan), FILE("oom_score", show_oom_score),                              \
    {                                                                                              \
        .name = "oom_score_adj", .mode = S_IFREG | 0644, .show = show_oom_score_adj,               \
        .store = store_oom_score_adj                                                               \
    }

static const struct proc_entry thread_entries[] = {COMMON_ENTRIES, {0}};
static const struct proc_entry thread_entry = {
    .mode = S_IFDIR | 0555,
    .entries = thread_entries,
};

static struct proc_id thread_id(const struct inode *dir, int tid)
{
    struct proc_id id = dir->proc_id;

    id.tid = tid;
    return id;
}

static long task_lookup(struct inode *dir, const char *name, struct inode **found)
{
    int tid = proc_parse_number(name);
    struct thread *thread = tid > 0 ? thread_find(tid) : NULL;

    if (!thread || thread->process->pid != dir->proc_id.pid)
        return -ENOENT;
    return proc_inode(dir, &thread_entry, thread_id(dir, tid), found);
}

/* The lowest number of a thread of @process from @tid up, 0 when there is none. */
static int thread_from(const struct process *process, int tid)
{
    int lowest = 0;

    for (const struct thread *t = process->threads; t; t = t->next)
        if (t->tid >= tid && (!lowest || t->tid < lowest))
            lowest = t->tid;
    return lowest;
}

/* A thread's position is its number, behind "." and "..". */
static long task_list(struct inode *dir, struct dir_reader *reader)
{
    const struct process *process = process_find(dir->proc_id.pid);
    int tid = reader->pos > 2 ? (int)(reader->pos - 2) : 0;
    char name[16];

    while ((tid = thread_from(process, tid))) {
        format(name, sizeof(name), "%d", tid);
        if (!proc_take(reader, (uint64_t)tid + 2, name, &thread_entry, thread_id(dir, tid)))
            break;
        tid++;
    }
    return 0;
}

static const struct inode_ops task_ops = {.lookup = task_lookup, .list = task_list};

const struct proc_entry proc_process_entries[] = {
    {.name = "task", .mode = S_IFDIR | 0555, .dir_ops = &task_ops},
    COMMON_ENTRIES,
    {0},
};
