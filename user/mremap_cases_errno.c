/*
 * Calls that must fail: with which errno, which one when several are due, and nothing changed by any of them.
 *
 *     V           T            TWO             SHARED
 *     |rw-p|      |rw-p|       |rw-p|r--p|     |rw-s|        64 KiB each, TWO's halves 32 KiB
 */
#include "mremap_test.h"

#include <errno.h>

#define V GIB(1)
#define T (V + KIB(128))
#define TWO (V + KIB(256))
#define SHARED (V + KIB(512))
#define NOWHERE GIB(5)
#define LEN KIB(64)

#define MAY MREMAP_MAYMOVE
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define LEAVE (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static void set_stage(struct scene *s)
{
    scene_area(s, V, LEN);
    scene_area(s, T, LEN);
    scene_area(s, TWO, LEN);
    scene_protect(s, TWO + LEN / 2, LEN / 2, "r--p");
    scene_map(s, SHARED, LEN, "rw-s");
    scene_fill(s, SHARED, LEN, 0);
}

static void run_refused(struct scene *s, const struct test_case *c)
{
    uint64_t old = c->old_is_address ? c->old - s->base : c->old;
    uint64_t new = c->new_is_address ? c->new - s->base : c->new;

    set_stage(s);
    CHECK_EQ("mremap()", scene_call(s, old, c->len, c->new_len, c->flags, new), -c->error);
    scene_check(s);
}

#define REFUSE(what, expected, from, bytes, to_bytes, how, ...)                                    \
    {                                                                                              \
        .name = "refused: " what, .run = run_refused, .error = expected, .old = from,              \
        .len = bytes, .new_len = to_bytes, .flags = how, __VA_ARGS__                               \
    }
#define ADDRESS .old_is_address = true
#define TO_ADDRESS .new_is_address = true, .new
#define TO .new

static const struct test_case cases[] = {
    REFUSE("an unknown flag", EINVAL, V, LEN, LEN, 8),
    REFUSE("an unknown flag among known ones", EINVAL, V, LEN, LEN, FIXED | 16, TO = NOWHERE),
    REFUSE("an unknown flag in the upper half", EINVAL, V, LEN, LEN, 1ul << 40),
    REFUSE("FIXED without MAYMOVE", EINVAL, V, LEN, LEN, MREMAP_FIXED, TO = NOWHERE),
    REFUSE("DONTUNMAP without MAYMOVE", EINVAL, V, LEN, LEN, MREMAP_DONTUNMAP),
    REFUSE("DONTUNMAP and FIXED without MAYMOVE", EINVAL, V, LEN, LEN,
           MREMAP_DONTUNMAP | MREMAP_FIXED, TO = NOWHERE),
    REFUSE("DONTUNMAP growing", EINVAL, V, LEN, 2 * LEN, LEAVE),
    REFUSE("DONTUNMAP shrinking", EINVAL, V, LEN, LEN / 2, LEAVE),
    REFUSE("DONTUNMAP with old size 0", EINVAL, SHARED, 0, LEN, LEAVE),

    REFUSE("source misaligned", EINVAL, V + 1, LEN, LEN, FIXED, TO = NOWHERE),
    REFUSE("source misaligned, no flags", EINVAL, V + 2048, LEN, LEN, 0),
    REFUSE("destination misaligned", EINVAL, V, LEN, LEN, FIXED, TO = NOWHERE + 2048),
    REFUSE("destination misaligned by one byte", EINVAL, V, LEN, LEN, FIXED, TO = NOWHERE + 1),
    REFUSE("new size 0", EINVAL, V, LEN, 0, 0),
    REFUSE("new size 0 with MAYMOVE", EINVAL, V, LEN, 0, MAY),
    REFUSE("new size 0 at a fixed place", EINVAL, V, LEN, 0, FIXED, TO = NOWHERE),
    REFUSE("both sizes 0", EINVAL, V, 0, 0, MAY),
    REFUSE("new size wraps to 0", EINVAL, V, LEN, UINT64_MAX, MAY),
    REFUSE("old size wraps to 0, private memory", EINVAL, V, UINT64_MAX, LEN, MAY),
    REFUSE("new size almost wraps", EINVAL, V, LEN, -PAGE, MAY),
    REFUSE("new size almost wraps, no flags", EINVAL, V, LEN, -PAGE, 0),
    REFUSE("new size one page above the address space", EINVAL, V, LEN, USER_TOP + PAGE, MAY),
    REFUSE("new size is the address space", ENOMEM, V, LEN, USER_TOP, MAY),
    REFUSE("new size is the address space, no flags", ENOMEM, V, LEN, USER_TOP, 0),
    REFUSE("new size is the address space but 1 GB", ENOMEM, V, LEN, USER_TOP - GIB(1), MAY),
    REFUSE("new size almost wraps, at a fixed place", EINVAL, V, LEN, -PAGE, FIXED, TO = NOWHERE),
    REFUSE("new size is the address space, at a fixed place", EINVAL, V, LEN, USER_TOP, FIXED,
           TO = NOWHERE),
    REFUSE("destination above the last address", EINVAL, V, LEN, LEN, FIXED, TO_ADDRESS = USER_TOP),
    REFUSE("destination ends above the last address", EINVAL, V, LEN, LEN, FIXED,
           TO_ADDRESS = USER_TOP - LEN + PAGE),
    REFUSE("destination in the kernel's half", EINVAL, V, LEN, LEN, FIXED,
           TO_ADDRESS = 0xffff800000000000),
    REFUSE("destination not canonical", EINVAL, V, LEN, LEN, FIXED, TO_ADDRESS = 0x800000000000),
    REFUSE("destination wraps", EINVAL, V, LEN, LEN, FIXED, TO_ADDRESS = -PAGE),

    REFUSE("destination is the source", EINVAL, V, LEN, LEN, FIXED, TO = V),
    REFUSE("overlap, one page up", EINVAL, V, LEN, LEN, FIXED, TO = V + PAGE),
    REFUSE("overlap, one page down", EINVAL, V, LEN, LEN, FIXED, TO = V - PAGE),
    REFUSE("overlap by the source's last page", EINVAL, V, LEN, LEN, FIXED, TO = V + LEN - PAGE),
    REFUSE("overlap by the source's first page", EINVAL, V, LEN, LEN, FIXED, TO = V - LEN + PAGE),
    REFUSE("overlap with what a shrink cuts off", EINVAL, V, LEN, PAGE, FIXED, TO = V + LEN - PAGE),
    REFUSE("overlap by what a growth adds", EINVAL, V, LEN, 2 * LEN, FIXED, TO = V - LEN),
    REFUSE("overlap, source inside of the destination", EINVAL, V, LEN, 4 * LEN, FIXED,
           TO = V - LEN),
    REFUSE("overlap with DONTUNMAP", EINVAL, V, LEN, LEN, LEAVE | FIXED, TO = V + PAGE),

    REFUSE("nothing mapped at the source", EFAULT, NOWHERE, LEN, LEN, 0),
    REFUSE("nothing mapped at the source, MAYMOVE", EFAULT, NOWHERE, LEN, 2 * LEN, MAY),
    REFUSE("nothing mapped at the source, FIXED", EFAULT, NOWHERE, LEN, LEN, FIXED, TO = T),
    REFUSE("nothing mapped at the source, DONTUNMAP", EFAULT, NOWHERE, LEN, LEN, LEAVE),
    REFUSE("nothing mapped at the source's first page", EFAULT, V - PAGE, LEN, LEN, 0),
    REFUSE("source in the kernel's half", EFAULT, 0xffff800000000000, LEN, LEN, 0, ADDRESS),
    REFUSE("source not canonical", EFAULT, 0x800000000000, LEN, LEN, MAY, ADDRESS),
    REFUSE("source is NULL", EFAULT, 0, LEN, LEN, MAY, ADDRESS),
    REFUSE("growing a range that ends in a hole", EFAULT, V, LEN + PAGE, 4 * LEN, MAY),
    REFUSE("growing a range that ends in a hole, no flags", EFAULT, V, LEN + PAGE, 4 * LEN, 0),
    REFUSE("growing a range that ends in a hole, FIXED", EFAULT, V, LEN + PAGE, 4 * LEN, FIXED,
           TO = NOWHERE),
    REFUSE("growing a range of two mappings", EFAULT, TWO, LEN, 2 * LEN, MAY),
    REFUSE("growing a range of two mappings, FIXED", EFAULT, TWO, LEN, 2 * LEN, FIXED, TO = T),
    REFUSE("shrinking two mappings to a fixed place", EFAULT, TWO, LEN, LEN - PAGE, FIXED, TO = T),
    REFUSE("growing a range that wraps", EINVAL, V, -KIB(128), -KIB(64), 0),

    REFUSE("no room above, no MAYMOVE", ENOMEM, V, LEN, 2 * LEN + PAGE, 0),
    REFUSE("old size 0 of private memory", EINVAL, V, 0, LEN, MAY),
    REFUSE("old size 0 of private memory, FIXED", EINVAL, V, 0, LEN, FIXED, TO = T),
    REFUSE("old size 0 of nothing", EFAULT, NOWHERE, 0, LEN, MAY),
    REFUSE("old size 0 of shared memory, no MAYMOVE", ENOMEM, SHARED, 0, LEN, 0),

    /* Several reasons at once */
    REFUSE("unknown flag before nothing mapped", EINVAL, NOWHERE, LEN, LEN, 8),
    REFUSE("source misaligned before nothing mapped", EINVAL, NOWHERE + 1, LEN, LEN, 0),
    REFUSE("new size 0 before nothing mapped", EINVAL, NOWHERE, LEN, 0, 0),
    REFUSE("destination misaligned before nothing mapped", EINVAL, NOWHERE, LEN, LEN, FIXED,
           TO = T + 1),
    REFUSE("overlap before nothing mapped", EINVAL, NOWHERE, LEN, LEN, FIXED, TO = NOWHERE + PAGE),
    REFUSE("destination above the last address before nothing mapped", EINVAL, NOWHERE, LEN, LEN,
           FIXED, TO_ADDRESS = USER_TOP),
    REFUSE("DONTUNMAP with another size before nothing mapped", EINVAL, NOWHERE, LEN, 2 * LEN,
           LEAVE),
    REFUSE("FIXED without MAYMOVE before nothing mapped", EINVAL, NOWHERE, LEN, LEN, MREMAP_FIXED,
           TO = T),
    REFUSE("new size above the address space before nothing mapped", EINVAL, NOWHERE, LEN, -PAGE,
           MAY),
    REFUSE("nothing mapped before no room for the new size", EFAULT, NOWHERE, LEN, USER_TOP, MAY),
    REFUSE("two mappings before no room for the new size", EFAULT, TWO, LEN, USER_TOP, MAY),
    REFUSE("two mappings before no room above", EFAULT, TWO, LEN, 3 * LEN, 0),
    REFUSE("overlap before old size 0 of private memory", EINVAL, V, 0, LEN, FIXED, TO = V),
};

const struct case_table errno_cases = {cases, ARRAY_SIZE(cases)};
