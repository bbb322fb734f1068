/* Inside of proc_test: what /proc tells of the system as a whole. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

/* ---- Memory ---- */

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return at + (*at == '\n');
}

/* "NAME:" and blanks up to column 16, then the number, right-aligned in eight. */
static bool parse_meminfo(const char *at)
{
    const char *colon = strchr(at, ':');
    bool pages = !strncmp(at, "HugePages_", 10);
    size_t column = colon ? (size_t)(colon + 1 - at) : 0;

    if (!colon || !column)
        return false;
    at = colon + 1;
    while (column < 16) {
        if (*at++ != ' ')
            return false;
        column++;
    }
    scan(&at, "%_");
    return scan(&at, "%u", NULL) && scan(&at, pages ? "\n" : " kB\n");
}

static void test_meminfo(void)
{
    static const char *const needed[] = {
        "MemTotal",       "MemFree",        "MemAvailable",   "Buffers",       "Cached",
        "SwapCached",     "Active",         "Inactive",       "Mlocked",       "SwapTotal",
        "SwapFree",       "Dirty",          "Writeback",      "AnonPages",     "Mapped",
        "Shmem",          "KReclaimable",   "Slab",           "SReclaimable",  "SUnreclaim",
        "PageTables",     "CommitLimit",    "Committed_AS",   "AnonHugePages", "HugePages_Total",
        "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp", "Hugepagesize",
    };
    struct sysinfo info;

    must_slurp("/proc/meminfo");
    for (const char *at = text; *at; at = next_line(at))
        CHECK(parse_meminfo(at), "%.40s", at);
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        CHECK(value_of(text, needed[i]) != UINT64_MAX, "no %s", needed[i]);
    EXPECT(sysinfo(&info), 0);
    EXPECT(value_of(text, "MemTotal"), info.totalram * info.mem_unit >> 10);
    EXPECT(value_of(text, "SwapTotal"), info.totalswap * info.mem_unit >> 10);
    CHECK(value_of(text, "MemFree") < value_of(text, "MemTotal") &&
              value_of(text, "MemAvailable") <= value_of(text, "MemTotal"),
          "%.120s", text);
    EXPECT(value_of(text, "Hugepagesize"), 2048);
}

