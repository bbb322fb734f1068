/*
 * exec's stack: strings copied to the top of the address space, then shifted down. Every shift from
 * 0 to 4 MiB + 4 KiB and ten sizes from a page to 2 MiB, under realign=off, pmd and full; larger
 * stacks where PMD-aligned shifts overlap. The content of each page, the entries moved and the
 * historic warning are compared with what they must be.
 */
/* host-build: 9/4-fast 9/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/vma.h"

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 19
#else
#define STRIDE 1
#endif

#define FRAMES 5200
#define SHIFTS 1026
#define SPAN 512 /* pages of a PMD entry */
#define ROOM 32  /* pages below the strings, once shifted */

static uint64_t word_of(unsigned page)
{
    return 0x57ac000000000000ull + page * 0x10001ull;
}

/* The stack's page @n from its top, before the shift. */
static vaddr_t page_at(unsigned n)
{
    return TASK_SIZE - (n + 1) * PAGE_SIZE;
}

static struct mm *stack_of(unsigned pages)
{
    struct mm *mm = sim_create();

    assert_non_null(mm);
    assert_int_equal(sim_stack_create(mm), 0);
    sim_op("strings");
    port_lock_write(&mm->lock);
    for (unsigned n = 0; n < pages; n++) {
        uint64_t word = word_of(n);

        assert_int_equal(mm_copy_to(mm, page_at(n), &word, sizeof(word)), 0);
    }
    port_unlock_write(&mm->lock);
    return mm;
}

/* ---- What must happen, by PMD spans ---- */

struct forecast {
    uint64_t pte, pmd, warnings;
};

/* The number of the PMD span, from the bottom, that the stack's page @n from its top lies in. */
static unsigned span_of(unsigned n)
{
    return 1000 - (n + 1) / SPAN;
}

static unsigned pages_in(unsigned span, unsigned pages)
{
    unsigned count = 0;

    for (unsigned n = 0; n < pages; n++)
        count += span_of(n) == span;
    return count;
}

/* realign=pmd widens the start where the range reaches the end of its span. */
static bool linux_widens(unsigned pages)
{
    return span_of(pages - 1) < span_of(0);
}

/*
 * Spans in ascending order; one moves whole if all of it is to move and its slot at the destination
 * is empty. That is not so where the slot's own pages were moved singly, which leaves an emptied
 * table: there Linux warned.
 */
static struct forecast forecast(unsigned pages, unsigned shift, enum realign realign)
{
    unsigned first = span_of(pages - 1), last = span_of(0), distance = shift / SPAN;
    bool whole[1001] = {false};
    struct forecast f = {0};

    if (shift == 0)
        return f;
    if (shift % SPAN) {
        f.pte = pages;
        return f;
    }
    for (unsigned i = first; i <= last; i++) {
        unsigned in = pages_in(i, pages);
        bool table_left = i - distance >= first && !whole[i - distance];

        whole[i] = in == SPAN || realign == REALIGN_FULL ||
                   (realign == REALIGN_PMD && i == first && linux_widens(pages));
        if (whole[i] && table_left && realign != REALIGN_FULL) {
            f.warnings++;
            whole[i] = false;
        }
        f.pmd += whole[i];
        f.pte += whole[i] ? 0 : in;
    }
    return f;
}

/* ---- One stack ---- */

static void check_pages(struct mm *mm, unsigned pages, uint64_t shift)
{
    for (unsigned n = 0; n < pages; n++) {
        uint64_t word = 0;

        check(sim_peek(&mm->pt, page_at(n) - shift, &word), "page %u is lost", n);
        check(word == word_of(n), "page %u holds %llx", n, (unsigned long long)word);
    }
    assert_int_equal(mm->rss_pages, pages);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(mm->first->end, TASK_SIZE - shift);
    assert_int_equal(mm->first->start, page_at(pages - 1) - shift - ROOM * PAGE_SIZE);
    assert_int_equal(mm->layout.stack_top, TASK_SIZE - shift);
}

static void shift_case(unsigned pages, unsigned shift, enum realign realign)
{
    struct forecast f = forecast(pages, shift, realign);
    struct mm *mm = stack_of(pages);
    uint64_t flushes;

    mm_config.realign = realign;
    mm_stats = (struct mm_stats){0};
    sim_forget_words();
    sim_access(mm, 1, page_at(0), ACCESS_READ);
    sim_access(mm, 2, page_at(pages - 1), ACCESS_READ);
    flushes = sim_flushes();
    assert_int_equal(sim_stack_shift(mm, shift * PAGE_SIZE), 0);
    check(mm_stats.moved[PT_PTE] == f.pte && mm_stats.moved[PT_PMD] == f.pmd &&
              mm_stats.moved[PT_PUD] == 0 && mm_stats.moved[PT_PGD] == 0,
          "%u pages by %u, realign %d: %llu PTE, %llu PMD moved", pages, shift, realign,
          (unsigned long long)mm_stats.moved[PT_PTE], (unsigned long long)mm_stats.moved[PT_PMD]);
    check(mm_stats.warn == f.warnings && sim_warn_count() == f.warnings,
          "%u pages by %u, realign %d: %u warnings", pages, shift, realign, sim_warn_count());
    assert_int_equal(sim_flushes() - flushes, shift ? 1 : 0);
    check_pages(mm, pages, shift * PAGE_SIZE);
    sim_destroy(mm);
}

