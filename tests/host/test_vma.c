/*
 * VMAs: find, insert, split, cut, merge, gaps, floors and ceilings; each answer against a page map of the whole space,
 * and the tree against the list. No page tables.
 */
/* host-build: 9/4 2/4 3/3 */
#include "tests/host/test.h"

#include "mm/object.h"
#include "mm/vma.h"

/* Where the tests play: as many pages as the smallest geometry has, from 0. */
#define PAGES 100u
#define LIMIT ((uint64_t)PAGES * PAGE_SIZE)

/* The model: which VMA a page belongs to, 0 for none, and what it is like. */
struct page {
    unsigned vma;
    uint32_t flags;
    uint64_t pgoff;
};
static struct page model[PAGES];
static unsigned last_id;

static struct mm *mm;
static struct vma_reserve spare;

static int setup(void **state)
{
    sim_boot(64);
    mm_config.stack_guard = 3 * PAGE_SIZE;
    mm = sim_create();
    assert_non_null(mm);
    assert_int_equal(vma_reserve_fill(&spare, 200), 0);
    memset(model, 0, sizeof(model));
    test_random_seed(1);
    return 0;
}

static int teardown(void **state)
{
    vma_cut(mm, (struct range){0, USER_END}, &spare);
    assert_null(mm->first);
    assert_null(mm->tree);
    assert_int_equal(mm->total_pages + mm->data_pages + mm->stack_pages + mm->locked_pages, 0);
    vma_reserve_drain(&spare);
    sim_destroy(mm);
    sim_halt();
    return 0;
}

static vaddr_t page(unsigned n)
{
    return n * PAGE_SIZE;
}

static struct range pages(unsigned start, unsigned end)
{
    return (struct range){page(start), page(end)};
}

/* ---- The model ---- */

static void model_set(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff)
{
    last_id++;
    for (unsigned i = start; i < end; i++)
        model[i] = (struct page){last_id, flags, pgoff + i - start};
}

static void model_clear(unsigned start, unsigned end)
{
    for (unsigned i = start; i < end; i++)
        model[i] = (struct page){0};
}

/* Each run of pages with one id is one VMA of mm's. A hole in the middle of an id makes two, as a cut does. */
static void compare(void)
{
    const struct vma *vma = mm->first;
    unsigned i = 0;

    while (i < PAGES) {
        unsigned start = i;

        if (!model[i].vma) {
            i++;
            continue;
        }
        while (i < PAGES && model[i].vma == model[start].vma)
            i++;
        assert_non_null(vma);
        assert_int_equal(vma->start, page(start));
        assert_int_equal(vma->end, page(i));
        assert_int_equal(vma->flags, model[start].flags);
        assert_int_equal(vma->pgoff, model[start].pgoff);
        vma = vma->next;
    }
    assert_null(vma);
}

/* ---- Helpers ---- */

static struct vma *insert(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff)
{
    struct vma *vma = vma_reserve_take(&spare);

    *vma = (struct vma){.start = page(start), .end = page(end), .flags = flags, .pgoff = pgoff};
    vma_insert(mm, vma);
    model_set(start, end, flags, pgoff);
    return vma;
}

static unsigned depth(const struct vma *vma)
{
    unsigned left, right;

    if (!vma)
        return 0;
    left = depth(vma->left);
    right = depth(vma->right);
    return 1 + (left > right ? left : right);
}

/* Order, links, gaps and counters; mergeable neighbours are no fault here. */
static uint64_t check_subtree(const struct vma *vma, const struct vma **at)
{
    uint64_t gap;
    vaddr_t floor;

    if (!vma)
        return 0;
    gap = check_subtree(vma->left, at);
    assert_ptr_equal(*at, vma);
    floor = vma->prev ? vma->prev->end : 0;
    assert_int_equal(vma->gap, vma_low(vma) > floor ? vma_low(vma) - floor : 0);
    *at = vma->next;
    gap = max_u64(gap, vma->gap);
    gap = max_u64(gap, check_subtree(vma->right, at));
    assert_int_equal(gap, vma->max_gap);
    return gap;
}

