/*
 * huge_test: huge pages, both kinds. Transparent ones come with faults where a program asks for them, move as they are
 * or are split; those of MAP_HUGETLB come from a pool, and nothing parts one.
 *
 * usage: huge_test [NAME]: the cases whose names contain NAME. On Linux: as root.
 */
#include "huge_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

uint64_t area;

static uint64_t page_id(uint64_t number)
{
    return number * 2 + 1;
}

void pages_write(uint64_t start, uint64_t len, unsigned first)
{
    for (uint64_t at = 0; at < len; at += PAGE) {
        volatile uint64_t *page = (volatile uint64_t *)(start + at);

        page[0] = page_id(first + at / PAGE);
        page[PAGE / 8 - 1] = ~page_id(first + at / PAGE);
    }
}

void pages_check(uint64_t start, uint64_t len, unsigned first, const char *where)
{
    for (uint64_t at = 0; at < len; at += PAGE) {
        const volatile uint64_t *page = (const volatile uint64_t *)(start + at);
        uint64_t id = page_id(first + at / PAGE);

        if (page[0] == id && page[PAGE / 8 - 1] == ~id)
            continue;
        tap_fail("%s: page %llu holds %llx, %llx", where, (unsigned long long)at / PAGE,
                 (unsigned long long)page[0], (unsigned long long)page[PAGE / 8 - 1]);
        return;
    }
}

/* The number behind `@name:` in @text, or -1. */
static long number_of(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = text; (at = strstr(at, name)); at += length)
        if ((at == text || at[-1] == '\n') && at[length] == ':')
            return strtol(at + length + 1, NULL, 10);
    return -1;
}

long smaps_kib(uint64_t start, const char *name)
{
    static char text[1 << 20];
    char head[32];
    char *at;

    if (read_file("/proc/self/smaps", text, sizeof(text)) < 0)
        return -1;
    snprintf(head, sizeof(head), "%08llx-", (unsigned long long)start);
    at = strstr(text, head);
    return at ? number_of(at, name) : -1;
}

long meminfo(const char *name)
{
    static char text[16384];

    return read_file("/proc/meminfo", text, sizeof(text)) < 0 ? -1 : number_of(text, name);
}

long write_number(const char *path, long value)
{
    char text[24];
    long n = snprintf(text, sizeof(text), "%ld\n", value), done;
    int fd = open(path, O_WRONLY);

    if (fd < 0)
        return -errno;
    done = SYS(SYS_write, fd, text, n);
    close(fd);
    return done == n ? 0 : done;
}

/* tap_begin() switches transparent huge pages off on Linux, for the suites that count pages. */
static void allow_thp(void)
{
    EXPECT(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
}

static const struct suite_case first_case[] = {{"transparent huge pages are on", allow_thp}};
static const struct suite_table first_table = {first_case, 1};

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {&first_table, &huge_thp_cases,
                                                       &huge_pool_cases, NULL};
    static const struct suite suite = {.tables = tables};

    area = arena_find(AREA_SIZE, GIB(512));
    return suite_main(argc, argv, &suite);
}
