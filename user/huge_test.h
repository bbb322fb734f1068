/* Inside of huge_test: what its parts share. */
#pragma once

#include "suitelib.h"

extern const struct suite_table huge_thp_cases, huge_pool_cases;

extern uint64_t
    area; /* AREA_SIZE bytes of free addresses, aligned to 512 GiB; each case leaves them free */
#define AREA_SIZE GIB(512)

#define RW (PROT_READ | PROT_WRITE)

/* Write, and check, each page of [start, start + len): what it holds tells its number from @first on. */
void pages_write(uint64_t start, uint64_t len, unsigned first);
void pages_check(uint64_t start, uint64_t len, unsigned first, const char *where);

/* KiB that smaps shows on the line @name of the VMA that starts at @start; -1 when there is none. */
long smaps_kib(uint64_t start, const char *name);

/* The number behind @name in /proc/meminfo. */
long meminfo(const char *name);

/* Write a number to a file of /proc or /sys. 0 or -errno. */
long write_number(const char *path, long value);
