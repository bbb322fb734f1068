/* Who uses how much memory, counted from the page tables when it is asked for. */
#include "mm/fault.h"
#include "mm/mm_maps.h"
#include "mm/object.h"
#include "mm/pt.h"

/* ---- What a leaf maps ---- */

/* Whether the object of @vma has @frame itself where @va is, and not @vma a copy of its own. */
static bool is_objects(const struct vma *vma, vaddr_t va, paddr_t frame)
{
    struct pte *entry;

    if (!vma->object || (vma->flags & VMA_SHARED))
        return vma->object;
    entry = pt_entry(&vma->object->pt, vma_pgoff(vma, va) << PAGE_SHIFT, PT_PTE);
    return entry && pte_addr(*entry) == frame;
}

/* Whether it is shared memory and no file: without a name, or with one that memfd_create gave. */
static bool is_shmem(const struct object *object)
{
    static const char memfd[] = "/memfd:";

    return !object->name || __builtin_strncmp(object->name, memfd, sizeof(memfd) - 1) == 0;
}

struct page maps_page(const struct vma *vma, vaddr_t va, struct pte leaf)
{
    paddr_t frame = pte_addr(leaf);
    unsigned refs = port_frame(frame)->refs;

    if (frame == fault_zero_page())
        return (struct page){KIND_ZERO, refs};
    if (!is_objects(vma, va, frame))
        return (struct page){KIND_ANON, refs};
    return (struct page){is_shmem(vma->object) ? KIND_SHMEM : KIND_FILE, refs - 1};
}

void maps_visit(const struct mm *mm, const struct vma *vma, struct range part, maps_visitor *visit,
                void *ctx)
{
    struct pt_run run;

    if (vma->object)
        port_lock_read(&vma->object->lock);
    for (vaddr_t va = part.start; pt_next_run(&mm->pt, &va, part.end, &run);)
        for (unsigned i = 0; i < run.count; i++)
            if (!pte_is_none(run.slots[i]))
                visit(ctx, vma, run.va + i * pt_span(run.level), run.slots[i], run.level);
    if (vma->object)
        port_unlock_read(&vma->object->lock);
}

/* ---- Memory in use ---- */

static void count_page(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                       unsigned level)
{
    struct mm_usage *usage = ctx;
    uint64_t pages = pt_span(level) >> PAGE_SHIFT;

    if (vma->flags & VMA_HUGETLB) {
        usage->hugetlb += pages;
        return;
    }
    switch (maps_page(vma, va, leaf).kind) {
    case KIND_ANON:
        usage->anon += pages;
        break;
    case KIND_FILE:
        usage->file += pages;
        break;
    case KIND_SHMEM:
        usage->shmem += pages;
        break;
    default:
        break;
    }
}

struct mm_usage mm_usage(struct mm *mm)
{
    struct mm_usage usage = {0};

    mm_assert(port_locked(&mm->lock));
    for (const struct vma *vma = mm->first; vma; vma = vma->next) {
        maps_visit(mm, vma, vma_range(vma), count_page, &usage);
        if ((vma->flags & (VMA_EXEC | VMA_WRITE | VMA_GROWSDOWN)) == VMA_EXEC)
            usage.code += vma_pages(vma);
    }
    return usage;
}

static void count_share(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                        unsigned level)
{
    struct page page = maps_page(vma, va, leaf);
    uint64_t share = (pt_span(level) >> PAGE_SHIFT << SHARE_SHIFT) / page.users;
    struct mm_totals *totals = ctx;

    if (vma->flags & VMA_HUGETLB)
        return;
    if (page.kind == KIND_ANON && level > PT_PTE)
        totals->anon_huge += share;
    if (page.kind == KIND_ANON)
        totals->anon += share;
    else if (page.kind != KIND_ZERO)
        totals->mapped += share;
}

struct mm_totals mm_totals(void)
{
    struct mm_totals totals = {0};

    for (struct mm *mm = mm_all; mm; mm = mm->next_mm) {
        port_lock_read(&mm->lock);
        for (const struct vma *vma = mm->first; vma; vma = vma->next)
            maps_visit(mm, vma, vma_range(vma), count_share, &totals);
        totals.tables += mm->pt.tables;
        totals.locked += mm->locked_pages;
        port_unlock_read(&mm->lock);
    }
    for (struct object *object = object_all; object; object = object->next)
        if (object->level == PT_PTE)
            *(is_shmem(object) ? &totals.shmem : &totals.file) += object_pages(object);
    totals.anon >>= SHARE_SHIFT;
    totals.anon_huge >>= SHARE_SHIFT;
    totals.mapped >>= SHARE_SHIFT;
    return totals;
}
