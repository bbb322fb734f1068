/* mmap, munmap, mprotect, madvise, mlock, brk, mincore: what they do, what they refuse, and that a refusal changes nothing. */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/sim_world.h"

#define FRAMES 1500
#define PAGES 300
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define PG PAGE_SIZE
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PRIVATE (ANON | MAP_FIXED)

static struct world w;
static struct mm *mm;

static int setup(void **state)
{
    sim_boot(FRAMES);
    world_start(&w, BASE, PAGES);
    mm = w.mm;
    return 0;
}

static int teardown(void **state)
{
    world_end(&w);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

/* @call is refused with @err and changes nothing. */
#define REFUSED(err, call)                                                                         \
    do {                                                                                           \
        struct sim_snapshot *snap_ = sim_snapshot();                                               \
        long result_ = (call);                                                                     \
                                                                                                   \
        check(result_ == (err), "%s: %ld", #call, result_);                                        \
        check(!sim_changed(snap_), "%s: %s", #call, sim_changed(snap_));                           \
        sim_snapshot_free(snap_);                                                                  \
    } while (0)

/* Each allocation of @call fails once, which is refused with -ENOMEM; then it answers @answer. */
#define STARVED(answer, call)                                                                      \
    do {                                                                                           \
        uint64_t n_ = 0;                                                                           \
                                                                                                   \
        for (;;) {                                                                                 \
            struct sim_snapshot *snap_ = sim_snapshot();                                           \
            long result_;                                                                          \
                                                                                                   \
            sim_fail_after(++n_, false);                                                           \
            result_ = (call);                                                                      \
            if (!sim_refused())                                                                    \
                check(result_ == (long)(answer), "%s: %ld", #call, result_);                       \
            else                                                                                   \
                check(result_ == -ENOMEM && !sim_changed(snap_), "%s: %ld, %s", #call, result_,    \
                      sim_changed(snap_));                                                         \
            sim_snapshot_free(snap_);                                                              \
            if (!sim_refused())                                                                    \
                break;                                                                             \
        }                                                                                          \
        sim_fail_after(0, false);                                                                  \
    } while (0)

static long map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    return sim_mmap(mm, AT(page), count * PG, prot, flags);
}

static void fill(unsigned page, unsigned count)
{
    assert_true(world_map(&w, page, count, RW) >= 0);
    world_fill(&w, page, count, 1);
}

/* ---- mmap ---- */

static void test_places(void **state)
{
    assert_int_equal(sim_mmap(mm, 0, 3 * PG - 5, RW, ANON), AT(PAGES - 3));
    assert_int_equal(sim_mmap(mm, 0, 2 * PG, PROT_READ, ANON), AT(PAGES - 5));
    assert_int_equal(sim_mmap(mm, AT(50), PG, RW, ANON), AT(50));
    assert_int_equal(sim_mmap(mm, AT(50), PG, RW, ANON), AT(PAGES - 6));
    assert_int_equal(sim_mmap(mm, AT(60) + 1, PG, RW, ANON), AT(61));
    assert_int_equal(sim_mmap(mm, AT(49), 2 * PG, PROT_READ, ANON), AT(PAGES - 8));
    assert_int_equal(sim_mmap(mm, AT(48), 2 * PG, RX, ANON), AT(48));
    assert_int_equal(sim_munmap(mm, AT(PAGES - 5), PG), 0);
    assert_int_equal(sim_mmap(mm, 0, PG, RX, ANON), AT(PAGES - 5));
}

/* Below mmap_base nothing fits: above it then. */
static void test_above_the_base(void **state)
{
    mm->layout.mmap_base = mm_config.mmap_min_addr + 2 * PG;
    assert_int_equal(sim_mmap(mm, 0, 2 * PG, RW, ANON), mm_config.mmap_min_addr);
    assert_int_equal(sim_mmap(mm, 0, PG, RW, ANON), TASK_SIZE - PG);
}

static void test_merges(void **state)
{
    assert_int_equal(map(10, 2, RW, PRIVATE), AT(10));
    assert_int_equal(map(14, 2, RW, PRIVATE), AT(14));
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(map(12, 2, RW, PRIVATE), AT(12));
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(map(16, 2, PROT_READ, PRIVATE), AT(16));
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(map(18, 2, PROT_READ, PRIVATE | MAP_NORESERVE), AT(18));
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(map(16, 2, RW, PRIVATE), AT(16));
    assert_int_equal(mm->vma_count, 2);
}

static void test_fixed_replaces(void **state)
{
    fill(10, 20);
    STARVED(AT(15), map(15, 5, PROT_READ, PRIVATE));
    for (unsigned n = 15; n < 20; n++)
        w.page[n] = (struct world_page){true, PROT_READ, 0};
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    REFUSED(-EEXIST, map(29, 5, RW, ANON | MAP_FIXED_NOREPLACE));
    REFUSED(-EEXIST, map(12, 1, RW, ANON | MAP_FIXED_NOREPLACE));
    assert_int_equal(map(30, 5, RW, ANON | MAP_FIXED_NOREPLACE), AT(30));
}

static void test_mmap_refusals(void **state)
{
    struct object *object = object_create(4 * PG, "file");

    fill(10, 2);
    REFUSED(-EINVAL, map(20, 0, RW, PRIVATE));
    REFUSED(-ENOMEM, sim_mmap(mm, 0, UINT64_MAX, RW, ANON));
    REFUSED(-ENOMEM, sim_mmap(mm, 0, TASK_SIZE + 1, RW, ANON));
    REFUSED(-ENOMEM, sim_mmap(mm, 0, TASK_SIZE, RW, ANON));
    REFUSED(-ENOMEM, sim_mmap(mm, TASK_SIZE, PG, RW, PRIVATE));
    REFUSED(-ENOMEM, sim_mmap(mm, TASK_SIZE - PG, 2 * PG, RW, PRIVATE));
    REFUSED(-EINVAL, sim_mmap(mm, AT(20) + 8, PG, RW, PRIVATE));
    REFUSED(-EPERM, sim_mmap(mm, 0, PG, RW, PRIVATE));
    REFUSED(-EINVAL, map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED));
    REFUSED(-EINVAL, map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED | MAP_SHARED_VALIDATE));
    REFUSED(-EINVAL, map(20, 1, RW, MAP_ANONYMOUS | MAP_FIXED | 7));
    REFUSED(-EINVAL, map(20, 1, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN));
    REFUSED(-EINVAL, sim_mmap_object(mm, AT(20), PG, RW, MAP_PRIVATE, object, 100));
    port_lock_write(&mm->lock);
    assert_int_equal(mm_mmap(mm, AT(20), PG, RW, MAP_SHARED, object, 0, false), -EACCES);
    assert_int_equal(mm_mmap(mm, AT(20), PG, PROT_READ, MAP_SHARED, object, 0, false), AT(20));
    port_unlock_write(&mm->lock);
    REFUSED(-EACCES, sim_mprotect(mm, AT(20), PG, RW));
    assert_int_equal(sim_mmap_object(mm, AT(30), PG, PROT_READ, MAP_SHARED, object, 0), AT(30));
    assert_int_equal(sim_mprotect(mm, AT(30), PG, RW), 0);
    object_put(object);
}

/* A file ends at 2^63 - 1, as on Linux. */
static void test_offset_overflow(void **state)
{
    const uint64_t last = 0x7fffffffffffd000ull;
    struct object *object = object_create(4 * PG, "file");

    assert_int_equal(sim_mmap_object(mm, AT(20), 2 * PG, RW, MAP_PRIVATE, object, last), AT(20));
    REFUSED(-EOVERFLOW, sim_mmap_object(mm, AT(30), 2 * PG, RW, MAP_PRIVATE, object, last + PG));
    REFUSED(-EOVERFLOW, sim_mmap_object(mm, AT(30), 2 * PG, RW, MAP_PRIVATE, object, 0 - PG));
    object_put(object);
}

static void test_mmap_limits(void **state)
{
    fill(10, 10);
    mm->limits.as = 15 * PG;
    REFUSED(-ENOMEM, map(30, 6, PROT_READ, PRIVATE));
    assert_int_equal(map(16, 9, PROT_READ, PRIVATE), AT(16));
    assert_int_equal(sim_munmap(mm, AT(16), 9 * PG), 0);
    mm->limits.as = UINT64_MAX;
    mm->limits.data = 8 * PG;
    REFUSED(-ENOMEM, map(30, 3, RW, PRIVATE));
    assert_int_equal(map(30, 2, RW, PRIVATE), AT(30));
    assert_int_equal(map(40, 20, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), AT(40));
    assert_int_equal(sim_mprotect(mm, AT(10), 3 * PG, PROT_READ), 0);
    mm->limits.data = 5 * PG;
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(10), 3 * PG, RW));
    mm->limits.data = UINT64_MAX;
    REFUSED(-ENOMEM, map(60, FRAMES + 1, RW, ANON));
    assert_int_equal(sim_mmap(mm, 0, PG, RW, ANON | MAP_NORESERVE), AT(PAGES - 1));
    mm_config.max_map_count = mm->vma_count - 1;
    REFUSED(-ENOMEM, map(100, 1, RX, PRIVATE));
    mm_config.max_map_count = mm->vma_count;
    assert_int_equal(map(100, 3, RX, PRIVATE), AT(100));
    REFUSED(-ENOMEM, sim_munmap(mm, AT(101), PG));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(101), PG, PROT_READ));
    assert_int_equal(sim_munmap(mm, AT(102), PG), 0);
}

