/*
 * Answers that no other test asks for: ends of the address space, lengths beyond any machine, flags
 * that are known and not had.
 */
/* host-build: 9/4 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 1500
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)
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

static void map(unsigned page, uint64_t count, uint32_t prot, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PAGE_SIZE, prot, flags), AT(page));
}

/* ---- Flags ---- */

static void test_madv_free(void **state)
{
    map(0, 2, RW, PRIVATE);
    map(10, 1, RW, SHARED);
    map(20, 1, RW, PRIVATE | MAP_LOCKED);
    assert_int_equal(sim_write(mm, 0, AT(0), 7), FAULT_DONE);
    assert_int_equal(sim_madvise(mm, AT(0), 2 * PAGE_SIZE, MADV_FREE), 0);
    assert_int_equal(sim_read(mm, 1, AT(0)), 0);
    check_refused_for(-EINVAL, REFUSE_ACCESS, sim_madvise(mm, AT(10), PAGE_SIZE, MADV_FREE));
    check_refused_for(-EINVAL, REFUSE_ACCESS, sim_madvise(mm, AT(20), PAGE_SIZE, MADV_FREE));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED, sim_madvise(mm, AT(0), 3 * PAGE_SIZE, MADV_FREE));
}

static void test_flags_known_and_not_had(void **state)
{
    const uint32_t validate = MAP_SHARED_VALIDATE | MAP_FIXED;
    struct object *object = object_create(PAGE_SIZE, "file");

    check_refused_for(-ENOMEM, REFUSE_MEMORY,
                      sim_mmap(mm, AT(0), PAGE_SIZE, RW, PRIVATE | MAP_HUGETLB));
    check_refused_for(-EOPNOTSUPP, REFUSE_FLAGS,
                      sim_mmap_object(mm, AT(0), PAGE_SIZE, RW, validate | MAP_SYNC, object, 0));
    check_refused_for(-EOPNOTSUPP, REFUSE_FLAGS,
                      sim_mmap_object(mm, AT(0), PAGE_SIZE, RW, validate | 1u << 31, object, 0));
    assert_int_equal(sim_mmap_object(mm, AT(0), PAGE_SIZE, RW, validate | MAP_STACK, object, 0),
                     AT(0));
    object_put(object);
}

/* ---- Lengths ---- */

/* More memory than the machine has: readable it costs nothing, writable it is refused. */
static void test_more_than_the_machine_has(void **state)
{
    map(0, 2 * FRAMES, PROT_READ, PRIVATE);
    check_refused_for(-ENOMEM, REFUSE_LIMIT, sim_mprotect(mm, AT(0), 2 * FRAMES * PAGE_SIZE, RW));
    assert_int_equal(sim_mprotect(mm, AT(0), FRAMES * PAGE_SIZE, RW), 0);
    mm->layout.brk_start = mm->layout.brk = PAGE_SIZE * 20;
    assert_int_equal(sim_brk(mm, PAGE_SIZE * (20 + FRAMES + 1)), PAGE_SIZE * 20);
    assert_int_equal(sim_brk(mm, PAGE_SIZE * (20 + FRAMES)), PAGE_SIZE * (20 + FRAMES));
}

/* The tree of an object is never higher than an address space's. */
static void test_object_beyond_everything(void **state)
{
    struct object *object = object_create((uint64_t)1 << 62, "huge");
    char word[8] = "far out";

    assert_non_null(object);
    assert_int_equal(object->pt.top, PT_TOP);
    assert_int_equal(object_write(object, USER_END - PAGE_SIZE, word, sizeof(word)), 0);
    memset(word, 0, sizeof(word));
    assert_int_equal(object_read(object, USER_END - PAGE_SIZE, word, sizeof(word)), 0);
    assert_string_equal(word, "far out");
    assert_int_equal(object_read(object, 0, word, sizeof(word)), 0);
    assert_string_equal(word, "");
    object_put(object);
}

/* ---- A huge leaf ---- */

/* Whatever meets one treats it as a leaf: rights, move, unmapping. */
static void test_huge_leaf(void **state)
{
    const uint64_t span = pt_span(PT_PMD);
    vaddr_t to = BASE + 8 * span;
    unsigned level = PT_PTE;
    struct pte *leaf;

    map(0, PT_ENTRIES, RW, PRIVATE | MAP_NORESERVE);
    sim_map(mm, BASE, PTE_R | PTE_W, PT_PMD);
    assert_int_equal(sim_mprotect(mm, BASE, span, PROT_READ), 0);
    leaf = sim_leaf(&mm->pt, BASE + PAGE_SIZE, &level);
    assert_int_equal(level, PT_PMD);
    assert_int_equal(pte_rights(*leaf), PTE_R);
    assert_int_equal(sim_mremap(mm, BASE, span, span, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
    assert_null(sim_leaf(&mm->pt, BASE, &level));
    leaf = sim_leaf(&mm->pt, to + PAGE_SIZE, &level);
    assert_int_equal(level, PT_PMD);
    assert_int_equal(pte_rights(*leaf), PTE_R);
    assert_int_equal(mm_stats.moved[PT_PMD], 1);
    assert_int_equal(sim_munmap(mm, to, span), 0);
    assert_int_equal(mm->rss_pages, 0);
}

/* ---- The end of the address space ---- */

static void test_beyond_the_end(void **state)
{
    char byte = 1;

    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, USER_END, PAGE_SIZE));
    check_refused_for(-EINVAL, REFUSE_LENGTH, sim_munmap(mm, TASK_SIZE, PAGE_SIZE));
    check_refused(-EFAULT, sim_copy_to(mm, USER_END, &byte, 1));
    check_refused(-EFAULT, sim_copy_from(mm, &byte, TASK_SIZE, 1));
    check_refused_for(-ENOMEM, REFUSE_UNMAPPED,
                      sim_mprotect(mm, AT(0), PAGE_SIZE, RW | PROT_GROWSDOWN));
}

/* Nothing is mapped above, but there is no page left to grow into. */
static void test_no_growth_beyond_the_end(void **state)
{
    vaddr_t last = TASK_SIZE - PAGE_SIZE;

    assert_int_equal(sim_mmap(mm, last - PAGE_SIZE, PAGE_SIZE, RW, PRIVATE), last - PAGE_SIZE);
    check_refused_for(-ENOMEM, REFUSE_NOT_GROWABLE,
                      sim_mremap(mm, last - PAGE_SIZE, PAGE_SIZE, 3 * PAGE_SIZE, 0, 0));
    assert_int_equal(sim_mremap(mm, last - PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0),
                     last - PAGE_SIZE);
    assert_int_equal(mm->last->end, TASK_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_madv_free),
        TEST(test_flags_known_and_not_had),
        TEST(test_more_than_the_machine_has),
        TEST(test_object_beyond_everything),
        TEST(test_huge_leaf),
        TEST(test_beyond_the_end),
        TEST(test_no_growth_beyond_the_end),
    };

    return cmocka_run_group_tests_name("cover_corners", tests, NULL, NULL);
}
