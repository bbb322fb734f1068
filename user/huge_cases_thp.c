/* Inside of huge_test: transparent huge pages. */
#define _GNU_SOURCE
#include "huge_test.h"

/* @len bytes at the area's @off with advice @advice, written. */
static uint64_t field(uint64_t off, uint64_t len, int advice)
{
    uint64_t at = area + off;

    EXPECT(raw_mmap(at, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), at);
    EXPECT(SYS(SYS_madvise, at, len, advice), 0);
    pages_write(at, len, 0);
    return at;
}

static void expect_huge(uint64_t start, uint64_t bytes)
{
    CHECK_EQ("AnonHugePages", smaps_kib(start, "AnonHugePages"), bytes >> 10);
}

static long move(uint64_t from, uint64_t len, uint64_t to)
{
    return raw_mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void test_fault(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE), small = field(GIB(2), 4 * PMD, MADV_NOHUGEPAGE);

    expect_huge(at, 4 * PMD);
    expect_huge(small, 0);
    CHECK_EQ("Rss", smaps_kib(at, "Rss"), 4 * PMD >> 10);
    pages_check(at, 4 * PMD, 0, "written");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    EXPECT(SYS(SYS_munmap, small, 4 * PMD), 0);
}

/* Only spans that lie wholly in the mapping. */
static void test_fault_at_edges(void)
{
    uint64_t at = field(PMD - PAGE, 2 * PMD, MADV_HUGEPAGE);

    expect_huge(at, PMD);
    pages_check(at, 2 * PMD, 0, "written");
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

static void test_move_whole(void)
{
    uint64_t at = field(0, 8 * PMD, MADV_HUGEPAGE), to = area + GIB(3);
    struct vmstat before, after;

    vmstat_read(&before);
    EXPECT(move(at, 8 * PMD, to), to);
    vmstat_read(&after);
    expect_huge(to, 8 * PMD);
    pages_check(to, 8 * PMD, 0, "moved");
    if (on_realign())
        CHECK_EQ("PTE entries moved",
                 vmstat_get(&after, "move_pte") - vmstat_get(&before, "move_pte"), 0);
    EXPECT(SYS(SYS_munmap, to, 8 * PMD), 0);
}

static void test_move_misaligned(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE), to = area + GIB(3) + PAGE;

    EXPECT(move(at, 4 * PMD, to), to);
    expect_huge(to, 0);
    CHECK_EQ("Rss", smaps_kib(to, "Rss"), 4 * PMD >> 10);
    pages_check(to, 4 * PMD, 0, "moved");
    EXPECT(move(to, 4 * PMD, area), area);
    pages_check(area, 4 * PMD, 0, "moved back");
    EXPECT(SYS(SYS_munmap, area, 4 * PMD), 0);
}

/* From the middle of the first page to the middle of the last one, to the same offset. */
static void test_move_a_part(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE), half = PMD / 2, to = area + GIB(3) + half;

    EXPECT(move(at + half, 3 * PMD, to), to);
    expect_huge(to, 2 * PMD);
    pages_check(to, 3 * PMD, half / PAGE, "moved");
    pages_check(at, half, 0, "left below");
    pages_check(at + half + 3 * PMD, half, (half + 3 * PMD) / PAGE, "left above");
    EXPECT(SYS(SYS_munmap, to, 3 * PMD), 0);
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
}

/* The target holds the middle of huge pages: what is left of them stays. */
static void test_move_into(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE), from = field(GIB(3), PMD, MADV_NOHUGEPAGE);
    uint64_t to = at + PMD + PMD / 2;

    EXPECT(move(from, PMD, to), to);
    pages_check(at, to - at, 0, "below");
    pages_check(to, PMD, 0, "moved");
    pages_check(to + PMD, at + 4 * PMD - to - PMD, (to + PMD - at) / PAGE, "above");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
}

static void test_dontunmap(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE), to = area + GIB(3);

    EXPECT(raw_mremap(at, 4 * PMD, 4 * PMD, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to),
           to);
    expect_huge(to, 4 * PMD);
    pages_check(to, 4 * PMD, 0, "moved");
    CHECK_EQ("Rss of what stays", smaps_kib(at, "Rss"), 0);
    CHECK(page_is_zero((void *)(at + PMD)), "what stays is not zero");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
    EXPECT(SYS(SYS_munmap, to, 4 * PMD), 0);
}

static void test_shrink_and_grow(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE);

    EXPECT(raw_mremap(at, 4 * PMD, PMD + PAGE, 0, 0), at);
    pages_check(at, PMD + PAGE, 0, "shrunk");
    CHECK_EQ("Rss", smaps_kib(at, "Rss"), (PMD + PAGE) >> 10);
    EXPECT(raw_mremap(at, PMD + PAGE, 4 * PMD, 0, 0), at);
    pages_check(at, PMD + PAGE, 0, "grown");
    CHECK(page_is_zero((void *)(at + PMD + PAGE)), "the page that came is not zero");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
}