static void test_populate(void **state)
{
    assert_int_equal(map(10, 20, RW, PRIVATE | MAP_POPULATE), AT(10));
    assert_int_equal(mm->rss_pages, 20);
    assert_int_equal(map(40, 5, PROT_READ, PRIVATE | MAP_POPULATE), AT(40));
    assert_int_equal(mm->rss_pages, 25);
    assert_int_equal(map(50, 5, PROT_NONE, PRIVATE | MAP_POPULATE), AT(50));
    assert_int_equal(map(60, 5, RW, PRIVATE | MAP_POPULATE | MAP_NONBLOCK), AT(60));
    assert_int_equal(mm->rss_pages, 25);
    sim_fail_after(6, true);
    assert_int_equal(map(70, 20, RW, PRIVATE | MAP_POPULATE), AT(70));
    sim_fail_after(0, false);
    assert_true(mm->rss_pages < 45);
}

static void test_no_memory_for_mmap(void **state)
{
    fill(5, 2);
    STARVED(AT(10), map(10, 20, RW, PRIVATE));
    STARVED(AT(40), map(40, 5, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED));
    STARVED(AT(12), map(12, 5, PROT_READ, PRIVATE));
    assert_int_equal(sim_munmap(mm, AT(0), PAGES * PG), 0);
    assert_null(object_all);
}

