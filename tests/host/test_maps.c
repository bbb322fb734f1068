/* What /proc shows of an address space: maps, smaps, its rollup, pagemap, memory in use. */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include <stdlib.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 3000
#define PAGES 300
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define PG PAGE_SIZE
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm *mm;

static int setup(void **state)
{
    sim_boot(FRAMES);
    mm = sim_create();
    return 0;
}

static int teardown(void **state)
{
    sim_destroy(mm);
    sim_halt();
    return 0;
}

typedef unsigned long long ull;

static char text[65536];

typedef size_t record_reader(struct mm *mm, vaddr_t *addr, char *buf, size_t size);

/* All records of @read, one after the other, in text[]; how many there were. */
static unsigned read_all(struct mm *from, record_reader *read)
{
    size_t length = 0, n;
    unsigned count = 0;
    vaddr_t addr = 0;

    port_lock_read(&from->lock);
    while ((n = read(from, &addr, text + length, MM_RECORD))) {
        assert_int_equal(strlen(text + length), n);
        assert_int_equal(text[length + n - 1], '\n');
        length += n;
        count++;
        assert_true(length + MM_RECORD < sizeof(text));
    }
    port_unlock_read(&from->lock);
    text[length] = '\0';
    return count;
}

/* The start of the record of the VMA that starts at @addr. */
static const char *record(vaddr_t addr)
{
    char start[32];
    const char *at;

    snprintf(start, sizeof(start), "%08llx-", (ull)addr);
    at = strstr(text, start);
    check(at != NULL, "%s is not in:\n%s", start, text);
    return at;
}

/* The value in kB of line @name in the record at @at. */
static long kib(const char *at, const char *name)
{
    char start[32];
    const char *line;

    snprintf(start, sizeof(start), "\n%s:", name);
    line = strstr(at, start);
    check(line != NULL, "no %s in:\n%s", name, at);
    return atol(line + strlen(start));
}

#define KIB(addr, name) kib(record(addr), name)

static void assert_flags(vaddr_t addr, const char *expected)
{
    const char *flags = strstr(record(addr), "VmFlags: ") + 9;

    check(!strncmp(flags, expected, strlen(expected)) && flags[strlen(expected)] == '\n',
          "%.40s where %s", flags, expected);
}

static void map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PG, prot, flags), AT(page));
}

/* Private memory, each page written. */
static void fill(unsigned page, unsigned count)
{
    map(page, count, RW, PRIVATE);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sim_write(mm, 0, AT(page + i), i + 1), FAULT_DONE);
}

static void map_object(struct object *object, unsigned page, unsigned pages, uint32_t prot,
                       uint32_t flags, unsigned offset)
{
    assert_int_equal(
        sim_mmap_object(mm, AT(page), pages * PG, prot, flags | MAP_FIXED, object, offset * PG),
        AT(page));
}

static void read_pages(unsigned page, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sim_read(mm, 0, AT(page + i));
}

/* ---- maps ---- */

