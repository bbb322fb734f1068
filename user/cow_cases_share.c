/* Inside of cow_test: what fork shares, what it copies, what it leaves out; and when a page has one owner again. */
#define _GNU_SOURCE
#include "cow_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- Both directions ---- */

static int child_writes(void *arg)
{
    const struct field *f = arg;

    field_check(f, 1, "child");
    field_write(f, 2);
    field_check(f, 2, "child");
    board_post(0);
    board_wait(1, 1);
    field_check(f, 2, "child, after its parent wrote");
    return 0;
}

static void test_both_write(void)
{
    struct field f = small_field(0, 64, 1);
    pid_t pid = child_start(child_writes, &f);

    board_wait(0, 1);
    field_check(&f, 1, "parent, after its child wrote");
    field_write(&f, 3);
    field_check(&f, 3, "parent");
    board_post(1);
    child_exits(pid, 0);
    field_check(&f, 3, "parent, after its child's end");
    field_unmap(&f);
}

static int child_looks(void *arg)
{
    const struct field *f = arg;

    board_wait(0, 1);
    field_check(f, 1, "child, after its parent wrote");
    board_wait(1, 1);
    field_check(f, 1, "child, after its parent unmapped");
    return 0;
}

static void test_parent_writes(void)
{
    struct field f = small_field(0, 64, 1);
    pid_t pid = child_start(child_looks, &f);

    field_write(&f, 2);
    board_post(0);
    sleep_ms(5);
    field_unmap(&f);
    board_post(1);
    child_exits(pid, 0);
}

/* One byte of a page is enough to make it another one. */
static int write_bytes(void *arg)
{
    volatile char *page = arg;

    for (size_t i = 0; i < 4; i++) {
        page[i * PAGE + i * 1023] ^= 0x55;
        CHECK(page[i * PAGE + i * 1023] != 0, "a byte was not written");
    }
    return 0;
}