/* ---- munmap ---- */

static void test_munmap(void **state)
{
    fill(10, 20);
    fill(40, 20);
    STARVED(0, sim_munmap(mm, AT(15), 5 * PG));
    for (unsigned n = 15; n < 20; n++)
        w.page[n] = (struct world_page){0};
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(world_unmap(&w, 25, 20), 0);
    assert_int_equal(world_unmap(&w, 25, 20), 0);
    assert_int_equal(world_unmap(&w, 10, 1), 0);
    assert_int_equal(world_unmap(&w, 14, 1), 0);
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
    assert_int_equal(mm->pt.tables, 1);
}

static void test_munmap_refusals(void **state)
{
    fill(10, 5);
    REFUSED(-EINVAL, sim_munmap(mm, AT(10) + 1, PG));
    REFUSED(-EINVAL, sim_munmap(mm, AT(10), 0));
    REFUSED(-EINVAL, sim_munmap(mm, TASK_SIZE, PG));
    REFUSED(-EINVAL, sim_munmap(mm, TASK_SIZE - PG, 2 * PG));
    REFUSED(-EINVAL, sim_munmap(mm, AT(10), UINT64_MAX));
    REFUSED(0, sim_munmap(mm, TASK_SIZE - PG, PG));
    REFUSED(0, sim_munmap(mm, AT(15), PG));
    assert_int_equal(sim_munmap(mm, AT(10), 1), 0);
    assert_int_equal(mm->total_pages, 4);
}

