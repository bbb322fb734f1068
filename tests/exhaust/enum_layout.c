/* What lives near the ranges of a case, and which of its pages are present. See enum.c for the classes. */
#include <string.h>

#include "tests/exhaust/enum_private.h"

#define NONE 9999u
#define PATTERNS 12

/* ---- Distances that matter, patterns ---- */

/* Adds a distance unless it is there or the page would not be: @room pages are on that side. */
static void add_distance(unsigned *list, unsigned *count, unsigned most, unsigned d, unsigned room)
{
    for (unsigned i = 0; i < *count; i++)
        if (list[i] == d)
            return;
    if (*count < most && (d < room || d == NONE))
        list[(*count)++] = d;
}

/* Of a side with @gap pages up to the edge of each level's span, given by @edge, and @room pages in all. */
static unsigned distances(unsigned *list, unsigned most, unsigned edge, bool below, unsigned room)
{
    unsigned count = 0;

    add_distance(list, &count, most, NONE, room);
    for (unsigned l = PT_PMD; l <= PT_TOP; l++) {
        unsigned span = span_pages(l);
        unsigned gap = below ? edge % span : (span - edge % span) % span;

        if (gap)
            add_distance(list, &count, most, gap - 1, room);
        add_distance(list, &count, most, gap, room);
    }
    add_distance(list, &count, most, 0, room);
    return count;
}

/* Whether the @i-th of @len pages, page number @page, is present. */
static bool in_pattern(unsigned pattern, unsigned page, unsigned i, unsigned len)
{
    unsigned span = span_pages(PT_PMD), at = page % span;

    switch (pattern) {
    case 0:
        return true;
    case 1:
        return i == len - 1;
    case 2:
        return page / span % 2 == 0;
    case 3:
        return i == 0;
    case 4:
        return at == span - 1 || i == len - 1;
    case 5:
        return page / span % 2 == 1;
    case 6:
        return at == 0 || i == 0;
    case 7:
        return i % 2 == 0;
    case 8:
        return false;
    case 9:
        return i == len / 2;
    case 10:
        return i && i < len - 1;
    default:
        return page * 7 % 5 < 2;
    }
}

static bool same_pages(const struct pages *a, const struct pages *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void fill_pattern(struct pages *set, unsigned n, unsigned from, unsigned len)
{
    memset(set, 0, sizeof(*set));
    for (unsigned i = 0; i < len; i++)
        if (in_pattern(n, from + i, i, len))
            pages_add(set, from + i);
}

/* The different sets that the patterns give for a range; or that of @turn. */
static unsigned patterns(struct pages *sets, const struct detail *d, unsigned turn, unsigned from,
                         unsigned len)
{
    unsigned count = 0;

    if (d->in_turn) {
        fill_pattern(sets, turn % d->patterns, from, len);
        return 1;
    }
    for (unsigned n = 0; n < PATTERNS && count < d->patterns; n++) {
        unsigned same = 0;

        fill_pattern(&sets[count], n, from, len);
        while (!same_pages(&sets[same], &sets[count]))
            same++;
        count += same == count;
    }
    return count;
}

/* ---- Areas ---- */

bool in(unsigned page, unsigned from, unsigned len)
{
    return page - from < len;
}

unsigned target(const struct ex_case *c)
{
    return c->class == CLASS_REMAP ? c->new_len : c->len;
}

bool free_page(const struct ex_case *c, unsigned page)
{
    if (page >= EX_TASK || in(page, c->old, c->len) || in(page, c->new, target(c)))
        return false;
    for (unsigned i = 0; i < c->areas; i++)
        if (page >= c->area[i].from && page < c->area[i].to)
            return false;
    return true;
}

void add_area(struct ex_case *c, unsigned from, unsigned to, char kind, bool present)
{
    c->area[c->areas++] = (struct area){(uint16_t)from, (uint16_t)to, kind};
    for (unsigned p = from; present && p < to; p++)
        pages_add(&c->present, p);
}

/* The kind that no neighbour of @page has, so that areas that meet stay two. */
static char kind_at(const struct ex_case *c, unsigned page)
{
    bool r = false, x = false;

    for (unsigned i = 0; i < c->areas; i++) {
        if (c->area[i].to != page && c->area[i].from != page + 1)
            continue;
        r |= c->area[i].kind == 'r';
        x |= c->area[i].kind == 'x';
    }
    return !r ? 'r' : !x ? 'x' : 'y';
}

/* A neighbour of one page. False where there is no room for it. */
static bool put_neighbour(struct ex_case *c, unsigned page)
{
    if (!free_page(c, page))
        return false;
    add_area(c, page, page + 1, kind_at(c, page), true);
    return true;
}

void set_side(struct side *s, const struct detail *d, unsigned edge, bool below)
{
    unsigned room = below ? edge : EX_TASK - edge;

    s->edge = edge;
    s->below = below;
    s->count = distances(s->list, d->distances, edge, below, edge <= EX_TASK ? room : 0);
}

/* A layout by its number: which distance on each side, and which second neighbour behind that one. */
#define SECONDS 3 /* none, adjacent to the first, with a page between */

/* False where there is no such layout. */
static bool put_side(struct ex_case *c, const struct side *s, unsigned choice, unsigned second)
{
    unsigned d = s->list[choice];
    unsigned page = s->below ? s->edge - 1 - d : s->edge + d;
    unsigned behind = s->below ? page - second : page + second;

    if (d == NONE)
        return second == 0;
    if (!put_neighbour(c, page))
        return false;
    return second == 0 || put_neighbour(c, behind);
}

static void try_layout(struct work *w, const struct side *sides, unsigned count, unsigned choices,
                       unsigned seconds, void (*then)(struct work *))
{
    const struct ex_case plain = w->c;
    bool fits = true;

    for (unsigned s = 0; s < count && fits; s++) {
        fits = put_side(&w->c, &sides[s], choices % sides[s].count, seconds % SECONDS);
        choices /= sides[s].count;
        seconds /= SECONDS;
    }
    if (fits)
        then(w);
    w->c = plain;
}

unsigned first_turn(struct work *w, unsigned share, unsigned count)
{
    unsigned first = (share - w->layout % share) % share;

    w->layout += count;
    return first;
}

void each_layout(struct work *w, const struct side *sides, unsigned count,
                 void (*then)(struct work *))
{
    unsigned firsts = 1, seconds = 1, all;

    for (unsigned s = 0; s < count; s++) {
        firsts *= sides[s].count;
        seconds *= SECONDS;
    }
    for (unsigned n = first_turn(w, w->d->share, firsts); n < firsts; n += w->d->share)
        try_layout(w, sides, count, n, 0, then);
    if (!w->d->seconds)
        return;
    all = firsts * (seconds - 1);
    for (unsigned n = first_turn(w, w->d->seconds, all); n < all; n += w->d->seconds)
        try_layout(w, sides, count, n / (seconds - 1), 1 + n % (seconds - 1), then);
}

void each_pattern(struct work *w, void (*then)(struct work *))
{
    struct pages sets[PATTERNS + 1];
    const struct pages near = w->c.present;
    unsigned count = patterns(sets, w->d, w->pattern, w->c.old, w->c.len);

    w->pattern += w->d->in_turn;
    for (unsigned n = 0; n < count; n++) {
        w->c.present = near;
        for (unsigned i = 0; i < EX_WORDS; i++)
            w->c.present.word[i] |= sets[n].word[i];
        then(w);
    }
    w->c.present = near;
}
