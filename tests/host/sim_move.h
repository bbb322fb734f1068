/*
 * A move on a stage: pages mapped in and around the two ranges, the move made by the engine, and
 * everything looked at afterwards: each page that moves and each that must not, tables, counts,
 * TLBs, and the number of entries moved against the fewest possible.
 */
#pragma once

#include "mm/pt_move.h"
#include "tests/host/sim.h"

#define SCENE_PAGES 1100

struct scene_page {
    vaddr_t va;
    uint64_t raw; /* the leaf */
};

struct scene {
    struct mm mm;
    struct pt_move move;
    bool target_used; /* pages are mapped in the target until the move was planned */
    unsigned count;
    struct scene_page page[SCENE_PAGES];
    uint64_t fewest[PT_LEVELS]; /* entries of each level that must move */
};

/* An empty stage on a machine that is running. The bounds of the move start as 0 and USER_END. */
void scene_start(struct scene *s, vaddr_t old, vaddr_t new, uint64_t len);

/* A page at @va, unless there is one. */
void scene_page(struct scene *s, vaddr_t va);

/*
 * Pages of the source: its ends, both sides of each span's edge at every level, and @more anywhere.
 */
void scene_fill(struct scene *s, unsigned more);

/* A neighbour, one page at @va, which lies outside the ranges: the bounds of both follow. */
void scene_neighbour(struct scene *s, vaddr_t va);

/*
 * Plan, commit, finish, and look. With realign=full the entries moved are compared with s->fewest.
 */
void scene_run(struct scene *s);

/*
 * As scene_run, but the plan must fail for want of memory at each of its allocations first,
 * changing nothing.
 */
void scene_run_starved(struct scene *s);

/* Everything unmapped, nothing left. */
void scene_end(struct scene *s);

uint64_t scene_moved(const struct scene *s); /* entries in all */
