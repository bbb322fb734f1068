/*
 * Several mappings moved in one call, which Linux does from 6.17 on: FIXED, and the same length. Gaps between them
 * stay as wide as they are, and what is mapped at the destination under a gap stays, too.
 */
#include "mremap_test.h"

#include <errno.h>

#define S GIB(1)
#define D (GIB(3) + MIB(16))
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

/* What happens to the part [at, at + len) of the source, if that is one. */
static void book_part(struct scene *s, const struct test_case *c, uint64_t at, uint64_t len)
{
    uint64_t start = at > c->old ? at : c->old;
    uint64_t end = at + len < c->old + c->len ? at + len : c->old + c->len;
    uint64_t to = start - c->old + c->new;

    if (start >= end)
        return;
    book_unmap(s, to, end - start);
    book_move(s, start, end - start, to);
}

/* The mappings are @whole and those of @near that lie in [old, old + len); the others are around. */
static void run_several(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->len, FIXED, c->new, c->new))
        return;
    book_part(s, c, c->whole.at, c->whole.len);
    for (size_t i = 0; i < ARRAY_SIZE(c->near); i++)
        book_part(s, c, c->near[i].at, c->near[i].len);
    scene_check(s);
}

/* All that was mapped stays, empty. */
static void run_dontunmap(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->len, FIXED | MREMAP_DONTUNMAP, c->new, c->new))
        return;
    book_part(s, c, c->whole.at, c->whole.len);
    for (size_t i = 0; i < ARRAY_SIZE(c->near); i++)
        book_part(s, c, c->near[i].at, c->near[i].len);
    book_map(s, c->whole.at, c->whole.len, "rw-p");
    for (size_t i = 0; i < ARRAY_SIZE(c->near) && c->near[i].len; i++)
        book_map(s, c->near[i].at, c->near[i].len, "r--p");
    scene_check(s);
    scene_check_absent(s, c->whole.at, c->whole.len);
    for (size_t i = 0; i < ARRAY_SIZE(c->near) && c->near[i].len; i++)
        scene_check_absent(s, c->near[i].at, c->near[i].len);
}

/* Shared, executable and private, touching each other; none of them merges. */
static void run_kinds(struct scene *s, const struct test_case *c)
{
    static const char *const perms[] = {"rw-p", "rw-s", "r--p", "r-xp", "---p", "rw-p"};

    for (uint64_t i = 0; i < ARRAY_SIZE(perms); i++) {
        scene_map(s, c->old + i * KIB(16), KIB(16), perms[i]);
        if (perms[i][1] == 'w')
            scene_fill(s, c->old + i * KIB(16), KIB(16), 0);
    }
    if (!scene_call_to(s, c->old, c->len, c->len, FIXED, c->new, c->new))
        return;
    book_move(s, c->old, c->len, c->new);
    scene_check(s);
}

/* Every second page is a mapping of its own; there and back again. */
static void run_many(struct scene *s, const struct test_case *c)
{
    scene_map(s, c->old, c->len, "rw-p");
    scene_fill(s, c->old, c->len, 0);
    for (uint64_t at = 0; at < c->len; at += 2 * PAGE)
        scene_protect(s, c->old + at, PAGE, "r--p");
    for (unsigned i = 0; i < 3; i++) {
        uint64_t from = i % 2 ? c->new : c->old, to = i % 2 ? c->old : c->new;

        if (!scene_call_to(s, from, c->len, c->len, FIXED, to, to))
            return;
        book_move(s, from, c->len, to);
    }
    scene_check(s);
}

/* Two that touch become one again where they came from. */
static void run_apart_and_back(struct scene *s, const struct test_case *c)
{
    scene_area(s, c->old, c->len);
    if (!scene_call_to(s, c->old + PAGE, PAGE, PAGE, FIXED, c->new + PAGE, c->new + PAGE) ||
        !scene_call_to(s, c->old, c->len, c->len, FIXED, c->new, c->new))
        return;
    book_move(s, c->old, c->len, c->new);
    scene_check(s);
    scene_check_merged(s, c->new, c->len);
}

/* The call must fail and nothing may have changed. */
static void run_refused(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    CHECK_EQ("mremap()", scene_call(s, c->old, c->len, c->new_len, c->flags, c->new), -c->error);
    scene_check(s);
}

#define MOVE(what, from, bytes, to)                                                                \
    .name = what, .run = run_several, .old = from, .len = bytes, .new = to
#define LEAVE(what, from, bytes, to)                                                               \
    .name = what, .run = run_dontunmap, .old = from, .len = bytes, .new = to
#define REFUSE(what, err, from, bytes, new_bytes, how, to)                                         \
    .name = what, .run = run_refused, .error = err, .old = from, .len = bytes,                     \
    .new_len = new_bytes, .flags = how, .new = to

