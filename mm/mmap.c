/*
 * mmap and munmap. Like every call on an address space, each decides, reserves and commits, in
 * this order. The answers are those of Linux 6.18, but that a call which fails changes nothing.
 */
#include "mm/mmap.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/huge_pool.h"
#include "mm/hugetlb.h"
#include "mm/object.h"

/* ---- Unmapping ---- */

void mmap_forget(const struct vma *vma, struct range range, struct gather *g)
{
    for (; vma && vma->start < range.end; vma = vma->next) {
        struct range part = {max_u64(vma->start, range.start), min_u64(vma->end, range.end)};

        if (tlb_zap(g, part))
            tlb_prune(g, part);
    }
}

/* A range that is unmapped, by munmap or for what takes its place. */
struct clearing {
    struct mm *mm;
    struct range range;
    struct vma_overlap vmas; /* what is there */
    struct gather gather;    /* begun where a VMA is touched */
};

/* Whether a VMA is there of which both ends stay. */
static bool clear_splits(const struct clearing *c)
{
    return c->vmas.first->start < c->range.start && c->vmas.first->end > c->range.end;
}

/* Whether an end of the range parts a page of a pool. */
static bool clear_cuts(const struct clearing *c)
{
    return (c->vmas.flags & VMA_HUGETLB) && hugetlb_cuts(c->mm, c->range);
}

/* Whether @addr may part a huge leaf of @vma, in which all that such a leaf translates lies. */
static bool may_cut_leaf(const struct vma *vma, vaddr_t addr)
{
    vaddr_t leaf = pt_floor(addr, PT_PMD);

    return leaf != addr && vma->start <= leaf && leaf + pt_span(PT_PMD) <= vma->end;
}

/*
 * Set aside what it takes: a VMA for the split, and tables for huge leaves that the ends of the range
 * cut. 0 or -ENOMEM; clear_commit() or clear_undo() follows.
 */
static inline long clear_reserve(struct clearing *c, struct vma_reserve *reserve)
{
    const struct vma *first = c->vmas.first;

    if (c->vmas.touched)
        tlb_begin(&c->gather, c->mm, &c->mm->pt);
    if (clear_splits(c) && vma_reserve_fill(c->mm, reserve, 1))
        return -ENOMEM;
    if (c->vmas.touched &&
        (may_cut_leaf(first, c->range.start) || may_cut_leaf(c->vmas.last, c->range.end)))
        return tlb_reserve(&c->gather, c->range);
    return 0;
}

static void clear_undo(struct clearing *c)
{
    if (c->vmas.touched)
        tlb_finish(&c->gather);
}

/* Unmap VMAs, pages and the tables emptied. Cannot fail. */
static inline void clear_commit(struct clearing *c, struct vma_reserve *reserve)
{
    if (c->vmas.flags & VMA_PROMISED)
        hugetlb_unmap(c->mm, c->range);
    if (c->vmas.touched)
        mmap_forget(c->vmas.first, c->range, &c->gather);
    vma_cut_from(c->mm, c->vmas.first, c->range, reserve);
    if (c->vmas.touched)
        tlb_finish(&c->gather);
}

