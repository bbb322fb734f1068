/*
 * mm_test: the calls on memory that mremap_test has no eye for: flags of mmap, mprotect, mseal, madvise, msync,
 * mincore, mlock and its kin, and all limits.
 *
 * usage: mm_test [NAME]: the cases whose names contain NAME.
 */
#define _GNU_SOURCE
#include "mm_test.h"

#include <fcntl.h>
#include <string.h>

uint64_t area;

char *put(uint64_t page, uint64_t pages, int prot, int flags)
{
    uint64_t addr = (uint64_t)at(page);

    EXPECT(raw_mmap(addr, pages * PAGE, prot, flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
           addr);
    return at(page);
}

char *put_filled(uint64_t page, uint64_t pages)
{
    put(page, pages, RW, MAP_PRIVATE);
    fill(page, pages);
    return at(page);
}

char *put_file(uint64_t page, uint64_t pages, int prot, int flags, int fd)
{
    uint64_t addr = (uint64_t)at(page);

    EXPECT(raw_mmap(addr, pages * PAGE, prot, flags | MAP_FIXED_NOREPLACE, fd, 0), addr);
    return at(page);
}

void drop(uint64_t page, uint64_t pages)
{
    EXPECT(UNMAP(page, pages), 0);
}

void fill(uint64_t page, uint64_t pages)
{
    for (; pages--; page++)
        pattern_fill(at(page), page + 1);
}

void check_filled(uint64_t page, uint64_t pages)
{
    for (; pages--; page++)
        CHECK(pattern_check(at(page), page + 1) == PAGE, "page %lu is not what was written", page);
}

void check_zero(uint64_t page, uint64_t pages)
{
    for (; pages--; page++)
        CHECK(page_is_zero(at(page)), "page %lu is not zero", page);
}

/* ---- Pictures ---- */

#define PICTURE 256

static char letter(const char *perms)
{
    char c = perms[1] == 'w' ? 'w' : perms[2] == 'x' ? 'x' : perms[0] == 'r' ? 'r' : 'n';

    if (perms[1] == 'w' && perms[2] == 'x')
        c = 'a';
    return perms[3] == 's' ? (char)(c - 'a' + 'A') : c;
}

void expect_maps(const char *where, uint64_t page, const char *want)
{
    static struct map_line lines[PICTURE];
    char seen[2 * PICTURE];
    size_t pages = 0, n, k = 0;

    for (const char *c = want; *c; c++)
        pages += *c != '|';
    n = maps_read(lines, PICTURE, (uint64_t)at(page), (uint64_t)at(page + pages));
    for (uint64_t p = page, i = 0; p < page + pages && k < sizeof(seen) - 2; p++) {
        uint64_t addr = (uint64_t)at(p);

        if (i < n && lines[i].end <= addr)
            i++;
        if (p > page && i > 0 && lines[i - 1].end == addr && i < n && lines[i].start == addr)
            seen[k++] = '|';
        seen[k++] = i < n && lines[i].start <= addr ? letter(lines[i].perms) : '.';
    }
    seen[k] = '\0';
    CHECK(!strcmp(seen, want), "%s: from page %lu on, mapped %s, not %s", where, page, seen, want);
}

void expect_resident(const char *where, uint64_t page, const char *want)
{
    unsigned char vec[PICTURE];
    size_t pages = strlen(want);
    char seen[PICTURE + 1];

    EXPECT(SYS(SYS_mincore, at(page), pages * PAGE, vec), 0);
    for (size_t i = 0; i < pages; i++)
        seen[i] = (char)('0' + (vec[i] & 1));
    seen[pages] = '\0';
    CHECK(!strcmp(seen, want), "%s: from page %lu on, resident %s, not %s", where, page, seen,
          want);
}

/* ---- The rest ---- */

int make_file(uint64_t pages)
{
    static uint64_t page[PAGE / sizeof(uint64_t)];
    const char *name = "/tmp/mm_test.file";
    int fd = (int)SYS(SYS_open, name, O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(fd >= 0, "%s: %d", name, fd);
    EXPECT(SYS(SYS_unlink, name), 0);
    for (uint64_t i = 0; i < pages; i++) {
        pattern_fill(page, i + 1);
        EXPECT(SYS(SYS_pwrite64, fd, page, PAGE, i * PAGE), PAGE);
    }
    return fd;
}

void drop_rights(void)
{
    if (on_realign()) /* which has no user but root, for whom all limits hold */
        return;
    EXPECT(SYS(SYS_setresgid, 65534, 65534, 65534), 0);
    EXPECT(SYS(SYS_setresuid, 65534, 65534, 65534), 0);
}

static const struct suite_table *const tables[] = {
    &map_cases,  &protect_cases, &seal_cases, &advise_cases, &content_cases,
    &lock_cases, &limit_cases,   &sync_cases, NULL,
};

int main(int argc, char **argv)
{
    static const struct suite suite = {tables, NULL};

    area = arena_find(AREA_PAGES * PAGE, PUD);
    return suite_main(argc, argv, &suite);
}
