/*
 * What mm/ tells of itself: the names in /proc/PID/maps, the dump, and the trace of whole calls,
 * line by line.
 */
/* host-build: 9/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 3000
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm *mm;

static int setup(void **state)
{
    sim_boot(FRAMES);
    mm = sim_create();
    assert_non_null(mm);
    return 0;
}

static int teardown(void **state)
{
    port_trace_mask = 0;
    mm_config.overcommit = OVERCOMMIT_GUESS;
    sim_destroy(mm);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

/* ---- Text ---- */

static char text[8192];

static void keep_line(void *ctx, const char *line)
{
    size_t len = strlen(text);

    snprintf(text + len, sizeof(text) - len, "%s%s", line, (const char *)ctx);
}

static const char *maps(void)
{
    vaddr_t addr = 0;
    size_t length = 0, n;

    port_lock_read(&mm->lock);
    while ((n = mm_maps(mm, &addr, text + length, sizeof(text) - length)))
        length += n;
    port_unlock_read(&mm->lock);
    text[length] = '\0';
    return text;
}

static const char *dump(void)
{
    text[0] = '\0';
    port_lock_read(&mm->lock);
    mm_dump(mm, keep_line, "\n");
    port_unlock_read(&mm->lock);
    return text;
}

/* All that was traced since the last time. */
static const char *traced(void)
{
    text[0] = '\0';
    for (uint32_t i = 0; i < sim_trace_count(); i++)
        keep_line("\n", sim_trace_line(i));
    sim_forget_words();
    return text;
}

/* ---- maps ---- */

/* Pieces of the heap and of the stack are named, each; what only touches them is not. */
static void test_names_in_maps(void **state)
{
    mm->layout.brk_start = mm->layout.brk = 0x600000;
    assert_int_equal(sim_brk(mm, 0x603000), 0x603000);
    assert_int_equal(sim_mprotect(mm, 0x601000, 0x1000, PROT_READ), 0);
    assert_int_equal(sim_mmap(mm, 0x5ff000, 0x1000, PROT_EXEC, PRIVATE), 0x5ff000);
    assert_int_equal(sim_mmap(mm, 0x604000, 0x1000, RW, PRIVATE), 0x604000);
    assert_int_equal(sim_mmap(mm, 0x700000, 0x2000, RW, PRIVATE | MAP_GROWSDOWN), 0x700000);
    assert_int_equal(sim_mmap(mm, 0x702000, 0x1000, PROT_NONE, PRIVATE), 0x702000);
    mm->layout.stack_top = 0x702000;
#define PAD "                                 "
    assert_string_equal(maps(), "005ff000-00600000 --xp 00000000 00:00 0 \n"
                                "00600000-00601000 rw-p 00000000 00:00 0 " PAD "[heap]\n"
                                "00601000-00602000 r--p 00000000 00:00 0 " PAD "[heap]\n"
                                "00602000-00603000 rw-p 00000000 00:00 0 " PAD "[heap]\n"
                                "00604000-00605000 rw-p 00000000 00:00 0 \n"
                                "00700000-00702000 rw-p 00000000 00:00 0 " PAD "[stack]\n"
                                "00702000-00703000 ---p 00000000 00:00 0 \n");
}

