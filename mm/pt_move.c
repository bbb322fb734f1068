/*
 * THE HEART: moving page-table entries.
 *
 * Plan    find how far the range can be widened (mm/pt_widen.c), and count the tables that the
 *         destination lacks.
 * Reserve those tables. It is the last thing that can fail.
 * Commit  take the entries in memmove's order, each at the highest level at which its whole span
 *         is to move.
 *
 * The same steps, found by next_step(), serve the count and the commit. One engine serves every
 * level.
 *
 * Why the order makes every widening safe. Say new < old, the steps ascend, and the distance d =
 * old - new is a multiple of the span of the entries moved:
 *
 *              S - d           S
 *     ----|-----------|---|-----------|----
 *
 * When the entry that spans S is taken, S holds only pages still to be moved: neighbours are
 * excluded by floor and ceiling, and what was moved into S would have come from S + d, which is
 * later. S - d holds nothing: source pages there were moved earlier, and what lands there comes
 * from S alone. So the two ranges never count as each other's neighbours. For new > old the same
 * holds with descending steps.
 *
 * Source: seed texts of March and May 2023. Linux: move_page_tables().
 */
#include "mm/pt_move.h"

#include "mm/pt_trace.h"

/* Neighbouring entries of one table that move whole into neighbouring slots of one table. */
struct pt_step {
    unsigned level;
    vaddr_t old, new; /* start of the lowest entry's span */
    struct pte *from; /* the lowest entry; the one that the step was found by is not empty. NULL: in
                         a huge leaf that is yet to be split */
    unsigned count;
};

/* ---- The steps ---- */

/* Whether the @level entry whose span starts at @lo moves as it is. */
static bool moves_whole(const struct pt_move *m, vaddr_t lo, unsigned level)
{
    return level <= m->align && lo >= m->src.start && lo + pt_span(level) <= m->src.end;
}

/*
 * The destination slot still holds a table, though nothing below it is mapped. The engine takes the
 * slot (see take_slot). Before the patch series, and where it does not reach, Linux warned and went
 * down a level instead.
 */
static bool slot_refused(const struct pt_move *m, vaddr_t lo, unsigned level)
{
    struct pte *slot;

    if (mm_config.realign == REALIGN_FULL || level == PT_PTE)
        return false;
    slot = pt_entry(&m->mm->pt, lo + m->delta, level);
    return slot && !pte_is_none(*slot);
}

static void warn_slot(const struct pt_move *m, vaddr_t lo, unsigned level)
{
    mm_stats.warn++;
    port_warn("WARN: move_normal_%s: destination %s not none at %llx, moving from %llx by smaller "
              "entries",
              level == PT_PMD ? "pmd" : "pud", level_name(level),
              (unsigned long long)(lo + m->delta), (unsigned long long)lo);
}

/* The huge leaf at @lo is cut by an end of the range, or by a destination that is aligned otherwise. */
static void split_leaf(struct pt_move *m, struct pte *entry, vaddr_t lo, unsigned level,
                       struct gather *g)
{
    pt_split(&m->mm->pt, entry, lo, level, &m->reserve);
    tlb_range(g, lo, lo + pt_span(level));
}

/*
 * How many neighbours of the entry at @lo can join its step: up to the edge of either table or of
 * the range.
 */
static unsigned step_count(const struct pt_move *m, vaddr_t lo, unsigned level)
{
    unsigned i = pt_index(lo, level);
    unsigned j = pt_index(lo + m->delta, level);
    uint64_t room, left;

    if (level > PT_PTE && mm_config.realign != REALIGN_FULL)
        return 1; /* each slot is looked at when its turn comes */
    if (m->descending) {
        room = min_u64(i, j) + 1;
        left = (lo + pt_span(level) - m->src.start) >> pt_shift(level);
    } else {
        room = PT_ENTRIES - max_u64(i, j);
        left = (m->src.end - lo) >> pt_shift(level);
    }
    return (unsigned)min_u64(room, left);
}

