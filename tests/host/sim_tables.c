/*
 * Looking at page tables, and filling them, without a processor: for tests that work below the
 * VMAs.
 */
#include <string.h>

#include "mm/vma.h"
#include "tests/host/sim_private.h"

struct pte *sim_leaf(const struct pt *pt, vaddr_t va, unsigned *level)
{
    struct pte *table = pt->root;

    for (unsigned l = pt->top;; l--) {
        struct pte *entry = &table[pt_index(va, l)];

        if (pte_is_none(*entry))
            return NULL;
        if (pte_is_leaf(*entry, l)) {
            *level = l;
            return entry;
        }
        table = pte_to_table(*entry);
    }
}

bool sim_peek(const struct pt *pt, vaddr_t va, uint64_t *word)
{
    unsigned level;
    struct pte *leaf = sim_leaf(pt, va, &level);

    if (!leaf)
        return false;
    memcpy(word, (char *)port_ptr(pte_addr(*leaf)) + pt_offset(va, level), sizeof(*word));
    return true;
}

paddr_t sim_map(struct mm *mm, vaddr_t va, unsigned rights, unsigned level)
{
    struct pt_reserve reserve = {0};
    paddr_t pa = level > PT_PTE ? port_block_alloc(level, true) : port_frame_alloc(true);
    struct vma *vma = vma_at(mm, va);
    struct pte *entry;

    if (!pa || pt_reserve_fill(&reserve, pt_missing(&mm->pt, va, level)))
        sim_die("out of frames in sim_map");
    entry = pt_entry_make(&mm->pt, va, level, &reserve);
    if (!pte_is_none(*entry) || reserve.count)
        sim_die("sim_map at %llx: entry %llx there, %u tables too many", (unsigned long long)va,
                (unsigned long long)entry->raw, reserve.count);
    pt_write(entry, pte_leaf(pa, rights, level));
    if (vma)
        vma->touched = true;
    for (uint64_t i = 0; i < pt_span(level) >> PAGE_SHIFT; i++)
        port_frame(pa)[i].refs = 1;
    mm->rss_pages += pt_span(level) >> PAGE_SHIFT;
    return pa;
}

struct recount {
    uint64_t tables;
    uint64_t leaves;
};

static void recount_table(struct recount *r, const struct pte *table, unsigned level, bool root)
{
    paddr_t pa = port_paddr(table);
    uint32_t f = (uint32_t)(pa >> PAGE_SHIFT);
    unsigned half = root && level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
    uint32_t live = 0;

    if (sim.state[f].seen == sim.recounts)
        sim_die("table in frame %u is linked twice", f);
    sim.state[f].seen = sim.recounts;
    r->tables++;
    for (unsigned i = 0; i < half; i++) {
        live += !pte_is_none(table[i]);
        if (pte_is_table(table[i], level))
            recount_table(r, pte_to_table(table[i]), level - 1, false);
        else
            r->leaves += pte_is_none(table[i]) ? 0 : pt_span(level) >> PAGE_SHIFT;
    }
    if (port_frame(pa)->live != live)
        sim_die("table in frame %u: live count %u, entries %u", f, port_frame(pa)->live, live);
    if (!live && !root)
        sim_die("table in frame %u is empty", f);
}

void sim_recount(const struct pt *pt, uint64_t *leaves)
{
    struct recount r = {0};

    sim.recounts++;
    recount_table(&r, pt->root, pt->top, true);
    if (r.tables != pt->tables)
        sim_die("%llu tables counted, pt.tables says %llu", (unsigned long long)r.tables,
                (unsigned long long)pt->tables);
    if (leaves)
        *leaves = r.leaves;
}

/*
 * A mark in each slot of the kernel's half, which mm/ must neither change nor follow: a huge page that is there, of no
 * frame.
 */
#define KERNEL_MARK 0xffff0000dead0fe3ull

void port_root_init(paddr_t root)
{
    struct pte *table = port_ptr(root);

    for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
        table[i].raw = KERNEL_MARK;
}

void sim_check_kernel_half(const struct mm *mm)
{
    for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
        if (mm->pt.root[i].raw != KERNEL_MARK)
            sim_die("slot %u of the kernel's half is %llx", i,
                    (unsigned long long)mm->pt.root[i].raw);
}
