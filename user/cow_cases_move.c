/*
 * Inside of cow_test: one of two moves its memory, the other stays.
 *
 * Each kind of move is done by the child, by the parent, and by both; the pages are moved one by one, by whole PMD
 * entries and by whole PUD entries.
 */
#define _GNU_SOURCE
#include "cow_test.h"

#include <stdio.h>

enum how { FIXED, GROW, DONTUNMAP, SHRINK };
enum level { BY_PTE, BY_PMD, BY_PUD };

struct move {
    const char *name;
    enum how how;
    uint64_t old; /* offsets in the area */
    uint64_t len;
    uint64_t new; /* where FIXED and DONTUNMAP move to; where a GROW cannot go */
    uint64_t stride;
    enum level level; /* the highest entries that move on Realign */
};

/* Where the source is, and where the two destinations; aligned to 1 GiB. */
#define S GIB(8)
#define D GIB(64)
#define OTHER GIB(128) /* added to a destination: the second mover's */

static const struct move moves[] = {
    {"one page", FIXED, S, PAGE, D + 5 * PAGE, PAGE, BY_PTE},
    {"16 pages", FIXED, S + PAGE, 16 * PAGE, D + 3 * PAGE, PAGE, BY_PTE},
    {"16 pages to another offset, 3 MB", FIXED, S + PAGE, MIB(3), D + 7 * PAGE, 16 * PAGE, BY_PTE},
    {"2 MB", FIXED, S + MIB(2), MIB(2), D + MIB(4), PAGE, BY_PMD},
    {"6 MB", FIXED, S, MIB(6), D + MIB(6), 4 * PAGE, BY_PMD},
    {"5 MB from within a PMD", FIXED, S + MIB(1), MIB(5), D + MIB(65), 16 * PAGE, BY_PMD},
    {"1 GB, sparse", FIXED, S, GIB(1), D, MIB(33), BY_PUD},
    {"2 GB and a bit, sparse", FIXED, S, GIB(2) + MIB(5), D + GIB(1), MIB(65), BY_PUD},
    {"grows where it cannot stay, 8 pages", GROW, S, 8 * PAGE, 0, PAGE, BY_PTE},
    {"grows where it cannot stay, 4 MB", GROW, S + MIB(2), MIB(4), 0, 8 * PAGE, BY_PTE},
    {"DONTUNMAP, 8 pages", DONTUNMAP, S, 8 * PAGE, D + PAGE, PAGE, BY_PTE},
    {"DONTUNMAP, 4 MB", DONTUNMAP, S, MIB(4), D + MIB(8), 8 * PAGE, BY_PMD},
    {"DONTUNMAP, 1 GB, sparse", DONTUNMAP, S, GIB(1), D, MIB(33), BY_PUD},
    {"shrinks and moves, 4 MB to 2 MB", SHRINK, S, MIB(4), D + MIB(8), MIB(1), BY_PMD},
};

static const struct move *move;

static struct field source(void)
{
    return (struct field){area + move->old, move->len, move->stride};
}

static void check_level(const struct vmstat *before)
{
    static const char *const names[] = {"move_pte", "move_pmd", "move_pud"};
    struct vmstat after;

    if (!on_realign() || move->how == GROW)
        return;
    vmstat_read(&after);
    CHECK(vmstat_get(&after, names[move->level]) > vmstat_get(before, names[move->level]),
          "no entry was moved as %s", names[move->level]);
}

/* Move the source; the second mover goes elsewhere. Returns where it is then. */
static struct field do_move(unsigned mover)
{
    uint64_t old = area + move->old, new = area + move->new + mover *OTHER, len = move->len;
    static struct vmstat before;
    long at = 0;

    vmstat_read(&before);
    switch (move->how) {
    case FIXED:
        at = raw_mremap(old, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, new);
        break;
    case GROW:
        at = raw_mremap(old, len, 2 * len, MREMAP_MAYMOVE, 0);
        new = (uint64_t)at;
        CHECK(at > 0 && new != old, "growing gives %#lx", at);
        break;
    case DONTUNMAP:
        at = raw_mremap(old, len, len, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, new);
        break;
    case SHRINK:
        len /= 2;
        at = raw_mremap(old, move->len, len, MREMAP_MAYMOVE | MREMAP_FIXED, new);
        break;
    }
    CHECK_EQ("mremap()", at, new);
    check_level(&before);
    return (struct field){new, len, move->stride};
}

