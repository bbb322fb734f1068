/*
 * The pages that an object has, and the holes between them: told apart, filled, made.
 *
 * Who maps an object is looked up as in truncate.c, among all VMAs.
 */
#include "kernel/abi/errno.h"
#include "mm/mmap.h"
#include "mm/object.h"

uint64_t object_pages(struct object *object)
{
    uint64_t pages = 0;
    struct pt_run run;

    port_lock_read(&object->lock);
    for (vaddr_t off = 0; pt_next_run(&object->pt, &off, object_span(object), &run);)
        for (unsigned i = 0; i < run.count; i++)
            if (!pte_is_none(run.slots[i]))
                pages += pt_span(run.level) >> PAGE_SHIFT;
    port_unlock_read(&object->lock);
    return pages;
}

/* Where the first page at or behind @off is, which starts a page; the end of the tree when there is none. */
static uint64_t next_page(const struct object *object, uint64_t off)
{
    struct pt_run run;

    if (off >= object_span(object) || !pt_next_run(&object->pt, &off, object_span(object), &run))
        return object_span(object);
    return run.va;
}

uint64_t object_seek(struct object *object, uint64_t off, bool data)
{
    uint64_t at = off - page_offset(off);

    port_lock_read(&object->lock);
    if (data)
        at = next_page(object, at);
    else
        while (at < object->bytes && pt_page(&object->pt, at))
            at += PAGE_SIZE;
    port_unlock_read(&object->lock);
    return min_u64(max_u64(at, off), object->bytes);
}

long object_fill(struct object *object, uint64_t off, uint64_t len)
{
    for (uint64_t at = off - page_offset(off); at < off + len; at += PAGE_SIZE) {
        paddr_t page;
        long err = object_page(object, at >> PAGE_SHIFT, true, &page);

        if (err)
            return err;
    }
    return 0;
}

/* ---- Making holes ---- */

/* What @vma shows of the object's pages in @hole (bytes of the object); empty when it shows none of them. */
static struct range shown(const struct vma *vma, struct range hole)
{
    uint64_t from = vma->pgoff << PAGE_SHIFT;
    uint64_t start = max_u64(hole.start, from),
             end = min_u64(hole.end, from + range_size(vma_range(vma)));

    if (start >= end)
        return (struct range){0, 0};
    return (struct range){vma->start + (start - from), vma->start + (end - from)};
}

/* Unmap the object's own pages in @part of @vma; private copies stay. */
static void unmap_part(struct gather *g, const struct vma *vma, struct range part)
{
    struct pt_run run;

    for (vaddr_t va = part.start; pt_next_run(g->pt, &va, part.end, &run);)
        for (unsigned i = 0; i < run.count; i++) {
            vaddr_t at = run.va + i * pt_span(run.level);
            paddr_t own = pt_page(&vma->object->pt, vma_pgoff(vma, at) << PAGE_SHIFT);

            if (!pte_is_none(run.slots[i]) && pte_addr(run.slots[i]) == own)
                tlb_zap(g, (struct range){at, at + pt_span(run.level)});
        }
    tlb_prune(g, part);
}

static void unmap_hole(struct mm *mm, const struct object *object, struct range hole)
{
    struct gather g;

    port_lock_write(&mm->lock);
    tlb_begin(&g, mm, &mm->pt);
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        if (vma->object == object)
            unmap_part(&g, vma, shown(vma, hole));
    tlb_finish(&g);
    port_unlock_write(&mm->lock);
}

/* Zeros in [@off, @off + @len), which lies in one page. Lock: the object's. */
static void clear(struct object *object, uint64_t off, uint64_t len)
{
    paddr_t page = pt_page(&object->pt, off);

    if (page && len)
        __builtin_memset((char *)port_ptr(page) + page_offset(off), 0, len);
}

/* Zeros in what of [@off, @end) lies in pages that are not wholly in it. */
static void clear_edges(struct object *object, uint64_t off, uint64_t end)
{
    uint64_t first_end = min_u64(page_align(off), end);

    clear(object, off, first_end - off);
    if (end > first_end)
        clear(object, end - page_offset(end), page_offset(end));
}

void object_punch(struct object *object, uint64_t off, uint64_t len)
{
    uint64_t end = min_u64(off + len, object_span(object));
    struct range hole = {page_align(off), end - page_offset(end)};
    struct gather g;

    mm_assert(object->level == PT_PTE);
    if (off >= end)
        return;
    if (hole.start < hole.end)
        for (struct mm *mm = mm_all; mm; mm = mm->next_mm)
            unmap_hole(mm, object, hole);
    port_lock_write(&object->lock);
    clear_edges(object, off, end);
    if (hole.start < hole.end) {
        tlb_begin(&g, NULL, &object->pt);
        tlb_zap(&g, hole);
        tlb_prune(&g, hole);
        tlb_finish(&g);
    }
    port_unlock_write(&object->lock);
}

bool object_mapped_shared(const struct object *object)
{
    for (struct mm *mm = mm_all; mm; mm = mm->next_mm)
        for (const struct vma *vma = mm->first; vma; vma = vma->next)
            if (vma->object == object && (vma->flags & VMA_SHARED) && (vma->flags & VMA_MAYWRITE))
                return true;
    return false;
}