/* Tables go when nothing is left in them, no sooner. */
static void test_munmap_frees_tables(void **state)
{
    uint64_t tables;

    assert_int_equal(sim_mmap(mm, BASE - PG, 2 * PG, RW, PRIVATE), BASE - PG);
    sim_touch(mm, 0, BASE - PG, ACCESS_WRITE);
    tables = mm->pt.tables;
    sim_touch(mm, 0, BASE, ACCESS_WRITE);
    assert_true(mm->pt.tables > tables);
    assert_int_equal(sim_munmap(mm, BASE, PG), 0);
    assert_int_equal(mm->pt.tables, tables);
    assert_int_equal(sim_munmap(mm, BASE - PG, PG), 0);
    assert_int_equal(mm->pt.tables, 1);
}

/* ---- mprotect ---- */

static void test_mprotect(void **state)
{
    fill(10, 20);
    STARVED(0, sim_mprotect(mm, AT(15), 5 * PG, PROT_READ));
    for (unsigned n = 15; n < 20; n++)
        w.page[n].prot = PROT_READ;
    world_check(&w);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(sim_touch(mm, 0, AT(15), ACCESS_WRITE), FAULT_ACCERR);
    assert_int_equal(sim_touch(mm, 1, AT(14), ACCESS_WRITE), FAULT_DONE);
    assert_int_equal(world_protect(&w, 12, 10, PROT_NONE), 0);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_READ), FAULT_ACCERR);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(mm->data_pages, 10);
    assert_int_equal(world_protect(&w, 12, 10, RW), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(sim_read(mm, 2, AT(16)), w.page[16].word);
    assert_int_equal(sim_write(mm, 2, AT(16), w.page[16].word), FAULT_DONE);
    assert_int_equal(mm_stats.cow, 0);
    assert_int_equal(world_protect(&w, 10, 20, RX), 0);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_EXEC), FAULT_DONE);
    assert_int_equal(sim_touch(mm, 0, AT(16), ACCESS_WRITE), FAULT_ACCERR);
}

/* The page of zeros stays read-only however the rights change. */
static void test_mprotect_and_zero_page(void **state)
{
    assert_true(world_map(&w, 10, 3, PROT_READ) >= 0);
    assert_int_equal(sim_read(mm, 0, AT(11)), 0);
    assert_int_equal(world_protect(&w, 10, 3, RW), 0);
    world_fill(&w, 11, 1, 1);
    assert_int_equal(mm_stats.cow, 1);
}

static void test_mprotect_refusals(void **state)
{
    fill(10, 5);
    fill(20, 5);
    REFUSED(-EINVAL, sim_mprotect(mm, AT(10) + 1, PG, RW));
    REFUSED(-EINVAL, sim_mprotect(mm, AT(10), PG, 0x100));
    REFUSED(-EINVAL, sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSDOWN | PROT_GROWSUP));
    REFUSED(-EINVAL, sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSDOWN));
    REFUSED(-EINVAL, sim_mprotect(mm, AT(10), PG, RW | PROT_GROWSUP));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(10), 6 * PG, PROT_READ));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(10), 12 * PG, PROT_READ));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(9), 2 * PG, PROT_READ));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(30), PG, PROT_READ));
    REFUSED(-ENOMEM, sim_mprotect(mm, AT(10), UINT64_MAX - AT(10) + 1, PROT_READ));
    REFUSED(0, sim_mprotect(mm, AT(50), 0, PROT_READ));
    REFUSED(0, sim_mprotect(mm, AT(10), 5 * PG, RW));
    STARVED(0, sim_mprotect(mm, AT(11), 2 * PG, PROT_READ));
    assert_int_equal(mm->vma_count, 4);
}

static void test_mprotect_of_a_stack(void **state)
{
    unsigned guard = (unsigned)(mm_config.stack_guard / PG);

    assert_int_equal(map(guard + 30, 5, RW, PRIVATE | MAP_GROWSDOWN), AT(guard + 30));
    assert_int_equal(sim_mprotect(mm, AT(guard + 33), PG, RX | PROT_GROWSDOWN), 0);
    assert_int_equal(mm->vma_count, 2);
    assert_int_equal(mm->first->end, AT(guard + 34));
    assert_true(mm->first->flags & VMA_EXEC);
}

/* ---- madvise ---- */

static void test_dontneed(void **state)
{
    fill(10, 20);
    assert_int_equal(world_forget(&w, 15, 5), 0);
    assert_int_equal(mm->rss_pages, 15);
    assert_int_equal(sim_read(mm, 3, AT(16)), 0);
    world_fill(&w, 15, 5, 2);
    assert_int_equal(world_forget(&w, 10, 20), 0);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(mm->pt.tables, 1);
}