static void check_tree(void)
{
    const struct vma *at = mm->first;
    uint64_t total = 0, data = 0, stack = 0, locked = 0;
    unsigned count = 0;

    check_subtree(mm->tree, &at);
    assert_null(at);
    for (const struct vma *vma = mm->first; vma; vma = vma->next) {
        uint64_t n = vma_pages(vma);

        assert_ptr_equal(vma->next ? vma->next->prev : mm->last, vma);
        count++;
        total += n;
        stack += vma->flags & VMA_GROWSDOWN ? n : 0;
        data += (vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE ? n : 0;
        locked += vma->flags & VMA_LOCKED ? n : 0;
    }
    assert_int_equal(mm->vma_count, count);
    assert_int_equal(mm->total_pages, total);
    assert_int_equal(mm->data_pages, data);
    assert_int_equal(mm->stack_pages, stack);
    assert_int_equal(mm->locked_pages, locked);
}

/* ---- Answers by looking at every page ---- */

static unsigned naive_find(unsigned at)
{
    while (at < PAGES && !model[at].vma)
        at++;
    return at;
}

static bool naive_free(unsigned start, unsigned end)
{
    for (unsigned i = start; i < end; i++)
        if (model[i].vma)
            return false;
    return true;
}

static bool naive_covers(unsigned start, unsigned end)
{
    for (unsigned i = start; i < end; i++)
        if (!model[i].vma)
            return false;
    return true;
}

/* A place is good if it is free, and so is the guard of the stack that comes next, if any. */
static bool naive_place(unsigned start, unsigned end)
{
    unsigned next = naive_find(end);

    if (!naive_free(start, end))
        return false;
    return next == PAGES || !(model[next].flags & VMA_GROWSDOWN) || next - end >= 3;
}

static vaddr_t naive_gap(unsigned len, unsigned low, unsigned high)
{
    for (unsigned at = high - len; at >= low && at <= high; at--)
        if (at > 0 && naive_place(at, at + len))
            return page(at);
    return 0;
}

static bool counts(unsigned i, struct range a, struct range b)
{
    return model[i].vma && !(page(i) >= a.start && page(i) < a.end) &&
           !(page(i) >= b.start && page(i) < b.end);
}

static vaddr_t naive_floor(unsigned at, struct range a, struct range b)
{
    while (at > 0 && !counts(at - 1, a, b))
        at--;
    return page(at);
}

static vaddr_t naive_ceiling(unsigned at, struct range a, struct range b)
{
    while (at < PAGES && !counts(at, a, b))
        at++;
    return at == PAGES ? USER_END : page(at);
}

static void compare_answers(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        unsigned next = naive_find(i);
        struct vma *vma = vma_find(mm, page(i) + test_random(PAGE_SIZE));

        assert_true(vma ? next < PAGES : next == PAGES);
        assert_true(!vma || (vma->end > page(i) && vma->start <= page(next)));
        assert_int_equal(vma_at(mm, page(i)) != NULL, model[i].vma != 0);
        assert_int_equal(vma_splits_at(mm, page(i)),
                         i > 0 && model[i].vma && model[i].vma == model[i - 1].vma);
    }
    for (unsigned n = 0; n < 60; n++) {
        unsigned a = test_random(PAGES), b = test_random(PAGES + 1);
        unsigned lo = a < b ? a : b, hi = a < b ? b : a;
        unsigned len = 1 + test_random(12);

        if (lo < hi)
            assert_int_equal(vma_overlapping(mm, pages(lo, hi)) != NULL, !naive_free(lo, hi));
        assert_int_equal(vma_covers(mm, pages(lo, hi)), naive_covers(lo, hi));
        if (hi - lo >= len)
            assert_int_equal(vma_gap_below(mm, len * PAGE_SIZE, page(lo), page(hi)),
                             naive_gap(len, lo, hi));
    }
}