static void test_objects_in_maps(void **state)
{
    struct object *file = object_create(0x3000, "/bin/true");
    char expected[300];

    assert_int_equal(
        sim_mmap_object(mm, 0x400000, 0x1000, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0x2000),
        0x400000);
    assert_int_equal(sim_mmap(mm, 0x500000, 0x1000, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
                     0x500000);
    snprintf(expected, sizeof(expected),
             "00400000-00401000 r--p 00002000 00:01 %-35llu/bin/true\n"
             "00500000-00501000 rw-s 00000000 00:01 %-35llu/dev/zero (deleted)\n",
             (unsigned long long)object_ino(file), (unsigned long long)object_ino(file) + 1);
    assert_string_equal(maps(), expected);
    object_put(file);
}

/* ---- dump ---- */

static void test_dump(void **state)
{
    assert_int_equal(sim_mmap(mm, 0x400000, 0x4000, RW, PRIVATE | MAP_NORESERVE), 0x400000);
    assert_int_equal(sim_mmap(mm, 0x700000, 0x2000, RW, PRIVATE | MAP_GROWSDOWN | MAP_LOCKED),
                     0x700000);
    assert_int_equal(sim_write(mm, 0, 0x400000, 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, 0x401000, 2), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, 0x402000, ACCESS_READ), FAULT_DONE);
    assert_int_equal(sim_mprotect(mm, 0x701000, 0x1000, PROT_NONE), 0);
    assert_int_equal(sim_mmap(mm, 0x800000, 0x200000, PROT_READ | PROT_EXEC, PRIVATE), 0x800000);
    sim_map(mm, 0x800000, PTE_R | PTE_X, PT_PMD);
    assert_string_equal(dump(),
                        "mm: 4 VMAs, 518 pages, 517 mapped, 5 tables\n"
                        "vma 000000400000-000000404000 rw-p noreserve pages 4 id 2 pgoff 400\n"
                        "vma 000000700000-000000701000 rw-p grows locked pages 1 id 1 pgoff 700\n"
                        "vma 000000701000-000000702000 ---p grows locked pages 1 id 1 pgoff 701\n"
                        "vma 000000800000-000000a00000 r-xp pages 512 id 0 pgoff 800\n"
                        "PGD   0 000000000000 table of 1\n"
                        "  PUD   0 000000000000 table of 3\n"
                        "    PMD   2 000000400000 table of 3\n"
                        "      PTE   0 000000400000-000000402000 rw- 2\n"
                        "      PTE   2 000000402000-000000403000 r-- 1\n"
                        "    PMD   3 000000600000 table of 2\n"
                        "      PTE 256 000000700000-000000701000 rw- 1\n"
                        "      PTE 257 000000701000-000000702000 --- 1\n"
                        "    PMD   4 000000800000-000000a00000 r-x 1\n");
}

/* The last entry of a table: a run of like entries ends with it. */
static void test_dump_of_a_full_table(void **state)
{
    const char *line = "      PTE 510 0000005fe000-000000600000 rw- 2\n";

    assert_int_equal(sim_mmap(mm, 0x5fe000, 0x3000, RW, PRIVATE), 0x5fe000);
    for (vaddr_t va = 0x5fe000; va < 0x601000; va += PAGE_SIZE)
        assert_int_equal(sim_write(mm, 0, va, va), FAULT_DONE);
    assert_non_null(strstr(dump(), line));
}

static const char *dump_broken(unsigned most)
{
    text[0] = '\0';
    mm_dump_broken(mm, most, keep_line, "\n");
    return text;
}

/* In a panic: the same text, also while somebody has the lock. */
static void test_dump_in_a_panic(void **state)
{
    static char sound[1000];

    assert_int_equal(sim_mmap(mm, 0x400000, 0x4000, RW, PRIVATE), 0x400000);
    assert_int_equal(sim_mmap(mm, 0x408000, 0x1000, RW, PRIVATE), 0x408000);
    assert_int_equal(sim_write(mm, 0, 0x400000, 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, 0x408000, 1), FAULT_DONE);
    strcpy(sound, dump());
    port_lock_write(&mm->lock);
    assert_string_equal(dump_broken(100), sound);
    port_unlock_write(&mm->lock);
    assert_string_equal(dump_broken(2),
                        "mm: 2 VMAs, 5 pages, 2 mapped, 4 tables\n"
                        "vma 000000400000-000000404000 rw-p pages 4 id 1 pgoff 400\n"
                        "... (cut here)\n"
                        "PGD   0 000000000000 table of 1\n"
                        "  PUD   0 000000000000 table of 1\n"
                        "... (cut here)\n");
}

/* And of a broken one what can be looked at: a list in a circle, entries that lead nowhere or round about. */
static void test_dump_of_what_is_broken(void **state)
{
    struct pte *root = mm->pt.root;

    assert_int_equal(sim_mmap(mm, 0x400000, 0x1000, RW, PRIVATE), 0x400000);
    assert_int_equal(sim_mmap(mm, 0x408000, 0x1000, RW, PRIVATE), 0x408000);
    assert_int_equal(sim_write(mm, 0, 0x408000, 1), FAULT_DONE);
    mm->last->next = mm->first;
    root[1] = (struct pte){0xffff00000027};
    root[2] = pte_table(port_paddr(root));
    dump_broken(8);
    mm->last->next = NULL;
    root[1] = root[2] = pte_none();
    assert_non_null(strstr(text, "408\nthe list of areas is broken here\nPGD   0 "));
    assert_non_null(
        strstr(text, " rw- 1\nPGD entry ffff00000027 leads to no table in use\nPGD   2 "));
    assert_non_null(strstr(text, "... (cut here)\n"));
    assert_true(strlen(text) < 3000);
}

