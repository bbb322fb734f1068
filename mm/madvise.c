/* madvise, mincore and msync: forget pages, fetch pages, tell which are there. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/object.h"

/* What one VMA must be for an advice; else -EINVAL, but where it says otherwise. */
enum {
    DISCARDS = 1 << 0,    /* -EPERM for sealed memory that cannot be written anyway */
    UNLOCKED = 1 << 1,    /* not locked */
    NOT_OF_POOL = 1 << 2, /* not MAP_HUGETLB */
    ANONYMOUS = 1 << 3,   /* private, of no file and no pool */
    OBJECT = 1 << 4, /* of a file, or shared, of no pool; -EACCES unless both shared and writable */
    READABLE = 1 << 5,
    WRITABLE = 1 << 6,
};

/*
 * An advice: what it needs, what it does, or else the flags that it changes. Neither: it is about
 * what is not here, read-ahead and core files.
 */
struct advice {
    int number;
    unsigned needs;
    long (*act)(struct mm *mm, struct range range);
    uint32_t set, clear;
};

/* Private pages read as zeros or as the file again, shared ones are in the object still. */
static long forget(struct mm *mm, struct range range)
{
    uint64_t again[PT_LEVELS] = {0};
    struct gather g;

    range.end = hugetlb_floor(mm, range.end);
    if (hugetlb_cuts(mm, range))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.start >= range.end)
        return 0;

    tlb_begin(&g, mm, &mm->pt);
    if (hugetlb_may_forget(mm, range, again) || tlb_reserve(&g, range)) {
        tlb_finish(&g);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }

    /* ---- point of no return ---- */
    hugetlb_promise_again(again);
    mmap_forget(vma_find(mm, range.start), range, &g);
    tlb_finish(&g);
    return 0;
}

/* The object's pages go, for all that show them. The lock is free meanwhile, as on Linux. */
static long remove_pages(struct mm *mm, struct range range)
{
    while (range.start < range.end) {
        struct vma *vma = vma_overlapping(mm, range);
        struct range part;
        struct object *object;
        uint64_t off;

        if (!vma || !vma->object)
            return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
        part = (struct range){max_u64(vma->start, range.start), min_u64(vma->end, range.end)};
        object = object_get(vma->object);
        off = vma_pgoff(vma, part.start) << PAGE_SHIFT;
        port_unlock_write(&mm->lock);
        object_punch(object, off, range_size(part));
        object_put(object);
        port_lock_write(&mm->lock);
        range.start = part.end;
    }
    return 0;
}

/* Where memory runs out or an object ends half-way, some pages are there that were not. */
static long fetch_to_read(struct mm *mm, struct range range)
{
    return mmap_populate_for(mm, range, ACCESS_READ);
}

static long fetch_to_write(struct mm *mm, struct range range)
{
    return mmap_populate_for(mm, range, ACCESS_WRITE);
}

/* clang-format off */
static const struct advice advices[] = {
    {MADV_NORMAL,          0,                               NULL, 0, 0},
    {MADV_RANDOM,          0,                               NULL, 0, 0},
    {MADV_SEQUENTIAL,      0,                               NULL, 0, 0},
    {MADV_WILLNEED,        0,                               NULL, 0, 0},
    {MADV_DONTDUMP,        0,                               NULL, 0, 0},
    {MADV_DODUMP,          0,                               NULL, 0, 0},
    {MADV_COLD,            UNLOCKED | NOT_OF_POOL,          NULL, 0, 0},
    {MADV_PAGEOUT,         UNLOCKED | NOT_OF_POOL,          NULL, 0, 0},
    {MADV_DONTNEED,        DISCARDS | UNLOCKED,             forget, 0, 0},
    {MADV_DONTNEED_LOCKED, DISCARDS,                        forget, 0, 0},
    {MADV_FREE,            DISCARDS | UNLOCKED | ANONYMOUS, forget, 0, 0}, /* now is allowed, too */
    {MADV_REMOVE,          DISCARDS | UNLOCKED | OBJECT,    remove_pages, 0, 0},
    {MADV_POPULATE_READ,   READABLE,                        fetch_to_read, 0, 0},
    {MADV_POPULATE_WRITE,  WRITABLE,                        fetch_to_write, 0, 0},
    {MADV_DONTFORK,        DISCARDS,                        NULL, VMA_DONTFORK, 0},
    {MADV_DOFORK,          0,                               NULL, 0, VMA_DONTFORK},
    {MADV_WIPEONFORK,      DISCARDS | ANONYMOUS,            NULL, VMA_WIPEONFORK, 0},
    {MADV_KEEPONFORK,      0,                               NULL, 0, VMA_WIPEONFORK},
    {MADV_HUGEPAGE,        0,                               NULL, VMA_HUGEPAGE, VMA_NOHUGEPAGE},
    {MADV_NOHUGEPAGE,      0,                               NULL, VMA_NOHUGEPAGE, VMA_HUGEPAGE},
};
/* clang-format on */

