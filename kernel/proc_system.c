/* /proc's files about the system: memory, time, what there is, and what the move engine did. */
#include "kernel/abi/errno.h"
#include "kernel/boot.h"
#include "kernel/format.h"
#include "kernel/frames.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/string.h"
#include "kernel/system.h"
#include "kernel/time.h"

typedef unsigned long long ull;

/* ---- Links ---- */

static long read_self(const struct proc_subject *subject, char *buf, size_t size)
{
    const struct process *self = process_current();
    char target[16];

    (void)subject;
    if (!self)
        return -ENOENT; /* there is no program yet */
    format(target, sizeof(target), "%d", self->pid);
    return proc_put_link(target, buf, size);
}

static long read_thread_self(const struct proc_subject *subject, char *buf, size_t size)
{
    const struct thread *self = thread_current();
    char target[40];

    (void)subject;
    if (!self)
        return -ENOENT;
    format(target, sizeof(target), "%d/task/%d", self->process->pid, self->tid);
    return proc_put_link(target, buf, size);
}

static long read_mounts(const struct proc_subject *subject, char *buf, size_t size)
{
    (void)subject;
    return proc_put_link("self/mounts", buf, size);
}

/* ---- meminfo ---- */

static void show_kib(struct text *out, const char *name, uint64_t pages)
{
    text_format(out, "%-15s %8llu kB\n", name, (ull)(pages * (PAGE_SIZE / 1024)));
}

/*
 * What can be had again without swapping: nothing here. Pages of files are those of their contents,
 * which have no other place; so they count as shared memory does on Linux, as cached and not as
 * available.
 */
static void show_memory(struct text *out, const struct mm_totals *t)
{
    show_kib(out, "MemTotal:", frames_total_count());
    show_kib(out, "MemFree:", frames_free_count());
    show_kib(out, "MemAvailable:", frames_free_count());
    show_kib(out, "Buffers:", 0);
    show_kib(out, "Cached:", t->file + t->shmem);
    show_kib(out, "SwapCached:", 0);
    show_kib(out, "Active:", t->anon);
    show_kib(out, "Inactive:", t->file + t->shmem);
    show_kib(out, "Active(anon):", t->anon);
    show_kib(out, "Inactive(anon):", t->shmem);
    show_kib(out, "Active(file):", 0);
    show_kib(out, "Inactive(file):", t->file);
    show_kib(out, "Unevictable:", t->locked);
    show_kib(out, "Mlocked:", t->locked);
    show_kib(out, "SwapTotal:", 0);
    show_kib(out, "SwapFree:", 0);
    show_kib(out, "Dirty:", 0);
    show_kib(out, "Writeback:", 0);
}

/* What is neither free nor of programs and files is the kernel's. */
static uint64_t kernel_pages(const struct mm_totals *t)
{
    uint64_t used = frames_total_count() - frames_free_count();
    uint64_t known = t->anon + t->file + t->shmem + t->tables;

    return used > known ? used - known : 0;
}

/* All that the pools of huge pages have, as small ones. */
static uint64_t pool_pages(void)
{
    uint64_t pages = 0;

    for (unsigned l = PT_PMD; l < PT_LEVELS; l++)
        pages += mm_hugetlb_counts(l).total * (pt_span(l) >> PAGE_SHIFT);
    return pages;
}

static long show_meminfo(struct text *out, const struct proc_subject *subject)
{
    struct mm_totals t = mm_totals();
    struct hugetlb_counts pool = mm_hugetlb_counts(PT_PMD);

    (void)subject;
    show_memory(out, &t);
    show_kib(out, "AnonPages:", t.anon);
    show_kib(out, "Mapped:", t.mapped);
    show_kib(out, "Shmem:", t.shmem);
    show_kib(out, "KReclaimable:", 0);
    show_kib(out, "Slab:", kernel_pages(&t));
    show_kib(out, "SReclaimable:", 0);
    show_kib(out, "SUnreclaim:", kernel_pages(&t));
    show_kib(out, "PageTables:", t.tables);
    show_kib(out, "CommitLimit:", mm_commit_limit());
    show_kib(out, "Committed_AS:", mm_committed() + t.shmem);
    text_format(out, "VmallocTotal:   34359738367 kB\n");
    show_kib(out, "VmallocUsed:", 0);
    show_kib(out, "VmallocChunk:", 0);
    show_kib(out, "AnonHugePages:", t.anon_huge);
    show_kib(out, "ShmemHugePages:", 0);
    show_kib(out, "ShmemPmdMapped:", 0);
    text_format(out, "HugePages_Total:   %5llu\nHugePages_Free:    %5llu\n",
                (unsigned long long)pool.total, (unsigned long long)pool.free);
    text_format(out, "HugePages_Rsvd:    %5llu\nHugePages_Surp:    %5llu\n",
                (unsigned long long)pool.promised, (unsigned long long)pool.surplus);
    show_kib(out, "Hugepagesize:", pt_span(PT_PMD) >> PAGE_SHIFT);
    show_kib(out, "Hugetlb:", pool_pages());
    return 0;
}

/* ---- vmstat ---- */

