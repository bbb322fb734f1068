/* Inside of proc_test: /proc/PID/pagemap. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <string.h>

#define PRESENT (1ul << 63)
#define FILE_PAGE (1ul << 61)
#define EXCLUSIVE (1ul << 56)
#define PFN(entry) ((entry) & ((1ul << 55) - 1))
#define NEW_MASK (PRESENT | FILE_PAGE | EXCLUSIVE | 1ul << 62)

/* The entry for the page at @addr of process @pid. */
static uint64_t entry_of(pid_t pid, const void *addr)
{
    int fd = must_open(of_process(pid, "pagemap"), O_RDONLY);
    uint64_t entry = 0;

    EXPECT(pread(fd, &entry, sizeof(entry), (off_t)((uint64_t)addr / PAGE * sizeof(entry))),
           sizeof(entry));
    close(fd);
    return entry;
}

static uint64_t entry_at(const char *addr)
{
    return entry_of(getpid(), addr);
}

static void expect_entry(const char *what, const char *addr, uint64_t flags)
{
    uint64_t entry = entry_at(addr);

    CHECK((entry & NEW_MASK) == flags && !PFN(entry) == !flags, "%s: %#lx", what, entry);
}

static void test_kinds(void)
{
    char *p = map_area(0, 8, RW, 0);

    expect_entry("untouched", p, 0);
    write_pages(p, 1);
    read_pages(p + PAGE, 1);
    expect_entry("written", p, PRESENT | EXCLUSIVE);
    expect_entry("read", p + PAGE, PRESENT);
    CHECK(PFN(entry_at(p)) != PFN(entry_at(p + PAGE)), "one frame for two pages");
    EXPECT(mprotect(p, PAGE, PROT_NONE), 0);
    expect_entry("without access", p, PRESENT | EXCLUSIVE);
    EXPECT(madvise(p, PAGE, MADV_DONTNEED), 0);
    expect_entry("forgotten", p, 0);
    unmap_area(0, 8);
    expect_entry("not mapped", p, 0);
}

