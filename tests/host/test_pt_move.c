/*
 * The move engine, case by case: every level, each end widened or not, each neighbour, overlap,
 * holes, no memory.
 */
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

#define EACH_LEVEL(l) for (unsigned l = PT_PMD; l <= PT_TOP; l++)

/* Offsets inside a span that are interesting: the first, second and last page, and the middle. */
static const char *const offset_names[] = {"1 page", "half", "all but 1 page"};

static uint64_t offset_in(unsigned level, unsigned which)
{
    switch (which) {
    case 0:
        return PAGE_SIZE;
    case 1:
        return pt_span(level) / 2;
    default:
        return pt_span(level) - PAGE_SIZE;
    }
}

#define EACH_OFFSET(l, off, i)                                                                     \
    for (unsigned i = 0; i < 3; i++)                                                               \
        for (uint64_t off = offset_in(l, i), once_ = 1; once_; once_ = 0)

static void expect_moved(unsigned level, uint64_t count)
{
    for (unsigned l = 0; l < PT_LEVELS; l++)
        check(s.move.moved[l] == (l == level ? count : 0), "%llu %s moved, %llu %s expected",
              (unsigned long long)s.move.moved[l], level_name(l),
              (unsigned long long)(l == level ? count : 0), level_name(level));
}

/* ---- Whole entries ---- */

static void whole_entry(unsigned level, vaddr_t old, vaddr_t new)
{
    scene_start(&s, old, new, pt_span(level));
    s.move.old_floor = old;
    s.move.new_floor = new;
    s.move.old_ceiling = old + pt_span(level);
    s.move.new_ceiling = new + pt_span(level);
    scene_fill(&s, 20);
    scene_run(&s);
    expect_moved(level, 1);
    assert_int_equal(mm_stats.widen_down + mm_stats.widen_up, 0);
    assert_int_equal(mm_stats.widen_refused_down + mm_stats.widen_refused_up, 0);
    scene_end(&s);
}

static void test_aligned_entries_move_whole(void **state)
{
    EACH_LEVEL(l)
    {
        whole_entry(l, pt_span(l), 0);
        whole_entry(l, 0, pt_span(l));
        whole_entry(l, USER_END - pt_span(l), 0);
        whole_entry(l, 0, USER_END - pt_span(l));
    }
}

static void test_single_page(void **state)
{
    scene_start(&s, 5 * PAGE_SIZE, 2 * PAGE_SIZE, PAGE_SIZE);
    scene_page(&s, 5 * PAGE_SIZE);
    scene_run(&s);
    expect_moved(PT_PTE, 1);
    assert_int_equal(mm_stats.moved[PT_PTE], 1);
    assert_int_equal(mm_stats.moves, 1);
    scene_end(&s);
}

static void test_misaligned_moves_by_pages(void **state)
{
    EACH_LEVEL(l)
    {
        uint64_t len = min_u64(pt_span(l) - PAGE_SIZE, 300 * PAGE_SIZE);

        scene_start(&s, pt_span(l) + PAGE_SIZE, 0, len);
        scene_fill(&s, 30);
        scene_run(&s);
        expect_moved(PT_PTE, s.count);
        scene_end(&s);
        scene_start(&s, 0, pt_span(l) - PAGE_SIZE, len);
        scene_fill(&s, 30);
        scene_run(&s);
        expect_moved(PT_PTE, s.count);
        scene_end(&s);
    }
    assert_int_equal(mm_stats.widen_refused_down + mm_stats.widen_refused_up, 0);
}

/* ---- Widening down: [base + off, base + span) moves by one span ---- */

enum { OLD_SIDE, NEW_SIDE };

static void below_case(unsigned level, uint64_t off, bool up)
{
    vaddr_t old = up ? off : pt_span(level) + off;
    vaddr_t new = up ? pt_span(level) + off : off;

    scene_start(&s, old, new, pt_span(level) - off);
    s.move.old_ceiling = old + s.move.len;
    s.move.new_ceiling = new + s.move.len;
    scene_fill(&s, 10);
}

