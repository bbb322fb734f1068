/* VMAs: set aside, found by more than their address, linked, cut, counted; mm/vma_core.c does the rest. */
#include "mm/vma.h"

#include "kernel/abi/errno.h"
#include "mm/trace.h"
#include "mm/vma_tree.h"

void vma_rights(uint32_t flags, char text[5])
{
    text[0] = flags & VMA_READ ? 'r' : '-';
    text[1] = flags & VMA_WRITE ? 'w' : '-';
    text[2] = flags & VMA_EXEC ? 'x' : '-';
    text[3] = flags & VMA_SHARED ? 's' : 'p';
    text[4] = '\0';
}

/* ---- Reserve ---- */

static void reserve_add(struct vma_reserve *reserve, struct vma *vma)
{
    vma->next = reserve->head;
    reserve->head = vma;
}

/* The same with new ones. */
static long fill_anew(struct vma_reserve *reserve, unsigned count)
{
    struct vma *before = reserve->head;

    while (count--) {
        struct vma *vma = port_alloc(sizeof(*vma));

        if (!vma) {
            while (reserve->head != before)
                port_free(vma_reserve_take(reserve), sizeof(*vma));
            return -ENOMEM;
        }
        reserve_add(reserve, vma);
    }
    return 0;
}

long vma_reserve_fill(struct mm *mm, struct vma_reserve *reserve, unsigned count)
{
    struct vma *spare = mm->spare;

    if (!spare || count == 0)
        return fill_anew(reserve, count);
    if (count > 1 && fill_anew(reserve, count - 1))
        return -ENOMEM;
    reserve_add(reserve, spare);
    mm->spare = NULL;
    return 0;
}

struct vma *vma_reserve_take(struct vma_reserve *reserve)
{
    struct vma *vma = reserve->head;

    mm_assert(vma);
    reserve->head = vma->next;
    return vma;
}

void vma_reserve_free(struct mm *mm, struct vma_reserve *reserve)
{
    if (!mm->spare)
        mm->spare = vma_reserve_take(reserve);
    while (reserve->head)
        port_free(vma_reserve_take(reserve), sizeof(struct vma));
}

/* ---- Find ---- */

vaddr_t vma_low(const struct vma *vma)
{
    if (!(vma->flags & VMA_GROWSDOWN))
        return vma->start;
    return vma->start > mm_config.stack_guard ? vma->start - mm_config.stack_guard : 0;
}

uint64_t vma_gap(const struct vma *vma)
{
    vaddr_t floor = vma->prev ? vma->prev->end : 0;
    vaddr_t low = vma_low(vma);

    return low > floor ? min_u64(low - floor, VMA_GAP_MOST) : 0;
}

uint64_t vma_pgoff(const struct vma *vma, vaddr_t addr)
{
    return vma->pgoff + (addr >> PAGE_SHIFT) - (vma->start >> PAGE_SHIFT);
}

struct vma *vma_at(const struct mm *mm, vaddr_t addr)
{
    struct vma *vma = vma_find(mm, addr);

    return vma && vma->start <= addr ? vma : NULL;
}

struct vma *vma_overlapping(const struct mm *mm, struct range range)
{
    struct vma *vma = vma_find(mm, range.start);

    return vma && vma->start < range.end ? vma : NULL;
}

struct vma_overlap vma_overlaps(const struct mm *mm, struct range range)
{
    struct vma *vma = vma_overlapping(mm, range);
    struct vma_overlap o = {vma, vma, 0, false};

    for (; vma && vma->start < range.end; vma = vma->next) {
        o.last = vma;
        o.flags |= vma->flags;
        o.touched |= vma->touched;
    }
    return o;
}

vaddr_t vma_first_hole(const struct mm *mm, struct range range)
{
    vaddr_t at = range.start;

    for (struct vma *vma = vma_find(mm, at); vma && vma->start <= at && at < range.end;
         vma = vma->next)
        at = vma->end;
    return min_u64(at, range.end);
}

uint64_t vma_pages_with(const struct mm *mm, struct range range, uint32_t mask, uint32_t flags)
{
    uint64_t bytes = 0;

    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next)
        if ((vma->flags & mask) == flags)
            bytes += min_u64(vma->end, range.end) - max_u64(vma->start, range.start);
    return bytes >> PAGE_SHIFT;
}

bool vma_sealed(const struct mm *mm, struct range range)
{
    return vma_pages_with(mm, range, VMA_SEALED, VMA_SEALED) > 0;
}

