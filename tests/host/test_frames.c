/* Frames and small objects on a piece of host memory that stands for all of the machine's. */
/* host-test: kernel/ranges.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The direct map is wherever the host put the memory. */
#define direct_ptr kernel_direct_ptr
#define direct_paddr kernel_direct_paddr
#include "kernel/paging.h"
#undef direct_ptr
#undef direct_paddr

static char *machine;

static void *direct_ptr(paddr_t pa)
{
    return machine + pa;
}

static paddr_t direct_paddr(const void *ptr)
{
    return (paddr_t)((const char *)ptr - machine);
}

#define REALIGN_DEBUG 1
#include "kernel/frames.c"
#include "kernel/slab.c"

static jmp_buf panicked;

_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
{
    (void)file;
    (void)line;
    (void)fmt;
    longjmp(panicked, 1);
}

_Noreturn void boot_fail(const char *fmt, ...)
{
    panic_at("", 0, "%s", fmt);
}

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define SIZE MIB(96)

/* Odd edges, a hole, a piece smaller than a chunk, and one in the middle of a chunk that has two. */
static const struct ranges usual = {
    .at = {{KIB(4), KIB(600)},
           {MIB(1), MIB(13) + KIB(20)},
           {MIB(14), MIB(14) + KIB(64)},
           {MIB(40) + KIB(4), MIB(90)}},
    .count = 4,
};
/* Kept back at first, as boot does with the initramfs. */
static const struct range module = {MIB(2) + KIB(8), MIB(3) + KIB(12)};

static struct ranges start;

static int setup(void **state)
{
    (void)state;
    machine = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(machine != MAP_FAILED);
    memset(machine, 0xa5, SIZE);
    memset(lists, 0, sizeof(lists));
    memset(ready, 0, sizeof(ready));
    for (size_t i = 0; i < CLASS_COUNT; i++)
        classes[i].partial = NULL;
    fresh_next = 0;
    singles = (struct range){0, 0};
    zeros = 0;
    zeros_spare = 0;
    start = usual;
    assert_true(ranges_cut(&start, module));
    frames_init(&start, &usual);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    munmap(machine, SIZE);
    return 0;
}

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* ---- Frames ---- */

/* Which frames are handed out, by number. */
static bool taken[SIZE / PAGE_SIZE];

static void take(paddr_t pa, unsigned order)
{
    struct range r = {pa, pa + (PAGE_SIZE << order)};

    assert_int_equal(pa % (PAGE_SIZE << order), 0);
    assert_true(ranges_hold(&usual, r));
    for (uint64_t n = r.start / PAGE_SIZE; n < r.end / PAGE_SIZE; n++) {
        assert_false(taken[n]);
        taken[n] = true;
    }
    assert_int_equal(frames_meta(pa)->refs, 0);
    assert_int_equal(frames_meta(pa)->next, 0);
}

static void give(paddr_t pa, unsigned order)
{
    frames_meta(pa)->live = 17;
    frames_free(pa, order);
    memset(&taken[pa / PAGE_SIZE], 0, 1ul << order);
}

/* Take all there is, single frames; returns how many. */
static uint64_t take_all(paddr_t *got)
{
    uint64_t n = 0;
    paddr_t pa;

    while ((pa = frames_alloc(0))) {
        take(pa, 0);
        got[n++] = pa;
    }
    return n;
}

static paddr_t got[SIZE / PAGE_SIZE];

static void test_all_of_it(void **state)
{
    uint64_t before = frames_free_count(), n;

    (void)state;
    memset(taken, 0, sizeof(taken));
    n = take_all(got);
    assert_int_equal(n, before);
    assert_int_equal(frames_free_count(), 0);
    assert_int_equal(frames_alloc(3), 0);
    for (uint64_t i = 0; i < n; i++)
        give(got[i], 0);
    assert_int_equal(frames_free_count(), before);
}

/* What was taken apart comes together again: blocks of the highest order are there as at the start. */
static void test_joined_again(void **state)
{
    uint64_t n, large = 0, again = 0;
    paddr_t blocks[32];

    (void)state;
    memset(taken, 0, sizeof(taken));
    while ((blocks[large] = frames_alloc(FRAMES_MAX_ORDER)))
        take(blocks[large++], FRAMES_MAX_ORDER);
    assert_in_range(large, 10, 20);
    while (again < large)
        give(blocks[again++], FRAMES_MAX_ORDER);
    n = take_all(got);
    for (uint64_t i = 0; i < n; i++)
        give(got[(i * 7919) % n], 0);
    for (again = 0; frames_alloc(FRAMES_MAX_ORDER); again++)
        ;
    assert_int_equal(again, large);
}

