/* VMAs beside a page map. See sim_vmas.h. */
#include "tests/host/sim_vmas.h"

#include "tests/host/test.h"

struct vmas_page vmas_model[VMAS_PAGES];
unsigned vmas_last;
struct mm *vmas_mm;
struct vma_reserve vmas_spare;

int vmas_setup(void **state)
{
    sim_boot(64);
    mm_config.stack_guard = VMAS_GUARD * PAGE_SIZE;
    vmas_mm = sim_create();
    assert_non_null(vmas_mm);
    assert_int_equal(vma_reserve_fill(vmas_mm, &vmas_spare, 200), 0);
    memset(vmas_model, 0, sizeof(vmas_model));
    test_random_seed(1);
    return 0;
}

int vmas_teardown(void **state)
{
    vma_cut(vmas_mm, (struct range){0, USER_END}, &vmas_spare);
    assert_null(vmas_mm->first);
    assert_null(vmas_mm->tree);
    assert_int_equal(vmas_mm->total_pages + vmas_mm->data_pages + vmas_mm->stack_pages +
                         vmas_mm->locked_pages,
                     0);
    vma_reserve_drain(vmas_mm, &vmas_spare);
    sim_destroy(vmas_mm);
    sim_halt();
    return 0;
}

/* ---- The model ---- */

void vmas_model_set(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff)
{
    vmas_last++;
    for (unsigned i = start; i < end; i++)
        vmas_model[i] = (struct vmas_page){vmas_last, flags, pgoff + i - start};
}

void vmas_model_clear(unsigned start, unsigned end)
{
    for (unsigned i = start; i < end; i++)
        vmas_model[i] = (struct vmas_page){0};
}

/*
 * Each run of pages with one id is one VMA of vmas_mm's. A hole in the middle of an id makes two,
 * as a cut does.
 */
void vmas_compare(void)
{
    const struct vma *vma = vmas_mm->first;
    unsigned i = 0;

    while (i < VMAS_PAGES) {
        unsigned start = i;

        if (!vmas_model[i].vma) {
            i++;
            continue;
        }
        while (i < VMAS_PAGES && vmas_model[i].vma == vmas_model[start].vma)
            i++;
        assert_non_null(vma);
        assert_int_equal(vma->start, page(start));
        assert_int_equal(vma->end, page(i));
        assert_int_equal(vma->flags, vmas_model[start].flags);
        assert_int_equal(vma->pgoff, vmas_model[start].pgoff);
        vma = vma->next;
    }
    assert_null(vma);
}

/* ---- Helpers ---- */

struct vma *vmas_insert(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff)
{
    struct vma *vma = vma_reserve_take(&vmas_spare);

    *vma = (struct vma){.start = page(start), .end = page(end), .flags = flags, .pgoff = pgoff};
    vma_insert(vmas_mm, vma);
    vmas_model_set(start, end, flags, pgoff);
    return vma;
}

static uint64_t check_subtree(const struct vma *vma, const struct vma **at)
{
    uint64_t gap;
    vaddr_t floor;

    if (!vma)
        return 0;
    gap = check_subtree(vma->left, at);
    assert_ptr_equal(*at, vma);
    floor = vma->prev ? vma->prev->end : 0;
    assert_int_equal(vma->gap,
                     vma_low(vma) > floor ? min_u64(vma_low(vma) - floor, VMA_GAP_MOST) : 0);
    *at = vma->next;
    gap = max_u64(gap, vma->gap);
    gap = max_u64(gap, check_subtree(vma->right, at));
    assert_int_equal(gap, vma->max_gap);
    return gap;
}

