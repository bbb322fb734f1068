/*
 * Calls as a process makes them, where only the number of entries moved, the place chosen or the
 * identity of what is left behind shows a mistake.
 */
/* host-build: 9/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 600
#define SPAN pt_span(PT_PMD)
#define BASE (4 * SPAN)
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define P PT_ENTRIES
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define LEAVE (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)

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
    sim_destroy(mm);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

static void map(unsigned page, unsigned count, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PAGE_SIZE, RW, PRIVATE | MAP_FIXED | flags),
                     AT(page));
}

static void write_page(unsigned page)
{
    assert_int_equal(sim_write(mm, 0, AT(page), page), FAULT_DONE);
}

/* ---- mremap: what moves whole ---- */

/*
 * S and D share the span in the middle; nothing else is near:
 *
 *     |....[DDDD|DD]..[SS|SSSS]....|
 *
 * Each is widened into the other's span: both of S's entries move.
 */
static void move_across_a_shared_span(unsigned from, unsigned to)
{
    unsigned count = P - 2;

    map(from, count, 0);
    write_page(from);
    write_page(from + P / 2);
    write_page(from + count - 1);
    assert_int_equal(sim_mremap(mm, AT(from), count * PAGE_SIZE, count * PAGE_SIZE, FIXED, AT(to)),
                     AT(to));
    assert_int_equal(sim_read(mm, 1, AT(to)), from);
    assert_int_equal(sim_read(mm, 2, AT(to + count - 1)), from + count - 1);
}

/* A VMA that goes along as it is; and one that cannot, since it replaces what D holds, next to S. */
static void test_ranges_are_no_neighbours(void **state)
{
    mm_stats = (struct mm_stats){0};
    move_across_a_shared_span(P + 4, 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 2);
    move_across_a_shared_span(5 * P + 4, 6 * P + 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 4);
    map(10 * P + 1, 1, 0);
    move_across_a_shared_span(10 * P + 4, 9 * P + 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 6);
    map(15 * P + 1, 1, 0);
    move_across_a_shared_span(13 * P + 4, 14 * P + 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 8);
    assert_int_equal(mm_stats.moved[PT_PTE], 0);
}

/* realign=pmd: as on Linux the ranges are neighbours, so the low end is not widened. */
static void test_pmd_mode_keeps_ranges_apart(void **state)
{
    mm_config.realign = REALIGN_PMD;
    mm_stats = (struct mm_stats){0};
    move_across_a_shared_span(P + 4, 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 0);
    assert_int_equal(mm_stats.moved[PT_PTE], 3);
    assert_int_equal(mm_stats.widen_refused_down, 1);
    move_across_a_shared_span(5 * P + 4, 6 * P + 4);
    assert_int_equal(mm_stats.moved[PT_PMD], 0);
    assert_int_equal(mm_stats.moved[PT_PTE], 6);
    assert_int_equal(mm_stats.widen_refused_down, 2);
}

/* ---- mremap: what is left behind ---- */

/*
 * Two VMAs that touch but have different identities stay two. When all pages of one have moved away
 * it has no identity any more, and they are one.
 */
static void test_dontunmap_source_is_as_new(void **state)
{
    map(0, 2, 0);
    map(4, 2, 0);
    write_page(0);
    write_page(5);
    map(2, 2, 0);
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(sim_mremap(mm, AT(0), 4 * PAGE_SIZE, 4 * PAGE_SIZE, LEAVE, AT(100)), AT(100));
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(vma_at(mm, AT(0))->end, AT(6));
    assert_int_equal(sim_read(mm, 0, AT(0)), 0);
    assert_int_equal(sim_read(mm, 0, AT(5)), 5);
}

/* ---- mmap ---- */

