/* VMAs at random against a page map, and the balance of their tree. */
/* host-build: 9/4 2/4 3/3 */
#include "tests/host/test.h"

#include "tests/host/sim_vmas.h"

/* ---- At random, against the model ---- */

static const uint32_t flag_sets[] = {
    VMA_READ,
    VMA_READ | VMA_WRITE,
    VMA_READ | VMA_WRITE | VMA_GROWSDOWN,
    VMA_READ | VMA_LOCKED,
};

static void random_insert(unsigned start, unsigned end)
{
    if (vmas_free(start, end))
        vmas_insert(start, end, flag_sets[test_random(4)], test_random(3) * 10 + start);
}

static void random_cut(unsigned start, unsigned end)
{
    bool splits = vma_cut_splits(vmas_mm, pages(start, end));
    unsigned id = vmas_model[start].vma;

    vma_cut(vmas_mm, pages(start, end), &vmas_spare);
    vmas_model_clear(start, end);
    for (unsigned i = end; splits && i < VMAS_PAGES && vmas_model[i].vma == id; i++)
        vmas_model[i].vma = vmas_last + 1;
    vmas_last++;
}

static void random_split(unsigned at)
{
    unsigned id = vmas_model[at].vma;

    if (!vma_splits_at(vmas_mm, page(at)))
        return;
    vma_split_at(vmas_mm, page(at), &vmas_spare);
    vmas_last++;
    for (unsigned i = at; i < VMAS_PAGES && vmas_model[i].vma == id; i++)
        vmas_model[i].vma = vmas_last;
}

static void random_merge(unsigned start, unsigned end)
{
    unsigned first = start ? start - 1 : 0;

    vma_merge(vmas_mm, pages(start, end), &vmas_spare);
    for (unsigned i = first + 1; i < VMAS_PAGES && i <= end; i++) {
        const struct vmas_page *a = &vmas_model[i - 1];
        unsigned id = vmas_model[i].vma;

        if (!a->vma || !id || a->vma == id || a->flags != vmas_model[i].flags ||
            a->pgoff + 1 != vmas_model[i].pgoff)
            continue;
        for (unsigned n = i; n < VMAS_PAGES && vmas_model[n].vma == id; n++)
            vmas_model[n].vma = a->vma;
    }
}

static void random_flags(unsigned at)
{
    struct vma *vma = vma_at(vmas_mm, page(at));
    uint32_t flags = flag_sets[test_random(4)];
    unsigned id = vmas_model[at].vma;

    if (!vma)
        return;
    vma_set_flags(vmas_mm, vma, flags);
    for (unsigned i = 0; i < VMAS_PAGES; i++)
        if (vmas_model[i].vma == id)
            vmas_model[i].flags = flags;
}

static void random_step(void)
{
    unsigned start = 1 + test_random(VMAS_PAGES - 1);
    unsigned end = start + 1 + test_random(10);

    end = end > VMAS_PAGES ? VMAS_PAGES : end;
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
        vmas_compare();
        vmas_check_tree();
        if (i % 5 == 0)
            vmas_compare_all();
    }
}

/* ---- Balance ---- */

static unsigned depth(const struct vma *vma)
{
    unsigned left, right;

    if (!vma)
        return 0;
    left = depth(vma->left);
    right = depth(vma->right);
    return 1 + (left > right ? left : right);
}

static void expect_balanced(unsigned count)
{
    unsigned log = 0;

    while (1u << log < count)
        log++;
    check(depth(vmas_mm->tree) <= 4 * log + 4, "depth %u for %u VMAs", depth(vmas_mm->tree), count);
}

static struct vma many[20000];

/*
 * Ascending, descending and from both ends to the middle: what a tree without balance would make a
 * list of.
 */
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
            vma_insert(vmas_mm, &many[i]);
        }
        vmas_check_tree();
        expect_balanced(count);
        while (vmas_mm->first) {
            struct vma *vma = vmas_mm->vma_count % 2 ? vmas_mm->first : vmas_mm->last;
            struct vma_reserve taken = {NULL};

            vma_retire(vmas_mm, vma, &taken);
            if (vmas_mm->vma_count == count / 2)
                expect_balanced(count);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vmas_setup, vmas_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_random_steps),
        TEST(test_balance),
    };

    return cmocka_run_group_tests_name("vma_random", tests, NULL, NULL);
}
