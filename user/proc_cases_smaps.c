/* Inside of proc_test: /proc/PID/smaps and smaps_rollup. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lines of each, in their order; those with a star are there only in the rollup. */
static const char *const lines[] = {
    "Rss",
    "Pss",
    "Pss_Dirty",
    "*Pss_Anon",
    "*Pss_File",
    "*Pss_Shmem",
    "Shared_Clean",
    "Shared_Dirty",
    "Private_Clean",
    "Private_Dirty",
    "Referenced",
    "Anonymous",
    "KSM",
    "LazyFree",
    "AnonHugePages",
    "ShmemPmdMapped",
    "FilePmdMapped",
    "Shared_Hugetlb",
    "Private_Hugetlb",
    "Swap",
    "SwapPss",
    "Locked",
};
#define LINES ARRAY_SIZE(lines)

/* What one record says, in kB. */
struct usage {
    uint64_t kib[LINES];
};

static bool parse_kib(const char **at, const char *name, uint64_t *kib)
{
    char head[32];

    snprintf(head, sizeof(head), "%s:", name);
    if (strncmp(*at, head, strlen(head)))
        return false;
    *at += strlen(head);
    for (size_t column = strlen(head); column < 16; column++)
        if (*(*at)++ != ' ')
            return false;
    return scan(at, "%8u kB\n", kib);
}

static bool parse_usage(const char **at, bool rollup, struct usage *usage)
{
    for (size_t i = 0; i < LINES; i++) {
        bool extra = lines[i][0] == '*';

        usage->kib[i] = 0;
        if ((!extra || rollup) && !parse_kib(at, lines[i] + extra, &usage->kib[i]))
            return false;
    }
    return true;
}

static uint64_t usage_of(const struct usage *usage, const char *name)
{
    for (size_t i = 0; i < LINES; i++)
        if (!strcmp(lines[i] + (lines[i][0] == '*'), name))
            return usage->kib[i];
    tap_fail("no line %s", name);
    return 0;
}

struct record {
    struct vma_line vma;
    uint64_t size, page_size, mmu_page_size, eligible;
    struct usage usage;
    char flags[256];
};

/* One record of smaps; NULL when it is not right, else what comes behind it. */
static const char *parse_record(const char *at, struct record *r)
{
    at = parse_vma(at, &r->vma);
    if (!at || !parse_kib(&at, "Size", &r->size) ||
        !parse_kib(&at, "KernelPageSize", &r->page_size) ||
        !parse_kib(&at, "MMUPageSize", &r->mmu_page_size) || !parse_usage(&at, false, &r->usage) ||
        !scan(&at, "THPeligible:    %8u\n", &r->eligible))
        return NULL;
    if (!strncmp(at, "ProtectionKey:", 14) && !scan(&at, "ProtectionKey:  %8u\n", NULL))
        return NULL;
    return scan(&at, "VmFlags: ") && scan(&at, "%l", r->flags) && scan(&at, "\n") ? at : NULL;
}

/* The record of the VMA at @addr. */
static struct record record_at(const void *addr)
{
    const char *at = must_slurp("/proc/self/smaps");
    struct record r;

    while (at && *at) {
        at = parse_record(at, &r);
        if (at && r.vma.start <= (uint64_t)addr && (uint64_t)addr < r.vma.end)
            return r;
    }
    tap_fail("%p is not in smaps, or what is before it is not right", addr);
    return (struct record){0};
}

static void expect_kib(const char *what, const struct record *r, const char *name, uint64_t kib)
{
    CHECK(usage_of(&r->usage, name) == kib, "%s: %s is %lu kB, not %lu", what, name,
          usage_of(&r->usage, name), kib);
}

static void test_format(void)
{
    const char *at = must_slurp("/proc/self/smaps"), *next;
    struct record r;
    size_t count = 0;

    for (; *at; at = next, count++) {
        next = parse_record(at, &r);
        if (!next) {
            tap_fail("not a record of smaps: %.800s", at);
            return;
        }
        CHECK(r.size << 10 == r.vma.end - r.vma.start, "%lx: %lu kB", r.vma.start, r.size);
        CHECK(r.page_size == 4 && r.mmu_page_size == 4 && r.eligible <= 1, "%lx: %lu %lu %lu",
              r.vma.start, r.page_size, r.mmu_page_size, r.eligible);
        CHECK(strlen(r.flags) % 3 == 0, "%lx: %s", r.vma.start, r.flags);
    }
    CHECK(count > 4, "%zu records", count);
}