static void test_widens_down(void **state)
{
    EACH_LEVEL(l)
    {
        EACH_OFFSET(l, off, i)
        {
            for (unsigned up = 0; up < 2; up++) {
                mm_stats = (struct mm_stats){0};
                below_case(l, off, up);
                s.move.old_floor = s.move.old - off;
                s.move.new_floor = s.move.new - off;
                scene_run(&s);
                expect_moved(l, 1);
                assert_int_equal(mm_stats.widen_down, 1);
                assert_int_equal(mm_stats.widen_refused_down, 0);
                assert_int_equal(s.move.src.start, s.move.old - off);
                scene_end(&s);
            }
        }
    }
}

/*
 * A neighbour's last page in the part that widening would add: the first page of it, or the one
 * right below.
 */
static void test_neighbour_below_forbids(void **state)
{
    EACH_LEVEL(l)
    {
        EACH_OFFSET(l, off, i)
        {
            for (unsigned n = 0; n < 8; n++) {
                bool at_edge = n & 1, up = n & 2, new_side = n & 4;
                vaddr_t start;

                mm_stats = (struct mm_stats){0};
                below_case(l, off, up);
                start = new_side ? s.move.new : s.move.old;
                scene_neighbour(&s, at_edge ? start - off : start - PAGE_SIZE);
                scene_run(&s);
                check(s.move.moved[l] == 0, "%s moved over a neighbour, off %s", level_name(l),
                      offset_names[i]);
                assert_true(mm_stats.widen_refused_down >= 1);
                scene_end(&s);
            }
        }
    }
}

/* ---- Widening up: [base, base + off) moves by one span ---- */

static void above_case(unsigned level, uint64_t off, bool up)
{
    vaddr_t old = up ? 0 : pt_span(level);
    vaddr_t new = up ? pt_span(level) : 0;

    scene_start(&s, old, new, off);
    s.move.old_floor = old;
    s.move.new_floor = new;
    scene_fill(&s, 10);
}

static void test_widens_up(void **state)
{
    EACH_LEVEL(l)
    {
        EACH_OFFSET(l, off, i)
        {
            for (unsigned up = 0; up < 2; up++) {
                mm_stats = (struct mm_stats){0};
                above_case(l, off, up);
                s.move.old_ceiling = pt_ceiling(s.move.old + 1, l);
                s.move.new_ceiling = pt_ceiling(s.move.new + 1, l);
                scene_run(&s);
                expect_moved(l, 1);
                assert_int_equal(mm_stats.widen_up, 1);
                assert_int_equal(mm_stats.widen_refused_up, 0);
                assert_int_equal(s.move.src.end, s.move.old + pt_span(l));
                scene_end(&s);
            }
        }
    }
}

static void test_neighbour_above_forbids(void **state)
{
    EACH_LEVEL(l)
    {
        EACH_OFFSET(l, off, i)
        {
            for (unsigned n = 0; n < 8; n++) {
                bool at_edge = n & 1, up = n & 2, new_side = n & 4;
                vaddr_t start;

                mm_stats = (struct mm_stats){0};
                above_case(l, off, up);
                start = new_side ? s.move.new : s.move.old;
                scene_neighbour(&s, start + (at_edge ? pt_span(l) - PAGE_SIZE : off));
                scene_run(&s);
                check(s.move.moved[l] == 0, "%s moved over a neighbour, off %s", level_name(l),
                      offset_names[i]);
                assert_true(mm_stats.widen_refused_up >= 1);
                scene_end(&s);
            }
        }
    }
}

/* ---- Both ends inside one entry ---- */

static void test_middle_of_an_entry(void **state)
{
    EACH_LEVEL(l)
    {
        for (unsigned forbidden = 0; forbidden < 5; forbidden++) {
            vaddr_t old = pt_span(l) + PAGE_SIZE, new = PAGE_SIZE;
            uint64_t len = pt_span(l) - 2 * PAGE_SIZE;

            scene_start(&s, old, new, len);
            scene_fill(&s, 5);
            if (forbidden == 1)
                scene_neighbour(&s, old - PAGE_SIZE);
            if (forbidden == 2)
                scene_neighbour(&s, old + len);
            if (forbidden == 3)
                scene_neighbour(&s, new - PAGE_SIZE);
            if (forbidden == 4)
                scene_neighbour(&s, new + len);
            scene_run(&s);
            assert_int_equal(s.move.moved[l], forbidden ? 0 : 1);
            scene_end(&s);
        }
    }
}

