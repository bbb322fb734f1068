/*
 * The walk on which all else stands: from the root down, the entry of each level picks the table of
 * the next one.
 *
 *     address   | PGD index | PUD index | PMD index | PTE index | offset |
 *                     |           |           |           |
 *     root -> [ ... entry ... ]   |           |           |
 *                     '-> [ ... entry ... ]   |           |
 *                                 '-> [ ... entry ... ]   |
 *                                             '-> [ ... entry ... ] -> page
 *
 * It ends early at an empty entry, and at a huge leaf.
 */
#include "mm/pt.h"

#include "mm/pt_trace.h"

struct pte *pt_entry(const struct pt *pt, vaddr_t va, unsigned level)
{
    struct pte *entry = &pt->root[pt_index(va, pt->top)];

    for (unsigned l = pt->top; l > level; l--) {
        if (!pte_is_table(*entry, l))
            return NULL;
        entry = &pte_to_table(*entry)[pt_index(va, l - 1)];
    }
    return entry;
}

struct pte *pt_lookup(const struct pt *pt, vaddr_t va, unsigned *level)
{
    unsigned l = pt->top;
    struct pte *entry = &pt->root[pt_index(va, l)];

    while (pte_is_table(*entry, l)) {
        l--;
        entry = &pte_to_table(*entry)[pt_index(va, l)];
    }
    *level = l;
    return entry;
}

struct pte *pt_entry_make(struct pt *pt, vaddr_t va, unsigned level, struct pt_reserve *reserve)
{
    struct pte *entry = &pt->root[pt_index(va, pt->top)];

    for (unsigned l = pt->top; l > level; l--) {
        if (pte_is_none(*entry)) {
            *entry = pte_table(pt_reserve_take(reserve));
            pt_frame(entry)->live++;
            pt->tables++;
            mm_stats.tables_allocated++;
            TRACE_TABLE(pt, EVENT_TABLE_NEW, l - 1, pt_floor(va, l), pte_addr(*entry));
        }
        mm_assert(pte_is_table(*entry, l));
        entry = &pte_to_table(*entry)[pt_index(va, l - 1)];
    }
    return entry;
}

unsigned pt_missing(const struct pt *pt, vaddr_t va, unsigned level)
{
    struct pte *entry = &pt->root[pt_index(va, pt->top)];
    unsigned l = pt->top;

    while (l > level && pte_is_table(*entry, l)) {
        l--;
        entry = &pte_to_table(*entry)[pt_index(va, l)];
    }
    return l - level;
}