static const unsigned sizes[] = {1, 2, 3, 31, 32, 33, 128, 256, 511, 512};

static void every_shift(enum realign realign)
{
    unsigned turn = realign;

    sim_boot(FRAMES);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned shift = 0; shift < SHIFTS; shift++)
            if (shift % SPAN == 0 || turn++ % STRIDE == 0)
                shift_case(sizes[i], shift, realign);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
}

static void test_every_shift_off(void **state)
{
    every_shift(REALIGN_OFF);
}

static void test_every_shift_pmd(void **state)
{
    every_shift(REALIGN_PMD);
}

static void test_every_shift_full(void **state)
{
    every_shift(REALIGN_FULL);
}

/* Stacks beyond 2 MiB, up to 8 MiB: whole PMDs inside them, and aligned shifts that overlap. */
static void test_larger_stacks(void **state)
{
    static const unsigned large[] = {513, 1022, 1023, 1024, 1100, 1535, 1536, 2047, 2048};
    static const unsigned shifts[] = {1, 511, 512, 513, 1023, 1024, 1025, 1536, 2048};
    unsigned warned = 0;

    sim_boot(FRAMES);
    for (unsigned i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        for (unsigned k = 0; k < sizeof(shifts) / sizeof(shifts[0]); k++) {
            for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
                shift_case(large[i], shifts[k], realign);
                warned += mm_stats.warn > 0;
                assert_true(realign != REALIGN_FULL || mm_stats.warn == 0);
                assert_true(mm_stats.warn == 0 || shifts[k] < large[i]);
            }
        }
    }
    assert_true(warned >= 5);
    sim_halt();
}

/* The words that make demo-warn looks for, at the smallest stack that shows them. */
static void test_historic_warning(void **state)
{
    const char *start = "WARN: move_normal_pmd: destination PMD not none";

    sim_boot(FRAMES);
    shift_case(1023, 512, REALIGN_OFF);
    assert_int_equal(mm_stats.warn, 0);
    shift_case(1024, 512, REALIGN_OFF);
    assert_int_equal(mm_stats.warn, 1);
    assert_memory_equal(sim_warn_line(0), start, strlen(start));
    shift_case(1024, 512, REALIGN_PMD);
    assert_int_equal(mm_stats.warn, 0);
    shift_case(1024, 512, REALIGN_FULL);
    assert_int_equal(mm_stats.warn, 0);
    assert_int_equal(mm_stats.moved[PT_PMD], 3);
    sim_halt();
}

/* ---- Around it ---- */

