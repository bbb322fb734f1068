/* The cases of one class, all of them, in an order that never changes. See enum.c for what each class holds. */
#pragma once

#include "tests/exhaust/case.h"

/* How fine: which distances, patterns and modes. */
struct detail {
    const char *name;
    enum class class;
    bool complete; /* every subset of the pages outside is near, every subset inside is present */
    unsigned distances; /* at most so many for each of the four sides */
    unsigned patterns;
    unsigned seconds; /* 1: each side also with a second neighbour behind the first */
    bool all_modes;   /* else full only */
};

/* The classes of this geometry; the last has no name. */
extern const struct detail details[];

struct tally {
    uint64_t passed, failed;
};

/* Pairs of ranges in the class: the work is cut between them. */
uint64_t enum_pairs(const struct detail *d);

/*
 * All cases of every @parts-th pair, from pair @part on. Those that fail are told, the first few with a picture. @at, if
 * not NULL, is called after each pair.
 */
void enum_run(const struct detail *d, uint64_t part, uint64_t parts, struct tally *tally,
              void (*at)(uint64_t pair));