/* A hint is taken only where the guard of the stack above it stays free. */
static void test_hint_keeps_the_guard(void **state)
{
    unsigned guard = (unsigned)(mm_config.stack_guard / PAGE_SIZE);
    vaddr_t at;

    map(2 * guard, 4, MAP_GROWSDOWN);
    at = (vaddr_t)sim_mmap(mm, AT(guard), PAGE_SIZE, RW, PRIVATE);
    assert_int_not_equal(at, AT(guard));
    assert_true(at < AT(guard) || at >= AT(2 * guard + 4));
    assert_int_equal(sim_mmap(mm, AT(guard - 1), PAGE_SIZE, RW, PRIVATE), AT(guard - 1));
}

/*
 * What can no longer be had ends MADV_POPULATE with an error, and the pages below it are there: at
 * the end of an object, and where memory runs out.
 */
static void test_populate_ends_at_the_first_error(void **state)
{
    struct object *object = object_create(2 * PAGE_SIZE, "short");
    uint8_t vec[4];

    assert_int_equal(
        sim_mmap_object(mm, AT(0), 4 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, object, 0),
        AT(0));
    assert_int_equal(sim_madvise(mm, AT(0), 4 * PAGE_SIZE, MADV_POPULATE_READ), -EFAULT);
    assert_int_equal(sim_mincore(mm, AT(0), 4, vec), 0);
    assert_memory_equal(vec, "\1\1\0\0", 4);
    object_put(object);
    map(10, 4, 0);
    write_page(10);
    sim_fail_after(2, true);
    assert_int_equal(sim_madvise(mm, AT(10), 4 * PAGE_SIZE, MADV_POPULATE_WRITE), -ENOMEM);
    sim_fail_after(0, false);
    assert_int_equal(sim_mincore(mm, AT(10), 4, vec), 0);
    assert_memory_equal(vec, "\1\1\0\0", 4);
}

/* ---- Many pages of one frame ---- */

static uint32_t refs_at_first_flush;

static void look_at_zero_page(void)
{
    if (!refs_at_first_flush)
        refs_at_first_flush = port_frame(fault_zero_page())->refs;
}

/*
 * The references of pages that are unmapped are dropped after the flush, not before: else the last
 * other user may write to a frame that some CPU still reads.
 */
static void test_references_outlive_the_flush(void **state)
{
    unsigned pages = GATHER_SHARED + 40;

    map(0, pages, 0);
    assert_int_equal(sim_madvise(mm, AT(0), pages * PAGE_SIZE, MADV_POPULATE_READ), 0);
    assert_int_equal(port_frame(fault_zero_page())->refs, 1 + pages);
    refs_at_first_flush = 0;
    sim_after_flush = look_at_zero_page;
    assert_int_equal(sim_munmap(mm, AT(0), pages * PAGE_SIZE), 0);
    sim_after_flush = NULL;
    assert_int_equal(refs_at_first_flush, 1 + pages);
    assert_int_equal(port_frame(fault_zero_page())->refs, 1);
}

/* ---- Stacks ---- */

/* Exec's stack: its pages keep their identity when it is shifted. */
static void test_shifted_stack_keeps_pgoff(void **state)
{
    uint64_t page = (TASK_SIZE - PAGE_SIZE) >> PAGE_SHIFT;
    struct vma *vma;

    assert_int_equal(sim_stack_create(mm), 0);
    assert_int_equal(sim_write(mm, 0, TASK_SIZE - PAGE_SIZE, 1), FAULT_DONE);
    assert_int_equal(sim_stack_shift(mm, 10 * PAGE_SIZE), 0);
    vma = vma_at(mm, TASK_SIZE - 11 * PAGE_SIZE);
    assert_non_null(vma);
    assert_int_equal(vma_pgoff(vma, TASK_SIZE - 11 * PAGE_SIZE), page);
}

static void test_stack_without_memory(void **state)
{
    check_starved(0, sim_stack_create(mm));
    assert_int_equal(sim_munmap(mm, TASK_SIZE - PAGE_SIZE, PAGE_SIZE), 0);
    check_refused(-EINVAL, sim_stack_shift(mm, PAGE_SIZE));
}

