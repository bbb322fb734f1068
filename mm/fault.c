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

/* ---- 5: huge pages, the transparent ones ---- */

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

/* Whether the whole span of the empty entry that @f met at @level, or of one below, may be one page. */
static bool may_be_huge(const struct fault *f, unsigned level)
{
    vaddr_t start = pt_floor(f->addr, PT_PMD);

    return level >= PT_PMD && PT_PMD < PT_TOP && fault_thp(f->mm, f->vma) &&
           start >= f->vma->start && start + pt_span(PT_PMD) <= f->vma->end;
}

/* True when it is mapped. Where memory has no such block, or no room for tables, small pages do. */
static NOINLINE bool map_huge(struct fault *f)
{
    struct pte *entry, leaf;
    paddr_t block;

    if (pt_reserve_fill(&f->tables, pt_missing(&f->mm->pt, f->addr, PT_PMD)))
        return false;
    block = port_block_alloc(PT_PMD, true);
    if (!block) {
        pt_reserve_drain(&f->tables);
        return false;
    }

    /* ---- point of no return ---- */
    for (uint64_t i = 0; i < pt_span(PT_PMD) >> PAGE_SHIFT; i++)
        port_frame(block)[i].refs = 1;
    f->vma->touched = true;
    vma_identify(f->mm, f->vma);
    leaf = pte_leaf(block, fault_rights(f->vma, block, PT_PMD), PT_PMD);
    entry = pt_entry_make(&f->mm->pt, f->addr, PT_PMD, &f->tables);
    TRACE_SET(&f->mm->pt, pt_floor(f->addr, PT_PMD), PT_PMD, *entry, leaf);
    pt_write(entry, leaf);
    f->mm->rss_pages += pt_span(PT_PMD) >> PAGE_SHIFT;
    mm_stats.huge++;
    return true;
}

/* ---- 1, 2: may it be at all ---- */

/*
 * Whether the stack @vma may grow down to @addr: limits, and the guard gap above what lies below.
 */
static bool may_grow(const struct mm *mm, const struct vma *vma, vaddr_t addr)
{
    const struct vma *prev = vma->prev;
    uint64_t grow = vma->start - addr;

    if ((vma->flags & (VMA_GROWSDOWN | VMA_HUGETLB)) != VMA_GROWSDOWN ||
        addr < mm_config.mmap_min_addr)
        return false;
    if (vma->end - addr > mm->limits.stack)
        return false;
    if (grow >> PAGE_SHIFT > vma->pgoff)
        return false;
    if (!vma_may_expand(mm, vma->flags, grow >> PAGE_SHIFT) ||
        !vma_may_lock(mm, vma->flags, grow >> PAGE_SHIFT) ||
        !vma_may_commit(vma->flags, grow >> PAGE_SHIFT))
        return false;
    if (!prev || (prev->flags & VMA_GROWSDOWN) || !(prev->flags & VMA_ACCESS))
        return true;
    return addr - prev->end >= mm_config.stack_guard;
}

static bool access_allowed(const struct vma *vma, enum access access)
{
    switch (access) {
    case ACCESS_WRITE:
        return vma->flags & VMA_WRITE;
    case ACCESS_EXEC:
        return vma->flags & VMA_EXEC;
    default:
        return vma->flags & VMA_ACCESS;
    }
}

static enum fault_result find_vma(struct fault *f)
{
    f->vma = vma_find(f->mm, f->addr);
    if (!f->vma)
        return FAULT_MAPERR;
    if (f->addr < f->vma->start && !may_grow(f->mm, f->vma, f->addr))
        return FAULT_MAPERR;
    return access_allowed(f->vma, f->access) ? FAULT_DONE : FAULT_ACCERR;
}

/* ---- 3 to 7: which page ---- */

static bool wants_private_page(const struct fault *f)
{
    return f->access == ACCESS_WRITE && !(f->vma->flags & VMA_SHARED);
}

/* A page of our own, with the content of @from, or of zeros for 0. */
static ALWAYS_INLINE enum fault_result take_copy(struct fault *f, paddr_t from)
{
    f->page = port_frame_alloc(from == 0);
    if (!f->page)
        return FAULT_OOM;
    if (from)
        __builtin_memcpy(port_ptr(f->page), port_ptr(from), PAGE_SIZE);
    port_frame(f->page)->refs = 1;
    return FAULT_DONE;
}

static enum fault_result take_shared(struct fault *f, paddr_t page)
{
    f->page = page;
    port_frame(page)->refs++;
    return FAULT_DONE;
}

static enum fault_result take_zero_page(struct fault *f)
{
    return fault_zero_page_lasts(1) ? take_shared(f, zero_page) : FAULT_OOM;
}

/* For an empty entry. A private copy of a hole leaves the hole in the object. */
static enum fault_result take_new_page(struct fault *f)
{
    struct object *object = f->vma->object;
    uint64_t index = vma_pgoff(f->vma, f->addr);
    bool private = wants_private_page(f);
    paddr_t page;
    long err;

