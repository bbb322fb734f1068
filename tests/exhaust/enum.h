/* The cases of one class, all of them, in an order that never changes. See enum.c for what each class holds. */
#pragma once

#include "tests/exhaust/case.h"

/*
 * How fine. Where a share is n > 1, each pair of ranges has every n-th of these layouts, and the next pair those that
 * come after: every layout is tried at every offset in the tables, but not with every pair.
 */
struct detail {
    const char *name;
    enum class class;
    bool complete; /* every subset of the pages outside is near, every subset inside is present */
    unsigned from, to;  /* of complete classes: the pages that all this happens in */
    unsigned distances; /* of the first neighbour on each side: at most so many */
    unsigned patterns;  /* of present pages: at most so many */
    bool in_turn;       /* one pattern for each layout, each in its turn; else all of them */
    unsigned share;     /* of the layouts with one neighbour on each side, or none */
    unsigned seconds;   /* of those with a second one on some side; 0: none of them */
};

/* The classes of this geometry; the last has no name. */
extern const struct detail details[];

struct tally {
    uint64_t passed, failed;
};

/* Pairs of ranges in the class: the work is cut between them. */
uint64_t enum_pairs(const struct detail *d);

/*
 * All cases of every @parts-th pair, from pair @part on. Those that fail are told, the first few with a picture. @at,
 * if not NULL, is called after each pair.
 */
void enum_run(const struct detail *d, uint64_t part, uint64_t parts, struct tally *tally,
              void (*at)(uint64_t pair));
