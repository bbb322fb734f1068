/*
 * Anything goes: calls at random on several address spaces and files at once, with transparent huge
 * pages, pools, seals, locks, forks, files that change their length, and memory that runs out. There
 * is no model of it: what is looked at is what must be true after any call, and that a call which
 * fails has changed nothing.
 *
 *   build/release/host/2x4-fast/test_anything FIRST ROUNDS
 */
/* host-build: 2/4-fast 3/3-fast 2/3-fast */
#include "tests/host/test.h"

#include <stdlib.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "mm/vma.h"

#define PG PAGE_SIZE
#define PAGES (TASK_SIZE / PG)
#define SPACES 3
#define FILES 2
#define FRAMES 400
#define STEPS 400
#define GIGANTIC (PT_LEVELS > 3)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE_OF(array) ((array)[pick(COUNT(array))])

static struct mm *spaces[SPACES];
static struct object *files[FILES];
static uint64_t seed, first = 1, rounds = 8;

/* What was written last to pages of private memory of no file; 0 where that is not known. */
static uint64_t words[SPACES][PAGES], last_word;

/* ---- At random ---- */

static uint64_t pick(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static vaddr_t some_addr(void)
{
    return pt_floor(pick(PAGES + 2) * PG, (unsigned)pick(PT_LEVELS - 1));
}

static uint64_t some_len(void)
{
    static const uint64_t pages[] = {0, 1, 1, 2, 3, 5, 8, 16, 17, 64};

    if (!pick(30))
        return pick(3) ? pt_span((unsigned)pick(PT_LEVELS)) : -pick(9) * PG;
    return (pick(8) ? ONE_OF(pages) : pick(PAGES)) * PG;
}

/* An end of a VMA, a place in it, or anywhere. */
static vaddr_t addr_near(const struct mm *mm)
{
    const struct vma *vma = vma_find(mm, some_addr());

    if (!vma || !pick(4))
        return some_addr();
    switch (pick(4)) {
    case 0:
        return vma->end;
    case 1:
        return vma->start + pick(vma_pages(vma)) * PG;
    default:
        return vma->start;
    }
}

/* To the end of the VMA at @addr, or of the next, or any. */
static uint64_t len_near(const struct mm *mm, vaddr_t addr)
{
    const struct vma *vma = vma_at(mm, addr);

    if (!vma || pick(3))
        return some_len();
    return (pick(2) && vma->next ? vma->next->end : vma->end) - addr;
}

static uint32_t some_prot(void)
{
    return pick(5) ? PROT_READ | PROT_WRITE : (uint32_t)pick(8);
}

/* ---- What pages hold ---- */

static void forget(unsigned i, vaddr_t addr, uint64_t len)
{
    for (vaddr_t at = addr; at < TASK_SIZE && at - addr < len; at += PG)
        words[i][at / PG] = 0;
}

/*
 * What moved from @old to @new holds what it held; what was at @new stays only where nothing came.
 * @gaps: pages that nothing was mapped to before.
 */
static void follow_move(unsigned i, vaddr_t old, uint64_t old_len, vaddr_t new, uint64_t new_len,
                        const bool *gaps)
{
    uint64_t before[PAGES];

    memcpy(before, words[i], sizeof(before));
    if (new == old) {
        forget(i, old + new_len, old_len > new_len ? old_len - new_len : 0);
        return;
    }
    forget(i, old, old_len);
    for (uint64_t off = 0; off < new_len; off += PG) {
        bool from = off < old_len && old + off < TASK_SIZE;

        if (!from || !gaps[(old + off) / PG])
            words[i][(new + off) / PG] = from ? before[(old + off) / PG] : 0;
    }
}

static void check_words(unsigned i)
{
    for (uint64_t page = 0; page < PAGES; page++) {
        uint64_t word;

        if (words[i][page] &&
            (!sim_peek(&spaces[i]->pt, page * PG, &word) || word != words[i][page]))
            sim_die("space %u, page %lu: not what was written", i, page);
    }
}

/* ---- Calls ---- */

static long call_mmap(unsigned i)
{
    struct mm *mm = spaces[i];
    struct object *file = pick(3) ? NULL : files[pick(FILES)];
    uint32_t flags = pick(4) ? MAP_PRIVATE : MAP_SHARED;
    vaddr_t addr = addr_near(mm);
    uint64_t len;
    long result;

    flags |= file ? 0 : MAP_ANONYMOUS;
    flags |= pick(2) ? MAP_FIXED : pick(4) ? 0 : MAP_FIXED_NOREPLACE;
    flags |= pick(4) ? 0 : MAP_POPULATE;
    flags |= pick(8) ? 0 : MAP_LOCKED;
    flags |= pick(6) ? 0 : MAP_NORESERVE;
    flags |= pick(10) ? 0 : MAP_GROWSDOWN;
    if (!file && !pick(6))
        flags |= MAP_HUGETLB | (pick(2) ? 0 : pt_shift(1 + (unsigned)pick(2)) << MAP_HUGE_SHIFT);
    len = len_near(mm, addr);
    result = sim_mmap_object(mm, addr, len, some_prot(), flags, file, pick(6) * PG);
    if (result >= 0)
        forget(i, (vaddr_t)result, pt_ceiling(len, flags & MAP_HUGETLB ? PT_PMD : PT_PTE));
    if (result >= 0 && flags >> MAP_HUGE_SHIFT)
        forget(i, (vaddr_t)result, pt_ceiling(len, PT_PUD));
    return result;
}

static long call_mremap(unsigned i)
{
    struct mm *mm = spaces[i];
    static const uint32_t flags[] = {0,
                                     MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                                     MREMAP_MAYMOVE | MREMAP_DONTUNMAP};
    vaddr_t old = addr_near(mm), new = addr_near(mm);
    uint64_t old_len = pick(10) ? len_near(mm, old) : 0;
    uint64_t new_len = pick(2) ? old_len : len_near(mm, old);
    bool gaps[PAGES];
    unsigned pool;
    long result;

    for (uint64_t page = 0; page < PAGES; page++)
        gaps[page] = !vma_at(mm, page * PG);

    if (pick(2))
        new = pt_floor(new, PT_PMD) + pt_offset(old, PT_PMD);
    pool =
        vma_at(mm, old) && (vma_at(mm, old)->flags & VMA_HUGETLB) ? vma_level(vma_at(mm, old)) : 0;
    result = sim_mremap(mm, old, old_len, new_len, ONE_OF(flags), new);
    if (result >= 0)
        follow_move(i, old, pt_ceiling(old_len, pool), (vaddr_t)result, pt_ceiling(new_len, pool),
                    gaps);
    return result;
}

static long call_madvise(unsigned i)
{
    struct mm *mm = spaces[i];
    static const int advices[] = {
        MADV_DONTNEED,        MADV_FREE,     MADV_REMOVE,     MADV_POPULATE_READ,
        MADV_POPULATE_WRITE,  MADV_DONTFORK, MADV_DOFORK,     MADV_WIPEONFORK,
        MADV_KEEPONFORK,      MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTNEED_LOCKED,
        MADV_DONTNEED_LOCKED, MADV_COLD};
    vaddr_t addr = addr_near(mm);
    uint64_t len = len_near(mm, addr);
    int advice = ONE_OF(advices);
    long result = sim_madvise(mm, addr, len, advice);

    if (result == 0 &&
        (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED || advice == MADV_FREE))
        forget(i, addr, len);
    return result;
}

/* The child takes another one's place. */
static long call_fork(unsigned parent)
{
    unsigned place = (parent + 1 + (unsigned)pick(SPACES - 1)) % SPACES;
    struct mm *child = pick(3) ? NULL : sim_fork(spaces[parent]);

    if (!child)
        return 0;
    sim_destroy(spaces[place]);
    spaces[place] = child;
    memcpy(words[place], words[parent], sizeof(words[place]));
    for (uint64_t page = 0; page < PAGES; page++) {
        const struct vma *vma = vma_at(child, page * PG);

        if (!vma || (vma->flags & VMA_WIPEONFORK))
            words[place][page] = 0;
    }
    return 0;
}

static long touch(unsigned i)
{
    struct mm *mm = spaces[i];
    enum access access = (enum access)pick(3);
    vaddr_t at = addr_near(mm);

    for (uint64_t n = 1 + pick(12); n > 0 && at < TASK_SIZE; n--, at += PG) {
        unsigned cpu = (unsigned)pick(SIM_CPUS);

        if (access != ACCESS_WRITE)
            sim_touch(mm, cpu, at, access);
        else if (sim_write(mm, cpu, at, ++last_word) == FAULT_DONE && !vma_at(mm, at)->object)
            words[i][at / PG] = last_word;
    }
    return 0;
}

static long change_file(void)
{
    struct object *file = files[pick(FILES)];
    uint64_t bytes = object_size(file);
    long result = 0;

    sim_op("change of a file");
    if (!pick(3))
        result = object_resize(file, pick(2) ? pick(40) * PG : pick(40 * PG));
    else if (pick(2))
        object_punch(file, pick(20 * PG), pick(20 * PG));
    else if (bytes)
        result = object_fill(file, 0, bytes);
    for (unsigned n = 0; n < SPACES; n++)
        sim_settle(spaces[n]);
    return result;
}

/* As exec does it, where nothing else is. */
static long make_stack(unsigned i)
{
    struct mm *mm = spaces[i];

    forget(i, TASK_SIZE - 100 * PG, 100 * PG);
    if (vma_find(mm, TASK_SIZE - 2 * PG) || sim_stack_create(mm))
        return 0;
    for (uint64_t n = pick(12); n > 0; n--)
        sim_touch(mm, 0, TASK_SIZE - n * PG, ACCESS_WRITE);
    return sim_stack_shift(mm, pick(60) * PG);
}

static long change_settings(void)
{
    if (pick(10))
        return 0;
    mm_config.overcommit = pick(8) ? OVERCOMMIT_GUESS : OVERCOMMIT_NEVER;
    mm_config.thp = (enum thp)pick(3);
    mm_config.realign = pick(2) ? REALIGN_FULL : (enum realign)pick(3);
    mm_hugetlb_resize(PT_PMD, pick(8));
    if (GIGANTIC)
        mm_hugetlb_resize(PT_PUD, pick(3));
    return 0;
}

/* One call; *whole: it does all that it should or nothing. */
static long call(unsigned i, bool *whole)
{
    struct mm *mm = spaces[i];
    unsigned which = (unsigned)pick(22);
    vaddr_t addr = addr_near(mm);
    uint64_t len = len_near(mm, addr);
    long result;

    *whole = which < 6;
    switch (which) {
    case 0:
        result = sim_munmap(mm, addr, len);
        if (result == 0)
            forget(i, addr, len);
        return result;
    case 1:
        return sim_mprotect(mm, addr, len, some_prot() | (pick(10) ? 0 : PROT_GROWSDOWN));
    case 2:
        return pick(60) ? 0 : sim_mseal(mm, addr, len, 0);
    case 3 ... 5:
        return call_mremap(i);
    case 6 ... 8:
        return call_mmap(i);
    case 9 ... 10:
        return call_madvise(i);
    case 11:
        return call_fork(i);
    case 12:
        return change_file();
    case 13:
        return pick(30) ? sim_mlock(mm, addr, len, pick(2), pick(2))
                        : sim_mlockall(mm, (int)pick(8));
    case 14:
        forget(i, 0, TASK_SIZE);
        return sim_brk(mm, addr + pick(PG));
    case 15:
        return make_stack(i);
    case 16:
        return change_settings();
    default:
        return touch(i);
    }
}

/* ---- Rounds ---- */

static void begin(void)
{
    sim_boot(FRAMES);
    mm_config.stack_guard = 2 * PG;
    mm_config.mmap_min_addr = 2 * PG;
    mm_config.huge_1g = GIGANTIC;
    mm_config.thp = THP_ALWAYS;
    mm_config.max_map_count = 60;
    for (unsigned n = 0; n < FILES; n++)
        files[n] = object_create(pick(20) * PG, "file");
    memset(words, 0, sizeof(words));
    for (unsigned n = 0; n < SPACES; n++) {
        spaces[n] = sim_create();
        spaces[n]->layout.brk_start = spaces[n]->layout.brk = (20 + pick(9)) * PG;
    }
    mm_hugetlb_resize(PT_PMD, 6);
    if (GIGANTIC)
        mm_hugetlb_resize(PT_PUD, 1);
}

static void end(void)
{
    for (unsigned n = 0; n < SPACES; n++)
        sim_destroy(spaces[n]);
    for (unsigned n = 0; n < FILES; n++)
        object_put(files[n]);
    for (unsigned l = PT_PMD; l < PT_TOP; l++)
        mm_hugetlb_resize(l, 0);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
}

/* Now and then told of, short of memory, or compared with what was before. */
static void step(uint64_t round, unsigned n)
{
    struct sim_snapshot *before = pick(3) ? NULL : sim_snapshot();
    long result;
    bool whole;

    port_trace_mask = pick(6) ? 0 : TRACE_ALL | TRACE_STATE;
    if (!pick(3))
        sim_fail_after(1 + pick(8), pick(2));
    result = call((unsigned)pick(SPACES), &whole);
    sim_fail_after(0, false);
    sim_forget_words();
    for (unsigned i = 0; i < SPACES; i++)
        check_words(i);
    if (before && whole && result < 0 && sim_changed(before))
        sim_die("round %lu, step %u: answered %ld, and %s", round, n, result, sim_changed(before));
    if (before)
        sim_snapshot_free(before);
}

static void test_anything(void **state)
{
    for (uint64_t round = first; round < first + rounds; round++) {
        seed = round * 0x9e3779b97f4a7c15u;
        begin();
        for (unsigned n = 0; n < STEPS; n++)
            step(round, n);
        port_trace_mask = 0;
        end();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_anything)};

    if (argc > 2) {
        first = strtoull(argv[1], NULL, 0);
        rounds = strtoull(argv[2], NULL, 0);
    }
    return cmocka_run_group_tests_name("anything", tests, NULL, NULL);
}
