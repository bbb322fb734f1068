/* What /proc shows of an address space: maps and pagemap. */
/* host-build: 9/4 3/4 */
#include "tests/host/test_maps.h"

/* ---- maps ---- */

static void test_maps(void **state)
{
    struct object *object = object_create(4 * PG, "/bin/thing");
    char expected[160];

    fill(10, 2);
    map_object(object, 20, 2, RX, MAP_PRIVATE, 1);
    map(30, 1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    assert_int_equal(read_all(mm, mm_maps), 3);
    snprintf(expected, sizeof(expected), "%08llx-%08llx rw-p 00000000 00:00 0 \n", (ull)AT(10),
             (ull)AT(12));
    assert_memory_equal(text, expected, strlen(expected));
    snprintf(expected, sizeof(expected), "%08llx-%08llx r-xp 00001000 00:01 %llu ", (ull)AT(20),
             (ull)AT(22), (ull)object->ino);
    assert_memory_equal(record(AT(20)), expected, strlen(expected));
    assert_memory_equal(record(AT(20)) + 72, " /bin/thing\n", 12);
    assert_non_null(strstr(record(AT(30)), " ---s 00000000 "));
    assert_non_null(strstr(record(AT(30)), " /dev/zero (deleted)\n"));
    object_put(object);
}

/* A reader may stop at any VMA and go on when others have come and gone. */
static void test_maps_resumes(void **state)
{
    char line[MM_RECORD];
    vaddr_t addr = 0;

    fill(10, 1);
    fill(20, 1);
    fill(30, 1);
    port_lock_read(&mm->lock);
    assert_true(mm_maps(mm, &addr, line, sizeof(line)) > 0);
    port_unlock_read(&mm->lock);
    assert_int_equal(addr, AT(11));
    assert_int_equal(sim_munmap(mm, AT(20), PG), 0);
    fill(5, 1);
    port_lock_read(&mm->lock);
    assert_true(mm_maps(mm, &addr, line, sizeof(line)) > 0);
    assert_int_equal(addr, AT(31));
    assert_int_equal(mm_maps(mm, &addr, line, sizeof(line)), 0);
    assert_int_equal(addr, AT(31));
    port_unlock_read(&mm->lock);
}

static void test_names_stay_on_their_line(void **state)
{
    struct object *object = object_create(PG, "/a\nb");
    char small[40];
    vaddr_t addr = 0;

    map_object(object, 20, 1, RX, MAP_PRIVATE, 0);
    assert_int_equal(read_all(mm, mm_maps), 1);
    assert_non_null(strstr(text, " /a\\012b\n"));
    memset(small, 'x', sizeof(small));
    port_lock_read(&mm->lock);
    assert_int_equal(mm_maps(mm, &addr, small, 20), 19);
    port_unlock_read(&mm->lock);
    assert_int_equal(small[19], '\0');
    assert_int_equal(small[20], 'x');
    object_put(object);
}

/* ---- pagemap ---- */

#define EXCLUSIVE (1ull << 56)
#define FILE_PAGE (1ull << 61)
#define PRESENT (1ull << 63)
#define PFN(entry) ((entry) & ((1ull << 55) - 1))

static uint64_t *pagemap(unsigned page, unsigned count)
{
    static uint64_t entries[PAGES + 1];

    memset(entries, 0xff, sizeof(entries));
    port_lock_read(&mm->lock);
    mm_pagemap(mm, (struct range){AT(page), AT(page + count)}, entries);
    port_unlock_read(&mm->lock);
    assert_true(entries[count] == UINT64_MAX);
    return entries;
}

static uint64_t frame_of(unsigned page)
{
    unsigned level;

    return pte_addr(*sim_leaf(&mm->pt, AT(page), &level)) >> PAGE_SHIFT;
}

static void test_pagemap(void **state)
{
    struct object *file = object_create(8 * PG, "/data");
    uint64_t *e;

    fill(10, 2);
    map(12, 2, RW, PRIVATE);
    read_pages(12, 1);
    map_object(file, 20, 2, RW, MAP_PRIVATE, 0);
    map_object(file, 24, 2, RW, MAP_SHARED, 0);
    read_pages(20, 1);
    read_pages(24, 2);
    e = pagemap(8, 20);
    assert_int_equal(e[0] | e[1], 0);
    assert_int_equal(e[2], PRESENT | EXCLUSIVE | frame_of(10));
    assert_int_equal(e[3], PRESENT | EXCLUSIVE | frame_of(11));
    assert_int_equal(e[4], PRESENT | fault_zero_page() >> PAGE_SHIFT);
    assert_int_equal(e[5] | e[6] | e[11], 0);
    assert_int_equal(e[12], PRESENT | FILE_PAGE | frame_of(20));
    assert_int_equal(e[13], 0);
    assert_int_equal(e[16], PRESENT | FILE_PAGE | frame_of(20));
    assert_int_equal(e[17], PRESENT | FILE_PAGE | EXCLUSIVE | frame_of(25));
    assert_int_equal(sim_write(mm, 0, AT(20), 1), FAULT_DONE);
    assert_int_equal(pagemap(20, 1)[0], PRESENT | EXCLUSIVE | frame_of(20));
    assert_int_equal(pagemap(24, 1)[0], PRESENT | EXCLUSIVE | FILE_PAGE | frame_of(24));
    object_put(file);
}

/* The frame goes where the page goes; a page without rights keeps its own. */
static void test_pagemap_follows(void **state)
{
    uint64_t before[3];

    fill(10, 3);
    memcpy(before, pagemap(10, 3), sizeof(before));
    assert_int_equal(sim_mprotect(mm, AT(10), 3 * PG, PROT_NONE), 0);
    assert_memory_equal(pagemap(10, 3), before, sizeof(before));
    assert_int_equal(sim_mremap(mm, AT(10), 3 * PG, 3 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, AT(50)),
                     AT(50));
    assert_memory_equal(pagemap(50, 3), before, sizeof(before));
    assert_int_equal(pagemap(10, 3)[1], 0);
}

static void test_pagemap_of_a_huge_page(void **state)
{
    paddr_t frame = map_huge();
    uint64_t entries[3];

    port_lock_read(&mm->lock);
    mm_pagemap(mm, (struct range){HUGE + PG, HUGE + 4 * PG}, entries);
    port_unlock_read(&mm->lock);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(PFN(entries[i]), (frame >> PAGE_SHIFT) + 1 + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_maps),    TEST(test_maps_resumes),    TEST(test_names_stay_on_their_line),
        TEST(test_pagemap), TEST(test_pagemap_follows), TEST(test_pagemap_of_a_huge_page),
    };

    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
