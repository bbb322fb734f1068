/*
 * An address space as /proc shows it: maps, smaps, smaps_rollup and pagemap, byte for byte in
 * Linux's formats. One VMA at a time, found by address, so that a reader may pause and go on
 * between any two of them.
 *
 * All is counted from the page tables when it is asked for. A page of zeros that all share is no
 * memory in use, as on Linux; a page whose VMA allows no access is.
 */
#include "mm/mm_maps.h"

#include "mm/fault.h"
#include "mm/object.h"
#include "mm/pt.h"

/* In Linux's maps the name starts in this column. */
#define NAME_COLUMN 73

typedef unsigned long long ull;

/* Text on its way to a buffer; what does not fit is left out. */
struct out {
    char *buf;
    size_t size;
    size_t length;
};

static char *out_at(const struct out *out)
{
    return out->buf + out->length;
}

/* Count @n bytes that port_format() had for the end of the text. */
static void out_take(struct out *out, int n)
{
    out->length += min_u64((uint64_t)n, out->size - 1 - out->length);
}

#define OUT(out, ...)                                                                              \
    out_take(out, port_format(out_at(out), (out)->size - (out)->length, __VA_ARGS__))

/* ---- maps ---- */

const char *maps_name(const struct mm *mm, const struct vma *vma)
{
    const struct mm_layout *l = &mm->layout;

    if (vma->object)
        return vma->object->name[0] ? vma->object->name : "/dev/zero (deleted)";
    if (l->brk > l->brk_start && vma->start < l->brk && vma->end > l->brk_start)
        return "[heap]";
    if (vma->start < l->stack_top && vma->end >= l->stack_top)
        return "[stack]";
    return "";
}

void maps_rights(const struct vma *vma, char text[5])
{
    text[0] = vma->flags & VMA_READ ? 'r' : '-';
    text[1] = vma->flags & VMA_WRITE ? 'w' : '-';
    text[2] = vma->flags & VMA_EXEC ? 'x' : '-';
    text[3] = vma->flags & VMA_SHARED ? 's' : 'p';
    text[4] = '\0';
}

/* A line of its own stays one: a newline in a name is told by its number. */
static void put_name(struct out *out, const char *name)
{
    for (; *name; name++) {
        if (*name == '\n')
            OUT(out, "\\012");
        else
            OUT(out, "%c", *name);
    }
}

static void put_head(struct out *out, const struct mm *mm, const struct vma *vma)
{
    const char *name = maps_name(mm, vma);
    ull offset = vma->object ? (ull)vma->pgoff << PAGE_SHIFT : 0;
    size_t start = out->length;
    char rights[5];

    maps_rights(vma, rights);
    OUT(out, "%08llx-%08llx %s %08llx 00:%02x %llu ", (ull)vma->start, (ull)vma->end, rights,
        offset, vma->object ? 1 : 0, vma->object ? (ull)vma->object->ino : 0);
    if (name[0])
        OUT(out, "%*s", (int)(NAME_COLUMN - min_u64(out->length - start, NAME_COLUMN)), "");
    put_name(out, name);
    OUT(out, "\n");
}

size_t mm_maps(struct mm *mm, vaddr_t *addr, char *buf, size_t size)
{
    const struct vma *vma = vma_find(mm, *addr);
    struct out out = {buf, size, 0};

    mm_assert(port_locked(&mm->lock));
    if (!vma)
        return 0;
    put_head(&out, mm, vma);
    *addr = vma->end;
    return out.length;
}

/* ---- What a leaf maps ---- */

enum page_kind {
    KIND_ZERO,  /* the page of zeros: counts for nothing */
    KIND_ANON,  /* a private page */
    KIND_FILE,  /* a page of a file */
    KIND_SHMEM, /* a page of shared anonymous memory */
};

struct page {
    enum page_kind kind;
    unsigned users; /* entries of address spaces that map it */
};

/* Whether the object of @vma has @frame itself where @va is, and not @vma a copy of its own. */
static bool is_objects(const struct vma *vma, vaddr_t va, paddr_t frame)
{
    struct pte *entry;

    if (!vma->object || (vma->flags & VMA_SHARED))
        return vma->object;
    entry = pt_entry(&vma->object->pt, vma_pgoff(vma, va) << PAGE_SHIFT, PT_PTE);
    return entry && pte_addr(*entry) == frame;
}

/* Lock: the object's, if @vma has one, for read. */
static struct page page_of(const struct vma *vma, vaddr_t va, struct pte leaf)
{
    paddr_t frame = pte_addr(leaf);
    unsigned refs = port_frame(frame)->refs;

    if (frame == fault_zero_page())
        return (struct page){KIND_ZERO, refs};
    if (!is_objects(vma, va, frame))
        return (struct page){KIND_ANON, refs};
    return (struct page){vma->object->name[0] ? KIND_FILE : KIND_SHMEM, refs - 1};
}

