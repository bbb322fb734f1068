/*
 * THE HEART: moving page-table entries.
 *
 * Plan    find how far the range can be widened (mm/pt_widen.c), and count the tables that the
 *         destination lacks.
 * Reserve those tables. It is the last thing that can fail.
 * Commit  take the entries in memmove's order, each at the highest level at which its whole span
 *         is to move. A table that loses its last entry goes when the steps leave it.
 *
 * The same steps, found in one way (mm/pt_step.c), serve the count and the commit. One engine serves
 * every level. Its cost is that of the entries that are there, not of the range: a hole is passed at the
 * level at which it is one, and a table's live count tells when the rest of it is a hole.
 *
 * Why the order makes every widening safe. Say the widened ranges overlap and new < old, the steps
 * ascend, and the distance d = old - new is a multiple of the span of the entries moved:
 *
 *              S - d           S
 *     ----|-----------|---|-----------|----
 *
 * When the entry that spans S is taken, S holds only pages still to be moved: neighbours are
 * excluded by floor and ceiling, and what was moved into S would have come from S + d, which is
 * later. S - d holds nothing: source pages there were moved earlier, and what lands there comes
 * from S alone. So the two ranges never count as each other's neighbours. For new > old the same
 * holds with descending steps. Where the ranges do not overlap any order will do, and the steps
 * ascend.
 *
 * Source: seed texts of March and May 2023. Linux: move_page_tables().
 */
#include "mm/pt_move.h"

#include "mm/pt_step.h"
#include "mm/pt_trace.h"

/* ---- Reserve ---- */

/*
 * How many tables, from that with entries of @level up, must be added for @new when the step's turn
 * comes: those that are not there, and those that may be gone by then. These are all if the caller
 * frees tables first, and if the widened ranges overlap, those that may themselves be moved or freed
 * as part of a whole entry.
 */
static unsigned tables_lacking(const struct pt_move *m, vaddr_t new, unsigned level)
{
    unsigned lacking;

    if (m->tables_change)
        return PT_TOP - level;
    lacking = pt_missing(&m->mm->pt, new, level);
    if (m->overlap && level + lacking < m->align)
        lacking = m->align - level;
    return lacking;
}

/*
 * Find the first step. The commit need not look for it again, unless tables change before, its leaf is
 * yet to be split, or its slot may be refused.
 */
static void find_first(struct pt_move *m)
{
    pt_first_step(m, &m->cursor);
    m->any = pt_plan_step(m, &m->cursor, &m->step);
    m->holds =
        !m->tables_change && (!m->any || (m->step.from && mm_config.realign == REALIGN_FULL));
}

/* Tables, counted in the order of the steps: what counts once is the last that was counted at its level. */
struct tally {
    uint32_t needed;
    vaddr_t split;              /* the last leaf to be split */
    vaddr_t counted[PT_LEVELS]; /* the last tables at the destination */
};

static void count_tables(const struct pt_move *m, struct tally *t, vaddr_t new, unsigned level)
{
    unsigned top;

    if (level < PT_TOP && t->counted[level] == pt_floor(new, level + 1))
        return;
    top = level + tables_lacking(m, new, level);
    for (unsigned l = level; l < top && t->counted[l] != pt_floor(new, l + 1); l++) {
        t->counted[l] = pt_floor(new, l + 1);
        t->needed++;
    }
}

static void count_step(const struct pt_move *m, struct tally *t, const struct pt_step *s)
{
    vaddr_t low = s->new, high = s->new + (s->count - 1) * pt_span(s->level);

    if (!s->from && t->split != pt_floor(s->old, s->level + 1)) {
        t->split = pt_floor(s->old, s->level + 1);
        t->needed++;
    }
    count_tables(m, t, m->descending ? high : low, s->level);
    if (pt_floor(low, s->level + 1) != pt_floor(high, s->level + 1))
        count_tables(m, t, m->descending ? low : high, s->level);
}

/*
 * How many tables it takes to split huge leaves, and how many the steps need at the destination
 * that are not there, or may not be when their turn comes.
 */
