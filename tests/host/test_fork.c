/* fork: a child with its parent's pages, of which each side then changes its own. */
#include "kernel/abi/errno.h"
#include "mm/fault.h"
#include "mm/vma.h"
#include "tests/host/test_world.h"

static struct world child;

/* A child of the world, with a record of its own. */
static void fork_world(void)
{
    child = w;
    child.mm = sim_fork(mm);
    assert_non_null(child.mm);
    world_check(&w);
    world_check(&child);
}

static void both(void)
{
    world_check(&w);
    world_check(&child);
}

static paddr_t frame_of(struct mm *of, unsigned page)
{
    struct pte *entry = pt_entry(&of->pt, AT(page), PT_PTE);

    return entry ? pte_addr(*entry) : 0;
}

static void test_shares_frames(void **state)
{
    uint32_t free;

    fill(0, 20);
    free = sim_frames_free();
    fork_world();
    assert_int_equal(free - sim_frames_free(), PT_TOP + 1); /* the tables alone */
    assert_int_equal(child.mm->rss_pages, 20);
    assert_int_equal(child.mm->users, 1);
    for (unsigned n = 0; n < 20; n++) {
        assert_int_equal(frame_of(mm, n), frame_of(child.mm, n));
        assert_int_equal(port_frame(frame_of(mm, n))->refs, 2);
    }
    world_end(&child);
    assert_int_equal(sim_frames_free(), free);
}

static void test_parent_writes(void **state)
{
    fill(0, 20);
    fork_world();
    world_fill(&w, 0, 10, 1);
    both();
    world_fill(&w, 0, 20, 3);
    both();
    world_end(&child);
}

static void test_child_writes(void **state)
{
    fill(0, 20);
    fork_world();
    world_fill(&child, 0, 10, 1);
    both();
    world_fill(&w, 0, 20, 3);
    both();
    world_end(&child);
}

/* The last user of a page writes to it in place. */
static void test_last_user_copies_nothing(void **state)
{
    uint64_t copied;

    fill(0, 8);
    fork_world();
    world_fill(&child, 0, 4, 1);
    copied = mm_stats.cow;
    assert_int_equal(copied, 4);
    world_fill(&w, 0, 4, 1);
    assert_int_equal(mm_stats.cow, copied);
    world_end(&child);
    world_fill(&w, 0, 8, 1);
    assert_int_equal(mm_stats.cow, copied);
}

/* Shared mappings, memory that was only read, and mappings that never had a private page. */
static void test_leaves_out_what_faults_find(void **state)
{
    struct object *file = object_create(8 * PG, "file");
    uint64_t rss;

    assert_int_equal(object_write(file, 0, "a word", 7), 0);
    assert_int_equal(sim_mmap_object(mm, AT(0), 4 * PG, RW, MAP_SHARED | MAP_FIXED, file, 0),
                     AT(0));
    assert_int_equal(
        sim_mmap_object(mm, AT(10), 4 * PG, RX, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, file, 0),
        AT(10));
    assert_int_equal(
        sim_mmap_object(mm, AT(20), 4 * PG, RW, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, file, 0),
        AT(20));
    assert_int_equal(map(30, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE), AT(30));
    assert_int_equal(map(40, 4, PROT_READ, PRIVATE | MAP_POPULATE), AT(40));
    sim_write(mm, 0, AT(0), 7);
    sim_write(mm, 0, AT(30), 8);
    rss = mm->rss_pages;
    assert_int_equal(rss, 17);
    child.mm = sim_fork(mm);
    assert_int_equal(mm->rss_pages, rss);
    assert_int_equal(child.mm->rss_pages, 4);
    assert_int_equal(child.mm->total_pages, mm->total_pages);
    assert_int_equal(child.mm->data_pages, mm->data_pages);
    assert_int_equal(sim_read(child.mm, 0, AT(0)), 7);
    assert_int_equal(sim_read(child.mm, 0, AT(10)), 7);
    assert_int_equal(sim_read(child.mm, 0, AT(30)), 8);
    assert_int_equal(sim_read(child.mm, 0, AT(40)), 0);
    sim_write(child.mm, 0, AT(30), 9);
    sim_write(child.mm, 0, AT(0), 10);
    sim_write(child.mm, 0, AT(20), 11);
    assert_int_equal(sim_read(mm, 0, AT(30)), 9);
    assert_int_equal(sim_read(mm, 0, AT(0)), 10);
    assert_int_not_equal(sim_read(mm, 0, AT(20)), 11);
    sim_destroy(child.mm);
    object_put(file);
    assert_int_equal(sim_munmap(mm, AT(0), 50 * PG), 0);
}

