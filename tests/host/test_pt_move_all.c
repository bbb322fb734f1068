/*
 * The move engine, every case of a small address space: 2 bits per level, 3 levels, 32 user pages.
 * Each source, each target, each length, a neighbour at each of several distances on all four sides
 * or none; pages in patterns with holes. The optimised build tries all, the one with sanitizers a
 * part.
 */
/* host-build: 2/3-fast 2/3 */
#include "tests/host/test.h"

#include "tests/host/sim_move.h"

#define PAGES ((unsigned)(USER_END / PAGE_SIZE))
#define NONE PAGES

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 61
#else
#define STRIDE 1
#endif

static const unsigned distances[] = {0, 1, 3, NONE};
#define DISTANCES 4

static struct scene s;
static uint64_t cases;

/* Bit n: page n of the source, modulo 32, is there. */
static const uint32_t patterns[] = {
    0xffffffff, 0x00000001, 0x80000001, 0x55555555, 0x0000f00f, 0x11111111, 0xfffffffe, 0x00ff00f0,
};

static void map_source(uint32_t pattern, unsigned old, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        if (pattern >> i % 32 & 1)
            scene_page(&s, (old + i) * PAGE_SIZE);
}

static bool in(unsigned page, unsigned start, unsigned len)
{
    return page - start < len;
}

/*
 * A neighbour @distance pages away from a side, unless there is no such page or it lies in a range.
 */
static bool put_neighbour(unsigned at, unsigned old, unsigned new, unsigned len)
{
    if (at >= PAGES || in(at, old, len) || in(at, new, len))
        return false;
    scene_neighbour(&s, at * PAGE_SIZE);
    return true;
}

static bool put_neighbours(unsigned which, unsigned old, unsigned new, unsigned len)
{
    const unsigned edge[] = {old - 1, new - 1, old + len, new + len};

    for (unsigned side = 0; side < 4; side++, which /= DISTANCES) {
        unsigned d = distances[which % DISTANCES];

        if (d == NONE)
            continue;
        if (!put_neighbour(side < 2 ? edge[side] - d : edge[side] + d, old, new, len))
            return false;
    }
    return true;
}

static void one_case(unsigned old, unsigned new, unsigned len, unsigned which)
{
    unsigned pattern = (unsigned)cases % 8;
    bool overlap = new < old + len &&old < new + len;
    bool placed;

    scene_start(&s, old * PAGE_SIZE, new *PAGE_SIZE, len * PAGE_SIZE);
    placed = put_neighbours(which, old, new, len);
    if (placed) {
        mm_config.realign = cases % 5 == 0   ? REALIGN_OFF
                            : cases % 5 == 1 ? REALIGN_PMD
                                             : REALIGN_FULL;
        map_source(patterns[pattern], old, len);
        if (!overlap && cases % 7 == 0) {
            s.target_used = true;
            scene_page(&s, (new + cases % len) * PAGE_SIZE);
        }
        cases++;
        if (cases % 97 == 0)
            scene_run_starved(&s);
        else
            scene_run(&s);
    }
    scene_end(&s);
}

static void test_every_small_move(void **state)
{
    uint64_t turn = 0;

    sim_start(150);
    sim_short_frames(64);
    for (unsigned len = 1; len <= PAGES; len++)
        for (unsigned old = 0; old + len <= PAGES; old++)
            for (unsigned new = 0; new + len <= PAGES; new ++)
                for (unsigned which = 0; which < DISTANCES * DISTANCES * DISTANCES * DISTANCES;
                     which++)
                    if (new != old && (new < old || new >= old + len) && turn++ % STRIDE == 0)
                        one_case(old, new, len, which);
    print_message("# %llu moves\n", (unsigned long long)cases);
    assert_true(cases > 5000);
    sim_stop();
}

/*
 * exec's stack: every start, size and shift, floors and ceilings shared, with and without
 * neighbours.
 */
static void test_every_small_stack_shift(void **state)
{
    uint64_t shifts = 0;

    sim_start(150);
    sim_short_frames(64);
    for (unsigned old = 1; old < PAGES; old++)
        for (unsigned len = 1; old + len <= PAGES; len++)
            for (unsigned shift = 1; shift <= old; shift++)
                for (unsigned variant = 0; variant < 96; variant++) {
                    scene_start(&s, old * PAGE_SIZE, (old - shift) * PAGE_SIZE, len * PAGE_SIZE);
                    mm_config.realign = variant % 3;
                    if (variant / 3 % 2 && shift < old)
                        scene_neighbour(&s, (old - shift - 1) * PAGE_SIZE);
                    if (variant / 6 % 2 && old + len < PAGES)
                        scene_neighbour(&s, (old + len) * PAGE_SIZE);
                    s.move.new_floor = s.move.old_floor =
                        min_u64(s.move.new_floor, s.move.old_floor);
                    map_source(patterns[variant / 12], old, len);
                    scene_run(&s);
                    scene_end(&s);
                    shifts++;
                }
    print_message("# %llu shifts\n", (unsigned long long)shifts);
    sim_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_small_move),
        cmocka_unit_test(test_every_small_stack_shift),
    };

    return cmocka_run_group_tests_name("pt_move_all", tests, NULL, NULL);
}
