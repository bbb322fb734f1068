/*
 * VMAs: the areas of an address space, in a list by address and in a search tree that knows the
 * largest gap below any of the VMAs of a subtree. Find and gap search cost O(log n), neighbours
 * O(1). Knows nothing of page tables.
 *
 * Lock: mm's: for read to look, for write to change.
 */
#pragma once

#include "mm/mm.h"

enum {
    VMA_READ = 1 << 0,
    VMA_WRITE = 1 << 1,
    VMA_EXEC = 1 << 2,
    VMA_SHARED = 1 << 3,
    VMA_MAYWRITE = 1 << 4, /* mprotect may add write */
    VMA_GROWSDOWN = 1 << 5,
    VMA_LOCKED = 1 << 6,
    VMA_NORESERVE = 1 << 7,
    VMA_LOCKONFAULT = 1 << 8,
    VMA_ACCOUNT = 1 << 9, /* memory is reserved for it: it is or was private and writable */
    VMA_DONTFORK = 1 << 10,
    VMA_WIPEONFORK = 1 << 11, /* a child has it without its pages */
    VMA_SEALED = 1 << 12,     /* stays where, what and as large as it is */
    VMA_HUGEPAGE = 1 << 16,   /* faults bring huge pages where they can */
    VMA_NOHUGEPAGE = 1 << 17, /* and never */
    VMA_HUGETLB = 1 << 18,    /* all pages are huge ones from a pool: mm/hugetlb.h */
    VMA_HUGE_1G = 1 << 19,    /* of the larger kind */
    VMA_PROMISED = 1 << 20,   /* those that it lacks are promised to it */
};
/* Of these, data has VMA_WRITE alone. */
#define VMA_DATA_MASK (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)
#define VMA_ACCESS (VMA_READ | VMA_WRITE | VMA_EXEC)

/*
 * In an identity: of pages that came with fork. Unlike others it does not pass to adjacent memory
 * that has none, and so keeps that from being merged.
 */
#define VMA_ANON_INHERITED ((uint64_t)1 << 63)

/*
 * One area.
 *
 * @touched: has been given pages. Where false nothing in the area is translated.
 * @anon: identity of its private pages; 0 while it has had none. VMAs of different identity stay
 *        apart, and adjacent ones share it where they could be merged but for their rights. So
 *        maps shows what Linux shows, where an anon_vma does the same.
 * @pgoff: page of @object that the first page shows. Of private anonymous memory: the page number
 *        at which it was first populated, so that only what was once contiguous is merged after
 *        a move.
 */
struct vma {
    vaddr_t start, end;
    uint32_t flags;
    bool touched;
    uint64_t anon;
    struct object *object; /* a reference; NULL for private anonymous memory */
    uint64_t pgoff;        /* pages */

    struct vma *prev, *next;

    /* Search tree, a treap: in address order, and in heap order by priority. */
    struct vma *left, *right, *parent;
    uint32_t priority;
    uint64_t gap;     /* as vma_gap() has it */
    uint64_t max_gap; /* largest in this subtree */
};

/*
 * Larger gaps count as of this many bytes in the tree. So few of them have room that a search may
 * look at each, and what comes and goes at an edge of one, as most mappings do, changes nothing above.
 */
#define VMA_GAP_MOST (USER_END / 128)

/* VMAs set aside before a point of no return, linked by next. */
struct vma_reserve {
    struct vma *head;
};

/* Add @count VMAs, the spare one of @mm first. 0, or -ENOMEM with the reserve as it was. */
[[nodiscard]] long vma_reserve_fill(struct mm *mm, struct vma_reserve *reserve, unsigned count);

/* One of them, with no object, no identity and no pages; what else is in it is the caller's to set. */
struct vma *vma_reserve_take(struct vma_reserve *reserve);

/*
 * Free what was not used, and what was given back by a merge or removal, but for one that @mm keeps
 * as its spare. Drops no object references: see vma_retire.
 */
void vma_reserve_free(struct mm *mm, struct vma_reserve *reserve);

static inline void vma_reserve_drain(struct mm *mm, struct vma_reserve *reserve)
{
    if (reserve->head)
        vma_reserve_free(mm, reserve);
}

static inline uint64_t vma_pages(const struct vma *vma)
{
    return (vma->end - vma->start) >> PAGE_SHIFT;
}

/* The level of the leaves that @vma may have at most; where it is above PT_PTE, of all of them. */
static inline unsigned vma_level(const struct vma *vma)
{
    if (!(vma->flags & VMA_HUGETLB))
        return PT_PTE;
    return vma->flags & VMA_HUGE_1G ? PT_PUD : PT_PMD;
}

static inline struct range vma_range(const struct vma *vma)
{
    return (struct range){vma->start, vma->end};
}

/* "rwxp", or what of it @flags have; "s" for shared. */
void vma_rights(uint32_t flags, char text[5]);

/* Lowest address that must stay free for @vma: its start, less the guard when it grows down. */
vaddr_t vma_low(const struct vma *vma);

/* Free bytes between the previous VMA and @vma, less the guard of a stack; at most VMA_GAP_MOST. */
uint64_t vma_gap(const struct vma *vma);

/* Page of the object, or of the original place, that @addr in @vma shows. */
uint64_t vma_pgoff(const struct vma *vma, vaddr_t addr);

/* ---- Find ---- */

/* The lowest VMA that ends above @addr, or NULL. */
struct vma *vma_find(const struct mm *mm, vaddr_t addr);

