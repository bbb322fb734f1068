#include "mm/huge_pool.h"

struct pool {
    uint64_t wanted; /* pages, as was last asked for */
    uint64_t total;  /* more than wanted as long as pages are in use that should go */
    uint64_t free;
    uint64_t promised;
    uint32_t head; /* list of free blocks, by frame number */
};
static struct pool pools[PT_LEVELS];

static void push(struct pool *pool, paddr_t block)
{
    port_frame(block)->next = pool->head;
    pool->head = (uint32_t)(block >> PAGE_SHIFT);
    pool->free++;
}

static paddr_t pop(struct pool *pool)
{
    paddr_t block = (paddr_t)pool->head << PAGE_SHIFT;

    pool->head = port_frame(block)->next;
    port_frame(block)->next = 0;
    pool->free--;
    return block;
}

static void give_back(struct pool *pool, paddr_t block, unsigned level)
{
    port_frame(block)[1].live = 0;
    port_block_free(block, level);
    pool->total--;
}

uint64_t mm_hugetlb_resize(unsigned level, uint64_t pages)
{
    struct pool *pool = &pools[level];
    paddr_t block;

    pool->wanted = pages;
    while (pool->total < pages && (block = port_block_alloc(level, false))) {
        port_frame(block)[1].live = level | BLOCK_POOL;
        push(pool, block);
        pool->total++;
    }
    while (pool->total > pages && pool->free > pool->promised)
        give_back(pool, pop(pool), level);
    pool->wanted = min_u64(pages, pool->total);
    return pool->wanted;
}

struct hugetlb_counts mm_hugetlb_counts(unsigned level)
{
    const struct pool *pool = &pools[level];

    return (struct hugetlb_counts){
        .total = pool->total,
        .free = pool->free,
        .promised = pool->promised,
        .surplus = pool->total - pool->wanted,
    };
}

bool huge_pool_promise(unsigned level, uint64_t pages)
{
    if (pages > huge_pool_left(level))
        return false;
    pools[level].promised += pages;
    return true;
}

void huge_pool_promise_ahead(unsigned level, uint64_t pages)
{
    pools[level].promised += pages;
}

void huge_pool_release(unsigned level, uint64_t pages)
{
    mm_assert(pools[level].promised >= pages);
    pools[level].promised -= pages;
}

uint64_t huge_pool_left(unsigned level)
{
    const struct pool *pool = &pools[level];

    return pool->free > pool->promised ? pool->free - pool->promised : 0;
}

paddr_t huge_pool_take(unsigned level, bool promised)
{
    struct pool *pool = &pools[level];
    paddr_t block;

    if (promised)
        huge_pool_release(level, 1);
    else if (!huge_pool_left(level))
        return 0;
    block = pop(pool);
    for (uint64_t i = 0; i < pt_span(level) >> PAGE_SHIFT; i++)
        port_frame(block)[i].refs = 1;
    return block;
}

void huge_pool_put(paddr_t block, unsigned level)
{
    struct pool *pool = &pools[level];

    push(pool, block);
    if (pool->total > pool->wanted && huge_pool_left(level))
        give_back(pool, pop(pool), level);
}
