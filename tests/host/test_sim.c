/*
 * The simulator itself: each thing that it must not let pass is done once.
 */
/* host-build: 9/4 3/3 */
#include "tests/host/test.h"

#include "tests/host/sim_private.h"

static struct mm machine;

static void start(void)
{
    sim_start(1100);
    machine = (struct mm){0};
    assert_int_equal(pt_init(&machine.pt, PT_TOP), 0);
    port_root_init(port_paddr(machine.pt.root));
}

#define PAGE_A (3 * PAGE_SIZE)

static void unmap(vaddr_t va, struct gather *g)
{
    tlb_zap(g, (struct range){va, va + PAGE_SIZE});
}

/* ---- What must die ---- */

static void frees_twice(void)
{
    paddr_t pa;

    start();
    pa = port_frame_alloc(false);
    port_frame_free(pa);
    port_frame_free(pa);
}

static void frees_no_frame(void)
{
    start();
    port_frame_free(1101 * PAGE_SIZE);
}

static void frees_inside(void)
{
    start();
    port_frame_free(port_frame_alloc(false) + 8);
}

static void frees_referenced(void)
{
    paddr_t pa;

    start();
    pa = port_frame_alloc(false);
    port_frame(pa)->refs = 1;
    port_frame_free(pa);
}

static void leaks_frame(void)
{
    sim_start(8);
    assert_true(port_frame_alloc(false));
    sim_stop();
}

static void leaks_object(void)
{
    sim_start(8);
    assert_non_null(port_alloc(40));
    sim_stop();
}

static void frees_other_size(void)
{
    start();
    port_free(port_alloc(40), 48);
}

static void looks_into_free_frame(void)
{
    paddr_t pa;

    start();
    pa = port_frame_alloc(false);
    port_frame_free(pa);
    port_ptr(pa);
}

static void locks_twice(void)
{
    start();
    port_lock_write(&machine.lock);
    port_lock_read(&machine.lock);
}

static void unlocks_unlocked(void)
{
    start();
    port_unlock_read(&machine.lock);
}

/* @count tables, in a list to be freed. */
static struct frame_list some_tables(uint32_t count)
{
    struct frame_list list = {0};

    start();
    assert_true(port_tables_reserve(count));
    while (count--)
        frame_list_add(&list, port_table_take());
    return list;
}

static void takes_unreserved_table(void)
{
    some_tables(2);
    port_table_take();
}

static void unreserves_too_many(void)
{
    start();
    assert_true(port_tables_reserve(2));
    port_tables_unreserve(3);
}

static void keeps_reserve(void)
{
    sim_start(8);
    assert_false(port_tables_reserve(9));
    assert_true(port_tables_reserve(8));
    assert_false(port_frame_alloc(true));
    sim_stop();
}

static void frees_used_table(void)
{
    struct frame_list list = some_tables(2);

    *((char *)port_ptr((paddr_t)list.last << PAGE_SHIFT) + PAGE_SIZE - 1) = 1;
    port_tables_free(&list);
}

static void frees_table_twice(void)
{
    struct frame_list list = some_tables(1);

    frame_list_add(&list, (paddr_t)list.first << PAGE_SHIFT);
    port_tables_free(&list);
}

static void frees_part_of_list(void)
{
    struct frame_list list = some_tables(3);

    list.count--;
    port_tables_free(&list);
}

static void frees_cached_page(void)
{
    paddr_t pa;

    start();
    pa = sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    assert_true(sim_access(&machine, 2, PAGE_A, ACCESS_READ));
    sim_history_note(&machine);
    sim_op("forgetful unmap");
    pt_write(pt_entry(&machine.pt, PAGE_A, PT_PTE), pte_none());
    port_frame(pa)->refs = 0;
    port_frame_free(pa);
}

