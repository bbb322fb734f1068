/*
 * Inside of mm_test: what its parts share. A case maps pages in the area and says what must be there as pictures:
 *
 *     EXPECT_MAPS(0, "ww|wwww|ww..rr");     rights of each page, "." for none mapped, "|" where a line of maps ends
 *     EXPECT_RESIDENT(0, "1101");
 */
#pragma once

#include "suitelib.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

extern const struct suite_table map_cases, protect_cases, seal_cases, advise_cases, content_cases,
    lock_cases, limit_cases, sync_cases;

/* AREA_PAGES free pages, aligned to 1 GiB; each case leaves them free. */
extern uint64_t area;
#define AREA_PAGES (GIB(4) / PAGE)

static inline char *at(uint64_t page)
{
    return (char *)(area + page * PAGE);
}

/* Fresh anonymous pages at the area's page @page, where nothing is mapped; with @flags of mmap. */
char *put(uint64_t page, uint64_t pages, int prot, int flags);

/* put() private and writable, and fill(). */
char *put_filled(uint64_t page, uint64_t pages);

/* The same of a file, private or shared; from its first page on. */
char *put_file(uint64_t page, uint64_t pages, int prot, int flags, int fd);

/* Unmap whatever is there. */
void drop(uint64_t page, uint64_t pages);

/* Write pages that then tell which they are, and look at them; or see that they are all zero. */
void fill(uint64_t page, uint64_t pages);
void check_filled(uint64_t page, uint64_t pages);
void check_zero(uint64_t page, uint64_t pages);

/*
 * What is mapped: r, w (and read), x (and read), a (all), n (nothing), upper case where shared.
 * What is resident. @where names the place of the check.
 */
void expect_maps(const char *where, uint64_t page, const char *want);
void expect_resident(const char *where, uint64_t page, const char *want);
#define MM_STRING(x) #x
#define MM_LINE(x) MM_STRING(x)
#define EXPECT_MAPS(page, want) expect_maps("line " MM_LINE(__LINE__), page, want)
#define EXPECT_RESIDENT(page, want) expect_resident("line " MM_LINE(__LINE__), page, want)

/* A file of @pages pages without a name, filled as fill() would; pages are named from 0. */
int make_file(uint64_t pages);

/* Become somebody who may not do everything, for the rest of this process. */
void drop_rights(void);

/* A case that runs in a process of its own, and may leave there what it likes. */
#define IN_CHILD(name)                                                                             \
    static int name##_there(void *arg);                                                            \
    static void name(void)                                                                         \
    {                                                                                              \
        in_child(name##_there, NULL);                                                              \
    }                                                                                              \
    static int name##_there(void *arg __attribute__((unused)))

/* ---- Calls that musl has none for ---- */

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define MS(pages) ((pages)*PAGE)
#define SEAL(page, pages) SYS(SYS_mseal, at(page), MS(pages), 0)
#define UNMAP(page, pages) SYS(SYS_munmap, at(page), MS(pages))
#define PROTECT(page, pages, prot) SYS(SYS_mprotect, at(page), MS(pages), prot)
#define ADVISE(page, pages, advice) SYS(SYS_madvise, at(page), MS(pages), advice)
#define REMAP(page, pages, new_pages, flags, to)                                                   \
    raw_mremap(area + (page)*PAGE, MS(pages), MS(new_pages), flags, area + (to)*PAGE)
#define MAP_OVER(page, pages) raw_mmap(area + (page)*PAGE, MS(pages), RW, ANON | MAP_FIXED, -1, 0)

enum {
    ADVICE_COLD = 20,
    ADVICE_PAGEOUT = 21,
    ADVICE_POPULATE_READ = 22,
    ADVICE_POPULATE_WRITE = 23,
    ADVICE_DONTNEED_LOCKED = 24,
};
