/* mremap with all its flags: in place, by moving, over what is there, and all that must be refused. */
#include "oracle.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define SMALL_GROWTH MIB(8)

#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

struct remap_call {
    uint64_t old, old_len, new_len, new;
    unsigned long flags;
};

static const struct flag_name remap_flag_names[] = {{MREMAP_MAYMOVE, "MAYMOVE"},
                                                    {MREMAP_FIXED, "FIXED"},
                                                    {MREMAP_DONTUNMAP, "DONTUNMAP"},
                                                    {0, "0"}};

/* ---- Kinds of calls ---- */

/* From @addr to the next line that starts behind it, or 0. */
static uint64_t to_next_line(const struct sequence *s, uint64_t addr)
{
    for (size_t i = 0; i < s->line_count; i++)
        if (s->lines[i].start > addr)
            return s->lines[i].start - addr;
    return 0;
}

/* Another length than r->old_len, mostly longer: rarely just so that it fills the gap behind. */
static uint64_t other_length(struct sequence *s, const struct remap_call *r)
{
    uint64_t gap_end = to_next_line(s, r->old);

    uint64_t unit = chance(&s->rng, 75) ? PAGE : PMD;
    uint64_t by = (1 + below(&s->rng, 6)) * unit;

    if (gap_end > r->old_len && chance(&s->rng, 20))
        return gap_end;
    if (r->old_len > by && chance(&s->rng, 35))
        return r->old_len - by;
    return r->old_len + by;
}

static void pick_in_place(struct sequence *s, struct remap_call *r)
{
    r->flags = chance(&s->rng, 50) ? MREMAP_MAYMOVE : 0;
    r->new_len = chance(&s->rng, 10) ? r->old_len : other_length(s, r);
}

static void pick_move(struct sequence *s, struct remap_call *r)
{
    (void)s;
    r->flags = FIXED;
    r->new_len = r->old_len;
}

/* All that lies in a range, with the gaps between. */
static void pick_move_several(struct sequence *s, struct remap_call *r)
{
    const struct map_line *m = pick_line(s), *last = &s->lines[s->line_count];
    uint64_t n = 1 + below(&s->rng, 4);

    r->flags = FIXED | (chance(&s->rng, 20) ? MREMAP_DONTUNMAP : 0);
    if (m) {
        r->old = chance(&s->rng, 70) ? m->start : m->end - PAGE;
        m += min_u64(n, (uint64_t)(last - m) - 1);
        r->old_len = (chance(&s->rng, 70) ? m->end : m->start + PAGE) - r->old;
    }
    if (r->old_len > GIB(6) || r->old_len == 0) /* from the heap into a window, or out of it */
        r->old_len = PAGE;
    r->old_len += chance(&s->rng, 15) ? PAGE : 0;
    r->new_len = r->old_len;
}

static void pick_move_resized(struct sequence *s, struct remap_call *r)
{
    r->flags = FIXED;
    r->new_len = other_length(s, r);
}

static void pick_dontunmap(struct sequence *s, struct remap_call *r)
{
    r->flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (chance(&s->rng, 60) ? MREMAP_FIXED : 0);
    r->new_len = chance(&s->rng, 95) ? r->old_len : other_length(s, r);
    if (!(r->flags & MREMAP_FIXED) && chance(&s->rng, 50))
        r->new = 0;
}

/* A second view of a shared mapping. */
static void pick_copy(struct sequence *s, struct remap_call *r)
{
    const struct map_line *m = NULL;

    for (unsigned i = 0; i < 4 && !(m && m->perms[3] == 's'); i++)
        m = pick_line(s);
    if (m)
        r->old = m->start + (chance(&s->rng, 30) ? PAGE : 0);
    r->new_len = r->old_len;
    r->old_len = 0;
    r->flags = MREMAP_MAYMOVE | (chance(&s->rng, 70) ? MREMAP_FIXED : 0);
    r->flags = chance(&s->rng, 5) ? 0 : r->flags;
}

static void pick_any(struct sequence *s, struct remap_call *r)
{
    r->flags = chance(&s->rng, 80) ? below(&s->rng, 8) : 1ul << below(&s->rng, 64);
    r->new_len = chance(&s->rng, 50) ? r->old_len : other_length(s, r);
}

static void (*const kinds[])(struct sequence *s, struct remap_call *r) = {
    pick_in_place,  pick_move, pick_move_several, pick_move_resized,
    pick_dontunmap, pick_copy, pick_any,
};

/* ---- Limits of what is asked ---- */

