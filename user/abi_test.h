/*
 * Inside of abi_test: what its parts share.
 */
#pragma once

#include "testlib.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_ADDRESS 0xffff800000000000ul
#define NOT_CANONICAL 0x800000000000ul
#define RW (PROT_READ | PROT_WRITE)

struct abi_case {
    const char *name;
    void (*run)(void);
};

extern const struct abi_case mm_cases[];
extern const size_t mm_case_count;
extern const struct abi_case file_cases[];
extern const size_t file_case_count;
extern const struct abi_case self_cases[];
extern const size_t self_case_count;

extern uint64_t area;      /* 1 GiB of free addresses; each test leaves them free */
extern char own_path[512]; /* of the running program; suitelib.c */

/* Map @pages fresh pages at the area's page @at. */
char *map_pages(size_t at, size_t pages, int prot, int flags);

/* Let the kernel write a struct utsname to @where: 0 when it can, -EFAULT when not. */
static inline long kernel_writes(const void *where)
{
    return SYS(SYS_uname, where);
}
