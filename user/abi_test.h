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

/* @call must give @expected. */
#define EXPECT(call, expected) tap_check_equal(#call, (long)(call), (long)(expected))

/* A system call: its result, or -errno. */
#define SYS(...) result(syscall(__VA_ARGS__))

struct abi_case {
    const char *name;
    void (*run)(void);
};

extern const struct abi_case mm_cases[];
extern const size_t mm_case_count;
extern const struct abi_case file_cases[];
extern const size_t file_case_count;

extern uint64_t area;      /* 1 GiB of free addresses; each test leaves them free */
extern char own_path[512]; /* of the running program */

static inline long result(long ret)
{
    return ret == -1 ? -errno : ret;
}

/* Map @pages fresh pages at the area's page @at. */
char *map_pages(size_t at, size_t pages, int prot, int flags);

/* Let the kernel write a struct utsname to @where: 0 when it can, -EFAULT when not. */
static inline long kernel_writes(const void *where)
{
    return SYS(SYS_uname, where);
}
