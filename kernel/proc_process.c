/* /proc/PID */
#include "kernel/abi/errno.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/string.h"

/* A process that has no program yet has no mappings. */
static long show_maps(struct text *out, struct process *process)
{
    char record[MM_RECORD];
    vaddr_t addr = 0;
    size_t length;

    if (!process->mm)
        return 0;
    port_lock_read(&process->mm->lock);
    while ((length = mm_maps(process->mm, &addr, record, sizeof(record))))
        text_add(out, record, length);
    port_unlock_read(&process->mm->lock);
    return 0;
}

static long read_exe(struct process *process, char *buf, size_t size)
{
    size_t length;

    if (!process->exe_path)
        return -ENOENT;
    length = min_u64(strlen(process->exe_path), size);
    memcpy(buf, process->exe_path, length);
    return (long)length;
}

const struct proc_entry proc_process_entries[] = {
    {.name = "maps", .mode = S_IFREG | 0444, .show = show_maps},
    {.name = "exe", .mode = S_IFLNK | 0777, .readlink = read_exe},
    {0},
};
