/*
 * Inside of mremap: one call on its way from mremap.c, which checks and classifies, to
 * mremap_move.c.
 *
 * Lock: mm's, for write.
 */
#pragma once

#include "kernel/abi/mman.h"
#include "mm/mmap.h"
#include "mm/pt_move.h"

/* Entries that move in one run of the engine; the runs of a call in the order of addresses. */
struct remap_run {
    struct pt_move move;
    struct remap_run *next;
};

/* One call. The ranges S and D, and all cases, are explained in mremap.c. */
struct remap {
    struct mm *mm;
    struct range src; /* S */
    struct range dst; /* D; its start is the hint until the target is chosen */
    uint64_t old_len; /* bytes, multiples of PAGE_SIZE */
    uint64_t new_len;
    uint32_t flags;  /* MREMAP_ */
    struct vma *vma; /* at old */

    bool replaces; /* something is mapped in D */
    bool along;    /* the VMA goes to D as it is */
    struct vma_reserve vmas;
    struct remap_run *runs;

    /* Set when they come to be used: */
    struct remap_run first; /* of the runs: one is all that most calls need */
    struct gather gather;
};

/* Whether nothing is asked for but to be elsewhere. Then S may hold several VMAs, and gaps. */
static inline bool remap_moves_only(const struct remap *r)
{
    return (r->flags & MREMAP_FIXED) && r->old_len == r->new_len;
}

/*
 * Move what was checked: decide where, reserve, commit. The new address, or -EFAULT, -EPERM,
 * -ENOMEM with nothing changed.
 */
int64_t remap_move(struct remap *r);