static void compare_bounds(void)
{
    for (unsigned n = 0; n < 100; n++) {
        unsigned at = test_random(PAGES), a = test_random(PAGES), b = test_random(PAGES);
        struct range ra = pages(a, a + test_random(PAGES - a)),
                     rb = pages(b, b + test_random(PAGES - b));

        assert_int_equal(vma_floor(mm, page(at), ra, rb), naive_floor(at, ra, rb));
        assert_int_equal(vma_ceiling(mm, page(at), ra, rb), naive_ceiling(at, ra, rb));
    }
}

static void compare_all(void)
{
    compare();
    check_tree();
    compare_answers();
    compare_bounds();
}

/* ---- Single cases ---- */

static void test_nothing(void **state)
{
    compare_all();
    assert_null(vma_find(mm, 0));
    assert_int_equal(vma_gap_below(mm, PAGE_SIZE, PAGE_SIZE, USER_END), USER_END - PAGE_SIZE);
    assert_int_equal(vma_gap_below(mm, USER_END, 0, USER_END), 0);
    assert_int_equal(vma_gap_below(mm, USER_END, PAGE_SIZE, USER_END), 0);
}

static void test_edges_of_a_vma(void **state)
{
    struct vma *vma = insert(10, 20, VMA_READ, 0);

    assert_ptr_equal(vma_find(mm, page(20) - 1), vma);
    assert_null(vma_find(mm, page(20)));
    assert_ptr_equal(vma_at(mm, page(10)), vma);
    assert_null(vma_at(mm, page(10) - 1));
    assert_null(vma_overlapping(mm, pages(5, 10)));
    assert_ptr_equal(vma_overlapping(mm, pages(5, 11)), vma);
    assert_null(vma_overlapping(mm, pages(20, 30)));
    assert_true(vma_covers(mm, pages(10, 20)));
    assert_false(vma_covers(mm, pages(9, 20)));
    assert_false(vma_covers(mm, pages(10, 21)));
    assert_true(vma_covers(mm, pages(30, 30)));
    assert_false(vma_splits_at(mm, page(10)));
    assert_true(vma_splits_at(mm, page(11)));
    assert_false(vma_splits_at(mm, page(20)));
    compare_all();
}

static void test_pgoff_follows_splits_and_resizes(void **state)
{
    struct vma *vma = insert(10, 20, VMA_READ, 500);
    struct vma *upper = vma_split(mm, vma, page(13), &spare);

    assert_int_equal(upper->pgoff, 503);
    assert_int_equal(vma_pgoff(upper, page(15)), 505);
    vma_resize(mm, upper, page(15), page(22));
    assert_int_equal(upper->pgoff, 505);
    vma_resize(mm, vma, page(8), page(12));
    assert_int_equal(vma->pgoff, 498);
    vma_relocate(mm, vma, page(2), page(6));
    assert_int_equal(vma->pgoff, 498);
    check_tree();
}

static void test_cut(void **state)
{
    static const struct {
        unsigned start, end;
        bool splits;
    } cuts[] = {{12, 18, true},  {5, 12, false},  {18, 25, false}, {10, 20, false},
                {5, 35, false},  {15, 32, false}, {20, 30, false}, {11, 12, true},
                {19, 20, false}, {10, 11, false}};

    for (unsigned i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct range r = pages(cuts[i].start, cuts[i].end);

        insert(10, 20, VMA_READ, 100);
        insert(30, 40, VMA_READ, 130);
        assert_int_equal(vma_cut_splits(mm, r), cuts[i].splits);
        vma_cut(mm, r, &spare);
        for (unsigned n = cuts[i].end; cuts[i].splits && n < 20; n++)
            model[n].vma = last_id + 1;
        last_id++;
        model_clear(cuts[i].start, cuts[i].end);
        compare_all();
        vma_cut(mm, (struct range){0, USER_END}, &spare);
        model_clear(0, PAGES);
    }
}

static bool would_merge(struct vma a, struct vma b)
{
    return vma_mergeable(&a, &b);
}

