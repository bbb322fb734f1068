/* Objects. See mm/object.h. */
#include "mm/object.h"

#include "kernel/abi/errno.h"
#include "mm/tlb.h"

struct object *object_all;
static uint64_t last_ino = 1024;

unsigned object_top(uint64_t bytes)
{
    unsigned top = PT_PTE;

    while (top < PT_TOP && bytes > pt_span(top) * PT_ENTRIES)
        top++;
    return top;
}

static void enlist(struct object *object)
{
    object->next = object_all;
    object->link = &object_all;
    if (object_all)
        object_all->link = &object->next;
    object_all = object;
}

static void unlist(struct object *object)
{
    *object->link = object->next;
    if (object->next)
        object->next->link = object->link;
}

struct object *object_create(uint64_t bytes, const char *name)
{
    struct object *object = port_alloc(sizeof(*object));

    if (!object)
        return NULL;
    if (pt_init(&object->pt, object_top(bytes))) {
        port_free(object, sizeof(*object));
        return NULL;
    }
    port_format(object->name, OBJECT_NAME, "%s", name ? name : "");
    object->refs = 1;
    object->ino = ++last_ino;
    object->bytes = bytes;
    enlist(object);
    return object;
}

struct object *object_get(struct object *object)
{
    object->refs++;
    return object;
}

void object_put(struct object *object)
{
    struct range all = {0, object_span(object)};
    struct gather g;

    mm_assert(object->refs > 0);
    if (--object->refs > 0)
        return;
    unlist(object);
    port_lock_write(&object->lock);
    tlb_begin(&g, NULL, &object->pt);
    tlb_zap(&g, all);
    tlb_prune(&g, all);
    tlb_finish(&g);
    port_frame_free(port_paddr(object->pt.root));
    port_unlock_write(&object->lock);
    port_free(object, sizeof(*object));
}

uint64_t object_size(const struct object *object)
{
    return object->bytes;
}

uint64_t object_ino(const struct object *object)
{
    return object->ino;
}

static long fill_hole(struct object *object, uint64_t off, paddr_t *page)
{
    struct pt_reserve reserve = {0};
    long err = pt_reserve_fill(&reserve, pt_missing(&object->pt, off, PT_PTE));

    if (err)
        return err;
    *page = port_frame_alloc(true);
    if (!*page) {
        pt_reserve_drain(&reserve);
        return -ENOMEM;
    }
    port_frame(*page)->refs = 1;
    pt_write(pt_entry_make(&object->pt, off, PT_PTE, &reserve),
             pte_leaf(*page, PTE_R | PTE_W, PT_PTE));
    return 0;
}

long object_page(struct object *object, uint64_t index, bool create, paddr_t *page)
{
    uint64_t off = index << PAGE_SHIFT;
    struct pte *entry;
    long err = 0;

    mm_assert(off < page_align(object->bytes));
    port_lock_write(&object->lock);
    entry = pt_entry(&object->pt, off, PT_PTE);
    *page = entry ? pte_addr(*entry) : 0;
    if (!*page && create)
        err = fill_hole(object, off, page);
    port_unlock_write(&object->lock);
    return err;
}

long object_read(struct object *object, uint64_t off, void *dst, uint64_t len)
{
    char *out = dst;

    while (len) {
        uint64_t n = min_u64(len, PAGE_SIZE - page_offset(off));
        paddr_t page;
        long err = object_page(object, off >> PAGE_SHIFT, false, &page);

        if (err)
            return err;
        if (page)
            __builtin_memcpy(out, (char *)port_ptr(page) + page_offset(off), n);
        else
            __builtin_memset(out, 0, n);
        out += n;
        off += n;
        len -= n;
    }
    return 0;
}

long object_write(struct object *object, uint64_t off, const void *src, uint64_t len)
{
    const char *in = src;

    while (len) {
        uint64_t n = min_u64(len, PAGE_SIZE - page_offset(off));
        paddr_t page;
        long err = object_page(object, off >> PAGE_SHIFT, true, &page);

        if (err)
            return err;
        __builtin_memcpy((char *)port_ptr(page) + page_offset(off), in, n);
        in += n;
        off += n;
        len -= n;
    }
    return 0;
}
