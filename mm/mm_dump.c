/* An address space as text, VMAs with their tables, stable and diffable. */
#include "mm/mm_maps.h"
#include "mm/pt.h"
#include "mm/trace.h"

#define LINE 160

typedef unsigned long long ull;

/* ---- dump ---- */

struct dump {
    const struct mm *mm;
    void (*emit)(void *ctx, const char *line);
    void *ctx;
};

static void dump_vma(const struct dump *d, const struct vma *vma)
{
    char line[LINE], rights[5];

    maps_rights(vma, rights);
    port_format(
        line, LINE, "vma %012llx-%012llx %s%s%s%s pages %llu id %llu%s pgoff %llx %s",
        (ull)vma->start, (ull)vma->end, rights, vma->flags & VMA_GROWSDOWN ? " grows" : "",
        vma->flags & VMA_LOCKED ? " locked" : "", vma->flags & VMA_NORESERVE ? " noreserve" : "",
        (ull)vma_pages(vma), (ull)(vma->anon & ~VMA_ANON_INHERITED),
        vma->anon & VMA_ANON_INHERITED ? " inherited" : "", (ull)vma->pgoff, maps_name(d->mm, vma));
    d->emit(d->ctx, line);
}

/* Whether two entries look the same in a dump: leaves with the same rights. */
static bool alike(struct pte a, struct pte b, unsigned level)
{
    return pte_is_leaf(a, level) && pte_is_leaf(b, level) && pte_rights(a) == pte_rights(b);
}

/* One line for the @n leaves from @entry on. */
static void dump_leaves(const struct dump *d, const struct pte *entry, unsigned n, unsigned level,
                        vaddr_t va)
{
    unsigned rights = pte_rights(*entry);
    char line[LINE];

    port_format(line, LINE, "%*s%s %3u %012llx-%012llx %c%c%c %u", (int)(2 * (PT_TOP - level)), "",
                level_name(level), pt_index(va, level), (ull)va, (ull)(va + n * pt_span(level)),
                rights & PTE_R ? 'r' : '-', rights & PTE_W ? 'w' : '-', rights & PTE_X ? 'x' : '-',
                n);
    d->emit(d->ctx, line);
}

static void dump_table(const struct dump *d, const struct pte *table, unsigned level, vaddr_t base)
{
    unsigned end = level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
    char line[LINE];
    unsigned n;

    for (unsigned i = 0; i < end; i += n) {
        vaddr_t va = base + i * pt_span(level);

        n = 1;
        if (pte_is_none(table[i]))
            continue;
        if (pte_is_leaf(table[i], level)) {
            while (i + n < end && alike(table[i], table[i + n], level))
                n++;
            dump_leaves(d, &table[i], n, level, va);
            continue;
        }
        port_format(line, LINE, "%*s%s %3u %012llx table of %u", (int)(2 * (PT_TOP - level)), "",
                    level_name(level), i, (ull)va, pt_frame(pte_to_table(table[i]))->live);
        d->emit(d->ctx, line);
        dump_table(d, pte_to_table(table[i]), level - 1, va);
    }
}

void mm_dump(struct mm *mm, void (*emit)(void *ctx, const char *line), void *ctx)
{
    struct dump d = {mm, emit, ctx};
    char line[LINE];

    mm_assert(port_locked(&mm->lock));
    port_format(line, LINE, "mm: %u VMAs, %llu pages, %llu mapped, %llu tables", mm->vma_count,
                (ull)mm->total_pages, (ull)mm->rss_pages, (ull)mm->pt.tables);
    emit(ctx, line);
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        dump_vma(&d, vma);
    dump_table(&d, mm->pt.root, PT_TOP, 0);
}