static NOINLINE uint32_t tables_needed(struct pt_move *m)
{
    struct tally t = {0, UINT64_MAX, {0}};
    struct pt_cursor c = m->cursor;
    struct pt_step s = m->step;

    for (unsigned l = 0; l < PT_LEVELS; l++)
        t.counted[l] = UINT64_MAX;
    do {
        count_step(m, &t, &s);
        pt_pass_step(m, &c, &s, s.from != NULL);
    } while (pt_plan_step(m, &c, &s));
    return t.needed;
}

/* Most moves have one step into one table, of which nothing counts twice. */
static long reserve(struct pt_move *m)
{
    const struct pt_step *s = &m->step;
    uint32_t needed;

    if (!m->any)
        return 0;
    if (s->from && s->count <= pt_room(s) && pt_is_last_step(m, s))
        needed = tables_lacking(m, s->new, s->level);
    else
        needed = tables_needed(m);
    return pt_reserve_fill(&m->reserve, needed);
}

long pt_move_plan(struct pt_move *m)
{
    mm_assert(m->old != m->new);
    mm_assert(m->new < m->old || m->new - m->old >= m->len);
    m->delta = m->new - m->old;
    m->src = (struct range){m->old, pt_move_end(m)};
    m->align = pt_align(m->delta);
    if (mm_config.realign != REALIGN_FULL)
        m->align = (unsigned)min_u64(m->align, PT_PUD);
    TRACE(TRACE_MREMAP, .what = EVENT_MOVE, .a = m->old, .b = m->new, .c = m->len,
          .space = m->mm->pt.space);
    pt_widen(m);
    m->overlap = range_overlaps(m->src, pt_move_destination(m));
    m->descending = m->overlap && m->new > m->old;
    find_first(m);
    return reserve(m);
}

void pt_move_cancel(struct pt_move *m)
{
    pt_reserve_drain(&m->reserve);
}

/* ---- Commit ---- */

/*
 * Before entry @k of a step moves to @slot. A slot that a whole entry moves into may still hold
 * tables which earlier steps of an overlapping move have emptied. They are freed and the slot is
 * taken, so the warning of March 2023 cannot arise.
 */
static NOINLINE void take_slot(const struct pt_move *m, const struct pt_step *s, unsigned k,
                               struct pte *slot, struct gather *g)
{
    uint64_t off = k * pt_span(s->level);
    struct pte before = *slot;

    if (!pte_is_none(before))
        tlb_prune_slot(g, slot, s->level,
                       (struct range){s->new + off, s->new + off + pt_span(s->level)});
    mm_assert(pte_is_none(*slot));
    TRACE(TRACE_MREMAP, .what = EVENT_STEP, .level = s->level, .a = s->old + off, .b = s->new + off,
          .c = s->from[k].raw, .d = before.raw, .space = m->mm->pt.space);
}

/*
 * Move the entries of @s to @to one by one, until all @live ones that were left in their table are gone.
 * How many have moved.
 */
static uint32_t move_each(const struct pt_move *m, const struct pt_step *s, struct pte *to,
                          uint32_t live, struct gather *g)
{
    bool watched = m->overlap || trace_wanted(TRACE_MREMAP);
    int64_t k = m->descending ? s->count - 1 : 0;
    int64_t next = m->descending ? -1 : 1;
    uint32_t left = live;

    for (unsigned n = s->count; n > 0 && left > 0; n--, k += next) {
        struct pte entry = s->from[k];

        if (pte_is_none(entry))
            continue;
        if (watched)
            take_slot(m, s, (unsigned)k, &to[k], g);
        to[k] = entry;
        s->from[k] = pte_none();
        left--;
    }
    return live - left;
}

/*
 * A run that is long, and of which enough may be there, goes without a look at each entry where nobody
 * watches: the slots are empty, so an empty entry does no harm. What is read must not be written.
 */
static bool moves_at_once(const struct pt_move *m, const struct pt_step *s, uint32_t live)
{
    return s->count > PT_ENTRIES / 32 && live >= s->count / 2 && !m->overlap &&
           !trace_wanted(TRACE_MREMAP);
}

