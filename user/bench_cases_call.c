/*
 * Calls other than moves: what they cost for one, or for each page.
 */
#include "bench.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define BULK MIB(64)

/* @number's cost, @count times the same. */
static void same_call(const char *name, int count, long number, long a, long b, long c, long d)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    for (int i = 0; i < count; i++) {
        uint64_t start = ticks();

        call6(number, a, b, c, d, 0, 0);
        samples_add(&s, start, ticks());
    }
    tell(name, &s, 1);
}

/* mremap() in place from @old to @new bytes; back is not counted. */
static void resize(const char *name, uint64_t old, uint64_t new)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    map_at(SOURCE, old);
    touch(SOURCE, old, PAGE);
    for (int i = 0; i < 9; i++) {
        uint64_t start = ticks();
        long got = call6(SYS_mremap, SOURCE, (long)old, (long)new, 0, 0, 0);

        samples_add(&s, start, ticks());
        if (got != (long)SOURCE)
            tell_failure(name, "mremap", got);
        call6(SYS_mremap, SOURCE, (long)new, (long)old, 0, 0, 0);
        touch(SOURCE, old, PAGE);
    }
    unmap(SOURCE, old);
    tell(name, &s, 1);
}

/* mremap() in place by a page, into a hole between two mappings that become one. */
static void expand_and_merge(const char *name)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    map_at(SOURCE, 3 * PAGE);
    touch(SOURCE, 3 * PAGE, PAGE);
    for (int i = 0; i < 9; i++) {
        uint64_t start;
        long got;

        unmap(SOURCE + PAGE, PAGE);
        start = ticks();
        got = call6(SYS_mremap, SOURCE, PAGE, 2 * PAGE, 0, 0, 0);
        samples_add(&s, start, ticks());
        if (got != (long)SOURCE)
            tell_failure(name, "mremap", got);
    }
    unmap(SOURCE, 3 * PAGE);
    tell(name, &s, 1);
}

static void dontunmap(const char *name, uint64_t bytes, uint64_t to)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    for (int i = 0; i < 4; i++) {
        uint64_t start;
        long got;

        map_at(SOURCE, bytes);
        touch(SOURCE, bytes, PAGE);
        start = ticks();
        got = call6(SYS_mremap, SOURCE, (long)bytes, (long)bytes,
                    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, (long)(TARGET + to), 0);
        samples_add(&s, start, ticks());
        if (got != (long)(TARGET + to))
            tell_failure(name, "mremap", got);
        unmap(SOURCE, bytes);
        unmap(TARGET + to, bytes);
    }
    tell(name, &s, 1);
}

/* From 4K to 256M by doubling, a page mapped right above each time: the calls' sum, without the touching. */
static void realloc_once(struct samples *s, bool touched)
{
    uint64_t sum = 0;
    uint64_t blocks[16];
    size_t count = 0;
    uint64_t bytes = PAGE;
    uint64_t at = (uint64_t)raw_mmap(0, bytes, RW, ANON | MAP_NORESERVE, -1, 0);

    for (; bytes < MIB(256); bytes *= 2) {
        uint64_t start;

        if (touched)
            touch(at, bytes, PAGE);
        blocks[count] = at + bytes;
        if (raw_mmap(at + bytes, PAGE, PROT_READ, ANON | MAP_FIXED_NOREPLACE, -1, 0) > 0)
            count++;
        start = ticks();
        at = (uint64_t)call6(SYS_mremap, (long)at, (long)bytes, (long)bytes * 2, MREMAP_MAYMOVE, 0,
                             0);
        sum += ticks() - start;
    }
    samples_add(s, 0, sum);
    unmap(at, bytes);
    while (count--)
        unmap(blocks[count], PAGE);
}

static void realloc_by_doubling(const char *name, bool touched)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    for (int i = 0; i < 3; i++)
        realloc_once(&s, touched);
    tell(name, &s, 1);
}

/* First accesses to pages whose tables are there already. */
static void fault(const char *name, bool write)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    map_at(SOURCE, KIB(256));
    touch(SOURCE + KIB(252), PAGE, PAGE);
    for (uint64_t at = SOURCE; at < SOURCE + KIB(128); at += PAGE) {
        volatile char *page = (volatile char *)at;
        uint64_t start = ticks();

        if (write)
            *page = 1;
        else
            (void)*page;
        samples_add(&s, start, ticks());
    }
    unmap(SOURCE, KIB(256));
    tell(name, &s, 1);
}

