/*
 * The steps of a move: which entries go next, and together. Found in the same way when the engine
 * plans and when it commits (mm/pt_move.c).
 */
#pragma once

#include "mm/pt_move.h"

/* Where the steps start: at the range's end where they descend. */
void pt_first_step(const struct pt_move *m, struct pt_cursor *c);

/*
 * The next entries to move, from c->at on in the direction of the move. False at the end of the range. The
 * caller says pt_pass_step() before it asks for the next ones.
 *
 * pt_plan_step() changes nothing. pt_next_step() is for a step that is done now: a refused slot has
 * been warned of, a huge leaf that cannot move as it is has been split, and the tables behind that lost
 * their last entry are freed.
 */
bool pt_plan_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s);
[[gnu::nonnull]] bool pt_next_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s,
                                   struct gather *g);

/* The step lies behind; @moved of its entries, or fewer, were not empty. */
static inline void pt_pass_step(const struct pt_move *m, struct pt_cursor *c,
                                const struct pt_step *s, uint32_t moved)
{
    c->at = m->descending ? s->old : s->old + s->count * pt_span(s->level);
    c->left[s->level] -= moved;
}

/* Whether there is nothing behind the step. */
static inline bool pt_is_last_step(const struct pt_move *m, const struct pt_step *s)
{
    return m->descending ? s->old == m->src.start
                         : s->old + s->count * pt_span(s->level) == m->src.end;
}

/* How many entries find a slot in the table that the lowest one goes into. */
static inline unsigned pt_room(const struct pt_step *s)
{
    return PT_ENTRIES - pt_index(s->new, s->level);
}

/* Where the entries of a move go. */
static inline struct range pt_move_destination(const struct pt_move *m)
{
    return (struct range){m->src.start + m->delta, m->src.end + m->delta};
}
