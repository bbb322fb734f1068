/*
 * VMAs, case by case: find, split, cut, merge, gaps, floors and ceilings; each answer also against
 * a page map.
 */
/* host-build: 9/4 2/4 3/3 */
#include "tests/host/test.h"

#include "mm/object.h"
#include "tests/host/sim_vmas.h"

static void test_nothing(void **state)
{
    vmas_compare_all();
    assert_null(vma_find(vmas_mm, 0));
    assert_int_equal(vma_gap_below(vmas_mm, PAGE_SIZE, PAGE_SIZE, USER_END), USER_END - PAGE_SIZE);
    assert_int_equal(vma_gap_below(vmas_mm, USER_END, 0, USER_END), 0);
    assert_int_equal(vma_gap_below(vmas_mm, USER_END, PAGE_SIZE, USER_END), 0);
}

static void test_edges_of_a_vma(void **state)
{
    struct vma *vma = vmas_insert(10, 20, VMA_READ, 0);

    assert_ptr_equal(vma_find(vmas_mm, page(20) - 1), vma);
    assert_null(vma_find(vmas_mm, page(20)));
    assert_ptr_equal(vma_at(vmas_mm, page(10)), vma);
    assert_null(vma_at(vmas_mm, page(10) - 1));
    assert_null(vma_overlapping(vmas_mm, pages(5, 10)));
    assert_ptr_equal(vma_overlapping(vmas_mm, pages(5, 11)), vma);
    assert_null(vma_overlapping(vmas_mm, pages(20, 30)));
    assert_int_equal(vma_first_hole(vmas_mm, pages(10, 20)), page(20));
    assert_int_equal(vma_first_hole(vmas_mm, pages(9, 20)), page(9));
    assert_int_equal(vma_first_hole(vmas_mm, pages(10, 21)), page(20));
    assert_int_equal(vma_first_hole(vmas_mm, pages(30, 30)), page(30));
    assert_false(vma_splits_at(vmas_mm, page(10)));
    assert_true(vma_splits_at(vmas_mm, page(11)));
    assert_false(vma_splits_at(vmas_mm, page(20)));
    vmas_compare_all();
}

static void test_pgoff_follows_splits_and_resizes(void **state)
{
    struct vma *vma = vmas_insert(10, 20, VMA_READ, 500);
    struct vma *upper = vma_split(vmas_mm, vma, page(13), &vmas_spare);

    assert_int_equal(upper->pgoff, 503);
    assert_int_equal(vma_pgoff(upper, page(15)), 505);
    vma_resize(vmas_mm, upper, page(15), page(22));
    assert_int_equal(upper->pgoff, 505);
    vma_resize(vmas_mm, vma, page(8), page(12));
    assert_int_equal(vma->pgoff, 498);
    vma_relocate(vmas_mm, vma, page(2), page(6));
    assert_int_equal(vma->pgoff, 498);
    vmas_check_tree();
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

        vmas_insert(10, 20, VMA_READ, 100);
        vmas_insert(30, 40, VMA_READ, 130);
        assert_int_equal(vma_cut_splits(vmas_mm, r), cuts[i].splits);
        vma_cut(vmas_mm, r, &vmas_spare);
        for (unsigned n = cuts[i].end; cuts[i].splits && n < 20; n++)
            vmas_model[n].vma = vmas_last + 1;
        vmas_last++;
        vmas_model_clear(cuts[i].start, cuts[i].end);
        vmas_compare_all();
        vma_cut(vmas_mm, (struct range){0, USER_END}, &vmas_spare);
        vmas_model_clear(0, VMAS_PAGES);
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
    struct vma *a = vmas_insert(10, 20, VMA_READ, 10);
    struct vma *b = vmas_insert(20, 30, VMA_READ, 20);

    b->anon = 3;
    b->touched = true;
    vma_merge(vmas_mm, pages(20, 30), &vmas_spare);
    assert_true(a->touched);
    assert_ptr_equal(vmas_mm->first, a);
    assert_ptr_equal(vmas_mm->last, a);
    assert_int_equal(a->anon, 3);
    assert_int_equal(a->end, page(30));
    vmas_model_set(10, 30, VMA_READ, 10);
    vmas_compare_all();
}

