/*
 * Physical memory by the frame: a buddy allocator of blocks of 2^order frames, order 0 to 10. Larger ones come from
 * memory that was never used before, as long as there is some; freed, they are cut up.
 *
 * Lock: none yet, one CPU. Frame 0 is never given out, so address 0 means "none".
 */
#pragma once

#include "kernel/ranges.h"

#define FRAMES_MAX_ORDER 10u

/*
 * Start with @free, a part of all the machine's @memory. Once, with the direct map in place. The table of metadata
 * takes its room from @free; nothing else is touched before it is needed.
 */
void frames_init(const struct ranges *free, const struct ranges *memory);

/* A naturally aligned block, contents undefined, metadata zeroed; 0 when there is none of this order. */
[[nodiscard]] paddr_t frames_alloc(unsigned order);
void frames_free(paddr_t block, unsigned order);

/*
 * Free all the frames of @range, each in use on its own and its metadata zeroed already. Costs less than one by one:
 * they go in blocks as large as they make.
 */
void frames_free_run(struct range range);

/* A single frame that holds zeros; 0 when there is none. */
[[nodiscard]] paddr_t frames_alloc_zeros(void);

/* For page tables: see port_tables_reserve() and the others in mm/port.h. */
[[nodiscard]] bool frames_reserve_zeros(uint32_t count);
void frames_unreserve_zeros(uint32_t count);
paddr_t frames_take_zeros(void);
void frames_free_zeros(struct frame_list *list);

/* Give the frames that lie wholly in @range, which boot had kept back, to the allocator. */
void frames_add(struct range range);

/* In frames. The total counts all memory that firmware reported usable. */
uint64_t frames_free_count(void);
uint64_t frames_total_count(void);

/* Whether there is metadata of a frame at @pa, and contents to look at: it lies in memory, free or not. */
bool frames_has(paddr_t pa);

/* The metadata of the frame that holds @pa. */
struct frame *frames_meta(paddr_t pa);
