/*
 * Every invariant of an address space, recounted from scratch. docs/invariants.md lists them. A
 * broken one panics with its words. Slow on purpose: nothing that the code under check keeps is
 * believed.
 */
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/tlb.h"
#include "mm/vma.h"

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            port_panic(__FILE__, __LINE__, __VA_ARGS__);                                           \
    } while (0)

typedef unsigned long long ull;

/* ---- VMAs ---- */

struct vma_totals {
    uint64_t count, pages, data, stack, locked, committed;
};

static void check_vma(const struct vma *vma, struct vma_totals *t)
{
    const struct vma *prev = vma->prev;
    uint64_t pages = vma_pages(vma);

    CHECK(vma->start < vma->end && vma->end <= TASK_SIZE, "VMA %llx-%llx: empty or beyond the end",
          (ull)vma->start, (ull)vma->end);
    CHECK(!page_offset(vma->start) && !page_offset(vma->end), "VMA %llx-%llx: not page-aligned",
          (ull)vma->start, (ull)vma->end);
    CHECK(!prev || (prev->end <= vma->start && prev->next == vma), "VMA %llx-%llx: out of order",
          (ull)vma->start, (ull)vma->end);
    CHECK(!prev || !vma_mergeable(prev, vma), "VMAs meeting at %llx could be one", (ull)vma->start);
    t->count++;
    t->pages += pages;
    t->stack += vma->flags & VMA_GROWSDOWN ? pages : 0;
    t->data += (vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE ? pages : 0;
    t->locked += vma->flags & VMA_LOCKED ? pages : 0;
    t->committed += vma->flags & VMA_ACCOUNT ? pages : 0;
}

/* The VMA that follows @vma in the tree. */
static const struct vma *next_in_tree(const struct vma *vma)
{
    if (vma->right) {
        for (vma = vma->right; vma->left;)
            vma = vma->left;
        return vma;
    }
    while (vma->parent && vma->parent->right == vma)
        vma = vma->parent;
    return vma->parent;
}

static uint64_t check_child(const struct vma *vma, const struct vma *child)
{
    CHECK(!child || child->parent == vma, "VMA %llx: a child has another parent", (ull)vma->start);
    CHECK(!child || child->priority <= vma->priority, "VMA %llx: tree not in heap order",
          (ull)vma->start);
    return child ? child->max_gap : 0;
}

static void check_node(const struct vma *vma)
{
    uint64_t gap = vma_gap(vma);
    uint64_t most =
        max_u64(gap, max_u64(check_child(vma, vma->left), check_child(vma, vma->right)));

    CHECK(vma->gap == gap, "VMA %llx: gap %llx, recounted %llx", (ull)vma->start, (ull)vma->gap,
          (ull)gap);
    CHECK(vma->max_gap == most, "VMA %llx: largest gap %llx, recounted %llx", (ull)vma->start,
          (ull)vma->max_gap, (ull)most);
}

/* In order, the tree visits what the list links. */
static void check_tree(const struct mm *mm)
{
    const struct vma *vma = mm->tree;

    CHECK(!vma || !vma->parent, "the root of the tree has a parent");
    while (vma && vma->left)
        vma = vma->left;
    for (const struct vma *at = mm->first; at; at = at->next, vma = next_in_tree(vma)) {
        CHECK(vma == at, "VMA %llx: list and tree disagree", (ull)at->start);
        check_node(at);
    }
    CHECK(!vma, "VMA %llx is in the tree, but not in the list", (ull)vma->start);
}

static void check_vmas(const struct mm *mm)
{
    const struct vma *last = NULL;
    struct vma_totals t = {0};
    bool found = !mm->found;

    for (const struct vma *vma = mm->first; vma; vma = vma->next) {
        found |= vma == mm->found;
        CHECK(vma != mm->spare, "VMA %llx is in use, and spare", (ull)vma->start);
        CHECK(vma->prev == last, "VMA %llx: list links disagree", (ull)vma->start);
        check_vma(vma, &t);
        last = vma;
    }
    CHECK(mm->last == last, "the list does not end at its last VMA");
    CHECK(found, "the VMA found last is none of the list");
    check_tree(mm);
    CHECK(mm->vma_count == t.count, "%u VMAs, recounted %llu", mm->vma_count, (ull)t.count);
    CHECK(mm->total_pages == t.pages, "%llu pages, recounted %llu", (ull)mm->total_pages,
          (ull)t.pages);
    CHECK(mm->data_pages == t.data, "%llu data pages, recounted %llu", (ull)mm->data_pages,
          (ull)t.data);
    CHECK(mm->stack_pages == t.stack, "%llu stack pages, recounted %llu", (ull)mm->stack_pages,
          (ull)t.stack);
    CHECK(mm->committed_pages == t.committed, "%llu committed pages, recounted %llu",
          (ull)mm->committed_pages, (ull)t.committed);
    CHECK(mm->locked_pages == t.locked, "%llu locked pages, recounted %llu", (ull)mm->locked_pages,
          (ull)t.locked);
}

/* ---- Tables ---- */

/* What a walk over all entries below a root finds; @mm NULL for an object. */
struct table_walk {
    const struct mm *mm;
    uint64_t end; /* of an object: no page at or above it */
    uint64_t tables, pages;
};

static void check_leaf(const struct table_walk *w, struct pte entry, vaddr_t va, unsigned level)
{
    const struct frame *frame;
    const struct vma *vma;
    unsigned most;

    CHECK(!pt_offset(pte_addr(entry), level), "%llx maps a block that is not aligned", (ull)va);
    frame = port_frame(pte_addr(entry));
    for (uint64_t i = 0; i < pt_span(level) >> PAGE_SHIFT; i++)
        CHECK(frame[i].refs > 0, "%llx maps a frame that nobody holds", (ull)va);
    CHECK(va < w->end, "page %llx of an object is beyond its end", (ull)va);
    if (!w->mm)
        return;
    vma = vma_at(w->mm, va);
    CHECK(vma && va + pt_span(level) <= vma->end, "an entry for %llx outside all VMAs", (ull)va);
    CHECK(vma->touched, "an entry for %llx in a VMA that is not touched", (ull)va);
    CHECK(!vma->object || vma_pgoff(vma, va) << PAGE_SHIFT < object_size(vma->object),
          "%llx shows a page beyond the end of its object", (ull)va);
    most = vma->flags & VMA_ACCESS ? PTE_R : 0;
    most |= vma->flags & VMA_WRITE ? PTE_W : 0;
    most |= vma->flags & VMA_EXEC ? PTE_X : 0;
    CHECK(!(pte_rights(entry) & ~most), "the entry for %llx grants more than its VMA", (ull)va);
    if ((vma->flags & VMA_SHARED) || !(pte_rights(entry) & PTE_W))
        return;
    CHECK(tlb_sole_user(pte_addr(entry), level),
          "the private page %llx is writable and has other users", (ull)va);
    CHECK(vma->anon, "the private page %llx belongs to a VMA without identity", (ull)va);
}

/* Entries of a root's upper half are the kernel's, the same in every address space. */
static unsigned own_entries(const struct table_walk *w, unsigned level)
{
    return w->mm && level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;
}

static void check_table(struct table_walk *w, const struct pte *table, unsigned level, vaddr_t base)
{
    struct frame *frame = pt_frame(table);
    uint32_t live = 0;

    CHECK(frame->refs == 0, "the table for %llx is linked twice, or mapped as a page", (ull)base);
    frame->refs = 1;
    w->tables++;
    for (unsigned i = 0; i < own_entries(w, level); i++) {
        vaddr_t va = base + i * pt_span(level);

        if (pte_is_none(table[i]))
            continue;
        live++;
        if (pte_is_table(table[i], level)) {
            CHECK(pt_frame(pte_to_table(table[i]))->live > 0, "the table for %llx is empty",
                  (ull)va);
            check_table(w, pte_to_table(table[i]), level - 1, va);
        } else {
            check_leaf(w, table[i], va, level);
            w->pages += pt_span(level) >> PAGE_SHIFT;
        }
    }
    CHECK(frame->live == live, "the table for %llx: %u live entries, recounted %u", (ull)base,
          frame->live, live);
}

/* Take back the marks that check_table made. */
static void unmark_tables(const struct table_walk *w, const struct pte *table, unsigned level)
{
    pt_frame(table)->refs = 0;
    for (unsigned i = 0; i < own_entries(w, level); i++)
        if (pte_is_table(table[i], level))
            unmark_tables(w, pte_to_table(table[i]), level - 1);
}

static uint64_t check_tables(const struct mm *mm, const struct pt *pt, uint64_t end)
{
    struct table_walk w = {.mm = mm, .end = end};

    check_table(&w, pt->root, pt->top, 0);
    unmark_tables(&w, pt->root, pt->top);
    CHECK(pt->tables == w.tables, "%llu tables, recounted %llu", (ull)pt->tables, (ull)w.tables);
    return w.pages;
}

void mm_check(struct mm *mm)
{
    uint64_t pages;

    mm_assert(port_locked(&mm->lock));
    check_vmas(mm);
    pages = check_tables(mm, &mm->pt, UINT64_MAX);
    CHECK(mm->rss_pages == pages, "%llu pages mapped, recounted %llu", (ull)mm->rss_pages,
          (ull)pages);
}

/* ---- Reference counts, over all address spaces and objects ---- */

enum count_pass { COUNT_DOWN, COUNT_LOOK, COUNT_UP };

static void count_frame(paddr_t pa, vaddr_t va, enum count_pass pass)
{
    struct frame *frame = port_frame(pa);
    uint32_t own = pa == fault_zero_page() ? 1 : 0;

    switch (pass) {
    case COUNT_DOWN:
        CHECK(frame->refs > own, "the frame at %llx has more mappings than references", (ull)va);
        frame->refs--;
        break;
    case COUNT_LOOK:
        CHECK(frame->refs == own, "the frame at %llx has %u references that map it nowhere",
              (ull)va, frame->refs - own);
        break;
    case COUNT_UP:
        frame->refs++;
        break;
    }
}

static void count_leaf(struct pte entry, unsigned level, vaddr_t va, enum count_pass pass)
{
    for (uint64_t off = 0; off < pt_span(level); off += PAGE_SIZE)
        count_frame(pte_addr(entry) + off, va + off, pass);
}

static void count_tree(const struct pt *pt, vaddr_t end, enum count_pass pass)
{
    struct pt_run run;
    vaddr_t va = 0;

    while (pt_next_run(pt, &va, end, &run))
        for (unsigned i = 0; i < run.count; i++)
            if (!pte_is_none(run.slots[i]))
                count_leaf(run.slots[i], run.level, run.va + i * pt_span(run.level), pass);
}

/* ---- Promises of the pools of huge pages ---- */

/* Pages of @level that are missing in [@start, @end) of @pt, all of whose leaves there are of @level. */
static uint64_t missing(const struct pt *pt, vaddr_t start, vaddr_t end, unsigned level)
{
    uint64_t pages = (end - start) >> pt_shift(level);
    struct pt_run run;

    while (pt_next_run(pt, &start, end, &run))
        pages--;
    return pages;
}

static uint64_t promised_to(const struct mm *mm, unsigned level)
{
    uint64_t pages = 0;

    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        if ((vma->flags & VMA_PROMISED) && vma_level(vma) == level)
            pages += missing(&mm->pt, vma->start, vma->end, level);
    return pages;
}

static void check_pool(unsigned level)
{
    uint64_t promised = mm_hugetlb_counts(level).promised, pages = 0;

    for (const struct mm *mm = mm_all; mm; mm = mm->next_mm)
        pages += promised_to(mm, level);
    for (const struct object *o = object_all; o; o = o->next)
        if (o->level == level)
            pages += missing(&o->pt, 0, o->bytes, level);
    CHECK(promised == pages, "%llu huge pages promised, recounted %llu", (ull)promised, (ull)pages);
}

void mm_check_all(void)
{
    for (unsigned l = PT_PMD; l < PT_LEVELS; l++)
        check_pool(l);
    for (struct mm *mm = mm_all; mm; mm = mm->next_mm) {
        port_lock_read(&mm->lock);
        mm_check(mm);
        port_unlock_read(&mm->lock);
    }
    for (struct object *o = object_all; o; o = o->next) {
        CHECK(o->refs > 0, "object %llu lives without references", (ull)o->ino);
        check_tables(NULL, &o->pt, o->bytes);
    }
    for (enum count_pass pass = COUNT_DOWN; pass <= COUNT_UP; pass++) {
        for (struct mm *mm = mm_all; mm; mm = mm->next_mm)
            count_tree(&mm->pt, USER_END, pass);
        for (struct object *o = object_all; o; o = o->next)
            count_tree(&o->pt, object_span(o), pass);
    }
}
