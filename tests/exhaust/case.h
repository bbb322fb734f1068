/*
 * One case: a layout of areas and pages, and a move in it. A case is a line of text, and the line is the case:
 *
 *     engine mode=full old=5 len=4 new=17 near=2,30 pages=0x1e0
 *     remap mode=pmd old=5 len=4 new=17 new_len=4 flags=3 areas=1-3r,5-9w pages=0x1e6
 *     shift mode=off old=20 len=6 new=12 areas=2-4r,20-26s pages=0x3f00006
 */
#pragma once

#include "tests/exhaust/machine.h"

enum class { CLASS_ENGINE, CLASS_REMAP, CLASS_SHIFT };

#define CASE_AREAS 16

/*
 * Pages [from, to); kind: 'r', 'w', 'x' and 'y' (all three) by their rights, 's' the stack. Of the
 * engine: what is near.
 */
struct area {
    uint16_t from, to;
    char kind;
};

struct ex_case {
    enum class class;
    enum realign mode;
    unsigned old, len, new; /* pages */
    unsigned new_len;       /* remap */
    uint32_t flags;         /* remap */
    unsigned areas;
    struct area area[CASE_AREAS];
    struct pages present; /* with a page of their own when the move begins */
};

/* Lay the areas and pages of @c out, and keep that. The move, mode and flags may change until the next. */
void case_stage(const struct ex_case *c);

/* The move of a case that is laid out. True when all is as it must be, else machine_words says what is not. */
bool case_try(const struct ex_case *c);

/* Cases tried in this process; every one of so many is also looked at by mm_check(). */
extern uint64_t case_count;
#define CHECK_EVERY 256

/* ---- As text ---- */

void case_print(const struct ex_case *c);

/* False when @line is no case. */
bool case_parse(struct ex_case *c, const char *line);

/* Pages and areas before the move, as a picture. */
void case_picture(const struct ex_case *c);

/* ---- The oracle ---- */

/* What may move as it is, and what must. */
struct problem {
    unsigned old, new, len; /* the pages that move */
    struct pages moving;    /* present pages of them */
    struct pages others;    /* that neither side of a whole entry may hold */
    unsigned from, to;      /* whole entries lie in these pages of the source side */
    unsigned top;           /* the highest level of an entry that may move whole */
};

/* The fewest entries that move all pages, whatever the way. */
unsigned oracle_fewest(const struct problem *q);

/* How far realign=pmd starts below old: where Linux does, by the rule of the seed text. */
unsigned oracle_pmd_start(const struct ex_case *c, const struct pages *others);
