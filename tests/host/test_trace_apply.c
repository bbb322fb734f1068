/*
 * Whoever applies the events of the trace to the state of before has the state of after: here a picture of the tables
 * and areas is kept by events alone, over calls at random, and compared with what there is, entry by entry.
 */
/* host-build: 9/4 3/3 3/3-fast */
#include "tests/host/test.h"

#include <stdlib.h>

#include "kernel/abi/mman.h"
#include "mm/vma.h"
#include "tests/host/sim_world.h"

#define FRAMES 4000
#define PAGES 200
#define AREAS 400
#define BASE (4 * pt_span(PT_PMD))
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

#ifdef __SANITIZE_ADDRESS__
#define STEPS 1500
#else
#define STEPS 10000
#endif

/* ---- The picture ---- */

struct node {
    uint64_t entry[PT_ENTRIES];
    struct node *below[PT_ENTRIES];
};

struct area {
    vaddr_t start, end;
    uint64_t flags;
};

static struct node *root;
static struct area areas[AREAS];
static unsigned area_count;
static uint64_t seen[EVENT_COUNT];

static struct node *new_node(void)
{
    struct node *node = calloc(1, sizeof(*node));

    assert_non_null(node);
    return node;
}

static bool is_empty(const struct node *node)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        if (node->entry[i])
            return false;
    return true;
}

static void free_node(struct node *node)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        if (node->below[i])
            free_node(node->below[i]);
    free(node);
}

/* The node that holds the entry of @level for @va. */
static struct node *node_at(vaddr_t va, unsigned level)
{
    struct node *node = root;

    for (unsigned l = PT_TOP; l > level; l--) {
        node = node->below[pt_index(va, l)];
        check(node, "no table of %ss for %llx", level_name(l - 1), (unsigned long long)va);
    }
    return node;
}

static void expect(uint64_t is, uint64_t told, const struct trace_event *e)
{
    char words[200];

    if (is == told)
        return;
    trace_text(e, words, sizeof(words));
    fail_msg("%s: there is %llx", words, (unsigned long long)is);
}

static void apply_set(const struct trace_event *e)
{
    for (uint64_t i = 0; i < e->d; i++) {
        vaddr_t va = e->a + i * pt_span(e->level);
        uint64_t *entry = &node_at(va, e->level)->entry[pt_index(va, e->level)];

        expect(*entry, e->c ? e->c + i * e->e : 0, e);
        *entry = e->b ? e->b + i * e->e : 0;
    }
}

/* A slot that held an emptied table was told of before. */
static void apply_step(const struct trace_event *e)
{
    struct node *from = node_at(e->a, e->level), *to = node_at(e->b, e->level);
    unsigned i = pt_index(e->a, e->level), j = pt_index(e->b, e->level);

    expect(from->entry[i], e->c, e);
    expect(to->entry[j], 0, e);
    to->entry[j] = from->entry[i];
    to->below[j] = from->below[i];
    from->entry[i] = 0;
    from->below[i] = NULL;
}

static void apply_table(const struct trace_event *e)
{
    struct node *node = node_at(e->a, e->level + 1);
    unsigned i = pt_index(e->a, e->level + 1);

    if (e->what == EVENT_TABLE_NEW) {
        expect(node->entry[i], 0, e);
        node->entry[i] = pte_table(e->b).raw;
        node->below[i] = new_node();
        return;
    }
    expect(node->entry[i], pte_table(e->b).raw, e);
    expect(is_empty(node->below[i]), true, e);
    if (e->what == EVENT_TABLE_EMPTIED)
        return;
    free_node(node->below[i]);
    node->below[i] = NULL;
    node->entry[i] = 0;
}

static struct area *area_at(const struct trace_event *e)
{
    unsigned i = 0;

    while (i < area_count && (areas[i].start != e->a || areas[i].end != e->b))
        i++;
    expect(i < area_count, true, e);
    return &areas[i];
}

static void apply_area(const struct trace_event *e)
{
    switch (e->what) {
    case EVENT_VMA_INSERT:
        assert_true(area_count < AREAS);
        areas[area_count++] = (struct area){e->a, e->b, e->c};
        break;
    case EVENT_VMA_REMOVE:
        *area_at(e) = areas[area_count - 1];
        area_count--;
        break;
    case EVENT_VMA_RESIZE: {
        struct area *area = area_at(e);

        area->start = e->c;
        area->end = e->d;
        break;
    }
    case EVENT_VMA_FLAGS:
        expect(area_at(e)->flags, e->d, e);
        area_at(e)->flags = e->c;
        break;
    default:
        break;
    }
}

static void apply(const struct trace_event *e)
{
    seen[e->what]++;
    if (e->what == EVENT_SET)
        apply_set(e);
    else if (e->what == EVENT_STEP)
        apply_step(e);
    else if (trace_kind(e->what) == TRACE_PT)
        apply_table(e);
    else if (trace_kind(e->what) == TRACE_VMA)
        apply_area(e);
}

/* ---- Against what there is ---- */

