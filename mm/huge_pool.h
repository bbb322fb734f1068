/*
 * The pools of MAP_HUGETLB: blocks of 2 MiB, and of 1 GiB, that are set aside and that nothing else
 * gets. A mapping is promised its pages when it is made, so that its faults find them.
 *
 *     total = free + in use          promised <= free
 *
 * More than is free is promised only while pages that were forgotten are on their way back.
 *
 * Lock: none yet; one CPU.
 */
#pragma once

#include "mm/pt.h"

/* With the second frame of a block: its level, and whether it is a pool's. */
#define BLOCK_LEVEL 0xffu
#define BLOCK_POOL 0x100u

/* Promise @pages pages of @level more; false when so many are not free. */
[[nodiscard]] bool huge_pool_promise(unsigned level, uint64_t pages);

/* Promise @pages pages that are in use and about to be free, so that they stay in the pool. */
void huge_pool_promise_ahead(unsigned level, uint64_t pages);

/* Pages that were promised are not any more. */
void huge_pool_release(unsigned level, uint64_t pages);

/* Free pages that are not promised. */
uint64_t huge_pool_left(unsigned level);

/*
 * A page, contents undefined, with one reference on each of its frames; 0 when there is none.
 * @promised: one that was.
 */
[[nodiscard]] paddr_t huge_pool_take(unsigned level, bool promised);

/* Back into the pool: nobody refers to any of its frames. */
void huge_pool_put(paddr_t block, unsigned level);