static void test_mergeable(void **state)
{
    struct vma a = {.start = page(1), .end = page(3), .flags = VMA_READ, .pgoff = 7};
    struct vma b = {.start = page(3), .end = page(4), .flags = VMA_READ, .pgoff = 9};
    struct vma c = b;

    assert_true(would_merge(a, b));
    c.start = page(4), c.end = page(5);
    assert_false(would_merge(a, c));
    c = b, c.flags |= VMA_WRITE;
    assert_false(would_merge(a, c));
    c = b, c.pgoff = 10;
    assert_false(would_merge(a, c));
    c = b, c.object = (struct object *)&c;
    assert_false(would_merge(a, c));
    c = b, c.anon = 5;
    assert_true(would_merge(a, c));
    a.anon = 4;
    assert_false(would_merge(a, c));
    assert_true(would_merge(a, b));
    a.anon = 5;
    assert_true(would_merge(a, c));
}

static void test_merge_keeps_identity(void **state)
{
    struct vma *a = insert(10, 20, VMA_READ, 10);
    struct vma *b = insert(20, 30, VMA_READ, 20);

    b->anon = 3;
    vma_merge(mm, pages(20, 30), &spare);
    assert_ptr_equal(mm->first, a);
    assert_ptr_equal(mm->last, a);
    assert_int_equal(a->anon, 3);
    assert_int_equal(a->end, page(30));
    model_set(10, 30, VMA_READ, 10);
    compare_all();
}

/* From the VMA before the range to the one after it, no further. */
static void test_merge_reaches_both_neighbours(void **state)
{
    for (unsigned i = 0; i < 5; i++)
        insert(10 + i * 5, 15 + i * 5, VMA_READ, 10 + i * 5);
    vma_merge(mm, pages(20, 25), &spare);
    assert_int_equal(mm->vma_count, 3);
    assert_non_null(vma_at(mm, page(15)));
    assert_int_equal(vma_at(mm, page(15))->end, page(30));
    vma_merge(mm, pages(0, PAGES), &spare);
    assert_int_equal(mm->vma_count, 1);
    check_tree();
}

static void test_merge_drops_object_reference(void **state)
{
    struct object *object = object_create(PAGE_SIZE * 8, "file");
    struct vma *vma = insert(10, 14, VMA_READ | VMA_SHARED, 2);

    vma->object = object_get(object);
    assert_int_equal(object->refs, 2);
    vma_split(mm, vma, page(12), &spare);
    assert_int_equal(object->refs, 3);
    vma_merge(mm, pages(12, 12), &spare);
    assert_int_equal(mm->vma_count, 1);
    assert_int_equal(object->refs, 2);
    vma_cut(mm, pages(10, 14), &spare);
    assert_int_equal(object->refs, 1);
    object_put(object);
    assert_null(object_all);
}

static void test_identify(void **state)
{
    struct vma *a = insert(10, 20, VMA_READ | VMA_WRITE, 10);
    struct vma *b = insert(20, 30, VMA_READ, 20);
    struct vma *c = insert(30, 40, VMA_READ | VMA_WRITE, 99);

    vma_identify(mm, a);
    assert_int_not_equal(a->anon, 0);
    vma_identify(mm, b);
    assert_int_equal(b->anon, a->anon);
    vma_identify(mm, c);
    assert_int_not_equal(c->anon, 0);
    assert_int_not_equal(c->anon, a->anon);
    vma_identify(mm, c);
}

static void test_guard_of_a_stack(void **state)
{
    insert(50, 60, VMA_READ | VMA_WRITE | VMA_GROWSDOWN, 0);
    assert_int_equal(vma_low(mm->first), page(47));
    assert_int_equal(vma_gap_below(mm, PAGE_SIZE, PAGE_SIZE, page(60)), page(46));
    assert_int_equal(vma_gap_below(mm, PAGE_SIZE, page(47), page(60)), 0);
    insert(48, 49, VMA_READ, 0);
    assert_int_equal(mm->last->gap, 0);
    compare_all();
    vma_cut(mm, pages(48, 60), &spare);
    model_clear(48, 60);
    insert(1, 2, VMA_READ | VMA_GROWSDOWN, 0);
    assert_int_equal(vma_low(mm->first), 0);
    compare_all();
}

