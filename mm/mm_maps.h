/* What the texts about an address space share. */
#pragma once

#include "mm/pt.h"
#include "mm/vma.h"

/* What maps shows as the name of @vma, "" for none. */
const char *maps_name(const struct mm *mm, const struct vma *vma);

/* ---- What a leaf maps ---- */

enum page_kind {
    KIND_ZERO,  /* the page of zeros: counts for nothing */
    KIND_ANON,  /* a private page */
    KIND_FILE,  /* a page of a file */
    KIND_SHMEM, /* a page of shared anonymous memory */
};

struct page {
    enum page_kind kind;
    unsigned users; /* entries of address spaces that map it */
};

/*
 * What the leaf of @vma at @va maps. Lock: the mm's for read, and the object's, if @vma has one.
 */
struct page maps_page(const struct vma *vma, vaddr_t va, struct pte leaf);

/* Called for every leaf in a part of @vma: @va is where it maps from, @level its size. */
typedef void maps_visitor(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                          unsigned level);

/* Call @visit for the leaves of @vma in @part, with the object's lock. Lock: the mm's, for read. */
void maps_visit(const struct mm *mm, const struct vma *vma, struct range part, maps_visitor *visit,
                void *ctx);

#define SHARE_SHIFT 12 /* a page's share for one user is counted in 4096ths */
