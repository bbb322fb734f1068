#include "mm/hugetlb.h"

#include "kernel/abi/errno.h"
#include "mm/huge_pool.h"
#include "mm/object.h"
#include "mm/pt_trace.h"

static bool parted_at(const struct mm *mm, vaddr_t addr)
{
    const struct vma *vma = vma_at(mm, addr);

    return vma && (vma->flags & VMA_HUGETLB) && pt_offset(addr, vma_level(vma));
}

vaddr_t hugetlb_floor(const struct mm *mm, vaddr_t addr)
{
    return parted_at(mm, addr) ? pt_floor(addr, vma_level(vma_at(mm, addr))) : addr;
}

bool hugetlb_cuts(const struct mm *mm, struct range range)
{
    return parted_at(mm, range.start) || parted_at(mm, range.end);
}

/* ---- Promises ---- */

/*
 * From @vma on, the first to which its missing pages are promised and that overlaps @range, or NULL; *part is
 * what overlaps.
 */
static const struct vma *promised(const struct vma *vma, struct range range, struct range *part)
{
    while (vma && vma->start < range.end && !(vma->flags & VMA_PROMISED))
        vma = vma->next;
    if (!vma || vma->start >= range.end)
        return NULL;
    *part = (struct range){max_u64(vma->start, range.start), min_u64(vma->end, range.end)};
    return vma;
}

/* Pages in @part; of them those that have other users, if @shared. */
static uint64_t count_present(const struct mm *mm, struct range part, bool shared)
{
    uint64_t count = 0;
    struct pt_run run;

    for (vaddr_t va = part.start; pt_next_run(&mm->pt, &va, part.end, &run);)
        count += !(shared && tlb_sole_user(pte_addr(*run.slots), run.level));
    return count;
}

void hugetlb_unmap(const struct mm *mm, struct range range)
{
    const struct vma *vma = vma_find(mm, range.start);
    struct range part;

    for (; (vma = promised(vma, range, &part)); vma = vma->next) {
        uint64_t pages = range_size(part) >> pt_shift(vma_level(vma));

        huge_pool_release(vma_level(vma), pages - count_present(mm, part, false));
    }
}

/* A page that nobody else uses is free then; one of those left stands for any other. */
long hugetlb_may_forget(const struct mm *mm, struct range range, uint64_t again[PT_LEVELS])
{
    uint64_t needed[PT_LEVELS] = {0};
    const struct vma *vma = vma_find(mm, range.start);
    struct range part;

    for (; (vma = promised(vma, range, &part)); vma = vma->next) {
        again[vma_level(vma)] += count_present(mm, part, false);
        needed[vma_level(vma)] += count_present(mm, part, true);
    }
    for (unsigned l = PT_PMD; l < PT_LEVELS; l++)
        if (needed[l] > huge_pool_left(l))
            return -ENOMEM;
    return 0;
}

void hugetlb_promise_again(const uint64_t again[PT_LEVELS])
{
    for (unsigned l = PT_PMD; l < PT_LEVELS; l++)
        huge_pool_promise_ahead(l, again[l]);
}

/* ---- Faults ---- */

/* One on its way: the page to map, with a reference of ours on each frame. */
struct huge_fault {
    struct mm *mm;
    struct vma *vma;
    unsigned level;
    vaddr_t start; /* of the page */
    paddr_t page;
};

static void map_page(struct huge_fault *f, struct pte *entry, struct pt_reserve *tables)
{
    struct pte leaf;
    struct gather g;

    f->vma->touched = true;
    if (!(f->vma->flags & VMA_SHARED))
        vma_identify(f->mm, f->vma);
    tlb_begin(&g, f->mm, &f->mm->pt);
    if (!pte_is_none(*entry)) {
        tlb_range(&g, f->start, f->start + pt_span(f->level));
        tlb_page(&g, pte_addr(*entry), f->level);
    }
    leaf = pte_leaf(f->page, fault_rights(f->vma, f->page, f->level), f->level);
    entry = pt_entry_make(&f->mm->pt, f->start, f->level, tables);
    TRACE_SET(&f->mm->pt, f->start, f->level, *entry, leaf);
    pt_write(entry, leaf);
    f->mm->rss_pages += pt_span(f->level) >> PAGE_SHIFT;
    tlb_finish(&g);
}

/* The page of the object, or one of zeros. */
static enum fault_result take_page(struct huge_fault *f)
{
    uint64_t pages = pt_span(f->level) >> PAGE_SHIFT;

    if (f->vma->object) {
        if (object_block(f->vma->object, vma_pgoff(f->vma, f->start), &f->page))
            return FAULT_OOM;
        for (uint64_t i = 0; i < pages; i++)
            port_frame(f->page)[i].refs++;
        return FAULT_DONE;
    }
    f->page = huge_pool_take(f->level, f->vma->flags & VMA_PROMISED);
    if (!f->page)
        return FAULT_BUS;
    __builtin_memset(port_ptr(f->page), 0, pt_span(f->level));
    return FAULT_DONE;
}

static enum fault_result new_page(struct huge_fault *f, struct pte *entry)
{
    struct pt_reserve tables = {0};
    enum fault_result result;

    if (pt_reserve_fill(&tables, pt_missing(&f->mm->pt, f->start, f->level)))
        return FAULT_OOM;
    result = take_page(f);
    if (result == FAULT_DONE)
        map_page(f, entry, &tables);
    pt_reserve_drain(&tables);
    return result;
}

/* A write to a page that others use: one of those that nobody was promised takes its place. */
static enum fault_result copy_page(struct huge_fault *f, struct pte *entry)
{
    f->page = huge_pool_take(f->level, false);
    if (!f->page)
        return FAULT_BUS;
    __builtin_memcpy(port_ptr(f->page), port_ptr(pte_addr(*entry)), pt_span(f->level));
    mm_stats.cow++;
    map_page(f, entry, NULL);
    return FAULT_DONE;
}

enum fault_result hugetlb_fault(struct mm *mm, struct vma *vma, vaddr_t addr, enum access access)
{
    unsigned level = vma_level(vma), rights;
    struct huge_fault f = {mm, vma, level, pt_floor(addr, level), 0};
    struct pte *entry = pt_lookup(&mm->pt, f.start, &level);
    struct pte leaf;
    struct gather g;

    if (pte_is_none(*entry))
        return new_page(&f, entry);
    rights = fault_rights(vma, pte_addr(*entry), f.level);
    if (access == ACCESS_WRITE && !(rights & PTE_W))
        return copy_page(&f, entry);
    tlb_begin(&g, mm, &mm->pt);
    tlb_range(&g, f.start, f.start + pt_span(f.level));
    leaf = pte_leaf(pte_addr(*entry), rights, f.level);
    TRACE_SET(&mm->pt, f.start, f.level, *entry, leaf);
    pt_write(entry, leaf);
    tlb_finish(&g);
    return FAULT_DONE;
}
