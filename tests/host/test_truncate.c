/* Objects that become longer or shorter while they are mapped. */
/* host-build: 9/4 2/4 */
#include "kernel/abi/errno.h"
#include "mm/vma.h"
#include "tests/host/test_file.h"

/* And words in the first and the second half of each page. */
static int setup_words(void **state)
{
    setup(state);
    for (uint64_t n = 0; n < PAGES; n++) {
        uint64_t words[] = {100 + n, 200 + n};

        assert_int_equal(object_write(file, n * PG, &words[0], 8), 0);
        assert_int_equal(object_write(file, n * PG + PG / 2, &words[1], 8), 0);
    }
    return 0;
}

static void map(struct mm *to, unsigned page, unsigned count, uint32_t type, unsigned from)
{
    assert_int_equal(sim_mmap_object(to, AT(page), count * PG, RW, type | MAP_FIXED | MAP_POPULATE,
                                     file, from * PG),
                     AT(page));
}

static long resize(uint64_t bytes)
{
    long result;

    sim_op("resize");
    result = object_resize(file, bytes);
    sim_settle(mm);
    sim_settle(other);
    return result;
}

static uint64_t word_of(uint64_t off)
{
    uint64_t word = 0;

    assert_int_equal(object_read(file, off, &word, 8), 0);
    return word;
}

static bool present(struct mm *of, unsigned page)
{
    struct pte *entry = pt_entry(&of->pt, AT(page), PT_PTE);

    return entry && !pte_is_none(*entry);
}

/* In several mappings, of several address spaces, at other offsets. */
static void test_shrinks_everywhere(void **state)
{
    map(mm, 0, PAGES, MAP_SHARED, 0);
    map(mm, 20, 4, MAP_SHARED, 3);
    map(mm, 30, 4, MAP_SHARED, 8);
    map(other, 5, PAGES, MAP_PRIVATE, 0);
    for (unsigned n = 5; n < 5 + PAGES; n += 2)
        assert_int_equal(sim_write(other, 1, AT(n), 7), FAULT_DONE);
    assert_int_equal(resize(5 * PG), 0);
    assert_int_equal(object_size(file), 5 * PG);
    for (unsigned n = 0; n < PAGES; n++) {
        bool kept = n < 5;

        assert_int_equal(present(mm, n), kept);
        assert_int_equal(present(other, 5 + n), kept);
        assert_int_equal(sim_touch(mm, 0, AT(n), ACCESS_READ), kept ? FAULT_DONE : FAULT_BUS);
        assert_int_equal(sim_touch(other, 0, AT(5 + n), ACCESS_WRITE),
                         kept ? FAULT_DONE : FAULT_BUS);
    }
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(present(mm, 20 + n), n < 2);
        assert_int_equal(sim_touch(mm, 0, AT(30 + n), ACCESS_READ), FAULT_BUS);
    }
    assert_int_equal(sim_read(mm, 0, AT(4)), 104);
    assert_int_equal(sim_read(other, 0, AT(5)), 7);
    assert_int_equal(sim_read(other, 0, AT(6)), 101);
    assert_int_equal(mm->rss_pages, 7);
}

/* The rest of the last page is zeros for all that share it; a private copy keeps what it has. */
static void test_zeroes_the_tail(void **state)
{
    map(mm, 0, PAGES, MAP_SHARED, 0);
    map(other, 0, PAGES, MAP_PRIVATE, 0);
    assert_int_equal(sim_write(other, 0, AT(2), 7), FAULT_DONE);
    assert_int_equal(resize(2 * PG + 8), 0);
    assert_int_equal(sim_read(mm, 0, AT(2)), 102);
    assert_int_equal(sim_read(mm, 0, AT(2) + PG / 2), 0);
    assert_int_equal(sim_read(other, 0, AT(2)), 7);
    assert_int_equal(sim_read(other, 0, AT(2) + PG / 2), 202);
    assert_int_equal(sim_read(mm, 0, AT(1) + PG / 2), 201);
    assert_int_equal(sim_touch(mm, 0, AT(3), ACCESS_READ), FAULT_BUS);
    assert_int_equal(sim_write(mm, 0, AT(2) + 16, 5), FAULT_DONE);
    assert_int_equal(resize(2 * PG + 8), 0); /* the same size again: what was written behind it */
    assert_int_equal(sim_read(mm, 0, AT(2) + 16), 0);
}

