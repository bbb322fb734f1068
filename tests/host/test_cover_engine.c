/*
 * The move engine looked at while it moves: this file compiles mm/pt_move.c once more, under other
 * names, and listens to its trace. What it says of its progress at each step must be true.
 */
/* host-build: 9/4 3/3 2/4 */
#define pt_move_plan watched_plan
#define pt_move_commit watched_commit
#define pt_move_cancel watched_cancel
#define pt_move_progress watched_progress
#define trace_tell watched_tell
#include "mm/pt_move.c"
#undef trace_tell

#include "tests/host/sim_move.h"
#include "tests/host/test.h"

#define FRAMES 4000
#define SPAN pt_span(PT_PMD)

static struct scene s;
static unsigned steps;
static uint64_t done_before[SCENE_PAGES]; /* each step */

/* Nothing that counts as done is still at its old place. */
static void check_done(void)
{
    vaddr_t start =
        s.move.descending ? pt_move_end(&s.move) - pt_move_progress(&s.move) : s.move.old;

    check(pt_move_progress(&s.move) <= s.move.len, "done: %llx of %llx",
          (unsigned long long)pt_move_progress(&s.move), (unsigned long long)s.move.len);
    for (unsigned i = 0; i < s.count; i++) {
        unsigned level;

        if (s.page[i].va - start < pt_move_progress(&s.move))
            assert_null(sim_leaf(&s.mm.pt, s.page[i].va, &level));
    }
}

void watched_tell(struct trace_event event)
{
    if (event.what != EVENT_STEP)
        return;
    assert_true(steps < SCENE_PAGES);
    assert_true(steps == 0 || pt_move_progress(&s.move) >= done_before[steps - 1]);
    done_before[steps++] = pt_move_progress(&s.move);
    check_done();
}

static int setup(void **state)
{
    sim_start(FRAMES);
    mm_stats = (struct mm_stats){0};
    mm_config.realign = REALIGN_FULL;
    steps = 0;
    return 0;
}

static int teardown(void **state)
{
    scene_end(&s);
    assert_int_equal(sim_frames_free(), FRAMES);
    sim_stop();
    return 0;
}

static void run(void)
{
    struct gather g;

    port_trace_mask = TRACE_MREMAP;
    assert_int_equal(watched_plan(&s.move), 0);
    tlb_begin(&g, &s.mm, &s.mm.pt);
    watched_commit(&s.move, &g);
    tlb_finish(&g);
    port_trace_mask = 0;
    check_done();
    assert_int_equal(pt_move_progress(&s.move), s.move.len);
}

/* ---- Progress ---- */

/*
 * Widened down to a span's edge, then two spans as entries and two pages more. The pages that
 * widening added are no progress, so nothing is done before the first step.
 */
static void test_progress_of_a_widened_move(void **state)
{
    scene_start(&s, 3 * SPAN + PAGE_SIZE, PAGE_SIZE, 2 * SPAN + PAGE_SIZE);
    scene_neighbour(&s, s.move.old + s.move.len);
    scene_fill(&s, 20);
    run();
    assert_int_equal(s.move.src.start, 3 * SPAN);
    assert_int_equal(done_before[0], 0);
    assert_int_equal(done_before[steps - 1], 2 * SPAN - PAGE_SIZE);
}

/*
 * Upwards the steps descend where the widened ranges overlap, and the widened end comes first.
 */
static void test_progress_of_an_upward_move(void **state)
{
    scene_start(&s, PAGE_SIZE, 2 * SPAN + PAGE_SIZE, 2 * SPAN);
    scene_page(&s, 0);
    s.move.old_floor = PAGE_SIZE;
    scene_fill(&s, 20);
    run();
    assert_int_equal(s.move.src.end, 3 * SPAN);
    assert_true(s.move.descending);
    assert_int_equal(done_before[0], 0);
    assert_true(done_before[steps - 1] >= SPAN + PAGE_SIZE);
}

/* From each address that a step may end at, whichever way the move goes. */
static void test_progress_from_anywhere(void **state)
{
    for (unsigned up = 0; up < 2; up++) {
        struct pt_move m = {.old = SPAN + PAGE_SIZE, .len = 2 * PAGE_SIZE, .descending = up};

        for (vaddr_t at = SPAN; at <= 2 * SPAN; at += PAGE_SIZE) {
            uint64_t below = at <= m.old ? 0 : min_u64(at - m.old, m.len);

            m.cursor.at = at;
            assert_int_equal(pt_move_progress(&m), up ? m.len - below : below);
        }
    }
    scene_start(&s, PAGE_SIZE, 0, PAGE_SIZE);
}

/* ---- Widening that would do nothing ---- */

/* A range that ends inside the span, with a neighbour above: its start is left where it is. */
static void test_short_range_is_not_widened(void **state)
{
    scene_start(&s, SPAN + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    scene_neighbour(&s, s.move.old + 2 * PAGE_SIZE);
    scene_fill(&s, 0);
    run();
    assert_int_equal(s.move.src.start, s.move.old);
    assert_int_equal(s.move.src.end, s.move.old + s.move.len);
    assert_int_equal(mm_stats.widen_down + mm_stats.widen_up, 0);
    assert_int_equal(s.move.moved[PT_PTE], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_progress_of_a_widened_move),
        TEST(test_progress_of_an_upward_move),
        TEST(test_progress_from_anywhere),
        TEST(test_short_range_is_not_widened),
    };

    return cmocka_run_group_tests_name("cover_engine", tests, NULL, NULL);
}
