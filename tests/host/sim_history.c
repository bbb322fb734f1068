/*
 * Who changed an entry of a page table, and what was flushed then: a copy of every table as it was at the end of the
 * last operation, and for each slot the operation that changed it last. For the stories of sim_tlb.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/sim_private.h"

#define FLUSHES 256
/* The processor sets these. */
#define NOT_OURS (PTE_ACCESSED | PTE_DIRTY)

struct slot {
    uint64_t raw; /* at the end of the last operation */
    uint64_t was; /* before the operation that changed it */
    uint64_t op;
    const char *op_name;
};

struct table {
    struct slot slot[PT_ENTRIES];
};

/* By frame; NULL for what was never seen as a table. */
static struct table **tables;
static uint32_t table_count;

static struct flush {
    const struct mm *mm;
    struct range range;
    uint64_t op;
} flushes[FLUSHES]; /* the last ones */
static uint64_t flush_count;

void sim_history_reset(uint32_t frames)
{
    for (uint32_t f = 0; f < table_count; f++)
        free(tables[f]);
    free(tables);
    tables = frames ? calloc(frames + 1, sizeof(struct table *)) : NULL;
    table_count = frames ? frames + 1 : 0;
    flush_count = 0;
}

void sim_history_forget(uint32_t f)
{
    free(tables[f]);
    tables[f] = NULL;
}

/* ---- At the end of an operation ---- */

static struct table *table_of(const struct pte *entries)
{
    struct table **table = &tables[port_paddr(entries) >> PAGE_SHIFT];

    if (!*table)
        *table = calloc(1, sizeof(struct table));
    if (!*table)
        sim_die("the host is out of memory");
    return *table;
}

static void note_slot(struct slot *slot, uint64_t raw)
{
    if (((slot->raw ^ raw) & ~NOT_OURS) == 0)
        return;
    *slot = (struct slot){.raw = raw, .was = slot->raw, .op = sim.op, .op_name = sim.op_name};
}

static void note_table(const struct pte *entries, unsigned level, unsigned count)
{
    struct table *table = table_of(entries);

    for (unsigned i = 0; i < count; i++) {
        note_slot(&table->slot[i], entries[i].raw);
        if (pte_is_table(entries[i], level))
            note_table(pte_to_table(entries[i]), level - 1, PT_ENTRIES);
    }
}

void sim_history_note(const struct mm *mm)
{
    note_table(mm->pt.root, mm->pt.top, PT_ENTRIES / 2);
}

void sim_history_flush(const struct mm *mm, struct range range)
{
    flushes[flush_count++ % FLUSHES] = (struct flush){mm, range, sim.op};
}

/* ---- Stories ---- */

/* The slot that decides about the @level entry of @va: its own, or an empty one above. NULL in a table that is gone. */
static const struct pte *deciding_slot(const struct pt *pt, vaddr_t va, unsigned level)
{
    const struct pte *table = pt->root;

    for (unsigned l = pt->top;; l--) {
        const struct pte *slot = &table[pt_index(va, l)];

        if (l == level || !pte_is_table(*slot, l))
            return slot;
        if (!sim_frame_used(pte_addr(*slot)))
            return NULL;
        table = pte_to_table(*slot);
    }
}

static size_t flushes_text(char *text, size_t size, const struct mm *mm, uint64_t op)
{
    uint64_t first = flush_count > FLUSHES ? flush_count - FLUSHES : 0;
    size_t len = 0;

    for (uint64_t n = first; n < flush_count && len < size; n++) {
        const struct flush *f = &flushes[n % FLUSHES];

        if (f->mm == mm && f->op == op)
            len += (size_t)snprintf(text + len, size - len, " %llx-%llx",
                                    (unsigned long long)f->range.start,
                                    (unsigned long long)f->range.end);
    }
    return len ? len : (size_t)snprintf(text, size, " nothing");
}

const char *sim_history_words(const struct mm *mm, vaddr_t base, unsigned level)
{
    static char words[400], flushed[200];
    const struct pte *entry = deciding_slot(&mm->pt, base, level);
    const struct table *table = entry ? tables[port_paddr(entry) >> PAGE_SHIFT] : NULL;
    struct slot slot;

    if (!table)
        return "of its entry nothing was noted";
    slot = table->slot[page_offset(port_paddr(entry)) / sizeof(*entry)];
    note_slot(&slot, entry->raw); /* by the operation that is under way */
    if (!slot.op_name)
        return "of its entry nothing was noted";
    flushes_text(flushed, sizeof(flushed), mm, slot.op);
    snprintf(words, sizeof(words),
             "the entry was %llx, %s (#%llu) made it %llx; that flushed%s, and should have flushed "
             "%llx-%llx",
             (unsigned long long)slot.was, slot.op_name, (unsigned long long)slot.op,
             (unsigned long long)slot.raw, flushed, (unsigned long long)base,
             (unsigned long long)(base + pt_span(level)));
    return words;
}