static void test_one_byte(void)
{
    struct field f = small_field(0, 4, 1);

    in_child(write_bytes, (void *)f.base);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

/* Pages that were only read, or not touched, before fork. */
static int write_zeros(void *arg)
{
    char *p = arg;

    for (size_t i = 0; i < 8; i++) {
        CHECK(page_is_zero(p + i * PAGE), "child: page %zu is not zero", i);
        pattern_fill(p + i * PAGE, 7);
    }
    return 0;
}

static void test_untouched(void)
{
    struct field f = {area, 8 * PAGE, PAGE};
    char *p = (char *)area;

    field_map(&f, MAP_PRIVATE);
    for (size_t i = 0; i < 4; i++)
        CHECK(page_is_zero(p + i * PAGE), "page %zu is not zero", i);
    in_child(write_zeros, p);
    for (size_t i = 0; i < 8; i++)
        CHECK(page_is_zero(p + i * PAGE), "page %zu is not zero after the child wrote it", i);
    field_unmap(&f);
}

/* ---- Generations ---- */

static int look_and_write(void *arg)
{
    struct field f = {area, 16 * PAGE, PAGE};

    field_check(&f, (unsigned)(intptr_t)arg, "look");
    field_write(&f, 99);
    return 0;
}

static int generation(void *arg)
{
    struct field f = {area, 16 * PAGE, PAGE};
    int n = (int)(intptr_t)arg;

    field_check(&f, (unsigned)n, "before");
    if (n == 6)
        return 0;
    in_child(look_and_write, arg);
    field_write(&f, (unsigned)n + 1);
    in_child(generation, (void *)((intptr_t)n + 1));
    field_check(&f, (unsigned)n + 1, "after the child");
    return 0;
}

static int grandchildren(void *arg)
{
    struct field f = {area, 16 * PAGE, PAGE};

    field_check(&f, 1, "child");
    field_write(&f, 2);
    in_child(generation, (void *)2);
    field_check(&f, 2, "child, after its child");
    return arg != NULL;
}

static void test_generations(void)
{
    struct field f = small_field(0, 16, 1);

    in_child(grandchildren, NULL);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

/* A page has five owners, and each in turn writes it. */
static int write_in_turn(void *arg)
{
    struct field f = {area, 4 * PAGE, PAGE};
    int turn = (int)(intptr_t)arg;

    board_wait(0, turn);
    field_check(&f, 1, "in turn");
    field_write(&f, 10 + (unsigned)turn);
    board_post(0);
    board_wait(0, 5);
    field_check(&f, 10 + (unsigned)turn, "at the end");
    return 0;
}

static void test_five_owners(void)
{
    struct field f = small_field(0, 4, 1);
    pid_t pids[5];

    for (intptr_t i = 0; i < 5; i++)
        pids[i] = child_start(write_in_turn, (void *)i);
    for (size_t i = 0; i < 5; i++)
        child_exits(pids[i], 0);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

/* ---- Shared, left out, wiped ---- */

static int write_shared(void *arg)
{
    struct field *f = arg;

    field_check(f, 1, "child");
    field_write(f, 2);
    board_post(0);
    board_wait(1, 1);
    field_check(f, 3, "child, after its parent wrote");
    return 0;
}

static void test_shared(void)
{
    struct field f = {area, 32 * PAGE, PAGE};
    pid_t pid;

    field_map(&f, MAP_SHARED);
    field_write(&f, 1);
    pid = child_start(write_shared, &f);
    board_wait(0, 1);
    field_check(&f, 2, "parent, after its child wrote");
    field_write(&f, 3);
    board_post(1);
    child_exits(pid, 0);
    field_unmap(&f);
}

/* Shared memory is one, wherever each of them has it. */
static int move_shared(void *arg)
{
    struct field f = *(struct field *)arg;

    EXPECT(raw_mremap(f.base, f.len, f.len, MREMAP_MAYMOVE | MREMAP_FIXED, area + GIB(4)),
           area + GIB(4));
    f.base = area + GIB(4);
    field_check(&f, 1, "child");
    field_write(&f, 2);
    board_post(0);
    board_wait(1, 1);
    field_check(&f, 3, "child, after its parent wrote");
    return 0;
}

static void test_shared_moves(void)
{
    struct field f = {area + MIB(2), MIB(2), 16 * PAGE};
    pid_t pid;

    field_map(&f, MAP_SHARED);
    field_write(&f, 1);
    pid = child_start(move_shared, &f);
    board_wait(0, 1);
    field_check(&f, 2, "parent, after its child moved and wrote");
    EXPECT(raw_mremap(f.base, f.len, f.len, MREMAP_MAYMOVE | MREMAP_FIXED, area + GIB(8)),
           area + GIB(8));
    f.base = area + GIB(8);
    field_write(&f, 3);
    board_post(1);
    child_exits(pid, 0);
    field_unmap(&f);
}

static int look_for_left_out(void *arg)
{
    (void)arg;
    CHECK(maps_exact(area, area + 2 * PAGE), "the pages below are not there");
    CHECK(maps_empty(area + 2 * PAGE, area + 6 * PAGE), "MADV_DONTFORK was forked");
    CHECK(maps_exact(area + 6 * PAGE, area + 8 * PAGE), "the pages above are not there");
    return 0;
}

static int look_for_all(void *arg)
{
    CHECK(maps_covers(area, area + 8 * PAGE, "rw-p"), "MADV_DOFORK was not forked");
    field_check(arg, 1, "child");
    return 0;
}

static void test_dontfork(void)
{
    struct field f = small_field(0, 8, 1);

    EXPECT(SYS(SYS_madvise, area + 2 * PAGE, 4 * PAGE, MADV_DONTFORK), 0);
    in_child(look_for_left_out, NULL);
    EXPECT(SYS(SYS_madvise, area + 2 * PAGE, 4 * PAGE, MADV_DOFORK), 0);
    in_child(look_for_all, &f);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

static int look_for_wiped(void *arg)
{
    struct field below = {area, 2 * PAGE, PAGE};

    field_check(&below, 1, "child");
    for (size_t i = 2; i < 6; i++) {
        CHECK(page_is_zero((void *)(area + i * PAGE)), "page %zu is not wiped", i);
        pattern_fill((void *)(area + i * PAGE), 77);
    }
    if (arg)
        in_child(look_for_wiped, NULL); /* the child's pages are wiped for its own child, too */
    return 0;
}

static void test_wipeonfork(void)
{
    struct field f = small_field(0, 8, 1), shared = {area + GIB(1), PAGE, PAGE};

    EXPECT(SYS(SYS_madvise, area + 2 * PAGE, 4 * PAGE, MADV_WIPEONFORK), 0);
    in_child(look_for_wiped, &f);
    field_check(&f, 1, "parent");
    EXPECT(SYS(SYS_madvise, area + 2 * PAGE, 4 * PAGE, MADV_KEEPONFORK), 0);
    in_child(look_for_all, &f);
    field_unmap(&f);
    field_map(&shared, MAP_SHARED);
    EXPECT(SYS(SYS_madvise, shared.base, PAGE, MADV_WIPEONFORK), -EINVAL);
    field_unmap(&shared);
}

/* ---- Files ---- */

static int write_file_page(void *arg)
{
    char *p = arg;

    CHECK(!memcmp(p + 1, "ELF", 3), "child: other bytes");
    CHECK(p[4096] == 99, "child: the parent's byte is %d", p[4096]);
    memset(p, 1, 2 * PAGE);
    return 0;
}

static void test_private_file(void)
{
    int fd = open(own_path, O_RDONLY);
    char *p = (char *)raw_mmap(area, 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);

    EXPECT(p, area);
    p[4096] = 99;
    in_child(write_file_page, p);
    CHECK(!memcmp(p + 1, "ELF", 3) && p[4096] == 99, "the child's bytes are the parent's");
    EXPECT(SYS(SYS_munmap, area, 2 * PAGE), 0);
    close(fd);
}

static int data = 5, bss;

static int write_data(void *arg)
{
    int *heap = arg;

    CHECK(data == 6 && bss == 7 && *heap == 8, "child: %d, %d, %d", data, bss, *heap);
    data = bss = *heap = 1;
    return 0;
}

static void test_program(void)
{
    int *heap = malloc(sizeof(int)), local = 9;

    data = 6;
    bss = 7;
    *heap = 8;
    in_child(write_data, heap);
    CHECK(data == 6 && bss == 7 && *heap == 8 && local == 9, "parent: %d, %d, %d", data, bss,
          *heap);
    free(heap);
}

/* ---- The last owner ---- */

static uint64_t free_pages(void)
{
    static struct vmstat v;

    vmstat_read(&v);
    return vmstat_get(&v, "nr_free_pages");
}

static int exit_at_once(void *arg)
{
    return arg != NULL;
}

/* Who is alone with a page again writes to it without a copy: no frame is taken. */
static void test_last_owner(void)
{
    struct field f = small_field(0, 256, 1);
    uint64_t before;

    field_write(&f, 1);
    before = free_pages();
    in_child(exit_at_once, NULL);
    field_write(&f, 2);
    if (on_realign())
        CHECK(free_pages() + 16 >= before, "%lu frames were free, %lu are", before, free_pages());
    field_check(&f, 2, "parent");
    field_unmap(&f);
}

static int keep_half(void *arg)
{
    struct field upper = {area + 128 * PAGE, 128 * PAGE, PAGE};

    board_wait(0, 1);
    field_check(arg, 1, "child");
    field_write(&upper, 5);
    field_check(&upper, 5, "child");
    board_post(1);
    board_wait(2, 1);
    field_check(&upper, 5, "child, after its parent wrote");
    return 0;
}

/* The parent lets go of a half, which is the child's alone then. */
static void test_half_given_up(void)
{
    struct field f = small_field(0, 256, 1), lower = {area, 128 * PAGE, PAGE};
    pid_t pid = child_start(keep_half, &f);
    uint64_t before;

    EXPECT(SYS(SYS_munmap, area + 128 * PAGE, 128 * PAGE), 0);
    before = free_pages();
    board_post(0);
    board_wait(1, 1);
    if (on_realign())
        CHECK(free_pages() + 16 >= before, "the child's pages were copied: %lu free, now %lu",
              before, free_pages());
    field_write(&lower, 2);
    board_post(2);
    child_exits(pid, 0);
    field_check(&lower, 2, "parent");
    field_unmap(&f);
}

static const struct suite_case cases[] = {
    {"both write", test_both_write},
    {"the parent writes and unmaps", test_parent_writes},
    {"one byte of a page", test_one_byte},
    {"pages that were not written before", test_untouched},
    {"fork of a fork", test_generations},
    {"five owners", test_five_owners},
    {"shared memory stays shared", test_shared},
    {"shared memory stays shared where it moves", test_shared_moves},
    {"MADV_DONTFORK", test_dontfork},
    {"MADV_WIPEONFORK", test_wipeonfork},
    {"a private mapping of a file", test_private_file},
    {"data, bss and heap", test_program},
    {"the last owner writes without a copy", test_last_owner},
    {"the last owner of a half", test_half_given_up},
};
const struct suite_table cow_share_cases = {cases, ARRAY_SIZE(cases)};
