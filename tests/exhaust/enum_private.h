/* Between enum.c and enum_layout.c. */
#pragma once

#include "tests/exhaust/enum.h"

#define DISTANCES 8

struct work {
    const struct detail *d;
    struct ex_case c;
    struct tally *tally;
    unsigned told;
    unsigned layout, pattern; /* whose turn it is; by the number of the pair at first */
};

/* Whether @page is one of @len from @from on. */
bool in(unsigned page, unsigned from, unsigned len);

/* Pages of the target: of remap it may be longer or shorter than the source. */
unsigned target(const struct ex_case *c);

/* Whether neither range nor an area has @page. */
bool free_page(const struct ex_case *c, unsigned page);

/* Adds pages [from, to) of a kind, and makes them present. */
void add_area(struct ex_case *c, unsigned from, unsigned to, char kind, bool present);

/* One side of a range, and the distances at which a neighbour on it matters. */
struct side {
    unsigned list[DISTANCES];
    unsigned count;
    unsigned edge; /* below: the first page of the range; above: the first behind it */
    bool below;
};

void set_side(struct side *s, const struct detail *d, unsigned edge, bool below);

/* Of @count layouts in a row, the first whose turn it is; from there on every @share-th. */
unsigned first_turn(struct work *w, unsigned share, unsigned count);

/* The layouts of neighbours on @count sides whose turn it is: @then is called for each. */
void each_layout(struct work *w, const struct side *sides, unsigned count,
                 void (*then)(struct work *));

/* Every pattern of present pages of the source, or the one whose turn it is. */
void each_pattern(struct work *w, void (*then)(struct work *));
