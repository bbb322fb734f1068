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
        return vma->object->name ? vma->object->name : "/dev/zero (deleted)";
    if (l->brk > l->brk_start && vma->start < l->brk && vma->end > l->brk_start)
        return "[heap]";
    if (vma->start < l->stack_top && vma->end >= l->stack_top)
        return "[stack]";
    return "";
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

    vma_rights(vma->flags, rights);
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

/* ---- smaps ---- */

/* Bytes; the shares (pss) in 4096ths of one. */
struct smaps {
    uint64_t rss, pss, pss_dirty, pss_anon, pss_file, pss_shmem;
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t referenced, anonymous, anon_huge, shmem_huge, file_huge;
    uint64_t locked;
    uint64_t shared_hugetlb, private_hugetlb;
};

static void count_kind(struct smaps *s, enum page_kind kind, bool huge, uint64_t bytes,
                       uint64_t pss)
{
    switch (kind) {
    case KIND_ANON:
        s->anonymous += bytes;
        s->pss_anon += pss;
        s->anon_huge += huge ? bytes : 0;
        break;
    case KIND_FILE:
        s->pss_file += pss;
        s->file_huge += huge ? bytes : 0;
        break;
    default:
        s->pss_shmem += pss;
        s->shmem_huge += huge ? bytes : 0;
        break;
    }
}

/* A private page was written when it was made; any other, when its entry says so. */
static void count_smaps(void *ctx, const struct vma *vma, vaddr_t va, struct pte leaf,
                        unsigned level)
{
    struct page page = maps_page(vma, va, leaf);
    uint64_t bytes = pt_span(level), pss = (bytes << SHARE_SHIFT) / page.users;
    bool dirty = page.kind == KIND_ANON || pte_is_dirty(leaf);
    struct smaps *s = ctx;

    if (page.kind == KIND_ZERO)
        return;
    if (vma->flags & VMA_HUGETLB) {
        *(page.users > 1 ? &s->shared_hugetlb : &s->private_hugetlb) += bytes;
        return;
    }
    s->rss += bytes;
    s->pss += pss;
    s->pss_dirty += dirty ? pss : 0;
    s->locked += vma->flags & VMA_LOCKED ? pss : 0;
    s->referenced += pte_is_accessed(leaf) ? bytes : 0;
    if (page.users > 1)
        *(dirty ? &s->shared_dirty : &s->shared_clean) += bytes;
    else
        *(dirty ? &s->private_dirty : &s->private_clean) += bytes;
    count_kind(s, page.kind, level > PT_PTE, bytes, pss);
}

static void put_kib(struct out *out, const char *name, uint64_t bytes)
{
    char head[24];

    port_format(head, sizeof(head), "%s:", name);
    OUT(out, "%s%*s%8llu kB\n", head, (int)(16 - min_u64(__builtin_strlen(head), 16)), "",
        (ull)bytes >> 10);
}

/* The lines that smaps and its rollup share. */
static void put_counts(struct out *out, const struct smaps *s, bool rollup)
{
    put_kib(out, "Rss", s->rss);
    put_kib(out, "Pss", s->pss >> SHARE_SHIFT);
    put_kib(out, "Pss_Dirty", s->pss_dirty >> SHARE_SHIFT);
    if (rollup) {
        put_kib(out, "Pss_Anon", s->pss_anon >> SHARE_SHIFT);
        put_kib(out, "Pss_File", s->pss_file >> SHARE_SHIFT);
        put_kib(out, "Pss_Shmem", s->pss_shmem >> SHARE_SHIFT);
    }
    put_kib(out, "Shared_Clean", s->shared_clean);
    put_kib(out, "Shared_Dirty", s->shared_dirty);
    put_kib(out, "Private_Clean", s->private_clean);
    put_kib(out, "Private_Dirty", s->private_dirty);
    put_kib(out, "Referenced", s->referenced);
    put_kib(out, "Anonymous", s->anonymous);
    put_kib(out, "KSM", 0);
    put_kib(out, "LazyFree", 0);
    put_kib(out, "AnonHugePages", s->anon_huge);
    put_kib(out, "ShmemPmdMapped", s->shmem_huge);
    put_kib(out, "FilePmdMapped", s->file_huge);
    put_kib(out, "Shared_Hugetlb", s->shared_hugetlb);
    put_kib(out, "Private_Hugetlb", s->private_hugetlb);
    put_kib(out, "Swap", 0);
    put_kib(out, "SwapPss", 0);
    put_kib(out, "Locked", s->locked >> SHARE_SHIFT);
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
        {VMA_HUGETLB, "ht"},
        {VMA_WIPEONFORK, "wf"},
        {VMA_HUGEPAGE, "hg"},
        {VMA_NOHUGEPAGE, "nh"},
        {VMA_SEALED, "sl"},
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
    struct smaps smaps = {0};

    mm_assert(port_locked(&mm->lock));
    if (!vma)
        return 0;
    maps_visit(mm, vma, vma_range(vma), count_smaps, &smaps);
    put_head(&out, mm, vma);
    put_kib(&out, "Size", vma->end - vma->start);
    put_kib(&out, "KernelPageSize", pt_span(vma_level(vma)));
    put_kib(&out, "MMUPageSize", pt_span(vma_level(vma)));
    put_counts(&out, &smaps, false);
    OUT(&out, "THPeligible:           %u\n", fault_thp(mm, vma));
    put_flags(&out, vma);
    *addr = vma->end;
    return out.length;
}

size_t mm_smaps_rollup(struct mm *mm, char *buf, size_t size)
{
    struct out out = {buf, size, 0};
    struct smaps smaps = {0};

    mm_assert(port_locked(&mm->lock));
    if (!mm->first)
        return 0;
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        maps_visit(mm, vma, vma_range(vma), count_smaps, &smaps);
    OUT(&out, "%08llx-%08llx ---p 00000000 00:00 0", (ull)mm->first->start, (ull)mm->last->end);
    OUT(&out, "%*s[rollup]\n", (int)(NAME_COLUMN - min_u64(out.length, NAME_COLUMN)), "");
    put_counts(&out, &smaps, true);
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
    struct page page = maps_page(vma, va, leaf);
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

        maps_visit(mm, vma, part, put_entries, &p);
    }
}
