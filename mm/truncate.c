/*
 * Objects that become longer or shorter, as files do:
 *
 *              bytes  page_align(bytes)      size before
 *     |========#|0000|......................|
 *               |    |<- pages given up, here and wherever they are mapped
 *               |<- zeros
 *
 * Who maps an object is looked up among all VMAs of all address spaces: that costs a walk where
 * files shrink, and nothing where they do not.
 */
#include "kernel/abi/errno.h"
#include "mm/mmap.h"
#include "mm/object.h"

/* Unmap what @mm shows of @object from page @first on, its private copies too. */
static void unmap_beyond(struct mm *mm, const struct object *object, uint64_t first)
{
    struct gather g;

    tlb_begin(&g, mm, &mm->pt);
    for (const struct vma *vma = mm->first; vma; vma = vma->next) {
        uint64_t kept = first > vma->pgoff ? first - vma->pgoff : 0;
        struct range gone = {vma->start + (kept << PAGE_SHIFT), vma->end};

        if (vma->object != object || kept >= vma_pages(vma))
            continue;
        tlb_zap(&g, gone);
        tlb_prune(&g, gone);
    }
    tlb_finish(&g);
}

/* Give up the object's own pages beyond its end, and what the last one holds there. */
static void drop_beyond(struct object *object)
{
    uint64_t tail = page_offset(object->bytes);
    struct range gone = {page_align(object->bytes), object_span(object)};
    struct gather g;

    tlb_begin(&g, NULL, &object->pt);
    tlb_zap(&g, gone);
    tlb_prune(&g, gone);
    tlb_finish(&g);
    if (tail) {
        struct pte *last = pt_entry(&object->pt, object->bytes, PT_PTE);

        if (last && !pte_is_none(*last))
            __builtin_memset((char *)port_ptr(pte_addr(*last)) + tail, 0, PAGE_SIZE - tail);
    }
}

/* The new end comes first: what is unmapped then cannot come back. */
static void shrink(struct object *object, uint64_t bytes)
{
    port_lock_write(&object->lock);
    object->bytes = bytes;
    port_unlock_write(&object->lock);
    for (struct mm *mm = mm_all; mm; mm = mm->next_mm) {
        port_lock_write(&mm->lock);
        unmap_beyond(mm, object, page_align(bytes) >> PAGE_SHIFT);
        port_unlock_write(&mm->lock);
    }
    port_lock_write(&object->lock);
    drop_beyond(object);
    port_unlock_write(&object->lock);
}

static long grow(struct object *object, uint64_t bytes)
{
    long err = 0;

    port_lock_write(&object->lock);
    if (bytes > object_span(object))
        err = pt_raise(&object->pt, object_top(bytes));
    if (!err)
        object->bytes = bytes;
    port_unlock_write(&object->lock);
    return err;
}

long object_resize(struct object *object, uint64_t bytes)
{
    if (bytes > OBJECT_MAX)
        return -EFBIG;
    if (bytes > object->bytes)
        return grow(object, bytes);
    shrink(object, bytes);
    return 0;
}