/* Only half of the source's pages is there afterwards; its last one is no page of the source's. */
static bool is_cut(void)
{
    return move->how == SHRINK;
}

/* What a move leaves at the source: nothing, or memory that reads as zeros. */
static void check_left(const char *who)
{
    struct field old = source();

    if (move->how != DONTUNMAP) {
        CHECK(maps_empty(old.base, old.base + old.len), "%s: something is left at the source", who);
        return;
    }
    CHECK(page_is_zero((void *)old.base), "%s: no zeros at the source", who);
    CHECK(page_is_zero((void *)(old.base + old.len - PAGE)), "%s: no zeros at the source's end",
          who);
}

static void end_move(const struct field *new)
{
    struct field old = source(), all = *new;

    if (move->how == GROW)
        all.len *= 2;
    field_unmap(&all);
    field_unmap(&old);
}

/* Moves with the other's eyes closed, looks, lets the other write, looks again, writes, lets the other look. */
static void mover(const char *who)
{
    struct field new = do_move(0);

    if (is_cut())
        new.len = move->stride + PAGE; /* two pages that are the source's, too */
    field_check(&new, 1, who);
    check_left(who);
    board_post(0);
    board_wait(1, 1);
    field_check(&new, 1, who);
    field_write(&new, 4);
    field_check(&new, 4, who);
    check_left(who);
    board_post(2);
    if (is_cut())
        new.len = move->len / 2;
    end_move(&new);
}

static void stayer(const char *who)
{
    struct field f = source();

    board_wait(0, 1);
    field_check(&f, 1, who);
    field_check_gap(&f);
    CHECK(move->how == GROW || maps_empty(area + D, area + D + GIB(4)),
          "%s: the other's place is mapped", who);
    field_write(&f, 3);
    field_check(&f, 3, who);
    board_post(1);
    board_wait(2, 1);
    field_check(&f, 3, who);
    field_unmap(&f);
}

/* Both move, to places of their own; @turn is 0 for who goes first. */
static void both(const char *who, unsigned turn)
{
    struct field new;

    board_wait(3, (int)turn);
    new = do_move(turn);
    if (is_cut())
        new.len = move->stride + PAGE;
    field_check(&new, 1, who);
    board_post(3);
    board_wait(3, (int)turn + 2);
    field_write(&new, 5 + turn);
    board_post(3);
    board_wait(3, 4);
    field_check(&new, 5 + turn, who);
    check_left(who);
    if (is_cut())
        new.len = move->len / 2;
    end_move(&new);
}

enum who { CHILD, PARENT, BOTH };

static int child(void *arg)
{
    switch ((enum who)(intptr_t)arg) {
    case CHILD:
        mover("child");
        break;
    case PARENT:
        stayer("child");
        break;
    case BOTH:
        both("child", 1);
        break;
    }
    return 0;
}

static void run_move(enum who who)
{
    struct field f = source(), blocker = {f.base + f.len, PAGE, PAGE};
    pid_t pid;

    for (size_t i = 0; i < BOARD_WORDS; i++)
        board[i] = 0;
    field_map(&f, MAP_PRIVATE);
    if (move->how == GROW)
        field_map(&blocker, MAP_SHARED);
    field_write(&f, 1);
    pid = child_start(child, (void *)(intptr_t)who);
    if (who == CHILD)
        stayer("parent");
    else if (who == PARENT)
        mover("parent");
    else
        both("parent", 0);
    child_exits(pid, 0);
    if (move->how == GROW)
        field_unmap(&blocker);
    CHECK(maps_empty(area, area + AREA_SIZE), "the case left something mapped behind");
}

static void run_moves(enum who who)
{
    for (size_t i = 0; i < ARRAY_SIZE(moves) && !tap_failing(); i++) {
        move = &moves[i];
        run_move(who);
        if (tap_failing())
            tap_fail("the move was: %s", move->name);
    }
}

static void test_child_moves(void)
{
    run_moves(CHILD);
}

static void test_parent_moves(void)
{
    run_moves(PARENT);
}

static void test_both_move(void)
{
    run_moves(BOTH);
}

static const struct suite_case cases[] = {
    {"the child moves, the parent stays", test_child_moves},
    {"the parent moves, the child stays", test_parent_moves},
    {"both move", test_both_move},
};
const struct suite_table cow_move_cases = {cases, ARRAY_SIZE(cases)};
