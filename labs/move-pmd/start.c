/*
 * Lab move-pmd: the move engine. It works, page by page: each entry that is there goes to its new slot.
 *
 * Make it move whole entries, of whatever level, where both sides allow it: handout.md.
 */
#include "mm/pt_move.h"

#include "mm/trace.h"

/*
 * The next page to move at or behind *at, which becomes its address: its entry, or the huge leaf that it is in,
 * of *level. NULL when there is none before the end of the range.
 */
static struct pte *next_page(const struct pt_move *m, vaddr_t *at, unsigned *level)
{
    while (*at < m->src.end) {
        struct pte *entry = pt_lookup(&m->mm->pt, *at, level);

        if (!pte_is_none(*entry))
            return entry;
        *at = pt_floor(*at, *level) + pt_span(*level);
    }
    return NULL;
}

/* ---- Plan ---- */

/*
 * How many of the tables for @new would have to be added that are not in @counted yet, where the last one counted
 * stands for each level.
 */
static uint32_t new_tables(const struct pt_move *m, vaddr_t new, vaddr_t *counted)
{
    unsigned missing = m->tables_change ? PT_TOP : pt_missing(&m->mm->pt, new, PT_PTE);
    uint32_t needed = 0;

    for (unsigned l = PT_PTE; l < missing && counted[l] != pt_floor(new, l + 1); l++) {
        counted[l] = pt_floor(new, l + 1);
        needed++;
    }
    return needed;
}

/* Tables for the destination, and one for each huge leaf, which has to be split. */
static uint32_t tables_needed(const struct pt_move *m)
{
    vaddr_t counted[PT_LEVELS];
    vaddr_t at = m->src.start, split = UINT64_MAX;
    uint32_t needed = 0;
    unsigned level;

    for (unsigned l = 0; l < PT_LEVELS; l++)
        counted[l] = UINT64_MAX;
    for (; next_page(m, &at, &level); at += PAGE_SIZE) {
        if (level > PT_PTE && split != pt_floor(at, level)) {
            split = pt_floor(at, level);
            needed++;
        }
        needed += new_tables(m, at + m->delta, counted);
    }
    return needed;
}

long pt_move_plan(struct pt_move *m)
{
    mm_assert(m->old != m->new);
    mm_assert(m->new < m->old || m->new - m->old >= m->len);
    m->delta = m->new - m->old;
    m->src = (struct range){m->old, pt_move_end(m)};
    m->align = PT_PTE;
    pt_widen(m);
    return pt_reserve_fill(&m->reserve, tables_needed(m));
}

void pt_move_cancel(struct pt_move *m)
{
    pt_reserve_drain(&m->reserve);
}

/* ---- Commit ---- */

static void move_page(struct pt_move *m, struct pte *from, vaddr_t at)
{
    struct pte *to = pt_entry_make(&m->mm->pt, at + m->delta, PT_PTE, &m->reserve);

    mm_assert(pte_is_none(*to));
    TRACE(TRACE_MREMAP, .what = EVENT_STEP, .level = PT_PTE, .a = at, .b = at + m->delta,
          .c = from->raw);
    *to = *from;
    *from = pte_none();
    pt_frame(to)->live++;
    pt_frame(from)->live--;
    m->moved[PT_PTE]++;
}

/* Upward, so an overlapping move down empties each slot before it is filled. */
void pt_move_commit(struct pt_move *m, struct gather *g)
{
    vaddr_t at = m->src.start;
    struct pte *from;
    unsigned level;

    while ((from = next_page(m, &at, &level))) {
        if (level > PT_PTE) {
            pt_split(&m->mm->pt, from, pt_floor(at, level), level, &m->reserve);
            tlb_range(g, pt_floor(at, level), pt_floor(at, level) + pt_span(level));
            continue;
        }
        move_page(m, from, at);
        at += PAGE_SIZE;
        tlb_range(g, at - PAGE_SIZE, at);
    }
    tlb_prune(g, m->src);
    pt_reserve_drain(&m->reserve);
    mm_stats.moves++;
    for (unsigned l = 0; l < PT_LEVELS; l++)
        mm_stats.moved[l] += m->moved[l];
}
