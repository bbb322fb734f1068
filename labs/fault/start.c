/*
 * A page fault: the ladder of its causes, from "no such place" up to "here is your page".
 *
 *     1  nothing mapped there, and no stack that may grow to it   MAPERR
 *     2  the VMA forbids this access                              ACCERR
 *     3  past the end of the object, or no room for the file     BUS
 *     4  the entry allows it already: a stale or spurious fault   flush, done
 *     5  no page yet: a huge one, if it may be and there is one   reserve, map
 *     6  no page yet: of zeros, of the object, or a copy of it    reserve, map
 *     7  a write to a page with other users: copy it              reserve, map
 *        (of a huge page the one page, which takes a split)
 *
 * Each rung first reserves what it takes (FAULT_OOM with nothing changed) and then maps.
 *
 * Lab `fault`: see handout.md. This file replaces mm/fault.c. The ladder is missing.
 */
#include "mm/fault.h"

#include "kernel/abi/errno.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/object.h"
#include "mm/pt_trace.h"

static paddr_t zero_page;

long fault_init(void)
{
    if (!zero_page)
        zero_page = port_frame_alloc(true);
    if (!zero_page)
        return -ENOMEM;
    port_frame(zero_page)->refs = 1;
    return 0;
}

paddr_t fault_zero_page(void)
{
    return zero_page;
}

bool fault_zero_page_lasts(uint64_t more)
{
    return more <= UINT32_MAX - port_frame(zero_page)->refs;
}

unsigned fault_rights_of(const struct vma *vma, bool sole_user)
{
    unsigned rights = vma->flags & VMA_ACCESS ? PTE_R : 0;

    rights |= vma->flags & VMA_EXEC ? PTE_X : 0;
    if ((vma->flags & VMA_WRITE) && ((vma->flags & VMA_SHARED) || sole_user))
        rights |= PTE_W;
    return rights;
}

unsigned fault_rights(const struct vma *vma, paddr_t frame, unsigned level)
{
    return fault_rights_of(vma, tlb_sole_user(frame, level));
}

/* One fault on its way. */
struct fault {
    struct mm *mm;
    vaddr_t addr; /* page-aligned */
    enum access access;
    struct vma *vma;
    struct pt_reserve tables;
    paddr_t page; /* to map; a reference of ours is on it */
};

/* Whether transparent huge pages may be in @vma at all. */
bool fault_thp(const struct mm *mm, const struct vma *vma)
{
    if (mm->no_thp || mm_config.thp == THP_NEVER || vma->object)
        return false;
    if (vma->flags & (VMA_NOHUGEPAGE | VMA_GROWSDOWN | VMA_HUGETLB))
        return false;
    if (mm_config.thp == THP_MADVISE && !(vma->flags & VMA_HUGEPAGE))
        return false;
    return pt_ceiling(vma->start, PT_PMD) + pt_span(PT_PMD) <= vma->end;
}

/* ---- The ladder ---- */

/* What is to be done about @f, and done. */
static enum fault_result climb(struct fault *f)
{
    (void)f; /* your code */
    return FAULT_MAPERR;
}

enum fault_result mm_fault(struct mm *mm, vaddr_t addr, enum access access)
{
    static const char *const words[] = {"done", "not mapped", "not allowed", "past the end",
                                        "no memory"};
    struct fault f = {.mm = mm, .addr = addr - page_offset(addr), .access = access};
    enum fault_result result;

    mm_assert(port_locked_write(&mm->lock));
    mm_stats.faults++;
    result = addr < TASK_SIZE ? climb(&f) : FAULT_MAPERR;
    TRACE(TRACE_FAULT, .what = EVENT_FAULT, .a = addr, .b = access, .c = result,
          .words = words[result], .space = mm->pt.space);
    return result;
}