/* Also the page of zeros, pages of a file, and pages without access in a mapping with private ones. */
static void test_shares_every_kind_of_page(void **state)
{
    struct object *file = object_create(8 * PG, "file");
    uint32_t zero = port_frame(fault_zero_page())->refs;

    assert_int_equal(object_write(file, 0, "a word", 7), 0);
    assert_int_equal(map(0, 4, RW, PRIVATE), AT(0));
    assert_int_equal(sim_mmap_object(mm, AT(10), 2 * PG, RW, MAP_PRIVATE | MAP_FIXED, file, 0),
                     AT(10));
    sim_write(mm, 0, AT(0), 1);
    sim_read(mm, 0, AT(1));
    sim_write(mm, 0, AT(2), 3);
    assert_int_equal(sim_mprotect(mm, AT(2), PG, PROT_NONE), 0);
    sim_read(mm, 0, AT(10));
    sim_write(mm, 0, AT(11), 4);
    child.mm = sim_fork(mm);
    assert_int_equal(child.mm->rss_pages, 5);
    assert_int_equal(port_frame(fault_zero_page())->refs, zero + 2);
    assert_int_equal(port_frame(frame_of(mm, 2))->refs, 2);
    assert_int_equal(port_frame(frame_of(mm, 10))->refs, 3);
    sim_write(child.mm, 0, AT(1), 5);
    assert_int_equal(sim_read(mm, 0, AT(1)), 0);
    assert_int_equal(sim_mprotect(child.mm, AT(2), PG, RW), 0);
    sim_write(child.mm, 0, AT(2), 6);
    sim_write(mm, 0, AT(10), 7);
    assert_int_equal(sim_mprotect(mm, AT(2), PG, RW), 0);
    assert_int_equal(sim_read(mm, 0, AT(2)), 3);
    assert_int_not_equal(sim_read(child.mm, 0, AT(10)), 7);
    assert_int_equal(sim_read(child.mm, 0, AT(11)), 4);
    sim_destroy(child.mm);
    object_put(file);
    assert_int_equal(sim_munmap(mm, AT(0), 50 * PG), 0);
}