/* The VMA that contains @addr, or NULL. */
struct vma *vma_at(const struct mm *mm, vaddr_t addr);

/* The lowest VMA that overlaps @range, or NULL. */
struct vma *vma_overlapping(const struct mm *mm, struct range range);

/*
 * The VMAs that overlap a range: the lowest and the highest, or NULL, the flags that any has, and
 * whether any is touched.
 */
struct vma_overlap {
    struct vma *first, *last;
    uint32_t flags;
    bool touched;
};
struct vma_overlap vma_overlaps(const struct mm *mm, struct range range);

/* Where the first hole in @range starts; its end when there is none. */
vaddr_t vma_first_hole(const struct mm *mm, struct range range);

/* Pages of @range in VMAs of whose flags those in @mask are @flags. */
uint64_t vma_pages_with(const struct mm *mm, struct range range, uint32_t mask, uint32_t flags);

/* Whether a VMA in @range is sealed. */
bool vma_sealed(const struct mm *mm, struct range range);

/* The highest address for @len bytes in a gap within [low, high), or 0. */
vaddr_t vma_gap_below(const struct mm *mm, uint64_t len, vaddr_t low, vaddr_t high);

/*
 * The end of what lives below @addr, or 0; the start of what lives at or above it, or USER_END.
 * What lies in @a or @b does not count: the two ranges of a move are no neighbours of each other
 * (see mm/pt_move.c). @vma: vma_find() of @addr, or for the ceiling one below it.
 */
vaddr_t vma_floor(const struct mm *mm, const struct vma *vma, vaddr_t addr, struct range a,
                  struct range b);
vaddr_t vma_ceiling(const struct vma *vma, vaddr_t addr, struct range a, struct range b);

/* ---- Change. None of these can fail. ---- */

/* Link @vma, whose range is free, and count it. */
void vma_insert(struct mm *mm, struct vma *vma);

/* Unlink @vma, drop its object and put it into @reserve. */
void vma_retire(struct mm *mm, struct vma *vma, struct vma_reserve *reserve);

/*
 * Free all VMAs of @mm, the spare one too. @mm is about to go itself: its tree and its counters are
 * left as they are.
 */
void vma_free_all(struct mm *mm);

/* New bounds for @vma, within the free space around it; @pgoff follows the start. */
void vma_resize(struct mm *mm, struct vma *vma, vaddr_t start, vaddr_t end);

/*
 * Move bounds without pgoff following: the same pages at another place, which is free but for @vma
 * itself.
 */
void vma_relocate(struct mm *mm, struct vma *vma, vaddr_t start, vaddr_t end);

void vma_set_flags(struct mm *mm, struct vma *vma, uint32_t flags);

/*
 * Cut @vma in two at @at, which lies inside; the upper part is a VMA of @reserve and is returned.
 */
struct vma *vma_split(struct mm *mm, struct vma *vma, vaddr_t at, struct vma_reserve *reserve);

/* Split whatever VMA contains @at inside, if any. Needs one of @reserve; see vma_splits_at. */
void vma_split_at(struct mm *mm, vaddr_t at, struct vma_reserve *reserve);
bool vma_splits_at(const struct mm *mm, vaddr_t at);

/*
 * Remove all VMAs, and parts of VMAs, in @range. Needs a VMA of @reserve when vma_cut_splits() says
 * so.
 */
void vma_cut(struct mm *mm, struct range range, struct vma_reserve *reserve);

/* The same; @first is the lowest of them. */
void vma_cut_from(struct mm *mm, struct vma *first, struct range range,
                  struct vma_reserve *reserve);

bool vma_cut_splits(const struct mm *mm, struct range range);

/* Whether a neighbour begins or ends where @vma does, so that the two may have to be merged. */
static inline bool vma_touches(const struct vma *vma)
{
    return (vma->prev && vma->prev->end == vma->start) ||
           (vma->next && vma->next->start == vma->end);
}

/* Merge every two neighbours that can be, from the one before @range to the one after it. */
void vma_merge(struct mm *mm, struct range range, struct vma_reserve *reserve);

/* Whether @a, which ends where @b starts, could be one VMA with it. */
bool vma_mergeable(const struct vma *a, const struct vma *b);

/*
 * @vma is about to get its first private page: give it an identity, a neighbour's where they could
 * be merged.
 */
void vma_identify(struct mm *mm, struct vma *vma);

/* ---- Limits ---- */

/* Whether pages of a VMA with @flags count as data (RLIMIT_DATA). */
static inline bool vma_is_data(uint32_t flags)
{
    return (flags & VMA_DATA_MASK) == VMA_WRITE;
}

/* Whether memory of a VMA with @flags is reserved for: private, writable, not NORESERVE. */
static inline bool vma_is_reserved(uint32_t flags)
{
    return (flags & (VMA_WRITE | VMA_SHARED | VMA_NORESERVE)) == VMA_WRITE;
}

/* Whether @mm may map @pages more with @flags under its limits (RLIMIT_AS, RLIMIT_DATA). */
bool vma_may_expand(const struct mm *mm, uint32_t flags, uint64_t pages);

/* Whether @mm may lock @pages more if @flags has VMA_LOCKED (RLIMIT_MEMLOCK). */
bool vma_may_lock(const struct mm *mm, uint32_t flags, uint64_t pages);

/*
 * Whether @pages more with @flags may be promised: private writable memory no more than the machine
 * could ever hold, or what mm_config.overcommit says in place of that.
 */
bool vma_may_commit(uint32_t flags, uint64_t pages);
