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

/* What it takes to move piece by piece. */
struct remap_work {
    struct vma_reserve vmas;
    struct remap_run *runs;
    struct remap_run first; /* of the runs: one is all that most calls need */
    struct gather gather;
};

/* What S has of one VMA, and where it goes. */
struct remap_piece {
    struct vma *vma;
    struct range src, dst; /* of different length where the call resizes: then there is one piece */
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

    /* Decided: */
    bool along;               /* the VMA goes to D as it is, or one like it; if not: */
    bool replaces;            /* something is mapped in D */
    bool several;             /* S goes on behind the first piece */
    unsigned vmas_needed;     /* to be set aside */
    struct remap_piece piece; /* the first one */
    struct remap_work *work;
};

/* Whether nothing is asked for but to be elsewhere. Then S may hold several VMAs, and gaps. */
static inline bool remap_moves_only(const struct remap *r)
{
    return (r->flags & MREMAP_FIXED) && r->old_len == r->new_len;
}

/* The first piece in what S has from @at on. False when there is none. */
bool remap_piece_from(const struct remap *r, vaddr_t at, struct remap_piece *p);

/* The piece behind @p, which r->piece is at first. False when there is none. */
static inline bool remap_next_piece(const struct remap *r, struct remap_piece *p)
{
    return r->several && remap_piece_from(r, p->src.end, p);
}

/* What of S finds no room in D. */
static inline struct range remap_rest(const struct remap *r)
{
    return (struct range){min_u64(r->src.start + r->new_len, r->src.end), r->src.end};
}

static inline bool remap_has_rest(const struct remap *r)
{
    return r->new_len < r->old_len;
}

/* Whether there may be @pages more like those of r->vma, as far as limits and what was promised go. */
bool remap_may_add(const struct remap *r, uint64_t pages);

/*
 * Decide where to, and whether r->vma goes along, which it then may: 0, or -EPERM, -ENOMEM. (A part of
 * remap_move())
 */
long remap_choose(struct remap *r);

/*
 * Where it does not go along: decide whether all that is to go may. 0, or -EFAULT, -EPERM, -ENOMEM, -EINVAL. (A
 * part of remap_move())
 */
long remap_check_pieces(struct remap *r);

/*
 * Move what was checked: decide where, reserve, commit. The new address, or -EFAULT, -EPERM,
 * -ENOMEM with nothing changed.
 */
int64_t remap_move(struct remap *r);
