/*
 * A stretch of an address space with a page-granular record of what must be where: mapped or not,
 * rights, the word that was last written. Every call goes to mm/ and to the record; then all pages
 * are compared.
 *
 * Pages are named by their number in the stretch. Anonymous private memory only; the rest is for
 * the tests themselves.
 */
#pragma once

#include "tests/host/sim.h"

#define WORLD_PAGES 8192

struct world_page {
    bool mapped;
    uint32_t prot;
    uint64_t word; /* 0: never written since it was mapped */
};

struct world {
    struct mm *mm;
    vaddr_t base;
    unsigned pages;
    uint64_t last_word;
    struct world_page page[WORLD_PAGES];
};

/* An address space of which [base, base + pages) is watched, and is where unhinted mappings go. */
void world_start(struct world *w, vaddr_t base, unsigned pages);

/* The end of the address space. */
void world_end(struct world *w);

static inline vaddr_t world_va(const struct world *w, unsigned page)
{
    return w->base + page * PAGE_SIZE;
}

/* Every page against the record. Dies where they differ. */
void world_check(struct world *w);

/* Calls, with their effect on the record if they succeed. All followed by world_check(). */
long world_map(struct world *w, unsigned page, unsigned count, uint32_t prot);
long world_unmap(struct world *w, unsigned page, unsigned count);
long world_protect(struct world *w, unsigned page, unsigned count, uint32_t prot);
long world_forget(struct world *w, unsigned page, unsigned count); /* MADV_DONTNEED */

/* New words into writable pages of [page, page + count), every @step-th. */
void world_fill(struct world *w, unsigned page, unsigned count, unsigned step);

/*
 * mremap, lengths in pages, @to a page number. When it is refused the machine must be bit for bit
 * what it was. Returns the page number of the result, or the error.
 */
long world_remap(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                 uint32_t flags, unsigned to);

/*
 * The same, but first each of its allocations fails once, and the call is refused with -ENOMEM each
 * time. Returns as world_remap; @refused, if not NULL, is how many allocations there were.
 */
long world_remap_starved(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                         uint32_t flags, unsigned to, unsigned *refused);
