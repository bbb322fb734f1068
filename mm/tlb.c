/* The gather. See mm/tlb.h. */
#include "mm/tlb.h"

#include "mm/huge_pool.h"
#include "mm/pt_trace.h"

void tlb_begin(struct gather *g, struct mm *mm, struct pt *pt)
{
    g->mm = mm;
    g->pt = pt;
    g->range = (struct range){.start = UINT64_MAX, .end = 0};
    g->run = (struct range){0, 0};
    g->frames = 0;
    g->emptied = (struct frame_list){0};
    g->blocks = 0;
    g->shared_count = 0;
    g->tables = (struct pt_reserve){0};
}

long tlb_reserve(struct gather *g, struct range range)
{
    bool one_leaf = pt_offset(range.start, PT_PMD) &&
                    pt_floor(range.start, PT_PMD) == pt_floor(range.end, PT_PMD);
    unsigned cuts = pt_cuts_leaf(g->pt, range.start);

    if (!one_leaf)
        cuts += pt_cuts_leaf(g->pt, range.end);
    return pt_reserve_fill(&g->tables, cuts);
}

void tlb_split_leaf(struct gather *g, vaddr_t va)
{
    unsigned level;
    struct pte *entry = pt_lookup(g->pt, va, &level);

    pt_split(g->pt, entry, va, level, &g->tables);
    tlb_range(g, pt_floor(va, level), pt_floor(va, level) + pt_span(level));
}

void tlb_split(struct gather *g, struct range range)
{
    if (!g->tables.count)
        return;
    if (pt_cuts_leaf(g->pt, range.start))
        tlb_split_leaf(g, range.start);
    if (pt_cuts_leaf(g->pt, range.end))
        tlb_split_leaf(g, range.end);
}

void tlb_range(struct gather *g, vaddr_t start, vaddr_t end)
{
    g->range.start = min_u64(g->range.start, start);
    g->range.end = max_u64(g->range.end, end);
}

/* The metadata of a run's first frame has its length, in refs, and the next run. */
static void close_run(struct gather *g)
{
    struct frame *first = port_frame(g->run.start);

    first->refs = (uint32_t)(range_size(g->run) >> PAGE_SHIFT);
    first->next = g->frames;
    g->frames = (uint32_t)(g->run.start >> PAGE_SHIFT);
}

/* Free the frame in the end. Its metadata is zero. */
static inline void queue(struct gather *g, paddr_t pa)
{
    if (pa != g->run.end) {
        if (g->run.end)
            close_run(g);
        g->run.start = pa;
    }
    g->run.end = pa + PAGE_SIZE;
}

static void free_queued(struct gather *g)
{
    if (g->run.end)
        close_run(g);
    while (g->frames) {
        paddr_t pa = (paddr_t)g->frames << PAGE_SHIFT;
        struct frame *first = port_frame(pa);
        uint32_t count = first->refs;

        g->frames = first->next;
        *first = (struct frame){0};
        port_run_free(pa, count);
    }
}

static bool flushes_all(const struct gather *g)
{
    return range_size(g->range) > FLUSH_ALL_PAGES * PAGE_SIZE;
}

static NOINLINE __attribute__((cold)) void trace_flush(const struct gather *g)
{
    TRACE(TRACE_TLB, .what = EVENT_FLUSH, .a = g->range.start, .b = g->range.end,
          .c = flushes_all(g), .space = g->pt->space);
}

static void flush(struct gather *g)
{
    if (!g->mm || g->range.start >= g->range.end)
        return;
    if (trace_wanted(TRACE_TLB))
        trace_flush(g);
    if (flushes_all(g)) {
        mm_stats.tlb_flush_full++;
        port_tlb_flush_all(g->mm);
    } else {
        mm_stats.tlb_flush++;
        port_tlb_flush(g->mm, g->range);
    }
    g->range = (struct range){.start = UINT64_MAX, .end = 0};
}

/* No translation to the frame is cached any more: drop a reference. */
static void drop_flushed(struct gather *g, paddr_t pa)
{
    struct frame *frame = port_frame(pa);

    mm_assert(frame->refs > 0);
    if (--frame->refs == 0)
        queue(g, pa);
}

/*
 * After a flush: the deferred references go, and frames that lose their last one are queued to be
 * freed.
 */
