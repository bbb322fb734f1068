/* What must come of a case, page by page, and whether it did. */
#include <string.h>

#include "kernel/abi/mman.h"
#include "mm/vma.h"
#include "tests/exhaust/case_private.h"

#define STACK_ROOM 32

/* ---- What must come of it ---- */

/* The shifted stack has room below, as far as that is free. */
static void make_room(const struct ex_case *c, struct place *want)
{
    struct place room = want[c->new];

    room.leaf = pte_none();
    room.id = 0;
    for (unsigned p = c->new; p > 0 && c->new - p < STACK_ROOM && !want[p - 1].kind;) {
        room.pgoff--;
        want[--p] = room;
    }
}

/* DONTUNMAP: the source is empty; an area that is empty as a whole has no identity any more. */
static void leave_source(const struct ex_case *c, struct place *want)
{
    const struct area *source = &c->area[0];
    bool whole = source->from == c->old && source->to == c->old + c->len;

    for (unsigned p = c->old; p < c->old + c->len; p++) {
        want[p].leaf = pte_none();
        want[p].id = 0;
        if (whole)
            want[p].anon = 0;
    }
}

static void predict(const struct ex_case *c, struct place *want)
{
    unsigned kept = kept_pages(c);

    memcpy(want, staged, sizeof(staged));
    if (c->class == CLASS_REMAP && (c->flags & MREMAP_DONTUNMAP))
        leave_source(c, want);
    else
        memset(want + c->old, 0, c->len * sizeof(*want));
    memcpy(want + c->new, staged + c->old, kept * sizeof(*want));
    for (unsigned i = kept; i < target_pages(c); i++) {
        want[c->new + i] = staged[c->old];
        want[c->new + i].leaf = pte_none();
        want[c->new + i].id = 0;
        want[c->new + i].pgoff = (uint16_t)(staged[c->old].pgoff + i);
    }
    if (c->class == CLASS_SHIFT)
        make_room(c, want);
}

/* ---- Pages ---- */

static _Noreturn void wrong_page(unsigned p, struct pte leaf, unsigned id, const struct place *want)
{
    if (!leaf.raw)
        machine_fail("page %u is lost, it should hold what was at %u", p, want->id - 1);
    if (!id)
        machine_fail("page %u does not hold any more what it was made with", p);
    if (!want->id)
        machine_fail("page %u should be empty and holds what was at %u", p, id - 1);
    if (id != want->id)
        machine_fail("page %u holds what was at %u, should hold what was at %u", p, id - 1,
                     want->id - 1);
    machine_fail("page %u: entry %llx, should be %llx", p, (unsigned long long)leaf.raw,
                 (unsigned long long)want->leaf.raw);
}

/* Entries are what they were, bit for bit, and so is what they lead to. */
static void check_pages(const struct place *want, const struct look *after)
{
    unsigned leaves = 0;

    for (unsigned p = 0; p < EX_PAGES; p++) {
        struct pte leaf = after->leaf[p];
        unsigned id = leaf.raw ? (unsigned)machine_id(leaf) : 0;

        leaves += want[p].id != 0;
        if (leaf.raw != want[p].leaf.raw || id != want[p].id)
            wrong_page(p, leaf, id, &want[p]);
    }
    if (machine_frames_used() != 1 + after->tables + leaves)
        machine_fail("%u frames in use, should be %u", machine_frames_used(),
                     1 + after->tables + leaves);
    if (machine_mm->rss_pages != leaves)
        machine_fail("rss %llu, should be %u", (unsigned long long)machine_mm->rss_pages, leaves);
}

/* ---- Areas ---- */

static uint32_t flags_of(char kind)
{
    return (prot_of(kind) & PROT_READ ? VMA_READ : 0) |
           (prot_of(kind) & PROT_WRITE ? VMA_WRITE : 0) |
           (prot_of(kind) & PROT_EXEC ? VMA_EXEC : 0) | VMA_MAYWRITE | VMA_NORESERVE |
           (kind == 's' ? VMA_GROWSDOWN : 0);
}

/* Whether an area that has the page before @at goes on there. */
static bool goes_on(const struct place *at)
{
    return at->kind == at[-1].kind && at->anon == at[-1].anon && at->pgoff == at[-1].pgoff + 1;
}

static void check_area(const struct vma *vma, unsigned from, unsigned to, const struct place *want)
{
    if (!vma || vma->start != AT(from) || vma->end != AT(to))
        machine_fail("there should be an area %u-%u, and is %u-%u", from, to,
                     vma ? (unsigned)(vma->start >> PAGE_SHIFT) : 0,
                     vma ? (unsigned)(vma->end >> PAGE_SHIFT) : 0);
    if (vma->flags != flags_of(want->kind))
        machine_fail("area %u-%u: flags %x, should be %x", from, to, vma->flags,
                     flags_of(want->kind));
    if (vma->pgoff != want->pgoff)
        machine_fail("area %u-%u: pgoff %llu, should be %u", from, to,
                     (unsigned long long)vma->pgoff, want->pgoff);
    if (vma->anon != want->anon || vma->object)
        machine_fail("area %u-%u: identity %llu, should be %u", from, to,
                     (unsigned long long)vma->anon, want->anon);
}

static void check_counts(unsigned areas, const struct place *want)
{
    unsigned total = 0, data = 0, stack = 0;

    for (unsigned p = 0; p < EX_PAGES; p++) {
        total += want[p].kind != 0;
        data += want[p].kind == 'w' || want[p].kind == 'y';
        stack += want[p].kind == 's';
    }
    if (machine_mm->vma_count != areas)
        machine_fail("%u areas, should be %u", machine_mm->vma_count, areas);
    if (machine_mm->total_pages != total || machine_mm->data_pages != data ||
        machine_mm->stack_pages != stack || machine_mm->locked_pages)
        machine_fail("of %u pages, %u of data and %u of stack, other numbers are counted", total,
                     data, stack);
}

static void check_areas(const struct place *want)
{
    const struct vma *vma = machine_mm->first;
    unsigned areas = 0;

    for (unsigned p = 0, end; p < EX_PAGES; p = end) {
        end = p + 1;
        if (!want[p].kind)
            continue;
        while (end < EX_PAGES && goes_on(&want[end]))
            end++;
        check_area(vma, p, end, &want[p]);
        vma = vma->next;
        areas++;
    }
    if (vma)
        machine_fail("area %u-%u should not be there", (unsigned)(vma->start >> PAGE_SHIFT),
                     (unsigned)(vma->end >> PAGE_SHIFT));
    check_counts(areas, want);
}

/* ---- All ---- */

void look_at_all(const struct ex_case *c)
{
    static struct place want[EX_PAGES];
    struct look after;

    predict(c, want);
    machine_look(&machine_mm->pt, &after);
    check_pages(want, &after);
    machine_check_cached(&after);
    if (c->class != CLASS_ENGINE)
        check_areas(want);
}
