/*
 * Shrinking, growing in place, growing by moving, and mappings that become one again.
 */
#include "mremap_test.h"

#include <errno.h>
#include <sys/mman.h>

#define A GIB(1)
#define D (GIB(3) + MIB(16))

static uint64_t page_align(uint64_t len)
{
    return (len + PAGE - 1) & -PAGE;
}

/* A resize that must leave the start where it is, with MREMAP_MAYMOVE or without. */
static void run_in_place(struct scene *s, const struct test_case *c)
{
    uint64_t len = page_align(c->len), new_len = page_align(c->new_len);

    scene_set(s, c);
    if (!scene_call_to(s, c->old, c->len, c->new_len, c->flags, D, c->old))
        return;
    if (new_len < len)
        book_unmap(s, c->old + new_len, len - new_len);
    if (new_len > len)
        book_map(s, c->old + len, new_len - len, "rw-p");
    scene_check(s);
    if (new_len > len)
        scene_check_zero(s, c->old + len, new_len - len);
}

/* A call that must fail with the case's errno and change nothing. */
static void run_refused(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    CHECK_EQ("mremap()", scene_call(s, c->old, c->len, c->new_len, c->flags, c->new), -c->error);
    scene_check(s);
}

/* Blocked where it is, so it must move to a place of the kernel's choice. */
static void run_grow_moving(struct scene *s, const struct test_case *c)
{
    uint64_t at;

    scene_set(s, c);
    at = scene_call_anywhere(s, c->old, c->len, c->new_len, MREMAP_MAYMOVE);
    if (!at)
        return;
    book_move(s, c->old, c->len, at);
    book_map(s, at + c->len, c->new_len - c->len, "rw-p");
    CHECK(at != c->old, "grew in place over a neighbour");
    scene_check(s);
    if (c->new_len <= MIB(4))
        scene_check_zero(s, at + c->len, c->new_len - c->len);
}

