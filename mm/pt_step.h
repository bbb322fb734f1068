/*
 * The steps of a move: which entries go next, and together. Found in the same way when the engine
 * plans and when it commits (mm/pt_move.c).
 */
#pragma once

#include "mm/pt_move.h"

/* Where the steps start: at the range's end where they descend. */
void pt_first_step(const struct pt_move *m, struct pt_cursor *c);

/*
 * The next entries to move, from c->at on in the direction of the move; c->at becomes the address to
 * go on at. False at the end of the range. The caller takes off c->left[s->level] how many entries
 * move, or as many as it is sure of.
 *
 * pt_plan_step() changes nothing. pt_next_step() is for a step that is done now: a refused slot has
 * been warned of, a huge leaf that cannot move as it is has been split, and the tables behind that lost
 * their last entry are freed.
 */
bool pt_plan_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s);
bool pt_next_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s, struct gather *g);

/* Where the entries of a move go. */
static inline struct range pt_move_destination(const struct pt_move *m)
{
    return (struct range){m->src.start + m->delta, m->src.end + m->delta};
}