static void test_any_order(void **state)
{
    static struct {
        paddr_t pa;
        unsigned order;
    } held[4000];
    unsigned count = 0;
    uint64_t before = frames_free_count();

    (void)state;
    memset(taken, 0, sizeof(taken));
    for (unsigned step = 0; step < 40000; step++) {
        if (count < 4000 && random_below(100) < 55) {
            unsigned order = random_below(4) ? random_below(3) : random_below(FRAMES_MAX_ORDER + 1);
            paddr_t pa = frames_alloc(order);

            if (!pa)
                continue;
            take(pa, order);
            held[count].pa = pa;
            held[count++].order = order;
        } else if (count) {
            unsigned i = random_below(count);

            give(held[i].pa, held[i].order);
            held[i] = held[--count];
        }
    }
    while (count--)
        give(held[count].pa, held[count].order);
    assert_int_equal(frames_free_count(), before);
}

/* The module's frames come back, also into chunks that are in use, and join with their buddies. */
static void test_module_added(void **state)
{
    uint64_t before = frames_free_count(), n;

    (void)state;
    memset(taken, 0, sizeof(taken));
    assert_true(frames_alloc(0));
    frames_add(module);
    assert_int_equal(frames_free_count(), before - 1 + range_size(module) / PAGE_SIZE);
    n = take_all(got);
    assert_int_equal(n, before - 1 + range_size(module) / PAGE_SIZE);
    assert_true(taken[module.start / PAGE_SIZE] && taken[module.end / PAGE_SIZE - 1]);
}

static void test_freed_twice(void **state)
{
    paddr_t pa = frames_alloc(0);

    (void)state;
    frames_free(pa, 0);
    if (!setjmp(panicked)) {
        frames_free(pa, 0);
        fail_msg("a frame was freed twice");
    }
}

/* What was given out last comes next again, one frame or several; many go into blocks. */
static void test_last_first(void **state)
{
    paddr_t first, second = frames_alloc(0), third = frames_alloc(0);

    (void)state;
    do {
        first = second;
        second = third;
        third = frames_alloc(0);
    } while (second != first + PAGE_SIZE || third != second + PAGE_SIZE ||
             range_size(singles) < 2 * PAGE_SIZE);
    frames_free(third, 0);
    assert_int_equal(frames_alloc(0), third);
    frames_free(first, 0);
    assert_int_not_equal(frames_alloc(0), first);
    frames_free_run((struct range){second, singles.start});
    assert_int_equal(singles.start, second);
    assert_int_equal(frames_alloc(0), second);
}

/* Nothing of a chunk is written before it is needed. */
static void test_untouched(void **state)
{
    (void)state;
    assert_true(frames_alloc(0));
    for (uint64_t i = MIB(60); i < MIB(64); i++)
        assert_int_equal((uint8_t)machine[i], 0xa5);
}

/* ---- Frames of zeros ---- */

static bool is_all(const void *bytes, int byte, size_t size);

/* One of those reserved. */
static paddr_t take_table(void)
{
    paddr_t pa = frames_take_zeros();

    take(pa, 0);
    assert_true(is_all(direct_ptr(pa), 0, PAGE_SIZE));
    return pa;
}

/* Free @count tables that were taken. */
static void give_tables(const paddr_t *tables, uint32_t count)
{
    struct frame_list list = {0};

    for (uint32_t i = 0; i < count; i++) {
        frames_meta(tables[i])->next = list.first;
        list.first = (uint32_t)frame_number(tables[i]);
        if (list.count++ == 0)
            list.last = list.first;
        taken[list.first] = false;
    }
    frames_free_zeros(&list);
    assert_int_equal(list.first + list.last + list.count, 0);
}

static void take_tables(paddr_t *tables, uint32_t count)
{
    assert_true(frames_reserve_zeros(count));
    for (uint32_t i = 0; i < count; i++)
        tables[i] = take_table();
}

static void test_tables(void **state)
{
    uint64_t before = frames_free_count();
    paddr_t tables[2 * ZEROS_KEPT];

    (void)state;
    memset(taken, 0, sizeof(taken));
    take_tables(tables, 2 * ZEROS_KEPT);
    assert_int_equal(frames_free_count(), before - 2 * ZEROS_KEPT);
    give_tables(tables, 2 * ZEROS_KEPT - 3);
    give_tables(&tables[2 * ZEROS_KEPT - 3], 3);
    give_tables(tables, 0);
    assert_int_equal(frames_free_count(), before);
    assert_true(frames_reserve_zeros(5));
    assert_int_equal(frames_free_count(), before - 5);
    take_table();
    frames_unreserve_zeros(4);
    assert_int_equal(frames_free_count(), before - 1);
}

/* Tables that were freed come again before any other frame does; a page gets one only of those above ZEROS_KEPT. */
static void test_zeros_for_whom(void **state)
{
    paddr_t tables[ZEROS_KEPT + 2];
    struct range others;

    (void)state;
    memset(taken, 0, sizeof(taken));
    take_tables(tables, ZEROS_KEPT + 2);
    give_tables(tables, ZEROS_KEPT + 2);
    others = singles;
    take(frames_alloc_zeros(), 0);
    take(frames_alloc_zeros(), 0);
    assert_int_equal(singles.start, others.start);
    take(frames_alloc_zeros(), 0);
    assert_int_not_equal(singles.start, others.start);
    others = singles;
    take_tables(tables, ZEROS_KEPT);
    assert_int_equal(singles.start, others.start);
}