void vmas_check_tree(void)
{
    const struct vma *at = vmas_mm->first;
    uint64_t total = 0, data = 0, stack = 0, locked = 0;
    unsigned count = 0;

    check_subtree(vmas_mm->tree, &at);
    assert_null(at);
    for (const struct vma *vma = vmas_mm->first; vma; vma = vma->next) {
        uint64_t n = vma_pages(vma);

        assert_ptr_equal(vma->next ? vma->next->prev : vmas_mm->last, vma);
        count++;
        total += n;
        stack += vma->flags & VMA_GROWSDOWN ? n : 0;
        data += (vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE ? n : 0;
        locked += vma->flags & VMA_LOCKED ? n : 0;
    }
    assert_int_equal(vmas_mm->vma_count, count);
    assert_int_equal(vmas_mm->total_pages, total);
    assert_int_equal(vmas_mm->data_pages, data);
    assert_int_equal(vmas_mm->stack_pages, stack);
    assert_int_equal(vmas_mm->locked_pages, locked);
}

/* ---- Answers by looking at every page ---- */

static unsigned naive_find(unsigned at)
{
    while (at < VMAS_PAGES && !vmas_model[at].vma)
        at++;
    return at;
}

bool vmas_free(unsigned start, unsigned end)
{
    for (unsigned i = start; i < end; i++)
        if (vmas_model[i].vma)
            return false;
    return true;
}

static vaddr_t naive_first_hole(unsigned lo, unsigned hi)
{
    while (lo < hi && !vmas_free(lo, lo + 1))
        lo++;
    return page(lo);
}

/* A place is good if it is free, and so is the guard of the stack that comes next, if any. */
static bool naive_place(unsigned start, unsigned end)
{
    unsigned next = naive_find(end);

    if (!vmas_free(start, end))
        return false;
    return next == VMAS_PAGES || !(vmas_model[next].flags & VMA_GROWSDOWN) ||
           next - end >= VMAS_GUARD;
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
    return vmas_model[i].vma && !(page(i) >= a.start && page(i) < a.end) &&
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
    while (at < VMAS_PAGES && !counts(at, a, b))
        at++;
    return at == VMAS_PAGES ? USER_END : page(at);
}

static void compare_answers(void)
{
    for (unsigned i = 0; i < VMAS_PAGES; i++) {
        unsigned next = naive_find(i);
        struct vma *vma = vma_find(vmas_mm, page(i) + test_random(PAGE_SIZE));

        assert_true(vma ? next < VMAS_PAGES : next == VMAS_PAGES);
        assert_true(!vma || (vma->end > page(i) && vma->start <= page(next)));
        assert_int_equal(vma_at(vmas_mm, page(i)) != NULL, vmas_model[i].vma != 0);
        assert_int_equal(vma_splits_at(vmas_mm, page(i)),
                         i > 0 && vmas_model[i].vma && vmas_model[i].vma == vmas_model[i - 1].vma);
    }
    for (unsigned n = 0; n < 60; n++) {
        unsigned a = test_random(VMAS_PAGES), b = test_random(VMAS_PAGES + 1);
        unsigned lo = a < b ? a : b, hi = a < b ? b : a;
        unsigned len = 1 + test_random(12);

        if (lo < hi)
            assert_int_equal(vma_overlapping(vmas_mm, pages(lo, hi)) != NULL, !vmas_free(lo, hi));
        assert_int_equal(vma_first_hole(vmas_mm, pages(lo, hi)), naive_first_hole(lo, hi));
        if (hi - lo >= len)
            assert_int_equal(vma_gap_below(vmas_mm, len * PAGE_SIZE, page(lo), page(hi)),
                             naive_gap(len, lo, hi));
    }
}

static void compare_bounds(void)
{
    for (unsigned n = 0; n < 100; n++) {
        unsigned at = test_random(VMAS_PAGES), a = test_random(VMAS_PAGES),
                 b = test_random(VMAS_PAGES);
        struct range ra = pages(a, a + test_random(VMAS_PAGES - a)),
                     rb = pages(b, b + test_random(VMAS_PAGES - b));

        assert_int_equal(vma_floor(vmas_mm, vma_find(vmas_mm, page(at)), page(at), ra, rb),
                         naive_floor(at, ra, rb));
        assert_int_equal(vma_ceiling(vma_find(vmas_mm, page(at)), page(at), ra, rb),
                         naive_ceiling(at, ra, rb));
    }
}

void vmas_compare_all(void)
{
    vmas_compare();
    vmas_check_tree();
    compare_answers();
    compare_bounds();
}