/* Each allocation of fork fails once. */
static void test_starved(void **state)
{
    unsigned n = 0;

    fill(0, 10);
    fill(200, 10);
    map(100, 4, PROT_READ, PRIVATE);
    map(104, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    do {
        struct sim_snapshot *snap = sim_snapshot();

        sim_fail_after(++n, false);
        child.mm = sim_fork(mm);
        check(!child.mm == !!sim_refused(), "allocation %u: another answer", n);
        if (!child.mm)
            check(!sim_changed(snap), "allocation %u: %s", n, sim_changed(snap));
        sim_snapshot_free(snap);
    } while (!child.mm);
    sim_fail_after(0, false);
    assert_true(n > 8);
    sim_destroy(child.mm);
    assert_int_equal(sim_munmap(mm, AT(100), 8 * PG), 0);
}

static void test_users(void **state)
{
    fork_world();
    assert_ptr_equal(mm_get(child.mm), child.mm);
    mm_put(child.mm);
    world_check(&child);
    sim_tlb_leave(child.mm);
    mm_put(child.mm);
    assert_ptr_equal(mm_all, mm);
    assert_null(mm->next_mm);
}

/* Left out of the child, or there without its pages, until the advice is taken back. */
static void test_advice(void **state)
{
    struct object *file = object_create(4 * PG, "file");

    fill(0, 20);
    assert_int_equal(sim_madvise(mm, AT(4), 4 * PG, MADV_DONTFORK), 0);
    assert_int_equal(sim_madvise(mm, AT(12), 4 * PG, MADV_WIPEONFORK), 0);
    assert_int_equal(mm->vma_count, 5);
    world_check(&w);
    child = w;
    for (unsigned n = 4; n < 8; n++)
        child.page[n] = (struct world_page){0};
    for (unsigned n = 12; n < 16; n++)
        child.page[n].word = 0;
    child.mm = sim_fork(mm);
    both();
    assert_int_equal(child.mm->rss_pages, 12);
    assert_int_equal(child.mm->total_pages, 16);
    world_fill(&child, 10, 4, 1);
    both();
    world_end(&child);

    child.mm = sim_fork(mm); /* the child is asked to be wiped too; not so what is gone */
    assert_int_equal(vma_at(child.mm, AT(12))->flags, vma_at(mm, AT(12))->flags);
    sim_destroy(child.mm);
    assert_int_equal(sim_madvise(mm, AT(0), 20 * PG, MADV_DOFORK), 0);
    assert_int_equal(sim_madvise(mm, AT(0), 20 * PG, MADV_KEEPONFORK), 0);
    assert_int_equal(mm->vma_count, 1);
    fork_world();
    world_end(&child);

    assert_int_equal(sim_mmap_object(mm, AT(30), 2 * PG, RW, MAP_PRIVATE | MAP_FIXED, file, 0),
                     AT(30));
    assert_int_equal(map(32, 2, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), AT(32));
    check_refused(-EINVAL, sim_madvise(mm, AT(31), PG, MADV_WIPEONFORK));
    check_refused(-EINVAL, sim_madvise(mm, AT(20), 14 * PG, MADV_WIPEONFORK));
    check_refused(-ENOMEM, sim_madvise(mm, AT(20), 14 * PG, MADV_DONTFORK));
    check_refused(-ENOMEM, sim_madvise(mm, AT(18), 4 * PG, MADV_WIPEONFORK));
    assert_int_equal(sim_madvise(mm, AT(30), 4 * PG, MADV_DONTFORK), 0);
    assert_int_equal(sim_madvise(mm, AT(30), 4 * PG, MADV_KEEPONFORK), 0);
    sim_fail_after(1, true);
    check_refused(-EAGAIN, sim_madvise(mm, AT(2), PG, MADV_DONTFORK));
    sim_fail_after(0, false);
    mm_config.max_map_count = mm->vma_count + 1;
    check_refused(-EAGAIN, sim_madvise(mm, AT(2), PG, MADV_DONTFORK));
    object_put(file);
    assert_int_equal(sim_munmap(mm, AT(30), 4 * PG), 0);
}

/*
 * What is inherited stays apart from what comes beside it, and from what it was once split from, as
 * on Linux; memory that never had a page does not.
 */
static void test_identities(void **state)
{
    fill(0, 4);
    assert_int_equal(map(10, 4, RW, PRIVATE), AT(10));
    w.page[10] = w.page[11] = w.page[12] = w.page[13] = (struct world_page){true, RW, 0};
    assert_int_equal(world_protect(&w, 1, 1, PROT_READ), 0);
    fork_world();
    world_map(&child, 4, 2, RW);
    assert_int_equal(child.mm->vma_count, 5);
    world_fill(&child, 4, 1, 1);
    assert_int_equal(child.mm->vma_count, 5);
    world_map(&child, 14, 2, RW);
    assert_int_equal(child.mm->vma_count, 5);
    world_protect(&child, 1, 1, RW);
    assert_int_equal(child.mm->vma_count, 5);
    world_protect(&child, 0, 1, PROT_READ);
    world_protect(&child, 0, 1, RW);
    assert_int_equal(child.mm->vma_count, 5);
    world_protect(&child, 2, 1, PROT_READ);
    assert_int_equal(child.mm->vma_count, 6);
    world_protect(&child, 2, 1, RW);
    assert_int_equal(child.mm->vma_count, 5);
    world_map(&w, 4, 2, RW); /* the parent has what it had */
    world_protect(&w, 1, 1, RW);
    assert_int_equal(mm->vma_count, 2);
    both();
    world_end(&child);
}

/* What is locked, now or in future, is so in the parent alone. */
static void test_locks(void **state)
{
    fill(0, 6);
    assert_int_equal(sim_mlock(mm, AT(1), 3 * PG, true, false), 0);
    assert_int_equal(sim_mlock(mm, AT(4), PG, true, true), 0);
    assert_int_equal(map(10, 2, RW, PRIVATE), AT(10));
    assert_int_equal(map(12, 2, RW, PRIVATE), AT(12));
    assert_int_equal(sim_mlock(mm, AT(12), 2 * PG, true, true), 0);
    assert_int_equal(sim_mlockall(mm, MCL_FUTURE), 0);
    mm->limits.data = 1000 * PG;
    child.mm = sim_fork(mm);
    assert_int_equal(mm->locked_pages, 6);
    assert_int_equal(child.mm->locked_pages, 0);
    assert_int_equal(child.mm->future_flags, 0);
    assert_int_equal(child.mm->limits.data, 1000 * PG);
    assert_memory_equal(&child.mm->layout, &mm->layout, sizeof(mm->layout));
    assert_int_equal(child.mm->vma_count, mm->vma_count - 1); /* 10 to 14 */
    sim_destroy(child.mm);
    assert_int_equal(sim_munmap(mm, AT(10), 4 * PG), 0);
}

/* With OVERCOMMIT_NEVER, what the child may write counts once more. */
static void test_commit(void **state)
{
    uint64_t limit = mm_commit_limit();

    assert_int_equal(limit, FRAMES / 2);
    mm_config.overcommit = OVERCOMMIT_NEVER;
    assert_int_equal(map(0, PAGES, RW, PRIVATE), AT(0));
    assert_int_equal(mm_committed(), PAGES);
    assert_int_equal(sim_mmap(mm, 0, (limit - PAGES + 1) * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS),
                     -ENOMEM);
    assert_int_equal(
        sim_mmap(mm, 0, (limit - PAGES + 1) * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
        -ENOMEM);
    assert_true(sim_mmap(mm, 0, (limit - PAGES + 1) * PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS) >
                0);
    child.mm = sim_fork(mm);
    assert_non_null(child.mm);
    assert_int_equal(mm_committed(), 2 * PAGES);
    sim_destroy(child.mm);
    assert_true(sim_mmap(mm, 0, (limit - 2 * PAGES + 1) * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS) > 0);
    assert_null(sim_fork(mm));
    mm_config.overcommit = OVERCOMMIT_ALWAYS;
    child.mm = sim_fork(mm);
    assert_non_null(child.mm);
    sim_destroy(child.mm);
    assert_true(sim_mmap(mm, 0, (FRAMES + 1) * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS) > 0);
    mm_config.overcommit = OVERCOMMIT_GUESS;
    assert_int_equal(sim_mmap(mm, 0, (FRAMES + 1) * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS), -ENOMEM);
}

/* More references to the page of zeros than can be counted are refused, to a fault and to a fork. */
static void test_zero_page_lasts(void **state)
{
    uint32_t *refs = &port_frame(fault_zero_page())->refs;
    uint32_t before;
    struct mm *none;
    enum fault_result result;

    assert_int_equal(map(0, 4, RW, PRIVATE), AT(0));
    assert_int_equal(sim_touch(mm, 0, AT(0), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(1), ACCESS_READ), FAULT_DONE);
    before = *refs;
    *refs = UINT32_MAX - 1;
    port_lock_write(&mm->lock);
    none = mm_fork(mm);
    result = mm_fault(mm, AT(2), ACCESS_READ);
    assert_int_equal(mm_fault(mm, AT(3), ACCESS_READ), FAULT_OOM);
    port_unlock_write(&mm->lock);
    assert_int_equal(*refs, UINT32_MAX);
    *refs = before + 1;
    assert_null(none);
    assert_int_equal(result, FAULT_DONE);
    child.mm = sim_fork(mm);
    assert_non_null(child.mm);
    sim_destroy(child.mm);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shares_frames),
        TEST(test_parent_writes),
        TEST(test_child_writes),
        TEST(test_last_user_copies_nothing),
        TEST(test_leaves_out_what_faults_find),
        TEST(test_shares_every_kind_of_page),
        TEST(test_starved),
        TEST(test_users),
        TEST(test_advice),
        TEST(test_identities),
        TEST(test_locks),
        TEST(test_commit),
        TEST(test_zero_page_lasts),
    };

    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