/* The same mappings as in maps. */
static void test_same_as_maps(void)
{
    static char maps[65536];
    const char *of_maps = maps, *of_smaps;
    struct vma_line vma;
    struct record r;

    memset(maps, ' ', sizeof(maps));
    read_file("/proc/self/maps", maps, sizeof(maps));
    of_smaps = must_slurp("/proc/self/smaps");
    while (of_maps && *of_maps && of_smaps && *of_smaps) {
        of_maps = parse_vma(of_maps, &vma);
        of_smaps = parse_record(of_smaps, &r);
        CHECK(vma.start == r.vma.start && vma.end == r.vma.end && !strcmp(vma.name, r.vma.name),
              "%lx-%lx %s in maps, %lx-%lx %s in smaps", vma.start, vma.end, vma.name, r.vma.start,
              r.vma.end, r.vma.name);
    }
    CHECK(of_maps && of_smaps && !*of_maps && !*of_smaps, "one of them is longer");
}

static void test_touched(void)
{
    char *p = map_area(0, 64, RW, 0);
    struct record r = record_at(p);

    expect_kib("untouched", &r, "Rss", 0);
    write_pages(p, 10);
    read_pages(p + 20 * PAGE, 5);
    r = record_at(p);
    expect_kib("10 written, 5 read", &r, "Rss", 40);
    expect_kib("10 written, 5 read", &r, "Pss", 40);
    expect_kib("10 written, 5 read", &r, "Pss_Dirty", 40);
    expect_kib("10 written, 5 read", &r, "Private_Dirty", 40);
    expect_kib("10 written, 5 read", &r, "Private_Clean", 0);
    expect_kib("10 written, 5 read", &r, "Shared_Clean", 0);
    expect_kib("10 written, 5 read", &r, "Anonymous", 40);
    expect_kib("10 written, 5 read", &r, "Referenced", 40);
    expect_kib("10 written, 5 read", &r, "Swap", 0);
    EXPECT(madvise(p, 4 * PAGE, MADV_DONTNEED), 0);
    r = record_at(p);
    expect_kib("4 forgotten", &r, "Rss", 24);
    unmap_area(0, 64);
}

static void test_moved(void)
{
    char *p = map_area(0, 16, RW, 0), *q = p + 100 * PAGE;
    struct record r;

    write_pages(p + 3 * PAGE, 5);
    EXPECT(
        raw_mremap((uint64_t)p, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (uint64_t)q),
        q);
    r = record_at(q);
    expect_kib("moved", &r, "Rss", 20);
    expect_kib("moved", &r, "Anonymous", 20);
    EXPECT(mprotect(q, 16 * PAGE, PROT_NONE), 0);
    r = record_at(q);
    expect_kib("without access", &r, "Rss", 20);
    unmap_area(100, 16);
}

static void test_locked(void)
{
    char *p = map_area(0, 8, RW, 0);
    struct record r;

    write_pages(p, 2);
    EXPECT(mlock(p, 8 * PAGE), 0);
    r = record_at(p);
    expect_kib("locked", &r, "Rss", 32);
    expect_kib("locked", &r, "Locked", 32);
    EXPECT(munlock(p, 8 * PAGE), 0);
    r = record_at(p);
    expect_kib("unlocked", &r, "Locked", 0);
    unmap_area(0, 8);
}

static int share_and_wait(void *arg)
{
    (void)arg;
    board_post(0);
    board_wait(1, 1);
    return 0;
}

/* What parent and child have in common counts half for each. */
static void test_forked(void)
{
    char *p = map_area(0, 16, RW, 0);
    struct record r;
    pid_t pid;

    write_pages(p, 16);
    pid = child_start(share_and_wait, NULL);
    board_wait(0, 1);
    write_pages(p, 4);
    r = record_at(p);
    expect_kib("4 of 16 written after fork", &r, "Rss", 64);
    expect_kib("4 of 16 written after fork", &r, "Pss", 16 + 24);
    expect_kib("4 of 16 written after fork", &r, "Private_Dirty", 16);
    expect_kib("4 of 16 written after fork", &r, "Shared_Dirty", 48);
    expect_kib("4 of 16 written after fork", &r, "Anonymous", 64);
    board_post(1);
    child_exits(pid, 0);
    r = record_at(p);
    expect_kib("the child has ended", &r, "Pss", 64);
    expect_kib("the child has ended", &r, "Private_Dirty", 64);
    unmap_area(0, 16);
}

static void test_shared(void)
{
    struct record r;
    char *p = (char *)area;

    EXPECT(raw_mmap(area, 8 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0), area);
    write_pages(p, 4);
    r = record_at(p);
    expect_kib("shared", &r, "Rss", 16);
    expect_kib("shared", &r, "Anonymous", 0);
    expect_kib("shared", &r, "Private_Dirty", 16);
    EXPECT(raw_mremap(area, 0, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + 20 * PAGE),
           area + 20 * PAGE);
    write_pages(p + 20 * PAGE, 2);
    r = record_at(p);
    expect_kib("half of it mapped twice", &r, "Rss", 16);
    expect_kib("half of it mapped twice", &r, "Pss", 12);
    expect_kib("half of it mapped twice", &r, "Shared_Dirty", 8);
    unmap_area(0, 8);
    unmap_area(20, 8);
}

