/*
 * Page faults, rung by rung: no place, no right, past the end, stale, new page, copy; growing
 * stacks; no memory.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 400
#define BASE (2 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)

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

static void map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PAGE_SIZE, prot, flags), AT(page));
}

static enum fault_result fault(vaddr_t va, enum access access)
{
    enum fault_result result;

    sim_op("fault by hand");
    port_lock_write(&mm->lock);
    result = mm_fault(mm, va, access);
    port_unlock_write(&mm->lock);
    sim_settle(mm);
    return result;
}

static paddr_t frame_at(vaddr_t va)
{
    unsigned level;
    struct pte *leaf = sim_leaf(&mm->pt, va, &level);

    return leaf ? pte_addr(*leaf) : 0;
}

static uint32_t zero_refs(void)
{
    return port_frame(fault_zero_page())->refs;
}

/* ---- Refused ---- */

static void expect_fault(vaddr_t va, enum access access, enum fault_result result)
{
    struct sim_snapshot *snap = sim_snapshot();

    assert_int_equal(sim_touch(mm, 0, va, access), result);
    check(!sim_changed(snap), "%s", sim_changed(snap));
    sim_snapshot_free(snap);
}

static void test_no_place(void **state)
{
    map(10, 5, RW, PRIVATE);
    expect_fault(0, ACCESS_READ, FAULT_MAPERR);
    expect_fault(AT(9), ACCESS_WRITE, FAULT_MAPERR);
    expect_fault(AT(15), ACCESS_READ, FAULT_MAPERR);
    expect_fault(TASK_SIZE, ACCESS_READ, FAULT_MAPERR);
    expect_fault(USER_END, ACCESS_READ, FAULT_MAPERR);
    expect_fault(UINT64_MAX, ACCESS_READ, FAULT_MAPERR);
    assert_int_equal(mm_stats.faults, 6);
}

static void test_no_right(void **state)
{
    map(10, 1, PROT_NONE, PRIVATE);
    map(12, 1, PROT_READ, PRIVATE);
    map(14, 1, RW, PRIVATE);
    map(16, 1, PROT_READ | PROT_EXEC, PRIVATE);
    map(18, 1, PROT_READ, SHARED);
    for (enum access access = ACCESS_READ; access <= ACCESS_EXEC; access++)
        expect_fault(AT(10), access, FAULT_ACCERR);
    expect_fault(AT(12), ACCESS_WRITE, FAULT_ACCERR);
    expect_fault(AT(12), ACCESS_EXEC, FAULT_ACCERR);
    expect_fault(AT(14), ACCESS_EXEC, FAULT_ACCERR);
    expect_fault(AT(16), ACCESS_WRITE, FAULT_ACCERR);
    expect_fault(AT(18), ACCESS_WRITE, FAULT_ACCERR);
    assert_int_equal(sim_touch(mm, 0, AT(12), ACCESS_READ), FAULT_DONE);
    expect_fault(AT(12), ACCESS_WRITE, FAULT_ACCERR);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_EXEC), FAULT_DONE);
    expect_fault(AT(16), ACCESS_WRITE, FAULT_ACCERR);
}

/* x86 has no write-only or execute-only pages here: either right lets one read. */
static void test_any_right_reads(void **state)
{
    map(10, 1, PROT_WRITE, PRIVATE);
    map(12, 1, PROT_EXEC, PRIVATE);
    assert_int_equal(sim_touch(mm, 0, AT(10), ACCESS_READ), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(10), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(12), ACCESS_READ), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(12), ACCESS_EXEC), FAULT_DONE);
}