static void show_count(struct text *out, const char *name, uint64_t count)
{
    text_format(out, "%s %llu\n", name, (ull)count);
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

static long show_vmstat(struct text *out, const struct proc_subject *subject)
{
    struct mm_totals t = mm_totals();

    (void)subject;
    show_count(out, "nr_free_pages", frames_free_count());
    show_count(out, "nr_mlock", t.locked);
    show_count(out, "nr_anon_pages", t.anon);
    show_count(out, "nr_mapped", t.mapped);
    show_count(out, "nr_file_pages", t.file + t.shmem);
    show_count(out, "nr_dirty", 0);
    show_count(out, "nr_writeback", 0);
    show_count(out, "nr_shmem", t.shmem);
    show_count(out, "nr_page_table_pages", t.tables);
    show_count(out, "pgpgin", 0);
    show_count(out, "pgpgout", 0);
    show_count(out, "pswpin", 0);
    show_count(out, "pswpout", 0);
    show_count(out, "pgfault", mm_stats.faults);
    show_count(out, "pgmajfault", 0);
    show_moves(out);
    show_count(out, "thp_fault_alloc", mm_stats.huge);
    show_count(out, "thp_split_pmd", mm_stats.split);
    show_count(out, "tlb_flush", mm_stats.tlb_flush);
    show_count(out, "tlb_flush_full", mm_stats.tlb_flush_full);
    show_count(out, "cow", mm_stats.cow);
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        text_format(out, "refused_%s %llu\n", mm_refusal_name(i), (ull)mm_stats.refused[i]);
    return 0;
}

/* ---- Time ---- */

static void show_seconds(struct text *out, uint64_t ns)
{
    text_format(out, "%llu.%02llu", (ull)(ns / NS_PER_SEC),
                (ull)(ns % NS_PER_SEC / (NS_PER_SEC / 100)));
}

static long show_uptime(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    show_seconds(out, time_monotonic_ns());
    text_format(out, " ");
    show_seconds(out, sched_stats.idle_ns);
    text_format(out, "\n");
    return 0;
}

/* The load is not averaged. */
static long show_loadavg(struct text *out, const struct proc_subject *subject)
{
    unsigned threads = 0;
    int last = 0;

    (void)subject;
    for (const struct process *p = process_all; p; p = p->next) {
        threads += p->thread_count;
        last = last ? last : p->pid;
    }
    text_format(out, "0.00 0.00 0.00 %u/%u %d\n", sched_ready_count(), threads, last);
    return 0;
}

/* All processor time is told of as the programs'. */
static long show_stat(struct text *out, const struct proc_subject *subject)
{
    const uint64_t tick = NS_PER_SEC / USER_HZ;
    uint64_t now = time_monotonic_ns(), idle = sched_stats.idle_ns / tick;
    uint64_t busy = now / tick - idle;
    static const char *const names[] = {"cpu ", "cpu0"};

    (void)subject;
    for (unsigned i = 0; i < 2; i++)
        text_format(out, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", names[i], (ull)busy, (ull)idle);
    text_format(out, "intr 0\nctxt %llu\n", (ull)sched_stats.switches);
    text_format(out, "btime %llu\n", (ull)((time_realtime_ns() - now) / NS_PER_SEC));
    text_format(out, "processes %llu\n", (ull)sched_stats.started);
    text_format(out, "procs_running %u\nprocs_blocked 0\n", sched_ready_count());
    text_format(out, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

/* ---- What there is ---- */

static long show_version(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "Linux version %s (Realign %s) %s\n", system_name.release, REALIGN_VERSION,
                system_name.version);
    return 0;
}

static long show_cmdline(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_add(out, boot_cmdline(), strlen(boot_cmdline()));
    text_add(out, "\n", 1);
    return 0;
}

static long show_filesystems(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "nodev\tsysfs\nnodev\tproc\nnodev\tpipefs\nnodev\tramfs\nnodev\ttmpfs\n");
    return 0;
}

static long show_devices(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n");
    text_format(out, "\nBlock devices:\n");
    return 0;
}

/* As on Linux, `c` crashes the kernel; of what else Linux has there, nothing. */
static long store_sysrq_trigger(const struct proc_subject *subject, const char *value,
                                size_t length)
{
    (void)subject;
    if (length && value[0] == 'c')
        panic("a crash was asked for by /proc/sysrq-trigger");
    log_info("sysrq-trigger: there is only c, to crash");
    return (long)length;
}

#define FILE(n, show_it)                                                                           \
    {                                                                                              \
        .name = n, .mode = S_IFREG | 0444, .show = show_it                                         \
    }

const struct proc_entry proc_system_entries[] = {
    FILE("cmdline", show_cmdline),
    FILE("cpuinfo", proc_show_cpuinfo),
    FILE("devices", show_devices),
    FILE("filesystems", show_filesystems),
    FILE("loadavg", show_loadavg),
    FILE("meminfo", show_meminfo),
    FILE("stat", show_stat),
    {.name = "sysrq-trigger", .mode = S_IFREG | 0200, .store = store_sysrq_trigger},
    {.name = "trace", .mode = S_IFREG | 0644, .next = proc_next_trace, .store = proc_store_trace},
    {.name = "trace_json", .mode = S_IFREG | 0444, .next = proc_next_trace_json},
    FILE("uptime", show_uptime),
    FILE("version", show_version),
    FILE("vmstat", show_vmstat),
    {.name = "sys", .mode = S_IFDIR | 0555, .entries = proc_sys_entries},
    {.name = "mounts", .mode = S_IFLNK | 0777, .readlink = read_mounts},
    {.name = "self", .mode = S_IFLNK | 0777, .readlink = read_self},
    {.name = "thread-self", .mode = S_IFLNK | 0777, .readlink = read_thread_self},
    {0},
};