/* What is reserved stays so when nothing else is left; what is not is had by whoever asks. */
static void test_zeros_when_short(void **state)
{
    paddr_t tables[ZEROS_KEPT];
    uint64_t n;

    (void)state;
    memset(taken, 0, sizeof(taken));
    take_tables(tables, ZEROS_KEPT);
    give_tables(tables, ZEROS_KEPT);
    assert_true(frames_reserve_zeros(10));
    n = frames_free_count();
    assert_int_equal(take_all(got), n);
    assert_int_equal(frames_free_count(), 0);
    give(got[0], 0);
    give(got[1], 0);
    assert_false(frames_reserve_zeros(3));
    assert_int_equal(frames_free_count(), 2);
    assert_true(frames_reserve_zeros(2));
    assert_int_equal(frames_alloc_zeros(), 0);
    for (int i = 0; i < 12; i++)
        take_table();
    assert_int_equal(frames_free_count(), 0);
}

static void freed_badly(bool written)
{
    paddr_t tables[2];

    memset(taken, 0, sizeof(taken));
    take_tables(tables, 2);
    if (written)
        *(char *)direct_ptr(tables[1] + PAGE_SIZE - 1) = 1;
    else
        give_tables(tables, 1);
    if (!setjmp(panicked)) {
        give_tables(tables, 2);
        fail_msg("a table was freed twice, or with something in it");
    }
}

static void test_tables_freed_badly(void **state)
{
    (void)state;
    freed_badly(false);
    freed_badly(true);
}

/* ---- Objects ---- */

static bool is_all(const void *bytes, int byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const uint8_t *)bytes)[i] != byte)
            return false;
    return true;
}

static void test_objects(void **state)
{
    static struct {
        void *object;
        size_t size;
        int byte;
    } held[2000];
    unsigned count = 0;
    uint64_t before = frames_free_count();

    (void)state;
    for (unsigned step = 0; step < 60000; step++) {
        if (count < 2000 && random_below(100) < 52) {
            size_t size = 1 + (random_below(50) ? random_below(2100) : random_below(70000));
            void *object = kmalloc(size);

            assert_non_null(object);
            assert_int_equal((uintptr_t)object % 16, 0);
            assert_true(is_all(object, 0, size));
            held[count].object = object;
            held[count].size = size;
            held[count].byte = (int)(1 + random_below(255));
            memset(object, held[count].byte, size);
            count++;
        } else if (count) {
            unsigned i = random_below(count);

            assert_true(is_all(held[i].object, held[i].byte, held[i].size));
            kfree(held[i].object, held[i].size);
            held[i] = held[--count];
        }
    }
    while (count--)
        kfree(held[count].object, held[count].size);
    assert_int_equal(frames_free_count(), before);
}

static void test_objects_run_out(void **state)
{
    void *last = NULL, *object;
    uint64_t before = frames_free_count();

    (void)state;
    while ((object = kmalloc(192))) {
        *(void **)object = last;
        last = object;
    }
    assert_int_equal(frames_free_count(), 0);
    assert_null(kmalloc(5000));
    while (last) {
        object = last;
        last = *(void **)object;
        kfree(object, 192);
    }
    assert_int_equal(frames_free_count(), before);
}

static void test_written_after_free(void **state)
{
    char *first = kmalloc(100), *second = kmalloc(100);

    (void)state;
    kfree(second, 100);
    second[50] = 1;
    if (!setjmp(panicked)) {
        assert_ptr_equal(kmalloc(100), second);
        fail_msg("a write to a freed object was not seen");
    }
    (void)first;
}

static void test_wrong_size(void **state)
{
    void *object = kmalloc(100);

    (void)state;
    kfree(NULL, 100);
    if (!setjmp(panicked)) {
        kfree(object, 300);
        fail_msg("an object was freed with another size");
    }
}

static void test_too_large(void **state)
{
    (void)state;
    assert_null(kmalloc(MIB(4) + 1));
    assert_null(kmalloc(SIZE_MAX));
    assert_non_null(kmalloc(MIB(4)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_of_it),          TEST(test_joined_again),
        TEST(test_any_order),          TEST(test_last_first),
        TEST(test_module_added),       TEST(test_freed_twice),
        TEST(test_untouched),          TEST(test_tables),
        TEST(test_zeros_for_whom),     TEST(test_zeros_when_short),
        TEST(test_tables_freed_badly), TEST(test_objects),
        TEST(test_objects_run_out),    TEST(test_written_after_free),
        TEST(test_wrong_size),         TEST(test_too_large),
    };

    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
