/*
 * What the test programs share: results as TAP, /proc read and parsed, pages with a pattern that tells where each
 * byte belongs, and an arena of addresses that nobody else uses.
 *
 * The same binaries run on Linux and on Realign; on_realign() tells which.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define PAGE KIB(4)
#define PMD MIB(2)
#define PUD GIB(1)
#define PGD GIB(512)
#define USER_TOP 0x7ffffffff000ul /* TASK_SIZE: the first address that no program can have */

#ifndef MREMAP_MAYMOVE
#define MREMAP_MAYMOVE 1
#endif
#ifndef MREMAP_FIXED
#define MREMAP_FIXED 2
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- Results ---- */

/* Print the head of the TAP stream. On Linux, also switch transparent huge pages off for this process. */
void tap_begin(void);

/*
 * From now on, what a forked child or a thread finds counts as if we had found it, before it ends or we go on; a
 * child must not end a case.
 */
void tap_share(void);

/* Start from counts of an earlier program, whose test lines came before ours. */
void tap_resume(unsigned passed, unsigned failed, unsigned skipped);
void tap_counts(unsigned *passed, unsigned *failed, unsigned *skipped);

/* Note a finding against the running case; it is printed below its "not ok" line. */
void tap_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The running case does not apply here; @reason says why. */
void tap_skip(const char *reason);

/* Whether anything was found against the running case so far. */
bool tap_failing(void);

/* End of the running case: print its line, and what was found. */
void tap_done(const char *name);

/* The plan and the line of totals. Returns the exit status: 0 when nothing failed. */
int tap_end(void);

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            tap_fail(__VA_ARGS__);                                                                 \
    } while (0)

/* @what is @seen and must be @expected; errnos and counts are shown in decimal, addresses in hexadecimal. */
#define CHECK_EQ(what, seen, expected) tap_check_equal(what, (long)(seen), (long)(expected))
void tap_check_equal(const char *what, long seen, long expected);

/* @call must give @expected. */
#define EXPECT(call, expected) tap_check_equal(#call, (long)(call), (long)(expected))

/* ---- The kernel below ---- */

/* A system call: its result, or -errno. */
#define SYS(...) result(syscall(__VA_ARGS__))

static inline long result(long ret)
{
    return ret == -1 ? -errno : ret;
}

/* Realign is known by the counters of moved entries in its /proc/vmstat. */
bool on_realign(void);

/* Kernel calls without the C library's own checks of arguments: the result, or -errno. */
long raw_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags, uint64_t new);
long raw_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t off);

/* Read a whole file into @buf and end it with a NUL. Returns its length, or -errno. */
long read_file(const char *path, char *buf, size_t size);

/* /proc/vmstat as it is now; vmstat_get() looks up one counter in it, 0 where it is missing. */
struct vmstat {
    char text[16384];
};
void vmstat_read(struct vmstat *v);
bool vmstat_has(const struct vmstat *v, const char *name);
uint64_t vmstat_get(const struct vmstat *v, const char *name);

/* ---- What is mapped ---- */

struct map_line {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    char perms[5];
    char name[64];
};

/*
 * The lines of /proc/self/maps that touch [lo, hi), at most @max, in ascending order.
 * Returns how many there are in all.
 */
size_t maps_read(struct map_line *lines, size_t max, uint64_t lo, uint64_t hi);

/* Whether every byte of [start, end) is mapped with permissions @perms ("rw-p"). */
bool maps_covers(uint64_t start, uint64_t end, const char *perms);

/* Whether nothing in [start, end) is mapped. */
bool maps_empty(uint64_t start, uint64_t end);

/* Whether one line is exactly [start, end). */
bool maps_exact(uint64_t start, uint64_t end);

/* Put the lines around [lo, hi) among the findings of the running case. */
void maps_show(uint64_t lo, uint64_t hi);

/* ---- Pages with a pattern ---- */

/* Fill the page with words that tell its identity @id (not 0) and the place of each word in it. */
void pattern_fill(void *page, uint64_t id);

/* The offset of the first wrong word of the page, PAGE when all are right. */
size_t pattern_check(const void *page, uint64_t id);

/* Whether the page is all zero. */
bool page_is_zero(const void *page);

/* ---- Addresses of our own ---- */

/*
 * The base of @size bytes of free addresses, aligned to @align, with nothing mapped in them. They are far from
 * where the kernel places mappings by itself. Exits when there are none: no test makes sense then.
 */
uint64_t arena_find(uint64_t size, uint64_t align);
