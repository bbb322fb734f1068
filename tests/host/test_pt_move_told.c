/* What the move engine tells of its steps, and its old behaviours with the historic warning. */
/* host-build: 9/4 3/3 2/4 */
#include "tests/host/test.h"

#include "tests/host/sim_move.h"

#define FRAMES 4000

static struct scene s;

static int setup(void **state)
{
    sim_start(FRAMES);
    mm_stats = (struct mm_stats){0};
    mm_config.realign = REALIGN_FULL;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(sim_frames_free(), FRAMES);
    sim_stop();
    return 0;
}

/* ---- What is told ---- */

static void test_trace_of_a_widened_move(void **state)
{
    unsigned long long span = pt_span(PT_PMD);
    char expected[200];

    scene_start(&s, span + PAGE_SIZE, PAGE_SIZE, span - PAGE_SIZE);
    scene_page(&s, span + PAGE_SIZE);
    s.move.old_floor = span;
    s.move.old_ceiling = 2 * span;
    port_trace_mask = TRACE_MREMAP;
    sim_forget_words();
    scene_run(&s);
    port_trace_mask = 0;
    assert_int_equal(sim_trace_count(), 4);
    snprintf(expected, sizeof(expected), "move %llx -> 1000, %llx bytes", span + 0x1000,
             span - 0x1000);
    assert_string_equal(sim_trace_line(0), expected);
    snprintf(expected, sizeof(expected),
             "widen down to PMD: old %llx -> %llx, new 1000 -> 0; old floor %llx, new floor 0",
             span + 0x1000, span, span);
    assert_string_equal(sim_trace_line(1), expected);
    assert_int_equal(sim_trace_event(2)->what, EVENT_STEP);
    assert_int_equal(sim_trace_event(2)->level, PT_PMD);
    assert_int_equal(sim_trace_event(2)->a, span);
    assert_int_equal(sim_trace_event(2)->b, 0);
    assert_int_equal(sim_trace_event(2)->c, pt_entry(&s.mm.pt, 0, PT_PMD)->raw);
    assert_string_equal(sim_trace_line(3), "moved 0 PTE, 1 PMD, 0 PUD, 0 PGD");
    scene_end(&s);
}

static void test_steps_by_pages(void **state)
{
    scene_start(&s, 8 * PAGE_SIZE, 3 * PAGE_SIZE, 3 * PAGE_SIZE);
    scene_page(&s, 8 * PAGE_SIZE);
    scene_page(&s, 10 * PAGE_SIZE);
    port_trace_mask = TRACE_MREMAP;
    sim_forget_words();
    scene_run(&s);
    port_trace_mask = 0;
    assert_int_equal(sim_trace_count(), 4);
    assert_int_equal(sim_trace_event(1)->a, 8 * PAGE_SIZE);
    assert_int_equal(sim_trace_event(1)->b, 3 * PAGE_SIZE);
    assert_int_equal(sim_trace_event(2)->a, 10 * PAGE_SIZE);
    assert_string_equal(sim_trace_line(3), "moved 2 PTE, 0 PMD, 0 PUD, 0 PGD");
    scene_end(&s);
}

/* ---- The old behaviours ---- */

/*
 * Two spans and a page more, one page above a span's edge, shifted down by one span: the case of
 * March 2023.
 */
static void march_2023(enum realign realign)
{
    uint64_t span = pt_span(PT_PMD);

    mm_config.realign = realign;
    mm_stats = (struct mm_stats){0};
    sim_forget_words();
    scene_start(&s, 2 * span - PAGE_SIZE, span - PAGE_SIZE, 2 * span + PAGE_SIZE);
    for (vaddr_t va = s.move.old; va < s.move.old + s.move.len; va += PAGE_SIZE)
        scene_page(&s, va);
    scene_run(&s);
    scene_end(&s);
    assert_int_equal(sim_warn_count(), mm_stats.warn);
}

static void test_historic_warning(void **state)
{
    const char *start = "WARN: move_normal_pmd: destination PMD not none";

    march_2023(REALIGN_OFF);
    assert_int_equal(sim_warn_count(), 2);
    assert_memory_equal(sim_warn_line(0), start, strlen(start));
    assert_int_equal(s.move.moved[PT_PTE], 1 + 2 * PT_ENTRIES);
    assert_int_equal(s.move.moved[PT_PMD], 0);
    march_2023(REALIGN_PMD);
    assert_int_equal(sim_warn_count(), 0);
    assert_int_equal(s.move.moved[PT_PTE], 0);
    march_2023(REALIGN_FULL);
    assert_int_equal(sim_warn_count(), 0);
    assert_int_equal(s.move.moved[PT_PTE], 0);
    assert_int_equal(s.move.moved[PT_PMD], 3);
}

/* The trace has the warning where it happened: between the steps that emptied the table and those of the pages. */
static void test_warning_in_the_trace(void **state)
{
    uint64_t span = pt_span(PT_PMD);
    const struct trace_event *warning, *next;
    unsigned told = 0;

    port_trace_mask = TRACE_MREMAP;
    march_2023(REALIGN_OFF);
    port_trace_mask = 0;
    for (uint32_t i = 0; i < sim_trace_count(); i++)
        told += sim_trace_event(i)->what == EVENT_WARN;
    assert_int_equal(told, sim_warn_count());
    warning = sim_trace_event(2);
    next = sim_trace_event(3);
    assert_int_equal(sim_trace_event(1)->what, EVENT_STEP);
    assert_int_equal(warning->what, EVENT_WARN);
    assert_int_equal(warning->level, PT_PMD);
    assert_int_equal(warning->a, 2 * span);
    assert_int_equal(warning->b, span);
    assert_true(warning->c && warning->d && warning->c != warning->d);
    assert_int_equal(next->what, EVENT_STEP);
    assert_int_equal(next->level, PT_PTE);
    assert_int_equal(next->a, warning->a);
    assert_int_equal(next->b, warning->b);
}

/* realign=pmd widens downward only, and at the PMD only; realign=off not at all. */
static void test_old_modes_widen_less(void **state)
{
    uint64_t span = pt_span(PT_PMD);

    for (enum realign realign = REALIGN_OFF; realign <= REALIGN_FULL; realign++) {
        mm_config.realign = realign;
        scene_start(&s, span + PAGE_SIZE, PAGE_SIZE, span - PAGE_SIZE);
        s.move.old_ceiling = 2 * span;
        scene_fill(&s, 5);
        scene_run(&s);
        assert_int_equal(s.move.moved[PT_PMD] + s.move.moved[PT_TOP], realign == REALIGN_OFF ? 0
                                                                      : PT_TOP == PT_PMD     ? 2
                                                                                             : 1);
        scene_end(&s);
        scene_start(&s, span, 0, span - PAGE_SIZE);
        s.move.old_floor = span;
        scene_fill(&s, 5);
        scene_run(&s);
        assert_int_equal(s.move.moved[PT_PMD], realign == REALIGN_FULL ? 1 : 0);
        scene_end(&s);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trace_of_a_widened_move), TEST(test_steps_by_pages),
        TEST(test_historic_warning),        TEST(test_warning_in_the_trace),
        TEST(test_old_modes_widen_less),
    };

    return cmocka_run_group_tests_name("pt_move_told", tests, NULL, NULL);
}
