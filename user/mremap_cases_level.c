/*
 * Moves at the level of the PUD and the PGD, and sparse ones: wherever old and new are at the same offset of an
 * entry's span with nothing else in it, that entry moves.
 */
#include "mremap_test.h"

#define MOVE(what, from, to, bytes)                                                                \
    .name = what, .run = run_move, .old = from, .new = to, .len = bytes

/* 16 GiB without one page present: nothing is there to move. */
static void run_untouched(struct scene *s, const struct test_case *c)
{
    scene_map(s, c->old, c->len, "rw-p");
    if (!scene_call_to(s, c->old, c->len, c->len, MREMAP_MAYMOVE | MREMAP_FIXED, c->new, c->new))
        return;
    book_move(s, c->old, c->len, c->new);
    scene_check(s);
    scene_check_zero(s, c->new, PAGE);
    scene_check_zero(s, c->new + c->len - PAGE, PAGE);
}

/* Pages of a hole in a table that moved as a whole must fault in as zero, at the new place only. */
static void run_hole_faults(struct scene *s, const struct test_case *c)
{
    uint64_t mid = c->new + c->len / 2 + MIB(1);

    run_move(s, c);
    if (tap_failing())
        return;
    scene_check_zero(s, mid, 4 * PAGE);
    scene_fill(s, mid, 4 * PAGE, 0);
    scene_check(s);
}

