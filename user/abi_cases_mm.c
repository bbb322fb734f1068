/*
 * The memory half of abi_test: brk, mmap and its kin, and what /proc says of memory.
 */
#define _GNU_SOURCE
#include "abi_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* How many of @pages pages from @addr on are resident. */
static size_t resident(const void *addr, size_t pages)
{
    static unsigned char vec[4096];
    size_t n = 0;

    EXPECT(SYS(SYS_mincore, addr, pages * PAGE, vec), 0);
    for (size_t i = 0; i < pages; i++)
        n += vec[i] & 1;
    return n;
}

static bool maps_has(uint64_t addr, const char *name, const char *perms)
{
    struct map_line m;

    if (maps_read(&m, 1, addr, addr + 1) == 1 && !strcmp(m.name, name) && !strcmp(m.perms, perms))
        return true;
    maps_show(addr, addr + 1);
    return false;
}

static void test_brk(void)
{
    long start = SYS(SYS_brk, 0), top = (start + 4095) & -4096l;

    EXPECT(SYS(SYS_brk, top + 3 * PAGE), top + 3 * PAGE);
    for (long p = top; p < top + 3 * (long)PAGE; p += PAGE) {
        CHECK(page_is_zero((void *)p), "new heap page %#lx is not zero", p);
        pattern_fill((void *)p, (uint64_t)p);
    }
    CHECK(maps_has((uint64_t)top, "[heap]", "rw-p"), "%#lx is not shown as [heap]", top);
    EXPECT(SYS(SYS_brk, top + PAGE), top + PAGE);
    EXPECT(kernel_writes((void *)(top + PAGE)), -EFAULT);
    EXPECT(SYS(SYS_brk, top + 2 * PAGE + 5), top + 2 * PAGE + 5);
    CHECK(pattern_check((void *)top, (uint64_t)top) == PAGE, "the page kept lost its bytes");
    CHECK(page_is_zero((void *)(top + PAGE)), "cut off, back, and not zero");
    EXPECT(SYS(SYS_brk, 4096), top + 2 * PAGE + 5);
    EXPECT(SYS(SYS_brk, USER_TOP), top + 2 * PAGE + 5);
    EXPECT(SYS(SYS_brk, -4096l), top + 2 * PAGE + 5);
    EXPECT(SYS(SYS_brk, start), start);
}

static void test_mmap_hint(void)
{
    long taken = raw_mmap(area + MIB(1), PAGE, RW, ANON, -1, 0);
    long other = raw_mmap(area + MIB(1), PAGE, RW, ANON, -1, 0);
    long odd = raw_mmap(area + MIB(2) + 5, PAGE, RW, ANON, -1, 0);

    EXPECT(taken, area + MIB(1));
    CHECK(other > 0 && other != taken && other % (long)PAGE == 0, "second with one hint: %#lx",
          other);
    CHECK(odd > 0 && odd % (long)PAGE == 0, "with a misaligned hint: %#lx", odd);
    EXPECT(SYS(SYS_munmap, taken, PAGE), 0);
    EXPECT(SYS(SYS_munmap, other, PAGE), 0);
    EXPECT(SYS(SYS_munmap, odd, PAGE), 0);
}

