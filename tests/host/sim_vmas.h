/*
 * VMAs beside a page map of the same space: for each page which VMA it belongs to and what that is
 * like. Whatever mm/vma.h answers is found in the map by looking at every page. Used by the tests
 * of VMAs; no page tables.
 */
#pragma once

#include "mm/vma.h"
#include "tests/host/sim.h"

/* Where the tests play: as many pages as the smallest geometry has, from 0. */
#define VMAS_PAGES 100u

/* Pages kept free below a VMA that grows down. */
#define VMAS_GUARD 3

struct vmas_page {
    unsigned vma; /* its number, 0 for none */
    uint32_t flags;
    uint64_t pgoff;
};

extern struct vmas_page vmas_model[VMAS_PAGES];
extern unsigned vmas_last; /* number given last */
extern struct mm *vmas_mm;
extern struct vma_reserve vmas_spare; /* plenty */

/* Setup and teardown of a test. */
int vmas_setup(void **state);
int vmas_teardown(void **state);

static inline vaddr_t page(unsigned n)
{
    return n * PAGE_SIZE;
}

static inline struct range pages(unsigned start, unsigned end)
{
    return (struct range){page(start), page(end)};
}

/* A VMA over free pages, in both. */
struct vma *vmas_insert(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff);

/* In the map only. */
void vmas_model_set(unsigned start, unsigned end, uint32_t flags, uint64_t pgoff);
void vmas_model_clear(unsigned start, unsigned end);
bool vmas_free(unsigned start, unsigned end);

/* Each run of pages with one number is one VMA of mm's, like it. */
void vmas_compare(void);

/* Order, links, gaps and counters recounted; mergeable neighbours are no fault here. */
void vmas_check_tree(void);

/* Both, and the answers to many questions. */
void vmas_compare_all(void);
