/*
 * The move engine: translations of [old, old + len) become those of [new, new + len), by whole
 * entries wherever both sides allow it. It knows no VMAs; its caller passes the bounds up to which
 * nothing else lives.
 */
#pragma once

#include "mm/tlb.h"

/*
 * How far the steps of a move have come: @at, and the tables on the way there, from the root down to that
 * with entries of @level.
 */
struct pt_cursor {
    vaddr_t at;
    unsigned level;
    bool kept; /* a table was left with no entries in it */
    struct pte *table[PT_LEVELS];
    uint32_t left[PT_LEVELS]; /* in each, at most so many of the entries ahead are not empty */
};

/*
 * Neighbouring entries of one table that move whole into neighbouring slots of one table; or of two, where none
 * of the entries is empty.
 */
struct pt_step {
    unsigned level;
    vaddr_t old, new; /* start of the lowest entry's span */
    struct pte *from; /* the lowest entry; the one that the step was found by is not empty. NULL: in
                         a huge leaf that is yet to be split */
    unsigned count;
};

/*
 * One move. The caller fills in the request, all page-aligned:
 *
 *        old_floor      old                  old + len      old_ceiling
 *     ///////|...........|=====================|................|///////   what moves
 *
 *        new_floor      new                  new + len      new_ceiling
 *     ///////|...........|---------------------|................|///////   where to
 *
 * @old_floor .. @new_ceiling: nothing but the two ranges lives in between. Either range may lie in
 * the free part of the other. Where a range does not start or end at the edge of its VMA, the bound
 * is the address itself. With no neighbour at all: 0 and USER_END.
 * @tables_change: between plan and commit the caller frees tables (it clears the target, or the
 * rest of the source), so the plan counts on none of those it sees at the destination.
 *
 * The ranges may overlap only when new < old, as exec's stack does.
 */
struct pt_move {
    struct mm *mm;
    vaddr_t old, new;
    uint64_t len; /* bytes */
    vaddr_t old_floor, old_ceiling;
    vaddr_t new_floor, new_ceiling;
    bool tables_change;

    /* The plan: */
    struct range src; /* widened */
    uint64_t delta;   /* new - old, modulo 2^64 */
    unsigned align;   /* highest level at which old and new have the same offset */
    bool overlap;     /* the widened ranges do */
    bool descending;  /* then upward moves go from the end, as memmove does */
    struct pt_reserve reserve;
    struct pt_cursor cursor; /* where the steps are, */
    struct pt_step step;     /* the next one: the first, */
    bool any;                /* if there is one, */
    bool holds;              /* and if it will still be the first one */

    /* The result: */
    uint64_t moved[PT_LEVELS]; /* entries */
};

/* Where the range that was asked for ends. */
static inline vaddr_t pt_move_end(const struct pt_move *m)
{
    return m->old + m->len;
}

/* A move of @len bytes of @mm, with no bounds yet; nothing is planned or moved. */
static inline void pt_move_init(struct pt_move *m, struct mm *mm, vaddr_t old, vaddr_t new,
                                uint64_t len)
{
    m->mm = mm;
    m->old = old;
    m->new = new;
    m->len = len;
    m->tables_change = false;
    m->reserve = (struct pt_reserve){0};
    for (unsigned l = 0; l < PT_LEVELS; l++)
        m->moved[l] = 0;
}

/*
 * Decide how far to widen: m->src, which is the range that was asked for, grows at each end to the
 * edge of an entry of the highest level that is allowed, at most m->align. realign=pmd does what
 * Linux does: downward, at the PMD. (mm/pt_widen.c; a part of pt_move_plan())
 */
void pt_widen(struct pt_move *m);

/*
 * Decide and reserve: widen, and set aside the tables that the destination will need.
 * Lock: mm's, for write, and held until commit or cancel. 0 or -ENOMEM with nothing changed.
 */
[[nodiscard]] long pt_move_plan(struct pt_move *m);

/*
 * How many bytes of what was asked for lie behind, 0 .. len: once planned, while it is committed, and after. The
 * part that widening added does not count.
 */
uint64_t pt_move_progress(const struct pt_move *m);

/* Give back what the plan reserved. */
void pt_move_cancel(struct pt_move *m);

/*
 * Move. Cannot fail. The destination must hold no leaves. The caller finishes @g afterwards, which
 * flushes the old range once and then frees the tables that were emptied.
 */
void pt_move_commit(struct pt_move *m, struct gather *g);
