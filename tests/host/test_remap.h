/* What the tests of mremap begin with: a stretch of watched memory, twelve PMD spans long. */
#pragma once

#include "kernel/abi/mman.h"
#include "tests/host/sim_world.h"
#include "tests/host/test.h"

#define FRAMES 3000
#define P PT_ENTRIES   /* pages of a PMD entry's span */
#define PAGES (P * 12) /* of the world */
#define BASE (4 * pt_span(PT_PMD))
#define RW (PROT_READ | PROT_WRITE)
#define MOVE MREMAP_MAYMOVE
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define NORESERVE_FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED)
#define LEAVE (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static struct world w;

static int setup(void **state)
{
    sim_boot(FRAMES);
    world_start(&w, BASE, PAGES);
    return 0;
}

static int teardown(void **state)
{
    world_end(&w);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

/*
 * Pages apart that are filled in large mappings: enough for every table and both sides of each
 * edge.
 */
#define SOME (P > 16 ? 5 : 1)

static void map_filled(unsigned page, unsigned count, unsigned step)
{
    assert_true(world_map(&w, page, count, RW) >= 0);
    world_fill(&w, page, count, step);
}
