/* A watched stretch of an address space. See sim_world.h. */
#include "tests/host/sim_world.h"

#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/vma.h"

typedef unsigned long long ull;

void world_start(struct world *w, vaddr_t base, unsigned pages)
{
    memset(w, 0, sizeof(*w));
    w->mm = sim_create();
    if (!w->mm || pages > WORLD_PAGES)
        sim_die("no address space for a world of %u pages", pages);
    w->base = base;
    w->pages = pages;
    w->mm->layout.mmap_base = world_va(w, pages);
}

void world_end(struct world *w)
{
    sim_destroy(w->mm);
}

/* ---- Looking ---- */

static uint32_t vma_prot(const struct vma *vma)
{
    return (vma->flags & VMA_READ ? PROT_READ : 0) | (vma->flags & VMA_WRITE ? PROT_WRITE : 0) |
           (vma->flags & VMA_EXEC ? PROT_EXEC : 0);
}

/* The ends of the page and two places in it, others the next time. */
static void check_content(struct world *w, unsigned n)
{
    static unsigned turn;
    unsigned level;
    const struct pte *leaf = sim_leaf(&w->mm->pt, world_va(w, n), &level);
    const char *bytes = port_ptr(pte_addr(*leaf) + pt_offset(world_va(w, n), level));
    int at = sim_differs_somewhere(bytes, w->page[n].word, turn++);

    if (at >= 0)
        sim_die("page %u at %llx is another from byte %d on", n, (ull)world_va(w, n), at);
}

static void check_page(struct world *w, unsigned n)
{
    const struct world_page *page = &w->page[n];
    const struct vma *vma = vma_at(w->mm, world_va(w, n));
    uint64_t word = 0;
    bool present = sim_peek(&w->mm->pt, world_va(w, n), &word);

    if (page->mapped != (vma != NULL))
        sim_die("page %u at %llx should %sbe mapped", n, (ull)world_va(w, n),
                page->mapped ? "" : "not ");
    if (vma && vma_prot(vma) != page->prot)
        sim_die("page %u has rights %x, should have %x", n, vma_prot(vma), page->prot);
    if (present && !vma)
        sim_die("page %u has an entry and no VMA", n);
    if (word != page->word)
        sim_die("page %u at %llx holds %llx, should hold %llx%s", n, (ull)world_va(w, n), (ull)word,
                (ull)page->word, present ? "" : "; no entry");
    if (present)
        check_content(w, n);
}

void world_check(struct world *w)
{
    vaddr_t end = world_va(w, w->pages);

    for (unsigned n = 0; n < w->pages; n++)
        check_page(w, n);
    if (vma_find(w->mm, 0) && vma_find(w->mm, 0)->start < w->base)
        sim_die("something is mapped below the world");
    if (vma_find(w->mm, end))
        sim_die("something is mapped above the world");
}

/* ---- Calls ---- */

static void set(struct world *w, unsigned page, unsigned count, struct world_page value)
{
    for (unsigned n = page; n < page + count; n++)
        w->page[n] = value;
}

long world_map(struct world *w, unsigned page, unsigned count, uint32_t prot)
{
    long result = sim_mmap(w->mm, world_va(w, page), count * PAGE_SIZE, prot,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);

    if (result >= 0)
        set(w, page, count, (struct world_page){true, prot, 0});
    world_check(w);
    return result;
}

long world_unmap(struct world *w, unsigned page, unsigned count)
{
    long result = sim_munmap(w->mm, world_va(w, page), count * PAGE_SIZE);

    if (result == 0)
        set(w, page, count, (struct world_page){0});
    world_check(w);
    return result;
}

long world_protect(struct world *w, unsigned page, unsigned count, uint32_t prot)
{
    long result = sim_mprotect(w->mm, world_va(w, page), count * PAGE_SIZE, prot);

    for (unsigned n = page; result == 0 && n < page + count; n++)
        w->page[n].prot = prot;
    world_check(w);
    return result;
}

long world_forget(struct world *w, unsigned page, unsigned count)
{
    long result = sim_madvise(w->mm, world_va(w, page), count * PAGE_SIZE, MADV_DONTNEED);

    for (unsigned n = page; result == 0 && n < page + count; n++)
        w->page[n].word = 0;
    world_check(w);
    return result;
}

void world_fill(struct world *w, unsigned page, unsigned count, unsigned step)
{
    bool checked = sim_check_calls;

    sim_check_calls = false;
    for (unsigned n = page; n < page + count; n += step) {
        if (!w->page[n].mapped || !(w->page[n].prot & PROT_WRITE))
            continue;
        w->page[n].word = ++w->last_word << 32 | n;
        if (sim_write_page(w->mm, n % SIM_CPUS, world_va(w, n), w->page[n].word) != FAULT_DONE)
            sim_die("page %u cannot be written", n);
    }
    sim_check_calls = checked;
    sim_settle(w->mm);
    world_check(w);
}

/* ---- mremap ---- */

/* What a successful call does to the record. Where the old range has a hole, the new one stays what it was. */
static void remapped(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                     uint32_t flags, unsigned to)
{
    static struct world_page moved[WORLD_PAGES];
    unsigned kept = old_count < new_count ? old_count : new_count;
    struct world_page fresh = {true, w->page[old].prot, 0};

    memcpy(moved, &w->page[old], kept * sizeof(moved[0]));
    for (unsigned n = kept; n < new_count; n++)
        moved[n] = fresh;
    for (unsigned n = old; n < old + old_count; n++)
        w->page[n] = (struct world_page){0};
    for (unsigned n = 0; flags & MREMAP_DONTUNMAP && n < old_count; n++)
        w->page[old + n] = (struct world_page){moved[n].mapped, moved[n].prot, 0};
    if (to + new_count > w->pages)
        sim_die("mremap went to page %u, outside the world", to);
    for (unsigned n = 0; n < new_count; n++)
        if (moved[n].mapped)
            w->page[to + n] = moved[n];
}

static long call(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                 uint32_t flags, unsigned to)
{
    struct sim_snapshot *snap = sim_snapshot();
    long result = sim_mremap(w->mm, world_va(w, old), old_count * PAGE_SIZE, new_count * PAGE_SIZE,
                             flags, world_va(w, to));

    if (result < 0 && sim_changed(snap))
        sim_die("mremap refused with %ld, but %s", result, sim_changed(snap));
    sim_snapshot_free(snap);
    if (result < 0)
        return result;
    if ((vaddr_t)result < w->base)
        sim_die("mremap went to %lx, below the world", result);
    return (long)(((vaddr_t)result - w->base) / PAGE_SIZE);
}

long world_remap(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                 uint32_t flags, unsigned to)
{
    long result = call(w, old, old_count, new_count, flags, to);

    if (result >= 0)
        remapped(w, old, old_count, new_count, flags, (unsigned)result);
    world_check(w);
    return result;
}

long world_remap_starved(struct world *w, unsigned old, unsigned old_count, unsigned new_count,
                         uint32_t flags, unsigned to, unsigned *refused)
{
    unsigned n = 0;
    long result;

    do {
        sim_fail_after(++n, false);
        result = call(w, old, old_count, new_count, flags, to);
    } while (result == -ENOMEM && sim_refused());
    if (sim_refused())
        sim_die("mremap answered %ld though its allocation %u failed", result, n);
    sim_fail_after(0, false);
    if (result >= 0)
        remapped(w, old, old_count, new_count, flags, (unsigned)result);
    world_check(w);
    if (refused)
        *refused = n - 1;
    return result;
}
