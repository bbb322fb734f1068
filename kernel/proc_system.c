/* /proc's files about the system: memory, and what the move engine did. */
#include "kernel/abi/errno.h"
#include "kernel/format.h"
#include "kernel/frames.h"
#include "kernel/proc.h"
#include "kernel/process.h"

/* ---- /proc ---- */

static long read_self(struct process *process, char *buf, size_t size)
{
    char number[16];
    const struct process *self = process_current();
    int n;

    (void)process;
    if (!self)
        return -ENOENT; /* there is no program yet */
    n = format(number, sizeof(number), "%d", self->pid);
    for (int i = 0; i < n && (size_t)i < size; i++)
        buf[i] = number[i];
    return n;
}

static void show_kib(struct text *out, const char *name, uint64_t pages)
{
    text_format(out, "%-15s %8llu kB\n", name, (unsigned long long)(pages * (PAGE_SIZE / 1024)));
}

static long show_meminfo(struct text *out, struct process *process)
{
    const struct mm *mm = process_current()->mm;

    (void)process;
    show_kib(out, "MemTotal:", frames_total_count());
    show_kib(out, "MemFree:", frames_free_count());
    show_kib(out, "MemAvailable:", frames_free_count());
    show_kib(out, "Buffers:", 0);
    show_kib(out, "Cached:", 0);
    show_kib(out, "SwapCached:", 0);
    show_kib(out, "Mlocked:", mm->locked_pages);
    show_kib(out, "SwapTotal:", 0);
    show_kib(out, "SwapFree:", 0);
    show_kib(out, "Mapped:", mm->rss_pages);
    show_kib(out, "PageTables:", mm->pt.tables);
    return 0;
}

static void show_count(struct text *out, const char *name, uint64_t count)
{
    text_format(out, "%s %llu\n", name, (unsigned long long)count);
}

static void show_moves(struct text *out)
{
    show_count(out, "move_pte", mm_stats.moved[PT_PTE]);
    show_count(out, "move_pmd", mm_stats.moved[PT_PMD]);
    show_count(out, "move_pud", mm_stats.moved[PT_PUD]);
    show_count(out, "move_pgd", mm_stats.moved[PT_PGD]);
    show_count(out, "moves", mm_stats.moves);
    show_count(out, "move_widen_down", mm_stats.widen_down);
    show_count(out, "move_widen_up", mm_stats.widen_up);
    show_count(out, "move_widen_refused_down", mm_stats.widen_refused_down);
    show_count(out, "move_widen_refused_up", mm_stats.widen_refused_up);
    show_count(out, "move_tables_allocated", mm_stats.tables_allocated);
    show_count(out, "move_tables_freed", mm_stats.tables_freed);
    show_count(out, "move_warn", mm_stats.warn);
}

static long show_vmstat(struct text *out, struct process *process)
{
    (void)process;
    show_count(out, "nr_free_pages", frames_free_count());
    show_count(out, "nr_page_table_pages", process_current()->mm->pt.tables);
    show_count(out, "pgfault", mm_stats.faults);
    show_moves(out);
    show_count(out, "tlb_flush", mm_stats.tlb_flush);
    show_count(out, "tlb_flush_full", mm_stats.tlb_flush_full);
    show_count(out, "cow", mm_stats.cow);
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        text_format(out, "refused_%s %llu\n", mm_refusal_name(i),
                    (unsigned long long)mm_stats.refused[i]);
    return 0;
}

const struct proc_entry proc_system_entries[] = {
    {.name = "self", .mode = S_IFLNK | 0777, .readlink = read_self},
    {.name = "meminfo", .mode = S_IFREG | 0444, .show = show_meminfo},
    {.name = "vmstat", .mode = S_IFREG | 0444, .show = show_vmstat},
    {0},
};

/* ---- /proc/sys/vm ---- */

static long show_mmap_min_addr(struct text *out, struct process *process)
{
    (void)process;
    text_format(out, "%llu\n", (unsigned long long)mm_config.mmap_min_addr);
    return 0;
}

static long show_max_map_count(struct text *out, struct process *process)
{
    (void)process;
    text_format(out, "%u\n", mm_config.max_map_count);
    return 0;
}

/* Requests that are obviously absurd are refused, all others granted: Linux's 0. */
static long show_overcommit_memory(struct text *out, struct process *process)
{
    (void)process;
    text_format(out, "0\n");
    return 0;
}

const struct proc_entry proc_vm_entries[] = {
    {.name = "mmap_min_addr", .mode = S_IFREG | 0444, .show = show_mmap_min_addr},
    {.name = "max_map_count", .mode = S_IFREG | 0444, .show = show_max_map_count},
    {.name = "overcommit_memory", .mode = S_IFREG | 0444, .show = show_overcommit_memory},
    {0},
};