/* Called for every leaf in a part of @vma: @va is where it maps from, @level its size. */
typedef void leaf_visit(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                        unsigned level);

static void visit_vma(const struct mm *mm, const struct vma *vma, struct range part,
                      leaf_visit *visit, void *ctx)
{
    struct pt_run run;

    if (vma->object)
        port_lock_read(&vma->object->lock);
    for (vaddr_t va = part.start; pt_next_run(&mm->pt, &va, part.end, &run);)
        for (unsigned i = 0; i < run.count; i++)
            if (!pte_is_none(run.slots[i]))
                visit(ctx, vma, run.va + i * pt_span(run.level), run.slots[i], run.level);
    if (vma->object)
        port_unlock_read(&vma->object->lock);
}

/* ---- Memory in use ---- */

static void count_rss(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf, unsigned level)
{
    struct mm_rss *rss = ctx;
    uint64_t pages = pt_span(level) >> PAGE_SHIFT;

    switch (page_of(vma, va, leaf).kind) {
    case KIND_ANON:
        rss->anon += pages;
        break;
    case KIND_FILE:
        rss->file += pages;
        break;
    case KIND_SHMEM:
        rss->shmem += pages;
        break;
    default:
        break;
    }
}

struct mm_rss mm_rss(struct mm *mm)
{
    struct mm_rss rss = {0};

    mm_assert(port_locked(&mm->lock));
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        visit_vma(mm, vma, vma_range(vma), count_rss, &rss);
    return rss;
}

/* ---- smaps ---- */

#define PSS_SHIFT 12 /* a share is counted in 4096ths of a byte */

/* Bytes; the shares (pss) in 4096ths of one. */
struct usage {
    uint64_t rss, pss, pss_dirty, pss_anon, pss_file, pss_shmem;
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t referenced, anonymous, anon_huge, shmem_huge, file_huge;
    uint64_t locked;
};

static void count_kind(struct usage *u, enum page_kind kind, bool huge, uint64_t bytes,
                       uint64_t pss)
{
    switch (kind) {
    case KIND_ANON:
        u->anonymous += bytes;
        u->pss_anon += pss;
        u->anon_huge += huge ? bytes : 0;
        break;
    case KIND_FILE:
        u->pss_file += pss;
        u->file_huge += huge ? bytes : 0;
        break;
    default:
        u->pss_shmem += pss;
        u->shmem_huge += huge ? bytes : 0;
        break;
    }
}

/* A private page was written when it was made; any other, when its entry says so. */
static void count_usage(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                        unsigned level)
{
    struct page page = page_of(vma, va, leaf);
    uint64_t bytes = pt_span(level), pss = (bytes << PSS_SHIFT) / page.users;
    bool dirty = page.kind == KIND_ANON || pte_is_dirty(leaf);
    struct usage *u = ctx;

    if (page.kind == KIND_ZERO)
        return;
    u->rss += bytes;
    u->pss += pss;
    u->pss_dirty += dirty ? pss : 0;
    u->locked += vma->flags & VMA_LOCKED ? pss : 0;
    u->referenced += pte_is_accessed(leaf) ? bytes : 0;
    if (page.users > 1)
        *(dirty ? &u->shared_dirty : &u->shared_clean) += bytes;
    else
        *(dirty ? &u->private_dirty : &u->private_clean) += bytes;
    count_kind(u, page.kind, level > PT_PTE, bytes, pss);
}

static void put_kib(struct out *out, const char *name, uint64_t bytes)
{
    char head[24];

    port_format(head, sizeof(head), "%s:", name);
    OUT(out, "%s%*s%8llu kB\n", head, (int)(16 - min_u64(__builtin_strlen(head), 16)), "",
        (ull)bytes >> 10);
}

/* The lines that smaps and its rollup share. */
static void put_usage(struct out *out, const struct usage *u, bool rollup)
{
    put_kib(out, "Rss", u->rss);
    put_kib(out, "Pss", u->pss >> PSS_SHIFT);
    put_kib(out, "Pss_Dirty", u->pss_dirty >> PSS_SHIFT);
    if (rollup) {
        put_kib(out, "Pss_Anon", u->pss_anon >> PSS_SHIFT);
        put_kib(out, "Pss_File", u->pss_file >> PSS_SHIFT);
        put_kib(out, "Pss_Shmem", u->pss_shmem >> PSS_SHIFT);
    }
    put_kib(out, "Shared_Clean", u->shared_clean);
    put_kib(out, "Shared_Dirty", u->shared_dirty);
    put_kib(out, "Private_Clean", u->private_clean);
    put_kib(out, "Private_Dirty", u->private_dirty);
    put_kib(out, "Referenced", u->referenced);
    put_kib(out, "Anonymous", u->anonymous);
    put_kib(out, "KSM", 0);
    put_kib(out, "LazyFree", 0);
    put_kib(out, "AnonHugePages", u->anon_huge);
    put_kib(out, "ShmemPmdMapped", u->shmem_huge);
    put_kib(out, "FilePmdMapped", u->file_huge);
    put_kib(out, "Shared_Hugetlb", 0);
    put_kib(out, "Private_Hugetlb", 0);
    put_kib(out, "Swap", 0);
    put_kib(out, "SwapPss", 0);
    put_kib(out, "Locked", u->locked >> PSS_SHIFT);
}

