/* The address space: creation, destruction, and what is global to mm/. */
#include "mm/mm.h"

#include "kernel/abi/errno.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/trace.h"

struct mm_config mm_config = {
    .realign = REALIGN_FULL,
    .thp = THP_MADVISE,
    .randomize = true,
    .mmap_min_addr = 16 * PAGE_SIZE,
    .max_map_count = 65530,
    .stack_guard = 256 * PAGE_SIZE,
};
struct mm_stats mm_stats;
struct mm *mm_all;

static uint32_t spaces; /* address spaces that there have been */

static const struct {
    const char *name;
    const char *words;
} refusals[] = {
#define REFUSAL_TEXT(upper, lower, words) {#lower, words},
    REFUSALS(REFUSAL_TEXT)
#undef REFUSAL_TEXT
};

const char *mm_realign_name(enum realign realign)
{
    static const char *const names[] = {"off", "pmd", "full"};

    return names[realign];
}

const char *mm_refusal_name(enum refusal why)
{
    return refusals[why].name;
}

const char *mm_refusal_words(enum refusal why)
{
    return refusals[why].words;
}

long mm_refuse(long err, enum refusal why)
{
    mm_stats.refused[why]++;
    TRACE(TRACE_REFUSE, .what = EVENT_REFUSED, .a = (uint64_t)err, .b = 1 + why,
          .words = refusals[why].words);
    return err;
}

long mm_init(void)
{
    return fault_init();
}

struct mm *mm_create(void)
{
    struct mm *mm = port_alloc(sizeof(*mm));

    if (!mm)
        return NULL;
    if (pt_init(&mm->pt, PT_TOP)) {
        port_free(mm, sizeof(*mm));
        return NULL;
    }
    port_root_init(mm_root(mm));
    mm->pt.space = ++spaces;
    mm->limits = (struct mm_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    mm->layout.mmap_base = TASK_SIZE;
    mm->tree_seed = mm_config.randomize ? (uint32_t)port_random() : 0;
    mm->users = 1;
    mm->next_mm = mm_all;
    mm_all = mm;
    return mm;
}

struct mm *mm_get(struct mm *mm)
{
    mm->users++;
    return mm;
}

void mm_put(struct mm *mm)
{
    mm_assert(mm->users > 0);
    if (--mm->users == 0)
        mm_destroy(mm);
}

void mm_destroy(struct mm *mm)
{
    struct range all = {0, USER_END};
    struct mm **link = &mm_all;
    struct gather g;

    mm_assert(mm->users <= 1);
    port_lock_write(&mm->lock);
    tlb_begin(&g, NULL, &mm->pt); /* nothing of it is cached: whoever loads another root forgets */
    hugetlb_unmap(mm, all);
    mmap_forget(mm->first, all, &g);
    tlb_finish(&g);
    vma_free_all(mm);
    mm_assert(mm->pt.tables == 1);
    port_unlock_write(&mm->lock);

    while (*link != mm)
        link = &(*link)->next_mm;
    *link = mm->next_mm;
    port_frame_free(mm_root(mm));
    port_free(mm, sizeof(*mm));
}

void mm_forget_all(struct mm *mm)
{
    struct gather g;

    port_lock_write(&mm->lock);
    tlb_begin(&g, mm, &mm->pt);
    for (const struct vma *vma = mm->first; vma; vma = vma->next)
        if (!(vma->flags & VMA_HUGETLB))
            mmap_forget(vma, vma_range(vma), &g);
    tlb_finish(&g);
    port_unlock_write(&mm->lock);
}

uint64_t mm_peak_rss(const struct mm *mm)
{
    return max_u64(mm->peak_rss_pages, mm->rss_pages);
}

uint64_t mm_committed(void)
{
    uint64_t pages = 0;

    for (const struct mm *mm = mm_all; mm; mm = mm->next_mm)
        pages += mm->committed_pages;
    return pages;
}

uint64_t mm_commit_limit(void)
{
    return port_frames_total() * COMMIT_PERCENT / 100;
}

paddr_t mm_root(const struct mm *mm)
{
    return port_paddr(mm->pt.root);
}
