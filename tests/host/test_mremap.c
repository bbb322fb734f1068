/*
 * mremap(2), as a process calls it: every kind of call on layouts with neighbours, holes and several VMAs, each page of
 * the stretch compared afterwards, each refusal and each failed allocation leaving everything bit for bit.
 */
/* host-build: 9/4 3/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"
#include "tests/host/sim_world.h"

#define FRAMES 3000
#define P PT_ENTRIES   /* pages of a PMD entry's span */
#define PAGES (P * 12) /* of the world */
#define BASE (4 * pt_span(PT_PMD))
#define RW (PROT_READ | PROT_WRITE)
#define MOVE MREMAP_MAYMOVE
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define NORESERVE_FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED)
#define LEAVE (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static struct world w;

static int setup(void **state)
{
    sim_boot(FRAMES);
    world_start(&w, BASE, PAGES);
    return 0;
}

static int teardown(void **state)
{
    world_end(&w);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

/* Pages apart that are filled in large mappings: enough for every table and both sides of each edge. */
#define SOME (P > 16 ? 5 : 1)

static void map_filled(unsigned page, unsigned count, unsigned step)
{
    assert_true(world_map(&w, page, count, RW) >= 0);
    world_fill(&w, page, count, step);
}

/* ---- In place ---- */

static void test_same_length(void **state)
{
    map_filled(10, 20, 3);
    assert_int_equal(world_remap(&w, 10, 20, 20, 0, 0), 10);
    assert_int_equal(world_remap(&w, 12, 5, 5, MOVE, 0), 12);
    assert_int_equal(w.mm->vma_count, 1);
}

static void test_shrink(void **state)
{
    map_filled(10, P * 2, SOME);
    assert_int_equal(world_remap(&w, 10, P * 2, P, 0, 0), 10);
    assert_int_equal(world_remap(&w, 10, P, 1, MOVE, 0), 10);
    map_filled(10, P * 2 + 20, 3);
    assert_int_equal(world_remap_starved(&w, 20, 10, 2, 0, 0, NULL), 20);
    assert_int_equal(w.mm->vma_count, 2);
}

/* The rest may be anything: holes, other VMAs. Linux unmaps it all. */
static void test_shrink_over_several(void **state)
{
    map_filled(10, 10, 1);
    assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
    map_filled(30, 10, 1);
    assert_int_equal(world_remap_starved(&w, 15, 20, 2, 0, 0, NULL), 15);
    assert_true(w.page[16].mapped && !w.page[17].mapped && !w.page[34].mapped && w.page[35].mapped);
}

static void test_grow_in_place(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap_starved(&w, 10, 10, 3 * P, 0, 0, NULL), 10);
    world_fill(&w, 10, 3 * P, 7);
    assert_int_equal(w.mm->vma_count, 1);
    map_filled(10 + 3 * P + 5, 5, 1);
    assert_int_equal(world_remap(&w, 10, 3 * P, 3 * P + 6, 0, 0), -ENOMEM);
    assert_int_equal(world_remap(&w, 10, 3 * P, 3 * P + 5, 0, 0), 10);
}

/* Only the end of a VMA can grow in place. */
static void test_grow_from_the_middle(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap(&w, 10, 5, 15, 0, 0), -ENOMEM);
    assert_int_equal(world_remap(&w, 15, 5, 15, 0, 0), 15);
}

static void test_grow_merges(void **state)
{
    assert_true(world_map(&w, 10, 30, RW) >= 0);
    assert_int_equal(world_unmap(&w, 20, 10), 0);
    assert_int_equal(w.mm->vma_count, 2);
    assert_int_equal(world_remap_starved(&w, 10, 10, 20, 0, 0, NULL), 10);
    assert_int_equal(w.mm->vma_count, 1);
}

/* ---- Growing by moving ---- */

static void test_grow_by_moving(void **state)
{
    unsigned refused;
    long at;

    map_filled(10, P + 3, 2);
    map_filled(13 + P, 5, 1);
    at = world_remap_starved(&w, 10, P + 3, 2 * P, MOVE, 0, &refused);
    assert_int_equal(at, PAGES - 2 * P);
    assert_true(refused >= 2);
    world_fill(&w, (unsigned)at, 2 * P, 5);
}

