/* Inside of huge_test: huge pages from the pool (MAP_HUGETLB). */
#define _GNU_SOURCE
#include "huge_test.h"

#include <signal.h>

#define POOL 12
#define POOL_FILE "/proc/sys/vm/nr_hugepages"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#define SIZE_LOG(n) ((n) << MAP_HUGE_SHIFT)

#define HUGETLB (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)

static long
    lost; /* promises that Linux has lost count of: they and their pages stay for all time */

/* Free pages, and those that are promised. */
static void expect_pool(long free, long promised)
{
    CHECK_EQ("HugePages_Free", meminfo("HugePages_Free"), lost + free);
    CHECK_EQ("HugePages_Rsvd", meminfo("HugePages_Rsvd"), lost + promised);
}

/* False, and the case is passed over, where memory has not so many, or they may not be set aside. */
static bool fill_pool(void)
{
    lost = meminfo("HugePages_Rsvd");
    if (write_number(POOL_FILE, lost + POOL) == 0 && meminfo("HugePages_Total") == lost + POOL)
        return true;
    write_number(POOL_FILE, 0);
    tap_skip("no pool of huge pages");
    return false;
}

static void empty_pool(void)
{
    expect_pool(POOL, 0);
    EXPECT(write_number(POOL_FILE, 0), 0);
    CHECK_EQ("HugePages_Total", meminfo("HugePages_Total"), lost);
}

static uint64_t map_pages(unsigned pages)
{
    EXPECT(raw_mmap(area, pages * PMD, RW, HUGETLB | MAP_FIXED, -1, 0), area);
    return area;
}

static void test_promises(void)
{
    uint64_t at;

    if (!fill_pool())
        return;
    expect_pool(POOL, 0);
    at = map_pages(4);
    expect_pool(POOL, 4);
    pages_write(at, PMD + PAGE, 0);
    expect_pool(POOL - 2, 2);
    pages_check(at, PMD + PAGE, 0, "written");
    CHECK_EQ("Private_Hugetlb", smaps_kib(at, "Private_Hugetlb"), 2 * PMD >> 10);
    CHECK_EQ("Rss", smaps_kib(at, "Rss"), 0);
    CHECK_EQ("KernelPageSize", smaps_kib(at, "KernelPageSize"), PMD >> 10);
    EXPECT(SYS(SYS_munmap, at, PMD), 0);
    expect_pool(POOL - 1, 2);
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    empty_pool();
}

static void test_more_than_there_is(void)
{
    uint64_t len = (POOL + 1) * PMD;

    if (!fill_pool())
        return;
    EXPECT(raw_mmap(area, len, RW, HUGETLB | MAP_FIXED, -1, 0), -ENOMEM);
    expect_pool(POOL, 0);
    EXPECT(raw_mmap(area, len, RW, HUGETLB | MAP_FIXED | MAP_NORESERVE, -1, 0), area);
    expect_pool(POOL, 0);
    EXPECT(SYS(SYS_munmap, area, len), 0);
    empty_pool();
}

static int touch_too_many(void *arg)
{
    (void)arg;
    pages_write(area, (POOL + 1) * PMD, 0);
    return 0;
}

static void test_pool_runs_dry(void)
{
    if (!fill_pool())
        return;
    EXPECT(raw_mmap(area, (POOL + 1) * PMD, RW, HUGETLB | MAP_FIXED | MAP_NORESERVE, -1, 0), area);
    child_dies(child_start(touch_too_many, NULL), SIGBUS);
    EXPECT(SYS(SYS_munmap, area, (POOL + 1) * PMD), 0);
    empty_pool();
}

static void test_sizes(void)
{
    long at;

    if (!fill_pool())
        return;
    EXPECT(raw_mmap(area, PMD, RW, HUGETLB | MAP_FIXED | SIZE_LOG(21), -1, 0), area);
    EXPECT(raw_mmap(area, PMD, RW, HUGETLB | MAP_FIXED | SIZE_LOG(22), -1, 0), -EINVAL);
    EXPECT(raw_mmap(area + PAGE, PMD, RW, HUGETLB | MAP_FIXED, -1, 0), -EINVAL);
    at = raw_mmap(0, 3 * PMD / 2, RW, HUGETLB, -1, 0);
    CHECK(at > 0 && at % PMD == 0, "mmap gives %lx", at);
    expect_pool(POOL, 3);
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
    EXPECT(SYS(SYS_munmap, area, PMD), 0);
    empty_pool();
}