static void drop_shared(struct gather *g)
{
    while (g->shared_count)
        drop_flushed(g, g->shared[--g->shared_count]);
}

/* The level of a queued block is kept with its second frame. */
static void queue_block(struct gather *g, paddr_t pa, unsigned level)
{
    uint64_t pages = pt_span(level) >> PAGE_SHIFT;

    for (uint64_t i = 0; i < pages; i++)
        port_frame(pa)[i].refs = 0;
    port_frame(pa)[0].next = g->blocks;
    port_frame(pa)[1].live = level | (port_frame(pa)[1].live & BLOCK_POOL);
    g->blocks = (uint32_t)(pa >> PAGE_SHIFT);
}

/* See that @count shared frames more can be dropped. */
static void make_room(struct gather *g, unsigned count)
{
    if (g->shared_count + count > GATHER_SHARED) {
        flush(g);
        drop_shared(g);
    }
}

/* Drop a reference on frame @number, at once if there is no other or nothing is cached, else after the flush. */
static inline void drop_page(struct gather *g, struct frame *frames, uint64_t number, bool cached)
{
    struct frame *frame = port_frame_in(frames, number);

    if (!cached || frame->refs == 1) {
        if (--frame->refs == 0)
            queue(g, number << PAGE_SHIFT);
        return;
    }
    g->shared[g->shared_count++] = number << PAGE_SHIFT;
}

/* Of @mm, if it is one's, @pages are mapped no more. */
static void count_gone(struct mm *mm, uint64_t pages)
{
    if (!mm)
        return;
    mm->peak_rss_pages = mm_peak_rss(mm);
    mm->rss_pages -= pages;
}

bool tlb_sole_user(paddr_t pa, unsigned level)
{
    const struct frame *frame = port_frame(pa);
    uint64_t pages = pt_span(level) >> PAGE_SHIFT;

    for (uint64_t i = 0; i < pages; i++)
        if (frame[i].refs != 1)
            return false;
    return true;
}

void tlb_page(struct gather *g, paddr_t pa, unsigned level)
{
    uint64_t pages = pt_span(level) >> PAGE_SHIFT;

    count_gone(g->mm, pages);
    if (level > PT_PTE && tlb_sole_user(pa, level)) {
        queue_block(g, pa, level);
        return;
    }
    if (level == PT_PTE) {
        make_room(g, 1);
        drop_page(g, PORT_FRAMES, pa >> PAGE_SHIFT, g->mm);
        return;
    }
    flush(g);
    for (uint64_t i = 0; i < pages; i++)
        drop_flushed(g, pa + (i << PAGE_SHIFT));
}

/*
 * Clear the entries of @count pages and drop their frames: how many there were. @cached: translations
 * of them may be; @full: no entry is empty. Nearly all the time of an unmapping is spent here.
 */
static ALWAYS_INLINE unsigned clear_pages(struct gather *g, struct pte *slot, unsigned count,
                                          bool cached, bool full)
{
    struct frame *frames = PORT_FRAMES;
    unsigned holes = 0;

#pragma GCC unroll 8
    for (struct pte *end = slot + count; slot < end; slot++) {
        struct pte entry = *slot;
        uint64_t number;

        if (!full && pte_is_none(entry)) {
            holes++;
            continue;
        }
        *slot = pte_none();
        number = pte_frame(entry);
        __asm__("" : "+r"(number)); /* from which its address is made where it is needed, seldom */
        drop_page(g, frames, number, cached);
    }
    return count - holes;
}

/* A run of pages, in pieces of which each is named before a flush may come. */
static void zap_pages(struct gather *g, const struct pt_run *run)
{
    struct frame *table = pt_frame(run->slots);
    unsigned gone = 0;

    for (unsigned i = 0; i < run->count; i += GATHER_SHARED) {
        unsigned count = (unsigned)min_u64(GATHER_SHARED, run->count - i);
        vaddr_t at = run->va + i * PAGE_SIZE;

        make_room(g, count);
        gone += clear_pages(g, run->slots + i, count, true, false);
        tlb_range(g, at, at + count * PAGE_SIZE);
    }
    table->live -= gone;
    count_gone(g->mm, gone);
}

