/* VMAs: find, link, split, merge, cut. See mm/vma.h. */
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

long vma_reserve_fill(struct vma_reserve *reserve, unsigned count)
{
    struct vma_reserve added = {NULL};

    while (count--) {
        struct vma *vma = port_alloc(sizeof(*vma));

        if (!vma) {
            vma_reserve_drain(&added);
            return -ENOMEM;
        }
        vma->next = added.head;
        added.head = vma;
    }
    while (added.head) {
        struct vma *vma = vma_reserve_take(&added);

        vma->next = reserve->head;
        reserve->head = vma;
    }
    return 0;
}

struct vma *vma_reserve_take(struct vma_reserve *reserve)
{
    struct vma *vma = reserve->head;

    mm_assert(vma);
    reserve->head = vma->next;
    return vma;
}

void vma_reserve_drain(struct vma_reserve *reserve)
{
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

uint64_t vma_pgoff(const struct vma *vma, vaddr_t addr)
{
    return vma->pgoff + (addr >> PAGE_SHIFT) - (vma->start >> PAGE_SHIFT);
}

struct vma *vma_find(const struct mm *mm, vaddr_t addr)
{
    struct vma *best = NULL;

    for (struct vma *vma = mm->tree; vma;) {
        if (vma->end > addr) {
            best = vma;
            if (vma->start <= addr)
                break;
            vma = vma->left;
        } else {
            vma = vma->right;
        }
    }
    return best;
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
 * The part of a gap [start, end) that lies in [low, high); the highest place for @len bytes in it,
 * or 0.
 */
static vaddr_t fit(vaddr_t start, vaddr_t end, uint64_t len, vaddr_t low, vaddr_t high)
{
    start = max_u64(start, low);
    end = min_u64(end, high);
    return end > start && end - start >= len ? end - len : 0;
}

/* The highest VMA of the subtree of @vma whose gap may hold @len bytes below @high. */
static const struct vma *highest(const struct vma *vma, uint64_t len, vaddr_t high)
{
    while (vma->end < high && vma->right && vma->right->max_gap >= len)
        vma = vma->right;
    return vma;
}

/* The next lower one, in reverse order of addresses; subtrees without such a gap are left out. */
static const struct vma *next_lower(const struct vma *vma, uint64_t len, vaddr_t low, vaddr_t high)
{
    if (vma->start > low && vma->left && vma->left->max_gap >= len)
        return highest(vma->left, len, high);
    while (vma->parent && vma->parent->left == vma)
        vma = vma->parent;
    return vma->parent;
}

vaddr_t vma_gap_below(const struct mm *mm, uint64_t len, vaddr_t low, vaddr_t high)
{
    const struct vma *vma = mm->tree ? highest(mm->tree, len, high) : NULL;
    vaddr_t found = fit(mm->last ? mm->last->end : 0, high, len, low, high);

    for (; vma && !found; vma = next_lower(vma, len, low, high))
        if (vma->gap >= len)
            found = fit(vma_low(vma) - vma->gap, vma_low(vma), len, low, high);
    return found;
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

vaddr_t vma_floor(const struct mm *mm, vaddr_t addr, struct range a, struct range b)
{
    struct vma *vma = vma_find(mm, addr);

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

vaddr_t vma_ceiling(const struct mm *mm, vaddr_t addr, struct range a, struct range b)
{
    for (struct vma *vma = vma_find(mm, addr); vma; vma = vma->next) {
        vaddr_t start = max_u64(vma->start, addr);

        while (step_over(&start, a, false) || step_over(&start, b, false))
            ;
        if (start < vma->end)
            return start;
    }
    return USER_END;
}

/* ---- Change ---- */

/* Add @vma to the counters of @mm (@sign 1), or take it out (-1). */
static void account(struct mm *mm, const struct vma *vma, int sign)
{
    uint64_t pages = vma_pages(vma) * (uint64_t)sign;

    mm->total_pages += pages;
    mm->peak_pages = max_u64(mm->peak_pages, mm->total_pages);
    if (vma->flags & VMA_GROWSDOWN)
        mm->stack_pages += pages;
    else if (vma_is_data(vma->flags))
        mm->data_pages += pages;
    if (vma->flags & VMA_LOCKED)
        mm->locked_pages += pages;
    if (vma->flags & VMA_ACCOUNT)
        mm->committed_pages += pages;
}

static void list_insert(struct mm *mm, struct vma *vma)
{
    struct vma *next = vma_find(mm, vma->start);

    vma->next = next;
    vma->prev = next ? next->prev : mm->last;
    *(vma->prev ? &vma->prev->next : &mm->first) = vma;
    *(next ? &next->prev : &mm->last) = vma;
}

void vma_insert(struct mm *mm, struct vma *vma)
{
    mm_assert(vma->start < vma->end && vma->end <= USER_END);
    list_insert(mm, vma);
    mm_assert(!vma->next || vma->next->start >= vma->end);
    vma_tree_insert(mm, vma);
    mm->vma_count++;
    account(mm, vma, 1);
    TRACE(TRACE_VMA, .what = EVENT_VMA_INSERT, .a = vma->start, .b = vma->end, .c = vma->flags,
          .words = vma->object ? object_name(vma->object) : NULL, .space = mm->pt.space);
}

static void unlink_vma(struct mm *mm, struct vma *vma)
{
    account(mm, vma, -1);
    mm->vma_count--;
    vma_tree_remove(mm, vma);
    *(vma->prev ? &vma->prev->next : &mm->first) = vma->next;
    *(vma->next ? &vma->next->prev : &mm->last) = vma->prev;
    if (vma->next)
        vma_tree_update(vma->next);
}

void vma_retire(struct mm *mm, struct vma *vma, struct vma_reserve *reserve)
{
    TRACE(TRACE_VMA, .what = EVENT_VMA_REMOVE, .a = vma->start, .b = vma->end, .c = vma->flags,
          .space = mm->pt.space);
    unlink_vma(mm, vma);
    if (vma->object)
        object_put(vma->object);
    *vma = (struct vma){.next = reserve->head};
    reserve->head = vma;
}

void vma_relocate(struct mm *mm, struct vma *vma, vaddr_t start, vaddr_t end)
{
    mm_assert(start < end);
    mm_assert(!vma->prev || vma->prev->end <= start);
    mm_assert(!vma->next || vma->next->start >= end);
    TRACE(TRACE_VMA, .what = EVENT_VMA_RESIZE, .a = vma->start, .b = vma->end, .c = start, .d = end,
          .space = mm->pt.space);
    account(mm, vma, -1);
    vma->start = start;
    vma->end = end;
    account(mm, vma, 1);
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
    if (vma->flags != flags)
        TRACE(TRACE_VMA, .what = EVENT_VMA_FLAGS, .a = vma->start, .b = vma->end, .c = flags,
              .d = vma->flags, .space = mm->pt.space);
    account(mm, vma, -1);
    vma->flags = flags;
    account(mm, vma, 1);
    vma_tree_update(vma);
}

struct vma *vma_split(struct mm *mm, struct vma *vma, vaddr_t at, struct vma_reserve *reserve)
{
    struct vma *upper = vma_reserve_take(reserve);

    mm_assert(vma->start < at && at < vma->end);
    TRACE(TRACE_VMA, .what = EVENT_VMA_SPLIT, .a = vma->start, .b = vma->end, .c = at,
          .space = mm->pt.space);
    upper->start = at;
    upper->end = vma->end;
    upper->flags = vma->flags;
    upper->anon = vma->anon;
    upper->object = vma->object ? object_get(vma->object) : NULL;
    upper->pgoff = vma_pgoff(vma, at);
    vma_resize(mm, vma, vma->start, at);
    vma_insert(mm, upper);
    return upper;
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
void vma_cut(struct mm *mm, struct range range, struct vma_reserve *reserve)
{
    struct vma *vma, *next;

    if (range.start >= range.end)
        return;
    if (vma_cut_splits(mm, range))
        vma_split(mm, vma_at(mm, range.start), range.end, reserve);
    for (vma = vma_find(mm, range.start); vma && vma->start < range.end; vma = next) {
        next = vma->next;
        if (vma->start < range.start)
            vma_resize(mm, vma, vma->start, range.start);
        else if (vma->end > range.end)
            vma_resize(mm, vma, range.end, vma->end);
        else
            vma_retire(mm, vma, reserve);
    }
}

/* ---- Merge ---- */

static bool contiguous(const struct vma *a, const struct vma *b)
{
    return a->end == b->start && a->object == b->object && b->pgoff == vma_pgoff(a, a->end);
}

/* Whether the identity of @vma may pass to adjacent memory that has none. */
static bool spreads(const struct vma *vma)
{
    return vma->anon && !(vma->anon & VMA_ANON_INHERITED);
}

static bool same_identity(const struct vma *a, const struct vma *b)
{
    return a->anon == b->anon || (!a->anon && spreads(b)) || (!b->anon && spreads(a));
}

/* Those with pages of a pool never are, as on Linux. */
bool vma_mergeable(const struct vma *a, const struct vma *b)
{
    return !(a->flags & VMA_HUGETLB) && contiguous(a, b) && a->flags == b->flags &&
           same_identity(a, b);
}

void vma_merge(struct mm *mm, struct range range, struct vma_reserve *reserve)
{
    struct vma *vma = vma_find(mm, range.start ? range.start - 1 : 0);

    while (vma && vma->next && vma->next->start <= range.end) {
        struct vma *next = vma->next;
        vaddr_t end;

        if (!vma_mergeable(vma, next)) {
            vma = next;
            continue;
        }
        TRACE(TRACE_VMA, .what = EVENT_VMA_MERGE, .a = vma->start, .b = next->start, .c = next->end,
              .space = mm->pt.space);
        vma->anon = vma->anon ? vma->anon : next->anon;
        end = next->end;
        vma_retire(mm, next, reserve);
        vma_resize(mm, vma, vma->start, end);
    }
}

/* Whether @a and @b could be one but for what mprotect can change. */
static bool kindred(const struct vma *a, const struct vma *b)
{
    return contiguous(a, b) && !((a->flags ^ b->flags) & ~(uint32_t)VMA_ACCESS);
}

void vma_identify(struct mm *mm, struct vma *vma)
{
    if (vma->anon)
        return;
    if (vma->next && spreads(vma->next) && kindred(vma, vma->next))
        vma->anon = vma->next->anon;
    else if (vma->prev && spreads(vma->prev) && kindred(vma->prev, vma))
        vma->anon = vma->prev->anon;
    else
        vma->anon = ++mm->anon_ids;
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