/*
 * From an empty slot of @table on, past all empty slots in the direction of the move. The address
 * to go on at.
 */
static vaddr_t skip_empty(const struct pt_move *m, const struct pte *table, vaddr_t probe,
                          unsigned level)
{
    unsigned i = pt_index(probe, level);
    vaddr_t lo = pt_floor(probe, level);
    unsigned n = 1;

    if (m->descending) {
        while (n <= i && pte_is_none(table[i - n]))
            n++;
        return lo - (n - 1) * pt_span(level);
    }
    while (i + n < PT_ENTRIES && pte_is_none(table[i + n]))
        n++;
    return lo + n * pt_span(level);
}

/* @entry is NULL for entries that a split will bring. */
static vaddr_t fill_step(const struct pt_move *m, struct pt_step *s, struct pte *entry, vaddr_t lo,
                         unsigned level)
{
    s->level = level;
    s->count = step_count(m, lo, level);
    s->old = lo;
    s->from = entry;
    if (m->descending) {
        s->old -= (s->count - 1) * pt_span(level);
        s->from -= entry ? s->count - 1 : 0;
    }
    s->new = s->old + m->delta;
    return m->descending ? s->old : s->old + s->count * pt_span(level);
}

/*
 * The next entries to move, at or behind *at in the direction of the move; *at becomes the address
 * to go on at.
 * @g: the step will be done now, so a refused slot is warned of, and a huge leaf that cannot move
 * as it is has been split. NULL: that is yet to come. False at the end of the range.
 */
static bool next_step(struct pt_move *m, vaddr_t *at, struct pt_step *s, struct gather *g)
{
    while (m->descending ? *at > m->src.start : *at < m->src.end) {
        vaddr_t probe = m->descending ? *at - 1 : *at;
        struct pte *table = m->mm->pt.root;
        unsigned level = PT_TOP;

        for (;; level--) {
            struct pte *entry = &table[pt_index(probe, level)];
            vaddr_t lo = pt_floor(probe, level);

            if (pte_is_none(*entry)) {
                *at = skip_empty(m, table, probe, level);
                break;
            }
            if (moves_whole(m, lo, level) && !(g && slot_refused(m, lo, level))) {
                *at = fill_step(m, s, entry, lo, level);
                return true;
            }
            if (g && moves_whole(m, lo, level))
                warn_slot(m, lo, level);
            mm_assert(pte_is_table(*entry, level) || level == PT_PMD);
            if (pte_is_leaf(*entry, level) && !g) {
                *at = fill_step(m, s, NULL, pt_floor(probe, level - 1), level - 1);
                return true;
            }
            if (pte_is_leaf(*entry, level))
                split_leaf(m, entry, lo, level, g);
            mm_assert(pte_is_table(*entry, level));
            table = pte_to_table(*entry);
        }
    }
    return false;
}

/* Where the steps start. */
static vaddr_t first_at(const struct pt_move *m)
{
    return m->descending ? m->src.end : m->src.start;
}

/* ---- Reserve ---- */

/*
 * Whether a table of the destination that is there now is there when its step comes. Not if the
 * caller frees tables first; nor if the widened ranges meet, and the table may itself be moved or
 * freed as part of a whole entry.
 */
static bool table_stays(const struct pt_move *m, unsigned level)
{
    struct range dst = {m->src.start + m->delta, m->src.end + m->delta};

    if (m->tables_change)
        return false;
    return !range_overlaps(m->src, dst) || level >= m->align;
}

/*
 * How many tables it takes to split huge leaves, and how many the steps need at the destination
 * that are not there, or may not be when their turn comes. The steps are in order, so a table that
 * was counted is the last one counted at its level.
 */
