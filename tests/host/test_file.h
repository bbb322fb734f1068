/* What the tests of a mapped file begin with: two address spaces, and a file of twelve pages. */
#pragma once

#include "kernel/abi/mman.h"
#include "mm/object.h"
#include "tests/host/test.h"

#define FRAMES 800
#define PG PAGE_SIZE
#define RW (PROT_READ | PROT_WRITE)
#define AT(page) (0x20000 + (page)*PG)
#define PAGES 12

static struct mm *mm, *other;
static struct object *file;

static int setup(void **state)
{
    sim_boot(FRAMES);
    mm = sim_create();
    other = sim_create();
    file = object_create(PAGES * PG, "file");
    return 0;
}

static int teardown(void **state)
{
    sim_destroy(mm);
    sim_destroy(other);
    object_put(file);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}