static void test_bounds_skip_the_two_ranges(void **state)
{
    insert(10, 20, VMA_READ, 0);
    insert(20, 30, VMA_WRITE, 0);
    insert(35, 40, VMA_READ, 0);
    assert_int_equal(vma_floor(mm, page(35), pages(0, 0), pages(0, 0)), page(30));
    assert_int_equal(vma_floor(mm, page(35), pages(20, 30), pages(0, 0)), page(20));
    assert_int_equal(vma_floor(mm, page(35), pages(20, 30), pages(5, 20)), 0);
    assert_int_equal(vma_floor(mm, page(35), pages(25, 33), pages(15, 22)), page(25));
    assert_int_equal(vma_floor(mm, page(35), pages(25, 33), pages(15, 25)), page(15));
    assert_int_equal(vma_floor(mm, page(25), pages(25, 30), pages(0, 0)), page(25));
    assert_int_equal(vma_ceiling(mm, page(5), pages(0, 0), pages(0, 0)), page(10));
    assert_int_equal(vma_ceiling(mm, page(5), pages(10, 15), pages(0, 0)), page(15));
    assert_int_equal(vma_ceiling(mm, page(5), pages(8, 15), pages(15, 38)), page(38));
    assert_int_equal(vma_ceiling(mm, page(20), pages(10, 20), pages(20, 40)), USER_END);
    compare_all();
}

static void test_limits(void **state)
{
    insert(10, 20, VMA_READ | VMA_WRITE, 0);
    insert(30, 35, VMA_READ | VMA_WRITE | VMA_GROWSDOWN, 0);
    mm->limits.as = 20 * PAGE_SIZE + 5;
    mm->limits.data = 12 * PAGE_SIZE;
    assert_true(vma_may_expand(mm, VMA_READ, 5));
    assert_false(vma_may_expand(mm, VMA_READ, 6));
    assert_true(vma_may_expand(mm, VMA_WRITE, 2));
    assert_false(vma_may_expand(mm, VMA_WRITE, 3));
    assert_true(vma_may_expand(mm, VMA_WRITE | VMA_SHARED, 3));
    assert_true(vma_may_expand(mm, VMA_WRITE | VMA_GROWSDOWN, 3));
    assert_true(vma_may_commit(VMA_WRITE, 64));
    assert_false(vma_may_commit(VMA_WRITE, 65));
    assert_true(vma_may_commit(VMA_READ, 65));
    assert_true(vma_may_commit(VMA_WRITE | VMA_NORESERVE, 65));
}

static void test_reserve_is_all_or_nothing(void **state)
{
    struct vma_reserve reserve = {NULL};
    uint32_t before = sim_objects();

    for (unsigned n = 1; n <= 5; n++) {
        sim_fail_after(n, false);
        assert_int_equal(vma_reserve_fill(&reserve, 5), -12);
        assert_null(reserve.head);
        assert_int_equal(sim_objects(), before);
    }
    sim_fail_after(0, false);
    assert_int_equal(vma_reserve_fill(&reserve, 5), 0);
    assert_int_equal(sim_objects(), before + 5);
    vma_reserve_drain(&reserve);
    assert_int_equal(sim_objects(), before);
}

/* ---- At random, against the model ---- */

static const uint32_t flag_sets[] = {
    VMA_READ,
    VMA_READ | VMA_WRITE,
    VMA_READ | VMA_WRITE | VMA_GROWSDOWN,
    VMA_READ | VMA_LOCKED,
};

static void random_insert(unsigned start, unsigned end)
{
    if (naive_free(start, end))
        insert(start, end, flag_sets[test_random(4)], test_random(3) * 10 + start);
}

static void random_cut(unsigned start, unsigned end)
{
    bool splits = vma_cut_splits(mm, pages(start, end));
    unsigned id = model[start].vma;

    vma_cut(mm, pages(start, end), &spare);
    model_clear(start, end);
    for (unsigned i = end; splits && i < PAGES && model[i].vma == id; i++)
        model[i].vma = last_id + 1;
    last_id++;
}

