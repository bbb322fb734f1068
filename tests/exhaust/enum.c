/*
 * All cases of a class. A case is a pair of ranges (where from, where to, how long), what lives near them, which pages
 * are present, and how it is asked for. Every pair of ranges of the address space is there, and each case is tried with
 * realign=off, pmd and full.
 *
 * engine  pt_move itself. Neighbours are single pages to the left and right of both ranges.
 * remap   mm_mremap with FIXED, FIXED|DONTUNMAP, shrinking, growing, and MAYMOVE. The source is all of its area or a
 *         part; areas live near both ranges; the target is free, or taken by something else.
 * shift   stack_shift: every stack, every shift, areas below and above.
 *
 * What is enumerated, and what is not (main.c has the numbers):
 *
 *   8 pages        engine: every layout and every pattern of present pages. Nothing is left out.
 *   16 of 32 pages engine, as above, in the 16 pages in the middle: up to all of them are neighbours.
 *   32 pages       Each side has no neighbour, or its first one at each distance that matters: adjacent, the last page
 *                  inside the span of a table of each level and the first outside it. All combinations of the sides
 *                  (remap: 6 distances a side), each with up to 12 patterns of present pages (remap: 3). With a second
 *                  neighbour on any of the sides, adjacent to the first or with a page between: a share of them.
 *   8 pages        remap, shift; and shift of 32 pages: the same, without leaving any of these out.
 *   128, 256 pages The same layouts, but for each pair of ranges only a share of them, and of the patterns each in its
 *                  turn: the next pair of ranges has the layouts that come next. So each layout meets each offset in
 *                  the tables at some pair of ranges, not at all of them.
 *
 * Left out everywhere, but in the complete classes: more than two neighbours on a side, neighbours of more than one
 * page, a second neighbour further away, and patterns other than the 12.
 */
#include <stdio.h>

#include "kernel/abi/mman.h"
#include "tests/exhaust/enum_private.h"

#define TOLD 10 /* failures printed with a picture, per run */

/* There are few layouts with something in the target: a larger share of them. */
#define TAKEN(share) (1 + (share) / 20)

/* ---- Running ---- */

static void failed(struct work *w, const struct ex_case *c)
{
    w->tally->failed++;
    if (w->told++ >= TOLD)
        return;
    printf("not ok - %s\n# ", machine_words);
    case_print(c);
    case_picture(c);
    fflush(stdout);
}

static void try_modes(struct work *w)
{
    for (enum realign mode = REALIGN_OFF; mode <= REALIGN_FULL; mode++) {
        w->c.mode = mode;
        if (case_try(&w->c))
            w->tally->passed++;
        else
            failed(w, &w->c);
    }
}

static void stage_and_try(struct work *w)
{
    case_stage(&w->c);
    try_modes(w);
}

/* ---- engine ---- */

static bool overlap(const struct ex_case *c)
{
    return c->new < c->old + c->len && c->old < c->new + c->len;
}

static void engine_patterns(struct work *w)
{
    each_pattern(w, stage_and_try);
}

/* With pages of its own in the target, which are cleared between plan and commit. */
static void engine_taken(struct work *w)
{
    const struct ex_case plain = w->c;

    if (overlap(&w->c) || first_turn(w, TAKEN(w->d->share), 1) > 0)
        return;
    for (unsigned i = 0; i < w->c.len; i += 3)
        add_area(&w->c, w->c.new + i, w->c.new + i + 1, 't', true);
    each_pattern(w, stage_and_try);
    w->c = plain;
}

static void engine_pair(struct work *w)
{
    struct side sides[4];

    set_side(&sides[0], w->d, w->c.old, true);
    set_side(&sides[1], w->d, w->c.old + w->c.len, false);
    set_side(&sides[2], w->d, w->c.new, true);
    set_side(&sides[3], w->d, w->c.new + w->c.len, false);
    each_layout(w, sides, 4, engine_patterns);
    if (w->c.len <= 3 * CASE_AREAS)
        engine_taken(w);
}

