/* Page tables: roots, entries, runs of them, and the tables set aside. The walk is in mm/pt_walk.c. */
#include "mm/pt.h"

#include "kernel/abi/errno.h"
#include "mm/pt_trace.h"

long pt_reserve_fill(struct pt_reserve *reserve, uint32_t count)
{
    if (!port_tables_reserve(count))
        return -ENOMEM;
    reserve->count += count;
    return 0;
}

paddr_t pt_reserve_take(struct pt_reserve *reserve)
{
    mm_assert(reserve->count > 0);
    reserve->count--;
    return port_table_take();
}

void pt_reserve_drain(struct pt_reserve *reserve)
{
    port_tables_unreserve(reserve->count);
    reserve->count = 0;
}

long pt_init(struct pt *pt, unsigned top)
{
    paddr_t root = port_frame_alloc(true);

    if (!root)
        return -ENOMEM;
    pt->root = port_ptr(root);
    pt->top = top;
    pt->tables = 1;
    return 0;
}

long pt_raise(struct pt *pt, unsigned top)
{
    bool empty = pt_frame(pt->root)->live == 0;
    struct pt_reserve reserve = {0};

    if (!empty && pt_reserve_fill(&reserve, top - pt->top))
        return -ENOMEM;
    while (reserve.count) {
        struct pte *root = port_ptr(pt_reserve_take(&reserve));

        pt_write(root, pte_table(port_paddr(pt->root)));
        pt->root = root;
        pt->tables++;
        mm_stats.tables_allocated++;
    }
    pt->top = top;
    return 0;
}

struct frame *pt_frame(const struct pte *entry)
{
    return port_frame(port_paddr(entry));
}

void pt_write(struct pte *entry, struct pte value)
{
    struct frame *table = pt_frame(entry);

    table->live += !pte_is_none(value);
    table->live -= !pte_is_none(*entry);
    *entry = value;
}

paddr_t pt_page(const struct pt *pt, vaddr_t va)
{
    unsigned level;
    struct pte *entry = pt_lookup(pt, va, &level);

    if (pte_is_none(*entry))
        return 0;
    return pte_addr(*entry) + (pt_offset(va, level) - page_offset(va));
}

bool pt_cuts_leaf(const struct pt *pt, vaddr_t va)
{
    unsigned level;
    struct pte *entry;

    if (!pt_offset(va, pt->top))
        return false;
    entry = pt_lookup(pt, va, &level);
    return level > PT_PTE && !pte_is_none(*entry) && pt_offset(va, level);
}

/* Told as what it comes to: the leaf goes, a table comes, and its entries. */
static void trace_split(const struct pt *pt, struct pte leaf, vaddr_t va, unsigned level,
                        paddr_t table)
{
    struct pt_fold fold = PT_FOLD(pt, level - 1);

    TRACE_SET(pt, va, level, leaf, pte_none());
    TRACE_TABLE(pt, EVENT_TABLE_NEW, level - 1, va, table);
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        pt_fold_set(&fold, va + i * pt_span(level - 1), pte_none(), pte_part(leaf, level, i));
    pt_fold_end(&fold);
}

void pt_split(struct pt *pt, struct pte *entry, vaddr_t va, unsigned level,
              struct pt_reserve *reserve)
{
    paddr_t table = pt_reserve_take(reserve);
    struct pte *lower = port_ptr(table);

    mm_assert(level > PT_PTE && pte_is_leaf(*entry, level));
    if (trace_wanted(TRACE_PT) && pt->space)
        trace_split(pt, *entry, pt_floor(va, level), level, table);
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        lower[i] = pte_part(*entry, level, i);
    port_frame(table)->live = PT_ENTRIES;
    *entry = pte_table(table);
    pt->tables++;
    mm_stats.tables_allocated++;
    mm_stats.split++;
}

/*
 * The address that the first slot that is not empty translates, from the one of @va on, of @table with
 * entries of @level; or where the table or the span of @end ends.
 */
static vaddr_t next_used(const struct pte *table, unsigned level, vaddr_t va, vaddr_t end)
{
    vaddr_t start = pt_floor(va, level);
    unsigned first = pt_index(va, level);
    unsigned count =
        (unsigned)min_u64(PT_ENTRIES - first, ((end - 1 - start) >> pt_shift(level)) + 1);
    unsigned i = 0;

    while (i < count && pte_is_none(table[first + i]))
        i++;
    return start + i * pt_span(level);
}

bool pt_next_run(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_run *run)
{
    while (*va < end) {
        struct pte *table = pt->root;
        unsigned level = pt->top;
        unsigned i;

        while ((i = pt_index(*va, level)), pte_is_table(table[i], level)) {
            table = pte_to_table(table[i]);
            level--;
        }
        if (pte_is_none(table[i])) {
            *va = next_used(table, level, *va, end);
            continue;
        }
        run->slots = &table[i];
        run->level = level;
        run->va = pt_floor(*va, level);
        run->count = 1;
        if (level == PT_PTE)
            run->count = (unsigned)min_u64(PT_ENTRIES - i, (end - *va) >> PAGE_SHIFT);
        *va = run->va + run->count * pt_span(level);
        return true;
    }
    return false;
}
