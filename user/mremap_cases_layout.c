/*
 * Where the range lies in its PMD, and who lives next to it: the cases of the patch series of May 2023, and the
 * tails that it left for later.
 *
 * Pictures are of PMD spans, 2 MiB each; a character is 256 KiB. S: at GIB(1). D: at GIB(3) + MIB(16), so that the
 * two are at the same offset in a PMD's span but never in a PUD's.
 */
#include "mremap_test.h"

#define S GIB(1)
#define D (GIB(3) + MIB(16))

void run_move(struct scene *s, const struct test_case *c)
{
    const uint64_t flags = MREMAP_MAYMOVE | MREMAP_FIXED;

    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->len, flags, c->new, c->new))
        return;
    book_move(s, c->old, c->len, c->new);
    scene_check(s);
}

#define MOVE(what, from, to, bytes)                                                                \
    .name = what, .run = run_move, .old = from, .new = to, .len = bytes

static const struct test_case cases[] = {
    /* |....ssss|ssssssss|ssssssss|: the head's PMD is free below */
    {MOVE("5 MB at 1 MB offset, nothing below", S + MIB(1), D + MIB(1), MIB(5)),
     HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB at 1 MB offset, 40 MB mapped right before the destination", S + MIB(1), D + MIB(49),
          MIB(5)),
     .near = {{D + MIB(9), MIB(40)}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("5 MB at 1 MB offset, a mapping right before the source", S + MIB(1), D + MIB(1), MIB(5)),
     .near = {{S + KIB(512), KIB(512)}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("5 MB at 1 MB offset, mappings right before both", S + MIB(1), D + MIB(1), MIB(5)),
     .near = {{S, MIB(1)}, {D, MIB(1)}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("5 MB at 1 MB offset, the mapping below the source ends at its PMD", S + MIB(1),
          D + MIB(1), MIB(5)),
     .near = {{S - MIB(1), MIB(1)}}, HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB at 1 MB offset, the mapping below the destination ends at its PMD", S + MIB(1),
          D + MIB(1), MIB(5)),
     .near = {{D - MIB(1), MIB(1)}}, HOW(0, 3, 0, 0, DOWN)},
    {MOVE("5 MB at 1 MB offset, one page first in the source's PMD", S + MIB(1), D + MIB(1),
          MIB(5)),
     .near = {{S, PAGE}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("5 MB at 1 MB offset, one page first in the destination's PMD", S + MIB(1), D + MIB(1),
          MIB(5)),
     .near = {{D, PAGE}}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("5 MB at 1 MB offset to 1 MB and a page", S + MIB(1), D + MIB(1) + PAGE, MIB(5)),
     HOW(1280, 0, 0, 0, AS_IS)},

    /* |NNNNdddd|dddd....|: the head is blocked, the tail is free above */
    {MOVE("to the area immediately after an existing mapping", S + MIB(1), D + MIB(1), MIB(2)),
     .near = {{D, MIB(1)}}, HOW(256, 1, 0, 0, UP)},
    {MOVE("to a PMD immediately after an existing mapping", S + MIB(2), D, MIB(2)),
     .near = {{D - MIB(2), MIB(2)}}, HOW(0, 1, 0, 0, AS_IS)},
    {MOVE("to the hole between two mappings, filling it", S + MIB(1), D + MIB(1), MIB(2)),
     .near = {{D, MIB(1)}, {D + MIB(3), MIB(1)}}, HOW(512, 0, 0, 0, AS_IS)},
    {MOVE("neighbours on all four sides", S + MIB(1), D + MIB(1), MIB(4)),
     .near = {{S + KIB(512), KIB(512)}, {S + MIB(5), KIB(64)}, {D, KIB(64)}},
     HOW(512, 1, 0, 0, AS_IS)},

    /* Upper-case parts do not move and must survive; all is one mapping. */
    {MOVE("within one range |DDDDddddSSSSssss|", S + MIB(3), S + MIB(1), MIB(1)),
     .whole = {S, MIB(4)}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("within one range |ddddDDDDssssSSSS|", S + MIB(2), S, MIB(1)), .whole = {S, MIB(4)},
     HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("within one range |SSSSssssDDDDdddd|, upwards", S + MIB(1), S + MIB(3), MIB(1)),
     .whole = {S, MIB(4)}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("within one range |DDDDddddSSSSssss| inside 10 MB", S + MIB(7), S + MIB(5), MIB(1)),
     .whole = {S, MIB(10)}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("within one range |ddddddddssssssss|, whole PMDs", S + MIB(4), S + MIB(2), MIB(2)),
     .whole = {S, MIB(10)}, HOW(0, 1, 0, 0, AS_IS)},
    {MOVE("within one range, one page to the page below", S + MIB(1), S + MIB(1) - PAGE, PAGE),
     .whole = {S, MIB(2)}, HOW(1, 0, 0, 0, AS_IS)},

    {MOVE("from a 1 MB offset inside a mapping", S + MIB(1), D + MIB(1), MIB(5)),
     .whole = {S, MIB(10)}, HOW(256, 2, 0, 0, AS_IS)},
    {MOVE("from a PMD boundary inside a mapping", S + MIB(4), D, MIB(4)), .whole = {S, MIB(10)},
     HOW(0, 2, 0, 0, AS_IS)},
    {MOVE("from inside a mapping, ending inside a PMD", S + MIB(2), D, MIB(3)),
     .whole = {S, MIB(10)}, HOW(256, 1, 0, 0, AS_IS)},
    {MOVE("the head of a mapping", S + MIB(1), D + MIB(1), MIB(4)), .whole = {S + MIB(1), MIB(7)},
     HOW(256, 2, 0, 0, DOWN)},
    {MOVE("the tail of a mapping", S + MIB(3), D + MIB(1), MIB(4)), .whole = {S, MIB(7)},
     HOW(256, 2, 0, 0, UP)},
    {MOVE("one page out of the middle", S + MIB(1), D + MIB(1), PAGE), .whole = {S, MIB(2)},
     HOW(1, 0, 0, 0, AS_IS)},

    /* |....ssss| */
    {MOVE("smaller than a PMD, its end reaches the boundary", S + MIB(1), D + MIB(1), MIB(1)),
     HOW(0, 1, 0, 0, DOWN)},
    {MOVE("smaller than a PMD, its end reaches the boundary, a mapping above", S + MIB(1),
          D + MIB(1), MIB(1)),
     .near = {{S + MIB(2), MIB(1)}, {D + MIB(2), MIB(1)}}, HOW(0, 1, 0, 0, DOWN)},
    {MOVE("smaller than a PMD, its end reaches the boundary, a mapping below", S + MIB(1),
          D + MIB(1), MIB(1)),
     .near = {{D + KIB(64), KIB(64)}}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("the last page of a PMD", S + MIB(2) - PAGE, D + MIB(2) - PAGE, PAGE),
     HOW(0, 1, 0, 0, DOWN)},

    /* |ssss....| */
    {MOVE("the end lies inside a PMD, nothing above", S, D, MIB(1)), HOW(0, 1, 0, 0, UP)},
    {MOVE("the end lies inside a PMD, a mapping above the source", S, D, MIB(1)),
     .near = {{S + MIB(1), KIB(64)}}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("the end lies inside a PMD, a mapping above the destination", S, D, MIB(1)),
     .near = {{D + MIB(1), KIB(64)}}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("the end lies inside a PMD, the mapping above begins at the next", S, D, MIB(1)),
     .near = {{S + MIB(2), MIB(1)}}, HOW(0, 1, 0, 0, UP)},
    {MOVE("5 MB tail, nothing above", S, D, MIB(5)), HOW(0, 3, 0, 0, UP)},
    {MOVE("5 MB tail, the last page of the destination's PMD is mapped", S, D, MIB(5)),
     .near = {{D + MIB(6) - PAGE, PAGE}}, HOW(256, 2, 0, 0, AS_IS)},

    /* |..ssss..| */
    {MOVE("both ends inside one PMD, nothing around", S + KIB(512), D + KIB(512), MIB(1)),
     HOW(0, 1, 0, 0, BOTH)},
    {MOVE("both ends inside one PMD, a mapping below the source", S + KIB(512), D + KIB(512),
          MIB(1)),
     .near = {{S, KIB(64)}}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("both ends inside one PMD, a mapping above the destination", S + KIB(512), D + KIB(512),
          MIB(1)),
     .near = {{D + MIB(2) - KIB(64), KIB(64)}}, HOW(256, 0, 0, 0, AS_IS)},
    {MOVE("both ends inside PMDs, nothing around", S + MIB(1), D + MIB(1), MIB(6)),
     HOW(0, 4, 0, 0, BOTH)},
    {MOVE("two pages astride a PMD boundary, nothing around", S + MIB(2) - PAGE, D + MIB(2) - PAGE,
          2 * PAGE),
     HOW(0, 2, 0, 0, BOTH)},
    {MOVE("two pages astride a PMD boundary, a mapping right before the source", S + MIB(2) - PAGE,
          D + MIB(2) - PAGE, 2 * PAGE),
     .near = {{S + MIB(2) - 2 * PAGE, PAGE}}, HOW(1, 1, 0, 0, UP)},
    {MOVE("into the next PMD of the source's own PUD", S + MIB(1), S + MIB(3), MIB(1)),
     HOW(0, 1, 0, 0, DOWN)},
    {MOVE("32 MB, all pages written", S + MIB(1), D + MIB(1), MIB(32)), HOW(0, 17, 0, 0, BOTH)},
};

const struct case_table layout_cases = {cases, ARRAY_SIZE(cases)};