static void test_madvise_populates(void **state)
{
    fill(10, 1);
    assert_true(world_map(&w, 11, 9, RW) >= 0);
    assert_int_equal(sim_madvise(mm, AT(10), 5 * PG, MADV_POPULATE_READ), 0);
    assert_int_equal(mm->rss_pages, 5);
    assert_int_equal(sim_madvise(mm, AT(10), 10 * PG, MADV_POPULATE_WRITE), 0);
    assert_int_equal(mm->rss_pages, 10);
    assert_int_equal(mm_stats.cow, 4);
    world_check(&w);
    assert_true(world_map(&w, 20, 2, PROT_READ) >= 0);
    assert_int_equal(sim_madvise(mm, AT(20), 2 * PG, MADV_POPULATE_WRITE), -EFAULT);
}

static void test_madvise_refusals(void **state)
{
    fill(10, 5);
    REFUSED(-EINVAL, sim_madvise(mm, AT(10), PG, 77));
    REFUSED(-EINVAL, sim_madvise(mm, AT(10) + 1, PG, MADV_DONTNEED));
    REFUSED(-EINVAL, sim_madvise(mm, AT(10), UINT64_MAX, MADV_DONTNEED));
    REFUSED(-EINVAL, sim_madvise(mm, AT(10), 0 - PG, MADV_DONTNEED));
    REFUSED(-ENOMEM, sim_madvise(mm, AT(10), 6 * PG, MADV_DONTNEED));
    REFUSED(0, sim_madvise(mm, AT(10), 0, MADV_DONTNEED));
    REFUSED(0, sim_madvise(mm, AT(10), 5 * PG, MADV_WILLNEED));
    assert_int_equal(sim_mlock(mm, AT(12), PG, true, false), 0);
    REFUSED(-EINVAL, sim_madvise(mm, AT(10), 5 * PG, MADV_DONTNEED));
}

/* ---- mlock ---- */

static void test_mlock(void **state)
{
    assert_true(world_map(&w, 10, 20, RW) >= 0);
    STARVED(0, sim_mlock(mm, AT(12) + 5, 3 * PG - 5, true, true));
    assert_int_equal(mm->locked_pages, 3);
    assert_int_equal(mm->vma_count, 3);
    assert_int_equal(mm->rss_pages, 0);
    assert_int_equal(sim_mlock(mm, AT(12), 3 * PG, true, false), 0);
    assert_int_equal(mm->rss_pages, 3);
    assert_int_equal(sim_mlock(mm, AT(0) + 10 * PG, 20 * PG, false, false), 0);
    assert_int_equal(mm->locked_pages, 0);
    assert_int_equal(mm->vma_count, 1);
    mm->limits.memlock = 4 * PG;
    REFUSED(-ENOMEM, sim_mlock(mm, AT(10), 5 * PG, true, false));
    REFUSED(-ENOMEM, sim_mlock(mm, AT(28), 3 * PG, true, false));
    REFUSED(-ENOMEM, sim_mlock(mm, AT(8), 3 * PG, true, true));
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, false), 0);
}

/* What is locked already does not count twice against the limit. */
static void test_mlock_again(void **state)
{
    assert_true(world_map(&w, 10, 20, RW) >= 0);
    mm->limits.memlock = 4 * PG;
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, true), 0);
    assert_int_equal(sim_mlock(mm, AT(10), 4 * PG, true, true), 0);
    assert_int_equal(sim_mlock(mm, AT(11), 3 * PG, true, true), 0);
    REFUSED(-ENOMEM, sim_mlock(mm, AT(11), 4 * PG, true, true));
}

/* ---- brk ---- */

/* The raw call answers the old break where it fails. */
static long brk_or_error(vaddr_t brk)
{
    return sim_brk(mm, brk) == (long)brk ? (long)brk : -ENOMEM;
}

