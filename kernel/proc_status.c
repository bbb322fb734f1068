/* /proc/PID/status, stat and statm: how a process does, for people and for ps. */
#include "kernel/abi/time.h"
#include "kernel/console.h"
#include "kernel/devices.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/time.h"

typedef unsigned long long ull;

/* ---- What both tell ---- */

static const struct {
    char letter;
    const char *words;
} states[] = {{'R', "running"}, {'S', "sleeping"}, {'T', "stopped"}, {'Z', "zombie"}};

enum { RUNNING, SLEEPING, STOPPED, ZOMBIE };

static unsigned state_of(const struct proc_subject *subject)
{
    const struct thread *thread = subject->thread;

    if (!thread)
        return ZOMBIE;
    if (thread->state != THREAD_SLEEPING)
        return RUNNING;
    return subject->process->stopped ? STOPPED : SLEEPING;
}

static int parent_of(const struct process *process)
{
    return process->parent ? process->parent->pid : 0;
}

static int tid_of(const struct proc_subject *subject)
{
    return subject->is_thread ? subject->thread->tid : subject->process->pid;
}

/* The signals with action @handler, or of those that are caught. */
static sigset_t ignored(const struct process *process)
{
    sigset_t set = 0;

    for (unsigned i = 0; i < SIGNALS; i++)
        set |= (sigset_t)(process->signals.action[i].handler == SIG_IGN) << i;
    return set;
}

static sigset_t caught(const struct process *process)
{
    sigset_t set = 0;

    for (unsigned i = 0; i < SIGNALS; i++)
        set |= (sigset_t)(process->signals.action[i].handler > SIG_IGN) << i;
    return set;
}

static unsigned count_signals(sigset_t set)
{
    unsigned count = 0;

    for (; set; set &= set - 1)
        count++;
    return count;
}

/* Pages of the program's own code, data and stack. */
static uint64_t code_pages(const struct mm_layout *layout)
{
    return (page_align(layout->code_end) - (layout->code_start & ~(PAGE_SIZE - 1))) >> PAGE_SHIFT;
}

static struct mm_usage usage_of(struct mm *mm)
{
    struct mm_usage usage;

    port_lock_read(&mm->lock);
    usage = mm_usage(mm);
    port_unlock_read(&mm->lock);
    return usage;
}

/* ---- status ---- */

/* The name in one line. */
static void show_name(struct text *out, const struct process *process)
{
    text_format(out, "Name:\t");
    for (const char *c = process->name; *c; c++) {
        if (*c == '\n')
            text_format(out, "\\n");
        else
            text_format(out, "%s%c", *c == '\\' ? "\\" : "", *c);
    }
    text_format(out, "\n");
}

