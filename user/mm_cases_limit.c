/* Inside of mm_test: RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, and the number of mappings. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

/* What counts against @resource so far; nothing may grow down but the stack. */
static uint64_t used_bytes(int resource)
{
    static struct map_line lines[256];
    size_t n = maps_read(lines, ARRAY_SIZE(lines), 0, -1ul);
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        const struct map_line *m = &lines[i];
        bool data = m->perms[1] == 'w' && m->perms[3] == 'p' && strcmp(m->name, "[stack]");

        if (strcmp(m->name, "[vsyscall]") && (data || resource == RLIMIT_AS))
            bytes += m->end - m->start;
    }
    return bytes;
}

static void set_limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit = {soft, hard};

    EXPECT(SYS(SYS_setrlimit, resource, &limit), 0);
}

/* @pages more than there are now. */
static void leave_room(int resource, uint64_t pages)
{
    set_limit(resource, used_bytes(resource) + pages * PAGE, RLIM_INFINITY);
}

IN_CHILD(test_as)
{
    put(0, 20, RW, MAP_PRIVATE);
    leave_room(RLIMIT_AS, 10);
    EXPECT(raw_mmap(0, 11 * PAGE, PROT_NONE, ANON, -1, 0), -ENOMEM);
    put(100, 6, PROT_READ, MAP_PRIVATE);
    EXPECT(raw_mmap(0, 5 * PAGE, RW, ANON | MAP_NORESERVE, -1, 0), -ENOMEM);
    put(106, 4, PROT_NONE, MAP_SHARED);
    EXPECT(raw_mmap(0, PAGE, RW, ANON, -1, 0), -ENOMEM);
    EXPECT(MAP_OVER(0, 20), area); /* what was there counts no more */
    EXPECT(raw_mmap(area, 21 * PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    EXPECT(PROTECT(0, 20, PROT_READ), 0);
    EXPECT(UNMAP(100, 1), 0);
    put(100, 1, RW, MAP_PRIVATE);
    return 0;
}

IN_CHILD(test_as_of_mremap)
{
    put_filled(0, 20);
    leave_room(RLIMIT_AS, 10);
    EXPECT(REMAP(0, 20, 31, 0, 0), -ENOMEM);
    EXPECT(REMAP(0, 20, 31, MREMAP_MAYMOVE, 0), -ENOMEM);
    EXPECT(REMAP(0, 20, 31, FIXED, 100), -ENOMEM);
    EXPECT(REMAP(0, 20, 20, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 100), -ENOMEM);
    EXPECT(REMAP(0, 11, 11, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 100), -ENOMEM);
    EXPECT(REMAP(0, 20, 20, FIXED, 100), area + 100 * PAGE);
    EXPECT(REMAP(100, 20, 30, FIXED, 0), area);
    check_filled(0, 20);
    EXPECT(REMAP(0, 30, 20, 0, 0), area);
    EXPECT(REMAP(0, 10, 10, FIXED | MREMAP_DONTUNMAP, 100), area + 100 * PAGE);
    check_zero(0, 10);
    return 0;
}

IN_CHILD(test_as_of_brk)
{
    long now = (SYS(SYS_brk, 0) + 4095) & -4096l;

    EXPECT(SYS(SYS_brk, now), now);
    leave_room(RLIMIT_AS, 4);
    EXPECT(SYS(SYS_brk, now + 5 * PAGE), now);
    EXPECT(SYS(SYS_brk, now + 4 * PAGE), now + 4 * PAGE);
    EXPECT(SYS(SYS_brk, now + 4 * PAGE + 1), now + 4 * PAGE);
    EXPECT(SYS(SYS_brk, now), now);
    return 0;
}

/* Data is what is private and may be written, and does not grow down. */
IN_CHILD(test_data)
{
    put(0, 4, PROT_READ, MAP_PRIVATE);
    leave_room(RLIMIT_DATA, 10);
    EXPECT(raw_mmap(0, 11 * PAGE, RW, ANON, -1, 0), -ENOMEM);
    put(100, 50, PROT_READ, MAP_PRIVATE);
    put(200, 50, RW, MAP_SHARED);
    put(300, 10, RW, MAP_PRIVATE);
    EXPECT(raw_mmap(0, PAGE, RW, ANON, -1, 0), -ENOMEM);
    EXPECT(raw_mmap(0, PAGE, RW, ANON | MAP_NORESERVE, -1, 0), -ENOMEM);
    EXPECT(PROTECT(0, 1, RW), -ENOMEM);
    EXPECT(PROTECT(200, 50, PROT_READ), 0);
    EXPECT(PROTECT(200, 50, RW), 0);
    EXPECT(PROTECT(300, 4, PROT_READ), 0);
    EXPECT(PROTECT(0, 4, RW), 0);
    EXPECT(PROTECT(300, 1, RW), -ENOMEM);
    EXPECT(PROTECT(0, 4, RW), 0);
    EXPECT(UNMAP(0, 2), 0);
    EXPECT(MAP_OVER(100, 3), area + 100 * PAGE); /* what was there counts, whatever it was */
    EXPECT_MAPS(99, ".www|rr");
    EXPECT(MAP_OVER(149, 2), -ENOMEM);
    return 0;
}

IN_CHILD(test_data_of_mremap)
{
    put_filled(0, 4);
    put(20, 8, RW, MAP_SHARED);
    leave_room(RLIMIT_DATA, 4);
    EXPECT(REMAP(0, 4, 9, 0, 0), -ENOMEM);
    EXPECT(REMAP(0, 4, 8, 0, 0), area);
    EXPECT(REMAP(0, 4, 4, FIXED | MREMAP_DONTUNMAP, 100), -ENOMEM);
    EXPECT(REMAP(20, 8, 16, 0, 0), area + 20 * PAGE);
    EXPECT(REMAP(0, 8, 8, FIXED, 100), area + 100 * PAGE);
    EXPECT(REMAP(100, 8, 4, 0, 0), area + 100 * PAGE);
    EXPECT(REMAP(100, 4, 4, FIXED | MREMAP_DONTUNMAP, 0), area);
    check_filled(0, 4);
    return 0;
}

/* brk() counts the program's own data, too, and by the byte. */
IN_CHILD(test_data_of_brk)
{
    long now = (SYS(SYS_brk, 0) + 4095) & -4096l;

    EXPECT(SYS(SYS_brk, now), now);
    set_limit(RLIMIT_DATA, 0, RLIM_INFINITY);
    EXPECT(SYS(SYS_brk, now + 1), now);
    EXPECT(SYS(SYS_brk, now - 1), now);
    set_limit(RLIMIT_DATA, GIB(1), RLIM_INFINITY);
    EXPECT(SYS(SYS_brk, now + GIB(1)), now);
    EXPECT(SYS(SYS_brk, now + PAGE), now + PAGE);
    return 0;
}

/* ---- What grows down ---- */

static int grow_to(void *arg)
{
    uint64_t page = 2000 - (uint64_t)(uintptr_t)arg;

    put(1999, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    set_limit(RLIMIT_STACK, 100 * PAGE, RLIM_INFINITY);
    at(page)[0] = 1;
    EXPECT_MAPS(page - 1, ".w");
    return 0;
}

/* As long as the limit, and no page longer; a mapping of its own has its own. */
static void test_stack(void)
{
    in_child(grow_to, (void *)(uintptr_t)100);
    child_dies(child_start(grow_to, (void *)(uintptr_t)101), 11);
}

/* The gap that is kept free below is 256 pages, but against what nobody can touch, or grows too. */
static int grow_near(void *arg)
{
    static const struct {
        int prot, flags;
    } kinds[] = {{RW, MAP_PRIVATE}, {PROT_NONE, MAP_PRIVATE}, {RW, MAP_PRIVATE | MAP_GROWSDOWN}};
    uint64_t kind = (uint64_t)(uintptr_t)arg / 1000, gap = (uint64_t)(uintptr_t)arg % 1000;

    put(1999, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    put(1000, 1, kinds[kind].prot, kinds[kind].flags);
    at(1001 + gap)[0] = 1;
    return 0;
}

static void test_guard(void)
{
    in_child(grow_near, (void *)(uintptr_t)256);
    child_dies(child_start(grow_near, (void *)(uintptr_t)255), 11);
    in_child(grow_near, (void *)(uintptr_t)1000);
    in_child(grow_near, (void *)(uintptr_t)2001);
}

static int grow_as(void *arg)
{
    put(1999, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
    leave_room(RLIMIT_AS, 4);
    at(1995)[0] = 1;
    at(1994)[0] = 1;
    return arg != NULL;
}

static void test_as_of_growth(void)
{
    child_dies(child_start(grow_as, NULL), 11);
}

/* ---- The number of mappings ---- */

static uint64_t max_map_count(void)
{
    char text[64];

    return read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) > 0
               ? strtoull(text, NULL, 10)
               : 65530;
}

/* Lines of maps, without vsyscall's, which is none of the process's mappings. Nothing is mapped for that. */
static uint64_t count_maps(void)
{
    static char text[KIB(64)];
    int fd = (int)SYS(SYS_open, "/proc/self/maps", 0);
    long len;
    uint64_t n = 0;

    CHECK(fd >= 0, "no /proc/self/maps: %d", fd);
    while ((len = SYS(SYS_read, fd, text, sizeof(text) - 1)) > 0) {
        text[len] = '\0';
        for (const char *c = text; *c; c++)
            n += *c == '\n';
    }
    n -= strstr(text, "[vsyscall]") != NULL;
    SYS(SYS_close, fd);
    return n;
}

/* Every second page read-only, until it is refused. Then what splits is, too, and what does not is not. */
IN_CHILD(test_map_count)
{
    uint64_t most = max_map_count(), page = 1;
    long err = 0;

    put(0, 2 * most, RW, MAP_PRIVATE | MAP_NORESERVE);
    put(2 * most + 10, 4, RW, MAP_PRIVATE);
    put(2 * most + 20, 4, RW, MAP_PRIVATE);
    for (; !err && page < 2 * most; page += 2)
        err = PROTECT(page, 1, PROT_READ);
    page = 2 * most + 10;
    CHECK_EQ("mprotect() of one more", err, -ENOMEM);
    CHECK(count_maps() + 1 >= most && count_maps() <= most, "%lu mappings, and %lu are allowed",
          count_maps(), most);
    for (int i = 0; raw_mmap(0, PAGE, i % 2 ? PROT_EXEC : PROT_READ, ANON, -1, 0) > 0 && i < 8; i++)
        ;
    CHECK_EQ("mappings in the end", count_maps(), most + 1);
    EXPECT(raw_mmap(0, PAGE, PROT_EXEC, ANON, -1, 0), -ENOMEM);
    EXPECT(MAP_OVER(page, 4), -ENOMEM);
    EXPECT(UNMAP(page + 1, 2), -ENOMEM);
    EXPECT(PROTECT(page + 1, 2, PROT_READ), -ENOMEM);
    EXPECT(PROTECT(page, 2, PROT_READ), -ENOMEM);
    EXPECT(SYS(SYS_mlock, at(page + 1), PAGE), -ENOMEM);
    EXPECT(SEAL(page + 1, 1), -ENOMEM);
    EXPECT(ADVISE(page + 1, 1, MADV_DONTFORK), -EAGAIN);
    EXPECT(ADVISE(page + 1, 1, MADV_NORMAL), 0);
    EXPECT(REMAP(page, 4, 12, MREMAP_MAYMOVE, 0), -ENOMEM);
    EXPECT(REMAP(page, 4, 4, FIXED, page + 30), -ENOMEM);
    EXPECT(PROTECT(page, 4, PROT_READ), 0);
    EXPECT(REMAP(page, 4, 6, 0, 0), area + page * PAGE);
    EXPECT(UNMAP(page + 4, 2), 0);
    EXPECT(UNMAP(page, 4), 0);
    EXPECT(UNMAP(page + 10, 1), 0);
    EXPECT(UNMAP(page + 12, 1), -ENOMEM);
    EXPECT(UNMAP(page + 11, 3), 0);
    return 0;
}

static const struct suite_case cases[] = {
    {"RLIMIT_AS", test_as},
    {"RLIMIT_AS: mremap", test_as_of_mremap},
    {"RLIMIT_AS: brk", test_as_of_brk},
    {"RLIMIT_AS: growing down", test_as_of_growth},
    {"RLIMIT_DATA", test_data},
    {"RLIMIT_DATA: mremap", test_data_of_mremap},
    {"RLIMIT_DATA: brk", test_data_of_brk},
    {"RLIMIT_STACK", test_stack},
    {"the gap below what grows down", test_guard},
    {"max_map_count", test_map_count},
};

const struct suite_table limit_cases = {cases, ARRAY_SIZE(cases)};