/* The higher level is forbidden, the lower one is not. */
static void test_falls_back_one_level(void **state)
{
    if (PT_TOP < PT_PUD)
        return;
    scene_start(&s, pt_span(PT_PUD) + pt_span(PT_PMD) + PAGE_SIZE, pt_span(PT_PMD) + PAGE_SIZE,
                pt_span(PT_PMD) - PAGE_SIZE);
    scene_neighbour(&s, pt_span(PT_PUD));
    scene_fill(&s, 10);
    scene_run(&s);
    expect_moved(PT_PMD, 1);
    assert_int_equal(mm_stats.widen_refused_down, 1);
    assert_int_equal(mm_stats.widen_down, 1);
    scene_end(&s);
}

/*
 * The picture of the cover letter, |DDDDddddSSSSssss|: upper-case parts must survive a move within
 * one mapping.
 */
static void test_move_within_a_mapping(void **state)
{
    EACH_LEVEL(l)
    {
        uint64_t half = pt_span(l) / 2;

        scene_start(&s, pt_span(l) + half, half, half);
        scene_fill(&s, 5);
        scene_neighbour(&s, 0);
        scene_neighbour(&s, half - PAGE_SIZE);
        scene_neighbour(&s, pt_span(l));
        scene_neighbour(&s, pt_span(l) + half - PAGE_SIZE);
        s.move.old_floor = s.move.old;
        s.move.new_floor = s.move.new;
        scene_run(&s);
        assert_int_equal(s.move.moved[l], 0);
        scene_end(&s);
    }
}

/* ---- Overlap, as exec's stack does ---- */

static void overlap_case(uint64_t shift, uint64_t start, uint64_t len)
{
    if (start < shift || start + len > USER_END || len <= shift)
        return;
    scene_start(&s, start, start - shift, len);
    scene_fill(&s, 40);
    scene_run(&s);
    if (shift % pt_span(PT_PMD) == 0)
        check(s.move.moved[PT_PTE] == 0, "aligned shift by %llx moved %llu PTEs",
              (unsigned long long)shift, (unsigned long long)s.move.moved[PT_PTE]);
    scene_end(&s);
}

static void test_overlapping_down(void **state)
{
    EACH_LEVEL(l)
    {
        uint64_t span = pt_span(l);
        uint64_t some = min_u64(span / 2, 64 * PAGE_SIZE);

        overlap_case(span, 2 * span, 3 * span / 2);
        overlap_case(span, span + PAGE_SIZE, span + some);
        overlap_case(span, 2 * span - PAGE_SIZE, 2 * span);
        overlap_case(PAGE_SIZE, span - PAGE_SIZE, some);
        overlap_case(PAGE_SIZE, span + PAGE_SIZE, some);
        overlap_case(some - PAGE_SIZE, span + PAGE_SIZE, some);
    }
    assert_int_equal(sim_warn_count(), 0);
}

static void asks_for_upward_overlap(void)
{
    scene_start(&s, PAGE_SIZE, 2 * PAGE_SIZE, 2 * PAGE_SIZE);
    scene_page(&s, PAGE_SIZE);
    scene_run(&s);
}

static void test_upward_overlap_is_a_bug(void **state)
{
    assert_dies(asks_for_upward_overlap, "panic at mm/pt_move.c");
}

/* ---- Holes ---- */

/*
 * Down by one span of an upper level, from the middle of it: pages leave slot 1 singly, and so a table without entries
 * behind, not the first of that slot; then the whole entry of slot 2 takes it.
 *
 *     |...N[DDDDDDDDDD|DDDDDDDDDDDDDD]              |
 *     |               |    [SSSSSSSSS|SSSSSSSSSSSSSS]
 */
