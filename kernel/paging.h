/*
 * The kernel's half of the address space, the same in every root table:
 *
 *   ffff8000'00000000   direct map: all memory, at DIRECT_BASE + physical address; writable, never executable;
 *                       the kernel's own text and constants are read-only here too
 *   fffffe80'00000000   kernel stacks, an unmapped guard page below each
 *   ffffffff'80000000   the kernel image, linked at KERNEL_BASE + physical address
 */
#pragma once

#include "kernel/ranges.h"

#define DIRECT_BASE 0xffff800000000000ull
#define STACKS_BASE 0xfffffe8000000000ull
#define KERNEL_BASE 0xffffffff80000000ull

#define STACK_SIZE (4 * PAGE_SIZE)

static inline void *direct_ptr(paddr_t pa)
{
    return (void *)(DIRECT_BASE + pa);
}

/* For a pointer into the direct map only. */
static inline paddr_t direct_paddr(const void *ptr)
{
    return (vaddr_t)ptr - DIRECT_BASE;
}

/* Memory that boot's first page tables map, at its own address and at DIRECT_BASE. boot/layout.inc has it in GiB. */
#define BOOT_MAPPED (4ull << 30)

/*
 * Build the kernel's tables, with all of @memory in the direct map, and load them; boot's are gone afterwards.
 * Returns the part of @early, which must lie below BOOT_MAPPED, that is left after tables were taken from its start.
 */
struct range paging_init(const struct ranges *memory, struct range early);

/* The root table whose upper half all others copy; its lower half is empty. */
paddr_t paging_kernel_root(void);

/* Copy the kernel's half into a root table that has none. */
void paging_root_init(paddr_t root);

/* A stack of STACK_SIZE over a guard page: its upper end, 16-aligned; 0 when memory is out. */
[[nodiscard]] vaddr_t paging_stack_create(void);

/* The stack with this upper end is not used any more, nor is it the one that this runs on. */
void paging_stack_free(vaddr_t top);

/* Frames that page tables and free stacks keep for stacks to come. */
uint64_t paging_stack_spare(void);

/* The page of a device's registers at @pa, where no memory is; not cached. NULL when memory is out. */
[[nodiscard]] volatile void *paging_map_device(paddr_t pa);

/* Is @va in a kernel stack; in a guard page under one? */
bool paging_is_stack(vaddr_t va);
bool paging_is_guard(vaddr_t va);