static void test_grow_into_highest_gap_that_fits(void **state)
{
    map_filled(10, 10, 1);
    map_filled(20, 1, 1);
    map_filled(PAGES - 12, 2, 1);
    assert_int_equal(world_remap(&w, 10, 10, 11, MOVE, 0), PAGES - 23);
}

/* ---- FIXED ---- */

static void fixed_case(unsigned old, unsigned old_count, unsigned new_count, unsigned to)
{
    for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
        mm_config.realign = realign;
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(old > 5 ? old - 5 : 0, old_count + 10, old_count > 100 ? SOME : 1);
        map_filled(PAGES - 10, 10, 1);
        assert_int_equal(world_remap_starved(&w, old, old_count, new_count, FIXED, to, NULL), to);
    }
}

static void test_fixed(void **state)
{
    fixed_case(10, 5, 5, 4 * P);
    fixed_case(4 * P + 10, 5, 5, 6);
    fixed_case(P, P, P, 4 * P);
    fixed_case(P, 2 * P, 2 * P, 6 * P);
    fixed_case(6 * P, 2 * P, 2 * P, P);
    fixed_case(P + 1, P, P, 5 * P + 1);
    fixed_case(P + 1, P - 1, P - 1, 5 * P + 1);
    fixed_case(P - 1, P + 2, P + 2, 5 * P - 1);
    fixed_case(P + 3, P, P, 5 * P + 2);
    fixed_case(10, 5, 20, 4 * P);
    fixed_case(10, 20, 5, 4 * P);
    fixed_case(2 * P, 3 * P, P + 1, 7 * P);
    fixed_case(2 * P, P + 1, 3 * P, 7 * P);
    fixed_case(7 * P, P, P, 6 * P);
    fixed_case(6 * P, P, P, 7 * P);
}

/* What stands at the target goes: the middle of a VMA, ends of two, all of one; with the same tables or others. */
static void test_fixed_onto_something(void **state)
{
    static const unsigned targets[] = {0, 3, 5, 8, 10, 15, 25, 30};

    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(5, 10, 1);
        assert_true(world_map(&w, 15, 5, PROT_READ | PROT_EXEC) >= 0);
        map_filled(25, 10, 1);
        map_filled(6 * P, 12, 1);
        assert_int_equal(
            world_remap_starved(&w, 6 * P + 1, 10, 10 + i % 3 * 4 - 4, FIXED, targets[i], NULL),
            targets[i]);
    }
}

/* What moves lies in one VMA; the rest of the source is unmapped, whatever it is. */
static void test_fixed_shrink_over_several(void **state)
{
    for (unsigned rest = 1; rest < 2 * P; rest += 5) {
        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(10, 10, 1);
        assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
        map_filled(30, 2 * P, SOME);
        assert_int_equal(world_remap_starved(&w, 12, 8 + rest, 8, FIXED, 6 * P, NULL), 6 * P);
    }
}

/* Source and target are parts of one VMA: |DDDDddddSSSSssss| and the other way round. */
static void test_fixed_within_one_vma(void **state)
{
    const unsigned halves[] = {1, 2, P / 4, P / 2, P / 2 + 1, P - 1, P};

    for (unsigned i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        for (unsigned up = 0; up < 2; up++) {
            unsigned half = halves[i], low = 2 * P - half, high = 3 * P - half;

            assert_int_equal(world_unmap(&w, 0, PAGES), 0);
            map_filled(P, 3 * P, SOME);
            assert_int_equal(
                world_remap_starved(&w, up ? low : high, half, half, FIXED, up ? high : low, NULL),
                up ? high : low);
        }
    }
}

/* The neighbours of both sides, one page away or none, live on. */
static void test_fixed_between_neighbours(void **state)
{
    for (unsigned n = 0; n < 16; n++) {
        unsigned old = 7 * P + P / 2, to = 2 * P + P / 2, count = 2 * P;

        assert_int_equal(world_unmap(&w, 0, PAGES), 0);
        map_filled(old, count, SOME);
        if (n & 1)
            map_filled(old - 1, 1, 1);
        if (n & 2)
            map_filled(old + count, 1, 1);
        if (n & 4)
            map_filled(to - 1, 1, 1);
        if (n & 8)
            map_filled(to + count, 1, 1);
        assert_int_equal(world_remap_starved(&w, old, count, count, FIXED, to, NULL), to);
    }
}

