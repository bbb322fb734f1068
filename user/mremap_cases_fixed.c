/*
 * MREMAP_FIXED: what is at the destination vanishes exactly there, and the size may change on the way.
 */
#include "mremap_test.h"

#define A GIB(1)
#define D (GIB(3) + MIB(16))
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

/* The neighbours may reach into the destination; what lies outside of it stays. */
static void run_fixed(struct scene *s, const struct test_case *c)
{
    uint64_t new_len = c->new_len ? c->new_len : c->len;
    uint64_t moved = c->len < new_len ? c->len : new_len;

    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, new_len, FIXED, c->new, c->new))
        return;
    book_unmap(s, c->new, new_len);
    book_unmap(s, c->old + moved, c->len - moved);
    book_move(s, c->old, moved, c->new);
    if (new_len > moved)
        book_map(s, c->new + moved, new_len - moved, "rw-p");
    scene_check(s);
    if (new_len > moved)
        scene_check_zero(s, c->new + moved, new_len - moved);
}

/* Twelve moves in a row, at all alignments, and home: the bytes of the first place are the bytes of the last. */
static void run_hops(struct scene *s, const struct test_case *c)
{
    static const uint64_t places[] = {
        GIB(3) + MIB(1), GIB(5) + MIB(17), GIB(7) + MIB(17) + PAGE, GIB(9) + PAGE,
        GIB(11),         GIB(513),         GIB(600) + MIB(2),       GIB(4) - MIB(1),
        GIB(1025),       GIB(2047),        GIB(6) + KIB(512),       0,
    };
    uint64_t at = c->old;

    scene_set(s, c);
    for (size_t i = 0; i < ARRAY_SIZE(places) && !tap_failing(); i++) {
        uint64_t to = places[i] ? places[i] : c->old;

        if (!scene_call_to(s, at, c->len, c->len, FIXED, to, to))
            return;
        book_move(s, at, c->len, to);
        scene_check(s);
        at = to;
    }
}

/* Two mappings change places by way of a third. */
static void run_swap(struct scene *s, const struct test_case *c)
{
    const uint64_t hop[4] = {c->old, GIB(8), c->new, c->old};
    const uint64_t from[3] = {hop[0], hop[2], hop[1]}, to[3] = {hop[1], hop[3], hop[2]};

    scene_area(s, c->old, c->len);
    scene_area(s, c->new, c->len);
    for (size_t i = 0; i < 3; i++) {
        if (!scene_call_to(s, from[i], c->len, c->len, FIXED, to[i], to[i]))
            return;
        book_move(s, from[i], c->len, to[i]);
    }
    scene_check(s);
}

/* Page by page to the same pages in reverse order. */
static void run_reverse(struct scene *s, const struct test_case *c)
{
    uint64_t pages = c->len / PAGE;

    scene_set(s, c);
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t from = c->old + i * PAGE, to = c->new + (pages - 1 - i) * PAGE;

        if (!scene_call_to(s, from, PAGE, PAGE, FIXED, to, to))
            return;
        book_move(s, from, PAGE, to);
    }
    scene_check(s);
}

/* One of many: every second page is a mapping of its own. */
static void run_among_many(struct scene *s, const struct test_case *c)
{
    scene_area(s, c->old, 41 * PAGE);
    for (uint64_t i = 1; i < 41; i += 2)
        scene_protect(s, c->old + i * PAGE, PAGE, "r--p");
    if (!scene_call_to(s, c->old + 20 * PAGE, PAGE, PAGE, FIXED, c->new, c->new))
        return;
    book_move(s, c->old + 20 * PAGE, PAGE, c->new);
    scene_check(s);
}

#define MOVE(what, from, bytes, to)                                                                \
    .name = what, .run = run_fixed, .old = from, .len = bytes, .new = to

