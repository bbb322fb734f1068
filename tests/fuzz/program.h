/*
 * A sequence of steps as a C program for Linux: it can be compiled and run, and says where Linux answers otherwise than
 * mm/ did, and where a page holds something else. Addresses that mm/ chose are given to Linux as fixed ones.
 *
 * What differs on purpose (docs/linux.md), or cannot be asked of a process that goes on, is there as a comment with its
 * reason: a refused step changes nothing, so it can be left out. After a step that was done, and which Linux would do
 * otherwise, the program ends: with what every page must hold by then.
 */
#pragma once

#include <stdio.h>

#include "tests/host/sim_duel.h"

void program_begin(FILE *out, const struct duel *d);
void program_step(FILE *out, const struct duel *d, const struct step *s);
void program_end(FILE *out);

/* ---- Why a step is not made on Linux; NULL: it is ---- */

/* @s was refused, in a state that @was still is. */
const char *program_omits(const struct model *was, const struct duel *d, const struct step *s);

/* Whether @s, which was done, is mlock of a range not all of which can be fetched. */
bool program_locks_in_part(const struct model *now, const struct step *s);

/* Whether @s, which was done, is an access by which a mapping grew down. */
bool program_grows(const struct model *was, const struct step *s);

/* A shift of exec's stack, in pages; false when shift() of linux.h cannot do the same. */
struct shift {
    uint64_t start, end; /* of the stack before */
    uint64_t pages;      /* down */
    uint64_t room;       /* that it has below by then */
};
bool program_shift(const struct model *was, const struct model *now, const struct step *s,
                   struct shift *shift);

/* @s was done, in a state that was @was. */
const char *program_ends(const struct model *was, const struct duel *d, const struct step *s);