static void frees_cached_table(void)
{
    struct gather g;

    start();
    sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    assert_true(sim_access(&machine, 1, PAGE_A, ACCESS_READ));
    tlb_begin(&g, &machine, &machine.pt);
    unmap(PAGE_A, &g);
    tlb_finish(&g); /* flushes the page, and the links that lead to it */
    assert_int_equal(sim_tlb_count(&machine), 0);
    assert_int_equal(sim_access(&machine, 1, PAGE_A, ACCESS_READ), 0); /* caches the links again */
    tlb_begin(&g, &machine, &machine.pt);
    tlb_prune(&g, (struct range){0, pt_span(PT_PMD)});
    g.range = (struct range){UINT64_MAX, 0}; /* the flush that is forgotten */
    tlb_finish(&g);
}

static void uses_stale_page(void)
{
    start();
    sim_map(&machine, PAGE_A, PTE_R | PTE_W, PT_PTE);
    assert_true(sim_access(&machine, 0, PAGE_A, ACCESS_WRITE));
    pt_entry(&machine.pt, PAGE_A, PT_PTE)->raw &= ~PTE_WRITE;
    sim_access(&machine, 0, PAGE_A, ACCESS_READ);
}

static void keeps_stale_page(void)
{
    start();
    sim_map(&machine, PAGE_A, PTE_R | PTE_W, PT_PTE);
    assert_true(sim_access(&machine, 3, PAGE_A, ACCESS_READ));
    pt_write(pt_entry(&machine.pt, PAGE_A, PT_PTE), pte_none());
    sim_tlb_check(&machine);
}

static void keeps_stale_link(void)
{
    paddr_t table = 0;

    start();
    sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    assert_true(sim_access(&machine, 0, PAGE_A, ACCESS_READ));
    port_tlb_flush(&machine, (struct range){PAGE_A, PAGE_A + PAGE_SIZE});
    assert_int_equal(sim_access(&machine, 0, PAGE_A + PAGE_SIZE, ACCESS_READ), 0);
    table = port_frame_alloc(true);
    *pt_entry(&machine.pt, PAGE_A, PT_PMD) = pte_table(table);
    sim_access(&machine, 0, PAGE_A + PAGE_SIZE, ACCESS_READ);
}

/* Noted when it was settled, and told after other operations. */
static void tells_who_changed(void)
{
    start();
    sim_map(&machine, PAGE_A, PTE_R | PTE_W, PT_PTE);
    sim_op("a read");
    assert_true(sim_access(&machine, 1, PAGE_A, ACCESS_READ));
    sim_op("a protection");
    pt_entry(&machine.pt, PAGE_A, PT_PTE)->raw &= ~PTE_WRITE;
    port_tlb_flush(&machine, (struct range){0x9000, 0xa000});
    sim_history_note(&machine);
    sim_op("another call");
    port_tlb_flush(&machine, (struct range){0xb000, 0xc000});
    sim_tlb_check(&machine);
}

/* In the middle of the operation that changes it. */
static void tells_who_is_changing(void)
{
    start();
    sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    sim_op("a read");
    assert_true(sim_access(&machine, 1, PAGE_A, ACCESS_READ));
    sim_history_note(&machine);
    sim_op("a forgetful unmap");
    pt_write(pt_entry(&machine.pt, PAGE_A, PT_PTE), pte_none());
    sim_access(&machine, 1, PAGE_A, ACCESS_READ);
}

/* Who cached it, who changed it, what that one flushed and should have. */
static void test_stories(void **state)
{
    assert_dies(tells_who_changed, "cpu 1 cached in a read (#1) the translation");
    assert_dies(tells_who_changed, "a protection (#2) made it");
    assert_dies(tells_who_changed, "that flushed 9000-a000, and should have flushed 3000-4000");
    assert_dies(tells_who_is_changing, "a forgetful unmap (#2) made it 0; that flushed nothing");
    assert_dies(frees_cached_page, "forgetful unmap (#1) made it 0; that flushed nothing");
    assert_dies(frees_cached_table, "of its entry nothing was noted");
}

static void panics(void)
{
    start();
    sim_op("a broken call");
    mm_assert(machine.pt.tables == 7);
}