static void test_protect_a_part(void)
{
    uint64_t at = field(0, 2 * PMD, MADV_HUGEPAGE);

    EXPECT(SYS(SYS_mprotect, at + PMD / 2, PAGE, PROT_READ), 0);
    pages_check(at, 2 * PMD, 0, "protected");
    EXPECT(SYS(SYS_mprotect, at + PMD / 2, PAGE, RW), 0);
    pages_write(at, 2 * PMD, 7);
    pages_check(at, 2 * PMD, 7, "written again");
    EXPECT(SYS(SYS_mprotect, at, 2 * PMD, PROT_READ), 0);
    EXPECT(SYS(SYS_mprotect, at, 2 * PMD, RW), 0);
    pages_write(at, 2 * PMD, 9);
    pages_check(at, 2 * PMD, 9, "written once more");
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

static void test_discard_a_part(void)
{
    uint64_t at = field(0, 2 * PMD, MADV_HUGEPAGE);

    EXPECT(SYS(SYS_madvise, at + 3 * PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    pages_check(at, 3 * PAGE, 0, "below");
    CHECK(page_is_zero((void *)(at + 4 * PAGE)), "what was discarded is not zero");
    pages_check(at + 5 * PAGE, 2 * PMD - 5 * PAGE, 5, "above");
    EXPECT(SYS(SYS_madvise, at + PMD, PMD, MADV_DONTNEED), 0);
    CHECK(page_is_zero((void *)(at + PMD + PAGE)), "the huge page that was discarded is not zero");
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

static void test_unmap_a_part(void)
{
    uint64_t at = field(0, 2 * PMD, MADV_HUGEPAGE);

    EXPECT(SYS(SYS_munmap, at + PAGE, PMD), 0);
    pages_check(at, PAGE, 0, "below");
    pages_check(at + PAGE + PMD, PMD - PAGE, (PAGE + PMD) / PAGE, "above");
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

static int child_writes_and_moves(void *arg)
{
    uint64_t at = *(uint64_t *)arg, to = area + GIB(3);

    pages_check(at, 4 * PMD, 0, "in the child");
    pages_write(at + PMD + 5 * PAGE, PAGE, 1000);
    EXPECT(move(at, 4 * PMD, to), to);
    pages_check(to, PMD + 5 * PAGE, 0, "below, moved by the child");
    pages_check(to + PMD + 5 * PAGE, PAGE, 1000, "the child's own");
    pages_check(to + PMD + 6 * PAGE, 3 * PMD - 6 * PAGE, PMD / PAGE + 6,
                "above, moved by the child");
    return 0;
}

static void test_fork(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE);

    in_child(child_writes_and_moves, &at);
    pages_check(at, 4 * PMD, 0, "in the parent, after the child");
    pages_write(at, 4 * PMD, 3);
    pages_check(at, 4 * PMD, 3, "written by the parent");
    EXPECT(SYS(SYS_munmap, at, 4 * PMD), 0);
}

static int child_looks_later(void *arg)
{
    uint64_t at = *(uint64_t *)arg;

    board_wait(0, 1);
    pages_check(at, 4 * PMD, 0, "in the child, after the parent");
    return 0;
}

static void test_fork_parent_writes(void)
{
    uint64_t at = field(0, 4 * PMD, MADV_HUGEPAGE);
    pid_t pid = child_start(child_looks_later, &at);

    pages_write(at, PMD + PAGE, 5);
    EXPECT(move(at, 4 * PMD, area + GIB(3)), area + GIB(3));
    EXPECT(SYS(SYS_munmap, area + GIB(3), 2 * PMD), 0);
    board_post(0);
    child_exits(pid, 0);
    EXPECT(SYS(SYS_munmap, area + GIB(3), 4 * PMD), 0);
}

static void test_lock_a_part(void)
{
    uint64_t at = field(0, 2 * PMD, MADV_HUGEPAGE);

    EXPECT(SYS(SYS_mlock, at + PAGE, PAGE), 0);
    pages_check(at, 2 * PMD, 0, "locked");
    EXPECT(SYS(SYS_munlock, at, 2 * PMD), 0);
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

/* The kernel writes and reads across the edge of two huge pages. */
static void test_kernel_copies(void)
{
    uint64_t at = field(0, 2 * PMD, MADV_HUGEPAGE);
    int fds[2];

    EXPECT(SYS(SYS_pipe2, fds, 0), 0);
    EXPECT(SYS(SYS_write, fds[1], at + PMD - PAGE, 2 * PAGE), 2 * PAGE);
    EXPECT(SYS(SYS_read, fds[0], at + 2 * PMD - 2 * PAGE, 2 * PAGE), 2 * PAGE);
    pages_check(at + 2 * PMD - 2 * PAGE, 2 * PAGE, PMD / PAGE - 1, "copied");
    close(fds[0]);
    close(fds[1]);
    EXPECT(SYS(SYS_munmap, at, 2 * PMD), 0);
}

static const struct suite_case cases[] = {
    {"thp: a fault brings one", test_fault},
    {"thp: a fault brings none at the edges", test_fault_at_edges},
    {"thp: moved whole", test_move_whole},
    {"thp: moved to where it must be split", test_move_misaligned},
    {"thp: a part is moved", test_move_a_part},
    {"thp: the target is in the middle of some", test_move_into},
    {"thp: DONTUNMAP", test_dontunmap},
    {"thp: shrunk and grown", test_shrink_and_grow},
    {"thp: a part is protected", test_protect_a_part},
    {"thp: a part is discarded", test_discard_a_part},
    {"thp: a part is unmapped", test_unmap_a_part},
    {"thp: a child writes and moves", test_fork},
    {"thp: a parent writes and moves", test_fork_parent_writes},
    {"thp: a part is locked", test_lock_a_part},
    {"thp: the kernel reads and writes", test_kernel_copies},
};
const struct suite_table huge_thp_cases = {cases, ARRAY_SIZE(cases)};
