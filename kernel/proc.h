/*
 * /proc: files whose text is made up when they are read from their start.
 */
#pragma once

#include "kernel/inode.h"
#include "kernel/text.h"

struct process;

/* A file or link of /proc; @process is NULL outside of /proc/PID. */
struct proc_entry {
    const char *name;
    uint32_t mode; /* S_IFREG or S_IFLNK, and permissions */
    /* Write the file's text. 0 or an errno for read(2). */
    long (*show)(struct text *out, struct process *process);
    /* The link's target to @buf of @size bytes: its length, cut at @size, or an errno. */
    long (*readlink)(struct process *process, char *buf, size_t size);
};

/* Tables, each ended by an entry without a name. */
extern const struct proc_entry proc_system_entries[];  /* /proc */
extern const struct proc_entry proc_vm_entries[];      /* /proc/sys/vm */
extern const struct proc_entry proc_process_entries[]; /* /proc/PID */

/* A directory with all that is above. NULL when memory is out. */
[[nodiscard]] struct inode *proc_create(void);