/* Move them. How many there were; where none is empty they need not be counted. */
static uint32_t move_run(const struct pt_step *s, struct pte *to, bool full)
{
    uint32_t moved = 0;

    __builtin_memcpy(to, s->from, s->count * sizeof(*to));
    __builtin_memset(s->from, 0, s->count * sizeof(*to));
    if (full)
        return s->count;
#pragma GCC unroll 8
    for (const struct pte *end = to + s->count; to < end; to++)
        moved += !pte_is_none(*to);
    return moved;
}

/* Move entries whose slots lie in one table. @full: their table had no empty ones. How many there were. */
static uint32_t move_entries(struct pt_move *m, const struct pt_step *s, bool full,
                             struct gather *g)
{
    struct pte *to = pt_entry_make(&m->mm->pt, s->new, s->level, &m->reserve);
    struct frame *table = pt_frame(s->from);
    uint32_t moved;

    if (moves_at_once(m, s, table->live))
        moved = move_run(s, to, full);
    else
        moved = move_each(m, s, to, table->live, g);
    table->live -= moved;
    pt_frame(to)->live += moved;
    return moved;
}

/* The entries of @s from the @first-th on. */
static struct pt_step part_of(const struct pt_step *s, unsigned first, unsigned count)
{
    uint64_t off = first * pt_span(s->level);

    return (struct pt_step){s->level, s->old + off, s->new + off, s->from + first, count};
}

/* The part of @s whose slots lie in the lower of two tables, or in the upper one. */
static struct pt_step half_of(const struct pt_step *s, bool upper)
{
    unsigned low = pt_room(s);

    return upper ? part_of(s, low, s->count - low) : part_of(s, 0, low);
}

/* Move the entries of a step, whose slots lie in one table or in two. How many there were. */
static uint32_t do_step(struct pt_move *m, const struct pt_step *s, struct gather *g)
{
    bool full = pt_frame(s->from)->live == PT_ENTRIES;
    bool two = s->count > pt_room(s);
    struct pt_step half;
    uint32_t moved = 0;

    for (unsigned i = 0; i <= two; i++) {
        if (two)
            half = half_of(s, (i == 0) == m->descending);
        moved += move_entries(m, two ? &half : s, full, g);
    }
    return moved;
}

static void trace_emptied(const struct pt_move *m, const struct pt_step *s)
{
    if (pt_frame(s->from)->live == 0 && s->level < PT_TOP)
        TRACE_TABLE(&m->mm->pt, EVENT_TABLE_EMPTIED, s->level, pt_floor(s->old, s->level + 1),
                    port_paddr(s->from) & ~(PAGE_SIZE - 1));
}

uint64_t pt_move_progress(const struct pt_move *m)
{
    vaddr_t at = max_u64(m->old, min_u64(m->cursor.at, pt_move_end(m)));

    return m->descending ? pt_move_end(m) - at : at - m->old;
}

static uint64_t moved_at(const struct pt_move *m, unsigned level)
{
    return level < PT_LEVELS ? m->moved[level] : 0;
}

void pt_move_commit(struct pt_move *m, struct gather *g)
{
    struct pt_cursor *c = &m->cursor;
    struct pt_step *s = &m->step;
    bool more = m->any;

    if (!m->holds) {
        pt_first_step(m, c);
        more = pt_next_step(m, c, s, g);
    }
    while (more) {
        uint32_t moved = do_step(m, s, g);

        m->moved[s->level] += moved;
        mm_stats.moved[s->level] += moved;
        if (trace_wanted(TRACE_PT))
            trace_emptied(m, s);
        tlb_range(g, s->old, s->old + s->count * pt_span(s->level));
        pt_pass_step(m, c, s, moved);
        more = pt_next_step(m, c, s, g);
    }
    if (c->kept)
        tlb_prune(g, m->src);
    pt_reserve_drain(&m->reserve);
    mm_stats.moves++;
    TRACE(TRACE_MREMAP, .what = EVENT_MOVED, .a = moved_at(m, PT_PTE), .b = moved_at(m, PT_PMD),
          .c = moved_at(m, PT_PUD), .d = moved_at(m, PT_PGD), .space = m->mm->pt.space);
}