static void show_identity(struct text *out, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    unsigned state = state_of(subject);

    text_format(out, "Umask:\t%04o\n", process->umask);
    text_format(out, "State:\t%c (%s)\n", states[state].letter, states[state].words);
    text_format(out, "Tgid:\t%d\nNgid:\t0\n", process->pid);
    text_format(out, "Pid:\t%d\n", tid_of(subject));
    text_format(out, "PPid:\t%d\nTracerPid:\t0\n", parent_of(process));
    text_format(out, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    text_format(out, "FDSize:\t%u\nGroups:\t \n", process->files ? process->files->size : 0);
    text_format(out, "NStgid:\t%d\nNSpid:\t%d\n", process->pid, tid_of(subject));
    text_format(out, "NSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n", process->pgid, process->sid);
}

static void show_kib(struct text *out, const char *name, uint64_t pages)
{
    text_format(out, "%s:\t%8llu kB\n", name, (ull)(pages * (PAGE_SIZE / 1024)));
}

static void show_memory(struct text *out, struct mm *mm)
{
    struct mm_usage usage = usage_of(mm);
    uint64_t rss = usage.anon + usage.file + usage.shmem, code = code_pages(&mm->layout);

    show_kib(out, "VmPeak", mm->peak_pages);
    show_kib(out, "VmSize", mm->total_pages);
    show_kib(out, "VmLck", mm->locked_pages);
    show_kib(out, "VmPin", 0);
    show_kib(out, "VmHWM", mm_peak_rss(mm));
    show_kib(out, "VmRSS", rss);
    show_kib(out, "RssAnon", usage.anon);
    show_kib(out, "RssFile", usage.file);
    show_kib(out, "RssShmem", usage.shmem);
    show_kib(out, "VmData", mm->data_pages);
    show_kib(out, "VmStk", mm->stack_pages);
    show_kib(out, "VmExe", code);
    show_kib(out, "VmLib", usage.code > code ? usage.code - code : 0);
    show_kib(out, "VmPTE", mm->pt.tables - 1); /* without the root, as on Linux */
    show_kib(out, "VmSwap", 0);
    show_kib(out, "HugetlbPages", usage.hugetlb);
    text_format(out, "CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n");
}

static void show_set(struct text *out, const char *name, uint64_t set)
{
    text_format(out, "%s:\t%016llx\n", name, (ull)set);
}

static void show_signals(struct text *out, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    const struct thread *thread = subject->thread;

    text_format(out, "Threads:\t%u\n", process->thread_count ? process->thread_count : 1);
    text_format(out, "SigQ:\t%d/%llu\n",
                count_signals(process->signals.pending.set | (thread ? thread->pending.set : 0)),
                (ull)process->limits[RLIMIT_SIGPENDING].cur);
    show_set(out, "SigPnd", thread ? thread->pending.set : 0);
    show_set(out, "ShdPnd", process->signals.pending.set);
    show_set(out, "SigBlk", thread ? thread->blocked : 0);
    show_set(out, "SigIgn", ignored(process));
    show_set(out, "SigCgt", caught(process));
}

#define ALL_CAPABILITIES 0x1ffffffffffull

/* What there are no two of here: all run as root, on the one processor. */
static void show_rights(struct text *out, const struct process *process)
{
    show_set(out, "CapInh", 0);
    show_set(out, "CapPrm", ALL_CAPABILITIES);
    show_set(out, "CapEff", ALL_CAPABILITIES);
    show_set(out, "CapBnd", ALL_CAPABILITIES);
    show_set(out, "CapAmb", 0);
    text_format(out, "NoNewPrivs:\t%d\n", process->no_new_privs);
    text_format(out, "Seccomp:\t0\nSeccomp_filters:\t0\n");
    text_format(out, "Speculation_Store_Bypass:\tunknown\nSpeculationIndirectBranch:\tunknown\n");
    text_format(out, "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n");
    text_format(out, "Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n");
}

static void show_switches(struct text *out, const struct thread *thread)
{
    text_format(out, "voluntary_ctxt_switches:\t%llu\n", thread ? (ull)thread->waits : 0);
    text_format(out, "nonvoluntary_ctxt_switches:\t%llu\n", thread ? (ull)thread->preemptions : 0);
}

long proc_show_status(struct text *out, const struct proc_subject *subject)
{
    show_name(out, subject->process);
    show_identity(out, subject);
    if (subject->process->mm)
        show_memory(out, subject->process->mm);
    show_signals(out, subject);
    show_rights(out, subject->process);
    show_switches(out, subject->thread);
    return 0;
}

/* ---- stat ---- */

static uint64_t ticks(uint64_t ns)
{
    return ns / (NS_PER_SEC / USER_HZ);
}

static void show_numbers(struct text *out, const uint64_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        text_format(out, " %llu", (ull)numbers[i]);
}

/* Fields 3 to 22, behind number and name: who, and for how long it has run. */
static void show_run(struct text *out, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    uint64_t ran = subject->is_thread ? sched_time(subject->thread) : process_time(process);
    int foreground = console_foreground(process->sid);

    text_format(out, " %c %d %d %d", states[state_of(subject)].letter, parent_of(process),
                process->pgid, process->sid);
    text_format(out, " %llu %d 4194304", (ull)(foreground ? DEVICE_SERIAL : 0),
                foreground ? foreground : -1);
    show_numbers(out,
                 (uint64_t[]){process->faults, process->children_faults, 0, 0, ticks(ran), 0,
                              ticks(process->children_ran_ns), 0},
                 8);
    text_format(out, " %d %d", 20 + process->nice, process->nice);
    text_format(out, " %u 0 %llu", process->thread_count ? process->thread_count : 1,
                (ull)ticks(process->started_ns));
}

/* Fields 23 to 30, and 45 to 51: where its memory is; all 0 when it has none. */
static void show_sizes(struct text *out, struct mm *mm, uint64_t limit)
{
    struct mm_usage usage = {0};
    struct mm_layout l = {0};

    if (mm) {
        usage = usage_of(mm);
        l = mm->layout;
    }
    show_numbers(out,
                 (uint64_t[]){mm ? mm->total_pages * PAGE_SIZE : 0,
                              usage.anon + usage.file + usage.shmem, limit, l.code_start,
                              l.code_end, l.start_stack, 0, 0},
                 8);
}

static void show_places(struct text *out, const struct mm *mm)
{
    struct mm_layout l = {0};

    if (mm)
        l = mm->layout;
    show_numbers(out,
                 (uint64_t[]){l.data_start, l.data_end, l.brk_start, l.arg_start, l.arg_end,
                              l.env_start, l.env_end},
                 7);
}

/* The sets of signals here are cut, as they always were: 31 are told of. */
#define OLD_SIGNALS 0x7fffffffu

long proc_show_stat(struct text *out, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    const struct thread *thread = subject->thread;

    text_format(out, "%d (%s)", tid_of(subject), process->name);
    show_run(out, subject);
    show_sizes(out, process->mm, process->limits[RLIMIT_RSS].cur);
    show_numbers(out,
                 (uint64_t[]){(thread ? thread->pending.set : 0) & OLD_SIGNALS,
                              (thread ? thread->blocked : 0) & OLD_SIGNALS,
                              ignored(process) & OLD_SIGNALS, caught(process) & OLD_SIGNALS},
                 4);
    text_format(out, " %d 0 0 %d 0 0 0 0 0 0", state_of(subject) != RUNNING, process->exit_signal);
    show_places(out, process->mm);
    text_format(out, " %d\n", process->status);
    return 0;
}

/* ---- statm ---- */

long proc_show_statm(struct text *out, const struct proc_subject *subject)
{
    struct mm *mm = subject->process->mm;
    struct mm_usage usage;

    if (!mm) {
        text_format(out, "0 0 0 0 0 0 0\n");
        return 0;
    }
    usage = usage_of(mm);
    text_format(out, "%llu %llu %llu %llu 0 %llu 0\n", (ull)mm->total_pages,
                (ull)(usage.anon + usage.file + usage.shmem), (ull)(usage.file + usage.shmem),
                (ull)code_pages(&mm->layout), (ull)(mm->data_pages + mm->stack_pages));
    return 0;
}