/* Somewhere else in old's large entry, so that page tables can move whole; or overlapping, rarely. */
static uint64_t pick_new(struct sequence *s, uint64_t old)
{
    uint64_t new = pick_target(s), unit = s->large &&chance(&s->rng, 60) ? PUD : PMD;

    if (chance(&s->rng, 4))
        return old + below(&s->rng, 4) * PAGE;
    if (chance(&s->rng, 50))
        new = aligned_down(s, new, unit) + offset_in(s, old, unit);
    return is_home(s, new) ? new : s->windows[WINDOW_A].origin + offset_in(s, old, PMD);
}

/*
 * linux.md: "How much memory there is", and may be locked.
 * How long may become what is at r->old: with no limit only in large sequences, where all but the heap and files is
 * MAP_NORESERVE.
 */
static void limit_growth(const struct sequence *s, struct remap_call *r)
{
    const struct map_line *m = line_at(s, r->old);
    uint64_t most = SMALL_GROWTH, len = pages_up(r->old_len);

    if (s->locked)
        most = POPULATE_MAX;
    if (s->large && m && !is_file(m) && !is_heap(s, r->old))
        return;
    if (r->new_len > len && r->new_len - len > most && r->new_len < USER_TOP)
        r->new_len = len + most;
}

/*
 * Whether a mapping of the range touches another one that looks the same; before the heap lies its guard page.
 * linux.md: "What DONTUNMAP leaves": once it is empty and unlocked, nothing may keep the two apart any more.
 */
static bool has_twin(const struct sequence *s, const struct remap_call *r)
{
    struct map_line guard = {.end = s->windows[WINDOW_H].origin, .perms = "---p"};
    const struct map_line *before = &guard;

    for (const struct map_line *m = s->lines; m < s->lines + s->line_count; before = m++)
        if (m->end > r->old && before->start < r->old + r->old_len && before->end == m->start &&
            !strcmp(before->perms, m->perms))
            return true;
    return false;
}

static void pick_mremap(struct sequence *s, struct remap_call *r)
{
    static const unsigned weights[] = {30, 24, 16, 12, 12, 6, 4, 0};

    r->old = pick_source(s);
    r->old_len = pick_mapped_length(s, r->old, GIB(3), true);
    r->new = pick_new(s, r->old);
    kinds[weighted(&s->rng, weights)](s, r);
    r->old = spoil_addr(s, r->old);
    r->new = spoil_addr(s, r->new);
    r->old_len = spoil_length(s, r->old_len);
    r->new_len = spoil_length(s, r->new_len);
    r->old_len = clip(s, r->old, r->old_len);
    if (r->new != 0)
        r->new_len = clip(s, r->new, r->new_len);
    if (is_heap(s, r->old) && !(r->flags & MREMAP_FIXED))
        r->new_len = clip(s, r->old, r->new_len);
    if (r->old_len >= USER_TOP && r->old - r->new < pages_up(r->new_len))
        r->new = r->old + PAGE; /* linux.md: "refused late", there with EFAULT */
    limit_growth(s, r);
    if (has_twin(s, r))
        r->flags &= ~(unsigned long)MREMAP_DONTUNMAP;
}

/* ---- The call ---- */

/*
 * A call that failed changed nothing on Realign. Linux checks arguments and the mapping first, too; but what comes
 * after that, the limits and the memory, it meets with the target unmapped already.
 * linux.md: "a failing call changes nothing".
 */
static void failed(struct sequence *s, const struct remap_call *r, long err)
{
    bool itself = r->old - r->new < pages_up(r->new_len);

    if (err == -ENOMEM || (r->old_len >= USER_TOP && r->flags & MREMAP_FIXED) || err == -EPERM ||
        (itself && err == -EFAULT))
        end_sequence(s, "linux.md: mremap failed late");
}

/* Whether the call might move more than one mapping; no other call may span several. */
static bool moves_several(const struct sequence *s, const struct remap_call *r)
{
    uint64_t len = pages_up(r->old_len);

    return (r->flags & MREMAP_FIXED) && len == pages_up(r->new_len) &&
           !in_one_line(s, r->old & -PAGE, (r->old & -PAGE) + len);
}

void op_mremap(struct sequence *s)
{
    struct remap_call r;
    long result;

    pick_mremap(s, &r);
    if (!settings.several_vmas && moves_several(s, &r)) {
        say(s, "(skipped: a move of several mappings needs Linux 6.17)");
        return;
    }
    result = raw_call(SYS_mremap, r.old, r.old_len, r.new_len, r.flags, r.new, 0);
    said(s, OP_mremap, result, "mremap(%s, %#lx, %#lx, %s, %s)", place(s, r.old), r.old_len,
         r.new_len, flags_name(remap_flag_names, r.flags), place(s, r.new));
    if (result < 0 && result > -4096) {
        failed(s, &r, result);
        return;
    }
    if (!is_home(s, (uint64_t)result))
        result = (long)bring_home(s, (uint64_t)result, pages_up(r.new_len));
    if (result)
        book_moved(s, r.old, pages_up(r.old_len), (uint64_t)result);
}