static void test_fixed_keeps_rights(void **state)
{
    map_filled(10, 30, 1);
    assert_int_equal(world_protect(&w, 10, 30, PROT_NONE), 0);
    assert_int_equal(world_remap(&w, 15, 20, 20, FIXED, 4 * P + 3), 4 * P + 3);
    assert_int_equal(sim_touch(w.mm, 0, world_va(&w, 4 * P + 3), ACCESS_READ), FAULT_ACCERR);
    assert_int_equal(world_protect(&w, 4 * P + 3, 20, PROT_READ), 0);
    assert_int_equal(sim_read(w.mm, 1, world_va(&w, 4 * P + 3)), w.page[4 * P + 3].word);
    assert_int_equal(sim_touch(w.mm, 0, world_va(&w, 15), ACCESS_READ), FAULT_MAPERR);
}

/* ---- DONTUNMAP ---- */

static void test_dontunmap(void **state)
{
    map_filled(10, 2 * P, 2);
    assert_int_equal(world_remap_starved(&w, 10, 2 * P, 2 * P, LEAVE | MREMAP_FIXED, 5 * P, NULL),
                     5 * P);
    world_fill(&w, 10, 2 * P, 3);
    map_filled(9 * P, 20, 1);
    assert_int_equal(world_remap_starved(&w, 9 * P + 5, 10, 10, LEAVE | MREMAP_FIXED, 3, NULL), 3);
    assert_int_equal(sim_read(w.mm, 0, world_va(&w, 9 * P + 5)), 0);
    world_check(&w);
}

static void test_dontunmap_hint(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE, 3 * P), 3 * P);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE, 3 * P + 2), PAGES - 10);
}

static void test_dontunmap_unlocks_the_source(void **state)
{
    map_filled(10, 10, 1);
    assert_int_equal(sim_mlock(w.mm, world_va(&w, 10), 10 * PAGE_SIZE, true, false), 0);
    assert_int_equal(world_remap(&w, 10, 10, 10, LEAVE | MREMAP_FIXED, 3 * P), 3 * P);
    assert_int_equal(w.mm->locked_pages, 10);
    assert_false(vma_at(w.mm, world_va(&w, 10))->flags & VMA_LOCKED);
    assert_true(vma_at(w.mm, world_va(&w, 3 * P))->flags & VMA_LOCKED);
}

/* ---- Refusals: the arguments, in Linux's order ---- */

struct refusal_case {
    long err;
    uint64_t old, old_len, new_len;
    uint32_t flags;
    uint64_t to;
};

#define AT(page) (BASE + (page)*PAGE_SIZE)

static void refused(const struct refusal_case *c, unsigned n)
{
    struct sim_snapshot *snap = sim_snapshot();
    long result = sim_mremap(w.mm, c->old, c->old_len, c->new_len, c->flags, c->to);

    check(result == c->err, "case or line %u: answer %ld, not %ld", n, result, c->err);
    check(!sim_changed(snap), "case %u: %s", n, sim_changed(snap));
    sim_snapshot_free(snap);
}

#define REFUSED(err, ...) refused(&(struct refusal_case){err, __VA_ARGS__}, __LINE__)