/* The same where nothing is cached. */
static void zap_uncached(struct gather *g, const struct pt_run *run)
{
    struct frame *table = pt_frame(run->slots);

    if (table->live == PT_ENTRIES)
        table->live -= clear_pages(g, run->slots, run->count, false, true);
    else
        table->live -= clear_pages(g, run->slots, run->count, false, false);
}

static void zap_huge(struct gather *g, const struct pt_run *run)
{
    struct pte entry = *run->slots;

    pt_write(run->slots, pte_none());
    tlb_range(g, run->va, run->va + pt_span(run->level));
    tlb_page(g, pte_addr(entry), run->level);
}

static __attribute__((cold)) void trace_zap(const struct gather *g, const struct pt_run *run)
{
    struct pt_fold fold = PT_FOLD(g->pt, run->level);

    for (unsigned i = 0; i < run->count; i++)
        pt_fold_set(&fold, run->va + i * pt_span(run->level), run->slots[i], pte_none());
    pt_fold_end(&fold);
}

bool tlb_zap(struct gather *g, struct range range)
{
    vaddr_t va = range.start;
    bool emptied = false;
    struct pt_run run;

    tlb_split(g, range);
    while (pt_next_run(g->pt, &va, range.end, &run)) {
        if (trace_wanted(TRACE_PT))
            trace_zap(g, &run);
        if (run.level > PT_PTE)
            zap_huge(g, &run);
        else if (g->mm)
            zap_pages(g, &run);
        else
            zap_uncached(g, &run);
        if (pt_frame(run.slots)->live > 0 || run.level == g->pt->top)
            continue;
        emptied = true;
        TRACE_TABLE(g->pt, EVENT_TABLE_EMPTIED, run.level, pt_floor(run.va, run.level + 1),
                    port_paddr(run.slots) & ~(PAGE_SIZE - 1));
    }
    return emptied;
}

void tlb_drop_table(struct gather *g, struct pte *entry, unsigned level, vaddr_t va)
{
    TRACE_TABLE(g->pt, EVENT_TABLE_GONE, level - 1, pt_floor(va, level), pte_addr(*entry));
    frame_list_add(&g->emptied, pte_addr(*entry));
    *entry = pte_none();
    pt_frame(entry)->live--;
    g->pt->tables--;
    mm_stats.tables_freed++;
}

static void prune_below(struct gather *g, struct pte *table, unsigned level, struct range range);

void tlb_prune_slot(struct gather *g, struct pte *entry, unsigned level, struct range range)
{
    if (!pte_is_table(*entry, level))
        return;
    if (level > PT_PMD && pt_frame(pte_to_table(*entry))->live > 0)
        prune_below(g, pte_to_table(*entry), level - 1, range);
    if (pt_frame(pte_to_table(*entry))->live > 0)
        return;
    tlb_drop_table(g, entry, level, range.start);
    tlb_range(g, range.start, range.end);
}

/* For each slot of @table, whose entries are of @level, that overlaps @range. */
static void prune_below(struct gather *g, struct pte *table, unsigned level, struct range range)
{
    vaddr_t va = range.start;

    while (va < range.end) {
        vaddr_t next = min_u64(range.end, pt_floor(va, level) + pt_span(level));

        tlb_prune_slot(g, &table[pt_index(va, level)], level, (struct range){va, next});
        va = next;
    }
}

void tlb_prune(struct gather *g, struct range range)
{
    if (g->pt->top > PT_PTE)
        prune_below(g, g->pt->root, g->pt->top, range);
}

void tlb_finish(struct gather *g)
{
    flush(g);
    drop_shared(g);
    free_queued(g);
    port_tables_free(&g->emptied);
    while (g->blocks) {
        paddr_t pa = (paddr_t)g->blocks << PAGE_SHIFT;
        uint32_t mark = port_frame(pa)[1].live;

        g->blocks = port_frame(pa)->next;
        port_frame(pa)[0].next = 0;
        if (mark & BLOCK_POOL) {
            huge_pool_put(pa, mark & BLOCK_LEVEL);
            continue;
        }
        port_frame(pa)[1].live = 0;
        port_block_free(pa, mark & BLOCK_LEVEL);
    }
    pt_reserve_drain(&g->tables);
}