static void test_slot_with_an_emptied_table_is_taken(void **state)
{
    for (unsigned l = PT_PUD; l <= PT_TOP && 3 * pt_span(l) <= USER_END; l++) {
        uint64_t mid = pt_span(l - 1) + PAGE_SIZE;

        mm_stats = (struct mm_stats){0};
        scene_start(&s, pt_span(l) + mid, mid, 2 * pt_span(l) - mid);
        scene_neighbour(&s, mid - PAGE_SIZE);
        scene_page(&s, pt_span(l) + mid);
        scene_fill(&s, 10);
        scene_run(&s);
        assert_int_equal(mm_stats.moved[l], 1);
        assert_int_equal(mm_stats.warn, 0);
        scene_end(&s);
    }
}

static void test_holes_cost_nothing(void **state)
{
    EACH_LEVEL(l)
    {
        vaddr_t old = USER_END / 2 + (l == PT_TOP ? 0 : PAGE_SIZE);

        scene_start(&s, old, 0, USER_END / 2 - PAGE_SIZE);
        scene_page(&s, USER_END - pt_span(l));
        scene_page(&s, old);
        scene_run(&s);
        assert_true(scene_moved(&s) <= 2);
        scene_end(&s);
    }
}

/* Full tables go into two each; one with a page at its start goes into one. */
static void test_full_tables_go_into_two(void **state)
{
    unsigned pages = min_u64(2 * PT_ENTRIES, SCENE_PAGES);
    vaddr_t last = pages * PAGE_SIZE;

    scene_start(&s, 0, USER_END / 2 + PAGE_SIZE, last + pt_span(PT_PMD));
    for (unsigned i = 0; i < pages; i++)
        scene_page(&s, i * PAGE_SIZE);
    scene_page(&s, last);
    scene_run(&s);
    expect_moved(PT_PTE, pages + 1);
    scene_end(&s);
}

static void test_nothing_mapped(void **state)
{
    scene_start(&s, USER_END / 2, PAGE_SIZE, USER_END / 4);
    scene_run(&s);
    assert_int_equal(scene_moved(&s), 0);
    assert_int_equal(sim_flushes(), 0);
    assert_int_equal(s.mm.pt.tables, 1);
    scene_end(&s);
}

/* ---- Memory ---- */

static void test_no_memory_changes_nothing(void **state)
{
    EACH_LEVEL(l)
    {
        EACH_OFFSET(l, off, i)
        {
            for (unsigned n = 0; n < 4; n++) {
                uint64_t len = pt_span(l) - off / 2;

                if (page_offset(len))
                    len = pt_span(l);
                scene_start(&s, USER_END - pt_span(l), off, len);
                if (s.move.old - off < len)
                    s.move.len = s.move.old - off;
                scene_fill(&s, 10);
                if (n & 1)
                    scene_neighbour(&s, 0);
                if (n & 2) {
                    s.target_used = true;
                    scene_page(&s, off);
                }
                scene_run_starved(&s);
                scene_end(&s);
            }
        }
    }
}

static void test_target_is_cleared_between(void **state)
{
    scene_start(&s, USER_END / 2 + PAGE_SIZE, 2 * PAGE_SIZE, PAGE_SIZE * 3);
    s.target_used = true;
    scene_fill(&s, 3);
    for (unsigned i = 2; i < 5; i++)
        scene_page(&s, i * PAGE_SIZE);
    scene_run(&s);
    scene_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_aligned_entries_move_whole),
        TEST(test_single_page),
        TEST(test_misaligned_moves_by_pages),
        TEST(test_widens_down),
        TEST(test_neighbour_below_forbids),
        TEST(test_widens_up),
        TEST(test_neighbour_above_forbids),
        TEST(test_middle_of_an_entry),
        TEST(test_falls_back_one_level),
        TEST(test_move_within_a_mapping),
        TEST(test_overlapping_down),
        TEST(test_upward_overlap_is_a_bug),
        TEST(test_slot_with_an_emptied_table_is_taken),
        TEST(test_holes_cost_nothing),
        TEST(test_full_tables_go_into_two),
        TEST(test_nothing_mapped),
        TEST(test_no_memory_changes_nothing),
        TEST(test_target_is_cleared_between),
    };

    return cmocka_run_group_tests_name("pt_move", tests, NULL, NULL);
}
