/*
 * MREMAP_DONTUNMAP, which leaves an empty mapping behind, and old_size 0, which makes a second view of shared pages.
 */
#include "mremap_test.h"

#include <errno.h>

#define A GIB(1)
#define D (GIB(3) + MIB(16))
#define LEAVE (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
#define LEAVE_FIXED (LEAVE | MREMAP_FIXED)

/* The bytes of [c->old, +c->len) are at @at now; the source is still mapped, and empty. */
static void book_left(struct scene *s, const struct test_case *c, uint64_t at)
{
    book_map(s, at, c->len, "rw-p");
    book_copy(s, c->old, c->len, at);
    book_forget(s, c->old, c->len);
}

static void check_left(struct scene *s, const struct test_case *c)
{
    if (!scene_check(s))
        return;
    scene_check_absent(s, c->old, c->len);
    scene_check_zero(s, c->old, c->len < MIB(1) ? c->len : MIB(1));
}

static void run_leave(struct scene *s, const struct test_case *c)
{
    uint64_t at;

    scene_set(s, c);
    at = scene_call_anywhere(s, c->old, c->len, c->len, LEAVE);
    if (!at)
        return;
    book_left(s, c, at);
    check_left(s, c);
}

static void run_leave_fixed(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->len, LEAVE_FIXED, c->new, c->new))
        return;
    book_left(s, c, c->new);
    check_left(s, c);
}

/* What was left behind is filled anew and left once more; all three keep their bytes. */
static void run_leave_twice(struct scene *s, const struct test_case *c)
{
    uint64_t second = c->new + MIB(64);

    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->len, LEAVE_FIXED, c->new, c->new))
        return;
    book_left(s, c, c->new);
    if (!scene_check(s))
        return;
    s->salt |= 1 << 14; /* other bytes than before, at the same addresses */
    scene_fill(s, c->old, KIB(64), 0);
    scene_check_zero(s, c->old + KIB(64), PAGE);
    s->salt &= ~(1ul << 14);
    if (!scene_call_to(s, c->old, c->len, c->len, LEAVE_FIXED, second, second))
        return;
    book_map(s, second, c->len, "rw-p");
    book_forget(s, c->old, c->len);
    if (!scene_check(s))
        return;
    for (uint64_t p = 0; p < KIB(64); p += PAGE)
        CHECK(pattern_check(scene_ptr(s, second + p), page_id(s, c->old + p) | 1ul << 62) == PAGE,
              "page %#lx lost the bytes of the second filling", s->base + second + p);
    scene_check_zero(s, second + KIB(64), PAGE);
    scene_check_zero(s, c->old, KIB(64));
}

/* Shared pages are still seen where they were. */
static void run_leave_shared(struct scene *s, const struct test_case *c)
{
    scene_map(s, c->old, c->len, "rw-s");
    scene_fill(s, c->old, c->len, 0);
    if (!scene_call_to(s, c->old, c->len, c->len, LEAVE_FIXED, c->new, c->new))
        return;
    book_map(s, c->new, c->len, "rw-s");
    book_copy(s, c->old, c->len, c->new);
    scene_check(s);
}

/* Write through one view, read through the other. */
static void check_same_pages(struct scene *s, uint64_t one, uint64_t other, uint64_t len)
{
    for (uint64_t p = 0; p < len; p += PAGE) {
        uint64_t *a = scene_ptr(s, one + p), *b = scene_ptr(s, other + p);

        a[7] = p + 1;
        CHECK(b[7] == p + 1, "a write to %#lx is not seen at %#lx", s->base + one + p,
              s->base + other + p);
        b[9] = ~p;
        CHECK(a[9] == ~p, "a write to %#lx is not seen at %#lx", s->base + other + p,
              s->base + one + p);
    }
}

/* [c->whole] is shared; from c->old on, c->new_len bytes are mapped a second time. */
static void run_duplicate(struct scene *s, const struct test_case *c)
{
    uint64_t at = c->new;

    scene_map(s, c->whole.at, c->whole.len, "rw-s");
    scene_fill(s, c->whole.at, c->whole.len, 0);
    if (!(c->flags & MREMAP_FIXED))
        at = scene_call_anywhere(s, c->old, 0, c->new_len, c->flags);
    else if (!scene_call_to(s, c->old, 0, c->new_len, c->flags, at, at))
        return;
    if (!at)
        return;
    book_map(s, at, c->new_len, "rw-s");
    book_copy(s, c->old, c->new_len, at);
    if (scene_check(s))
        check_same_pages(s, c->old, at, c->new_len);
}

