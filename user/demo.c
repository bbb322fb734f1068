/*
 * demo: one mremap, told step by step. 5 MiB that begin 1 MiB into a PMD's span move to a place with the same offset;
 * Realign says how many page-table entries that took.
 */
#include "testlib.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const struct counter {
    const char *name;
    const char *meaning;
} counters[] = {
    {"move_pte", "single pages (4 KiB)"},
    {"move_pmd", "whole PMD entries (2 MiB)"},
    {"move_pud", "whole PUD entries (1 GiB)"},
    {"move_widen_down", "widened below the start"},
    {"move_widen_up", "widened above the end"},
    {"tlb_flush", "flushes of single pages from the TLB"},
    {"tlb_flush_full", "flushes of the whole TLB"},
};

static struct vmstat before, after;

static void show_maps(uint64_t lo, uint64_t hi)
{
    struct map_line lines[4];
    size_t n = maps_read(lines, 4, lo, hi);

    for (size_t i = 0; i < n && i < 4; i++)
        printf("    %lx-%lx %s\n", lines[i].start, lines[i].end, lines[i].perms);
}

static void show_counters(void)
{
    if (!on_realign()) {
        printf("Realign would say here how many page-table entries it moved.\n");
        return;
    }
    printf("What the kernel moved, from /proc/vmstat:\n");
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
        printf("    %4lu  %s\n",
               vmstat_get(&after, counters[i].name) - vmstat_get(&before, counters[i].name),
               counters[i].meaning);
}

/* How many of the pages at @at have the bytes of page numbers 1, 2, ... */
static size_t count_right(uint64_t at, size_t pages)
{
    size_t right = 0;

    for (size_t i = 0; i < pages; i++)
        right += pattern_check((void *)(at + i * PAGE), i + 1) == PAGE;
    return right;
}

int main(void)
{
    const uint64_t len = MIB(5), pages = len / PAGE, arena = arena_find(GIB(8), GIB(1));
    const uint64_t old = arena + MIB(1), new = arena + GIB(3) + MIB(17);
    long ret;
    size_t right;

    printf("A mapping of 5 MiB, 1 MiB into the 2 MiB that one PMD entry translates:\n");
    raw_mmap(old, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    show_maps(arena, arena + GIB(8));
    for (size_t i = 0; i < pages; i++)
        pattern_fill((void *)(old + i * PAGE), i + 1);
    printf("All %lu pages are written, each with a pattern of its own.\n\n", pages);

    printf("    2 MiB:  |       |       |       |\n"
           "    before: |....ppp|ppppppp|ppppppp|   nothing else lives in the first 2 MiB,\n"
           "    after:  |....ppp|ppppppp|ppppppp|   and the new place has the same offset:\n"
           "            so three entries can move whole, instead of 1280 pages one by one.\n\n");

    vmstat_read(&before);
    ret = raw_mremap(old, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, new);
    vmstat_read(&after);
    if (ret != (long)new) {
        printf("mremap() failed: %s\n", ret < 0 ? strerror((int)-ret) : "it went elsewhere");
        return 1;
    }
    printf("mremap() from %lx to %lx is done. The mapping now:\n", old, new);
    show_maps(arena, arena + GIB(8));
    show_counters();
    right = count_right(new, pages);
    printf("%zu of %lu pages have their bytes. %s\n", right, pages,
           right == pages ? "Nothing was lost." : "THE OTHERS ARE WRONG.");
    return right != pages;
}