static void test_refusals(void **state)
{
    const uint64_t pg = PAGE_SIZE;
    const struct refusal_case cases[] = {
        {-EINVAL, AT(10), 5 * pg, 5 * pg, 8, 0},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, 0x80000000u, 0},
        {-EINVAL, AT(10) + 1, 5 * pg, 5 * pg, 0, 0},
        {-EINVAL, AT(10), 5 * pg, 0, 0, 0},
        {-EINVAL, AT(10), 5 * pg, UINT64_MAX, MOVE, 0},
        {-EINVAL, AT(10), 5 * pg, TASK_SIZE + 1, MOVE, 0},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, MREMAP_FIXED, AT(40)},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, MREMAP_DONTUNMAP, AT(40)},
        {-EINVAL, AT(10), 5 * pg, 6 * pg, LEAVE, AT(40)},
        {-EINVAL, AT(10), 5 * pg, 4 * pg, LEAVE, AT(40)},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, AT(40) + 8},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, TASK_SIZE},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, TASK_SIZE - 4 * pg},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, UINT64_MAX - pg + 1},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, AT(10)},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, AT(14)},
        {-EINVAL, AT(10), 5 * pg, 5 * pg, FIXED, AT(6)},
        {-EINVAL, AT(10), 1 * pg, 5 * pg, FIXED, AT(6)},
        {-EINVAL, AT(50), 5 * pg, 5 * pg, FIXED, AT(50)},
        {-EFAULT, AT(50), 5 * pg, 5 * pg, 0, 0},
        {-EFAULT, AT(9), 5 * pg, 5 * pg, 0, 0},
        {-EFAULT, AT(50), 5 * pg, 5 * pg, FIXED, AT(30)},
        {-EFAULT, TASK_SIZE, pg, pg, 0, 0},
        {-EFAULT, UINT64_MAX - pg + 1, pg, pg, 0, 0},
        {-EFAULT, AT(10), 11 * pg, 12 * pg, MOVE, 0},
        {-EFAULT, AT(15), 6 * pg, 7 * pg, 0, 0},
        {-EINVAL, AT(15), 0 - AT(15), 5 * pg, FIXED, AT(40)},
        {-EFAULT, AT(10), 11 * pg, 12 * pg, FIXED, AT(40)},
        {-EINVAL, AT(10), 11 * pg, 8 * pg, LEAVE, AT(40)},
        {-EFAULT, AT(9), 8 * pg, 8 * pg, FIXED, AT(40)},
        {-EFAULT, AT(15), 8 * pg, 8 * pg, LEAVE, AT(40)},
        {-EINVAL, AT(10), 0, pg, MOVE, 0},
        {-EINVAL, AT(10), 0, pg, FIXED, AT(40)},
        {-EINVAL, AT(10), 0, pg, 0, 0},
        {-ENOMEM, AT(10), 10 * pg, 11 * pg, 0, 0},
        {-ENOMEM, AT(10), 10 * pg, TASK_SIZE - AT(10), 0, 0},
        {-EPERM, AT(10), 10 * pg, 10 * pg, FIXED, 0},
        {-EINVAL, AT(10), UINT64_MAX - 100 * pg, 5 * pg, 0, 0},
    };

    map_filled(10, 10, 1);
    assert_true(world_map(&w, 20, 5, PROT_READ) >= 0);
    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++)
        refused(&cases[n], n);
}

static void test_no_gap(void **state)
{
    w.mm->layout.mmap_base = TASK_SIZE;
    map_filled(10, 10, 1);
    assert_int_equal(sim_mmap(w.mm, AT(20), TASK_SIZE - AT(20), PROT_READ, NORESERVE_FIXED),
                     AT(20));
    REFUSED(-ENOMEM, AT(10), 10 * PAGE_SIZE, AT(10), MOVE, 0);
    REFUSED(-ENOMEM, AT(10), 10 * PAGE_SIZE, TASK_SIZE / 4 * 3, MOVE, 0);
    assert_int_equal(sim_munmap(w.mm, AT(20), TASK_SIZE - AT(20)), 0);
}

static void test_limits(void **state)
{
    const uint64_t pg = PAGE_SIZE;

    map_filled(10, 10, 1);
    map_filled(20, 1, 1);
    assert_int_equal(world_protect(&w, 20, 1, PROT_READ), 0);
    w.mm->limits.as = 20 * pg;
    REFUSED(-ENOMEM, AT(10), 10 * pg, 20 * pg, MOVE, 0);
    REFUSED(-ENOMEM, AT(10), 10 * pg, 10 * pg, LEAVE, 0);
    assert_int_equal(world_remap(&w, 10, 10, 19, MOVE, 0), PAGES - 19);
    w.mm->limits.as = UINT64_MAX;
    w.mm->limits.data = 19 * pg;
    REFUSED(-ENOMEM, AT(PAGES - 19), 19 * pg, 20 * pg, MOVE, 0);
    w.mm->limits.data = UINT64_MAX;
    if ((FRAMES + 20) * pg < TASK_SIZE)
        REFUSED(-ENOMEM, AT(PAGES - 19), 19 * pg, (FRAMES + 20) * pg, MOVE, 0);
    mm_config.max_map_count = w.mm->vma_count + 3;
    REFUSED(-ENOMEM, AT(PAGES - 19), 19 * pg, 20 * pg, FIXED, AT(30));
    REFUSED(-ENOMEM, AT(PAGES - 19), 18 * pg, 20 * pg, MOVE, 0);
    mm_config.max_map_count = 65530;
    assert_int_equal(sim_mlock(w.mm, AT(PAGES - 19), 19 * pg, true, false), 0);
    w.mm->limits.memlock = 19 * pg;
    REFUSED(-EAGAIN, AT(PAGES - 19), 19 * pg, 20 * pg, MOVE, 0);
    w.mm->limits.memlock = 20 * pg;
    assert_int_equal(world_remap(&w, PAGES - 19, 19, 20, FIXED, 30), 30);
    assert_int_equal(w.mm->locked_pages, 20);
    assert_int_equal(w.mm->rss_pages, 21);
}