static void test_past_the_end_of_an_object(void **state)
{
    struct object *object = object_create(PAGE_SIZE + 100, "short");

    for (unsigned shared = 0; shared < 2; shared++) {
        assert_int_equal(sim_mmap_object(mm, AT(10), 4 * PAGE_SIZE, RW,
                                         (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, object,
                                         0),
                         AT(10));
        assert_int_equal(sim_write(mm, 0, AT(11), 5), FAULT_DONE);
        expect_fault(AT(12), ACCESS_READ, FAULT_BUS);
        expect_fault(AT(13), ACCESS_WRITE, FAULT_BUS);
    }
    object_put(object);
}

/* ---- Anonymous private memory ---- */

static void test_reads_share_the_page_of_zeros(void **state)
{
    uint32_t refs = zero_refs();

    map(10, 6, RWX, PRIVATE);
    for (unsigned n = 0; n < 6; n++)
        assert_int_equal(sim_read(mm, n % 4, AT(10 + n)), 0);
    assert_int_equal(zero_refs(), refs + 6);
    assert_int_equal(mm->rss_pages, 6);
    assert_int_equal(frame_at(AT(12)), fault_zero_page());
    assert_int_equal(sim_touch(mm, 0, AT(12), ACCESS_EXEC), FAULT_DONE);
    assert_int_equal(frame_at(AT(12)), fault_zero_page());
}

static void test_write_after_read_copies(void **state)
{
    uint32_t refs = zero_refs();

    map(10, 2, RW, PRIVATE);
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++)
        assert_int_equal(sim_read(mm, cpu, AT(10)), 0);
    assert_int_equal(sim_write(mm, 1, AT(10), 0x77), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 1);
    assert_int_equal(zero_refs(), refs);
    assert_int_not_equal(frame_at(AT(10)), fault_zero_page());
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++)
        assert_int_equal(sim_read(mm, cpu, AT(10)), 0x77);
    assert_int_equal(*(uint64_t *)port_ptr(fault_zero_page()), 0);
    assert_int_equal(mm->rss_pages, 1);
}

static void test_write_first_needs_no_copy(void **state)
{
    map(10, 2, RW, PRIVATE);
    assert_int_equal(sim_write(mm, 0, AT(11), 9), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 0);
    assert_int_equal(mm_stats.faults, 1);
    assert_int_equal(sim_read(mm, 0, AT(11) + 4088), 0);
    assert_int_equal(port_frame(frame_at(AT(11)))->refs, 1);
}

static void test_stale_fault_is_done_at_once(void **state)
{
    struct sim_snapshot *snap;

    map(10, 1, RW, PRIVATE);
    assert_int_equal(sim_write(mm, 0, AT(10), 9), FAULT_DONE);
    snap = sim_snapshot();
    assert_int_equal(fault(AT(10), ACCESS_READ), FAULT_DONE);
    assert_int_equal(fault(AT(10) + 77, ACCESS_WRITE), FAULT_DONE);
    check(!sim_changed(snap), "%s", sim_changed(snap));
    sim_snapshot_free(snap);
    assert_int_equal(mm_stats.cow, 0);
}

static void test_first_write_gives_identity(void **state)
{
    map(10, 4, RW, PRIVATE);
    sim_touch(mm, 0, AT(10), ACCESS_READ);
    assert_int_equal(mm->first->anon, 0);
    sim_touch(mm, 0, AT(10), ACCESS_WRITE);
    assert_int_not_equal(mm->first->anon, 0);
}

/* ---- Objects ---- */

static void test_shared_views_agree(void **state)
{
    map(10, 4, RW, SHARED);
    assert_int_equal(
        sim_mremap(mm, AT(10), 0, 4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(30)), AT(30));
    assert_int_equal(sim_read(mm, 0, AT(31)), 0);
    assert_int_equal(sim_write(mm, 1, AT(11), 0xabc), FAULT_DONE);
    assert_int_equal(sim_read(mm, 0, AT(31)), 0xabc);
    assert_int_equal(sim_write(mm, 2, AT(31), 0xdef), FAULT_DONE);
    assert_int_equal(sim_read(mm, 1, AT(11)), 0xdef);
    assert_int_equal(mm_stats.cow, 0);
    assert_int_equal(sim_madvise(mm, AT(10), 4 * PAGE_SIZE, MADV_DONTNEED), 0);
    assert_int_equal(sim_munmap(mm, AT(30), 4 * PAGE_SIZE), 0);
    assert_int_equal(sim_read(mm, 3, AT(11)), 0xdef);
}