/* ---- The trace of calls ---- */

/* The entry of the page at @va. */
static unsigned long long entry(vaddr_t va)
{
    return pt_entry(&mm->pt, va, PT_PTE)->raw;
}

static void test_trace_of_mmap_and_faults(void **state)
{
    char expected[600];
    unsigned long long page;

    port_trace_mask = TRACE_ALL;
    assert_int_equal(sim_mmap(mm, 0x400000, 0x4000, RW, PRIVATE), 0x400000);
    assert_string_equal(traced(), "vma insert 400000-404000 flags 213\n");
    assert_int_equal(sim_write(mm, 0, 0x401000, 1), FAULT_DONE);
    page = entry(0x401000);
    snprintf(expected, sizeof(expected),
             "table of PUDs for 0 new\n"
             "table of PMDs for 0 new\n"
             "table of PTEs for 400000 new\n"
             "set PTE 401000: 0 -> %llx\n"
             "fault 401000 write: done\n",
             page);
    assert_string_equal(traced(), expected);
    assert_int_equal(sim_touch(mm, 0, 0x399000, ACCESS_READ), FAULT_MAPERR);
    assert_int_equal(sim_touch(mm, 0, 0x401000, ACCESS_EXEC), FAULT_ACCERR);
    assert_string_equal(traced(), "fault 399000 read: not mapped\n"
                                  "fault 401000 exec: not allowed\n");
    assert_int_equal(sim_mprotect(mm, 0x402000, 0x1000, PROT_READ), 0);
    assert_string_equal(traced(), "vma split 400000-404000 at 402000\n"
                                  "vma resize 400000-404000 to 400000-402000\n"
                                  "vma insert 402000-404000 flags 213\n"
                                  "vma split 402000-404000 at 403000\n"
                                  "vma resize 402000-404000 to 402000-403000\n"
                                  "vma insert 403000-404000 flags 213\n"
                                  "vma flags of 402000-403000: 213 -> 211\n");
    assert_int_equal(sim_munmap(mm, 0x400000, 0x4000), 0);
    snprintf(expected, sizeof(expected),
             "set PTE 401000: %llx -> 0\n"
             "table of PTEs for 400000 emptied\n"
             "table of PTEs for 400000 gone, queued\n"
             "table of PMDs for 0 gone, queued\n"
             "table of PUDs for 0 gone, queued\n"
             "vma remove 400000-402000\n"
             "vma remove 402000-403000\n"
             "vma remove 403000-404000\n"
             "flush 400000-402000\n",
             page);
    assert_string_equal(traced(), expected);
}

/* Pages that follow each other, in runs: written, made read-only, and gone. */
static void test_trace_of_runs(void **state)
{
    char expected[600];
    unsigned long long first, hole;

    assert_int_equal(sim_mmap(mm, 0x400000, 0x9000, RW, PRIVATE), 0x400000);
    assert_int_equal(sim_write(mm, 0, 0x408000, 1), FAULT_DONE); /* brings the tables */
    for (vaddr_t va = 0x400000; va < 0x408000; va += PAGE_SIZE)
        assert_int_equal(sim_write(mm, 0, va, va), FAULT_DONE);
    assert_int_equal(sim_madvise(mm, 0x404000, 0x1000, MADV_DONTNEED), 0);
    first = entry(0x400000);
    hole = entry(0x405000);
    port_trace_mask = TRACE_PT;
    sim_forget_words();
    assert_int_equal(sim_mprotect(mm, 0x400000, 0x8000, PROT_READ), 0);
    snprintf(expected, sizeof(expected),
             "set PTE 400000, 4 of them: %llx -> %llx, stride %lld\n"
             "set PTE 405000, 3 of them: %llx -> %llx, stride %lld\n",
             first, entry(0x400000), (long long)(entry(0x401000) - entry(0x400000)), hole,
             entry(0x405000), (long long)(entry(0x406000) - entry(0x405000)));
    assert_string_equal(traced(), expected);
}

static void move_to(vaddr_t old, uint64_t len, vaddr_t new)
{
    sim_forget_words();
    assert_int_equal(sim_mremap(mm, old, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, new), new);
}