static void test_file(void)
{
    int fd = must_open(own_path, O_RDONLY);
    struct record r;

    EXPECT(raw_mmap(area, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0), area);
    read_pages((char *)area, 4);
    r = record_at((char *)area);
    expect_kib("read", &r, "Rss", 16);
    expect_kib("read", &r, "Anonymous", 0);
    write_pages((char *)area, 1);
    r = record_at((char *)area);
    expect_kib("one written", &r, "Rss", 16);
    expect_kib("one written", &r, "Anonymous", 4);
    unmap_area(0, 4);
    close(fd);
}

/* Flags that differ with how a kernel was built are left out. */
static void expect_flags(const char *what, const void *addr, const char *expected)
{
    struct record r = record_at(addr);
    char seen[256] = "";

    for (char *flag = strtok(r.flags, " "); flag; flag = strtok(NULL, " "))
        if (strcmp(flag, "sd"))
            snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ", flag);
    CHECK(!strcmp(seen, expected), "%s: %s, not %s", what, seen, expected);
}

static void test_flags(void)
{
    int fd = must_open(own_path, O_RDONLY);
    char *p = map_area(0, 2, RW, 0);

    expect_flags("to read and write", p, "rd wr mr mw me ac ");
    expect_flags("to read", map_area(10, 2, PROT_READ, 0), "rd mr mw me ");
    expect_flags("all", map_area(20, 2, RW | PROT_EXEC, 0), "rd wr ex mr mw me ac ");
    expect_flags("nothing", map_area(30, 2, PROT_NONE, 0), "mr mw me ");
    expect_flags("without reserve", map_area(40, 2, RW, MAP_NORESERVE), "rd wr mr mw me nr ");
    expect_flags("growing", map_area(50, 2, RW, MAP_GROWSDOWN), "rd wr mr mw me gd ac ");
    EXPECT(mlock(map_area(60, 2, RW, 0), 2 * PAGE), 0);
    expect_flags("locked", p + 60 * PAGE, "rd wr mr mw me lo ac ");
    EXPECT(SYS(SYS_mlock2, map_area(70, 2, RW, 0), 2 * PAGE, 1), 0);
    expect_flags("locked when touched", p + 70 * PAGE, "rd wr mr mw me lo lf ac ");
    raw_mmap(area + 80 * PAGE, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    expect_flags("shared", p + 80 * PAGE, "rd wr sh mr mw me ms ");
    raw_mmap(area + 90 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
    expect_flags("a file that cannot be written", p + 90 * PAGE, "rd mr me ms ");
    EXPECT(madvise(map_area(100, 2, RW, 0), 2 * PAGE, MADV_DONTFORK), 0);
    EXPECT(madvise(p + 100 * PAGE, 2 * PAGE, MADV_WIPEONFORK), 0);
    expect_flags("not for children", p + 100 * PAGE, "rd wr mr mw me dc ac wf ");
    unmap_area(0, 110);
    close(fd);
}

/* The rollup is the sum of all records. */
static void test_rollup(void)
{
    struct usage sum = {{0}}, rollup;
    const char *at = must_slurp("/proc/self/smaps");
    uint64_t start, end;
    struct record r;

    while (*at && (at = parse_record(at, &r)))
        for (size_t i = 0; i < LINES; i++)
            sum.kib[i] += r.usage.kib[i];
    at = must_slurp("/proc/self/smaps_rollup");
    if (!scan(&at, "%8x-%8x ---p 00000000 00:00 0%_[rollup]\n", &start, &end) ||
        at - text != 73 + 9 || !parse_usage(&at, true, &rollup) || *at) {
        tap_fail("not a rollup: %s", text);
        return;
    }
    for (size_t i = 0; i < LINES; i++) {
        uint64_t slack = strstr(lines[i], "Pss") || !strcmp(lines[i], "Locked") ? 32 : 0;

        CHECK(lines[i][0] == '*' ||
                  (rollup.kib[i] >= sum.kib[i] && rollup.kib[i] <= sum.kib[i] + slack),
              "%s: %lu kB, in all records %lu", lines[i], rollup.kib[i], sum.kib[i]);
    }
    CHECK(usage_of(&rollup, "Pss_Anon") + usage_of(&rollup, "Pss_File") +
                  usage_of(&rollup, "Pss_Shmem") + 3 >=
              usage_of(&rollup, "Pss"),
          "the parts of Pss are less than it");
}

static const struct suite_case cases[] = {
    {"smaps: every record by its format", test_format},
    {"smaps: the mappings that maps tells of", test_same_as_maps},
    {"smaps: pages touched and forgotten", test_touched},
    {"smaps: pages moved", test_moved},
    {"smaps: locked memory", test_locked},
    {"smaps: after fork", test_forked},
    {"smaps: shared memory", test_shared},
    {"smaps: a file", test_file},
    {"smaps: VmFlags", test_flags},
    {"smaps_rollup: the sum of all", test_rollup},
};
CASES(smaps_cases, cases);
