/*
 * The fewest entries that can move the pages of a case: brute force over every way to cover the pages by whole entries.
 *
 * An entry may move whole where both sides are aligned to its span, and neither the span that it leaves nor the one
 * that it comes to holds anything but the two ranges of the move. Entries nest, so a cover picks for each entry: whole,
 * or some cover of each of its parts; the recursion takes the cheapest of all of these.
 *
 * The order of the steps adds no bound. Entries are moved in memmove's order, so when an entry's turn comes its span
 * holds only pages still to be moved, and what was moved before lies where its own destination is not; see
 * mm/pt_move.c. Nor can another order, or a move in two hops, do with fewer: a hop that is not the whole way leaves
 * each page that it took with one more to go, and an entry at the level where the two ranges are aligned can reach its
 * place by no move of a larger one.
 *
 * Nothing here knows floors, ceilings, steps or tables.
 */
#include "tests/exhaust/case.h"

#define NEVER 100000u

static bool may_move_whole(const struct problem *q, unsigned base, unsigned level)
{
    unsigned span = span_pages(level);
    unsigned distance = q->new - q->old; /* modulo 2^32 */
    unsigned to = base + distance;

    if (level > q->top || distance % span || base < q->from || base + span > q->to ||
        to >= EX_PAGES)
        return false;
    return !pages_any(&q->others, base, level) && !pages_any(&q->others, to, level);
}

static unsigned fewest_below(const struct problem *q, unsigned base, unsigned level)
{
    unsigned whole = NEVER, parts = 0;

    if (!pages_any(&q->moving, base, level))
        return 0;
    if (may_move_whole(q, base, level))
        whole = 1;
    if (level == PT_PTE)
        return whole;
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        parts += fewest_below(q, base + i * span_pages(level - 1), level - 1);
    return whole < parts ? whole : parts;
}

unsigned oracle_fewest(const struct problem *q)
{
    unsigned sum = 0;

    for (unsigned base = 0; base < EX_PAGES; base += span_pages(PT_TOP))
        sum += fewest_below(q, base, PT_TOP);
    return sum;
}

/* Whether any of [from, to) is in the set. */
static bool any_in(const struct pages *set, unsigned from, unsigned to)
{
    while (from < to && !pages_has(set, from))
        from++;
    return from < to;
}

unsigned oracle_pmd_start(const struct ex_case *c, const struct pages *others)
{
    unsigned span = span_pages(PT_PMD), off = c->old % span;
    struct pages at_old = *others, at_new = *others;

    if (PT_TOP == PT_PTE || off == 0 || c->new % span != off || c->len < span - off)
        return c->old;
    if (c->class ==
        CLASS_REMAP) { /* the two ranges are each other's neighbours, but not exec's stack */
        for (unsigned i = 0; i < c->new_len; i++)
            pages_add(&at_old, c->new + i);
        for (unsigned i = 0; i < c->len; i++)
            pages_add(&at_new, c->old + i);
    }
    if (any_in(&at_old, c->old - off, c->old) || any_in(&at_new, c->new - off, c->new))
        return c->old;
    return c->old - off;
}
