/* What the tests of calls on a stretch of watched memory begin with: its machine, and the way to map and fill it. */
#pragma once

#include "kernel/abi/mman.h"
#include "tests/host/sim_world.h"
#include "tests/host/test.h"

#define FRAMES 1500
#define PAGES 300
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define PG PAGE_SIZE
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PRIVATE (ANON | MAP_FIXED)

static struct world w;
static struct mm *mm;

static int setup(void **state)
{
    sim_boot(FRAMES);
    world_start(&w, BASE, PAGES);
    mm = w.mm;
    return 0;
}

static int teardown(void **state)
{
    world_end(&w);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

static inline long map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    return sim_mmap(mm, AT(page), count * PG, prot, flags);
}

static inline void fill(unsigned page, unsigned count)
{
    assert_true(world_map(&w, page, count, RW) >= 0);
    world_fill(&w, page, count, 1);
}