static void test_brk(void **state)
{
    mm->layout.brk_start = mm->layout.brk = AT(10) + 100;
    assert_int_equal(sim_brk(mm, 0), AT(10) + 100);
    assert_int_equal(sim_brk(mm, AT(10) + 50), AT(10) + 100);
    assert_int_equal(sim_brk(mm, AT(11)), AT(11));
    assert_int_equal(mm->total_pages, 0);
    STARVED(AT(20) + 5, brk_or_error(AT(20) + 5));
    assert_int_equal(mm->total_pages, 10);
    assert_int_equal(sim_write(mm, 0, AT(20), 5), FAULT_DONE);
    assert_int_equal(sim_brk(mm, AT(20)), AT(20));
    assert_int_equal(sim_touch(mm, 0, AT(20), ACCESS_READ), FAULT_MAPERR);
    assert_int_equal(sim_brk(mm, AT(30)), AT(30));
    assert_int_equal(sim_read(mm, 1, AT(20)), 0);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(sim_brk(mm, AT(10) + 100), AT(10) + 100);
    assert_int_equal(mm->total_pages, 0);
}

static void test_brk_limits(void **state)
{
    mm->layout.brk_start = mm->layout.brk = AT(10);
    fill(20, 1);
    assert_int_equal(sim_brk(mm, AT(20)), AT(10));
    assert_int_equal(sim_brk(mm, AT(19)), AT(19));
    mm->limits.data = 12 * PG;
    assert_int_equal(sim_munmap(mm, AT(20), PG), 0);
    assert_int_equal(sim_brk(mm, AT(23)), AT(19));
    assert_int_equal(sim_brk(mm, AT(22)), AT(22));
    mm->limits.data = UINT64_MAX;
    mm->limits.as = 13 * PG;
    assert_int_equal(sim_brk(mm, AT(24)), AT(22));
    assert_int_equal(sim_brk(mm, TASK_SIZE + PG), AT(22));
    assert_int_equal(sim_brk(mm, UINT64_MAX), AT(22));
}

/* ---- mincore ---- */

static void test_mincore(void **state)
{
    uint8_t vec[20] = {0};
    struct object *object = object_create(8 * PG, "file");

    assert_true(world_map(&w, 10, 4, RW) >= 0);
    world_fill(&w, 11, 3, 2);
    assert_int_equal(
        sim_mmap_object(mm, AT(14), 4 * PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, object, 6 * PG),
        AT(14));
    assert_int_equal(object_write(object, 7 * PG, "x", 1), 0);
    memset(vec, 0x55, sizeof(vec));
    assert_int_equal(sim_mincore(mm, AT(10), 8, vec), 0);
    assert_memory_equal(vec, ((uint8_t[]){0, 1, 0, 1, 0, 1, 0, 0, 0x55}), 9);
    assert_int_equal(sim_mincore(mm, AT(10), 9, vec), -ENOMEM);
    assert_int_equal(sim_mincore(mm, AT(9), 1, vec), -ENOMEM);
    assert_int_equal(sim_mincore(mm, AT(9), 0, vec), 0);
    object_put(object);
    assert_int_equal(sim_munmap(mm, AT(14), 4 * PG), 0);
    world_check(&w);
}

/* ---- Objects ---- */

static void test_object_lives_as_long_as_its_mappings(void **state)
{
    struct object *object = object_create(3 * PG, "file");
    uint32_t before = sim_objects();

    assert_int_equal(sim_mmap_object(mm, AT(10), 3 * PG, RW, MAP_SHARED | MAP_FIXED, object, 0),
                     AT(10));
    assert_int_equal(sim_write(mm, 0, AT(11), 99), FAULT_DONE);
    object_put(object);
    assert_int_equal(sim_munmap(mm, AT(11), PG), 0);
    assert_int_equal(object->refs, 2);
    assert_int_equal(sim_munmap(mm, AT(10), PG), 0);
    assert_ptr_equal(object_all, object);
    assert_int_equal(sim_munmap(mm, AT(12), PG), 0);
    assert_null(object_all);
    assert_int_equal(sim_objects(), before - 1);
}

static void test_object_bytes(void **state)
{
    static char out[3 * 4096 + 5], in[3 * 4096 + 5];
    struct object *object = object_create(40 * PG, "bytes");

    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 3 + i / 100);
    assert_int_equal(object_size(object), 40 * PG);
    assert_int_equal(object_write(object, 33 * PG - 7, out, sizeof(out)), 0);
    assert_int_equal(object_read(object, 33 * PG - 7, in, sizeof(in)), 0);
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(object_read(object, 5 * PG, in, sizeof(in)), 0);
    assert_int_equal(in[0] | in[4096], 0);
    sim_fail_after(1, true);
    assert_int_equal(object_write(object, 0, out, 5), -ENOMEM);
    sim_fail_after(0, false);
    mm_check_all();
    object_put(object);
}