/* A hole in a stack is filled again by growth, and the two parts are one. */
static void test_stack_grows_together(void **state)
{
    map(0, 10, MAP_GROWSDOWN);
    write_page(0);
    write_page(9);
    assert_int_equal(sim_munmap(mm, AT(4), 2 * PAGE_SIZE), 0);
    assert_int_equal(mm->vma_count, 2);
    write_page(5);
    assert_int_equal(mm->vma_count, 2);
    write_page(4);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(sim_read(mm, 1, AT(0)), 0);
    assert_int_equal(sim_read(mm, 1, AT(9)), 9);
}

/* A stack moved to a higher place keeps its small page offset, and cannot grow below offset 0. */
static void test_stack_ends_at_its_offset(void **state)
{
    vaddr_t high = BASE + 100 * SPAN, low = mm_config.mmap_min_addr + 2 * PAGE_SIZE;

    mm_config.stack_guard = 0;
    assert_int_equal(sim_mmap(mm, low, PAGE_SIZE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN), low);
    assert_int_equal(sim_write(mm, 0, low, 1), FAULT_DONE);
    assert_int_equal(sim_mremap(mm, low, PAGE_SIZE, PAGE_SIZE, FIXED, high), high);
    assert_int_equal(sim_write(mm, 0, high - low, 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, high - low - PAGE_SIZE, 1), FAULT_MAPERR);
    assert_int_equal(vma_at(mm, high)->pgoff, 0);
}

/* ---- The beginning ---- */

/* The page of zeros cannot be had: no address space can be made, and it is asked for again later. */
static void test_boot_without_memory(void **state)
{
    sim_start(4);
    sim_fail_after(1, true);
    assert_int_equal(mm_init(), -ENOMEM);
    assert_int_equal(fault_zero_page(), 0);
    sim_fail_after(0, false);
    sim_stop();
    sim_boot(4);
    assert_int_not_equal(fault_zero_page(), 0);
    assert_int_equal(mm_init(), 0);
    sim_halt();
}

/* Seeds of the trees differ where randomness was asked for; address spaces go in any order. */
static void test_address_spaces(void **state)
{
    struct mm *more[3];

    mm_config.randomize = true;
    for (unsigned i = 0; i < 3; i++)
        more[i] = sim_create();
    assert_int_not_equal(more[0]->tree_seed, more[1]->tree_seed);
    assert_int_not_equal(more[1]->tree_seed, more[2]->tree_seed);
    sim_destroy(more[1]);
    sim_destroy(more[0]);
    assert_ptr_equal(mm_all, more[2]);
    assert_ptr_equal(mm_all->next_mm, mm);
    sim_destroy(more[2]);
    assert_ptr_equal(mm_all, mm);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- The most that there was ---- */

static void expect_peaks(uint64_t pages, uint64_t resident)
{
    port_lock_read(&mm->lock);
    assert_int_equal(mm->peak_pages, pages);
    assert_int_equal(mm_peak_rss(mm), resident);
    port_unlock_read(&mm->lock);
}

static void test_peaks(void **state)
{
    map(0, 5, 0);
    for (unsigned n = 0; n < 3; n++)
        write_page(n);
    expect_peaks(5, 3);
    assert_int_equal(sim_munmap(mm, AT(1), 4 * PAGE_SIZE), 0);
    expect_peaks(5, 3);
    map(10, 3, 0);
    write_page(10);
    expect_peaks(5, 3);
    map(20, 3, 0);
    for (unsigned n = 20; n < 23; n++)
        write_page(n);
    expect_peaks(7, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_without_memory), /* first: the page of zeros is made once */
        TEST(test_address_spaces),
        TEST(test_ranges_are_no_neighbours),
        TEST(test_pmd_mode_keeps_ranges_apart),
        TEST(test_dontunmap_source_is_as_new),
        TEST(test_hint_keeps_the_guard),
        TEST(test_populate_ends_at_the_first_error),
        TEST(test_references_outlive_the_flush),
        TEST(test_shifted_stack_keeps_pgoff),
        TEST(test_stack_without_memory),
        TEST(test_stack_grows_together),
        TEST(test_stack_ends_at_its_offset),
        TEST(test_peaks),
    };

    return cmocka_run_group_tests_name("cover_calls", tests, NULL, NULL);
}