/* Of the whole machine: others may do something meanwhile. */
static void test_meminfo_counts(void)
{
    const uint64_t pages = 8000;
    uint64_t anon, mapped, shmem, slack = on_realign() ? 400 : 30000;

    must_slurp("/proc/meminfo");
    anon = value_of(text, "AnonPages");
    mapped = value_of(text, "Mapped");
    shmem = value_of(text, "Shmem");
    write_pages(map_area(0, pages, RW, 0), pages);
    raw_mmap(area + GIB(1), pages * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    write_pages((char *)area + GIB(1), pages);
    must_slurp("/proc/meminfo");
    CHECK(value_of(text, "AnonPages") + slack > anon + pages * 4, "AnonPages: %lu kB, before %lu",
          value_of(text, "AnonPages"), anon);
    CHECK(value_of(text, "Mapped") + slack > mapped + pages * 4, "Mapped: %lu kB, before %lu",
          value_of(text, "Mapped"), mapped);
    CHECK(value_of(text, "Shmem") + slack > shmem + pages * 4, "Shmem: %lu kB, before %lu",
          value_of(text, "Shmem"), shmem);
    unmap_area(0, pages);
    munmap((void *)(area + GIB(1)), pages * PAGE);
}

static uint64_t vm_counter(const char *name)
{
    static struct vmstat v;

    vmstat_read(&v);
    CHECK(vmstat_has(&v, name), "no %s", name);
    return vmstat_get(&v, name);
}

static void test_vmstat(void)
{
    uint64_t faults;

    for (const char *at = must_slurp("/proc/vmstat"); *at;)
        if (!scan(&at, "%w %u\n", NULL, NULL)) {
            tap_fail("%.40s", at);
            break;
        }
    faults = vm_counter("pgfault");
    write_pages(map_area(0, 500, RW, 0), 500);
    CHECK(vm_counter("pgfault") >= faults + 500, "%lu faults, before %lu", vm_counter("pgfault"),
          faults);
    CHECK(vm_counter("nr_free_pages") > 0, "no pages are free");
    vm_counter("nr_anon_pages");
    vm_counter("nr_mapped");
    vm_counter("nr_file_pages");
    vm_counter("nr_page_table_pages");
    vm_counter("pgmajfault");
    unmap_area(0, 500);
}

/* ---- Processors and time ---- */

static void test_cpuinfo(void)
{
    uint64_t number, last = 0;
    size_t count = 0;

    must_slurp("/proc/cpuinfo");
    for (const char *at = text; *at; at = next_line(at)) {
        const char *line = at;

        CHECK(*at == '\n' || strchr(at, ':'), "%.40s", at);
        if (scan(&line, "processor\t: %u\n", &number)) {
            CHECK(count == 0 || number > last, "processor %lu behind %lu", number, last);
            last = number;
            count++;
        }
    }
    EXPECT(count, sysconf(_SC_NPROCESSORS_ONLN));
    CHECK(strstr(text, "\nvendor_id\t: ") && strstr(text, "\nmodel name\t: ") &&
              strstr(text, "\ncpu MHz\t\t: ") && strstr(text, "\nbogomips\t: ") &&
              strstr(text, "\naddress sizes\t: "),
          "%.200s", text);
    CHECK(strstr(text, "\nflags\t\t: fpu ") && strstr(text, " lm ") && strstr(text, " sse2 ") &&
              strstr(text, " nx "),
          "flags");
}

static void read_uptime(double *up, double *idle)
{
    const char *at = must_slurp("/proc/uptime");

    CHECK(sscanf(at, "%lf %lf", up, idle) == 2 && scan(&at, "%u.", NULL) && at[2] == ' ' &&
              strlen(at) > 5 && at[strlen(at) - 1] == '\n' && at[strlen(at) - 4] == '.',
          "%s", text);
}

static void test_uptime(void)
{
    double before, after, idle;
    struct timespec t;

    read_uptime(&before, &idle);
    sleep_ms(150);
    read_uptime(&after, &idle);
    CHECK(after >= before + 0.14, "%.2f, before %.2f", after, before);
    clock_gettime(CLOCK_BOOTTIME, &t);
    CHECK((double)t.tv_sec + 1.1 > after && after + 1.1 > (double)t.tv_sec,
          "%.2f, by the clock %ld", after, (long)t.tv_sec);
}

static void test_loadavg(void)
{
    const char *at = must_slurp("/proc/loadavg");
    uint64_t running, all, last;

    for (int i = 0; i < 3; i++)
        CHECK(scan(&at, "%u.", NULL) && *at++ && *at++ && *at++ == ' ', "%s", text);
    CHECK(scan(&at, "%u/%u %u\n", &running, &all, &last) && !*at, "%s", text);
    CHECK(running >= 1 && running <= all && last >= (on_realign() ? (uint64_t)getpid() : 1), "%s",
          text);
}

static uint64_t stat_counter(const char *name)
{
    char head[32];
    const char *line;

    snprintf(head, sizeof(head), "\n%s ", name);
    line = strstr(must_slurp("/proc/stat"), head);
    CHECK(line != NULL, "no %s", name);
    return line ? strtoull(line + strlen(head), NULL, 10) : 0;
}

static int nothing(void *arg)
{
    return arg != NULL;
}

static void test_stat(void)
{
    uint64_t processes = stat_counter("processes"), switches = stat_counter("ctxt"), cpu[10];
    const char *at = text;
    struct timespec now;

    CHECK(scan(&at, "cpu  %u %u %u %u %u %u %u %u %u %u\ncpu0 ", &cpu[0], &cpu[1], &cpu[2], &cpu[3],
               &cpu[4], &cpu[5], &cpu[6], &cpu[7], &cpu[8], &cpu[9]),
          "%.100s", text);
    CHECK(cpu[0] + cpu[2] + cpu[3] > 0, "no time has passed");
    in_child(nothing, NULL);
    CHECK(stat_counter("processes") > processes, "processes: %lu", processes);
    CHECK(stat_counter("ctxt") > switches, "ctxt: %lu", switches);
    CHECK(stat_counter("procs_running") >= 1, "nobody runs");
    stat_counter("procs_blocked");
    stat_counter("intr");
    stat_counter("softirq");
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(stat_counter("btime") > 1000000000 && stat_counter("btime") <= (uint64_t)now.tv_sec,
          "btime %lu", stat_counter("btime"));
}

/* ---- What there is ---- */

static void test_version(void)
{
    struct utsname name;
    char expected[200];

    EXPECT(uname(&name), 0);
    snprintf(expected, sizeof(expected), "Linux version %s (", name.release);
    must_slurp("/proc/version");
    CHECK(!strncmp(text, expected, strlen(expected)) && strstr(text, name.version) &&
              strchr(text, '\n') == text + strlen(text) - 1,
          "%s", text);
    must_slurp("/proc/cmdline");
    CHECK(strchr(text, '\n') == text + strlen(text) - 1, "cmdline: %s", text);
}

static void test_lists(void)
{
    const char *at = must_slurp("/proc/filesystems");

    while (*at)
        if (!scan(&at, !strncmp(at, "nodev", 5) ? "nodev\t%w\n" : "\t%w\n", NULL)) {
            tap_fail("filesystems: %.30s", at);
            break;
        }
    CHECK(strstr(text, "nodev\tproc\n") && strstr(text, "nodev\tsysfs\n") &&
              strstr(text, "nodev\ttmpfs\n"),
          "%s", text);
    must_slurp("/proc/devices");
    CHECK(!strncmp(text, "Character devices:\n  1 mem\n", 27) &&
              strstr(text, "\n\nBlock devices:\n") && strstr(text, "  5 /dev/console\n"),
          "%s", text);
}

/* Each line: what, where, of which kind, how, and two zeros. */
static void test_mounts(void)
{
    bool root = false, proc = false, sys = false;
    char where[256], kind[256];

    for (const char *at = must_slurp("/proc/mounts"); *at;) {
        if (!scan(&at, "%w %w %w %w 0 0\n", NULL, where, kind, NULL)) {
            tap_fail("%.60s", at);
            break;
        }
        root |= !strcmp(where, "/");
        proc |= !strcmp(where, "/proc") && !strcmp(kind, "proc");
        sys |= !strcmp(where, "/sys") && !strcmp(kind, "sysfs");
    }
    CHECK(root && proc && sys, "%.500s", text);
    for (const char *at = must_slurp("/proc/self/mountinfo"); *at; at = next_line(at)) {
        const char *line = at;

        CHECK(scan(&line, "%u %u %u:%u %w %w %w ", NULL, NULL, NULL, NULL, NULL, where, NULL),
              "mountinfo: %.60s", at);
    }
}

static const struct suite_case cases[] = {
    {"meminfo: format", test_meminfo},
    {"meminfo: counts", test_meminfo_counts},
    {"vmstat", test_vmstat},
    {"cpuinfo", test_cpuinfo},
    {"uptime", test_uptime},
    {"loadavg", test_loadavg},
    {"/proc/stat", test_stat},
    {"version, cmdline", test_version},
    {"filesystems, devices", test_lists},
    {"mounts, mountinfo", test_mounts},
};
CASES(system_cases, cases);
