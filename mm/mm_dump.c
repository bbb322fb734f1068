/*
 * An address space as it is: VMAs with their tables, in one walk. What it meets is told as events
 * of kind `state`, or as the text of these events, which is stable and diffable.
 */
#include "mm/mm_maps.h"
#include "mm/pt.h"
#include "mm/trace.h"

#define LINE 160

/* Where the events go: as text to @emit, or to the trace when that is NULL. */
struct dump {
    struct mm *mm;
    void (*emit)(void *ctx, const char *line);
    void *ctx;
};

static void tell(const struct dump *d, const struct trace_event *event)
{
    char line[LINE];

    if (!d->emit)
        return port_trace(event);
    trace_text(event, line, sizeof(line));
    d->emit(d->ctx, line);
}

#define TELL(d, ...)                                                                               \
    tell(d, &(struct trace_event){__VA_ARGS__, .file = __FILE__, .line = __LINE__,                 \
                                  .space = (d)->mm->pt.space})

/* Whether two entries look the same in a dump: leaves with the same rights. */
static bool alike(struct pte a, struct pte b, unsigned level)
{
    return pte_is_leaf(a, level) && pte_is_leaf(b, level) && pte_rights(a) == pte_rights(b);
}

/* How many of the entries from @i to @end look like the first. *consecutive: their frames follow each other. */
static unsigned count_alike(const struct pte *table, unsigned i, unsigned end, unsigned level,
                            bool *consecutive)
{
    unsigned n = 1;

    *consecutive = true;
    for (; i + n < end && alike(table[i], table[i + n], level); n++)
        *consecutive &= table[i + n].raw == table[i].raw + n * pt_span(level);
    return n;
}

static void dump_table(const struct dump *d, const struct pte *table, unsigned level, vaddr_t base)
{
    unsigned end = level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
    unsigned n;

    for (unsigned i = 0; i < end; i += n) {
        vaddr_t va = base + i * pt_span(level);
        bool consecutive;

        n = 1;
        if (pte_is_none(table[i]))
            continue;
        if (pte_is_leaf(table[i], level)) {
            n = count_alike(table, i, end, level, &consecutive);
            TELL(d, .what = EVENT_STATE_RUN, .level = level, .a = va, .b = n, .c = table[i].raw,
                 .d = consecutive);
            continue;
        }
        TELL(d, .what = EVENT_STATE_RUN, .level = level, .a = va, .b = 1, .c = table[i].raw,
             .d = true, .e = pt_frame(pte_to_table(table[i]))->live);
        dump_table(d, pte_to_table(table[i]), level - 1, va);
    }
}

static void dump(const struct dump *d)
{
    const struct mm *mm = d->mm;

    mm_assert(port_locked(&mm->lock));
    TELL(d, .what = EVENT_STATE_BEGIN, .a = mm->vma_count, .b = mm->total_pages, .c = mm->rss_pages,
         .d = mm->pt.tables);
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        TELL(d, .what = EVENT_STATE_VMA, .a = vma->start, .b = vma->end, .c = vma->flags,
             .d = vma->anon, .e = vma->pgoff, .words = maps_name(mm, vma));
    dump_table(d, mm->pt.root, PT_TOP, 0);
}

void mm_dump(struct mm *mm, void (*emit)(void *ctx, const char *line), void *ctx)
{
    dump(&(struct dump){mm, emit, ctx});
}

void mm_trace_state(struct mm *mm)
{
    struct dump d = {mm, NULL, NULL};

    dump(&d);
    TELL(&d, .what = EVENT_STATE_END);
}