/* From the VMA before the range to the one after it, no further. */
static void test_merge_reaches_both_neighbours(void **state)
{
    for (unsigned i = 0; i < 5; i++)
        vmas_insert(10 + i * 5, 15 + i * 5, VMA_READ, 10 + i * 5);
    vma_merge(vmas_mm, pages(20, 25), &vmas_spare);
    assert_int_equal(vmas_mm->vma_count, 3);
    assert_non_null(vma_at(vmas_mm, page(15)));
    assert_int_equal(vma_at(vmas_mm, page(15))->end, page(30));
    vma_merge(vmas_mm, pages(0, VMAS_PAGES), &vmas_spare);
    assert_int_equal(vmas_mm->vma_count, 1);
    vmas_check_tree();
}

static void test_merge_drops_object_reference(void **state)
{
    struct object *object = object_create(PAGE_SIZE * 8, "file");
    struct vma *vma = vmas_insert(10, 14, VMA_READ | VMA_SHARED, 2);

    vma->object = object_get(object);
    assert_int_equal(object->refs, 2);
    vma_split(vmas_mm, vma, page(12), &vmas_spare);
    assert_int_equal(object->refs, 3);
    vma_merge(vmas_mm, pages(12, 12), &vmas_spare);
    assert_int_equal(vmas_mm->vma_count, 1);
    assert_int_equal(object->refs, 2);
    vma_cut(vmas_mm, pages(10, 14), &vmas_spare);
    assert_int_equal(object->refs, 1);
    object_put(object);
    assert_null(object_all);
}

static void test_identify(void **state)
{
    struct vma *a = vmas_insert(10, 20, VMA_READ | VMA_WRITE, 10);
    struct vma *b = vmas_insert(20, 30, VMA_READ, 20);
    struct vma *c = vmas_insert(30, 40, VMA_READ | VMA_WRITE, 99);

    vma_identify(vmas_mm, a);
    assert_int_not_equal(a->anon, 0);
    vma_identify(vmas_mm, b);
    assert_int_equal(b->anon, a->anon);
    vma_identify(vmas_mm, c);
    assert_int_not_equal(c->anon, 0);
    assert_int_not_equal(c->anon, a->anon);
    vma_identify(vmas_mm, c);
}

static void test_guard_of_a_stack(void **state)
{
    vmas_insert(50, 60, VMA_READ | VMA_WRITE | VMA_GROWSDOWN, 0);
    assert_int_equal(vma_low(vmas_mm->first), page(47));
    assert_int_equal(vma_gap_below(vmas_mm, PAGE_SIZE, PAGE_SIZE, page(60)), page(46));
    assert_int_equal(vma_gap_below(vmas_mm, PAGE_SIZE, page(47), page(60)), 0);
    vmas_insert(48, 49, VMA_READ, 0);
    assert_int_equal(vmas_mm->last->gap, 0);
    vmas_compare_all();
    vma_cut(vmas_mm, pages(48, 60), &vmas_spare);
    vmas_model_clear(48, 60);
    vmas_insert(1, 2, VMA_READ | VMA_GROWSDOWN, 0);
    assert_int_equal(vma_low(vmas_mm->first), 0);
    vmas_compare_all();
}

static vaddr_t floor_of(unsigned at, struct range a, struct range b)
{
    return vma_floor(vmas_mm, vma_find(vmas_mm, page(at)), page(at), a, b);
}

static vaddr_t ceiling_of(unsigned at, struct range a, struct range b)
{
    return vma_ceiling(vma_find(vmas_mm, page(at)), page(at), a, b);
}

