/*
 * /proc and /sys: trees of tables. What is in a directory, a file or a link is made up when somebody
 * looks; the inodes live only while somebody uses them.
 *
 *     proc.c           the tree, and files that are text
 *     proc_seq.c       texts, a record at a time
 *     proc_system.c    /proc: memory, time, what there is
 *     proc_cpuinfo.c   /proc/cpuinfo
 *     proc_trace.c     /proc/trace and trace_json
 *     proc_sys.c       /proc/sys and /sys
 *     proc_setting.c   numbers that are written there
 *     proc_process.c   /proc/PID: the table of it, and what is short
 *     proc_status.c    /proc/PID/status, stat and statm
 *     proc_memory.c    /proc/PID/maps to pagemap, and pieces of a program's own memory
 *     proc_fd.c        /proc/PID/fd and fdinfo
 */
#pragma once

#include "kernel/file.h"
#include "kernel/proc_seq.h"
#include "kernel/proc_setting.h"

struct process;
struct thread;
struct proc_entry;

/* What a file, link or directory is about. */
struct proc_subject {
    const struct proc_entry *entry;
    struct process *process; /* NULL outside of /proc/PID */
    struct thread *thread;   /* of /proc/PID/task/TID; else the first one, or NULL: it has ended */
    bool is_thread;          /* below /proc/PID/task */
    int fd;                  /* below /proc/PID/fd and fdinfo */
};

/* A number that can be read, and set by root. */
struct proc_number {
    int64_t (*get)(void);
    void (*set)(int64_t value); /* to @min .. @max */
    int64_t min, max;
};

/* One name. Of the rest, what its kind has no use for is NULL. */
struct proc_entry {
    const char *name;
    uint32_t mode; /* S_IFREG, S_IFLNK or S_IFDIR, and permissions */
    bool fixed;    /* opening it to write is -EACCES */

    /* A file's text, all of it at once. 0 or an errno for read(2). */
    long (*show)(struct text *out, const struct proc_subject *subject);
    /* Or a record at a time, see seq_next; @ctx is its struct proc_subject. */
    seq_next *next;
    /*
     * Somebody writes @length bytes at @value, behind which stands a NUL: how many were understood,
     * or an errno for write(2).
     */
    long (*store)(const struct proc_subject *subject, const char *value, size_t length);
    /* Or it is a number, */
    const struct proc_number *number;
    /* or no text. */
    const struct file_ops *file_ops;

    /* Of a link: its target to @buf of @size bytes: its length, cut at @size, or an errno. */
    long (*readlink)(const struct proc_subject *subject, char *buf, size_t size);
    /* And where it leads when that may have no name: see inode_ops.jump. */
    long (*jump)(const struct proc_subject *subject, struct path *to);

    /* Of a directory: what is in it, a table that ends with an entry without a name. */
    const struct proc_entry *entries;
    /* Or it has these lookup() and list(); after the entries, when there are both. */
    const struct inode_ops *dir_ops;
};

/* The root directories. NULL when memory is out. */
[[nodiscard]] struct inode *proc_create(void);
[[nodiscard]] struct inode *sysfs_create(void);

/* ---- For those that make directories ---- */

/*
 * What @inode is about now. False when the process that it was made for is gone.
 */
bool proc_subject(const struct inode *inode, struct proc_subject *subject);

/* What @entry makes in @dir, about @id. 0 or -ENOMEM. */
[[nodiscard]] long proc_inode(struct inode *dir, const struct proc_entry *entry, struct proc_id id,
                              struct inode **inode);

/* As dir_take(): the name of what @entry makes, about @id. */
bool proc_take(struct dir_reader *reader, uint64_t pos, const char *name,
               const struct proc_entry *entry, struct proc_id id);

/* What @inode, of this tree, is called in its directory: in a table, or by way of @number. */
const char *proc_name(const struct inode *inode, char number[16]);

/* The number that @name is, written as the kernel would; -1 when it is none. */
int proc_parse_number(const char *name);

/* As inode_ops.readlink: the NUL-ended @target. */
long proc_put_link(const char *target, char *buf, size_t size);

/* ---- Tables ---- */

extern const struct proc_entry proc_system_entries[];  /* /proc */
extern const struct proc_entry proc_sys_entries[];     /* /proc/sys */
extern const struct proc_entry proc_process_entries[]; /* /proc/PID */
extern const struct proc_entry sysfs_entries[];        /* /sys */

long proc_next_trace(struct text *out, const void *subject, uint64_t *cursor);
long proc_next_trace_json(struct text *out, const void *subject, uint64_t *cursor);
long proc_store_trace(const struct proc_subject *subject, const char *value, size_t length);
long proc_show_cpuinfo(struct text *out, const struct proc_subject *subject);

/* ---- Parts of /proc/PID, each in a file of its own ---- */

long proc_show_status(struct text *out, const struct proc_subject *subject);
long proc_show_stat(struct text *out, const struct proc_subject *subject);
long proc_show_statm(struct text *out, const struct proc_subject *subject);

long proc_next_maps(struct text *out, const void *subject, uint64_t *cursor);
long proc_next_smaps(struct text *out, const void *subject, uint64_t *cursor);
long proc_show_pagetables(struct text *out, const struct proc_subject *subject);
long proc_show_smaps_rollup(struct text *out, const struct proc_subject *subject);
extern const struct file_ops proc_pagemap_ops;
extern const struct file_ops proc_cmdline_ops;
extern const struct file_ops proc_environ_ops;
extern const struct file_ops proc_auxv_ops;

/* What @file was opened as, a path, or what its kind says: as readlink. And the way there. */
long proc_file_name(const struct file *file, char *buf, size_t size);
long proc_file_jump(const struct file *file, struct path *to);

extern const struct inode_ops proc_fd_ops;
extern const struct inode_ops proc_fdinfo_ops;
