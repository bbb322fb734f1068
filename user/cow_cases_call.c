/* Inside of cow_test: calls on shared pages by one of the two, and the kernel as who writes. */
#define _GNU_SOURCE
#include "cow_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>

/* The child does something to the field, the parent's is as it was; then the other way round. */
static void each_does(int (*act)(void *arg))
{
    struct field f = small_field(0, 16, 1);

    in_child(act, &f);
    field_check(&f, 1, "parent, after its child did it");
    CHECK(maps_covers(area, area + 16 * PAGE, "rw-p"), "the parent's mapping changed");
    field_unmap(&f);
}

static int look_later(void *arg)
{
    board_wait(0, 1);
    field_check(arg, 1, "child, after its parent did it");
    CHECK(maps_covers(area, area + 16 * PAGE, "rw-p"), "the child's mapping changed");
    field_write(arg, 3);
    field_check(arg, 3, "child");
    return 0;
}

static void parent_does(int (*act)(void *arg))
{
    struct field f = small_field(0, 16, 1);
    pid_t pid = child_start(look_later, &f);

    EXPECT(act(&f), 0);
    board_post(0);
    child_exits(pid, 0);
    SYS(SYS_munmap, area, 16 * PAGE);
}

static void in_both_directions(int (*act)(void *arg))
{
    each_does(act);
    parent_does(act);
}

static int discard(void *arg)
{
    struct field tail = {area + 8 * PAGE, 8 * PAGE, PAGE};

    (void)arg;
    EXPECT(SYS(SYS_madvise, area, 8 * PAGE, MADV_DONTNEED), 0);
    for (size_t i = 0; i < 8; i++)
        CHECK(page_is_zero((void *)(area + i * PAGE)), "page %zu is not zero", i);
    CHECK(pattern_check((void *)tail.base, 1ul << 56 | 8 * PAGE | 1) == PAGE,
          "the other half changed");
    return 0;
}

static void test_discard(void)
{
    in_both_directions(discard);
}

