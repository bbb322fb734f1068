/*
 * Objects: pages that several mappings may share, the content of a file or shared anonymous memory.
 * The pages hang in a page-table tree of the object's own, keyed by byte offset, that no processor
 * walks; so pt.c and tlb.c serve here too. The tree is as high as the largest offset needs.
 */
#pragma once

#include "mm/pt.h"

/* Bytes that the largest object has: what the highest tree covers. */
#define OBJECT_MAX (pt_span(PT_TOP) * PT_ENTRIES)

struct object {
    struct port_lock lock;
    uint32_t refs;        /* mappings and open files; lock of whoever holds one */
    uint64_t ino;         /* constant */
    char *name;           /* lock; NULL for shared anonymous memory */
    uint64_t bytes;       /* lock */
    unsigned level;       /* constant; of its leaves: above PT_PTE, pages of a pool (MAP_HUGETLB) */
    struct pt pt;         /* lock; leaves map the pages, the object holds a reference on each */
    struct object *next;  /* all of them, for mm_check */
    struct object **link; /* in the list, what points to this one */
};

extern struct object *object_all;

/* The level of the root's entries in the lowest tree for @bytes, at most OBJECT_MAX. */
unsigned object_top(uint64_t bytes);

/* Bytes that the tree of @object covers. */
static inline uint64_t object_span(const struct object *object)
{
    return pt_span(object->pt.top) * PT_ENTRIES;
}

/*
 * Shared anonymous memory in pages of @level from the pool, which are promised to it; @bytes is a
 * multiple of the page. NULL when the pool has not so many, or memory is out.
 */
[[nodiscard]] struct object *object_create_huge(uint64_t bytes, unsigned level);

/* Of such an object: the block that holds page @index, made if it is not there. 0 or -ENOMEM. */
[[nodiscard]] long object_block(struct object *object, uint64_t index, paddr_t *block);

/*
 * The frame of page @index, 0 for a hole; with @create a hole is filled with zeros. 0, -ENOMEM,
 * or -ENOSPC when a file may take no more. Takes the object's lock.
 */
[[nodiscard]] long object_page(struct object *object, uint64_t index, bool create, paddr_t *page);