/* Every subset of what is outside the ranges and of the source's pages; the target free or taken. */
static void engine_complete(struct work *w)
{
    const struct ex_case plain = w->c;
    unsigned from = w->d->from, to = w->d->to;

    for (uint32_t set = 0; set < (uint32_t)1 << (to - from); set++) {
        bool fits = true;

        for (unsigned p = from; p < to && fits; p++) {
            if (!(set >> (p - from) & 1))
                continue;
            fits = !in(p, w->c.new, w->c.len) || in(p, w->c.old, w->c.len) || !overlap(&w->c);
            if (!in(p, w->c.old, w->c.len))
                add_area(&w->c, p, p + 1, 'n', false);
            pages_add(&w->c.present, p);
        }
        if (fits)
            stage_and_try(w);
        w->c = plain;
    }
}

/* ---- remap ---- */

/* Calls on one layout. The source may be longer than what moves, and the target longer than the source. */
static void remap_pattern(struct work *w)
{
    case_stage(&w->c);
    w->c.flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    try_modes(w);
    if (w->c.new_len != w->c.len)
        return;
    w->c.flags |= MREMAP_DONTUNMAP;
    try_modes(w);
}

static void remap_patterns(struct work *w)
{
    each_pattern(w, remap_pattern);
}

/* The area of the source is the source, or goes on at either end. */
static bool put_source(struct ex_case *c, unsigned before, unsigned behind)
{
    if (before && (c->old == 0 || !free_page(c, c->old - 1)))
        return false;
    if (behind && !free_page(c, c->old + c->len))
        return false;
    add_area(c, c->old - before, c->old + c->len + behind, 'w', false);
    if (before)
        pages_add(&c->present, c->old - 1);
    if (behind)
        pages_add(&c->present, c->old + c->len);
    return true;
}

/* Something lives in the target: all of it, or one page at either end. */
static void remap_taken(struct work *w)
{
    const struct ex_case plain = w->c;
    unsigned last = w->c.new + w->c.new_len;

    if (first_turn(w, TAKEN(w->d->share), 1) > 0)
        return;
    add_area(&w->c, w->c.new, last, 'r', true);
    remap_patterns(w);
    w->c = plain;
    add_area(&w->c, w->c.new, w->c.new + 1, 'x', true);
    if (w->c.new_len > 1)
        add_area(&w->c, last - 1, last, 'r', true);
    remap_patterns(w);
    w->c = plain;
}

static void remap_source(struct work *w, unsigned before, unsigned behind)
{
    const struct ex_case plain = w->c;
    struct side sides[4];

    if (put_source(&w->c, before, behind)) {
        set_side(&sides[0], w->d, w->c.old - before, true);
        set_side(&sides[1], w->d, w->c.old + w->c.len + behind, false);
        set_side(&sides[2], w->d, w->c.new, true);
        set_side(&sides[3], w->d, w->c.new + w->c.new_len, false);
        each_layout(w, sides, 4, remap_patterns);
        remap_taken(w);
    }
    w->c = plain;
}

/* ---- remap: growing, to where there is room ---- */

static bool free_run(const struct ex_case *c, unsigned from, unsigned n)
{
    for (unsigned p = from; p < from + n; p++) {
        if (p >= EX_TASK)
            return false;
        for (unsigned i = 0; i < c->areas; i++)
            if (p >= c->area[i].from && p < c->area[i].to)
                return false;
    }
    return true;
}

/* The highest gap of @n pages; 0: nowhere. */
static unsigned highest_gap(const struct ex_case *c, unsigned n)
{
    unsigned page = EX_TASK;

    while (page > 0 && !free_run(c, page, n))
        page--;
    return page;
}

/*
 * In place where the area ends with the source and there is room behind; else the highest gap, of which whole
 * spans of a PMD entry take such spans if they can. 0: nowhere.
 */
static unsigned place_grown(const struct ex_case *c)
{
    unsigned end = c->old + c->len, span = span_pages(PT_PMD), roomy;

    if (c->area[0].to == end && free_run(c, end, c->new_len - c->len))
        return c->old;
    roomy = c->new_len % span ? 0 : highest_gap(c, c->new_len + span - 1);
    return roomy ? (roomy + span - 1) / span * span : highest_gap(c, c->new_len);
}

static void grow_pattern(struct work *w)
{
    case_stage(&w->c);
    w->c.flags = MREMAP_MAYMOVE;
    try_modes(w);
}

static void grow_layout(struct work *w)
{
    const struct ex_case plain = w->c;

    w->c.new = place_grown(&w->c);
    if (w->c.new || w->c.old == 0)
        each_pattern(w, grow_pattern);
    w->c = plain;
}