static struct object *file_of(unsigned pages)
{
    struct object *object = object_create(pages * PAGE_SIZE, "file");

    for (uint64_t n = 0; n < pages; n++) {
        uint64_t word = 0xf11e00 + n;

        assert_int_equal(object_write(object, n * PAGE_SIZE, &word, sizeof(word)), 0);
    }
    return object;
}

static void expect_file(struct object *object, unsigned page, uint64_t word)
{
    uint64_t found;

    assert_int_equal(object_read(object, page * PAGE_SIZE, &found, sizeof(found)), 0);
    assert_int_equal(found, word);
}

static void test_private_file(void **state)
{
    struct object *object = file_of(8);

    assert_int_equal(sim_mmap_object(mm, AT(10), 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, object,
                                     2 * PAGE_SIZE),
                     AT(10));
    assert_int_equal(
        sim_mmap_object(mm, AT(20), 8 * PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED, object, 0), AT(20));
    assert_int_equal(sim_read(mm, 0, AT(10)), 0xf11e02);
    assert_int_equal(sim_read(mm, 1, AT(22)), 0xf11e02);
    assert_int_equal(frame_at(AT(10)), frame_at(AT(22)));
    assert_int_equal(sim_write(mm, 2, AT(10) + 8, 5), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 1);
    assert_int_equal(sim_read(mm, 0, AT(10)), 0xf11e02);
    assert_int_equal(sim_read(mm, 0, AT(22) + 8), 0);
    assert_int_equal(sim_write(mm, 3, AT(11), 6), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 1);
    expect_file(object, 3, 0xf11e03);
    assert_int_equal(sim_write(mm, 3, AT(25), 7), FAULT_DONE);
    expect_file(object, 5, 7);
    assert_int_equal(sim_read(mm, 0, AT(13)), 7);
    assert_int_equal(sim_madvise(mm, AT(10), 4 * PAGE_SIZE, MADV_DONTNEED), 0);
    assert_int_equal(sim_read(mm, 0, AT(11)), 0xf11e03);
    object_put(object);
    assert_int_equal(sim_read(mm, 0, AT(20)), 0xf11e00);
}

/* ---- Stacks ---- */

#define STACK (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN)

static void test_stack_grows(void **state)
{
    unsigned gap = (unsigned)(mm_config.stack_guard / PAGE_SIZE);

    map(gap + 100, 2, RW, STACK);
    assert_int_equal(sim_write(mm, 0, AT(gap + 90) + 64, 1), FAULT_DONE);
    assert_int_equal(mm->first->start, AT(gap + 90));
    assert_int_equal(mm->stack_pages, 12);
    assert_int_equal(mm->rss_pages, 1);
    assert_int_equal(sim_read(mm, 1, AT(gap + 89)), 0);
    assert_int_equal(mm->first->start, AT(gap + 89));
}

static void test_stack_keeps_its_guard(void **state)
{
    unsigned guard = (unsigned)(mm_config.stack_guard / PAGE_SIZE);

    map(10, 2, PROT_READ, PRIVATE);
    map(guard + 20, 2, RW, STACK);
    expect_fault(AT(guard + 11), ACCESS_WRITE, FAULT_MAPERR);
    assert_int_equal(sim_write(mm, 0, AT(guard + 12), 1), FAULT_DONE);
    assert_int_equal(mm->last->start, AT(guard + 12));
    assert_int_equal(sim_mprotect(mm, AT(10), 2 * PAGE_SIZE, PROT_NONE), 0);
    assert_int_equal(sim_write(mm, 0, AT(guard + 11), 1), FAULT_DONE);
    assert_int_equal(sim_write(mm, 0, AT(12), 1), FAULT_DONE);
    expect_fault(AT(11), ACCESS_WRITE, FAULT_ACCERR);
}

