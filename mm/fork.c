/*
 * fork's half of the address space: a child that sees what its parent sees, from which moment on
 * neither sees what the other writes. Private pages are shared until then, with a reference for
 * each that maps them; both sides lose the right to write, and the fault that follows copies the
 * page, or finds its frame with one user left (rung 6 of mm/fault.c).
 *
 *       parent            frame             child
 *     | P....W |------> | refs 1 |                         before
 *     | P..... |------> | refs 2 | <------| P..... |       after
 *
 * Left out, as on Linux, is what a fault would find again: pages of shared mappings, and those of
 * mappings that never had a private page.
 */
#include "mm/fault.h"
#include "mm/mmap.h"
#include "mm/pt_trace.h"

/* ---- Plan: what the child takes ---- */

static bool has_pages_to_share(const struct vma *vma)
{
    return vma->anon && !(vma->flags & (VMA_DONTFORK | VMA_WIPEONFORK));
}

static unsigned count_vmas(const struct mm *parent)
{
    unsigned count = 0;

    for (const struct vma *vma = parent->first; vma; vma = vma->next)
        count += !(vma->flags & VMA_DONTFORK);
    return count;
}

/* Below which of the tables of @va's walk, down to @level, no leaf was met so far; @last was one. */
static uint32_t new_tables(vaddr_t va, vaddr_t last, unsigned level)
{
    uint32_t count = 0;

    for (unsigned l = level; l < PT_TOP; l++)
        count += last == USER_END || pt_floor(va, l + 1) != pt_floor(last, l + 1);
    return count;
}

/* The tables that the child needs besides its root. */
static uint32_t count_tables(const struct mm *parent)
{
    vaddr_t last = USER_END;
    uint32_t count = 0;

    for (const struct vma *vma = parent->first; vma; vma = vma->next) {
        vaddr_t va = vma->start;
        struct pt_run run;

        while (has_pages_to_share(vma) && pt_next_run(&parent->pt, &va, vma->end, &run)) {
            count += new_tables(run.va, last, run.level);
            last = run.va;
        }
    }
    return count;
}

/* ---- Commit ---- */

/*
 * What the child has private pages of has an identity that no other VMA shares, and that spreads to
 * no memory without one, as with Linux's anon_vma. Without private pages: none.
 */
static uint64_t child_identity(struct mm *child, const struct vma *vma)
{
    return has_pages_to_share(vma) ? ++child->anon_ids | VMA_ANON_INHERITED : 0;
}

static void copy_vmas(struct mm *child, const struct mm *parent, struct vma_reserve *reserve)
{
    for (const struct vma *vma = parent->first; vma; vma = vma->next) {
        struct vma *copy;

        if (vma->flags & VMA_DONTFORK)
            continue;
        copy = vma_reserve_take(reserve);
        copy->start = vma->start;
        copy->end = vma->end;
        copy->flags = vma->flags & ~(uint32_t)(VMA_LOCKED | VMA_LOCKONFAULT | VMA_PROMISED);
        copy->touched = has_pages_to_share(vma);
        copy->anon = child_identity(child, vma);
        copy->object = vma->object ? object_get(vma->object) : NULL;
        copy->pgoff = vma->pgoff;
        vma_insert(child, copy);
    }
}

/*
 * @count leaves of pages also in the slots from @to on, in both read-only: how many there are. @full:
 * no entry is empty. Nearly all the time of a fork is spent here.
 */
static ALWAYS_INLINE unsigned share_slots(struct pte *from, struct pte *to, unsigned count,
                                          bool full)
{
    struct frame *frames = PORT_FRAMES;
    unsigned holes = 0;

#pragma GCC unroll 8
    for (struct pte *end = from + count; from < end; from++, to++) {
        struct pte entry = pte_read_only(*from);

        if (!full && pte_is_none(entry)) {
            holes++;
            continue;
        }
        *from = entry;
        *to = entry;
        __asm__("" : "+r"(entry.raw)); /* take the frame from this, not from *from once more */
        port_frame_in(frames, pte_frame(entry))->refs++;
    }
    return count - holes;
}

/* The same with the leaves of @run, which may be a huge one. */
static unsigned share_run(const struct pt_run *run, struct pte *to)
{
    struct pte entry = pte_read_only(*run->slots);

    if (run->level == PT_PTE)
        return pt_frame(run->slots)->live == PT_ENTRIES
                   ? share_slots(run->slots, to, run->count, true)
                   : share_slots(run->slots, to, run->count, false);
    *run->slots = entry;
    *to = entry;
    for (uint64_t i = 0; i < pt_span(run->level) >> PAGE_SHIFT; i++)
        port_frame(pte_addr(entry))[i].refs++;
    return 1;
}

/* In @space, entries of @run become read-only: the parent's own, or the child's that were empty. */
static void trace_share(const struct mm *space, const struct pt_run *run, bool empty)
{
    struct pt_fold fold = PT_FOLD(&space->pt, run->level);

    for (unsigned i = 0; i < run->count; i++) {
        struct pte entry = run->slots[i];

        if (!pte_is_none(entry))
            pt_fold_set(&fold, run->va + i * pt_span(run->level), empty ? pte_none() : entry,
                        pte_read_only(entry));
    }
    pt_fold_end(&fold);
}

static void share_pages(struct mm *child, struct mm *parent, struct pt_reserve *tables,
                        struct gather *g)
{
    for (const struct vma *vma = parent->first; vma; vma = vma->next) {
        vaddr_t va = vma->start;
        struct pt_run run;

        while (has_pages_to_share(vma) && pt_next_run(&parent->pt, &va, vma->end, &run)) {
            struct pte *to = pt_entry_make(&child->pt, run.va, run.level, tables);
            unsigned count;

            if (trace_wanted(TRACE_PT)) {
                trace_share(parent, &run, false);
                trace_share(child, &run, true);
            }
            count = share_run(&run, to);
            pt_frame(to)->live += count;
            child->rss_pages += count * (pt_span(run.level) >> PAGE_SHIFT);
            tlb_range(g, run.va, va);
        }
    }
}

struct mm *mm_fork(struct mm *parent)
{
    struct vma_reserve vmas = {NULL};
    struct pt_reserve tables = {0};
    struct mm *child;
    struct gather g;

    mm_assert(port_locked_write(&parent->lock));
    if (mm_config.overcommit == OVERCOMMIT_NEVER &&
        !vma_may_commit(VMA_WRITE, parent->committed_pages))
        return NULL;
    if (!fault_zero_page_lasts(parent->rss_pages))
        return NULL;
    child = mm_create();
    if (!child)
        return NULL;
    if (vma_reserve_fill(child, &vmas, count_vmas(parent)) ||
        pt_reserve_fill(&tables, count_tables(parent))) {
        vma_reserve_drain(child, &vmas);
        mm_destroy(child);
        return NULL;
    }

    /* ---- point of no return ---- */
    child->limits = parent->limits;
    child->layout = parent->layout;
    child->no_thp = parent->no_thp;
    copy_vmas(child, parent, &vmas);
    tlb_begin(&g, parent, &parent->pt);
    share_pages(child, parent, &tables, &g);
    tlb_finish(&g);
    mm_assert(tables.count == 0);
    vma_merge(child, (struct range){0, USER_END}, &vmas);
    vma_reserve_drain(child, &vmas);
    return child;
}
