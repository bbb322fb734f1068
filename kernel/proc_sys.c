/* /proc/sys: settings; and /sys: the processors, and transparent huge pages. */
#include "kernel/abi/errno.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/system.h"

/* ---- /proc/sys/vm ---- */

static int64_t get_mmap_min_addr(void)
{
    return (int64_t)mm_config.mmap_min_addr;
}

static void set_mmap_min_addr(int64_t value)
{
    mm_config.mmap_min_addr = (vaddr_t)value;
}

static int64_t get_max_map_count(void)
{
    return mm_config.max_map_count;
}

static void set_max_map_count(int64_t value)
{
    mm_config.max_map_count = (uint32_t)value;
}

static int64_t get_overcommit(void)
{
    return mm_config.overcommit;
}

static void set_overcommit(int64_t value)
{
    mm_config.overcommit = (enum overcommit)value;
}

static int64_t get_nr_hugepages(void)
{
    return (int64_t)mm_hugetlb_counts(PT_PMD).total;
}

/* As many as there can be. */
static void set_nr_hugepages(int64_t value)
{
    (void)mm_hugetlb_resize(PT_PMD, (uint64_t)value);
}

static const struct proc_number mmap_min_addr = {get_mmap_min_addr, set_mmap_min_addr, 0,
                                                 INT64_MAX},
                                max_map_count = {get_max_map_count, set_max_map_count, 0,
                                                 INT32_MAX},
                                overcommit = {get_overcommit, set_overcommit, OVERCOMMIT_GUESS,
                                              OVERCOMMIT_NEVER},
                                nr_hugepages = {get_nr_hugepages, set_nr_hugepages, 0, INT64_MAX};

#define SETTING(n, of)                                                                             \
    {                                                                                              \
        .name = n, .mode = S_IFREG | 0644, .number = &(of)                                         \
    }

static long show_realign(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%s\n", mm_realign_name(mm_config.realign));
    return 0;
}

/* How page tables are moved from now on: off, pmd or full, and perhaps a newline. */
static long store_realign(const struct proc_subject *subject, const char *value, size_t length)
{
    (void)subject;
    for (enum realign mode = REALIGN_OFF; mode <= REALIGN_FULL; mode++) {
        const char *name = mm_realign_name(mode);
        size_t n = strlen(name);

        if (strncmp(value, name, n) == 0 &&
            (length == n || (length == n + 1 && value[n] == '\n'))) {
            mm_config.realign = mode;
            return (long)length;
        }
    }
    return -EINVAL;
}

static const struct proc_entry vm_entries[] = {
    SETTING("max_map_count", max_map_count),
    SETTING("mmap_min_addr", mmap_min_addr),
    SETTING("nr_hugepages", nr_hugepages),
    SETTING("overcommit_memory", overcommit),
    {.name = "realign", .mode = S_IFREG | 0644, .show = show_realign, .store = store_realign},
    {0},
};

/* ---- /proc/sys/kernel ---- */

/* Any number is kept, and 0 alone means that addresses are not random. */
static int64_t randomize;

static int64_t get_randomize(void)
{
    if (mm_config.randomize != (randomize != 0))
        randomize = mm_config.randomize ? 2 : 0;
    return randomize;
}

static void set_randomize(int64_t value)
{
    randomize = value;
    mm_config.randomize = value != 0;
}

static int64_t get_pid_max(void)
{
    return process_number_max;
}

static void set_pid_max(int64_t value)
{
    process_number_max = (int)value;
}

static const struct proc_number randomize_va_space = {get_randomize, set_randomize, INT32_MIN,
                                                      INT32_MAX},
                                pid_max = {get_pid_max, set_pid_max, 301, 1 << 22};

static long show_ostype(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%s\n", system_name.sysname);
    return 0;
}

static long show_osrelease(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%s\n", system_name.release);
    return 0;
}

static long show_version(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%s\n", system_name.version);
    return 0;
}

static long show_hostname(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%s\n", system_name.nodename);
    return 0;
}

/* The first line of what is written, as far as it fits. */
static long store_hostname(const struct proc_subject *subject, const char *value, size_t length)
{
    char *name = system_name.nodename;
    size_t kept = 0;

    (void)subject;
    if (!length)
        return 0;
    while (kept < min_u64(length, UTS_LENGTH - 1) && value[kept] && value[kept] != '\n')
        kept++;
    memset(name, 0, UTS_LENGTH);
    memcpy(name, value, kept);
    return (long)length;
}

#define FIXED(n, show_it)                                                                          \
    {                                                                                              \
        .name = n, .mode = S_IFREG | 0444, .fixed = true, .show = show_it                          \
    }

static const struct proc_entry kernel_entries[] = {
    {.name = "hostname", .mode = S_IFREG | 0644, .show = show_hostname, .store = store_hostname},
    FIXED("osrelease", show_osrelease),
    FIXED("ostype", show_ostype),
    SETTING("pid_max", pid_max),
    SETTING("randomize_va_space", randomize_va_space),
    FIXED("version", show_version),
    {0},
};