/* A page that nobody wrote before both views existed. */
static void run_duplicate_untouched(struct scene *s, const struct test_case *c)
{
    scene_map(s, c->old, c->len, "rw-s");
    if (!scene_call_to(s, c->old, 0, c->len, MREMAP_MAYMOVE | MREMAP_FIXED, c->new, c->new))
        return;
    book_map(s, c->new, c->len, "rw-s");
    if (scene_check(s))
        check_same_pages(s, c->old, c->new, c->len);
}

#define LEFT(what, from, bytes, to)                                                                \
    .name = what, .run = run_leave_fixed, .old = from, .len = bytes, .new = to

static const struct test_case cases[] = {
    {.name = "DONTUNMAP to a place of the kernel's choice",
     .run = run_leave,
     .old = A,
     .len = KIB(64)},
    {.name = "DONTUNMAP 5 MB to a place of the kernel's choice",
     .run = run_leave,
     .old = A + MIB(1),
     .len = MIB(5)},
    {.name = "DONTUNMAP of the middle of a mapping",
     .run = run_leave,
     .old = A + KIB(64),
     .len = KIB(64),
     .whole = {A, KIB(192)}},
    {LEFT("DONTUNMAP to a fixed place", A, KIB(64), D)},
    {LEFT("DONTUNMAP 5 MB at 1 MB offset", A + MIB(1), MIB(5), D + MIB(1)), HOW(0, 3, 0, 0, DOWN)},
    {LEFT("DONTUNMAP 5 MB at 1 MB offset, a mapping right before the source", A + MIB(1), MIB(5),
          D + MIB(1)),
     .near = {{A, MIB(1)}}, HOW(256, 2, 0, 0, AS_IS)},
    {LEFT("DONTUNMAP 5 MB to a misaligned place", A + MIB(1), MIB(5), D + MIB(1) + PAGE),
     HOW(1280, 0, 0, 0, AS_IS)},
    {LEFT("DONTUNMAP over another mapping", A, KIB(64), D), .near = {{D - KIB(16), KIB(96)}}},
    {LEFT("DONTUNMAP within one mapping", A + MIB(2), MIB(1), A + MIB(1)), .whole = {A, MIB(4)}},
    {.name = "DONTUNMAP twice, the source filled anew",
     .run = run_leave_twice,
     .old = A,
     .len = KIB(128),
     .new = D},
    {.name = "DONTUNMAP twice, whole PMDs, the source filled anew",
     .run = run_leave_twice,
     .old = A,
     .len = MIB(4),
     .new = D},
    {.name = "DONTUNMAP of shared memory",
     .run = run_leave_shared,
     .old = A,
     .len = KIB(64),
     .new = D},

    {.name = "old size 0 makes a second view of shared memory",
     .run = run_duplicate,
     .whole = {A, KIB(64)},
     .old = A,
     .new_len = KIB(64),
     .flags = MREMAP_MAYMOVE},
    {.name = "old size 0, at a fixed place",
     .run = run_duplicate,
     .whole = {A, KIB(64)},
     .old = A,
     .new_len = KIB(64),
     .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
     .new = D},
    {.name = "old size 0, a part from the inside",
     .run = run_duplicate,
     .whole = {A, KIB(64)},
     .old = A + KIB(16),
     .new_len = KIB(32),
     .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
     .new = D},
    {.name = "old size 0, directly above",
     .run = run_duplicate,
     .whole = {A, KIB(64)},
     .old = A,
     .new_len = KIB(64),
     .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
     .new = A + KIB(64)},
    {.name = "old size 0, 4 MB of whole PMDs",
     .run = run_duplicate,
     .whole = {A, MIB(4)},
     .old = A,
     .new_len = MIB(4),
     .flags = MREMAP_MAYMOVE | MREMAP_FIXED,
     .new = D},
    {.name = "old size 0, pages not yet there",
     .run = run_duplicate_untouched,
     .old = A,
     .len = KIB(64),
     .new = D},
};

const struct case_table flag_cases = {cases, ARRAY_SIZE(cases)};