static const struct test_case cases[] = {
    {MOVE("over a mapping of the same size", A, KIB(64), D), .near = {{D, KIB(64)}}},
    {MOVE("over whole PMDs of another mapping", A, MIB(4), D), .near = {{D, MIB(4)}},
     HOW(0, 2, 0, 0, AS_IS)},
    {MOVE("over a part of a PMD, alone there", A + MIB(1), MIB(1), D + MIB(1)),
     .near = {{D + MIB(1), MIB(1)}}, HOW(0, 1, 0, 0, DOWN)},
    {MOVE("over the middle of a mapping", A, KIB(64), D + KIB(64)), .near = {{D, KIB(192)}},
     HOW(16, 0, 0, 0, AS_IS)},
    {MOVE("over the middle PMD of a mapping", A, MIB(2), D + MIB(2)), .near = {{D, MIB(6)}},
     HOW(0, 1, 0, 0, AS_IS)},
    {MOVE("over the end of a mapping", A, KIB(128), D), .near = {{D - KIB(64), KIB(128)}}},
    {MOVE("over the beginning of a mapping", A, KIB(128), D), .near = {{D + KIB(64), KIB(128)}}},
    {MOVE("over three mappings and the holes between", A, MIB(1), D),
     .near = {{D - KIB(16), KIB(32)}, {D + KIB(512), PAGE}, {D + MIB(1) - PAGE, KIB(64)}}},
    {MOVE("over one page of another mapping's middle", A, PAGE, D + KIB(16)),
     .near = {{D, KIB(64)}}},
    {MOVE("directly below the source", A, KIB(64), A - KIB(64))},
    {MOVE("directly above the source", A, KIB(64), A + KIB(64))},
    {MOVE("directly above the source, 4 MB of PMDs", A, MIB(4), A + MIB(4)),
     HOW(0, 2, 0, 0, AS_IS)},
    {MOVE("directly above the source, into its last PMD, same offset", A + MIB(1), MIB(4),
          A + MIB(5))},
    {MOVE("directly below the source, into its first PMD, same offset", A + MIB(5), MIB(4),
          A + MIB(1))},
    {MOVE("directly above the source, into its last PUD, same offset", A + MIB(512), GIB(1),
          A + MIB(1536)),
     .stride = PMD},
    {MOVE("directly below the source, into its first PUD, same offset", A + MIB(1536), GIB(1),
          A + MIB(512)),
     .stride = PMD},
    {MOVE("directly below the source, over what is there", A, KIB(64), A - KIB(64)),
     .near = {{A - KIB(128), KIB(128)}}},
    {MOVE("over its own mapping's tail", A, KIB(64), A + KIB(64)), .whole = {A, KIB(256)}},
    {MOVE("to the arena's far end", A, KIB(64), ARENA_SIZE - KIB(64))},

    {MOVE("to a fixed place, shrinking", A, KIB(64), D), .new_len = KIB(16)},
    {MOVE("to a fixed place, shrinking, over another mapping", A, KIB(64), D), .new_len = KIB(16),
     .near = {{D - KIB(16), KIB(64)}}},
    {MOVE("to a fixed place, shrinking, from inside a mapping", A + KIB(16), KIB(32), D),
     .new_len = PAGE, .whole = {A, KIB(64)}},
    {MOVE("to a fixed place, shrinking 6 MB to 3 MB", A + MIB(1), MIB(6), D + MIB(1)),
     .new_len = MIB(3)},
    {MOVE("to a fixed place, shrinking, cutting off a hole and another mapping", A, KIB(192), D),
     .new_len = KIB(16), .whole = {A, KIB(64)}, .near = {{A + KIB(96), KIB(128)}}},
    {MOVE("to a fixed place, growing", A, KIB(16), D), .new_len = KIB(64)},
    {MOVE("to a fixed place, growing, over another mapping", A, KIB(16), D), .new_len = KIB(64),
     .near = {{D + KIB(32), KIB(64)}}},
    {MOVE("to a fixed place, growing, from inside a mapping", A + KIB(16), KIB(16), D),
     .new_len = KIB(64), .whole = {A, KIB(64)}},
    {MOVE("to a fixed place, growing 1 MB to 5 MB", A + MIB(1), MIB(1), D + MIB(1)),
     .new_len = MIB(5), HOW(0, 1, 0, 0, DOWN)},

    {.name = "twelve hops and home", .run = run_hops, .old = A + MIB(1), .len = MIB(3)},
    {.name = "twelve hops of 1 GB and home",
     .run = run_hops,
     .old = A + MIB(1),
     .len = MIB(999),
     .stride = MIB(128)},
    {.name = "two mappings change places", .run = run_swap, .old = A, .len = KIB(256), .new = D},
    {.name = "two mappings of whole PMDs change places",
     .run = run_swap,
     .old = A,
     .len = MIB(4),
     .new = D},
    {.name = "64 pages in reverse order", .run = run_reverse, .old = A, .len = KIB(256), .new = D},
    {.name = "one page among 41 mappings", .run = run_among_many, .old = A, .new = D},
};

const struct case_table fixed_cases = {cases, ARRAY_SIZE(cases)};