static void test_no_memory_for_an_object(void **state)
{
    uint32_t frames = sim_frames_free(), objects = sim_objects();

    for (unsigned n = 1; n <= 2; n++) {
        sim_fail_after(n, false);
        assert_null(object_create(PG, "x"));
        assert_null(object_all);
        assert_int_equal(sim_frames_free(), frames);
        assert_int_equal(sim_objects(), objects);
    }
    for (unsigned n = 1; n <= 2; n++) {
        sim_fail_after(n, false);
        assert_null(sim_create());
        assert_int_equal(sim_frames_free(), frames);
        assert_int_equal(sim_objects(), objects);
    }
    sim_fail_after(0, false);
}

/* ---- Words ---- */

struct text {
    char lines[8][160];
    unsigned count;
};

static void keep_line(void *ctx, const char *line)
{
    struct text *text = ctx;

    if (text->count < 8)
        snprintf(text->lines[text->count], sizeof(text->lines[0]), "%s", line);
    text->count++;
}

static void test_maps(void **state)
{
    struct object *object = object_create(4 * PG, "/bin/thing");
    char expected[160];
    struct text text = {.count = 0};

    fill(10, 2);
    assert_int_equal(sim_mmap_object(mm, AT(20), 2 * PG, RX, MAP_PRIVATE | MAP_FIXED, object, PG),
                     AT(20));
    assert_int_equal(map(30, 1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), AT(30));
    port_lock_read(&mm->lock);
    mm_maps(mm, keep_line, &text);
    port_unlock_read(&mm->lock);
    assert_int_equal(text.count, 3);
    snprintf(expected, sizeof(expected), "%08llx-%08llx rw-p 00000000 00:00 0 \n",
             (unsigned long long)AT(10), (unsigned long long)AT(12));
    assert_string_equal(text.lines[0], expected);
    snprintf(expected, sizeof(expected), "%08llx-%08llx r-xp 00001000 ", (unsigned long long)AT(20),
             (unsigned long long)AT(22));
    assert_memory_equal(text.lines[1], expected, strlen(expected));
    assert_non_null(strstr(text.lines[1], " /bin/thing\n"));
    assert_non_null(strstr(text.lines[2], " ---s 00000000 "));
    object_put(object);
}

static void test_dump_is_stable(void **state)
{
    struct text first = {.count = 0}, second = {.count = 0};

    fill(10, 3);
    for (unsigned i = 0; i < 2; i++) {
        port_lock_read(&mm->lock);
        mm_dump(mm, keep_line, i ? &second : &first);
        port_unlock_read(&mm->lock);
    }
    assert_int_equal(first.count, second.count);
    assert_true(first.count >= 2 + PT_TOP);
    assert_memory_equal(&first, &second, sizeof(first));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places),
        TEST(test_above_the_base),
        TEST(test_merges),
        TEST(test_fixed_replaces),
        TEST(test_mmap_refusals),
        TEST(test_offset_overflow),
        TEST(test_mmap_limits),
        TEST(test_populate),
        TEST(test_no_memory_for_mmap),
        TEST(test_munmap),
        TEST(test_munmap_refusals),
        TEST(test_munmap_frees_tables),
        TEST(test_mprotect),
        TEST(test_mprotect_and_zero_page),
        TEST(test_mprotect_refusals),
        TEST(test_mprotect_of_a_stack),
        TEST(test_dontneed),
        TEST(test_madvise_populates),
        TEST(test_madvise_refusals),
        TEST(test_mlock),
        TEST(test_mlock_again),
        TEST(test_brk),
        TEST(test_brk_limits),
        TEST(test_mincore),
        TEST(test_object_lives_as_long_as_its_mappings),
        TEST(test_object_bytes),
        TEST(test_no_memory_for_an_object),
        TEST(test_maps),
        TEST(test_dump_is_stable),
    };

    return cmocka_run_group_tests_name("mmap", tests, NULL, NULL);
}