static void compare_table(const struct pte *table, const struct node *node, unsigned level,
                          vaddr_t base)
{
    unsigned end = level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;

    for (unsigned i = 0; i < end; i++) {
        vaddr_t va = base + i * pt_span(level);

        if (node->entry[i] != table[i].raw)
            fail_msg("%s for %llx: told %llx, there is %llx", level_name(level),
                     (unsigned long long)va, (unsigned long long)node->entry[i],
                     (unsigned long long)table[i].raw);
        if (pte_is_table(table[i], level))
            compare_table(pte_to_table(table[i]), node->below[i], level - 1, va);
    }
}

static void compare(const struct mm *mm)
{
    unsigned found = 0;

    compare_table(mm->pt.root, root, PT_TOP, 0);
    for (const struct vma *vma = mm->first; vma; vma = vma->next, found++) {
        struct trace_event e = {.what = EVENT_VMA_REMOVE, .a = vma->start, .b = vma->end};

        assert_int_equal(area_at(&e)->flags, vma->flags);
    }
    assert_int_equal(found, area_count);
}

/* The events of kind state tell the same: as many entries, with the same rights, and values where they say so. */
static void compare_state(struct mm *mm)
{
    uint64_t told = 0, live = 0;

    sim_forget_words();
    port_trace_mask = TRACE_STATE;
    port_lock_read(&mm->lock);
    mm_trace_state(mm);
    port_unlock_read(&mm->lock);
    port_trace_mask = TRACE_ALL;
    assert_int_equal(sim_trace_event(0)->what, EVENT_STATE_BEGIN);
    assert_int_equal(sim_trace_event(0)->a, area_count);
    assert_int_equal(sim_trace_event(sim_trace_count() - 1)->what, EVENT_STATE_END);
    for (uint32_t n = 0; n < sim_trace_count(); n++) {
        struct trace_event e = *sim_trace_event(n);

        for (uint64_t i = 0; e.what == EVENT_STATE_RUN && i < e.b; i++, told++) {
            vaddr_t va = e.a + i * pt_span(e.level);
            uint64_t is = node_at(va, e.level)->entry[pt_index(va, e.level)];

            assert_int_equal(pte_rights((struct pte){is}), pte_rights((struct pte){e.c}));
            if (i == 0 || e.d)
                expect(is, e.c + i * pt_span(e.level), &e);
        }
        live += e.what == EVENT_STATE_RUN && pte_is_table((struct pte){e.c}, e.level) ? e.e : 0;
    }
    assert_int_equal(told, live + pt_frame(mm->pt.root)->live);
    sim_forget_words();
}

/* ---- Calls ---- */

/* A child, which reads and ends: what is told of its own address space is not for this picture. */
static void fork_one(struct world *w)
{
    struct mm *child = sim_fork(w->mm);

    if (child)
        sim_destroy(child);
}

static void change(struct world *w)
{
    static const uint32_t prots[] = {PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE,
                                     PROT_READ | PROT_WRITE};
    unsigned page = test_random(PAGES), count = 1 + test_random(PAGES - page);
    unsigned to = test_random(PAGES - count + 1);

    switch (test_random(10)) {
    case 0:
    case 1:
        world_map(w, page, count, prots[test_random(4)]);
        break;
    case 2:
        world_unmap(w, page, count / 4 + 1);
        break;
    case 3:
        world_protect(w, page, count, prots[test_random(4)]);
        break;
    case 4:
        world_forget(w, page, count);
        break;
    case 5:
        fork_one(w);
        break;
    case 6:
    case 7:
        world_fill(w, page, count, 1 + test_random(5));
        break;
    default:
        world_remap(w, page, count, count, MOVE, to);
    }
}

/* Events of the watched space since the last time. */
static void catch_up(const struct mm *mm)
{
    uint32_t count = sim_trace_count();

    for (uint32_t i = 0; i < count; i++)
        if (sim_trace_event(i)->space == mm->pt.space)
            apply(sim_trace_event(i));
    sim_forget_words();
}

static void test_calls_at_random(void **state)
{
    static struct world w;

    sim_boot(FRAMES);
    mm_config.thp = THP_ALWAYS;
    root = new_node();
    world_start(&w, BASE, PAGES);
    for (const struct vma *vma = w.mm->first; vma; vma = vma->next)
        areas[area_count++] = (struct area){vma->start, vma->end, vma->flags};
    sim_forget_words();
    port_trace_mask = TRACE_ALL;
    for (unsigned i = 0; i < STEPS; i++) {
        mm_config.realign = (enum realign)test_random(3);
        change(&w);
        catch_up(w.mm);
        if (i % 8 == 0)
            compare(w.mm);
        if (i % 64 == 0)
            compare_state(w.mm);
    }
    compare(w.mm);
    assert_true(seen[EVENT_SET] && seen[EVENT_STEP] && seen[EVENT_TABLE_NEW] &&
                seen[EVENT_TABLE_EMPTIED] && seen[EVENT_TABLE_GONE] && seen[EVENT_VMA_FLAGS] &&
                seen[EVENT_VMA_SPLIT] && seen[EVENT_VMA_MERGE]);
    port_trace_mask = 0;
    world_end(&w);
    free_node(root);
    sim_halt();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_at_random),
    };

    return cmocka_run_group_tests_name("trace_apply", tests, NULL, NULL);
}