/* What would part a page. */
static void test_parting(void)
{
    uint64_t at;

    if (!fill_pool())
        return;
    at = map_pages(4);
    pages_write(at, PMD, 0);
    EXPECT(SYS(SYS_munmap, at, PAGE), -EINVAL);
    EXPECT(SYS(SYS_munmap, at + PMD / 2, PMD / 2), -EINVAL);
    EXPECT(SYS(SYS_mprotect, at, PAGE, PROT_READ), -EINVAL);
    EXPECT(SYS(SYS_mprotect, at + PAGE, PAGE, PROT_READ), -EINVAL);
    EXPECT(raw_mmap(at + PMD / 2, PMD / 2, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
           -EINVAL);
    EXPECT(SYS(SYS_madvise, at + PAGE, PAGE, MADV_DONTNEED), -EINVAL);
    EXPECT(SYS(SYS_madvise, at, PAGE, MADV_DONTNEED), 0);
    EXPECT(SYS(SYS_madvise, at, 4 * PMD, MADV_FREE), -EINVAL);
    pages_check(at, PMD, 0, "after all that");
    EXPECT(SYS(SYS_mprotect, at, 2 * PMD, PROT_READ), 0);
    pages_check(at, PMD, 0, "read-only");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    empty_pool();
}

static void test_discard(void)
{
    uint64_t at;

    if (!fill_pool())
        return;
    at = map_pages(4);
    pages_write(at, 2 * PMD, 0);
    EXPECT(SYS(SYS_madvise, at, PMD + PAGE, MADV_DONTNEED), 0);
    expect_pool(POOL - 1, 3);
    CHECK(page_is_zero((void *)at), "what was discarded is not zero");
    pages_check(at + PMD, PMD, PMD / PAGE, "kept");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    empty_pool();
}

static long move(uint64_t from, uint64_t len, uint64_t new_len, uint64_t to)
{
    return raw_mremap(from, len, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/* All pages are there: Linux 6.18 loses count of promises that move. */
static void test_move(void)
{
    uint64_t at, to = area + GIB(3);

    if (!fill_pool())
        return;
    at = map_pages(4);
    pages_write(at, 4 * PMD, 0);
    EXPECT(move(at, 4 * PMD, 4 * PMD, to + PAGE), -EINVAL);
    EXPECT(move(at + PAGE, PMD, PMD, to), -EINVAL);
    EXPECT(move(at, 4 * PMD, 4 * PMD, to), to);
    pages_check(to, 4 * PMD, 0, "moved");
    expect_pool(POOL - 4, 0);
    EXPECT(move(to, PAGE, PAGE, at), at); /* the whole page goes */
    pages_check(at, PMD, 0, "its first page");
    EXPECT(move(to + PMD, 3 * PMD, 3 * PMD, at + PMD), at + PMD);
    pages_check(at, 4 * PMD, 0, "moved back");
    EXPECT(move(at + PMD, 3 * PMD, PMD, to), to);
    pages_check(to, PMD, PMD / PAGE, "moved, but the last two");
    expect_pool(POOL - 2, 0);
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    EXPECT(SYS(SYS_munmap, to, PMD), 0);
    empty_pool();
}

/* What moves there with gaps in between makes room only where it comes to lie: a page of the pool is not parted. */
static void test_move_onto(void)
{
    uint64_t from = area + 8 * PMD;

    if (!fill_pool())
        return;
    map_pages(2);
    pages_write(area, 2 * PMD, 0);
    EXPECT(raw_mmap(from, 2 * PMD, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), from);
    EXPECT(munmap((void *)(from + PAGE), 2 * PMD - 2 * PAGE), 0);
    EXPECT(move(from, 2 * PMD, 2 * PMD, area), -EINVAL);
    pages_check(area, 2 * PMD, 0, "kept");
    EXPECT(munmap((void *)from, 2 * PMD), 0);
    EXPECT(munmap((void *)area, 2 * PMD), 0);
    empty_pool();
}

static int touch_below(void *arg)
{
    (void)arg;
    *(volatile char *)(area + PMD - PAGE) = 1;
    return 0;
}

/* No stack is made of them: what lies below stays unmapped. */
static void test_grows_down(void)
{
    if (!fill_pool())
        return;
    if (!on_realign()) {
        empty_pool();
        tap_skip("Linux may let it grow by less than a page");
        return;
    }
    EXPECT(raw_mmap(area + PMD, PMD, RW, HUGETLB | MAP_GROWSDOWN | MAP_FIXED, -1, 0), area + PMD);
    *(volatile char *)(area + PMD) = 1;
    child_dies(child_start(touch_below, NULL), SIGSEGV);
    EXPECT(munmap((void *)(area + PMD), PMD), 0);
    empty_pool();
}

static void test_resize(void)
{
    uint64_t at;

    if (!fill_pool())
        return;
    at = map_pages(4);
    pages_write(at, 4 * PMD, 0);
    EXPECT(raw_mremap(at, 4 * PMD, 5 * PMD, 0, 0), -EINVAL);
    EXPECT(raw_mremap(at, 4 * PMD, 5 * PMD, MREMAP_MAYMOVE, 0), -EINVAL);
    EXPECT(raw_mremap(at, 4 * PMD, 4 * PMD, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), -EINVAL);
    EXPECT(raw_mremap(at, 4 * PMD, PMD + PAGE, 0, 0), at);
    pages_check(at, 2 * PMD, 0, "shrunk");
    expect_pool(POOL - 2, 0);
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
    empty_pool();
}

static int child_writes(void *arg)
{
    uint64_t at = *(uint64_t *)arg;

    pages_check(at, 2 * PMD, 0, "in the child");
    expect_pool(POOL - 2, 2);
    pages_write(at, PAGE, 77);
    expect_pool(POOL - 3, 2);
    pages_check(at, PAGE, 77, "written by the child");
    pages_check(at + PAGE, 2 * PMD - PAGE, 1, "not written by the child");
    return 0;
}

static void test_fork(void)
{
    uint64_t at;

    if (!fill_pool())
        return;
    at = map_pages(4);
    pages_write(at, 2 * PMD, 0);
    in_child(child_writes, &at);
    expect_pool(POOL - 2, 2);
    pages_check(at, 2 * PMD, 0, "in the parent");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    empty_pool();
}

static int child_writes_shared(void *arg)
{
    pages_check(area, PMD, 0, "in the child");
    pages_write(area + PMD, PMD, 500);
    (void)arg;
    return 0;
}

static void test_shared(void)
{
    if (!fill_pool())
        return;
    EXPECT(raw_mmap(area, 3 * PMD, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0),
           area);
    expect_pool(POOL, 3);
    pages_write(area, PMD, 0);
    in_child(child_writes_shared, NULL);
    pages_check(area + PMD, PMD, 500, "written by the child");
    expect_pool(POOL - 2, 1);
    EXPECT(raw_mremap(area, 0, 3 * PMD, MREMAP_MAYMOVE, 0), -EINVAL);
    EXPECT(move(area, 3 * PMD, 3 * PMD, area + GIB(3)), area + GIB(3));
    pages_check(area + GIB(3), PMD, 0, "moved");
    EXPECT(SYS(SYS_munmap, area + GIB(3), 3 * PMD), 0);
    empty_pool();
}

/* Pages of 1 GiB, where there are some. */
static void test_gib(void)
{
    const char *file = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
    uint64_t to = area + GIB(8);
    char text[16];

    if (write_number(file, 1) || read_file(file, text, sizeof(text)) < 0 || text[0] != '1') {
        write_number(file, 0);
        tap_skip("no page of 1 GiB");
        return;
    }
    EXPECT(raw_mmap(area, GIB(1), RW, HUGETLB | MAP_FIXED | SIZE_LOG(30), -1, 0), area);
    pages_write(area + MIB(600), MIB(4), 0);
    EXPECT(move(area, GIB(1), GIB(1), to + PMD), -EINVAL);
    EXPECT(move(area, GIB(1), GIB(1), to), to);
    pages_check(to + MIB(600), MIB(4), 0, "moved");
    EXPECT(SYS(SYS_munmap, to, GIB(1)), 0);
    EXPECT(write_number(file, 0), 0);
}

static const struct suite_case cases[] = {
    {"pool: mappings are promised their pages", test_promises},
    {"pool: more than there is", test_more_than_there_is},
    {"pool: it runs dry", test_pool_runs_dry},
    {"pool: sizes and places", test_sizes},
    {"pool: no page is parted", test_parting},
    {"pool: discarded pages are promised again", test_discard},
    {"pool: moved", test_move},
    {"pool: moved onto in part", test_move_onto},
    {"pool: MAP_GROWSDOWN", test_grows_down},
    {"pool: shrunk, and not grown", test_resize},
    {"pool: a child writes", test_fork},
    {"pool: shared memory", test_shared},
    {"pool: a page of 1 GiB", test_gib},
};
const struct suite_table huge_pool_cases = {cases, ARRAY_SIZE(cases)};