static const struct test_case cases[] = {
    /* One page: the highest entry that holds it at the same offset on both sides, and nothing else. */
    {MOVE("one page, same offset in a PMD", GIB(1) + MIB(5) + PAGE, GIB(3) + MIB(25) + PAGE, PAGE),
     HOW(0, 1, 0, 0, BOTH)},
    {MOVE("one page, same offset in a PUD", GIB(1) + MIB(5) + PAGE, GIB(3) + MIB(5) + PAGE, PAGE),
     HOW(0, 0, 1, 0, BOTH)},
    {MOVE("one page, same offset in a PGD", GIB(1) + MIB(5) + PAGE, GIB(513) + MIB(5) + PAGE, PAGE),
     HOW(0, 0, 0, 1, BOTH)},
    {MOVE("one page, same offset in a page only", GIB(1) + MIB(5) + PAGE,
          GIB(3) + MIB(5) + 2 * PAGE, PAGE),
     HOW(1, 0, 0, 0, AS_IS)},

    {MOVE("5 MB, same offset in a PUD, nothing around", GIB(1) + MIB(1), GIB(3) + MIB(1), MIB(5)),
     HOW(0, 0, 1, 0, BOTH)},
    {MOVE("5 MB, same offset in a PUD, a mapping far above the destination", GIB(1) + MIB(1),
          GIB(3) + MIB(1), MIB(5)),
     .near = {{GIB(3) + MIB(512), KIB(64)}}, HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB, same offset in a PUD, a mapping further below the source", GIB(1) + MIB(9),
          GIB(3) + MIB(9), MIB(5)),
     .near = {{GIB(1) + MIB(2), KIB(64)}}, HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB, same offset in a PUD, a mapping right before the source", GIB(1) + MIB(9),
          GIB(3) + MIB(9), MIB(5)),
     .near = {{GIB(1) + MIB(8), MIB(1)}}, HOW(256, 2, 0, 0, AS_IS)},

    {MOVE("1 GB in the middle of PUDs, nothing around", GIB(1) + MIB(512), GIB(8) + MIB(512),
          GIB(1)),
     .stride = PMD, HOW(0, 0, 2, 0, BOTH)},
    {MOVE("1 GB in the middle of PUDs, a mapping below the destination", GIB(1) + MIB(512),
          GIB(8) + MIB(512), GIB(1)),
     .stride = PMD, .near = {{GIB(8) + MIB(256), KIB(64)}}, HOW(0, 256, 1, 0, UP)},
    {MOVE("1 GB in the middle of PUDs, a mapping above the source", GIB(1) + MIB(512),
          GIB(8) + MIB(512), GIB(1)),
     .stride = PMD, .near = {{GIB(2) + MIB(768), KIB(64)}}, HOW(0, 256, 1, 0, DOWN)},
    {MOVE("1 GB in the middle of PUDs, mappings below and above", GIB(1) + MIB(512),
          GIB(8) + MIB(512), GIB(1)),
     .stride = PMD, .near = {{GIB(8), KIB(64)}, {GIB(2) + MIB(768), KIB(64)}},
     HOW(0, 512, 0, 0, AS_IS)},
    {MOVE("1 GB in the middle of PUDs, from inside a mapping", GIB(1) + MIB(512), GIB(8) + MIB(512),
          GIB(1)),
     .stride = PMD, .whole = {GIB(1), GIB(2)}, HOW(0, 512, 0, 0, AS_IS)},
    {MOVE("2 whole PUDs", GIB(4), GIB(16), GIB(2)), .stride = PMD, HOW(0, 0, 2, 0, AS_IS)},
    {MOVE("2 whole PUDs, mappings on all four sides", GIB(4), GIB(16), GIB(2)), .stride = PMD,
     .near = {{GIB(4) - PAGE, PAGE}, {GIB(6), PAGE}, {GIB(18), PAGE}}, HOW(0, 0, 2, 0, AS_IS)},
    {MOVE("to the end of a PUD, a mapping in the destination's first PMD", GIB(1) + MIB(1),
          GIB(8) + MIB(1), GIB(1) - MIB(1)),
     .stride = PMD, .near = {{GIB(8), KIB(64)}}, HOW(2, 511, 0, 0, AS_IS)},
    {MOVE("to the end of a PUD, a mapping in another PMD below", GIB(1) + MIB(5), GIB(8) + MIB(5),
          GIB(1) - MIB(5)),
     .stride = PMD, .near = {{GIB(8), KIB(64)}}, HOW(0, 510, 0, 0, DOWN)},
    {MOVE("2 MB astride a PUD boundary, nothing around", GIB(2) - MIB(1), GIB(9) - MIB(1), MIB(2)),
     HOW(0, 0, 2, 0, BOTH)},
    {MOVE("2 MB astride a PUD boundary, a mapping below the destination", GIB(2) - MIB(1),
          GIB(9) - MIB(1), MIB(2)),
     .near = {{GIB(8) + MIB(4), KIB(64)}}, HOW(0, 1, 1, 0, BOTH)},
    {MOVE("2 MB astride a PUD boundary, a mapping right above the source", GIB(2) - MIB(1),
          GIB(9) - MIB(1), MIB(2)),
     .near = {{GIB(2) + MIB(1), KIB(64)}}, HOW(256, 0, 1, 0, DOWN)},

    {MOVE("5 MB, same offset in a PGD, nothing around", GIB(1) + MIB(1), GIB(513) + MIB(1), MIB(5)),
     HOW(0, 0, 0, 1, BOTH)},
    {MOVE("5 MB, same offset in a PGD, a mapping elsewhere in the destination's 512 GB",
          GIB(1) + MIB(1), GIB(513) + MIB(1), MIB(5)),
     .near = {{GIB(612), KIB(64)}}, HOW(0, 0, 1, 0, BOTH)},
    {MOVE("5 MB, same offset in a PGD, a mapping elsewhere in the destination's 1 GB",
          GIB(1) + MIB(1), GIB(513) + MIB(1), MIB(5)),
     .near = {{GIB(513) + MIB(100), KIB(64)}}, HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB, same offset in a PGD, a mapping right before the destination", GIB(1) + MIB(1),
          GIB(513) + MIB(1), MIB(5)),
     .near = {{GIB(513) + MIB(1) - PAGE, PAGE}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("2 MB astride a PGD boundary, nothing around", GIB(512) - MIB(1), GIB(1536) - MIB(1),
          MIB(2)),
     HOW(0, 0, 0, 2, BOTH)},
    {MOVE("600 GB with 4 pages, same offset in a PGD", GIB(100), GIB(1124), GIB(600)),
     .stride = PGD, HOW(0, 0, 0, 2, BOTH)},
    {MOVE("600 GB with 4 pages, same offset in a PUD", GIB(100), GIB(1125), GIB(600)),
     .stride = PGD, HOW(0, 0, 4, 0, AS_IS)},

    {MOVE("16 GB with 8 pages, same offset in a PUD", GIB(16), GIB(64), GIB(16)), .stride = GIB(4),
     HOW(0, 0, 8, 0, AS_IS)},
    {MOVE("16 GB with 8 pages, same offset in a PMD", GIB(16), GIB(64) + MIB(2), GIB(16)),
     .stride = GIB(4), HOW(0, 8, 0, 0, AS_IS)},
    {MOVE("16 GB with 8 pages, same offset in a page", GIB(16), GIB(64) + PAGE, GIB(16)),
     .stride = GIB(4), HOW(8, 0, 0, 0, AS_IS)},
    {MOVE("32 GB with 64 pages, same offset in a PMD, head and tail in PMDs", GIB(32) + MIB(1),
          GIB(128) + MIB(3), GIB(32) - MIB(2)),
     .stride = GIB(1), HOW(0, 64, 0, 0, BOTH)},
    {.name = "16 GB with no page at all",
     .run = run_untouched,
     .old = GIB(16),
     .new = GIB(64),
     .len = GIB(16),
     HOW(0, 0, 0, 0, AS_IS)},
    {.name = "16 GB with no page at all, same offset in a page",
     .run = run_untouched,
     .old = GIB(16),
     .new = GIB(64) + PAGE,
     .len = GIB(16),
     HOW(0, 0, 0, 0, AS_IS)},
    {.name = "holes fault in at the new place, whole tables moved",
     .run = run_hole_faults,
     .old = GIB(4),
     .new = GIB(6),
     .len = GIB(1),
     .stride = MIB(512),
     HOW(0, 0, 1, 0, AS_IS)},
    {.name = "holes fault in at the new place, single pages moved",
     .run = run_hole_faults,
     .old = GIB(4),
     .new = GIB(6) + PAGE,
     .len = GIB(1),
     .stride = MIB(512),
     HOW(4, 0, 0, 0, AS_IS)},
};

const struct case_table level_cases = {cases, ARRAY_SIZE(cases)};
