/*
 * How far a move is widened: from the pages that were asked for to whole entries.
 *
 * The bounds that the caller passed tell all there is to know of the neighbours; the order of the
 * steps (mm/pt_move.c) makes every widening safe that they allow.
 *
 * Source: seed texts of March and May 2023. Linux: try_realign_addr(), can_align_down().
 */
#include "mm/pt_move.h"

#include "mm/trace.h"

static bool free_below(const struct pt_move *m, unsigned level)
{
    uint64_t off = pt_offset(m->old, level);

    return m->old_floor <= m->old - off && m->new_floor <= m->new - off;
}

static bool free_above(const struct pt_move *m, unsigned level)
{
    uint64_t pad = pt_ceiling(pt_move_end(m), level) - pt_move_end(m);

    return m->old_ceiling >= pt_move_end(m) + pad && m->new_ceiling >= m->new + m->len + pad;
}

/*
 * Start the move at the edge of a @level entry, so that the entry moves whole:
 *
 *     edge       floor      old                       end
 *      |...........|---------|/////////////////////////|
 *      |<------ one entry's span ------>|
 *
 * Both sides sit at the same offset in the span. Allowed when neither has a neighbour in the part
 * added, and the range reaches the span's end or can be widened up to it.
 *
 * Source: seed text of May 2023, patch 1.
 */
static bool widen_down(struct pt_move *m, unsigned level)
{
    uint64_t off = pt_offset(m->old, level);

    if (m->len < pt_span(level) - off &&
        (mm_config.realign != REALIGN_FULL || !free_above(m, level)))
        return false;
    if (!free_below(m, level)) {
        mm_stats.widen_refused_down++;
        TRACE(TRACE_MREMAP, .what = EVENT_NOT_DOWN, .level = level, .a = m->old_floor,
              .b = m->new_floor, .c = m->old - off, .d = m->new - off, .space = m->mm->pt.space);
        return false;
    }
    m->src.start = m->old - off;
    mm_stats.widen_down++;
    TRACE(TRACE_MREMAP, .what = EVENT_WIDEN_DOWN, .level = level, .a = m->old, .b = m->src.start,
          .c = m->new, .d = m->new - off, .e = m->old_floor, .f = m->new_floor,
          .space = m->mm->pt.space);
    return true;
}

/*
 * The mirror image at the end, which the seed text leaves to later: "we can copy the tail PMD as
 * well".
 */
static bool widen_up(struct pt_move *m, unsigned level)
{
    vaddr_t end = pt_move_end(m);

    if (pt_floor(end, level) < m->src.start)
        return false;
    if (!free_above(m, level)) {
        mm_stats.widen_refused_up++;
        TRACE(TRACE_MREMAP, .what = EVENT_NOT_UP, .level = level, .a = m->old_ceiling,
              .b = m->new_ceiling, .c = pt_ceiling(end, level),
              .d = pt_ceiling(end, level) + m->delta, .space = m->mm->pt.space);
        return false;
    }
    m->src.end = pt_ceiling(end, level);
    mm_stats.widen_up++;
    TRACE(TRACE_MREMAP, .what = EVENT_WIDEN_UP, .level = level, .a = end, .b = m->src.end,
          .c = end + m->delta, .d = m->src.end + m->delta, .e = m->old_ceiling, .f = m->new_ceiling,
          .space = m->mm->pt.space);
    return true;
}

void pt_widen(struct pt_move *m)
{
    unsigned top =
        mm_config.realign == REALIGN_FULL ? m->align : (unsigned)min_u64(m->align, PT_PMD);

    if (mm_config.realign == REALIGN_OFF)
        return;
    for (unsigned l = top; l > PT_PTE && pt_offset(m->old, l); l--)
        if (widen_down(m, l))
            break;
    if (mm_config.realign != REALIGN_FULL)
        return;
    for (unsigned l = top; l > PT_PTE && pt_offset(pt_move_end(m), l); l--)
        if (widen_up(m, l))
            break;
}