static const struct test_case cases[] = {
    {MOVE("two mappings that touch", S, KIB(128), D), .whole = {S, KIB(64)},
     .near = {{S + KIB(64), KIB(64)}}, HOW(0, 1, 0, 0, UP)},
    {MOVE("two mappings and the gap between", S, KIB(128), D), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}}},
    {MOVE("four mappings, the gaps between, and one at the end", S, KIB(512), D),
     .whole = {S, KIB(64)},
     .near = {{S + KIB(128), PAGE}, {S + KIB(132), KIB(64)}, {S + KIB(256), KIB(64)}}},
    {MOVE("from the middle of one to the middle of another", S + KIB(32), KIB(64), D),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}}},
    {MOVE("a mapping and the gap behind it", S, KIB(128), D), .whole = {S, KIB(64)}},
    {MOVE("a mapping and a gap, under which another lies", S, KIB(128), D), .whole = {S, KIB(64)},
     .near = {{D + KIB(64), KIB(128)}}},
    {MOVE("under the gap lies a mapping", S, KIB(128), D), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}, {D + KIB(40), KIB(8)}}},
    {MOVE("under the gap lies a mapping that fills it", S, KIB(128), D), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}, {D + KIB(32), KIB(32)}}},
    {MOVE("one mapping lies under all of the destination", S, KIB(128), D), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}, {D - KIB(64), KIB(256)}}},
    {MOVE("directly below the source", S, KIB(128), S - KIB(128)), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}}},
    {MOVE("directly above the source", S, KIB(128), S + KIB(128)), .whole = {S, KIB(32)},
     .near = {{S + KIB(64), KIB(64)}}},

    /* |..AAAA..|BBBBBBBB|CC......|: three mappings, three whole entries */
    {MOVE("three mappings in three PMDs, nothing around", S + MIB(1), MIB(4), D + MIB(1)),
     .whole = {S + MIB(1), KIB(512)}, .near = {{S + MIB(2), MIB(2)}, {S + MIB(4), KIB(512)}},
     HOW(0, 3, 0, 0, BOTH)},
    {MOVE("three mappings in three PMDs, a page mapped behind", S + MIB(1), MIB(4), D + MIB(1)),
     .whole = {S + MIB(1), KIB(512)},
     .near = {{S + MIB(2), MIB(2)}, {S + MIB(4), KIB(512)}, {S + MIB(5), PAGE}},
     HOW(128, 2, 0, 0, DOWN)},
    {MOVE("two mappings in one PMD, a page under the gap", S + MIB(1), KIB(128), D + MIB(1)),
     .whole = {S + MIB(1), KIB(32)},
     .near = {{S + MIB(1) + KIB(64), KIB(64)}, {D + MIB(1) + KIB(48), PAGE}},
     HOW(24, 0, 0, 0, AS_IS)},
    {MOVE("two mappings 1 GB apart", S, GIB(1) + MIB(2), S + GIB(16)), .whole = {S, MIB(2)},
     .near = {{S + GIB(1), MIB(2)}}, HOW(0, 0, 2, 0, UP)},

    {LEAVE("DONTUNMAP of two mappings that touch", S, KIB(128), D), .whole = {S, KIB(64)},
     .near = {{S + KIB(64), KIB(64)}}},
    {LEAVE("DONTUNMAP of three mappings and the gaps between", S, KIB(256), D),
     .whole = {S, KIB(64)}, .near = {{S + KIB(96), KIB(32)}, {S + KIB(192), KIB(64)}}},

    {.name = "six kinds of mappings", .run = run_kinds, .old = S, .len = KIB(96), .new = D},
    {.name = "64 mappings there, back and there",
     .run = run_many,
     .old = S,
     .len = KIB(256),
     .new = D},
    {.name = "what was one is one again",
     .run = run_apart_and_back,
     .old = S,
     .len = KIB(12),
     .new = D},

    {REFUSE("the first page is a gap", EFAULT, S - PAGE, KIB(128), KIB(128), FIXED, D),
     .whole = {S, KIB(32)}, .near = {{S + KIB(64), KIB(64)}}},
    {REFUSE("all is a gap", EFAULT, S - MIB(1), KIB(128), KIB(128), FIXED, D),
     .whole = {S, KIB(32)}},
    {REFUSE("two mappings, growing", EFAULT, S, KIB(128), KIB(132), FIXED, D),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}, {D, KIB(64)}}},
    {REFUSE("two mappings, shrinking", EFAULT, S, KIB(128), KIB(124), FIXED, D),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}, {D, KIB(64)}}},
    {REFUSE("two mappings, DONTUNMAP without FIXED", EFAULT, S, KIB(128), KIB(128),
            MREMAP_MAYMOVE | MREMAP_DONTUNMAP, D),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}}},
    {REFUSE("two mappings onto the second", EINVAL, S, KIB(128), KIB(128), FIXED, S + KIB(64)),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}}},
    {REFUSE("two mappings onto the gap behind them", EINVAL, S, KIB(256), KIB(256), FIXED,
            S + KIB(192)),
     .whole = {S, KIB(64)}, .near = {{S + KIB(64), KIB(64)}}},
};

const struct case_table several_cases = {cases, ARRAY_SIZE(cases)};