/* The flags of @vma by the letters that Linux has for them, in the order of its bits. */
static void put_flags(struct out *out, const struct vma *vma)
{
    static const struct {
        uint32_t flags; /* all of them */
        const char *letters;
    } names[] = {
        {VMA_READ, "rd"},
        {VMA_WRITE, "wr"},
        {VMA_EXEC, "ex"},
        {VMA_SHARED | VMA_MAYWRITE, "sh"},
        {0, "mr"},
        {VMA_MAYWRITE, "mw"},
        {0, "me"},
        {VMA_SHARED, "ms"},
        {VMA_GROWSDOWN, "gd"},
        {VMA_LOCKED, "lo"},
        {VMA_DONTFORK, "dc"},
        {VMA_LOCKONFAULT, "lf"},
        {VMA_ACCOUNT, "ac"},
        {VMA_NORESERVE, "nr"},
        {VMA_WIPEONFORK, "wf"},
    };

    OUT(out, "VmFlags: ");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((vma->flags & names[i].flags) == names[i].flags)
            OUT(out, "%s ", names[i].letters);
    OUT(out, "\n");
}

size_t mm_smaps(struct mm *mm, vaddr_t *addr, char *buf, size_t size)
{
    const struct vma *vma = vma_find(mm, *addr);
    struct out out = {buf, size, 0};
    struct usage usage = {0};

    mm_assert(port_locked(&mm->lock));
    if (!vma)
        return 0;
    visit_vma(mm, vma, vma_range(vma), count_usage, &usage);
    put_head(&out, mm, vma);
    put_kib(&out, "Size", vma->end - vma->start);
    put_kib(&out, "KernelPageSize", PAGE_SIZE);
    put_kib(&out, "MMUPageSize", PAGE_SIZE);
    put_usage(&out, &usage, false);
    OUT(&out, "THPeligible:           0\n");
    put_flags(&out, vma);
    *addr = vma->end;
    return out.length;
}

size_t mm_smaps_rollup(struct mm *mm, char *buf, size_t size)
{
    struct out out = {buf, size, 0};
    struct usage usage = {0};

    mm_assert(port_locked(&mm->lock));
    if (!mm->first)
        return 0;
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        visit_vma(mm, vma, vma_range(vma), count_usage, &usage);
    OUT(&out, "%08llx-%08llx ---p 00000000 00:00 0", (ull)mm->first->start, (ull)mm->last->end);
    OUT(&out, "%*s[rollup]\n", (int)(NAME_COLUMN - min_u64(out.length, NAME_COLUMN)), "");
    put_usage(&out, &usage, true);
    return out.length;
}

/* ---- pagemap ---- */

#define PAGEMAP_EXCLUSIVE ((uint64_t)1 << 56) /* mapped here only */
#define PAGEMAP_FILE ((uint64_t)1 << 61)      /* of a file or shared memory */
#define PAGEMAP_PRESENT ((uint64_t)1 << 63)

struct pagemap {
    struct range range;
    uint64_t *entries; /* of @range */
};

static void put_entries(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                        unsigned level)
{
    struct page page = page_of(vma, va, leaf);
    const struct pagemap *p = ctx;
    vaddr_t start = max_u64(va, p->range.start), end = min_u64(va + pt_span(level), p->range.end);
    uint64_t entry = PAGEMAP_PRESENT | (pte_addr(leaf) + (start - va)) >> PAGE_SHIFT;

    if (page.kind == KIND_FILE || page.kind == KIND_SHMEM)
        entry |= PAGEMAP_FILE;
    if (page.kind != KIND_ZERO && page.users == 1)
        entry |= PAGEMAP_EXCLUSIVE;
    for (vaddr_t at = start; at < end; at += PAGE_SIZE)
        p->entries[(at - p->range.start) >> PAGE_SHIFT] = entry++;
}

void mm_pagemap(struct mm *mm, struct range range, uint64_t *entries)
{
    struct pagemap p = {range, entries};

    mm_assert(port_locked(&mm->lock));
    __builtin_memset(entries, 0, (range_size(range) >> PAGE_SHIFT) * sizeof(*entries));
    for (const struct vma *vma = vma_overlapping(mm, range); vma && vma->start < range.end;
         vma = vma->next) {
        struct range part = {max_u64(vma->start, range.start), min_u64(vma->end, range.end)};

        visit_vma(mm, vma, part, put_entries, &p);
    }
}
