/* The steps of a move. See mm/pt_step.h. */
#include "mm/pt_step.h"

#include "mm/trace.h"

/* ---- What moves as it is ---- */

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

static NOINLINE __attribute__((cold)) void warn_slot(const struct pt_move *m, struct pte entry,
                                                     vaddr_t lo, unsigned level)
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
static NOINLINE void split_leaf(struct pt_move *m, struct pte *entry, vaddr_t lo, unsigned level,
                                struct gather *g)
{
    pt_split(&m->mm->pt, entry, lo, level, &m->reserve);
    tlb_range(g, lo, lo + pt_span(level));
}

/* ---- How far a step, or a hole, reaches ---- */

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
 * From an empty slot, which translates @probe, past all empty slots in the direction of the move.
 * The address to go on at.
 */
static vaddr_t skip_empty(const struct pt_move *m, const struct pt_cursor *c, vaddr_t probe)
{
    unsigned level = c->level;
    const struct pte *table = c->table[level];
    vaddr_t lo = pt_floor(probe, level);
    unsigned i = pt_index(probe, level);
    unsigned most = slots_left(m, lo, i, level);
    unsigned n = 1;

    if (m->descending) {
        while (n < most && pte_is_none(table[i - n]))
            n++;
        return lo - (n - 1) * pt_span(level);
    }
    while (n < most && pte_is_none(table[i + n]))
        n++;
    return lo + n * pt_span(level);
}

/*
 * How many neighbours of @entry at @lo join its step: those up to the edge of their table or of the range, but
 * where some of them may be empty, only up to the edge of the other table too.
 */
static ALWAYS_INLINE unsigned step_count(const struct pt_move *m, const struct pte *entry,
                                         vaddr_t lo, unsigned level)
{
    unsigned i = pt_index(lo, level);

    if (level > PT_PTE && mm_config.realign != REALIGN_FULL)
        return 1; /* each slot is looked at when its turn comes */
    if (entry && pt_frame(entry)->live < PT_ENTRIES) {
        unsigned j = pt_index(lo + m->delta, level);

        i = (unsigned)(m->descending ? min_u64(i, j) : max_u64(i, j));
    }
    return slots_left(m, lo, i, level);
}

/* The step that @entry at @lo begins; NULL for entries that a split will bring. */
static ALWAYS_INLINE void fill_step(const struct pt_move *m, struct pt_step *s, struct pte *entry,
                                    vaddr_t lo, unsigned level)
{
    s->level = level;
    s->count = step_count(m, entry, lo, level);
    s->old = lo;
    s->from = entry;
    if (m->descending) {
        s->old -= (s->count - 1) * pt_span(level);
        s->from -= entry ? s->count - 1 : 0;
    }
    s->new = s->old + m->delta;
}

/* ---- Up and down ---- */

static bool is_end(const struct pt_move *m, vaddr_t at)
{
    return m->descending ? at <= m->src.start : at >= m->src.end;
}

/*
 * The table with entries of @level, which the steps have passed up to @at, has no entries left: it goes, at once,
 * or at the end where later steps may come to lie in it.
 */
static ALWAYS_INLINE void leave_table(const struct pt_move *m, struct pt_cursor *c, unsigned level,
                                      vaddr_t at, struct gather *g)
{
    vaddr_t va = m->descending ? at : at - 1;
    struct range span = {pt_floor(va, level + 1), pt_floor(va, level + 1) + pt_span(level + 1)};

    if (range_overlaps(span, pt_move_destination(m)))
        c->kept = true;
    else
        tlb_drop_table(g, &c->table[level + 1][pt_index(va, level + 1)], level + 1, va);
}

/*
 * Leave the tables to whose edge the steps have come, those with no entries ahead, and all of them at
 * the end of the range.
 */
static ALWAYS_INLINE void leave_tables(const struct pt_move *m, struct pt_cursor *c,
                                       struct gather *g)
{
    unsigned level = c->level;
    vaddr_t at = c->at;

    for (; level < PT_TOP; level++) {
        if (c->left[level] == 0)
            at = m->descending ? pt_floor(at, level + 1) : pt_ceiling(at, level + 1);
        else if (pt_offset(at, level + 1) && !is_end(m, at))
            break;
        if (g && pt_frame(c->table[level])->live == 0)
            leave_table(m, c, level, at, g);
    }
    c->level = level;
    c->at = at;
}

/*
 * From c->level down the tables that @probe lies in, to an entry that is empty or moves as it is; in
 * the plan also to a huge leaf that is to be split. *whole: it moves as it is.
 */
static ALWAYS_INLINE struct pte *descend(struct pt_move *m, struct pt_cursor *c, vaddr_t probe,
                                         bool *whole, struct gather *g)
{
    unsigned level = c->level;
    struct pte *table = c->table[level];
    struct pte *entry;

    while (entry = &table[pt_index(probe, level)], !pte_is_none(*entry)) {
        vaddr_t lo = pt_floor(probe, level);

        *whole = moves_whole(m, lo, level);
        if (*whole) {
            if (!g || !slot_refused(m, lo, level))
                break;
            warn_slot(m, *entry, lo, level);
        }
        if (pte_is_leaf(*entry, level)) {
            mm_assert(level == PT_PMD);
            if (!g)
                break;
            split_leaf(m, entry, lo, level, g);
        }
        c->left[level]--;
        table = pte_to_table(*entry);
        level--;
        c->table[level] = table;
        c->left[level] = pt_frame(table)->live;
    }
    c->level = level;
    return entry;
}

/* @g: NULL in the plan, and known not to be NULL in the commit. */
static ALWAYS_INLINE bool next_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s,
                                    struct gather *g)
{
    while (leave_tables(m, c, g), !is_end(m, c->at)) {
        vaddr_t probe = m->descending ? c->at - 1 : c->at;
        bool whole = false;
        struct pte *entry = descend(m, c, probe, &whole, g);
        unsigned level = c->level;

        if (pte_is_none(*entry)) {
            c->at = skip_empty(m, c, probe);
            continue;
        }
        if (!g && !whole) {
            entry = NULL;
            level--;
        }
        fill_step(m, s, entry, pt_floor(probe, level), level);
        return true;
    }
    return false;
}

void pt_first_step(const struct pt_move *m, struct pt_cursor *c)
{
    c->at = m->descending ? m->src.end : m->src.start;
    c->level = PT_TOP;
    c->kept = false;
    c->table[PT_TOP] = m->mm->pt.root;
    c->left[PT_TOP] = 0; /* the root is never left */
}

bool pt_plan_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s)
{
    return !is_end(m, c->at) && next_step(m, c, s, NULL);
}

bool pt_next_step(struct pt_move *m, struct pt_cursor *c, struct pt_step *s, struct gather *g)
{
    return next_step(m, c, s, g);
}