static int unmap_parts(void *arg)
{
    (void)arg;
    EXPECT(SYS(SYS_munmap, area + 4 * PAGE, 4 * PAGE), 0);
    EXPECT(SYS(SYS_munmap, area + 12 * PAGE, 4 * PAGE), 0);
    EXPECT(raw_mmap(area + 4 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
           area + 4 * PAGE);
    for (size_t i = 4; i < 8; i++) {
        CHECK(page_is_zero((void *)(area + i * PAGE)), "page %zu is not zero", i);
        pattern_fill((void *)(area + i * PAGE), 5);
    }
    return 0;
}

static void test_unmap(void)
{
    in_both_directions(unmap_parts);
}

static int protect(void *arg)
{
    EXPECT(SYS(SYS_mprotect, area, 16 * PAGE, PROT_READ), 0);
    field_check(arg, 1, "read-only");
    EXPECT(SYS(SYS_uname, area), -EFAULT);
    EXPECT(SYS(SYS_mprotect, area, 16 * PAGE, PROT_NONE), 0);
    EXPECT(SYS(SYS_mprotect, area, 16 * PAGE, RW), 0);
    field_check(arg, 1, "writable again");
    field_write(arg, 4);
    field_check(arg, 4, "written");
    return 0;
}

static void test_protect(void)
{
    in_both_directions(protect);
}

static int lock(void *arg)
{
    EXPECT(SYS(SYS_mlock, area, 16 * PAGE), 0);
    field_write(arg, 4);
    field_check(arg, 4, "locked");
    EXPECT(SYS(SYS_munlock, area, 16 * PAGE), 0);
    return 0;
}

static void test_lock(void)
{
    in_both_directions(lock);
}

static int duplicate_and_write(void *arg)
{
    const struct field *f = arg;

    EXPECT(raw_mremap(f->base, f->len, f->len, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                      area + GIB(1)),
           area + GIB(1));
    EXPECT(raw_mremap(area + GIB(1), f->len, f->len, MREMAP_MAYMOVE | MREMAP_FIXED, f->base),
           f->base);
    field_check(f, 1, "there and back");
    field_write(f, 6);
    return 0;
}

static void test_there_and_back(void)
{
    in_both_directions(duplicate_and_write);
}

/* ---- The kernel writes ---- */

static int kernel_writes(void *arg)
{
    int fd = open(own_path, O_RDONLY);
    char *page = (char *)area;

    EXPECT(SYS(SYS_read, fd, page, 3 * PAGE), 3 * PAGE);
    CHECK(!memcmp(page, "\177ELF", 4), "read() did not write");
    EXPECT(SYS(SYS_uname, page + 4 * PAGE), 0);
    CHECK(!memcmp(page + 4 * PAGE + sizeof(((struct utsname *)0)->sysname) * 4, "x86_64", 7),
          "uname() did not write");
    EXPECT(SYS(SYS_getrandom, page + 5 * PAGE, 2 * PAGE, 0), 2 * PAGE);
    CHECK(pattern_check(page + 5 * PAGE, 1ul << 56 | 5 * PAGE | 1) < PAGE,
          "getrandom() did not write");
    close(fd);
    return arg == NULL;
}

static void test_kernel_writes(void)
{
    in_both_directions(kernel_writes);
}

/* A word of the parent's for the child's end, which the kernel clears: in the child's memory. */
static int die_with_word(void *arg)
{
    SYS(SYS_set_tid_address, area);
    return arg == NULL;
}

static void test_clear_child_tid(void)
{
    each_does(die_with_word);
}

/* ---- Others ---- */

static int use_stack(void *arg)
{
    volatile char *below = __builtin_alloca(KIB(512));

    for (size_t at = 0; at < KIB(512); at += PAGE)
        below[at] = 1;
    return *(int *)arg != 1234;
}

static void test_stack(void)
{
    volatile int local = 1234;

    in_child(use_stack, (void *)&local);
    CHECK_EQ("local variable", local, 1234);
}

static int grow_heap(void *arg)
{
    long top = SYS(SYS_brk, 0);

    EXPECT(SYS(SYS_brk, top + MIB(1)), top + MIB(1));
    memset((void *)top, 1, MIB(1));
    return arg != NULL;
}

static void test_brk(void)
{
    long top = SYS(SYS_brk, 0);

    in_child(grow_heap, NULL);
    EXPECT(SYS(SYS_brk, 0), top);
}

static int execute(void *arg)
{
    char *argv[] = {"x", "no such case", NULL};
    int null = open("/dev/null", O_WRONLY);

    field_write(arg, 9);
    EXPECT(dup2(null, 1), 1);
    execv(own_path, argv);
    return 127;
}

static void test_exec(void)
{
    each_does(execute);
}

/* Much memory, of which a child writes every other page. */
static int write_some(void *arg)
{
    struct field f = *(struct field *)arg;

    f.stride = 2 * PAGE;
    field_write(&f, 2);
    field_check(&f, 2, "child");
    return 0;
}

static void test_much(void)
{
    struct field f = {area, MIB(16), PAGE};

    field_map(&f, MAP_PRIVATE);
    field_write(&f, 1);
    for (size_t i = 0; i < 4; i++)
        in_child(write_some, &f);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

static int write_all(void *arg)
{
    field_check(arg, 1, "child");
    field_write(arg, 2);
    field_check(arg, 2, "child");
    return 0;
}

/* All levels of the tables: pages far apart. */
static void test_sparse(void)
{
    struct field f = {area, AREA_SIZE, GIB(7) + MIB(3) + PAGE};

    field_map(&f, MAP_PRIVATE);
    field_write(&f, 1);
    in_child(write_all, &f);
    field_check(&f, 1, "parent");
    field_unmap(&f);
}

static const struct suite_case cases[] = {
    {"madvise(DONTNEED)", test_discard},
    {"munmap and mmap over it", test_unmap},
    {"mprotect", test_protect},
    {"mlock", test_lock},
    {"mremap there and back", test_there_and_back},
    {"the kernel writes", test_kernel_writes},
    {"the kernel clears the tid", test_clear_child_tid},
    {"the stack", test_stack},
    {"brk", test_brk},
    {"execve", test_exec},
    {"16 MB", test_much},
    {"512 GB, sparse", test_sparse},
};
const struct suite_table cow_call_cases = {cases, ARRAY_SIZE(cases)};