/* Of 64M of touched pages, for each page: the faults, both ways of mprotect, munmap. */
static void bulk(void)
{
    struct samples touched = {0}, to_read = {0}, back = {0}, gone = {0};

    if (!wanted("bulk"))
        return;
    for (int i = 0; i < 3; i++) {
        uint64_t start;

        map_at(SOURCE, BULK);
        start = ticks();
        touch(SOURCE, BULK, PAGE);
        samples_add(&touched, start, ticks());
        start = ticks();
        call6(SYS_mprotect, SOURCE, BULK, PROT_READ, 0, 0, 0);
        samples_add(&to_read, start, ticks());
        start = ticks();
        call6(SYS_mprotect, SOURCE, BULK, RW, 0, 0, 0);
        samples_add(&back, start, ticks());
        start = ticks();
        call6(SYS_munmap, SOURCE, BULK, 0, 0, 0, 0);
        samples_add(&gone, start, ticks());
    }
    tell("bulk/first-touch-per-page", &touched, BULK / PAGE);
    tell("bulk/mprotect-to-read-per-page", &to_read, BULK / PAGE);
    tell("bulk/mprotect-back-per-page", &back, BULK / PAGE);
    tell("bulk/munmap-per-page", &gone, BULK / PAGE);
}

/* mmap() of a page where the kernel likes, munmap() of it. */
static void map_and_unmap(const char *name)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    for (int i = 0; i < 15; i++) {
        uint64_t start = ticks();
        long at = call6(SYS_mmap, 0, PAGE, RW, ANON, -1, 0);

        call6(SYS_munmap, at, PAGE, 0, 0, 0, 0);
        samples_add(&s, start, ticks());
    }
    tell(name, &s, 1);
}

/* [SOURCE + @from, + @bytes), touched, moved there and back; there is counted. */
static void move_there(const char *name, uint64_t from, uint64_t bytes)
{
    uint64_t old = SOURCE + from, new = TARGET + PMD + from;
    struct samples s = {0};

    if (!wanted(name))
        return;
    map_at(old, bytes);
    touch(old, bytes, PAGE);
    for (int i = 0; i < 9; i++) {
        uint64_t start = ticks();

        call6(SYS_mremap, (long)old, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
              (long)new, 0);
        samples_add(&s, start, ticks());
        call6(SYS_mremap, (long)new, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
              (long)old, 0);
    }
    tell(name, &s, 1);
    unmap(old, bytes);
}

/* Moves, and pages mapped and unmapped, while @count other mappings exist. */
static void with_others(size_t count, const char *moving, const char *moving_more,
                        const char *mapping)
{
    if (!wanted(moving) && !wanted(moving_more) && !wanted(mapping))
        return;
    others_map(count);
    move_there(moving, 0, PAGE);
    map_and_unmap(mapping);
    move_there(moving_more, MIB(1), MIB(2));
    others_unmap(count);
}

void bench_calls(void)
{
    same_call("call/getppid", 15, SYS_getppid, 0, 0, 0, 0);
    map_at(SOURCE, PAGE);
    touch(SOURCE, PAGE, PAGE);
    same_call("call/mremap-no-op", 15, SYS_mremap, SOURCE, PAGE, PAGE, 0);
    unmap(SOURCE, PAGE);
    map_and_unmap("call/mmap-munmap-page");
    resize("call/expand-in-place", PAGE, 2 * PAGE);
    resize("call/shrink-by-page", 2 * PAGE, PAGE);
    expand_and_merge("call/expand-and-merge");
    dontunmap("dontunmap/4K", PAGE, PMD);
    dontunmap("dontunmap/64M-aligned", BULK, PMD);
    dontunmap("dontunmap/64M-misaligned", BULK, PAGE);
    realloc_by_doubling("realloc/256M-touched", true);
    realloc_by_doubling("realloc/256M-untouched", false);
    fault("fault/write", true);
    fault("fault/read", false);
    bulk();
}

void bench_others(void)
{
    with_others(1000, "others/1000-move-4K", "others/1000-move-2M+1M", "others/1000-mmap-munmap");
    with_others(10000, "others/10000-move-4K", "others/10000-move-2M+1M",
                "others/10000-mmap-munmap");
    with_others(60000, "others/60000-move-4K", "others/60000-move-2M+1M",
                "others/60000-mmap-munmap");
}
