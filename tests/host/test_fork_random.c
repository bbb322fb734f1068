/*
 * A family of address spaces: forks, ends and calls at random, in any of them. After each, every page of every one is
 * what its own record says.
 */
/* host-build: 3/3-fast 2/4-fast 3/3 */
#include "tests/host/test.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_world.h"

#define FRAMES 900
#define FAMILY 5
#define PAGES 80
#define BASE (4 * pt_span(PT_PMD))
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

#ifdef __SANITIZE_ADDRESS__
#define STEPS 4000
#else
#define STEPS 20000
#endif

static struct world family[FAMILY];
static uint64_t forks, refused;

/* A fork of which an allocation fails now and then. */
static void fork_one(const struct world *from, struct world *to)
{
    struct sim_snapshot *snap = sim_snapshot();
    struct mm *mm;

    sim_fail_after(test_random(3) ? 0 : 1 + test_random(30), false);
    mm = sim_fork(from->mm);
    check(mm || sim_refused(), "fork failed without need");
    if (!mm)
        check(!sim_changed(snap), "%s", sim_changed(snap));
    sim_fail_after(0, false);
    sim_snapshot_free(snap);
    refused += !mm;
    if (!mm)
        return;
    *to = *from;
    to->mm = mm;
    to->last_word += 1000;
    forks++;
}

static void remap(struct world *w, unsigned page, unsigned count)
{
    uint32_t dontunmap = test_random(4) ? 0 : MREMAP_DONTUNMAP;
    unsigned new_count = dontunmap || test_random(3) ? count : 1 + test_random(20);
    unsigned to = test_random(PAGES - new_count);

    world_remap(w, page, count, new_count, MOVE | dontunmap, to);
}

static void change(struct world *w)
{
    static const uint32_t prots[] = {PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE,
                                     PROT_READ | PROT_WRITE};
    unsigned page = test_random(PAGES),
             count = 1 + test_random(PAGES - page < 24 ? PAGES - page : 24);
    uint32_t prot = prots[test_random(4)];

    switch (test_random(12)) {
    case 0:
    case 1:
        world_map(w, page, count, prot);
        break;
    case 2:
        world_unmap(w, page, count / 2 + 1);
        break;
    case 3:
        world_protect(w, page, count, prot);
        break;
    case 4:
        world_forget(w, page, count);
        break;
    case 5:
    case 6:
    case 7:
        remap(w, page, count);
        break;
    default:
        world_fill(w, page, count, 1 + test_random(3));
        break;
    }
}

static void step(void)
{
    struct world *a = &family[test_random(FAMILY)], *b = &family[test_random(FAMILY)];

    if (!a->mm)
        return;
    if (b->mm)
        change(a);
    else
        fork_one(a, b);
    if (a != b && b->mm && test_random(12) == 0) {
        world_end(a);
        a->mm = NULL;
    }
    for (unsigned n = 0; n < FAMILY; n++)
        if (family[n].mm)
            world_check(&family[n]);
}

static void test_families(void **state)
{
    for (unsigned n = 0; n < STEPS; n++) {
        if (n % 500 == 0) {
            sim_boot(FRAMES);
            world_start(&family[0], BASE, PAGES);
        }
        step();
        if (n % 500 < 499)
            continue;
        for (unsigned i = 0; i < FAMILY; i++)
            if (family[i].mm)
                world_end(&family[i]);
        memset(family, 0, sizeof(family));
        assert_int_equal(sim_frames_free(), FRAMES - 1);
        sim_halt();
    }
    print_message("# %llu forks, %llu short of memory\n", (unsigned long long)forks,
                  (unsigned long long)refused);
    assert_true(forks > STEPS / 50 && refused > STEPS / 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
    };

    return cmocka_run_group_tests_name("fork_random", tests, NULL, NULL);
}
