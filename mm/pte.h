/*
 * One page-table entry. Built only by the constructors below, read only by the accessors; the
 * layout is the processor's (Intel SDM vol. 3, 4.5), the bits 9 to 11 are ours.
 *
 * An entry is empty (all zero), a table (an inner entry that links a lower table), or a leaf (it
 * maps a frame). A leaf whose VMA grants no access stays a leaf, with the present bit off and
 * PTE_HELD on: the processor faults, the frame stays.
 */
#pragma once

#include "mm/port.h"

struct pte {
    uint64_t raw;
};

#define PTE_PRESENT ((uint64_t)1 << 0)
#define PTE_WRITE ((uint64_t)1 << 1)
#define PTE_USER ((uint64_t)1 << 2)
#define PTE_ACCESSED ((uint64_t)1 << 5)
#define PTE_DIRTY ((uint64_t)1 << 6)
#define PTE_HUGE ((uint64_t)1 << 7)
#define PTE_HELD ((uint64_t)1 << 9)
#define PTE_NX ((uint64_t)1 << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* What a leaf grants. */
enum { PTE_R = 1, PTE_W = 2, PTE_X = 4 };

static inline struct pte pte_none(void)
{
    return (struct pte){0};
}

/* Inner entry that links the table at @table. Rights are narrowed at the leaves only. */
static inline struct pte pte_table(paddr_t table)
{
    return (struct pte){table | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED};
}

/*
 * Leaf at @level that maps @frame with @rights of PTE_R, PTE_W, PTE_X; none of them: held, not
 * accessible.
 */
static inline struct pte pte_leaf(paddr_t frame, unsigned rights, unsigned level)
{
    uint64_t raw = frame | PTE_USER | PTE_ACCESSED;

    raw |= rights ? PTE_PRESENT : PTE_HELD;
    raw |= rights & PTE_W ? PTE_WRITE | PTE_DIRTY : 0;
    raw |= rights & PTE_X ? 0 : PTE_NX;
    raw |= level > PT_PTE ? PTE_HUGE : 0;
    return (struct pte){raw};
}

static inline bool pte_is_none(struct pte e)
{
    return e.raw == 0;
}

static inline bool pte_is_leaf(struct pte e, unsigned level)
{
    return e.raw != 0 && (level == PT_PTE || (e.raw & PTE_HUGE));
}

static inline bool pte_is_table(struct pte e, unsigned level)
{
    return e.raw != 0 && level > PT_PTE && !(e.raw & PTE_HUGE);
}

static inline paddr_t pte_addr(struct pte e)
{
    return e.raw & PTE_ADDR;
}

/* The number of the frame that a leaf maps. */
static inline uint64_t pte_frame(struct pte e)
{
    return pte_addr(e) >> PAGE_SHIFT;
}

/* The leaf @e without the right to write; what it otherwise grants stays. */
static inline struct pte pte_read_only(struct pte e)
{
    return (struct pte){e.raw & ~(PTE_WRITE | PTE_DIRTY)};
}

/* A leaf that maps what @e maps, with the rights of @like; both of one level. */
static inline struct pte pte_like(struct pte e, struct pte like)
{
    return (struct pte){pte_addr(e) | (like.raw & ~PTE_ADDR)};
}

/* Of a leaf of @level, the @i-th leaf one level lower that it is as good as. */
static inline struct pte pte_part(struct pte e, unsigned level, unsigned i)
{
    uint64_t raw = level - 1 == PT_PTE ? e.raw & ~PTE_HUGE : e.raw;

    return (struct pte){raw + i * pt_span(level - 1)};
}

/* The rights that a leaf grants; 0 for a held one. */
static inline unsigned pte_rights(struct pte e)
{
    if (!(e.raw & PTE_PRESENT))
        return 0;
    return PTE_R | (e.raw & PTE_WRITE ? PTE_W : 0) | (e.raw & PTE_NX ? 0 : PTE_X);
}

static inline bool pte_is_accessed(struct pte e)
{
    return e.raw & PTE_ACCESSED;
}

static inline bool pte_is_dirty(struct pte e)
{
    return e.raw & PTE_DIRTY;
}

/* The lower table that an inner entry links. */
static inline struct pte *pte_to_table(struct pte e)
{
    return port_ptr(pte_addr(e));
}

_Static_assert(sizeof(struct pte) == 8, "an entry is what the processor reads");