static void random_split(unsigned at)
{
    unsigned id = model[at].vma;

    if (!vma_splits_at(mm, page(at)))
        return;
    vma_split_at(mm, page(at), &spare);
    last_id++;
    for (unsigned i = at; i < PAGES && model[i].vma == id; i++)
        model[i].vma = last_id;
}

static void random_merge(unsigned start, unsigned end)
{
    unsigned first = start ? start - 1 : 0;

    vma_merge(mm, pages(start, end), &spare);
    for (unsigned i = first + 1; i < PAGES && i <= end; i++) {
        const struct page *a = &model[i - 1];
        unsigned id = model[i].vma;

        if (!a->vma || !id || a->vma == id || a->flags != model[i].flags ||
            a->pgoff + 1 != model[i].pgoff)
            continue;
        for (unsigned n = i; n < PAGES && model[n].vma == id; n++)
            model[n].vma = a->vma;
    }
}

static void random_flags(unsigned at)
{
    struct vma *vma = vma_at(mm, page(at));
    uint32_t flags = flag_sets[test_random(4)];
    unsigned id = model[at].vma;

    if (!vma)
        return;
    vma_set_flags(mm, vma, flags);
    for (unsigned i = 0; i < PAGES; i++)
        if (model[i].vma == id)
            model[i].flags = flags;
}

static void random_step(void)
{
    unsigned start = 1 + test_random(PAGES - 1);
    unsigned end = start + 1 + test_random(10);

    end = end > PAGES ? PAGES : end;
    switch (test_random(8)) {
    case 0:
        random_cut(start, end);
        break;
    case 1:
        random_split(start);
        break;
    case 2:
        random_merge(start, end);
        break;
    case 3:
        random_flags(start);
        break;
    default:
        random_insert(start, end);
    }
}

static void test_random_steps(void **state)
{
    for (unsigned i = 0; i < 3000; i++) {
        random_step();
        compare();
        check_tree();
        if (i % 5 == 0)
            compare_all();
    }
}

/* ---- Balance ---- */

static void expect_balanced(unsigned count)
{
    unsigned log = 0;

    while (1u << log < count)
        log++;
    check(depth(mm->tree) <= 4 * log + 4, "depth %u for %u VMAs", depth(mm->tree), count);
}

static struct vma many[20000];

/* Ascending, descending and from both ends to the middle: what a tree without balance would make a list of. */
static void test_balance(void **state)
{
    unsigned count = (unsigned)min_u64(20000, TASK_SIZE / (2 * PAGE_SIZE) - 1);

    for (unsigned order = 0; order < 3; order++) {
        for (unsigned i = 0; i < count; i++) {
            unsigned at = order == 0   ? i
                          : order == 1 ? count - 1 - i
                          : i % 2      ? count - 1 - i / 2
                                       : i / 2;

            many[i] = (struct vma){.start = page(2 * at + 1), .end = page(2 * at + 2)};
            vma_insert(mm, &many[i]);
        }
        check_tree();
        expect_balanced(count);
        while (mm->first) {
            struct vma *vma = mm->vma_count % 2 ? mm->first : mm->last;
            struct vma_reserve taken = {NULL};

            vma_retire(mm, vma, &taken);
            if (mm->vma_count == count / 2)
                expect_balanced(count);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing),
        TEST(test_edges_of_a_vma),
        TEST(test_pgoff_follows_splits_and_resizes),
        TEST(test_cut),
        TEST(test_mergeable),
        TEST(test_merge_keeps_identity),
        TEST(test_merge_reaches_both_neighbours),
        TEST(test_merge_drops_object_reference),
        TEST(test_identify),
        TEST(test_guard_of_a_stack),
        TEST(test_bounds_skip_the_two_ranges),
        TEST(test_limits),
        TEST(test_reserve_is_all_or_nothing),
        TEST(test_random_steps),
        TEST(test_balance),
    };

    return cmocka_run_group_tests_name("vma", tests, NULL, NULL);
}
