/*
 * Page tables: walk, read, fill. What is taken out of them goes through mm/tlb.h.
 *
 * Lock: of the mm or object that owns the tables: for read to look, for write to change.
 */
#pragma once

#include "mm/mm.h"
#include "mm/pte.h"

/* How many tables are set aside, before a point of no return. */
struct pt_reserve {
    uint32_t count;
};

/* Add @count tables. 0, or -ENOMEM with the reserve as it was. */
[[nodiscard]] long pt_reserve_fill(struct pt_reserve *reserve, uint32_t count);

/* One table of those set aside; there must be one. */
paddr_t pt_reserve_take(struct pt_reserve *reserve);

/* Give back what was not used. */
void pt_reserve_drain(struct pt_reserve *reserve);

/* Set up @pt with an empty root whose entries are of level @top. 0 or -ENOMEM. */
[[nodiscard]] long pt_init(struct pt *pt, unsigned top);

/*
 * New roots above the one of @pt, which becomes their first entry, until its entries are of level
 * @top. 0, or -ENOMEM with nothing changed.
 */
[[nodiscard]] long pt_raise(struct pt *pt, unsigned top);

/* The metadata of the table that @entry lies in. */
struct frame *pt_frame(const struct pte *entry);

/* Write an entry and keep its table's live count. */
void pt_write(struct pte *entry, struct pte value);

/* The entry that translates @va at @level, or NULL where no table leads there. */
struct pte *pt_entry(const struct pt *pt, vaddr_t va, unsigned level);

/*
 * The entry at which the walk to @va ends: the leaf that translates it, or an empty one. *level is
 * its level.
 */
struct pte *pt_lookup(const struct pt *pt, vaddr_t va, unsigned *level);

/* The frame that @va is translated to; 0 for none. */
paddr_t pt_page(const struct pt *pt, vaddr_t va);

/* Whether one leaf translates both @va and the page below it: to part them it must be split. */
bool pt_cuts_leaf(const struct pt *pt, vaddr_t va);

/*
 * Put in place of the leaf in @entry, of @level above PT_PTE, which translates @va, a table of
 * @reserve with leaves that translate and grant the same. The caller flushes the leaf's span.
 */
void pt_split(struct pt *pt, struct pte *entry, vaddr_t va, unsigned level,
              struct pt_reserve *reserve);

/*
 * As pt_entry, but missing tables are taken from @reserve, which has as many as pt_missing() says.
 * For write.
 */
struct pte *pt_entry_make(struct pt *pt, vaddr_t va, unsigned level, struct pt_reserve *reserve);

/* How many tables pt_entry_make() would have to add for @va at @level. */
unsigned pt_missing(const struct pt *pt, vaddr_t va, unsigned level);

/* Neighbouring slots of one table that hold leaves of @level or nothing; the first holds a leaf. */
struct pt_run {
    struct pte *slots;
    unsigned count;
    unsigned level;
    vaddr_t va; /* that the first slot translates */
};

/*
 * The next leaves at or above *va and below @end, skipping holes with their whole span; *va becomes
 * the address after the run. False when there are none.
 */
bool pt_next_run(const struct pt *pt, vaddr_t *va, vaddr_t end, struct pt_run *run);