static void test_deaths(void **state)
{
    assert_dies(frees_twice, "freed twice, first in start");
    assert_dies(frees_no_frame, "no frame at physical address 44d000");
    assert_dies(frees_inside, "not at its start");
    assert_dies(frees_referenced, "freed with 1 references");
    assert_dies(leaks_frame, "1 frames leaked");
    assert_dies(takes_unreserved_table, "a table taken that was not reserved");
    assert_dies(unreserves_too_many, "3 tables are not reserved any more, of 2");
    assert_dies(keeps_reserve, "8 tables are still reserved");
    assert_dies(frees_used_table, "with 1 at byte");
    assert_dies(frees_table_twice, "is free");
    assert_dies(frees_part_of_list, "goes on at");
    assert_dies(leaks_object, "1 objects leaked, one of 40 bytes");
    assert_dies(frees_other_size, "object of 40 bytes freed as one of 48");
    assert_dies(looks_into_free_frame, "which is free since");
    assert_dies(locks_twice, "taken for read while held for write");
    assert_dies(unlocks_unlocked, "read unlock of a lock with 0 holders");
    assert_dies(frees_cached_page, "freed without a flush before: cpu 2 cached in start");
    assert_dies(frees_cached_table, "the table of 0+");
    assert_dies(uses_stale_page, "stale translation");
    assert_dies(keeps_stale_page, "stale translation, not flushed: cpu 3");
    assert_dies(keeps_stale_link, "stale link, not flushed: cpu 0");
    assert_dies(panics, "in a broken call (#1): panic at");
    assert_dies(panics, "assertion failed: machine.pt.tables == 7");
}

/* ---- What must not ---- */

static void test_access_obeys_rights(void **state)
{
    start();
    sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    assert_int_equal(sim_access(&machine, 0, PAGE_A, ACCESS_WRITE), 0);
    assert_int_equal(sim_access(&machine, 0, PAGE_A, ACCESS_EXEC), 0);
    assert_int_not_equal(sim_access(&machine, 0, PAGE_A + 8, ACCESS_READ), 0);
    sim_map(&machine, 2 * PAGE_A, PTE_R | PTE_X, PT_PTE);
    assert_int_not_equal(sim_access(&machine, 0, 2 * PAGE_A, ACCESS_EXEC), 0);
    sim_map(&machine, PAGE_A + PAGE_SIZE, 0, PT_PTE); /* held */
    assert_int_equal(sim_access(&machine, 0, PAGE_A + PAGE_SIZE, ACCESS_READ), 0);
    assert_int_equal(sim_access(&machine, 0, USER_END, ACCESS_READ), 0);
}

static void test_access_sets_bits(void **state)
{
    struct pte *entry;

    start();
    sim_map(&machine, PAGE_A, PTE_R | PTE_W, PT_PTE);
    entry = pt_entry(&machine.pt, PAGE_A, PT_PTE);
    entry->raw &= ~(PTE_ACCESSED | PTE_DIRTY);
    assert_true(sim_access(&machine, 0, PAGE_A, ACCESS_READ));
    assert_int_equal(entry->raw & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
    assert_true(sim_access(&machine, 0, PAGE_A, ACCESS_WRITE));
    assert_int_equal(entry->raw & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY);
}

static void test_huge_leaf(void **state)
{
    vaddr_t va = pt_span(PT_PMD);
    paddr_t pa;

    start();
    pa = sim_map(&machine, va, PTE_R | PTE_W, PT_PMD);
    assert_int_equal(sim_access(&machine, 0, va + 16, ACCESS_WRITE), pa + 16);
    assert_int_equal(sim_access(&machine, 0, va + PAGE_SIZE, ACCESS_WRITE), pa + PAGE_SIZE);
    sim_tlb_check(&machine);
}

static void test_flush_forgets_what_it_names(void **state)
{
    start();
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
        for (vaddr_t va = PAGE_SIZE; va <= 3 * PAGE_SIZE; va += PAGE_SIZE) {
            if (!sim_access(&machine, cpu, va, ACCESS_READ))
                sim_map(&machine, va, PTE_R, PT_PTE);
            assert_true(sim_access(&machine, cpu, va, ACCESS_READ));
        }
    }
    assert_int_equal(sim_tlb_count(&machine), SIM_CPUS * (3 + PT_TOP));
    port_tlb_flush(&machine, (struct range){2 * PAGE_SIZE, 3 * PAGE_SIZE});
    assert_int_equal(sim_tlb_count(&machine), SIM_CPUS * 2);
    port_tlb_flush_all(&machine);
    assert_int_equal(sim_tlb_count(&machine), 0);
    assert_int_equal(sim_flushes(), 2);
}