const struct proc_entry proc_sys_entries[] = {
    {.name = "kernel", .mode = S_IFDIR | 0555, .entries = kernel_entries},
    {.name = "vm", .mode = S_IFDIR | 0555, .entries = vm_entries},
    {0},
};

/* ---- /sys ---- */

/* The numbers of all processors. */
static long show_cpus(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "0\n");
    return 0;
}

static const struct proc_entry cpu_entries[] = {
    FIXED("online", show_cpus),
    FIXED("possible", show_cpus),
    FIXED("present", show_cpus),
    {0},
};

static const struct proc_entry system_entries[] = {
    {.name = "cpu", .mode = S_IFDIR | 0755, .entries = cpu_entries},
    {0},
};

static const struct proc_entry devices_entries[] = {
    {.name = "system", .mode = S_IFDIR | 0755, .entries = system_entries},
    {0},
};

/* Where transparent huge pages come from faults, by enum thp. */
static const char *const thp_words[] = {"never", "madvise", "always"};

static long show_thp_enabled(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    for (int i = THP_ALWAYS; i >= THP_NEVER; i--)
        text_format(out, (unsigned)i == mm_config.thp ? "[%s]%c" : "%s%c", thp_words[i],
                    i == THP_NEVER ? '\n' : ' ');
    return 0;
}

/* Whether @length bytes at @value are @word, a newline behind it or not. */
static bool is_word(const char *value, size_t length, const char *word)
{
    size_t n = strlen(word);

    if (length == n + 1 && value[n] == '\n')
        length--;
    return length == n && memcmp(value, word, n) == 0;
}

static long store_thp_enabled(const struct proc_subject *subject, const char *value, size_t length)
{
    (void)subject;
    if (!length)
        return 0;
    for (int i = THP_NEVER; i <= THP_ALWAYS; i++)
        if (is_word(value, length, thp_words[i])) {
            mm_config.thp = (enum thp)i;
            return (long)length;
        }
    return -EINVAL;
}

static long show_hpage_pmd_size(struct text *out, const struct proc_subject *subject)
{
    (void)subject;
    text_format(out, "%llu\n", (unsigned long long)pt_span(PT_PMD));
    return 0;
}

static const struct proc_entry thp_entries[] = {
    {.name = "enabled",
     .mode = S_IFREG | 0644,
     .show = show_thp_enabled,
     .store = store_thp_enabled},
    FIXED("hpage_pmd_size", show_hpage_pmd_size),
    {0},
};

/* ---- /sys/kernel/mm/hugepages: the pools, by size ---- */

static int64_t get_nr_1g(void)
{
    return (int64_t)mm_hugetlb_counts(PT_PUD).total;
}

static void set_nr_1g(int64_t value)
{
    (void)mm_hugetlb_resize(PT_PUD, (uint64_t)value);
}

static const struct proc_number nr_1g = {get_nr_1g, set_nr_1g, 0, INT64_MAX};

#define POOL_COUNT(count, level, size)                                                             \
    static long show_##count##_##size(struct text *out, const struct proc_subject *subject)        \
    {                                                                                              \
        (void)subject;                                                                             \
        text_format(out, "%llu\n", (unsigned long long)mm_hugetlb_counts(level).count);            \
        return 0;                                                                                  \
    }
POOL_COUNT(free, PT_PMD, 2m)
POOL_COUNT(promised, PT_PMD, 2m)
POOL_COUNT(surplus, PT_PMD, 2m)
POOL_COUNT(free, PT_PUD, 1g)
POOL_COUNT(promised, PT_PUD, 1g)
POOL_COUNT(surplus, PT_PUD, 1g)

static const struct proc_entry pool_2m_entries[] = {
    SETTING("nr_hugepages", nr_hugepages),
    FIXED("free_hugepages", show_free_2m),
    FIXED("resv_hugepages", show_promised_2m),
    FIXED("surplus_hugepages", show_surplus_2m),
    {0},
};

static const struct proc_entry pool_1g_entries[] = {
    SETTING("nr_hugepages", nr_1g),
    FIXED("free_hugepages", show_free_1g),
    FIXED("resv_hugepages", show_promised_1g),
    FIXED("surplus_hugepages", show_surplus_1g),
    {0},
};

static const struct proc_entry hugepages_entries[] = {
    {.name = "hugepages-1048576kB", .mode = S_IFDIR | 0755, .entries = pool_1g_entries},
    {.name = "hugepages-2048kB", .mode = S_IFDIR | 0755, .entries = pool_2m_entries},
    {0},
};

static const struct proc_entry mm_entries[] = {
    {.name = "hugepages", .mode = S_IFDIR | 0755, .entries = hugepages_entries},
    {.name = "transparent_hugepage", .mode = S_IFDIR | 0755, .entries = thp_entries},
    {0},
};

static const struct proc_entry sys_kernel_entries[] = {
    {.name = "mm", .mode = S_IFDIR | 0755, .entries = mm_entries},
    {0},
};

const struct proc_entry sysfs_entries[] = {
    {.name = "devices", .mode = S_IFDIR | 0755, .entries = devices_entries},
    {.name = "kernel", .mode = S_IFDIR | 0755, .entries = sys_kernel_entries},
    {0},
};