long mm_munmap(struct mm *mm, vaddr_t addr, uint64_t len)
{
    struct vma_reserve reserve = {NULL};
    struct clearing c;

    mm_assert(port_locked_write(&mm->lock));
    if (page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (addr > TASK_SIZE || len > TASK_SIZE - addr || len == 0)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    c.mm = mm;
    c.range = (struct range){addr, addr + page_align(len)};
    c.vmas = vma_overlaps(mm, c.range);
    if (!c.vmas.first)
        return 0;
    if (clear_cuts(&c))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (clear_splits(&c) && mm->vma_count >= mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (c.vmas.flags & VMA_SEALED)
        return mm_refuse(-EPERM, REFUSE_SEALED);
    if (clear_reserve(&c, &reserve)) {
        clear_undo(&c);
        vma_reserve_drain(mm, &reserve);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }

    /* ---- point of no return ---- */
    clear_commit(&c, &reserve);
    vma_reserve_drain(mm, &reserve);
    return 0;
}

/* ---- Mapping ---- */

uint32_t mmap_prot_flags(uint32_t prot)
{
    return (prot & PROT_READ ? VMA_READ : 0) | (prot & PROT_WRITE ? VMA_WRITE : 0) |
           (prot & PROT_EXEC ? VMA_EXEC : 0);
}

/* The highest gap below @high, in which the mapping may be moved down to a multiple of @align. */
static vaddr_t gap_below(const struct mm *mm, uint64_t len, uint64_t align, vaddr_t high)
{
    uint64_t room = len + align - PAGE_SIZE;
    vaddr_t found = vma_gap_below(mm, room, mm_config.mmap_min_addr, high);

    return found ? (found + room - len) & ~(align - 1) : 0;
}

vaddr_t mmap_place(const struct mm *mm, vaddr_t addr, uint64_t len, uint64_t align)
{
    vaddr_t found;

    addr = (addr + align - 1) & ~(align - 1);
    if (addr && addr >= mm_config.mmap_min_addr && addr < TASK_SIZE && len <= TASK_SIZE - addr) {
        struct vma *vma = vma_find(mm, addr);

        if (!vma || addr + len <= vma_low(vma))
            return addr;
    }
    if (!pt_offset(len, PT_PMD) && align < pt_span(PT_PMD)) { /* entries of it can move whole */
        found = gap_below(mm, len, pt_span(PT_PMD), mm->layout.mmap_base);
        if (found)
            return found;
    }
    found = gap_below(mm, len, align, mm->layout.mmap_base);
    return found ? found : gap_below(mm, len, align, TASK_SIZE);
}

/* One mmap call on its way. */
struct map {
    struct mm *mm;
    struct range range;
    bool replaces; /* what is mapped in the range: then *old says what */
    struct clearing *old;
    unsigned level; /* of the leaves that are asked for: PT_PTE but for MAP_HUGETLB */
    uint32_t map_flags;
    uint32_t vma_flags;
    struct object *object; /* a reference of this call's own */
    uint64_t pgoff;
};

/* Which pages are asked for: 2 MiB where MAP_HUGETLB does not say more. False for none that there are. */
static bool map_level(struct map *m, bool anonymous)
{
    unsigned log = m->map_flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

    m->level = PT_PTE;
    if (!(m->map_flags & MAP_HUGETLB))
        return true;
    m->level = PT_PMD;
    while (m->level < PT_TOP && log && pt_shift(m->level) != log)
        m->level++;
    return anonymous && m->level < PT_TOP && (m->level == PT_PMD || mm_config.huge_1g);
}

/* What a mapping that others may see must ask for. */
static long map_shared(const struct map *m, uint32_t prot, bool anonymous, bool may_write)
{
    uint32_t type = m->map_flags & MAP_TYPE;

    if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (type == MAP_SHARED_VALIDATE && anonymous)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (type == MAP_SHARED_VALIDATE && (m->map_flags & ~(uint32_t)MAP_LEGACY_MASK))
        return mm_refuse(-EOPNOTSUPP, REFUSE_FLAGS);
    if ((prot & PROT_WRITE) && !anonymous && !may_write)
        return mm_refuse(-EACCES, REFUSE_ACCESS);
    return m->map_flags & MAP_GROWSDOWN ? mm_refuse(-EINVAL, REFUSE_FLAGS) : 0;
}

/* The flags of a VMA that few mappings ask for. */
#define MAP_RARE (MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_HUGETLB)
static uint32_t map_rare_flags(const struct map *m)
{
    uint32_t flags = m->map_flags & MAP_GROWSDOWN ? VMA_GROWSDOWN : 0;

    flags |= m->map_flags & MAP_LOCKED ? VMA_LOCKED : 0;
    if (mm_config.overcommit != OVERCOMMIT_NEVER)
        flags |= m->map_flags & MAP_NORESERVE ? VMA_NORESERVE : 0;
    flags |= m->level > PT_PTE ? VMA_HUGETLB : 0;
    flags |= m->level > PT_PMD ? VMA_HUGE_1G : 0;
    return flags;
}

/* Flags of the VMA, and whether they are allowed. */
static long map_flags(struct map *m, uint32_t prot, bool anonymous, bool may_write)
{
    bool private = (m->map_flags & MAP_TYPE) == MAP_PRIVATE;
    long err = private ? 0 : map_shared(m, prot, anonymous, may_write);

    if (err)
        return err;
    if ((m->map_flags & MAP_GROWSDOWN) && !anonymous)
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    m->vma_flags = mmap_prot_flags(prot) | m->mm->future_flags | (private ? 0 : VMA_SHARED);
    if (private || anonymous || may_write)
        m->vma_flags |= VMA_MAYWRITE;
    if (m->map_flags & MAP_RARE)
        m->vma_flags |= map_rare_flags(m);
    if (vma_is_reserved(m->vma_flags))
        m->vma_flags |= VMA_ACCOUNT;
    return 0;
}

/* A hint is rounded down, and up to where mappings may begin. */
static vaddr_t hint(vaddr_t addr)
{
    addr -= page_offset(addr);
    return addr ? max_u64(addr, mm_config.mmap_min_addr) : 0;
}

/* A fixed place may be in use, or none at all. */
static long map_fixed(struct map *m, vaddr_t addr, uint64_t len)
{
    if (addr > TASK_SIZE - len)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if (pt_offset(addr, m->level) || page_offset(addr))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    if (addr < mm_config.mmap_min_addr)
        return mm_refuse(-EPERM, REFUSE_TOO_LOW);
    m->range = (struct range){addr, addr + len};
    m->old->mm = m->mm;
    m->old->range = m->range;
    m->old->vmas = vma_overlaps(m->mm, m->range);
    if ((m->map_flags & MAP_FIXED_NOREPLACE) && m->old->vmas.first)
        return mm_refuse(-EEXIST, REFUSE_EXISTS);
    if (clear_cuts(m->old))
        return mm_refuse(-EINVAL, REFUSE_UNALIGNED);
    m->replaces = m->old->vmas.first;
    return 0;
}

/* Where: fixed and allowed, or found. */
static long map_target(struct map *m, vaddr_t addr, uint64_t len)
{
    m->replaces = false;
    if (len > TASK_SIZE)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if (m->map_flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return map_fixed(m, addr, len);
    addr = mmap_place(m->mm, hint(addr), len, pt_span(m->level));
    if (!addr)
        return mm_refuse(-ENOMEM, REFUSE_NO_GAP);
    m->range = (struct range){addr, addr + len};
    return 0;
}

/* Whether the memory may be locked, where that is asked for or all memory to come is. */
static long map_lock(const struct map *m)
{
    bool asked = m->map_flags & MAP_LOCKED;

    if (!asked && !m->mm->future_flags)
        return 0;
    if (asked && m->mm->limits.memlock == 0)
        return mm_refuse(-EPERM, REFUSE_LIMIT);
    if (!vma_may_lock(m->mm, m->mm->future_flags | (asked ? VMA_LOCKED : 0),
                      range_size(m->range) >> PAGE_SHIFT))
        return mm_refuse(-EAGAIN, REFUSE_LIMIT);
    return 0;
}

/* What the range now holds may go; then the limits, as if it were gone. */
static long map_limits(const struct map *m)
{
    uint64_t more = range_size(m->range) >> PAGE_SHIFT;
    uint64_t promised = more;

    if (m->replaces) {
        if (m->old->vmas.flags & VMA_SEALED)
            return mm_refuse(-EPERM, REFUSE_SEALED);
        more -= vma_pages_with(m->mm, m->range, 0, 0);
        promised -= vma_pages_with(m->mm, m->range, VMA_ACCOUNT, VMA_ACCOUNT);
    }
    if (!vma_may_expand(m->mm, m->vma_flags, more))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    if (!vma_may_commit(m->vma_flags, promised))
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    return 0;
}

/* Set aside a VMA for the mapping, and what clearing the range takes. */
static long map_reserve(const struct map *m, struct vma_reserve *vmas)
{
    if (vma_reserve_fill(m->mm, vmas, 1))
        return -ENOMEM;
    if (!m->replaces || !clear_reserve(m->old, vmas))
        return 0;
    clear_undo(m->old);
    vma_reserve_drain(m->mm, vmas);
    return -ENOMEM;
}

/*
 * What stands behind the mapping: @object, a new one, or promises of the pool. 0 or -ENOMEM, for
 * which nothing is to be undone.
 */
static long map_back(struct map *m, struct object *object)
{
    uint64_t bytes = range_size(m->range);
    bool shared = m->vma_flags & VMA_SHARED;

    if (!object)
        m->pgoff = shared ? 0 : m->range.start >> PAGE_SHIFT;
    if (object)
        m->object = object_get(object);
    else if (shared && m->level > PT_PTE)
        m->object = object_create_huge(bytes, m->level);
    else if (shared)
        m->object = object_create(bytes, NULL);
    else if (m->level > PT_PTE && !(m->vma_flags & VMA_NORESERVE)) {
        m->vma_flags |= VMA_PROMISED;
        return huge_pool_promise(m->level, bytes >> pt_shift(m->level)) ? 0 : -ENOMEM;
    }
    return m->object || !shared ? 0 : -ENOMEM;
}

/* Undo that. */
static void map_unback(struct map *m)
{
    if (m->object)
        object_put(m->object);
    if (m->vma_flags & VMA_PROMISED)
        huge_pool_release(m->level, range_size(m->range) >> pt_shift(m->level));
}

/* Cannot fail. */
static void map_commit(const struct map *m, struct vma_reserve *vmas)
{
    struct vma *vma = vma_reserve_take(vmas);

    if (m->replaces)
        clear_commit(m->old, vmas);
    vma->start = m->range.start;
    vma->end = m->range.end;
    vma->flags = m->vma_flags;
    vma->object = m->object;
    vma->pgoff = m->pgoff;
    vma_insert(m->mm, vma);
    if (vma_touches(vma))
        vma_merge(m->mm, m->range, vmas);
    vma_reserve_drain(m->mm, vmas);
}

int64_t mm_mmap(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                struct object *object, uint64_t offset, bool may_write)
{
    struct clearing old;
    struct vma_reserve vmas = {NULL};
    uint64_t bytes;
    struct map m;
    long err;

    mm_assert(port_locked_write(&mm->lock));
    m.mm = mm;
    m.old = &old;
    m.map_flags = flags;
    m.vma_flags = 0;
    m.object = NULL;
    m.pgoff = offset >> PAGE_SHIFT;
    if (page_offset(offset))
        return mm_refuse(-EINVAL, REFUSE_OFFSET);
    if (!map_level(&m, !object))
        return mm_refuse(-EINVAL, REFUSE_FLAGS);
    if (len == 0)
        return mm_refuse(-EINVAL, REFUSE_LENGTH);
    bytes = pt_ceiling(len, m.level);
    if (bytes == 0)
        return mm_refuse(-ENOMEM, REFUSE_LENGTH);
    if (mm->vma_count > mm_config.max_map_count)
        return mm_refuse(-ENOMEM, REFUSE_LIMIT);
    err = map_target(&m, addr, bytes);
    if (!err)
        err = map_lock(&m);
    if (!err && object && offset > INT64_MAX - bytes)
        err = mm_refuse(-EOVERFLOW, REFUSE_OFFSET);
    if (!err)
        err = map_flags(&m, prot, !object, may_write);
    if (!err)
        err = map_limits(&m);
    if (err)
        return err;

    if (map_back(&m, object))
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    if (map_reserve(&m, &vmas)) {
        map_unback(&m);
        return mm_refuse(-ENOMEM, REFUSE_MEMORY);
    }

    /* ---- point of no return ---- */
    map_commit(&m, &vmas);
    if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || (m.vma_flags & VMA_LOCKED))
        (void)mmap_populate(mm, m.range); /* as on Linux, what could not be had comes by faults */
    return (int64_t)m.range.start;
}