/* Once for each source: the target is not ours to choose. */
static void grow_source(struct work *w)
{
    const struct ex_case plain = w->c;
    const unsigned added[] = {1, span_pages(PT_PMD), span_pages(PT_PMD) + 1};
    struct side sides[2];

    for (unsigned n = 0; n < 6; n++) {
        w->c.new = w->c.old;
        w->c.new_len = w->c.len + added[n / 2];
        if (w->c.new_len <= EX_TASK && put_source(&w->c, 0, n % 2)) {
            set_side(&sides[0], w->d, w->c.old, true);
            set_side(&sides[1], w->d, w->c.old + w->c.len + n % 2, false);
            each_layout(w, sides, 2, grow_layout);
        }
        w->c = plain;
    }
}

static void remap_pair(struct work *w)
{
    const struct ex_case plain = w->c;
    unsigned lengths[] = {w->c.len, w->c.len - 1, w->c.len + 1};

    for (unsigned n = 0; n < 3; n++) {
        w->c.new_len = lengths[n];
        if (!w->c.new_len || w->c.new + w->c.new_len > EX_TASK)
            continue;
        if (w->c.new < w->c.old + w->c.len && w->c.old < w->c.new + w->c.new_len)
            continue;
        for (unsigned ends = 0; ends < 4; ends++)
            if (n == 0 || ends == 0)
                remap_source(w, ends & 1, ends >> 1);
        w->c = plain;
    }
    if (w->c.new == (w->c.old == 0))
        grow_source(w);
}

/* ---- shift ---- */

static void shift_patterns(struct work *w)
{
    /* The stack cannot come down over what is mapped. */
    for (unsigned i = 0; i < w->c.areas; i++)
        if (w->c.area[i].from < w->c.old && w->c.area[i].to > w->c.new)
            return;
    each_pattern(w, stage_and_try);
}

static void shift_pair(struct work *w)
{
    struct side sides[2];

    if (w->c.new > w->c.old || w->c.old + w->c.len > EX_TASK)
        return;
    set_side(&sides[0], w->d, w->c.new, true);
    set_side(&sides[1], w->d, w->c.old + w->c.len, false);
    add_area(&w->c, w->c.old, w->c.old + w->c.len, 's', false);
    each_layout(w, sides, 2, shift_patterns);
    w->c.areas = 0;
}

/* ---- Pairs ---- */

static void run_pair(struct work *w)
{
    if (w->d->class == CLASS_ENGINE && w->d->complete)
        engine_complete(w);
    else if (w->d->class == CLASS_ENGINE)
        engine_pair(w);
    else if (w->d->class == CLASS_REMAP)
        remap_pair(w);
    else
        shift_pair(w);
}

static bool is_pair(const struct detail *d, unsigned old, unsigned len, unsigned new)
{
    if (d->class == CLASS_SHIFT)
        return new < old &&old + len <= EX_TASK;
    if (d->class == CLASS_REMAP && (old + len > EX_TASK || new + len > EX_TASK + 1))
        return false;
    if (d->class == CLASS_REMAP)
        return old != new;
    if (d->complete && (old < d->from || old + len > d->to || new < d->from || new + len > d->to))
        return false;
    return new < old || new >= old + len;
}

/* Calls run_pair() for those chosen; returns how many pairs there are. */
static uint64_t walk(struct work *w, uint64_t part, uint64_t parts, void (*at)(uint64_t pair))
{
    uint64_t pair = 0;

    for (unsigned len = 1; len <= EX_PAGES; len++)
        for (unsigned old = 0; old + len <= EX_PAGES; old++)
            for (unsigned new = 0; new + len <= EX_PAGES + (w->d->class == CLASS_REMAP); new ++) {
                if (!is_pair(w->d, old, len, new))
                    continue;
                if (parts && pair % parts == part) {
                    w->c = (struct ex_case){
                        .class = w->d->class, .old = old, .len = len, .new = new, .new_len = len};
                    w->layout = w->pattern = (unsigned)pair;
                    run_pair(w);
                    if (at)
                        at(pair);
                }
                pair++;
            }
    return pair;
}

uint64_t enum_pairs(const struct detail *d)
{
    struct work w = {.d = d};

    return walk(&w, 0, 0, NULL);
}

void enum_run(const struct detail *d, uint64_t part, uint64_t parts, struct tally *tally,
              void (*at)(uint64_t pair))
{
    struct work w = {.d = d, .tally = tally};

    walk(&w, part, parts, at);
}
