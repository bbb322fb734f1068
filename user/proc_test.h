/*
 * Inside of proc_test: what its parts share. Files of /proc are read whole into text[] and then parsed, byte for byte
 * as Linux writes them.
 */
#pragma once

#include "suitelib.h"

extern const struct suite_table maps_cases, smaps_cases, pagemap_cases, status_cases, stat_cases,
    start_cases, link_cases, list_cases, system_cases, setting_cases, trace_cases;

#define CASES(table, array) const struct suite_table table = {array, ARRAY_SIZE(array)}

extern char text[MIB(8)];
extern uint64_t area; /* 4 GiB of free addresses, aligned to 1 GiB; each case leaves them free */

/* ---- Reading ---- */

/* All of the file to text[], with a NUL: its length, or -errno. */
long slurp(const char *path);

/* The same for one that must be there: "" and a finding when it is not. */
const char *must_slurp(const char *path);

/* "/proc/PID/name", in a static buffer. */
const char *of_process(pid_t pid, const char *name);

/* open() that must succeed. */
int must_open(const char *path, int flags);

/* Write @value to the file: what write() answers, or what open() does when it fails. */
long store(const char *path, const char *value);

/* The answer of readlink() in a static buffer; "" when there is none. */
const char *link_target(const char *path);

/* What /proc calls this program: the last name of its path, cut to 15 bytes. */
const char *own_name(void);

/* ---- Parsing ---- */

/*
 * Take from *at what @format says; false, with *at where it stopped, when that is something else. All characters of
 * the format must be there as they are, but for
 *     %u %x     a number, decimal without zeros before it, or hexadecimal in lower case: uint64_t *
 *     %8u %8x   the same, blanks (%u) or zeros (%x) before it to the width
 *     %i        one that may be negative: int64_t *
 *     %w %l     what comes up to the next blank or newline, up to the next newline: char[256]
 *     %_        blanks, any number of them
 * A NULL pointer leaves out what was read.
 */
bool scan(const char **at, const char *format, ...);

/* The number behind "NAME:" and blanks in the lines of @lines, UINT64_MAX when there is none. */
uint64_t value_of(const char *lines, const char *name);

/* The same in /proc/self/status. */
uint64_t status_value(const char *name);

struct vma_line {
    uint64_t start, end, offset, major, minor, ino;
    char perms[256];
    char name[256];
};

/* A line as maps and smaps have it; NULL when it is not right, else what comes behind it. */
const char *parse_vma(const char *at, struct vma_line *vma);

/* ---- Memory ---- */

/* Map @pages of private memory @at pages into the area; what is there already is replaced. */
char *map_area(size_t at, size_t pages, int prot, int flags);
void unmap_area(size_t at, size_t pages);

/* Touch each page. */
void read_pages(const volatile char *start, size_t pages);
void write_pages(volatile char *start, size_t pages);
