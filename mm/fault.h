/* What a leaf of a VMA may grant; shared by faults and mprotect. Lock: mm's. */
#pragma once

#include "mm/pte.h"
#include "mm/vma.h"

/*
 * Rights for a leaf of @vma and @level that maps what starts at @frame: write is held back while a
 * private page has other users.
 */
unsigned fault_rights(const struct vma *vma, paddr_t frame, unsigned level);

/* The same for one who knows whether the leaf is the only user of what it maps. */
unsigned fault_rights_of(const struct vma *vma, bool sole_user);

/* Whether faults in @vma of @mm bring transparent huge pages, where one fits. */
bool fault_thp(const struct mm *mm, const struct vma *vma);

/* The shared page of zeros that reads of untouched private memory show. */
paddr_t fault_zero_page(void);

/* Whether @more references to it can be counted: in 32 GiB there is room for tables that make too many. */
bool fault_zero_page_lasts(uint64_t more);

/* Allocate it; once. 0 or -ENOMEM. */
[[nodiscard]] long fault_init(void);
