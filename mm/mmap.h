/*
 * What mmap, mremap, fault and stack share: unmapping as plan and commit, populating, refusing.
 * Lock: mm's, for write.
 */
#pragma once

#include "mm/tlb.h"
#include "mm/vma.h"

/* Refuse a call: count @why, say it in the trace, return @err. */
__attribute__((cold)) long mm_refuse(long err, enum refusal why);

/*
 * Drop the pages of @range and the tables emptied; VMAs stay as they are. @vma is the lowest that ends above
 * the start of @range, or NULL. Cannot fail.
 */
void mmap_forget(const struct vma *vma, struct range range, struct gather *g);

/*
 * Set @set and clear @clear, flags other than rights, in all VMAs of @range, which has no holes. 0,
 * or -ENOMEM for the VMAs that it takes to split them off.
 */
long mmap_mark(struct mm *mm, struct range range, uint32_t set, uint32_t clear);

/* The flags of a VMA for mmap's or mprotect's @prot. */
uint32_t mmap_prot_flags(uint32_t prot);

/*
 * Where @len bytes (multiple of PAGE_SIZE) should go when not fixed, at a multiple of @align: the
 * hint @addr (0 for none) if it is free, else the highest gap below mmap_base, else the highest
 * anywhere. 0 when there is none. Whole spans of PMD entries go where their entries can move whole, if
 * there is room for that.
 */
vaddr_t mmap_place(const struct mm *mm, vaddr_t addr, uint64_t len, uint64_t align);

/*
 * Fault every page of @range in, but of VMAs without access or locked on fault; for writing where
 * the VMA is private and writable. 0, or -ENOMEM, -EFAULT at the first that fails.
 */
long mmap_populate(struct mm *mm, struct range range);

/*
 * Fault every page of @range in for @access. Those that need nothing are skipped. Errors likewise.
 */
long mmap_populate_for(struct mm *mm, struct range range, enum access access);
