/* VMAs: find, gap, split and merge, of which all else is made. See mm/vma.h. */
#include "mm/vma.h"

#include "mm/trace.h"

/* ---- Find ---- */

/*
 * One call looks for the same VMA again and again, so the last one is remembered. It is no part of what
 * an address space is, so one that is const may have it changed.
 */
static void remember(const struct mm *mm, const struct vma *vma)
{
    ((struct mm *)mm)->found = (struct vma *)vma;
}

/* In the tree. */
static struct vma *search(const struct mm *mm, vaddr_t addr)
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
    remember(mm, best);
    return best;
}

/* The last one is looked at first, and if it is too low the one behind it: neighbours tell that none is between. */
struct vma *vma_find(const struct mm *mm, vaddr_t addr)
{
    struct vma *found = mm->found;

    if (!found)
        return search(mm, addr);
    if (found->end > addr)
        return !found->prev || found->prev->end <= addr ? found : search(mm, addr);
    return !found->next || found->next->end > addr ? found->next : search(mm, addr);
}

/* ---- Gaps ---- */

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

/* The highest VMA of the subtree of @vma with a gap of @gap bytes or more below @high. */
static const struct vma *highest(const struct vma *vma, uint64_t gap, vaddr_t high)
{
    while (vma->end < high && vma->right && vma->right->max_gap >= gap)
        vma = vma->right;
    return vma;
}

/* The next lower one, in reverse order of addresses; subtrees without such a gap are left out. */
static const struct vma *next_lower(const struct vma *vma, uint64_t gap, vaddr_t low, vaddr_t high)
{
    if (vma->start > low && vma->left && vma->left->max_gap >= gap)
        return highest(vma->left, gap, high);
    while (vma->parent && vma->parent->left == vma)
        vma = vma->parent;
    return vma->parent;
}

/* The first one, as the next ones below. Mostly it is the gap below the stack, with nothing between it and @high. */
static const struct vma *first_below(const struct mm *mm, uint64_t gap, vaddr_t high)
{
    const struct vma *last = mm->last;

    if (last && last->gap >= gap && (!last->prev || last->prev->end < high))
        return last;
    return last ? highest(mm->tree, gap, high) : NULL;
}

vaddr_t vma_gap_below(const struct mm *mm, uint64_t len, vaddr_t low, vaddr_t high)
{
    uint64_t gap = min_u64(len, VMA_GAP_MOST);
    const struct vma *vma = first_below(mm, gap, high);
    vaddr_t found = fit(mm->last ? mm->last->end : 0, high, len, low, high);

    while (!found && vma) {
        remember(mm, vma); /* as the one above the place, which is looked for next */
        if (vma->gap >= gap)
            found = fit(vma->prev ? vma->prev->end : 0, vma_low(vma), len, low, high);
        if (!found)
            vma = next_lower(vma, gap, low, high);
    }
    return found;
}

/* ---- Split ---- */

struct vma *vma_split(struct mm *mm, struct vma *vma, vaddr_t at, struct vma_reserve *reserve)
{
    struct vma *upper = vma_reserve_take(reserve);

    mm_assert(vma->start < at && at < vma->end);
    TRACE(TRACE_VMA, .what = EVENT_VMA_SPLIT, .a = vma->start, .b = vma->end, .c = at,
          .space = mm->pt.space);
    upper->start = at;
    upper->end = vma->end;
    upper->flags = vma->flags;
    upper->touched = vma->touched;
    upper->anon = vma->anon;
    upper->object = vma->object ? object_get(vma->object) : NULL;
    upper->pgoff = vma_pgoff(vma, at);
    vma_resize(mm, vma, vma->start, at);
    vma_insert(mm, upper);
    return upper;
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
    struct vma *vma = vma_find(mm, range.start);
    struct vma *below = vma ? vma->prev : mm->last;

    if (below && below->end == range.start)
        vma = below;
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
        vma->touched |= next->touched;
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