static void test_create(void **state)
{
    struct mm *mm;

    sim_boot(64);
    mm = sim_create();
    assert_int_equal(sim_stack_create(mm), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(mm->first->end, TASK_SIZE);
    assert_true(mm->first->flags & VMA_GROWSDOWN);
    assert_int_equal(mm->stack_pages, mm->total_pages);
    assert_int_equal(mm->rss_pages, 0);
    assert_true(sim_stack_create(mm) < 0);
    sim_destroy(mm);
    sim_halt();
}

static void test_grows_after_the_shift(void **state)
{
    vaddr_t low = page_at(2) - 512 * PAGE_SIZE - 60 * PAGE_SIZE;
    struct mm *mm;

    sim_boot(128);
    mm = stack_of(3);
    assert_int_equal(sim_stack_shift(mm, 512 * PAGE_SIZE), 0);
    assert_int_equal(sim_write(mm, 0, low, 7), FAULT_DONE);
    assert_int_equal(mm->first->start, low);
    assert_int_equal(sim_read(mm, 1, low), 7);
    assert_int_equal(sim_read(mm, 1, page_at(1) - 512 * PAGE_SIZE), word_of(1));
    assert_int_equal(sim_touch(mm, 0, TASK_SIZE - PAGE_SIZE, ACCESS_READ), FAULT_MAPERR);
    sim_destroy(mm);
    sim_halt();
}

/*
 * Strings that would make the stack larger than its limit are refused by the fault, as E2BIG would
 * be before.
 */
static void test_limit(void **state)
{
    uint64_t word = 1;
    struct mm *mm;

    sim_boot(128);
    mm = stack_of(4);
    mm->limits.stack = 4 * PAGE_SIZE;
    assert_int_equal(sim_copy_to(mm, page_at(4), &word, sizeof(word)), -EFAULT);
    assert_int_equal(sim_stack_shift(mm, PAGE_SIZE), 0);
    assert_int_equal(range_size(vma_range(mm->first)), 4 * PAGE_SIZE);
    mm->limits.stack = 20 * PAGE_SIZE + 100;
    assert_int_equal(sim_stack_shift(mm, PAGE_SIZE), 0);
    assert_int_equal(range_size(vma_range(mm->first)), 20 * PAGE_SIZE);
    sim_destroy(mm);
    sim_halt();
}

static void expect_refused(struct mm *mm, uint64_t shift, long err)
{
    struct sim_snapshot *snap = sim_snapshot();

    assert_int_equal(sim_stack_shift(mm, shift), err);
    check(!sim_changed(snap), "%s", sim_changed(snap));
    sim_snapshot_free(snap);
}

static void test_refusals(void **state)
{
    struct mm *mm;

    sim_boot(128);
    mm = stack_of(4);
    expect_refused(mm, 100, -EINVAL);
    expect_refused(mm, TASK_SIZE, -EINVAL);
    expect_refused(mm, page_at(3), -EINVAL);
    expect_refused(mm, page_at(3) - mm_config.mmap_min_addr + PAGE_SIZE, -EINVAL);
    assert_int_equal(
        sim_mmap(mm, page_at(100), PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
        page_at(100));
    expect_refused(mm, 97 * PAGE_SIZE, -EINVAL);
    assert_int_equal(sim_stack_shift(mm, 96 * PAGE_SIZE), 0);
    assert_int_equal(mm->last->start, page_at(99));
    sim_destroy(mm);
    mm = stack_of(4);
    assert_int_equal(sim_stack_shift(mm, page_at(3) - mm_config.mmap_min_addr), 0);
    assert_int_equal(mm->first->start, mm_config.mmap_min_addr);
    sim_destroy(mm);
    sim_halt();
}

static void test_neighbours_forbid_widening(void **state)
{
    struct mm *mm;

    sim_boot(3000);
    mm = stack_of(1100);
    assert_int_equal(sim_mmap(mm, TASK_SIZE - 2 * SPAN * PAGE_SIZE - 600 * PAGE_SIZE, PAGE_SIZE,
                              PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
                     TASK_SIZE - 2 * SPAN * PAGE_SIZE - 600 * PAGE_SIZE);
    mm_stats = (struct mm_stats){0};
    assert_int_equal(sim_stack_shift(mm, SPAN * PAGE_SIZE), 0);
    assert_int_equal(mm_stats.moved[PT_PTE], 77);
    assert_int_equal(mm_stats.moved[PT_PMD], 2);
    assert_int_equal(mm_stats.widen_refused_down, 1);
    for (unsigned n = 0; n < 1100; n++)
        assert_int_equal(sim_read(mm, 0, page_at(n) - SPAN * PAGE_SIZE), word_of(n));
    sim_destroy(mm);
    sim_halt();
}

/* Each allocation fails once; the stack is then what it was, and the next attempt works. */
static void test_no_memory_changes_nothing(void **state)
{
    static const unsigned shifts[] = {1, 100, 512, 700, 100000};

    unsigned refused_in_all = 0;

    for (unsigned i = 0; i < 5; i++) {
        unsigned refused = 0;
        struct mm *mm;
        long err;

        sim_boot(800);
        mm = stack_of(600);
        do {
            struct sim_snapshot *snap = sim_snapshot();

            sim_fail_after(refused + 1, false);
            err = sim_stack_shift(mm, shifts[i] * PAGE_SIZE);
            sim_fail_after(0, false);
            if (err) {
                assert_int_equal(err, -ENOMEM);
                check(!sim_changed(snap), "%s", sim_changed(snap));
                refused++;
            }
            sim_snapshot_free(snap);
        } while (err);
        refused_in_all += refused;
        check_pages(mm, 600, shifts[i] * PAGE_SIZE);
        sim_destroy(mm);
        sim_halt();
    }
    assert_true(refused_in_all >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_grows_after_the_shift),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_neighbours_forbid_widening),
        cmocka_unit_test(test_no_memory_changes_nothing),
        cmocka_unit_test(test_historic_warning),
        cmocka_unit_test(test_larger_stacks),
        cmocka_unit_test(test_every_shift_off),
        cmocka_unit_test(test_every_shift_pmd),
        cmocka_unit_test(test_every_shift_full),
    };

    return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
