/* Objects. See mm/object.h. */
#include "mm/object.h"

#include "kernel/abi/errno.h"
#include "mm/huge_pool.h"
#include "mm/tlb.h"

#define FILES_LEAVE 16 /* one part of so many */

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

static void free_name(struct object *object)
{
    if (object->name)
        port_free(object->name, __builtin_strlen(object->name) + 1);
}

long object_rename(struct object *object, const char *name)
{
    size_t size = __builtin_strlen(name) + 1;
    char *copy = port_alloc(size);

    if (!copy)
        return -ENOMEM;
    __builtin_memcpy(copy, name, size);
    port_lock_write(&object->lock);
    free_name(object);
    object->name = copy;
    port_unlock_write(&object->lock);
    return 0;
}

const char *object_name(const struct object *object)
{
    return object->name ? object->name : "";
}

static struct object *create(uint64_t bytes, unsigned level, const char *name)
{
    struct object *object = port_alloc(sizeof(*object));
    unsigned top = object_top(bytes);

    if (!object)
        return NULL;
    if (name && object_rename(object, name)) {
        port_free(object, sizeof(*object));
        return NULL;
    }
    if (pt_init(&object->pt, top > level ? top : level)) {
        free_name(object);
        port_free(object, sizeof(*object));
        return NULL;
    }
    object->refs = 1;
    object->ino = ++last_ino;
    object->bytes = bytes;
    object->level = level;
    enlist(object);
    return object;
}

struct object *object_create(uint64_t bytes, const char *name)
{
    return create(bytes, PT_PTE, name);
}

struct object *object_create_huge(uint64_t bytes, unsigned level)
{
    struct object *object = NULL;

    if (!huge_pool_promise(level, bytes >> pt_shift(level)))
        return NULL;
    object = create(bytes, level, "/anon_hugepage (deleted)");
    if (!object)
        huge_pool_release(level, bytes >> pt_shift(level));
    return object;
}

long object_block(struct object *object, uint64_t index, paddr_t *block)
{
    uint64_t off = pt_floor(index << PAGE_SHIFT, object->level);
    struct pt_reserve tables = {0};
    long err = 0;

    port_lock_write(&object->lock);
    *block = pt_page(&object->pt, off);
    if (!*block)
        err = pt_reserve_fill(&tables, pt_missing(&object->pt, off, object->level));
    if (!*block && !err) {
        *block = huge_pool_take(object->level, true);
        __builtin_memset(port_ptr(*block), 0, pt_span(object->level));
        pt_write(pt_entry_make(&object->pt, off, object->level, &tables),
                 pte_leaf(*block, PTE_R | PTE_W, object->level));
    }
    port_unlock_write(&object->lock);
    return err;
}

/* The pages that were promised and never touched. */
static void release_promises(const struct object *object)
{
    uint64_t pages = object->bytes >> pt_shift(object->level);
    struct pt_run run;

    if (object->level == PT_PTE)
        return;
    for (vaddr_t va = 0; pt_next_run(&object->pt, &va, object->bytes, &run);)
        pages--;
    huge_pool_release(object->level, pages);
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
    release_promises(object);
    tlb_begin(&g, NULL, &object->pt);
    tlb_zap(&g, all);
    tlb_prune(&g, all);
    tlb_finish(&g);
    port_frame_free(port_paddr(object->pt.root));
    port_unlock_write(&object->lock);
    free_name(object);
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

/* Files leave the last of memory to programs, which can be ended when it is out. */
static bool leaves_room(const struct object *object)
{
    return !object->name || port_frames_free() >= port_frames_total() / FILES_LEAVE;
}

long object_page(struct object *object, uint64_t index, bool create, paddr_t *page)
{
    uint64_t off = index << PAGE_SHIFT;
    long err = 0;

    mm_assert(off < page_align(object->bytes));
    port_lock_write(&object->lock);
    *page = pt_page(&object->pt, off);
    if (!*page && create)
        err = leaves_room(object) ? fill_hole(object, off, page) : -ENOSPC;
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
