/* What /proc shows of an address space: smaps, its rollup, memory in use. */
/* host-build: 9/4 3/4 */
#include "tests/host/test_maps.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests_name("smaps", tests, NULL, NULL);
}
