/*
 * THE HEART: moving page-table entries.
 *
 * Plan    find how far the range can be widened (mm/pt_widen.c), and count the tables that the
 *         destination lacks.
 * Reserve those tables. It is the last thing that can fail.
 * Commit  take the entries in memmove's order, each at the highest level at which its whole span
 *         is to move. A table that loses its last entry goes when the steps leave it.
 *
 * The same steps, found by next_step(), serve the count and the commit. One engine serves every
 * level. Its cost is that of the entries that are there, not of the range: a hole is passed at the
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

#include "mm/pt_trace.h"

/* Neighbouring entries of one table that move whole into neighbouring slots of one table. */
struct pt_step {
    unsigned level;
    vaddr_t old, new; /* start of the lowest entry's span */
    struct pte *from; /* the lowest entry; the one that the step was found by is not empty. NULL: in
                         a huge leaf that is yet to be split */
    unsigned count;
};

/*
 * How far the steps have come: @at, and the tables on the way there, from the root down to that
 * with entries of @level.
 */
struct cursor {
    vaddr_t at;
    unsigned level;
    struct pte *table[PT_LEVELS];
    bool kept; /* a table was left with no entries in it */
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

static void warn_slot(const struct pt_move *m, struct pte entry, vaddr_t lo, unsigned level)
{
    mm_stats.warn++;
    TRACE(TRACE_MREMAP, .what = EVENT_WARN, .level = level, .a = lo, .b = lo + m->delta,
          .c = entry.raw, .d = pt_entry(&m->mm->pt, lo + m->delta, level)->raw,
          .space = m->mm->pt.space);
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
 * How many slots there are from the one that translates @lo on, slot @i of its table, in the
 * direction of the move: to the edge of the table, or as far as the range covers them whole.
 */
static unsigned slots_left(const struct pt_move *m, vaddr_t lo, unsigned i, unsigned level)
{
    uint64_t room = m->descending ? i + 1 : PT_ENTRIES - i;
    uint64_t left = m->descending ? lo + pt_span(level) - m->src.start : m->src.end - lo;

    return (unsigned)min_u64(room, left >> pt_shift(level));
}

/*
 * How many neighbours of the entry at @lo can join its step: up to the edge of either table or of
 * the range.
 */
static unsigned step_count(const struct pt_move *m, vaddr_t lo, unsigned level)
{
    unsigned i = pt_index(lo, level);
    unsigned j = pt_index(lo + m->delta, level);

    if (level > PT_PTE && mm_config.realign != REALIGN_FULL)
        return 1; /* each slot is looked at when its turn comes */
    return slots_left(m, lo, (unsigned)(m->descending ? min_u64(i, j) : max_u64(i, j)), level);
}

/*
 * From an empty slot of @table on, past all empty slots in the direction of the move. The address
 * to go on at.
 */
static vaddr_t skip_empty(const struct pt_move *m, const struct pte *table, vaddr_t probe,
                          unsigned level)
{
    vaddr_t lo = pt_floor(probe, level);
    unsigned i = pt_index(probe, level);
    unsigned most = slots_left(m, lo, i, level);
    unsigned n = 1;

    if (pt_frame(table)->live == 0)
        n = max_u64(n, most);
    if (m->descending) {
        while (n < most && pte_is_none(table[i - n]))
            n++;
        return lo - (n - 1) * pt_span(level);
    }
    while (n < most && pte_is_none(table[i + n]))
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

/* The steps start at the range's end where they descend. */
static struct cursor first_at(const struct pt_move *m)
{
    struct cursor c = {.at = m->descending ? m->src.end : m->src.start, .level = PT_TOP};

    c.table[PT_TOP] = m->mm->pt.root;
    return c;
}

static bool at_end(const struct pt_move *m, const struct cursor *c)
{
    return m->descending ? c->at <= m->src.start : c->at >= m->src.end;
}

static struct range destination(const struct pt_move *m)
{
    return (struct range){m->src.start + m->delta, m->src.end + m->delta};
}

/*
 * The table that @entry, of @level, links has been passed, up to @va: if it has no entries left it goes,
 * at once, or at the end where later steps may come to lie in it.
 */
static void leave_table(const struct pt_move *m, struct cursor *c, struct pte *entry,
                        unsigned level, vaddr_t va, struct gather *g)
{
    struct range span = {pt_floor(va, level), pt_floor(va, level) + pt_span(level)};

    if (!pte_is_table(*entry, level) || pt_frame(pte_to_table(*entry))->live > 0)
        return;
    if (range_overlaps(span, destination(m)))
        c->kept = true;
    else
        tlb_prune_table(g, entry, level, va);
}

/* Leave the tables to whose edge the steps have come, and all of them at the end of the range. */
static void leave_tables(const struct pt_move *m, struct cursor *c, struct gather *g)
{
    vaddr_t behind = m->descending ? c->at : c->at - 1;

    while (c->level < PT_TOP && (!pt_offset(c->at, c->level + 1) || at_end(m, c))) {
        c->level++;
        if (g)
            leave_table(m, c, &c->table[c->level][pt_index(behind, c->level)], c->level, behind, g);
    }
}

/*
 * The next entries to move, at or behind c->at in the direction of the move; c->at becomes the
 * address to go on at.
 * @g: the step will be done now, so a refused slot is warned of, and a huge leaf that cannot move
 * as it is has been split. NULL: that is yet to come. False at the end of the range.
 */
static bool next_step(struct pt_move *m, struct cursor *c, struct pt_step *s, struct gather *g)
{
    while (leave_tables(m, c, g), !at_end(m, c)) {
        vaddr_t probe = m->descending ? c->at - 1 : c->at;

        for (;; c->level--) {
            unsigned level = c->level;
            struct pte *entry = &c->table[level][pt_index(probe, level)];
            vaddr_t lo = pt_floor(probe, level);

            if (pte_is_none(*entry)) {
                c->at = skip_empty(m, c->table[level], probe, level);
                break;
            }
            if (moves_whole(m, lo, level) && !(g && slot_refused(m, lo, level))) {
                c->at = fill_step(m, s, entry, lo, level);
                return true;
            }
            if (g && moves_whole(m, lo, level))
                warn_slot(m, *entry, lo, level);
            mm_assert(pte_is_table(*entry, level) || level == PT_PMD);
            if (pte_is_leaf(*entry, level) && !g) {
                c->at = fill_step(m, s, NULL, pt_floor(probe, level - 1), level - 1);
                return true;
            }
            if (pte_is_leaf(*entry, level))
                split_leaf(m, entry, lo, level, g);
            mm_assert(pte_is_table(*entry, level));
            c->table[level - 1] = pte_to_table(*entry);
        }
    }
    return false;
}

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
 * How many tables it takes to split huge leaves, and how many the steps need at the destination
 * that are not there, or may not be when their turn comes. The steps are in order, so a table that
 * was counted is the last one counted at its level.
 */
static uint32_t tables_needed(struct pt_move *m)
{
    vaddr_t counted[PT_LEVELS];
    struct cursor c = first_at(m);
    vaddr_t split = UINT64_MAX;
    struct pt_step s;
    uint32_t needed = 0;

    for (unsigned l = 0; l < PT_LEVELS; l++)
        counted[l] = UINT64_MAX;
    while (next_step(m, &c, &s, NULL)) {
        unsigned top = s.level + tables_lacking(m, s.new, s.level);

        if (!s.from && split != pt_floor(s.old, s.level + 1)) {
            split = pt_floor(s.old, s.level + 1);
            needed++;
        }
        for (unsigned l = s.level; l < top && counted[l] != pt_floor(s.new, l + 1); l++) {
            counted[l] = pt_floor(s.new, l + 1);
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
    m->src = (struct range){m->old, pt_move_end(m)};
    m->align = mm_config.realign == REALIGN_FULL ? PT_TOP : (unsigned)min_u64(PT_TOP, PT_PUD);
    while (pt_offset(m->delta, m->align))
        m->align--;
    TRACE(TRACE_MREMAP, .what = EVENT_MOVE, .a = m->old, .b = m->new, .c = m->len,
          .space = m->mm->pt.space);
    pt_widen(m);
    m->overlap = range_overlaps(m->src, destination(m));
    m->descending = m->overlap && m->new > m->old;
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

    for (unsigned n = s->count; n > 0; n--, k += next) {
        struct pte entry = s->from[k];

        if (pte_is_none(entry))
            continue;
        if (watched)
            take_slot(m, s, (unsigned)k, &to[k], g);
        to[k] = entry;
        s->from[k] = pte_none();
        if (--left == 0)
            break;
    }
    return live - left;
}

/* A full table's go without a look at each, where nobody watches and what is read is not written. */
static uint32_t move_all(const struct pt_step *s, struct pte *to)
{
    __builtin_memcpy(to, s->from, s->count * sizeof(*to));
    __builtin_memset(s->from, 0, s->count * sizeof(*to));
    return s->count;
}

static void do_step(struct pt_move *m, const struct pt_step *s, struct gather *g)
{
    struct pte *to = pt_entry_make(&m->mm->pt, s->new, s->level, &m->reserve);
    struct frame *table = pt_frame(s->from);
    uint32_t moved;

    if (table->live == PT_ENTRIES && !m->overlap && !trace_wanted(TRACE_MREMAP))
        moved = move_all(s, to);
    else
        moved = move_each(m, s, to, table->live, g);
    table->live -= moved;
    pt_frame(to)->live += moved;
    m->moved[s->level] += moved;
    if (trace_wanted(TRACE_PT) && table->live == 0 && s->level < PT_TOP)
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
    struct cursor c = first_at(m);
    struct pt_step s;

    while (next_step(m, &c, &s, g)) {
        do_step(m, &s, g);
        m->done = progress(m, c.at);
        tlb_range(g, s.old, s.old + s.count * pt_span(s.level));
    }
    m->done = m->len;
    if (c.kept)
        tlb_prune(g, m->src);
    pt_reserve_drain(&m->reserve);

    mm_stats.moves++;
    for (unsigned l = 0; l < PT_LEVELS; l++)
        mm_stats.moved[l] += m->moved[l];
    TRACE(TRACE_MREMAP, .what = EVENT_MOVED, .a = moved_at(m, PT_PTE), .b = moved_at(m, PT_PMD),
          .c = moved_at(m, PT_PUD), .d = moved_at(m, PT_PGD), .space = m->mm->pt.space);
}