/*
 * A floor is looked for from @addr downwards. What lies in @a or @b does not count, so the search
 * steps over both, and over free space:
 *
 *         floor                                       addr
 *     |VVVVV|.......|VV[aaaaaaaa]VV|....|[bbbbbb]|......|
 *                      <- over a        <- over b
 *                   here the floor is the end of the V below a, if a does not start its VMA
 */
static bool step_over(vaddr_t *at, struct range r, bool down)
{
    bool inside = down ? *at > r.start && *at <= r.end : *at >= r.start && *at < r.end;

    if (inside)
        *at = down ? r.start : r.end;
    return inside;
}

vaddr_t vma_floor(const struct mm *mm, const struct vma *vma, vaddr_t addr, struct range a,
                  struct range b)
{
    if (!vma || vma->start >= addr)
        vma = vma ? vma->prev : mm->last;
    for (; vma; vma = vma->prev) {
        vaddr_t end = min_u64(vma->end, addr);

        while (step_over(&end, a, true) || step_over(&end, b, true))
            ;
        if (end > vma->start)
            return end;
    }
    return 0;
}

vaddr_t vma_ceiling(const struct vma *vma, vaddr_t addr, struct range a, struct range b)
{
    for (; vma; vma = vma->next) {
        vaddr_t start = max_u64(vma->start, addr);

        while (step_over(&start, a, false) || step_over(&start, b, false))
            ;
        if (start < vma->end)
            return start;
    }
    return USER_END;
}

/* ---- Change ---- */

/* Add @pages of a VMA with @flags to the counters of @mm; less than none: take them out. */
static inline void account(struct mm *mm, uint32_t flags, uint64_t pages)
{
    mm->total_pages += pages;
    mm->peak_pages = max_u64(mm->peak_pages, mm->total_pages);
    if (flags & VMA_GROWSDOWN)
        mm->stack_pages += pages;
    else if (vma_is_data(flags))
        mm->data_pages += pages;
    if (flags & VMA_LOCKED)
        mm->locked_pages += pages;
    if (flags & VMA_ACCOUNT)
        mm->committed_pages += pages;
}

static void list_insert(struct mm *mm, struct vma *vma)
{
    struct vma *next = vma_find(mm, vma->start);

    vma->next = next;
    vma->prev = next ? next->prev : mm->last;
    *(vma->prev ? &vma->prev->next : &mm->first) = vma;
    *(next ? &next->prev : &mm->last) = vma;
    mm->found = vma;
}

void vma_insert(struct mm *mm, struct vma *vma)
{
    mm_assert(vma->start < vma->end && vma->end <= USER_END);
    list_insert(mm, vma);
    mm_assert(!vma->next || vma->next->start >= vma->end);
    vma_tree_insert(mm, vma);
    mm->vma_count++;
    account(mm, vma->flags, vma_pages(vma));
    TRACE(TRACE_VMA, .what = EVENT_VMA_INSERT, .a = vma->start, .b = vma->end, .c = vma->flags,
          .words = vma->object ? object_name(vma->object) : NULL, .space = mm->pt.space);
}

static inline void unlink_vma(struct mm *mm, struct vma *vma)
{
    account(mm, vma->flags, -vma_pages(vma));
    mm->vma_count--;
    *(vma->prev ? &vma->prev->next : &mm->first) = vma->next;
    *(vma->next ? &vma->next->prev : &mm->last) = vma->prev;
    vma_tree_remove(mm, vma);
    if (mm->found == vma)
        mm->found = vma->next;
}

static void trace_remove(const struct mm *mm, const struct vma *vma)
{
    TRACE(TRACE_VMA, .what = EVENT_VMA_REMOVE, .a = vma->start, .b = vma->end, .c = vma->flags,
          .space = mm->pt.space);
}

static inline void retire(struct mm *mm, struct vma *vma, struct vma_reserve *reserve)
{
    trace_remove(mm, vma);
    unlink_vma(mm, vma);
    if (vma->object)
        object_put(vma->object);
    vma->object = NULL;
    vma->anon = 0;
    vma->touched = false;
    reserve_add(reserve, vma);
}

void vma_retire(struct mm *mm, struct vma *vma, struct vma_reserve *reserve)
{
    retire(mm, vma, reserve);
}

