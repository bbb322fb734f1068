/*
 * The gather: queue, flush once, then free. (More than once only where frames go that others
 * share, such as an object's: they are put down in batches.)
 *
 * Nothing else frees a user frame or a page table, so no
 * frame is reused while a TLB may still hold a translation to it, and no table while a
 * paging-structure cache may.
 *
 *     struct gather g;
 *     tlb_begin(&g, mm, &mm->pt);
 *     ... tlb_zap, tlb_prune, pt_move_commit ...
 *     tlb_finish(&g);
 *
 * Lock: that of the owner of the tables, for write, from begin to finish.
 */
#pragma once

#include "mm/pt.h"

/*
 * Frames that others map too: their references are dropped after the flush, in batches of at most this
 * size.
 */
#define GATHER_SHARED 64

/* Above so many pages, flush everything in place of single pages. */
#define FLUSH_ALL_PAGES 32

struct gather {
    struct mm *mm; /* whose translations; NULL where none can be cached: of an object's tree, or of
                      an address space that no processor uses any more */
    struct pt *pt;
    struct range range; /* to flush; start >= end when nothing */
    struct range run;   /* of frames to free, one behind another: pages without another user */
    uint32_t frames;    /* list of earlier such runs, by their first frames */
    uint32_t blocks;    /* list of blocks to free, of huge leaves */
    struct frame_list emptied; /* tables to free */
    struct pt_reserve tables;  /* for huge leaves that are split */
    unsigned shared_count;
    paddr_t shared[GATHER_SHARED];
};

void tlb_begin(struct gather *g, struct mm *mm, struct pt *pt);

/*
 * Before a point of no return: set aside what it takes to split the huge leaves that the ends of
 * @range cut. 0, or -ENOMEM, and tlb_finish() is then all that may follow.
 */
[[nodiscard]] long tlb_reserve(struct gather *g, struct range range);

/* Split them. */
void tlb_split(struct gather *g, struct range range);

/* Split the huge leaf that translates @va; g->tables has a table for it. */
void tlb_split_leaf(struct gather *g, vaddr_t va);

/*
 * Translations in [start, end) have been changed or narrowed: to be said after the change, since a
 * flush may come at any tlb_page().
 */
void tlb_range(struct gather *g, vaddr_t start, vaddr_t end);

/* Whether each frame that a leaf of @level maps from @pa on has one user: that leaf. */
bool tlb_sole_user(paddr_t pa, unsigned level);

/* A leaf of @level that mapped @pa is gone: drop its reference on each frame. */
void tlb_page(struct gather *g, paddr_t pa, unsigned level);

/*
 * Clear every leaf in @range and drop its frames. Tables stay; see tlb_prune. Leaves that the ends
 * cut are split, for which tlb_reserve() was asked. Returns whether a table has lost its last entry.
 */
bool tlb_zap(struct gather *g, struct range range);

/* Unlink every table below the root that overlaps @range and has no entries left. */
void tlb_prune(struct gather *g, struct range range);

/*
 * The same for what one entry of @level links: the tables below it in @range, which lies in its
 * span, and its own.
 */
void tlb_prune_slot(struct gather *g, struct pte *entry, unsigned level, struct range range);

/*
 * The same for one table that has no entries left: @entry, of @level, which translates @va, links it. What it
 * translated has been said to tlb_range().
 */
void tlb_drop_table(struct gather *g, struct pte *entry, unsigned level, vaddr_t va);

/* Flush what was named, on every CPU that may cache it, then free what was queued. */
void tlb_finish(struct gather *g);