static const struct advice *find_advice(int number)
{
    for (unsigned i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        if (advices[i].number == number)
            return &advices[i];
    return NULL;
}

static long check_vma(const struct vma *vma, unsigned needs)
{
    const uint32_t shared = VMA_SHARED | VMA_MAYWRITE;
    const uint32_t sealed = VMA_SEALED | VMA_WRITE;
    unsigned has = 0;

    if ((needs & DISCARDS) && !vma->object && (vma->flags & sealed) == VMA_SEALED)
        return mm_refuse(-EPERM, REFUSE_SEALED);
    has |= vma->flags & VMA_LOCKED ? 0 : UNLOCKED;
    has |= vma->flags & VMA_HUGETLB ? 0 : NOT_OF_POOL | (vma->object ? OBJECT : ANONYMOUS);
    has |= vma->flags & VMA_READ ? READABLE : 0;
    has |= vma->flags & VMA_WRITE ? WRITABLE : 0;
    if (needs & ~has & ~(unsigned)DISCARDS)
        return mm_refuse(-EINVAL, REFUSE_ACCESS);
    if ((needs & OBJECT) && (vma->flags & shared) != shared)
        return mm_refuse(-EACCES, REFUSE_ACCESS);
    return 0;
}

/*
 * All or none. The lowest VMA that must not be treated so decides, or else a hole; where pages are
 * fetched, the lower of the two.
 */
static long check_range(const struct mm *mm, struct range range, unsigned needs)
{
    vaddr_t hole = vma_first_hole(mm, range);
    vaddr_t end = needs & (READABLE | WRITABLE) ? hole : range.end;
    long err = 0;

    for (struct vma *vma = vma_find(mm, range.start); !err && vma && vma->start < end;
         vma = vma->next)
        err = check_vma(vma, needs);
    return !err && hole < range.end ? mm_refuse(-ENOMEM, REFUSE_UNMAPPED) : err;
}

/* Too many VMAs, or too little memory for them, is -EAGAIN here. */
static long follow(struct mm *mm, struct range range, const struct advice *advice)
{
    long err = check_range(mm, range, advice->needs);

    if (err)
        return err;
    if (advice->act)
        return advice->act(mm, range);
    if (!advice->set && !advice->clear)
        return 0;
    if (hugetlb_cuts(mm, range))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    return mmap_mark(mm, range, advice->set, advice->clear) ? -EAGAIN : 0;
}

long mm_madvise(struct mm *mm, vaddr_t addr, uint64_t len, int number)
{
    const struct advice *advice = find_advice(number);
    struct range range = {addr, addr + page_align(len)};

    mm_assert(port_locked_write(&mm->lock));
    if (!advice)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.end < range.start || (len && page_align(len) == 0))
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    return len ? follow(mm, range, advice) : 0;
}

/* ---- What is there ---- */

/*
 * Whether the page of @vma at @addr is in memory: mapped, or in the object where a fault would find
 * it.
 */
static bool resident(struct mm *mm, const struct vma *vma, vaddr_t addr)
{
    uint64_t index = vma_pgoff(vma, addr);
    paddr_t page;

    if (pt_page(&mm->pt, addr))
        return true;
    if (!vma->object || index << PAGE_SHIFT >= object_size(vma->object))
        return false;
    return object_page(vma->object, index, false, &page) == 0 && page != 0;
}

long mm_mincore(struct mm *mm, vaddr_t addr, uint64_t pages, uint8_t *vec)
{
    struct range range = {addr, addr + (pages << PAGE_SHIFT)};
    struct vma *vma = vma_find(mm, addr);

    mm_assert(port_locked(&mm->lock));
    if (vma_first_hole(mm, range) < range.end)
        return mm_refuse(-ENOMEM, REFUSE_UNMAPPED);
    for (uint64_t i = 0; i < pages; i++, addr += PAGE_SIZE) {
        if (addr >= vma->end)
            vma = vma->next;
        vec[i] = resident(mm, vma, addr);
    }
    return 0;
}

long mm_msync(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t flags)
{
    struct range range = {addr, addr + page_align(len)};

    mm_assert(port_locked(&mm->lock));
    if ((flags & ~(uint32_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (range.end < range.start)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if ((flags & MS_INVALIDATE) && vma_pages_with(mm, range, VMA_LOCKED, VMA_LOCKED))
        return mm_refuse(-EBUSY, REFUSE_ACCESS);
    return vma_first_hole(mm, range) < range.end ? mm_refuse(-ENOMEM, REFUSE_UNMAPPED) : 0;
}