/* One widened move, down and up: what a student sees. */
static void test_trace_of_mremap(void **state)
{
    char expected[600];

    assert_int_equal(sim_mmap(mm, 0x401000, 0x1fe000, RW, PRIVATE), 0x401000);
    assert_int_equal(sim_write(mm, 0, 0x401000, 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, 0x5fe000, 1), FAULT_DONE);
    port_trace_mask = TRACE_MREMAP | TRACE_TLB;
    move_to(0x401000, 0x1fe000, 0x801000);
    snprintf(
        expected, sizeof(expected),
        "mremap old 401000+1fe000 new_len 1fe000 flags 3 new 801000\n"
        "move 401000 -> 801000, 1fe000 bytes\n"
        "widen down to PMD: old 401000 -> 400000, new 801000 -> 800000; old floor 0, new floor 0\n"
        "widen up to PMD: old end 5ff000 -> 600000, new end 9ff000 -> a00000; "
        "old ceiling 800000000000, new ceiling 800000000000\n"
        "step PMD 400000 -> 800000 span 200000 entry %llx\n"
        "moved 0 PTE, 1 PMD, 0 PUD, 0 PGD\n"
        "flush 400000-600000, all\n"
        "mremap returns 801000\n",
        (unsigned long long)pt_entry(&mm->pt, 0x801000, PT_PMD)->raw);
    assert_string_equal(traced(), expected);
}

/* Neighbours below and above forbid widening; back at the old place the VMAs are one again. */
static void test_trace_of_neighbours(void **state)
{
    assert_int_equal(sim_mmap(mm, 0x400000, 0x201000, PROT_READ, PRIVATE), 0x400000);
    assert_int_equal(sim_mmap(mm, 0x1000000, 0x202000, PROT_READ, PRIVATE), 0x1000000);
    port_trace_mask = TRACE_MREMAP | TRACE_VMA;
    move_to(0x401000, 0x1ff000, 0x801000);
    assert_non_null(strstr(traced(), "no widening down to PMD: old floor 401000 > 400000, "
                                     "new floor 601000 <= 800000\n"));
    move_to(0x1000000, 0x201000, 0x1400000);
    assert_non_null(strstr(traced(), "no widening up to PMD: old ceiling 1201000 < 1400000, "
                                     "new ceiling 800000000000 >= 1800000\n"));
    move_to(0x1400000, 0x201000, 0x1000000);
    assert_non_null(strstr(traced(), "vma merge 1000000-1201000-1202000\n"));
}

static void test_trace_of_a_refusal(void **state)
{
    port_trace_mask = TRACE_MREMAP | TRACE_REFUSE;
    sim_forget_words();
    assert_int_equal(sim_mremap(mm, 0x400000, 0x1000, 0x1000, 8, 0), -EINVAL);
    assert_string_equal(traced(), "mremap old 400000+1000 new_len 1000 flags 8 new 0\n"
                                  "refused -22: unknown or contradictory flags\n"
                                  "mremap returns ffffffffffffffea\n");
}

/* The warning of March 2023, at a PUD entry, with realign=off: exec's stack, a gibibyte down. */
static void test_warning_at_the_pud(void **state)
{
    const char *start = "WARN: move_normal_pud: destination PUD not none at ";

    mm_config.realign = REALIGN_OFF;
    mm_config.overcommit = OVERCOMMIT_ALWAYS; /* a stack of more than all of memory */
    assert_int_equal(sim_stack_create(mm), 0);
    for (vaddr_t va = TASK_SIZE - PAGE_SIZE; va > TASK_SIZE - 3 * pt_span(PT_PUD);
         va -= pt_span(PT_PUD) / 2)
        assert_int_equal(sim_write(mm, 0, va, va), FAULT_DONE);
    assert_int_equal(sim_stack_shift(mm, pt_span(PT_PUD)), 0);
    assert_true(sim_warn_count() > 0);
    assert_memory_equal(sim_warn_line(0), start, strlen(start));
    assert_int_equal(mm_stats.warn, sim_warn_count());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_in_maps),
        TEST(test_objects_in_maps),
        TEST(test_dump),
        TEST(test_dump_of_a_full_table),
        TEST(test_dump_in_a_panic),
        TEST(test_dump_of_what_is_broken),
        TEST(test_trace_of_mmap_and_faults),
        TEST(test_trace_of_runs),
        TEST(test_trace_of_mremap),
        TEST(test_trace_of_neighbours),
        TEST(test_trace_of_a_refusal),
        TEST(test_warning_at_the_pud),
    };

    return cmocka_run_group_tests_name("cover_words", tests, NULL, NULL);
}