void vma_free_all(struct mm *mm)
{
    uint64_t pages = 0;

    while (mm->first) {
        struct vma *vma = mm->first;

        trace_remove(mm, vma);
        pages += vma_pages(vma);
        mm->first = vma->next;
        if (vma->object)
            object_put(vma->object);
        port_free(vma, sizeof(*vma));
    }
    if (mm->spare)
        port_free(mm->spare, sizeof(*mm->spare));
    mm_assert(pages == mm->total_pages);
}

void vma_relocate(struct mm *mm, struct vma *vma, vaddr_t start, vaddr_t end)
{
    bool starts; /* elsewhere than before */

    mm_assert(start < end);
    mm_assert(!vma->prev || vma->prev->end <= start);
    mm_assert(!vma->next || vma->next->start >= end);
    TRACE(TRACE_VMA, .what = EVENT_VMA_RESIZE, .a = vma->start, .b = vma->end, .c = start, .d = end,
          .space = mm->pt.space);
    account(mm, vma->flags, ((end - start) >> PAGE_SHIFT) - vma_pages(vma));
    starts = vma->start != start;
    vma->start = start;
    vma->end = end;
    mm->found = vma;
    if (starts)
        vma_tree_update(vma);
    if (vma->next)
        vma_tree_update(vma->next);
}

void vma_resize(struct mm *mm, struct vma *vma, vaddr_t start, vaddr_t end)
{
    vma->pgoff = vma_pgoff(vma, start);
    vma_relocate(mm, vma, start, end);
}

void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags)
{
    if (vma->flags == flags)
        return;
    TRACE(TRACE_VMA, .what = EVENT_VMA_FLAGS, .a = vma->start, .b = vma->end, .c = flags,
          .d = vma->flags, .space = mm->pt.space);
    account(mm, vma->flags, -vma_pages(vma));
    account(mm, flags, vma_pages(vma));
    vma->flags = flags;
    vma_tree_update(vma);
}

bool vma_splits_at(const struct mm *mm, vaddr_t at)
{
    struct vma *vma = vma_at(mm, at);

    return vma && vma->start < at;
}

void vma_split_at(struct mm *mm, vaddr_t at, struct vma_reserve *reserve)
{
    if (vma_splits_at(mm, at))
        vma_split(mm, vma_at(mm, at), at, reserve);
}

bool vma_cut_splits(const struct mm *mm, struct range range)
{
    struct vma *vma = range.start < range.end ? vma_at(mm, range.start) : NULL;

    return vma && vma->start < range.start && vma->end > range.end;
}

/*
 *        start                    end
 *     |AAAA[AAA]    [BBBBB]     [CC]CC|      A loses its end, B goes, C loses its start;
 *     |AAAA[AAAAAAAAAAAAAAAAAAAAAAA]AA|      an A around it all is split first
 */
void vma_cut_from(struct mm *mm, struct vma *first, struct range range, struct vma_reserve *reserve)
{
    struct vma *vma = first;

    if (vma->start < range.start && vma->end > range.end)
        vma_split(mm, vma, range.end, reserve);
    do {
        struct vma *next = vma->next;

        if (vma->start < range.start)
            vma_resize(mm, vma, vma->start, range.start);
        else if (vma->end > range.end)
            vma_resize(mm, vma, range.end, vma->end);
        else
            retire(mm, vma, reserve);
        vma = next;
    } while (vma && vma->start < range.end);
}

void vma_cut(struct mm *mm, struct range range, struct vma_reserve *reserve)
{
    struct vma *first = range.start < range.end ? vma_overlapping(mm, range) : NULL;

    if (first)
        vma_cut_from(mm, first, range, reserve);
}

/* ---- Limits ---- */

bool vma_may_expand(const struct mm *mm, uint32_t flags, uint64_t pages)
{
    if (mm->total_pages + pages > mm->limits.as >> PAGE_SHIFT)
        return false;
    if (!vma_is_data(flags))
        return true;
    return mm->data_pages + pages <= mm->limits.data >> PAGE_SHIFT;
}

bool vma_may_lock(const struct mm *mm, uint32_t flags, uint64_t pages)
{
    return !(flags & VMA_LOCKED) || mm->locked_pages + pages <= mm->limits.memlock >> PAGE_SHIFT;
}

bool vma_may_commit(uint32_t flags, uint64_t pages)
{
    if (!vma_is_reserved(flags) || mm_config.overcommit == OVERCOMMIT_ALWAYS)
        return true;
    if (mm_config.overcommit == OVERCOMMIT_NEVER)
        return pages + mm_committed() <= mm_commit_limit();
    return pages <= port_frames_total();
}