static void test_stack_limits(void **state)
{
    map(90, 2, RW, STACK);
    mm->limits.stack = 6 * PAGE_SIZE;
    expect_fault(AT(85), ACCESS_WRITE, FAULT_MAPERR);
    assert_int_equal(sim_write(mm, 0, AT(86), 1), FAULT_DONE);
    mm->limits.stack = UINT64_MAX;
    mm->limits.as = 8 * PAGE_SIZE;
    expect_fault(AT(83), ACCESS_WRITE, FAULT_MAPERR);
    assert_int_equal(sim_write(mm, 0, AT(84), 1), FAULT_DONE);
    mm->limits.as = UINT64_MAX;
    mm_config.mmap_min_addr = AT(80);
    expect_fault(AT(79), ACCESS_WRITE, FAULT_MAPERR);
    assert_int_equal(sim_write(mm, 0, AT(80), 1), FAULT_DONE);
}

static void test_only_stacks_grow(void **state)
{
    unsigned guard = (unsigned)(mm_config.stack_guard / PAGE_SIZE);

    map(90, 2, RW, PRIVATE);
    expect_fault(AT(89), ACCESS_WRITE, FAULT_MAPERR);
    map(guard + 120, 2, PROT_READ, STACK);
    expect_fault(AT(guard + 119), ACCESS_WRITE, FAULT_ACCERR);
    assert_int_equal(mm->last->start, AT(guard + 120));
}

/* ---- No memory ---- */

/*
 * The access fails for want of memory at each of its allocations, changing nothing, and then
 * succeeds.
 */
static unsigned starve(vaddr_t va, enum access access)
{
    unsigned n = 0;
    enum fault_result result;

    do {
        struct sim_snapshot *snap = sim_snapshot();

        sim_fail_after(++n, false);
        result = sim_touch(mm, 0, va, access);
        if (sim_refused()) {
            assert_int_equal(result, FAULT_OOM);
            check(!sim_changed(snap), "at allocation %u: %s", n, sim_changed(snap));
        }
        sim_snapshot_free(snap);
    } while (sim_refused());
    sim_fail_after(0, false);
    assert_int_equal(result, FAULT_DONE);
    return n - 1;
}

static void test_no_memory_for_private_pages(void **state)
{
    map(10, PT_ENTRIES + 20, RW, PRIVATE | MAP_NORESERVE);
    assert_int_equal(starve(AT(10), ACCESS_READ), PT_TOP);
    assert_int_equal(starve(AT(11), ACCESS_READ), 0);
    assert_int_equal(starve(AT(11), ACCESS_WRITE), 1);
    assert_int_equal(starve(AT(12), ACCESS_WRITE), 1);
    assert_true(starve(AT(10) + pt_span(PT_PMD), ACCESS_WRITE) == 2);
    map(3 * PT_ENTRIES + 40, 1, RW, STACK);
    assert_int_equal(starve(AT(3 * PT_ENTRIES + 20), ACCESS_WRITE), 2);
}

static void test_no_memory_for_objects(void **state)
{
    struct object *object = file_of(2);

    map(10, 5, RW, SHARED);
    assert_true(starve(AT(10), ACCESS_READ) >= PT_TOP + 1);
    assert_int_equal(starve(AT(11), ACCESS_WRITE), 1);
    assert_int_equal(
        sim_mmap_object(mm, AT(40), 2 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, object, 0), AT(40));
    assert_true(starve(AT(40), ACCESS_READ) <= 2);
    assert_int_equal(starve(AT(40), ACCESS_WRITE), 1);
    assert_int_equal(starve(AT(41), ACCESS_WRITE), 1);
    object_put(object);
}