/* From one page to 16 MB by doubling, as realloc() does; each step is blocked by a page right above. */
static void run_doubling(struct scene *s, const struct test_case *c)
{
    uint64_t at = c->old;

    scene_area(s, at, PAGE);
    for (uint64_t len = PAGE; len < MIB(16) && !tap_failing(); len *= 2) {
        uint64_t next;

        raw_mmap(s->base + at + len, PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        next = scene_call_anywhere(s, at, len, 2 * len, MREMAP_MAYMOVE);
        munmap(scene_ptr(s, at + len), PAGE);
        if (!next)
            return;
        CHECK(next != at, "grew in place over a neighbour");
        book_move(s, at, len, next);
        book_map(s, next + len, len, "rw-p");
        at = next;
        scene_fill(s, at + len, PAGE, 0);
    }
    scene_check(s);
}

/* Up and down a hundred times in place: what is cut off never comes back. */
static void run_seesaw(struct scene *s, const struct test_case *c)
{
    scene_area(s, c->old, PAGE);
    for (uint64_t i = 0; i < 100 && !tap_failing(); i++) {
        uint64_t len = PAGE * (1 + i * 7 % 13), next = PAGE * (1 + (i + 1) * 7 % 13);

        if (!scene_call_to(s, c->old, len, next, 0, 0, c->old))
            return;
        if (next < len) {
            book_unmap(s, c->old + next, len - next);
            continue;
        }
        book_map(s, c->old + len, next - len, "rw-p");
        scene_check_zero(s, c->old + len, next - len);
        scene_fill(s, c->old + len, next - len, 0);
    }
    scene_check(s);
}

/* |aaaa....aaaa| grows to |aaaaaaaaaaaa|, one mapping as before the hole was made. */
static void run_grow_merges(struct scene *s, const struct test_case *c)
{
    scene_area(s, A, KIB(192));
    munmap(scene_ptr(s, A + KIB(64)), KIB(64));
    book_unmap(s, A + KIB(64), KIB(64));
    scene_check(s);
    if (!scene_call_to(s, A, KIB(64), KIB(128), c->flags, 0, A))
        return;
    book_map(s, A + KIB(64), KIB(64), "rw-p");
    scene_check(s);
    scene_check_merged(s, A, KIB(192));
}

/* Out of the middle, and back: one mapping again. */
static void run_back_merges(struct scene *s, const struct test_case *c)
{
    const uint64_t flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    uint64_t mid = A + c->len;

    scene_area(s, A, 3 * c->len);
    if (!scene_call_to(s, mid, c->len, c->len, flags, D, D))
        return;
    book_move(s, mid, c->len, D);
    if (!scene_check(s) || !scene_call_to(s, D, c->len, c->len, flags, mid, mid))
        return;
    book_move(s, D, c->len, mid);
    scene_check(s);
    scene_check_merged(s, A, 3 * c->len);
}

/* Mappings that were never touched become one with what they are moved between. */
static void run_move_merges(struct scene *s, const struct test_case *c)
{
    scene_map(s, A, KIB(64), "rw-p");
    scene_map(s, A + KIB(128), KIB(64), "rw-p");
    scene_map(s, D, KIB(64), "rw-p");
    if (!scene_call_to(s, D, KIB(64), KIB(64), MREMAP_MAYMOVE | MREMAP_FIXED, A + KIB(64),
                       A + KIB(64)))
        return;
    book_move(s, D, KIB(64), A + KIB(64));
    scene_check(s);
    scene_check_merged(s, A, KIB(192));
    (void)c;
}

#define PLACE(what, how, at, from, to)                                                             \
    .name = what, .run = how, .old = at, .len = from, .new_len = to
#define MAYMOVE .flags = MREMAP_MAYMOVE

static const struct test_case cases[] = {
    {PLACE("shrink", run_in_place, A, KIB(64), KIB(16))},
    {PLACE("shrink to one page", run_in_place, A, KIB(64), PAGE)},
    {PLACE("shrink to one byte more than a page", run_in_place, A, KIB(64), PAGE + 1)},
    {PLACE("shrink with MAYMOVE stays in place", run_in_place, A, KIB(64), KIB(16)), MAYMOVE},
    {PLACE("shrink 6 MB over PMD boundaries", run_in_place, A + MIB(1), MIB(6), KIB(512))},
    {PLACE("shrink 2 GB over PUD boundaries", run_in_place, A + MIB(1), GIB(2), MIB(3)),
     .stride = PMD},
    {PLACE("shrink keeps the mapping above", run_in_place, A, KIB(64), KIB(16)),
     .near = {{A + KIB(64), KIB(64)}}},
    {PLACE("shrink inside a mapping makes a hole", run_in_place, A + KIB(16), KIB(16), PAGE),
     .whole = {A, KIB(64)}},
    {PLACE("shrink over a hole and other mappings", run_in_place, A, KIB(192), KIB(16)),
     .whole = {A, KIB(64)}, .near = {{A + KIB(96), KIB(32)}, {A + KIB(160), KIB(64)}}},
    {PLACE("shrink, cutting off in a hole", run_in_place, A, KIB(192), KIB(80)),
     .whole = {A, KIB(64)}, .near = {{A + KIB(96), KIB(128)}}},
    {PLACE("same size", run_in_place, A, KIB(64), KIB(64))},
    {PLACE("same size with MAYMOVE stays in place", run_in_place, A, KIB(64), KIB(64)), MAYMOVE},
    {PLACE("same size inside a mapping", run_in_place, A + KIB(16), KIB(16), KIB(16)),
     .whole = {A, KIB(64)}},
    {PLACE("same size over a hole and another mapping", run_in_place, A, KIB(192), KIB(192)),
     .whole = {A, KIB(64)}, .near = {{A + KIB(96), KIB(96)}}},
    {PLACE("same number of pages, other number of bytes", run_in_place, A, KIB(64), KIB(64) - 5)},

    {PLACE("grow in place", run_in_place, A, KIB(16), KIB(64))},
    {PLACE("grow in place with MAYMOVE", run_in_place, A, KIB(16), KIB(64)), MAYMOVE},
    {PLACE("grow in place by one byte", run_in_place, A, KIB(16), KIB(16) + 1)},
    {PLACE("grow in place up to the next mapping", run_in_place, A, KIB(16), KIB(64)),
     .near = {{A + KIB(64), KIB(64)}}},
    {PLACE("grow in place over a PMD boundary", run_in_place, A + MIB(1), MIB(1), MIB(2))},
    {PLACE("grow in place the tail of a mapping", run_in_place, A + KIB(32), KIB(32), KIB(64)),
     .whole = {A, KIB(64)}},
    {PLACE("grow blocked by the next mapping", run_refused, A, KIB(16), KIB(64)), .error = ENOMEM,
     .near = {{A + KIB(16), KIB(16)}}},
    {PLACE("grow blocked by one page at its far end", run_refused, A, KIB(16), KIB(64)),
     .error = ENOMEM, .near = {{A + KIB(60), PAGE}}},
    {PLACE("grow blocked by the rest of its own mapping", run_refused, A, KIB(16), KIB(32)),
     .error = ENOMEM, .whole = {A, KIB(64)}},

    {PLACE("grow by moving", run_grow_moving, A, KIB(64), KIB(128)),
     .near = {{A + KIB(64), KIB(16)}}},
    {PLACE("grow by moving, from inside a mapping", run_grow_moving, A + KIB(16), KIB(16), KIB(64)),
     .whole = {A, KIB(64)}},
    {PLACE("grow by moving, neighbours on both sides", run_grow_moving, A, MIB(3), MIB(4)),
     .near = {{A - KIB(64), KIB(64)}, {A + MIB(3), KIB(64)}}},
    {PLACE("grow by moving, 5 MB to 1 GB", run_grow_moving, A + MIB(1), MIB(5), GIB(1)),
     .near = {{A + MIB(8), KIB(64)}}},
    {PLACE("grow by moving, doubling from one page to 16 MB", run_doubling, A, 0, 0)},
    {PLACE("grow and shrink in place a hundred times", run_seesaw, A, 0, 0)},
    {PLACE("no free destination for the whole address space", run_refused, A, KIB(64), USER_TOP),
     MAYMOVE, .error = ENOMEM},
    {PLACE("no free destination for all but 1 GB of it", run_refused, A, KIB(64),
           USER_TOP - GIB(1)),
     MAYMOVE, .error = ENOMEM},
    {PLACE("grow into a hole: one mapping again", run_grow_merges, A, 0, 0)},
    {PLACE("grow into a hole with MAYMOVE: one mapping again", run_grow_merges, A, 0, 0), MAYMOVE},
    {PLACE("move out of the middle and back: one mapping again", run_back_merges, A, KIB(64), 0)},
    {PLACE("move PMDs out of the middle and back: one mapping again", run_back_merges, A, MIB(2),
           0)},
    {PLACE("move an untouched mapping between two: one mapping", run_move_merges, A, 0, 0)},
};

const struct case_table resize_cases = {cases, ARRAY_SIZE(cases)};
