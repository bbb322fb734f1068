/*
 * Lab move-ptes: the move engine, page by page: handout.md.
 *
 * What mm/pt_move.h says of these three functions is what they have to do, but for widening: that is a later lab.
 */
#include "mm/pt_move.h"

#include "mm/trace.h"

long pt_move_plan(struct pt_move *m)
{
    mm_assert(m->old != m->new);
    mm_assert(m->new < m->old || m->new - m->old >= m->len);
    m->delta = m->new - m->old;
    m->src = (struct range){m->old, pt_move_end(m)};

    /* TODO: how many tables will the destination need that are not there? */
    return pt_reserve_fill(&m->reserve, 0);
}

void pt_move_cancel(struct pt_move *m)
{
    pt_reserve_drain(&m->reserve);
}

void pt_move_commit(struct pt_move *m, struct gather *g)
{
    /* TODO: move the entries of m->src, tell @g what has left, and prune the tables that are empty now. */
    (void)g;

    pt_reserve_drain(&m->reserve);
    mm_stats.moves++;
    for (unsigned l = 0; l < PT_LEVELS; l++)
        mm_stats.moved[l] += m->moved[l];
}