static void test_maps(void **state)
{
    struct object *object = object_create(4 * PG, "/bin/thing");
    char expected[160];

    fill(10, 2);
    map_object(object, 20, 2, RX, MAP_PRIVATE, 1);
    map(30, 1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    assert_int_equal(read_all(mm, mm_maps), 3);
    snprintf(expected, sizeof(expected), "%08llx-%08llx rw-p 00000000 00:00 0 \n", (ull)AT(10),
             (ull)AT(12));
    assert_memory_equal(text, expected, strlen(expected));
    snprintf(expected, sizeof(expected), "%08llx-%08llx r-xp 00001000 00:01 %llu ", (ull)AT(20),
             (ull)AT(22), (ull)object->ino);
    assert_memory_equal(record(AT(20)), expected, strlen(expected));
    assert_memory_equal(record(AT(20)) + 72, " /bin/thing\n", 12);
    assert_non_null(strstr(record(AT(30)), " ---s 00000000 "));
    assert_non_null(strstr(record(AT(30)), " /dev/zero (deleted)\n"));
    object_put(object);
}

/* A reader may stop at any VMA and go on when others have come and gone. */
static void test_maps_resumes(void **state)
{
    char line[MM_RECORD];
    vaddr_t addr = 0;

    fill(10, 1);
    fill(20, 1);
    fill(30, 1);
    port_lock_read(&mm->lock);
    assert_true(mm_maps(mm, &addr, line, sizeof(line)) > 0);
    port_unlock_read(&mm->lock);
    assert_int_equal(addr, AT(11));
    assert_int_equal(sim_munmap(mm, AT(20), PG), 0);
    fill(5, 1);
    port_lock_read(&mm->lock);
    assert_true(mm_maps(mm, &addr, line, sizeof(line)) > 0);
    assert_int_equal(addr, AT(31));
    assert_int_equal(mm_maps(mm, &addr, line, sizeof(line)), 0);
    assert_int_equal(addr, AT(31));
    port_unlock_read(&mm->lock);
}

static void test_names_stay_on_their_line(void **state)
{
    struct object *object = object_create(PG, "/a\nb");
    char small[40];
    vaddr_t addr = 0;

    map_object(object, 20, 1, RX, MAP_PRIVATE, 0);
    assert_int_equal(read_all(mm, mm_maps), 1);
    assert_non_null(strstr(text, " /a\\012b\n"));
    memset(small, 'x', sizeof(small));
    port_lock_read(&mm->lock);
    assert_int_equal(mm_maps(mm, &addr, small, 20), 19);
    port_unlock_read(&mm->lock);
    assert_int_equal(small[19], '\0');
    assert_int_equal(small[20], 'x');
    object_put(object);
}

/* ---- smaps ---- */

static void test_smaps_of_private_memory(void **state)
{
    fill(10, 3);
    map(20, 8, RW, PRIVATE);
    read_pages(20, 2);
    assert_int_equal(sim_write(mm, 0, AT(24), 1), FAULT_DONE);
    assert_int_equal(read_all(mm, mm_smaps), 2);
    assert_int_equal(KIB(AT(10), "Rss"), 12);
    assert_int_equal(KIB(AT(20), "Size"), 32);
    assert_int_equal(KIB(AT(20), "KernelPageSize"), 4);
    assert_int_equal(KIB(AT(20), "Rss"), 4);
    assert_int_equal(KIB(AT(20), "Pss"), 4);
    assert_int_equal(KIB(AT(20), "Pss_Dirty"), 4);
    assert_int_equal(KIB(AT(20), "Private_Dirty"), 4);
    assert_int_equal(KIB(AT(20), "Private_Clean"), 0);
    assert_int_equal(KIB(AT(20), "Anonymous"), 4);
    assert_int_equal(KIB(AT(20), "Referenced"), 4);
    assert_int_equal(KIB(AT(20), "Locked"), 0);
}

/* Every line of Linux 6.18, in its order. */
static void test_smaps_lines(void **state)
{
    static const char *const names[] = {
        "Size",          "KernelPageSize", "MMUPageSize",     "Rss",
        "Pss",           "Pss_Dirty",      "Shared_Clean",    "Shared_Dirty",
        "Private_Clean", "Private_Dirty",  "Referenced",      "Anonymous",
        "KSM",           "LazyFree",       "AnonHugePages",   "ShmemPmdMapped",
        "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap",
        "SwapPss",       "Locked",         "THPeligible",     "VmFlags",
    };
    const char *line;

    fill(10, 1);
    read_all(mm, mm_smaps);
    line = strchr(text, '\n') + 1;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++, line = strchr(line, '\n') + 1) {
        size_t length = strlen(names[i]);

        check(!strncmp(line, names[i], length) && line[length] == ':', "%s at %.30s", names[i],
              line);
        if (i < 22)
            assert_memory_equal(line + 24, " kB\n", 4);
    }
    assert_string_equal(line, "");
}