/*
 * A hole of the object that is to be copied at once: two pages are needed, and none may stay when
 * one is missing.
 */
static void test_no_memory_to_copy_a_hole(void **state)
{
    struct object *object = object_create(4 * PAGE_SIZE, "holes");

    assert_int_equal(
        sim_mmap_object(mm, AT(40), 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, object, 0), AT(40));
    starve(AT(40), ACCESS_WRITE);
    starve(AT(41), ACCESS_READ);
    object_put(object);
}

static void test_really_out_of_memory(void **state)
{
    unsigned n = 0;

    map(10, 500, RW, PRIVATE | MAP_NORESERVE);
    while (sim_touch(mm, 0, AT(10 + n), ACCESS_WRITE) == FAULT_DONE)
        n++;
    assert_in_range(n, FRAMES - 90, FRAMES);
    assert_int_equal(sim_touch(mm, 0, AT(10 + n), ACCESS_WRITE), FAULT_OOM);
    assert_int_equal(sim_munmap(mm, AT(10), PAGE_SIZE), 0);
    assert_int_equal(sim_touch(mm, 0, AT(10 + n), ACCESS_WRITE), FAULT_DONE);
}

/* ---- The kernel's copies ---- */

static void test_copies(void **state)
{
    static char out[3 * 4096], in[3 * 4096];
    uint64_t word;

    map(10, 3, RW, PRIVATE);
    map(13, 1, PROT_READ, PRIVATE);
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + i / 256);
    assert_int_equal(sim_copy_to(mm, AT(10) + 100, out, sizeof(out) - 200), 0);
    assert_int_equal(sim_copy_from(mm, in, AT(10) + 100, sizeof(in) - 200), 0);
    assert_memory_equal(in, out, sizeof(out) - 200);
    memcpy(&word, &out[3996], sizeof(word));
    assert_int_equal(sim_read(mm, 0, AT(11)), word);
    assert_int_equal(sim_copy_from(mm, in, AT(13), 4096), 0);
    assert_int_equal(in[77], 0);
    assert_int_equal(sim_copy_to(mm, AT(12) + 4090, out, 7), -EFAULT);
    assert_int_equal(sim_copy_to(mm, AT(13), out, 1), -EFAULT);
    assert_int_equal(sim_copy_from(mm, in, AT(13) + 4095, 2), -EFAULT);
    assert_int_equal(sim_copy_from(mm, in, AT(13), 0), 0);
    assert_int_equal(sim_copy_from(mm, in, TASK_SIZE, 1), -EFAULT);
    assert_int_equal(sim_copy_from(mm, in, AT(10), UINT64_MAX), -EFAULT);
    assert_int_equal(sim_munmap(mm, AT(10), 3 * PAGE_SIZE), 0);
    map(10, 3, RW, PRIVATE);
    sim_fail_after(1, true);
    assert_int_equal(sim_copy_to(mm, AT(10), out, 10), -ENOMEM);
    sim_fail_after(0, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_place),
        TEST(test_no_right),
        TEST(test_any_right_reads),
        TEST(test_past_the_end_of_an_object),
        TEST(test_reads_share_the_page_of_zeros),
        TEST(test_write_after_read_copies),
        TEST(test_write_first_needs_no_copy),
        TEST(test_stale_fault_is_done_at_once),
        TEST(test_first_write_gives_identity),
        TEST(test_shared_views_agree),
        TEST(test_private_file),
        TEST(test_stack_grows),
        TEST(test_stack_keeps_its_guard),
        TEST(test_stack_limits),
        TEST(test_only_stacks_grow),
        TEST(test_no_memory_for_private_pages),
        TEST(test_no_memory_for_objects),
        TEST(test_no_memory_to_copy_a_hole),
        TEST(test_really_out_of_memory),
        TEST(test_copies),
    };

    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