static uint32_t tables_needed(struct pt_move *m)
{
    vaddr_t counted[PT_LEVELS];
    vaddr_t at = first_at(m);
    vaddr_t split = UINT64_MAX;
    struct pt_step s;
    uint32_t needed = 0;

    for (unsigned l = 0; l < PT_LEVELS; l++)
        counted[l] = UINT64_MAX;
    while (next_step(m, &at, &s, NULL)) {
        if (!s.from && split != pt_floor(s.old, s.level + 1)) {
            split = pt_floor(s.old, s.level + 1);
            needed++;
        }
        for (unsigned l = s.level; l < PT_TOP; l++) {
            vaddr_t table = pt_floor(s.new, l + 1);

            if (counted[l] == table)
                break;
            counted[l] = table;
            if (!table_stays(m, l) || pt_missing(&m->mm->pt, s.new, l) > 0)
                needed++;
        }
    }
    return needed;
}

long pt_move_plan(struct pt_move *m)
{
    mm_assert(m->old != m->new);
    mm_assert(m->new < m->old || m->new - m->old >= m->len);
    m->delta = m->new - m->old;
    m->descending = m->new > m->old;
    m->src = (struct range){m->old, pt_move_end(m)};
    m->align = mm_config.realign == REALIGN_FULL ? PT_TOP : (unsigned)min_u64(PT_TOP, PT_PUD);
    while (pt_offset(m->delta, m->align))
        m->align--;
    TRACE(TRACE_MREMAP, .what = EVENT_MOVE, .a = m->old, .b = m->new, .c = m->len,
          .space = m->mm->pt.space);
    pt_widen(m);
    return pt_reserve_fill(&m->reserve, tables_needed(m));
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
static __attribute__((noinline)) void take_slot(const struct pt_move *m, const struct pt_step *s,
                                                unsigned k, struct pte *slot, struct gather *g)
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

static void do_step(struct pt_move *m, const struct pt_step *s, struct gather *g)
{
    struct pte *to = pt_entry_make(&m->mm->pt, s->new, s->level, &m->reserve);
    const bool told = trace_wanted(TRACE_MREMAP); /* not asked again for each entry */
    uint32_t moved = 0;

    for (unsigned n = 0; n < s->count; n++) {
        unsigned k = m->descending ? s->count - 1 - n : n;

        if (pte_is_none(s->from[k]))
            continue;
        if (told || !pte_is_none(to[k]))
            take_slot(m, s, k, &to[k], g);
        to[k] = s->from[k];
        s->from[k] = pte_none();
        moved++;
    }
    pt_frame(s->from)->live -= moved;
    pt_frame(to)->live += moved;
    m->moved[s->level] += moved;
    if (trace_wanted(TRACE_PT) && pt_frame(s->from)->live == 0 && s->level < PT_TOP)
        TRACE_TABLE(&m->mm->pt, EVENT_TABLE_EMPTIED, s->level, pt_floor(s->old, s->level + 1),
                    port_paddr(s->from) & ~(PAGE_SIZE - 1));
}

/* Bytes of the range asked for that lie behind @at. The part that widening added does not count. */
static uint64_t progress(const struct pt_move *m, vaddr_t at)
{
    vaddr_t in = max_u64(m->old, min_u64(at, pt_move_end(m)));

    return m->descending ? pt_move_end(m) - in : in - m->old;
}

static uint64_t moved_at(const struct pt_move *m, unsigned level)
{
    return level < PT_LEVELS ? m->moved[level] : 0;
}

void pt_move_commit(struct pt_move *m, struct gather *g)
{
    vaddr_t at = first_at(m);
    struct pt_step s;

    while (next_step(m, &at, &s, g)) {
        do_step(m, &s, g);
        m->done = progress(m, at);
        tlb_range(g, s.old, s.old + s.count * pt_span(s.level));
    }
    m->done = m->len;
    tlb_prune(g, m->src);
    pt_reserve_drain(&m->reserve);

    mm_stats.moves++;
    for (unsigned l = 0; l < PT_LEVELS; l++)
        mm_stats.moved[l] += m->moved[l];
    TRACE(TRACE_MREMAP, .what = EVENT_MOVED, .a = moved_at(m, PT_PTE), .b = moved_at(m, PT_PMD),
          .c = moved_at(m, PT_PUD), .d = moved_at(m, PT_PGD), .space = m->mm->pt.space);
}