/* ---- Shared memory, and old_len 0 ---- */

#define SHARED_AT AT(20)

static void map_shared(unsigned count)
{
    assert_int_equal(
        sim_mmap(w.mm, SHARED_AT, count * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
        SHARED_AT);
    for (unsigned n = 0; n < count; n += 2)
        assert_int_equal(sim_write(w.mm, 0, SHARED_AT + n * PAGE_SIZE, n + 100), FAULT_DONE);
}

static void expect_shared(vaddr_t va, unsigned first, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        assert_int_equal(sim_read(w.mm, n % 4, va + n * PAGE_SIZE),
                         (first + n) % 2 ? 0 : first + n + 100);
}

static void clear_world(void)
{
    assert_int_equal(world_unmap(&w, 0, PAGES), 0);
}

/* Each allocation of the call fails once. */
static long remap_starved(vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                          vaddr_t to)
{
    long result;
    uint64_t n = 0;

    do {
        struct sim_snapshot *snap = sim_snapshot();

        sim_fail_after(++n, false);
        result = sim_mremap(w.mm, old, old_len, new_len, flags, to);
        if (sim_refused()) {
            assert_int_equal(result, -ENOMEM);
            check(!sim_changed(snap), "%s", sim_changed(snap));
        }
        sim_snapshot_free(snap);
    } while (sim_refused());
    sim_fail_after(0, false);
    return result;
}

static void test_shared_moves(void **state)
{
    map_shared(10);
    assert_int_equal(
        remap_starved(SHARED_AT + 2 * PAGE_SIZE, 5 * PAGE_SIZE, 5 * PAGE_SIZE, FIXED, AT(4 * P)),
        AT(4 * P));
    expect_shared(AT(4 * P), 2, 5);
    expect_shared(SHARED_AT, 0, 2);
    expect_shared(SHARED_AT + 7 * PAGE_SIZE, 7, 3);
    assert_int_equal(w.mm->vma_count, 3);
    clear_world();
    assert_null(object_all);
}

static void test_shared_dontunmap(void **state)
{
    map_shared(10);
    assert_int_equal(
        remap_starved(SHARED_AT, 10 * PAGE_SIZE, 10 * PAGE_SIZE, LEAVE | MREMAP_FIXED, AT(4 * P)),
        AT(4 * P));
    expect_shared(AT(4 * P), 0, 10);
    expect_shared(SHARED_AT, 0, 10);
    clear_world();
}

static void duplicate(unsigned first, unsigned count, uint32_t flags, vaddr_t to)
{
    vaddr_t at;

    map_shared(10);
    at = (vaddr_t)remap_starved(SHARED_AT + first * PAGE_SIZE, 0, count * PAGE_SIZE, flags, to);
    check(!(flags & MREMAP_FIXED) || at == to, "went to %llx", (unsigned long long)at);
    expect_shared(at, first, count);
    check(range_size(vma_range(vma_at(w.mm, SHARED_AT))) == 10 * PAGE_SIZE, "the source was cut");
    expect_shared(SHARED_AT, 0, 10);
    assert_int_equal(sim_write(w.mm, 2, at, 77), FAULT_DONE);
    assert_int_equal(sim_read(w.mm, 3, SHARED_AT + first * PAGE_SIZE), 77);
    clear_world();
    assert_null(object_all);
}

static void test_duplicate_shared(void **state)
{
    duplicate(0, 10, MOVE, 0);
    duplicate(0, 3, FIXED, AT(4 * P));
}

static void test_duplicate_from_the_middle(void **state)
{
    duplicate(4, 3, MOVE, 0);
    duplicate(9, 1, FIXED, AT(4 * P));
    duplicate(4, 3, FIXED, AT(3));
}

/* D would unmap what it is to show: refused, and nothing gone. */
static void test_duplicate_onto_itself(void **state)
{
    const uint64_t pg = PAGE_SIZE;

    map_shared(10);
    REFUSED(-EFAULT, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT);
    REFUSED(-EINVAL, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT - pg);
    REFUSED(-EFAULT, SHARED_AT + 4 * pg, 0, 2 * pg, FIXED, SHARED_AT + 4 * pg);
    assert_int_equal(sim_mremap(w.mm, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT - 2 * pg),
                     SHARED_AT - 2 * pg);
    expect_shared(SHARED_AT - 2 * pg, 0, 2);
    assert_int_equal(sim_mremap(w.mm, SHARED_AT, 0, 2 * pg, FIXED, SHARED_AT + 2 * pg),
                     SHARED_AT + 2 * pg);
    expect_shared(SHARED_AT + 2 * pg, 0, 2);
    expect_shared(SHARED_AT + 4 * pg, 4, 6);
    clear_world();
    assert_null(object_all);
}

/* ---- At random, against the record ---- */

static unsigned some_pages(void)
{
    return 1 + test_random(test_random(3) ? 6 : 2 * P);
}

static void random_call(void)
{
    unsigned page = test_random(PAGES / 2), count = some_pages();
    unsigned to = test_random(PAGES / 2), new_count = test_random(3) ? count : some_pages();
    static const uint32_t flags[] = {0, MOVE, FIXED, FIXED, FIXED, LEAVE, LEAVE | MREMAP_FIXED};
    static const uint32_t prots[] = {RW, RW, RW, PROT_READ, PROT_NONE};

    if (test_random(2)) { /* at the same offset in a PMD's span */
        to = to / P * P + page % P;
        count = test_random(2) ? P : count;
    }
    switch (test_random(8)) {
    case 0:
    case 1:
        world_map(&w, page, count, prots[test_random(5)]);
        break;
    case 2:
        world_fill(&w, page, count, 1 + test_random(3));
        break;
    case 3:
        world_unmap(&w, page, test_random(4) ? 1 : count);
        break;
    case 4:
        world_protect(&w, page, count, prots[test_random(5)]);
        break;
    default:
        mm_config.realign = test_random(3);
        if (test_random(8))
            world_remap(&w, page, count, new_count, flags[test_random(7)], to);
        else
            world_remap_starved(&w, page, count, new_count, flags[test_random(7)], to, NULL);
    }
}

static void test_random_calls(void **state)
{
    for (unsigned seed = 0; seed < 10; seed++) {
        test_random_seed(seed);
        clear_world();
        for (unsigned n = 0; n < 150; n++)
            random_call();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_length),
        TEST(test_shrink),
        TEST(test_shrink_over_several),
        TEST(test_grow_in_place),
        TEST(test_grow_from_the_middle),
        TEST(test_grow_merges),
        TEST(test_grow_by_moving),
        TEST(test_grow_into_highest_gap_that_fits),
        TEST(test_no_gap),
        TEST(test_fixed),
        TEST(test_fixed_onto_something),
        TEST(test_fixed_shrink_over_several),
        TEST(test_fixed_within_one_vma),
        TEST(test_fixed_between_neighbours),
        TEST(test_fixed_keeps_rights),
        TEST(test_dontunmap),
        TEST(test_dontunmap_hint),
        TEST(test_dontunmap_unlocks_the_source),
        TEST(test_refusals),
        TEST(test_limits),
        TEST(test_shared_moves),
        TEST(test_shared_dontunmap),
        TEST(test_duplicate_shared),
        TEST(test_duplicate_from_the_middle),
        TEST(test_duplicate_onto_itself),
        TEST(test_random_calls),
    };

    return cmocka_run_group_tests_name("mremap", tests, NULL, NULL);
}