static void test_mmap_fixed(void)
{
    char *p = map_pages(0, 3, RW, MAP_PRIVATE);

    memset(p, 7, 3 * PAGE);
    EXPECT(raw_mmap(area + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), area + PAGE);
    CHECK(p[0] == 7 && p[2 * PAGE] == 7, "the neighbours changed");
    CHECK(page_is_zero(p + PAGE), "mapped over, and not zero");
    EXPECT(raw_mmap(area + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    EXPECT(raw_mmap(area + 2 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    CHECK(p[2 * PAGE] == 7, "a refused mmap() changed something");
    EXPECT(raw_mmap(area + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), area + 3 * PAGE);
    EXPECT(SYS(SYS_munmap, area, 4 * PAGE), 0);
}

static void test_mmap_errors(void)
{
    int fd = open(own_path, O_RDONLY);

    EXPECT(raw_mmap(0, 0, RW, ANON, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_ANONYMOUS, -1, 0), -EINVAL);
    EXPECT(raw_mmap(area + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), -EINVAL);
    EXPECT(raw_mmap(0, USER_TOP + PAGE, RW, ANON, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(0, USER_TOP, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(0, -1ul, RW, ANON, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(USER_TOP, PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(USER_TOP - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(KERNEL_ADDRESS, PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(area, PAGE, PROT_READ, MAP_PRIVATE, fd, 1), -EINVAL);
    EXPECT(raw_mmap(area, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), -EBADF);
    EXPECT(raw_mmap(area, PAGE, RW, MAP_SHARED, fd, 0), -EACCES);
    close(fd);
}

static void test_mmap_prot(void)
{
    char *p = map_pages(0, 1, PROT_NONE, MAP_PRIVATE);

    EXPECT(kernel_writes(p), -EFAULT);
    EXPECT(SYS(SYS_mprotect, p, PAGE, PROT_READ), 0);
    EXPECT(p[0], 0);
    EXPECT(kernel_writes(p), -EFAULT);
    EXPECT(SYS(SYS_mprotect, p, PAGE, RW), 0);
    EXPECT(kernel_writes(p), 0);
    EXPECT(SYS(SYS_munmap, p, PAGE), 0);
}

static void test_mmap_noreserve(void)
{
    long at = raw_mmap(0, GIB(64), RW, ANON | MAP_NORESERVE, -1, 0);
    char *p = (char *)at;

    CHECK(at > 0, "64 GiB without reservation: %ld", at);
    if (at < 0)
        return;
    p[0] = p[GIB(33)] = p[GIB(64) - 1] = 1;
    EXPECT(resident(p, 64), 1);
    EXPECT(resident(p + GIB(33) - 32 * PAGE, 64), 1);
    EXPECT(resident(p + GIB(64) - 64 * PAGE, 64), 1);
    EXPECT(SYS(SYS_munmap, at, GIB(64)), 0);
}

static void test_mmap_populate(void)
{
    char *p = map_pages(0, 16, RW, MAP_PRIVATE | MAP_POPULATE);

    EXPECT(resident(p, 16), 16);
    for (size_t i = 0; i < 16; i++)
        CHECK(page_is_zero(p + i * PAGE), "populated page %zu is not zero", i);
    p = map_pages(32, 16, RW, MAP_PRIVATE);
    EXPECT(resident(p, 16), 0);
    EXPECT(SYS(SYS_munmap, area, 48 * PAGE), 0);
}

static void test_mmap_shared(void)
{
    char *p = map_pages(0, 4, RW, MAP_SHARED);

    CHECK(page_is_zero(p + PAGE), "shared memory does not begin as zero");
    p[5] = 1;
    EXPECT(SYS(SYS_madvise, p, 4 * PAGE, MADV_DONTNEED), 0);
    EXPECT(p[5], 1); /* the pages are the object's, not the mapping's */
    CHECK(maps_covers(area, area + 4 * PAGE, "rw-s"), "not shown as rw-s");
    EXPECT(SYS(SYS_munmap, p, 4 * PAGE), 0);
}

/*
 *      below          grows down to a touch          mapping
 *     |#####|...................<-------------------|####|
 *           |<-- 1 MiB of guard -->|
 */
static void test_mmap_growsdown(void)
{
    char *p = map_pages(1024, 4, RW, MAP_PRIVATE | MAP_GROWSDOWN);

    p[0] = 3;
    EXPECT(p[-1], 0);
    p[-(long)PAGE - 1] = 4;
    EXPECT(kernel_writes(p - 16 * PAGE), 0); /* the kernel's own touch grows it too */
    CHECK(maps_covers((uint64_t)p - 16 * PAGE, (uint64_t)p + 4 * PAGE, "rw-p"), "did not grow");
    EXPECT(p[0], 3);
    map_pages(1024 - 300, 1, RW, MAP_PRIVATE);
    EXPECT(kernel_writes(p - 298 * PAGE), -EFAULT);
    EXPECT(kernel_writes(p - 40 * PAGE), 0);
    EXPECT(SYS(SYS_munmap, area, 1028 * PAGE), 0);
}

static void test_mmap_file(void)
{
    static char bytes[2 * 4096];
    int fd = open(own_path, O_RDONLY);
    char *p = (char *)area;

    EXPECT(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    EXPECT(raw_mmap(area, 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0), area);
    EXPECT(raw_mmap(area + MIB(1), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE),
           area + MIB(1));
    close(fd); /* mappings outlive the descriptor */
    CHECK(!memcmp(p, bytes, sizeof(bytes)), "the mapping differs from read()");
    CHECK(!memcmp(p + MIB(1), bytes + PAGE, PAGE), "the mapping at offset 4096 differs");
    CHECK(maps_has(area, own_path, "rw-p"), "the maps do not show the file");
    p[PAGE] = (char)~p[PAGE];
    EXPECT(p[MIB(1)], bytes[PAGE]); /* what is written stays private */
    EXPECT(SYS(SYS_madvise, p, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK(!memcmp(p, bytes, sizeof(bytes)), "discarded, and not the file's bytes again");
    EXPECT(SYS(SYS_munmap, area, MIB(2)), 0);
}

static void test_mmap_file_tail(void)
{
    int fd = open(own_path, O_RDONLY);
    long size = lseek(fd, 0, SEEK_END), in_last = size % (long)PAGE;
    long at = raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, (uint64_t)(size - in_last));
    const char *p = (const char *)at;

    if (in_last && at > 0)
        for (long i = in_last; i < (long)PAGE; i++)
            CHECK(!p[i], "byte %ld behind the end of the file is %d", i - in_last, p[i]);
    CHECK(at > 0, "mmap() of the last page: %ld", at);
    SYS(SYS_munmap, at, PAGE);
    close(fd);
}

static void test_munmap(void)
{
    char *p = map_pages(0, 8, RW, MAP_PRIVATE);

    memset(p, 9, 8 * PAGE);
    EXPECT(SYS(SYS_munmap, p + 2 * PAGE, 2 * PAGE), 0);
    CHECK(maps_exact(area, area + 2 * PAGE), "no mapping of two pages below the hole");
    CHECK(maps_empty(area + 2 * PAGE, area + 4 * PAGE), "the hole is mapped");
    EXPECT(kernel_writes(p + 2 * PAGE), -EFAULT);
    EXPECT(p[2 * PAGE - 1] + p[4 * PAGE], 18);
    EXPECT(SYS(SYS_munmap, p + PAGE, 2 * PAGE + 1), 0); /* over the hole, length rounded up */
    EXPECT(SYS(SYS_munmap, p + PAGE, PAGE), 0);         /* nothing there: fine */
    EXPECT(SYS(SYS_munmap, p + 1, PAGE), -EINVAL);
    EXPECT(SYS(SYS_munmap, p, 0), -EINVAL);
    EXPECT(SYS(SYS_munmap, p, -1ul), -EINVAL);
    EXPECT(SYS(SYS_munmap, USER_TOP, PAGE), -EINVAL);
    EXPECT(SYS(SYS_munmap, KERNEL_ADDRESS, PAGE), -EINVAL);
    EXPECT(p[0], 9);
    EXPECT(SYS(SYS_munmap, p, 8 * PAGE), 0);
}

static void test_mprotect(void)
{
    char *p = map_pages(0, 6, RW, MAP_PRIVATE);

    memset(p, 5, 6 * PAGE);
    EXPECT(SYS(SYS_mprotect, p + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
    CHECK(maps_exact(area, area + 2 * PAGE), "the part below is not a mapping of its own");
    CHECK(maps_covers(area + 2 * PAGE, area + 4 * PAGE, "r--p"), "the middle is not read-only");
    CHECK(maps_exact(area + 4 * PAGE, area + 6 * PAGE), "the part above is not a mapping");
    EXPECT(kernel_writes(p + 3 * PAGE), -EFAULT);
    EXPECT(SYS(SYS_mprotect, p + 2 * PAGE, 2 * PAGE, RW), 0);
    CHECK(maps_exact(area, area + 6 * PAGE), "the three did not become one again");
    p[3 * PAGE] = 6;
    EXPECT(p[3 * PAGE - 1] + p[3 * PAGE + 1], 10);
    EXPECT(SYS(SYS_mprotect, p, 0, PROT_NONE), 0);
    EXPECT(SYS(SYS_mprotect, p + 1, PAGE, PROT_READ), -EINVAL);
    EXPECT(SYS(SYS_mprotect, p, PAGE, 0x100), -EINVAL);
    EXPECT(SYS(SYS_mprotect, p + 5 * PAGE, 2 * PAGE, RW), -ENOMEM);
    EXPECT(SYS(SYS_mprotect, p + 6 * PAGE, PAGE, RW), -ENOMEM);
    EXPECT(SYS(SYS_mprotect, p, -PAGE, RW), -ENOMEM);
    EXPECT(SYS(SYS_munmap, p, 6 * PAGE), 0);
}

static void test_madvise(void)
{
    char *p = map_pages(0, 4, RW, MAP_PRIVATE);

    memset(p, 5, 4 * PAGE);
    EXPECT(SYS(SYS_madvise, p + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    EXPECT(resident(p, 4), 2);
    CHECK(page_is_zero(p + PAGE) && page_is_zero(p + 2 * PAGE), "discarded, and not zero");
    EXPECT(p[0] + p[3 * PAGE], 10);
    EXPECT(SYS(SYS_madvise, p, 4 * PAGE, MADV_NORMAL), 0);
    EXPECT(SYS(SYS_madvise, p, 4 * PAGE, MADV_WILLNEED), 0);
    EXPECT(SYS(SYS_madvise, p, 0, MADV_DONTNEED), 0);
    EXPECT(SYS(SYS_madvise, p + 1, PAGE, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_madvise, p, PAGE, 12345), -EINVAL);
    EXPECT(SYS(SYS_madvise, p, -1ul, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_madvise, p + 4 * PAGE, PAGE, MADV_DONTNEED), -ENOMEM);
    EXPECT(SYS(SYS_munmap, p, 4 * PAGE), 0);
}

static void test_mincore(void)
{
    char *p = map_pages(0, 4, RW, MAP_PRIVATE);
    unsigned char vec[8];

    p[PAGE] = 1;
    EXPECT(SYS(SYS_mincore, p, 4 * PAGE, vec), 0);
    EXPECT((vec[0] & 1) | (vec[1] & 1) << 1 | (vec[2] & 1) << 2 | (vec[3] & 1) << 3, 2);
    EXPECT(SYS(SYS_mincore, p, 5 * PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, p + 4 * PAGE, PAGE, vec), -ENOMEM);
    EXPECT(SYS(SYS_mincore, p + 1, PAGE, vec), -EINVAL);
    EXPECT(SYS(SYS_mincore, p, PAGE, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_mincore, p, PAGE, p + 4 * PAGE), -EFAULT);
    EXPECT(SYS(SYS_mincore, p, 0, vec), 0);
    EXPECT(SYS(SYS_munmap, p, 4 * PAGE), 0);
}

static void test_mlock(void)
{
    char *p = map_pages(0, 4, RW, MAP_PRIVATE);

    EXPECT(SYS(SYS_mlock, p, 2 * PAGE), 0);
    EXPECT(resident(p, 4), 2);
    EXPECT(SYS(SYS_munlock, p, 2 * PAGE), 0);
    EXPECT(SYS(SYS_mlock, p + 3 * PAGE, 2 * PAGE), -ENOMEM);
    EXPECT(SYS(SYS_munlock, p + 4 * PAGE, PAGE), -ENOMEM);
    EXPECT(SYS(SYS_munmap, p, 4 * PAGE), 0);
}

/* ---- /proc ---- */

static int in_data;

static void test_proc_maps(void)
{
    static struct map_line lines[64];
    size_t n = maps_read(lines, 64, 0, -1ul);
    int on_stack = 0;

    CHECK(n >= 4 && n <= 64, "%zu lines", n);
    for (size_t i = 0; i < n; i++) {
        CHECK(lines[i].start < lines[i].end, "line %zu is empty", i);
        CHECK(!i || lines[i - 1].end <= lines[i].start, "lines %zu and %zu overlap", i - 1, i);
    }
    CHECK(maps_has((uint64_t)test_proc_maps, own_path, "r-xp"), "own code is not shown");
    CHECK(maps_has((uint64_t)&on_stack, "[stack]", "rw-p"), "own stack is not shown");
    in_data = 1;
    CHECK(maps_covers((uint64_t)&in_data & -PAGE, ((uint64_t)&in_data & -PAGE) + PAGE, "rw-p"),
          "own data is not rw-p");
}

static void test_proc_sys(void)
{
    char text[64];
    long len = read_file("/proc/sys/vm/mmap_min_addr", text, sizeof(text));
    long lowest = raw_mmap(1, PAGE, RW, ANON, -1, 0);

    CHECK(len > 0 && text[len - 1] == '\n', "mmap_min_addr is \"%s\"", text);
    CHECK(lowest >= strtol(text, NULL, 10), "mmap() gave %#lx, below mmap_min_addr", lowest);
    SYS(SYS_munmap, lowest, PAGE);
}

/* The number behind @name in /proc/meminfo, in KiB. */
static long meminfo(const char *name)
{
    static char text[8192];
    const char *at;

    read_file("/proc/meminfo", text, sizeof(text));
    at = strstr(text, name);
    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void test_proc_meminfo(void)
{
    long total = meminfo("MemTotal:"), left = meminfo("MemFree:");

    CHECK(total >= 32 * 1024 && left > 0 && left <= total, "total %ld kB, free %ld kB", total,
          left);
}

static void test_proc_vmstat(void)
{
    static struct vmstat before, after;
    char *p = map_pages(0, 64, RW, MAP_PRIVATE);

    vmstat_read(&before);
    for (size_t i = 0; i < 64; i++)
        p[i * PAGE] = 1;
    vmstat_read(&after);
    CHECK(vmstat_get(&before, "nr_free_pages") > 0, "no free page");
    CHECK(vmstat_get(&after, "pgfault") >= vmstat_get(&before, "pgfault") + 64,
          "64 pages touched, pgfault went from %lu to %lu", vmstat_get(&before, "pgfault"),
          vmstat_get(&after, "pgfault"));
    EXPECT(SYS(SYS_munmap, p, 64 * PAGE), 0);
}

const struct abi_case mm_cases[] = {
    {"brk", test_brk},
    {"mmap: hints", test_mmap_hint},
    {"mmap: MAP_FIXED and MAP_FIXED_NOREPLACE", test_mmap_fixed},
    {"mmap: errors", test_mmap_errors},
    {"mmap: PROT_NONE and PROT_READ hold for the kernel too", test_mmap_prot},
    {"mmap: 64 GB without reservation", test_mmap_noreserve},
    {"mmap: MAP_POPULATE", test_mmap_populate},
    {"mmap: shared memory", test_mmap_shared},
    {"mmap: MAP_GROWSDOWN and its guard", test_mmap_growsdown},
    {"mmap: private file mapping", test_mmap_file},
    {"mmap: zeros behind the end of a file", test_mmap_file_tail},
    {"munmap", test_munmap},
    {"mprotect splits and merges", test_mprotect},
    {"madvise", test_madvise},
    {"mincore", test_mincore},
    {"mlock and munlock", test_mlock},
    {"/proc/self/maps", test_proc_maps},
    {"/proc/sys/vm/mmap_min_addr", test_proc_sys},
    {"/proc/meminfo", test_proc_meminfo},
    {"/proc/vmstat", test_proc_vmstat},
};
const size_t mm_case_count = ARRAY_SIZE(mm_cases);