/* What was cut off does not come back. */
static void test_grows_again_with_zeros(void **state)
{
    map(mm, 0, PAGES, MAP_SHARED, 0);
    assert_int_equal(resize(PG), 0);
    assert_int_equal(resize(4 * PG), 0);
    for (unsigned n = 1; n < 4; n++) {
        assert_int_equal(word_of(n * PG), 0);
        assert_int_equal(sim_read(mm, 0, AT(n)), 0);
    }
    assert_int_equal(sim_read(mm, 0, AT(0)), 100);
    assert_int_equal(sim_touch(mm, 0, AT(4), ACCESS_WRITE), FAULT_BUS);
    assert_int_equal(sim_write(mm, 0, AT(3), 5), FAULT_DONE);
    assert_int_equal(word_of(3 * PG), 5);
}

static void test_to_nothing_and_back(void **state)
{
    uint32_t free;

    map(mm, 0, PAGES, MAP_SHARED, 0);
    assert_int_equal(resize(0), 0);
    assert_int_equal(file->pt.tables, 1);
    assert_int_equal(sim_touch(mm, 0, AT(0), ACCESS_READ), FAULT_BUS);
    free = sim_frames_free();
    assert_int_equal(resize(OBJECT_MAX), 0);
    assert_int_equal(file->pt.top, PT_TOP);
    assert_int_equal(sim_frames_free(), free); /* an empty tree is higher at no cost */
    assert_int_equal(sim_read(mm, 0, AT(0)), 0);
    assert_int_equal(resize(OBJECT_MAX + 1), -EFBIG);
    assert_int_equal(resize(UINT64_MAX), -EFBIG);
    assert_int_equal(object_size(file), OBJECT_MAX);
}

/* The tree becomes higher, a level at a time or several, with its pages in it. */
static void test_the_tree_grows(void **state)
{
    map(mm, 0, PAGES, MAP_SHARED, 0);
    for (unsigned top = file->pt.top; top < PT_TOP; top++) {
        uint64_t bytes = pt_span(top) * PT_ENTRIES;
        uint64_t word = 1000 + top;

        assert_int_equal(resize(bytes), 0);
        assert_int_equal(file->pt.top, top);
        check_starved(0, resize(bytes + 1));
        assert_int_equal(file->pt.top, top + 1);
        assert_int_equal(resize(bytes + 8), 0);
        assert_int_equal(object_write(file, bytes, &word, 8), 0);
        assert_int_equal(word_of(bytes), word);
    }
    for (unsigned n = 0; n < PAGES; n++)
        assert_int_equal(sim_read(mm, 0, AT(n)), 100 + n);
    mm_check_all();
    assert_int_equal(resize(PAGES * PG), 0);
    for (unsigned n = 0; n < PAGES; n++)
        assert_int_equal(word_of(n * PG), 100 + n);
}

static void test_several_levels_at_once(void **state)
{
    check_starved(0, resize(OBJECT_MAX - 3));
    assert_int_equal(file->pt.top, PT_TOP);
    assert_int_equal(word_of(11 * PG), 111);
}

/* Nothing that makes an object shorter needs memory. */
static void test_shrinks_without_memory(void **state)
{
    map(mm, 0, PAGES, MAP_SHARED, 0);
    sim_fail_after(1, true);
    assert_int_equal(resize(3 * PG + 1), 0);
    assert_int_equal(sim_asked(), 0);
    sim_fail_after(0, false);
    assert_int_equal(mm->rss_pages, 4);
}

/* A locked mapping loses its pages too; one of another object stays. */
static void test_leaves_others_alone(void **state)
{
    struct object *second = object_create(4 * PG, "second");

    map(mm, 0, 4, MAP_SHARED | MAP_LOCKED, 0);
    assert_int_equal(sim_mmap_object(mm, AT(8), 4 * PG, RW, MAP_SHARED | MAP_FIXED, second, 0),
                     AT(8));
    assert_int_equal(sim_write(mm, 0, AT(11), 5), FAULT_DONE);
    assert_int_equal(resize(PG), 0);
    assert_false(present(mm, 1));
    assert_int_equal(sim_read(mm, 0, AT(11)), 5);
    assert_int_equal(mm->locked_pages, 4);
    object_put(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_words, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shrinks_everywhere),     TEST(test_zeroes_the_tail),
        TEST(test_grows_again_with_zeros), TEST(test_to_nothing_and_back),
        TEST(test_the_tree_grows),         TEST(test_several_levels_at_once),
        TEST(test_shrinks_without_memory), TEST(test_leaves_others_alone),
    };

    return cmocka_run_group_tests_name("truncate", tests, NULL, NULL);
}