static void test_shared(void)
{
    long map = raw_mmap(area, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    char *p = (char *)map, *q = p + 8 * PAGE;

    EXPECT(map, area);
    write_pages(p, 2);
    expect_entry("shared", p, PRESENT | FILE_PAGE | EXCLUSIVE);
    EXPECT(raw_mremap((uint64_t)p, 0, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (uint64_t)q), q);
    read_pages(q, 1);
    expect_entry("mapped twice", p, PRESENT | FILE_PAGE);
    EXPECT(entry_at(q), entry_at(p));
    unmap_area(0, 12);
}

static void test_file(void)
{
    int fd = must_open(own_path, O_RDONLY);

    EXPECT(raw_mmap(area, 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0), area);
    read_pages((char *)area, 1);
    CHECK((entry_at((char *)area) & (PRESENT | FILE_PAGE)) == (PRESENT | FILE_PAGE), "read: %#lx",
          entry_at((char *)area));
    write_pages((char *)area, 1);
    expect_entry("written", (char *)area, PRESENT | EXCLUSIVE);
    unmap_area(0, 2);
    close(fd);
}

/* Move @pages from @from to @to, in pages of the area: the frames go along. */
static void check_move(size_t from, size_t to, size_t pages)
{
    char *p = map_area(from, pages, RW, 0), *q = (char *)(area + to * PAGE);
    uint64_t first, last;

    write_pages(p, pages);
    first = entry_at(p);
    last = entry_at(p + (pages - 1) * PAGE);
    EXPECT(raw_mremap((uint64_t)p, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                      (uint64_t)q),
           q);
    CHECK(PFN(entry_at(q)) == PFN(first) && PFN(entry_at(q + (pages - 1) * PAGE)) == PFN(last),
          "%zu pages from %zu to %zu: %#lx %#lx, before %#lx %#lx", pages, from, to, entry_at(q),
          entry_at(q + (pages - 1) * PAGE), first, last);
    EXPECT(entry_at(p), 0);
    unmap_area(to, pages);
}

#define PMD_PAGES (PMD / PAGE)

static void test_mremap(void)
{
    check_move(0, 100, 3);
    check_move(0, 8 * PMD_PAGES, 2 * PMD_PAGES);
    check_move(17, 8 * PMD_PAGES + 5, PMD_PAGES + 30);
    check_move(17, 512 * PMD_PAGES + 17, PMD_PAGES + 30);
}

static int fork_child(void *arg)
{
    board_post(0);
    board_wait(1, 1);
    write_pages(arg, 1);
    board_post(2);
    board_wait(3, 1);
    return 0;
}

/* Until one of them writes, both have the same frame. */
static void test_fork(void)
{
    char *p = map_area(0, 2, RW, 0);
    pid_t pid;

    write_pages(p, 2);
    pid = child_start(fork_child, p);
    board_wait(0, 1);
    CHECK(PFN(entry_at(p)) == PFN(entry_of(pid, p)), "parent %#lx, child %#lx", entry_at(p),
          entry_of(pid, p));
    expect_entry("shared with the child", p, PRESENT);
    board_post(1);
    board_wait(2, 1);
    CHECK(PFN(entry_at(p)) != PFN(entry_of(pid, p)), "one frame after the write");
    expect_entry("alone again", p, PRESENT | EXCLUSIVE);
    CHECK(PFN(entry_at(p + PAGE)) == PFN(entry_of(pid, p + PAGE)), "the page not written");
    board_post(3);
    child_exits(pid, 0);
    unmap_area(0, 2);
}

static void test_positions(void)
{
    int fd = must_open("/proc/self/pagemap", O_RDONLY);
    const uint64_t end = USER_TOP / PAGE * 8;
    uint64_t e[8];

    EXPECT(SYS(SYS_pread64, fd, e, 7, 0), -EINVAL);
    EXPECT(SYS(SYS_pread64, fd, e, 12, 0), -EINVAL);
    EXPECT(SYS(SYS_pread64, fd, e, 8, 4), -EINVAL);
    EXPECT(SYS(SYS_pread64, fd, e, 0, 0), 0);
    EXPECT(SYS(SYS_pread64, fd, e, 64, end - 16), 16);
    EXPECT(SYS(SYS_pread64, fd, e, 64, end), 0);
    EXPECT(SYS(SYS_pread64, fd, e, 64, 1ul << 60), 0);
    EXPECT(SYS(SYS_pread64, fd, KERNEL_ADDRESS, 64, 0), -EFAULT);
    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_END), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, 8, SEEK_SET), 8);
    EXPECT(SYS(SYS_read, fd, e, 16), 16);
    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_CUR), 24);
    close(fd);
}

/* 4 GiB at once, of which three pages are there. */
static void test_holes(void)
{
    static const size_t at[] = {0, 600, 1048575};
    int fd = must_open("/proc/self/pagemap", O_RDONLY);
    const size_t pages = GIB(4) / PAGE;
    uint64_t *entries = (uint64_t *)text;
    size_t seen = 0;

    map_area(0, pages, RW, MAP_NORESERVE);
    for (size_t i = 0; i < ARRAY_SIZE(at); i++)
        write_pages((char *)area + at[i] * PAGE, 1);
    EXPECT(pread(fd, entries, pages * 8, (off_t)(area / PAGE * 8)), pages * 8);
    for (size_t i = 0; i < pages && seen <= ARRAY_SIZE(at); i++)
        if (entries[i]) {
            CHECK(seen < ARRAY_SIZE(at) && i == at[seen] && (entries[i] & PRESENT),
                  "entry %zu: %#lx", i, entries[i]);
            seen++;
        }
    EXPECT(seen, ARRAY_SIZE(at));
    unmap_area(0, pages);
    close(fd);
}

static const struct suite_case cases[] = {
    {"pagemap: private memory", test_kinds},
    {"pagemap: shared memory", test_shared},
    {"pagemap: a file, and a copy of its page", test_file},
    {"pagemap: frames go where mremap moves their pages", test_mremap},
    {"pagemap: frames shared after fork, until one writes", test_fork},
    {"pagemap: positions", test_positions},
    {"pagemap: 4 GiB of holes", test_holes},
};
CASES(pagemap_cases, cases);