static void test_bounds_skip_the_two_ranges(void **state)
{
    vmas_insert(10, 20, VMA_READ, 0);
    vmas_insert(20, 30, VMA_WRITE, 0);
    vmas_insert(35, 40, VMA_READ, 0);
    assert_int_equal(floor_of(35, pages(0, 0), pages(0, 0)), page(30));
    assert_int_equal(floor_of(35, pages(20, 30), pages(0, 0)), page(20));
    assert_int_equal(floor_of(35, pages(20, 30), pages(5, 20)), 0);
    assert_int_equal(floor_of(35, pages(25, 33), pages(15, 22)), page(25));
    assert_int_equal(floor_of(35, pages(25, 33), pages(15, 25)), page(15));
    assert_int_equal(floor_of(25, pages(25, 30), pages(0, 0)), page(25));
    assert_int_equal(ceiling_of(5, pages(0, 0), pages(0, 0)), page(10));
    assert_int_equal(ceiling_of(5, pages(10, 15), pages(0, 0)), page(15));
    assert_int_equal(ceiling_of(5, pages(8, 15), pages(15, 38)), page(38));
    assert_int_equal(ceiling_of(20, pages(10, 20), pages(20, 40)), USER_END);
    vmas_compare_all();
}

static void test_limits(void **state)
{
    vmas_insert(10, 20, VMA_READ | VMA_WRITE, 0);
    vmas_insert(30, 35, VMA_READ | VMA_WRITE | VMA_GROWSDOWN, 0);
    vmas_mm->limits.as = 20 * PAGE_SIZE + 5;
    vmas_mm->limits.data = 12 * PAGE_SIZE;
    assert_true(vma_may_expand(vmas_mm, VMA_READ, 5));
    assert_false(vma_may_expand(vmas_mm, VMA_READ, 6));
    assert_true(vma_may_expand(vmas_mm, VMA_WRITE, 2));
    assert_false(vma_may_expand(vmas_mm, VMA_WRITE, 3));
    assert_true(vma_may_expand(vmas_mm, VMA_WRITE | VMA_SHARED, 3));
    assert_true(vma_may_expand(vmas_mm, VMA_WRITE | VMA_GROWSDOWN, 3));
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
        assert_int_equal(vma_reserve_fill(vmas_mm, &reserve, 5), -12);
        assert_null(reserve.head);
        assert_int_equal(sim_objects(), before);
    }
    sim_fail_after(0, false);
    assert_int_equal(vma_reserve_fill(vmas_mm, &reserve, 5), 0);
    assert_int_equal(sim_objects(), before + 5);
    vma_reserve_drain(vmas_mm, &reserve);
    assert_int_equal(sim_objects(), before);
}

/* What is left over is the first to be taken again; one is kept, and no more. */
static void test_spare_is_taken_first(void **state)
{
    struct vma_reserve reserve = {NULL};
    uint32_t before = sim_objects();
    struct vma *vma;

    assert_int_equal(vma_reserve_fill(vmas_mm, &reserve, 2), 0);
    vma_reserve_drain(vmas_mm, &reserve);
    assert_int_equal(sim_objects(), before);
    assert_non_null(vmas_mm->spare);
    sim_fail_after(1, false);
    assert_int_equal(vma_reserve_fill(vmas_mm, &reserve, 1), 0);
    assert_null(vmas_mm->spare);
    assert_int_equal(sim_objects(), before + 1);
    sim_fail_after(0, false);
    vma = vma_reserve_take(&reserve);
    *vma = (struct vma){.start = page(1), .end = page(2), .anon = 3, .touched = true};
    vma_insert(vmas_mm, vma);
    vma_retire(vmas_mm, vma, &reserve);
    assert_true(!vma->anon && !vma->touched);
    vma_reserve_drain(vmas_mm, &reserve);
    assert_ptr_equal(vmas_mm->spare, vma);
    assert_int_equal(sim_objects(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vmas_setup, vmas_teardown)

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
        TEST(test_spare_is_taken_first),
    };

    return cmocka_run_group_tests_name("vma", tests, NULL, NULL);
}
