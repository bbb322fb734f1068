/*
 * Addresses, half-open ranges and the geometry of the page-table levels.
 *
 * Addresses are 64 bit on every target the code is built for, so that the same files run in the
 * kernel, on the host and elsewhere. PT_BITS and PT_LEVELS are the geometry: 9 and 4 as the
 * processor has it, or smaller on the host, where every case of a small address space can be tried.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t vaddr_t;
typedef uint64_t paddr_t;

#ifndef PT_BITS
#define PT_BITS 9
#endif
#ifndef PT_LEVELS
#define PT_LEVELS 4
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE ((uint64_t)1 << PAGE_SHIFT)
#define PT_ENTRIES (1u << PT_BITS)
#define PT_TOP (PT_LEVELS - 1u)

/* Compiled anew, for what is known there, wherever it is called; and kept out of the way of what is common. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

/*
 * The levels by the name of their entries; level + 1 is the table that holds them one step closer
 * to the root.
 */
enum { PT_PTE, PT_PMD, PT_PUD, PT_PGD };

/* User addresses end at USER_END; its last page is never mapped, as on Linux, hence TASK_SIZE. */
#define USER_END ((vaddr_t)1 << (PAGE_SHIFT + PT_BITS * PT_LEVELS - 1))
#define TASK_SIZE (USER_END - PAGE_SIZE)

/* [start, end) */
struct range {
    vaddr_t start;
    vaddr_t end;
};

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t range_size(struct range r)
{
    return r.end - r.start;
}

static inline bool range_overlaps(struct range a, struct range b)
{
    return a.start < b.end && b.start < a.end;
}

static inline unsigned pt_shift(unsigned level)
{
    return PAGE_SHIFT + PT_BITS * level;
}

/* Bytes that one entry of @level translates: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
static inline uint64_t pt_span(unsigned level)
{
    return (uint64_t)1 << pt_shift(level);
}

/* Where @va lies inside the span of its @level entry, in bytes. */
static inline uint64_t pt_offset(vaddr_t va, unsigned level)
{
    return va & (pt_span(level) - 1);
}

/* The highest level, PT_TOP at most, whose span divides @size, a multiple of PAGE_SIZE but 0. */
static inline unsigned pt_align(uint64_t size)
{
    return (unsigned)min_u64(((unsigned)__builtin_ctzll(size) - PAGE_SHIFT) / PT_BITS, PT_TOP);
}

/* Start of the span of the @level entry that translates @va. */
static inline vaddr_t pt_floor(vaddr_t va, unsigned level)
{
    return va - pt_offset(va, level);
}

/* @va itself when it starts a @level span, else the start of the next one. */
static inline vaddr_t pt_ceiling(vaddr_t va, unsigned level)
{
    return pt_floor(va + pt_span(level) - 1, level);
}

/* Which of the entries in its table translates @va. */
static inline unsigned pt_index(vaddr_t va, unsigned level)
{
    return (unsigned)(va >> pt_shift(level)) & (PT_ENTRIES - 1);
}

static inline uint64_t page_offset(uint64_t x)
{
    return x & (PAGE_SIZE - 1);
}

/* Rounded up to whole pages; wraps to 0 above the last page, as callers check. */
static inline uint64_t page_align(uint64_t x)
{
    return (x + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
