/*
 * An address space as it is: VMAs with their tables, in one walk. What it meets is told as events
 * of kind `state`, or as the text of these events, which is stable and diffable.
 */
#include "mm/mm_maps.h"
#include "mm/pt.h"
#include "mm/trace.h"

#define LINE 160

/*
 * Where the events go: as text to @emit, or to the trace when that is NULL.
 * @wary: nothing is trusted. @left: events until the rest is cut.
 */
struct dump {
    struct mm *mm;
    void (*emit)(void *ctx, const char *line);
    void *ctx;
    bool wary;
    unsigned left;
};

static void say(struct dump *d, const char *line)
{
    if (d->left == 0)
        return;
    d->emit(d->ctx, line);
    if (--d->left == 0)
        d->emit(d->ctx, "... (cut here)");
}

static void tell(struct dump *d, const struct trace_event *event)
{
    char line[LINE];

    if (!d->emit)
        return port_trace(event);
    trace_text(event, line, sizeof(line));
    say(d, line);
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

/* Whether the table that @entry, of @level, links can be looked at; if not, that is said. */
static bool can_follow(struct dump *d, struct pte entry, unsigned level)
{
    char line[LINE];

    if (!d->wary || port_is_frame(pte_addr(entry)))
        return true;
    port_format(line, sizeof(line), "%*s%s entry %llx leads to no table in use",
                (int)(2 * (PT_TOP - level)), "", level_name(level), (unsigned long long)entry.raw);
    say(d, line);
    return false;
}

static void dump_table(struct dump *d, const struct pte *table, unsigned level, vaddr_t base)
{
    unsigned end = level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
    unsigned n;

    for (unsigned i = 0; i < end && d->left; i += n) {
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
        if (!can_follow(d, table[i], level))
            continue;
        TELL(d, .what = EVENT_STATE_RUN, .level = level, .a = va, .b = 1, .c = table[i].raw,
             .d = true, .e = pt_frame(pte_to_table(table[i]))->live);
        dump_table(d, pte_to_table(table[i]), level - 1, va);
    }
}

static void dump_vmas(struct dump *d)
{
    vaddr_t at = 0;

    for (const struct vma *vma = d->mm->first; vma && d->left; vma = vma->next) {
        if (d->wary && (vma->start < at || vma->end <= vma->start)) {
            say(d, "the list of areas is broken here");
            return;
        }
        TELL(d, .what = EVENT_STATE_VMA, .a = vma->start, .b = vma->end, .c = vma->flags,
             .d = vma->anon, .e = vma->pgoff, .words = maps_name(d->mm, vma));
        at = vma->end;
    }
}

static void dump(struct dump *d)
{
    const struct mm *mm = d->mm;
    unsigned most = d->left;

    TELL(d, .what = EVENT_STATE_BEGIN, .a = mm->vma_count, .b = mm->total_pages, .c = mm->rss_pages,
         .d = mm->pt.tables);
    dump_vmas(d);
    d->left = most;
    dump_table(d, mm->pt.root, PT_TOP, 0);
}

void mm_dump(struct mm *mm, void (*emit)(void *ctx, const char *line), void *ctx)
{
    mm_assert(port_locked(&mm->lock));
    dump(&(struct dump){.mm = mm, .emit = emit, .ctx = ctx, .left = UINT32_MAX});
}

void mm_dump_broken(struct mm *mm, unsigned most, void (*emit)(void *ctx, const char *line),
                    void *ctx)
{
    dump(&(struct dump){.mm = mm, .emit = emit, .ctx = ctx, .wary = true, .left = most});
}

void mm_trace_state(struct mm *mm)
{
    struct dump d = {.mm = mm, .left = UINT32_MAX};

    mm_assert(port_locked(&mm->lock));
    dump(&d);
    TELL(&d, .what = EVENT_STATE_END);
}