/* A page that two map counts half for each. */
static void test_smaps_of_shared_pages(void **state)
{
    struct object *object = object_create(8 * PG, "/data");

    map_object(object, 10, 4, RW, MAP_SHARED, 0);
    map_object(object, 20, 4, PROT_READ, MAP_PRIVATE, 0);
    map_object(object, 30, 2, RW, MAP_PRIVATE, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(sim_write(mm, 0, AT(10 + i), 1), FAULT_DONE);
    read_pages(20, 1);
    read_pages(30, 1);
    assert_int_equal(sim_write(mm, 0, AT(31), 1), FAULT_DONE);
    assert_int_equal(read_all(mm, mm_smaps), 3);
    assert_int_equal(KIB(AT(10), "Rss"), 12);
    assert_int_equal(KIB(AT(10), "Pss"), 4 + 4 + 1);
    assert_int_equal(KIB(AT(10), "Shared_Dirty"), 4);
    assert_int_equal(KIB(AT(10), "Private_Dirty"), 8);
    assert_int_equal(KIB(AT(10), "Anonymous"), 0);
    assert_int_equal(KIB(AT(20), "Shared_Clean"), 4);
    assert_int_equal(KIB(AT(20), "Pss"), 1);
    assert_int_equal(KIB(AT(30), "Rss"), 8);
    assert_int_equal(KIB(AT(30), "Pss"), 4 + 1);
    assert_int_equal(KIB(AT(30), "Anonymous"), 4);
    assert_int_equal(KIB(AT(30), "Private_Dirty"), 4);
    object_put(object);
}

static void test_smaps_after_fork(void **state)
{
    struct mm *child;

    fill(10, 4);
    child = sim_fork(mm);
    assert_int_equal(sim_write(mm, 0, AT(10), 1), FAULT_DONE);
    read_all(mm, mm_smaps);
    assert_int_equal(KIB(AT(10), "Rss"), 16);
    assert_int_equal(KIB(AT(10), "Pss"), 4 + 3 * 2);
    assert_int_equal(KIB(AT(10), "Shared_Dirty"), 12);
    assert_int_equal(KIB(AT(10), "Private_Dirty"), 4);
    assert_int_equal(KIB(AT(10), "Anonymous"), 16);
    sim_destroy(child);
}

static void test_smaps_flags(void **state)
{
    struct object *object = object_create(8 * PG, "/data");

    mm->limits.memlock = UINT64_MAX;
    map(10, 1, RW, PRIVATE);
    map(12, 1, PROT_READ, PRIVATE);
    map(14, 1, RX | PROT_WRITE, PRIVATE | MAP_NORESERVE);
    map(16, 1, RW, PRIVATE | MAP_GROWSDOWN);
    map(290, 1, RW, PRIVATE);
    assert_int_equal(sim_mlock(mm, AT(290), PG, true, true), 0);
    map_object(object, 20, 1, RW, MAP_SHARED, 0);
    map(30, 1, RW, PRIVATE);
    vma_set_flags(mm, vma_at(mm, AT(30)),
                  vma_at(mm, AT(30))->flags | VMA_DONTFORK | VMA_WIPEONFORK);
    read_all(mm, mm_smaps);
    assert_flags(AT(30), "rd wr mr mw me dc ac wf ");
    assert_flags(AT(10), "rd wr mr mw me ac ");
    assert_flags(AT(12), "rd mr mw me ");
    assert_flags(AT(14), "rd wr ex mr mw me nr ");
    assert_flags(AT(16), "rd wr mr mw me gd ac ");
    assert_flags(AT(290), "rd wr mr mw me lo lf ac ");
    assert_flags(AT(20), "rd wr sh mr mw me ms ");
    object_put(object);
}

#define HUGE (64 * pt_span(PT_PMD))

/* A private mapping with one page as large as a PMD entry's span. Its frame. */
static paddr_t map_huge(void)
{
    paddr_t frame;

    assert_int_equal(sim_mmap(mm, HUGE, pt_span(PT_PMD), RW, PRIVATE), HUGE);
    port_lock_write(&mm->lock);
    vma_identify(mm, vma_at(mm, HUGE));
    frame = sim_map(mm, HUGE, PTE_R | PTE_W, PT_PMD);
    port_unlock_write(&mm->lock);
    return frame;
}

static void test_smaps_locked(void **state)
{
    mm->limits.memlock = UINT64_MAX;
    fill(10, 2);
    assert_int_equal(sim_mlock(mm, AT(10), 2 * PG, true, false), 0);
    read_all(mm, mm_smaps);
    assert_int_equal(KIB(AT(10), "Locked"), 8);
}

static void test_smaps_of_a_huge_page(void **state)
{
    map_huge();
    read_all(mm, mm_smaps);
    assert_int_equal(KIB(HUGE, "Rss"), pt_span(PT_PMD) >> 10);
    assert_int_equal(KIB(HUGE, "AnonHugePages"), pt_span(PT_PMD) >> 10);
    assert_int_equal(KIB(HUGE, "Private_Dirty"), pt_span(PT_PMD) >> 10);
}

static void test_rollup(void **state)
{
    struct object *file = object_create(8 * PG, "/data");
    struct object *shared = object_create(8 * PG, NULL);
    char head[128];

    port_lock_read(&mm->lock);
    assert_int_equal(mm_smaps_rollup(mm, text, sizeof(text)), 0);
    port_unlock_read(&mm->lock);
    fill(10, 3);
    map_object(file, 20, 2, PROT_READ, MAP_PRIVATE, 0);
    read_pages(20, 2);
    map_object(shared, 30, 2, RW, MAP_SHARED, 0);
    assert_int_equal(sim_write(mm, 0, AT(30), 1), FAULT_DONE);
    port_lock_read(&mm->lock);
    text[mm_smaps_rollup(mm, text, sizeof(text))] = '\0';
    port_unlock_read(&mm->lock);
    snprintf(head, sizeof(head), "%08llx-%08llx ---p 00000000 00:00 0 ", (ull)AT(10), (ull)AT(32));
    assert_memory_equal(text, head, strlen(head));
    assert_memory_equal(text + 73, "[rollup]\n", 9);
    assert_int_equal(kib(text, "Rss"), 24);
    assert_int_equal(kib(text, "Pss_Anon"), 12);
    assert_int_equal(kib(text, "Pss_File"), 8);
    assert_int_equal(kib(text, "Pss_Shmem"), 4);
    object_put(file);
    object_put(shared);
}

static void test_usage(void **state)
{
    struct object *file = object_create(8 * PG, "/data");
    struct object *shared = object_create(8 * PG, NULL);
    struct mm_usage usage;

    fill(10, 3);
    map(15, 4, RW, PRIVATE);
    read_pages(15, 4);
    map_object(file, 20, 5, RW, MAP_PRIVATE, 0);
    read_pages(20, 5);
    assert_int_equal(sim_write(mm, 0, AT(22), 1), FAULT_DONE);
    map_object(shared, 30, 2, RW, MAP_SHARED, 0);
    assert_int_equal(sim_write(mm, 0, AT(30), 1), FAULT_DONE);
    assert_int_equal(sim_mprotect(mm, AT(10), 3 * PG, PROT_NONE), 0);
    port_lock_read(&mm->lock);
    usage = mm_usage(mm);
    port_unlock_read(&mm->lock);
    assert_int_equal(usage.anon, 4);
    assert_int_equal(usage.file, 4);
    assert_int_equal(usage.shmem, 1);
    assert_int_equal(usage.code, 0);
    object_put(file);
    object_put(shared);
}

/* What two address spaces share counts once. */
static void test_totals(void **state)
{
    struct object *file = object_create(8 * PG, "/data");
    struct mm_totals totals;
    struct mm *child;

    fill(10, 3);
    child = sim_fork(mm);
    assert_int_equal(sim_write(mm, 0, AT(10), 1), FAULT_DONE);
    map_object(file, 20, 5, RW, MAP_SHARED, 0);
    read_pages(20, 2);
    map_object(file, 30, 5, RX, MAP_PRIVATE, 0);
    read_pages(30, 1);
    assert_int_equal(object_write(file, 7 * PG, "x", 1), 0);
    totals = mm_totals();
    assert_int_equal(totals.anon, 4);
    assert_int_equal(totals.file, 3);
    assert_int_equal(totals.mapped, 2);
    assert_int_equal(totals.shmem, 0);
    assert_int_equal(totals.tables, mm->pt.tables + child->pt.tables);
    port_lock_read(&mm->lock);
    assert_int_equal(mm_usage(mm).code, 5);
    port_unlock_read(&mm->lock);
    sim_destroy(child);
    object_put(file);
}

/* ---- pagemap ---- */

#define EXCLUSIVE (1ull << 56)
#define FILE_PAGE (1ull << 61)
#define PRESENT (1ull << 63)
#define PFN(entry) ((entry) & ((1ull << 55) - 1))

static uint64_t *pagemap(unsigned page, unsigned count)
{
    static uint64_t entries[PAGES + 1];

    memset(entries, 0xff, sizeof(entries));
    port_lock_read(&mm->lock);
    mm_pagemap(mm, (struct range){AT(page), AT(page + count)}, entries);
    port_unlock_read(&mm->lock);
    assert_true(entries[count] == UINT64_MAX);
    return entries;
}

static uint64_t frame_of(unsigned page)
{
    unsigned level;

    return pte_addr(*sim_leaf(&mm->pt, AT(page), &level)) >> PAGE_SHIFT;
}

static void test_pagemap(void **state)
{
    struct object *file = object_create(8 * PG, "/data");
    uint64_t *e;

    fill(10, 2);
    map(12, 2, RW, PRIVATE);
    read_pages(12, 1);
    map_object(file, 20, 2, RW, MAP_PRIVATE, 0);
    map_object(file, 24, 2, RW, MAP_SHARED, 0);
    read_pages(20, 1);
    read_pages(24, 2);
    e = pagemap(8, 20);
    assert_int_equal(e[0] | e[1], 0);
    assert_int_equal(e[2], PRESENT | EXCLUSIVE | frame_of(10));
    assert_int_equal(e[3], PRESENT | EXCLUSIVE | frame_of(11));
    assert_int_equal(e[4], PRESENT | fault_zero_page() >> PAGE_SHIFT);
    assert_int_equal(e[5] | e[6] | e[11], 0);
    assert_int_equal(e[12], PRESENT | FILE_PAGE | frame_of(20));
    assert_int_equal(e[13], 0);
    assert_int_equal(e[16], PRESENT | FILE_PAGE | frame_of(20));
    assert_int_equal(e[17], PRESENT | FILE_PAGE | EXCLUSIVE | frame_of(25));
    assert_int_equal(sim_write(mm, 0, AT(20), 1), FAULT_DONE);
    assert_int_equal(pagemap(20, 1)[0], PRESENT | EXCLUSIVE | frame_of(20));
    assert_int_equal(pagemap(24, 1)[0], PRESENT | EXCLUSIVE | FILE_PAGE | frame_of(24));
    object_put(file);
}

/* The frame goes where the page goes; a page without rights keeps its own. */
static void test_pagemap_follows(void **state)
{
    uint64_t before[3];

    fill(10, 3);
    memcpy(before, pagemap(10, 3), sizeof(before));
    assert_int_equal(sim_mprotect(mm, AT(10), 3 * PG, PROT_NONE), 0);
    assert_memory_equal(pagemap(10, 3), before, sizeof(before));
    assert_int_equal(sim_mremap(mm, AT(10), 3 * PG, 3 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, AT(50)),
                     AT(50));
    assert_memory_equal(pagemap(50, 3), before, sizeof(before));
    assert_int_equal(pagemap(10, 3)[1], 0);
}

static void test_pagemap_of_a_huge_page(void **state)
{
    paddr_t frame = map_huge();
    uint64_t entries[3];

    port_lock_read(&mm->lock);
    mm_pagemap(mm, (struct range){HUGE + PG, HUGE + 4 * PG}, entries);
    port_unlock_read(&mm->lock);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(PFN(entries[i]), (frame >> PAGE_SHIFT) + 1 + i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_maps),
        TEST(test_maps_resumes),
        TEST(test_names_stay_on_their_line),
        TEST(test_smaps_of_private_memory),
        TEST(test_smaps_lines),
        TEST(test_smaps_of_shared_pages),
        TEST(test_smaps_after_fork),
        TEST(test_smaps_flags),
        TEST(test_smaps_locked),
        TEST(test_smaps_of_a_huge_page),
        TEST(test_rollup),
        TEST(test_usage),
        TEST(test_totals),
        TEST(test_pagemap),
        TEST(test_pagemap_follows),
        TEST(test_pagemap_of_a_huge_page),
    };

    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