static void test_cache_overflow(void **state)
{
    sim_start(5100);
    machine = (struct mm){0};
    assert_int_equal(pt_init(&machine.pt, PT_TOP), 0);
    for (vaddr_t va = 0; va < min_u64(USER_END, 5000 * PAGE_SIZE); va += PAGE_SIZE) {
        sim_map(&machine, va, PTE_R, PT_PTE);
        assert_true(sim_access(&machine, 0, va, ACCESS_READ));
    }
    sim_tlb_check(&machine);
    for (vaddr_t va = 0; va < min_u64(USER_END, 5000 * PAGE_SIZE); va += PAGE_SIZE)
        assert_true(sim_access(&machine, 0, va, ACCESS_READ));
    port_tlb_flush_all(&machine);
    assert_int_equal(sim_tlb_count(&machine), 0);
}

static void test_failures(void **state)
{
    start();
    sim_fail_after(2, false);
    assert_non_null(port_alloc(1));
    assert_int_equal(port_frame_alloc(false), 0);
    assert_int_not_equal(port_frame_alloc(false), 0);
    sim_fail_after(2, true);
    assert_int_not_equal(port_frame_alloc(false), 0);
    assert_int_equal(port_frame_alloc(false), 0);
    assert_null(port_alloc(1));
    assert_int_equal(sim_asked(), 3);
    assert_int_equal(sim_refused(), 2);
    sim_fail_after(0, false);
    while (port_frame_alloc(false))
        ;
    assert_int_equal(sim_frames_free(), 0);
}

static void test_snapshot_sees_all(void **state)
{
    struct sim_snapshot *snap;
    unsigned char *object;
    paddr_t pa;

    start();
    object = port_alloc(24);
    pa = sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    snap = sim_snapshot();
    assert_null(sim_changed(snap));
    object[23] = 1;
    assert_non_null(sim_changed(snap));
    object[23] = 0;
    ((char *)port_ptr(pa))[4095] = 1;
    assert_non_null(sim_changed(snap));
    ((char *)port_ptr(pa))[4095] = 0;
    port_frame(pa)->refs++;
    assert_non_null(sim_changed(snap));
    port_frame(pa)->refs--;
    assert_null(sim_changed(snap));
    assert_true(port_frame_alloc(false));
    assert_non_null(sim_changed(snap));
    sim_snapshot_free(snap);
}

static void test_words(void **state)
{
    start();
    machine.pt.space = 1;
    port_trace_mask = TRACE_PT;
    sim_map(&machine, PAGE_A, PTE_R, PT_PTE);
    assert_int_equal(sim_trace_count(), PT_TOP);
    assert_string_equal(sim_trace_line(PT_TOP - 1), "table of PTEs for 0 new");
    port_warn("%s %d", "seen", 7);
    assert_int_equal(sim_warn_count(), 1);
    assert_string_equal(sim_warn_line(0), "seen 7");
    sim_forget_words();
    assert_int_equal(sim_trace_count() + sim_warn_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deaths),
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_access_obeys_rights),
        cmocka_unit_test(test_access_sets_bits),
        cmocka_unit_test(test_huge_leaf),
        cmocka_unit_test(test_flush_forgets_what_it_names),
        cmocka_unit_test(test_cache_overflow),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_snapshot_sees_all),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
