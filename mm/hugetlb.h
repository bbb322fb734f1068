/*
 * Mappings of huge pages from the pools (MAP_HUGETLB): VMAs with VMA_HUGETLB, whose pages all are
 * huge leaves of one level, which are never split. Addresses and lengths are multiples of the page.
 *
 * A private one has VMA_PROMISED while each page that it lacks is promised to it; a shared one's
 * object is promised all of its own.
 *
 * Lock: mm's, for write.
 */
#pragma once

#include "mm/fault.h"
#include "mm/tlb.h"
#include "mm/vma.h"

/* Whether an end of @range parts a page of such a mapping: what would do that is refused. */
bool hugetlb_cuts(const struct mm *mm, struct range range);

/* @addr, or the start of the page that it parts. */
vaddr_t hugetlb_floor(const struct mm *mm, vaddr_t addr);

/* The pages of @range, all present ones, are about to be unmapped with their VMAs. */
void hugetlb_unmap(const struct mm *mm, struct range range);

/*
 * madvise DONTNEED, before the pages of @range go: whether as many as are present can be promised
 * again, which is added to @again by level. 0, or -ENOMEM where others use them and there are no
 * free ones in their place. Then the promise itself, past the point of no return: a pool that has
 * too many pages keeps these.
 */
[[nodiscard]] long hugetlb_may_forget(const struct mm *mm, struct range range,
                                      uint64_t again[PT_LEVELS]);
void hugetlb_promise_again(const uint64_t again[PT_LEVELS]);

/*
 * A fault in such a mapping that the VMA allows: FAULT_DONE, FAULT_OOM without room for tables, or
 * FAULT_BUS when the pool is empty.
 */
enum fault_result hugetlb_fault(struct mm *mm, struct vma *vma, vaddr_t addr, enum access access);