    if (!object)
        return private ? take_copy(f, 0) : take_zero_page(f);
    if (index >= page_align(object_size(object)) >> PAGE_SHIFT)
        return FAULT_BUS;
    err = object_page(object, index, !private, &page);
    if (err)
        return err == -ENOSPC ? FAULT_BUS : FAULT_OOM;
    return private ? take_copy(f, page) : take_shared(f, page);
}

/* ---- Commit ---- */

/*
 * Down to the page of the fault; a stack that it now touches may be one with it. What grows has an
 * identity from then on, as on Linux.
 */
static NOINLINE void grow_stack(struct fault *f)
{
    struct vma_reserve retired = {NULL};

    vma_identify(f->mm, f->vma);
    vma_resize(f->mm, f->vma, f->addr, f->vma->end);
    vma_merge(f->mm, (struct range){f->addr, f->addr}, &retired);
    vma_reserve_drain(f->mm, &retired);
    f->vma = vma_at(f->mm, f->addr);
}

/* Take the place of the leaf in @entry, which another page had. */
static NOINLINE void replace_leaf(struct fault *f, struct pte *entry, struct pte leaf)
{
    paddr_t before = pte_addr(*entry);
    struct gather g;

    pt_write(entry, leaf);
    tlb_begin(&g, f->mm, &f->mm->pt);
    tlb_range(&g, f->addr, f->addr + PAGE_SIZE);
    tlb_page(&g, before, PT_PTE);
    tlb_finish(&g);
}

/*
 * The reservation stands: grow the stack if that was asked, and put f->page into @entry; NULL: no table
 * leads there yet.
 */
static ALWAYS_INLINE void map_page(struct fault *f, struct pte *entry)
{
    struct pte leaf;

    if (f->addr < f->vma->start)
        grow_stack(f);
    f->vma->touched = true;
    if (wants_private_page(f))
        vma_identify(f->mm, f->vma);
    leaf = pte_leaf(f->page, fault_rights_of(f->vma, port_frame(f->page)->refs == 1), PT_PTE);
    if (!entry)
        entry = pt_entry_make(&f->mm->pt, f->addr, PT_PTE, &f->tables);
    TRACE_SET(&f->mm->pt, f->addr, PT_PTE, *entry, leaf);
    if (!pte_is_none(*entry)) {
        replace_leaf(f, entry, leaf);
    } else {
        *entry = leaf;
        pt_frame(entry)->live++;
    }
    f->mm->rss_pages++;
}

/* Copy the one page of a leaf of @level, which others use too. */
static NOINLINE enum fault_result copy_page(struct fault *f, unsigned level)
{
    paddr_t frame = pt_page(&f->mm->pt, f->addr);
    struct gather g;

    tlb_begin(&g, f->mm, &f->mm->pt);
    if (pt_reserve_fill(&g.tables, level > PT_PTE) ||
        take_copy(f, frame == zero_page ? 0 : frame) == FAULT_OOM) {
        tlb_finish(&g);
        return FAULT_OOM;
    }

    /* ---- point of no return ---- */
    mm_stats.cow++;
    if (level > PT_PTE)
        tlb_split_leaf(&g, f->addr);
    tlb_finish(&g);
    map_page(f, pt_entry(&f->mm->pt, f->addr, PT_PTE));
    return FAULT_DONE;
}

/* An entry is there but does not grant the access, or no longer refuses it. */
static NOINLINE enum fault_result fix_entry(struct fault *f, struct pte *entry, unsigned level)
{
    paddr_t frame = pte_addr(*entry);
    unsigned rights = fault_rights(f->vma, frame, level);
    struct pte leaf = pte_leaf(frame, rights, level);
    vaddr_t start = pt_floor(f->addr, level);
    struct gather g;

    if (f->access == ACCESS_WRITE && !(rights & PTE_W))
        return copy_page(f, level);
    tlb_begin(&g, f->mm, &f->mm->pt);
    tlb_range(&g, start, start + pt_span(level));
    TRACE_SET(&f->mm->pt, start, level, *entry, leaf);
    pt_write(entry, leaf);
    tlb_finish(&g);
    return FAULT_DONE;
}

static enum fault_result climb(struct fault *f)
{
    enum fault_result result = find_vma(f);
    struct pte *entry;
    unsigned level;

    if (result != FAULT_DONE)
        return result;
    if (f->vma->flags & VMA_HUGETLB)
        return hugetlb_fault(f->mm, f->vma, f->addr, f->access);
    entry = pt_lookup(&f->mm->pt, f->addr, &level);
    if (!pte_is_none(*entry))
        return fix_entry(f, entry, level);
    if (may_be_huge(f, level) && map_huge(f))
        return FAULT_DONE;
    if (level > PT_PTE && pt_reserve_fill(&f->tables, level - PT_PTE))
        return FAULT_OOM;
    result = take_new_page(f);
    if (result != FAULT_DONE) {
        pt_reserve_drain(&f->tables);
        return result;
    }

    /* ---- point of no return ---- */
    map_page(f, level > PT_PTE ? NULL : entry);
    return FAULT_DONE;
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
