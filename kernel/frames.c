/*
 * Buddy allocator. A block of 2^order frames starts at a multiple of its size; its buddy is the block beside it with
 * which it makes one of the next order.
 *
 * A free block is linked into its order's list by words in its own memory, and its first frame's metadata is marked
 * with its order. Memory comes into the lists a chunk (a block of the highest order) at a time, when the lists have
 * run dry: a machine with much memory boots as fast as one with little, and the metadata of what is never used
 * is never touched.
 */
#include "kernel/frames.h"

#include "kernel/boot.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/string.h"

#define CHUNK_FRAMES (1ull << FRAMES_MAX_ORDER)
#define CHUNK_SIZE (CHUNK_FRAMES * PAGE_SIZE)

/* frame.next of a free block's first frame: no frame number is as high. The low bits are the order. */
#define FREE_MARK 0xffffff00u
_Static_assert(MEMORY_MAX / PAGE_SIZE < FREE_MARK, "a frame number is never taken for the mark");

/* In the memory of a free block. */
struct block {
    struct block *next, *prev;
};

struct frame *port_frame_table;
static uint64_t table_frames; /* a multiple of CHUNK_FRAMES */
static struct block *lists[FRAMES_MAX_ORDER + 1];
static struct ranges machine_memory;
static struct ranges fresh; /* not yet in the lists, from fresh_next on */
static unsigned fresh_next;
static uint64_t free_frames, total_frames;

/* Frames that are given out one by one next: the rest of a block. Another block is taken when it is used up. */
static struct range singles;
#define SINGLES_ORDER 5u /* of the largest such block */

/*
 * Frames that are not in use and known to hold zeros, linked by number through next of their metadata: tables that
 * were emptied. Those that are not reserved for tables are spare; they become blocks like all others when memory is
 * short. A page gets one only when there are so many that tables will do with the rest: to fill a page with zeros is a
 * part of its first touch, but tables are taken in calls that have little else to do.
 */
static uint32_t zeros;
static uint64_t zeros_spare;
#define ZEROS_KEPT 64

/* A bit for each chunk whose metadata has been cleared. */
static uint64_t ready[MEMORY_MAX / CHUNK_SIZE / 64];

static uint64_t frame_number(paddr_t pa)
{
    return pa / PAGE_SIZE;
}

bool frames_has(paddr_t pa)
{
    return ranges_hold(&machine_memory, (struct range){pa, pa + PAGE_SIZE});
}

struct frame *frames_meta(paddr_t pa)
{
    kassert(frame_number(pa) < table_frames);
    return &port_frame_table[frame_number(pa)];
}

static bool is_free_block(paddr_t pa, unsigned order)
{
    return frames_meta(pa)->next == (FREE_MARK | order);
}

static void link_block(paddr_t pa, unsigned order)
{
    struct block *block = direct_ptr(pa);

    *block = (struct block){.next = lists[order], .prev = NULL};
    if (block->next)
        block->next->prev = block;
    lists[order] = block;
    frames_meta(pa)->next = FREE_MARK | order;
}

static void unlink_block(paddr_t pa, unsigned order)
{
    struct block *block = direct_ptr(pa);

    if (block->prev)
        block->prev->next = block->next;
    else
        lists[order] = block->next;
    if (block->next)
        block->next->prev = block->prev;
    frames_meta(pa)->next = 0;
}

/* Put a block into the lists, joined with its buddy as long as that is free too. */
static void put_block(paddr_t pa, unsigned order)
{
    for (; order < FRAMES_MAX_ORDER; order++) {
        paddr_t buddy = pa ^ (PAGE_SIZE << order);

        if (!is_free_block(buddy, order))
            break;
        unlink_block(buddy, order);
        pa = min_u64(pa, buddy);
    }
    link_block(pa, order);
}

/* Clear a chunk's metadata before the first of its frames is used; others of it may never be free. */
static void make_ready(paddr_t pa)
{
    uint64_t chunk = pa / CHUNK_SIZE;
    uint64_t bit = 1ull << chunk % 64;

    if (ready[chunk / 64] & bit)
        return;
    ready[chunk / 64] |= bit;
    memset(&port_frame_table[chunk * CHUNK_FRAMES], 0, CHUNK_FRAMES * sizeof(struct frame));
}

/* Of the largest block with which @r, which is not empty, may start. */
static unsigned largest_order(struct range r)
{
    unsigned aligned = (unsigned)__builtin_ctzll(r.start / PAGE_SIZE | CHUNK_FRAMES);
    unsigned fits = 63 - (unsigned)__builtin_clzll(range_size(r) / PAGE_SIZE);

    return aligned < fits ? aligned : fits;
}

/* Cut a range into blocks, as large as they can be. */
static void put_range(struct range r)
{
    while (r.start < r.end) {
        unsigned order = largest_order(r);

        put_block(r.start, order);
        r.start += PAGE_SIZE << order;
    }
}

/* The part of @r that lies in the chunk of its start. */
static struct range first_piece(struct range r)
{
    uint64_t chunk_end = (r.start / CHUNK_SIZE + 1) * CHUNK_SIZE;

    return (struct range){r.start, min_u64(r.end, chunk_end)};
}

/* Bring one more chunk into the lists. */
static bool take_fresh(void)
{
    struct range piece;

    while (fresh_next < fresh.count && range_size(fresh.at[fresh_next]) == 0)
        fresh_next++;
    if (fresh_next == fresh.count)
        return false;
    piece = first_piece(fresh.at[fresh_next]);
    fresh.at[fresh_next].start = piece.end;
    if (piece.end == fresh.at[fresh_next].end)
        fresh_next++;
    make_ready(piece.start);
    put_range(piece);
    return true;
}

static bool holds_zeros(paddr_t frame)
{
    const uint64_t *words = direct_ptr(frame);

    for (unsigned w = 0; w < PAGE_SIZE / sizeof(*words); w++)
        if (words[w])
            return false;
    return true;
}

/* None of @list is in use, or already among the zeros, or, as the debug build sees, holds anything. */
static void mark_zeros(const struct frame_list *list)
{
    uint32_t number = list->first;

    for (uint32_t i = 0; i < list->count; i++) {
        struct frame *frame = &port_frame_table[number];

        kassert(frame->refs == 0); /* freed twice */
        kassert(!REALIGN_DEBUG || (number && (frame->next || number == list->last)));
        kassert(!REALIGN_DEBUG || holds_zeros((paddr_t)number * PAGE_SIZE));
        frame->refs = UINT32_MAX;
        number = frame->next;
    }
}

/* The first frame of the list of zeros, which is not empty. */
static paddr_t pop_zeros(void)
{
    uint32_t number = zeros;
    struct frame *frame = &port_frame_table[number];

    kassert(frame->refs == UINT32_MAX); /* else one was freed twice, and the list is broken */
    zeros = frame->next;
    *frame = (struct frame){0};
    return (paddr_t)number * PAGE_SIZE;
}

/* Make blocks of all spare frames that hold zeros. */
static bool take_zeros(void)
{
    bool any = zeros_spare;

    free_frames += zeros_spare;
    for (; zeros_spare; zeros_spare--)
        put_block(pop_zeros(), 0);
    return any;
}

/* Make blocks of what is left of the one for single frames. */
static bool take_singles(void)
{
    bool any = range_size(singles);

    put_range(singles);
    singles.start = singles.end;
    return any;
}

/* The lowest order not below @order that has a block; above the highest when memory is out. */
static unsigned find_order(unsigned order)
{
    do {
        for (unsigned o = order; o <= FRAMES_MAX_ORDER; o++)
            if (lists[o])
                return o;
    } while (take_fresh() || take_zeros() || take_singles());
    return FRAMES_MAX_ORDER + 1;
}

/* A block above the highest order: from memory that was never used. */
static paddr_t alloc_large(unsigned order)
{
    uint64_t size = PAGE_SIZE << order;

    for (unsigned i = fresh_next; i < fresh.count; i++) {
        paddr_t start = fresh.at[i].end / size * size - size;
        struct range block = {start, start + size};

        if (fresh.at[i].end < size || start < fresh.at[i].start || !ranges_cut(&fresh, block))
            continue;
        fresh_next = 0; /* the ranges have moved up or down */
        for (paddr_t chunk = start; chunk < block.end; chunk += CHUNK_SIZE)
            make_ready(chunk);
        free_frames -= 1ull << order;
        return start;
    }
    return 0;
}

/* It is used from now on like any other. */
static void free_large(paddr_t pa, unsigned order)
{
    frames_add((struct range){pa, pa + (PAGE_SIZE << order)});
}

/* Take a block of @order out of the lists, from one of order @found, which is not below it and has one. */
static paddr_t cut_block(unsigned found, unsigned order)
{
    paddr_t pa = direct_paddr(lists[found]);

    unlink_block(pa, found);
    while (found-- > order)
        link_block(pa + (PAGE_SIZE << found), found);
    return pa;
}

/* Have a frame in @singles. False when memory is out. */
static NOINLINE bool more_singles(void)
{
    unsigned found = find_order(0);
    unsigned order = found < SINGLES_ORDER ? found : SINGLES_ORDER;

    if (found > FRAMES_MAX_ORDER)
        return false;
    singles.start = cut_block(found, order);
    singles.end = singles.start + (PAGE_SIZE << order);
    return true;
}

static paddr_t alloc_single(void)
{
    paddr_t pa = singles.start;

    if (pa == singles.end) {
        if (!more_singles())
            return 0;
        pa = singles.start;
    }
    singles.start += PAGE_SIZE;
    free_frames--;
    return pa;
}

static paddr_t alloc_block(unsigned order)
{
    unsigned found = find_order(order);

    if (found > FRAMES_MAX_ORDER)
        return 0;
    free_frames -= 1ull << order;
    return cut_block(found, order);
}

paddr_t frames_alloc(unsigned order)
{
    if (order == 0)
        return alloc_single();
    return order > FRAMES_MAX_ORDER ? alloc_large(order) : alloc_block(order);
}

static void clear(paddr_t frame)
{
    uint64_t *word = direct_ptr(frame);
    size_t words = PAGE_SIZE / sizeof(*word);

    __asm__ volatile("rep stosq" : "+D"(word), "+c"(words) : "a"(0) : "memory");
}

static paddr_t alloc_cleared(void)
{
    paddr_t pa = alloc_single();

    if (pa)
        clear(pa);
    return pa;
}

paddr_t frames_alloc_zeros(void)
{
    if (zeros_spare <= ZEROS_KEPT)
        return alloc_cleared();
    zeros_spare--;
    return pop_zeros();
}

/* Each one that is made is reserved at once: what is spare may go while memory for the next is sought. */
bool frames_reserve_zeros(uint32_t count)
{
    uint32_t lacking = count;

    for (; lacking > zeros_spare; lacking--) {
        paddr_t pa = alloc_cleared();
        uint32_t number = (uint32_t)frame_number(pa);

        if (!pa) {
            frames_unreserve_zeros(count - lacking);
            return false;
        }
        frames_free_zeros(&(struct frame_list){number, number, 1});
        zeros_spare--;
    }
    zeros_spare -= lacking;
    return true;
}

void frames_unreserve_zeros(uint32_t count)
{
    zeros_spare += count;
}

paddr_t frames_take_zeros(void)
{
    return pop_zeros();
}

void frames_free_zeros(struct frame_list *list)
{
    if (!list->count)
        return;
    mark_zeros(list);
    port_frame_table[list->last].next = zeros;
    zeros = list->first;
    zeros_spare += list->count;
    *list = (struct frame_list){0};
}

/* Frames that were given out last come next again; others become blocks. */
static void put_run(struct range range)
{
    kassert(range.start - singles.start >= range_size(singles)); /* freed twice */
    if (range.end == singles.start && range_size(range) <= PAGE_SIZE << SINGLES_ORDER)
        singles.start = range.start;
    else
        put_range(range);
}

void frames_free(paddr_t pa, unsigned order)
{
    if (order > FRAMES_MAX_ORDER) {
        free_large(pa, order);
        return;
    }
    kassert(pa && !(pa & ((PAGE_SIZE << order) - 1)));
    kassert(frames_meta(pa)->next < FREE_MARK); /* freed twice */
    *frames_meta(pa) = (struct frame){0};
    if (REALIGN_DEBUG)
        memset(direct_ptr(pa), 0xdb, PAGE_SIZE << order);
    put_run((struct range){pa, pa + (PAGE_SIZE << order)});
    free_frames += 1ull << order;
}

void frames_free_run(struct range range)
{
    kassert(range.start && !page_offset(range.start));
    kassert(frames_meta(range.start)->next < FREE_MARK); /* freed twice */
    if (REALIGN_DEBUG)
        memset(direct_ptr(range.start), 0xdb, range_size(range));
    free_frames += range_size(range) / PAGE_SIZE;
    put_run(range);
}

void frames_add(struct range range)
{
    free_frames += range_size(range) / PAGE_SIZE;
    while (range.start < range.end) {
        struct range piece = first_piece(range);

        make_ready(piece.start);
        put_range(piece);
        range.start = piece.end;
    }
}

/* Room for the table of metadata: the lowest range that is long enough. */
static paddr_t place_table(struct ranges *free, uint64_t bytes)
{
    for (unsigned i = 0; i < free->count; i++) {
        struct range r = {free->at[i].start, free->at[i].start + bytes};

        if (range_size(free->at[i]) < bytes)
            continue;
        ranges_cut(free, r);
        return r.start;
    }
    boot_fail("not enough memory for the table of frames");
}

void frames_init(const struct ranges *free, const struct ranges *memory)
{
    paddr_t end = memory->at[memory->count - 1].end;

    machine_memory = *memory;
    fresh = *free;
    table_frames = (end + CHUNK_SIZE - 1) / CHUNK_SIZE * CHUNK_FRAMES;
    port_frame_table =
        direct_ptr(place_table(&fresh, page_align(table_frames * sizeof(struct frame))));
    total_frames = ranges_bytes(memory) / PAGE_SIZE;
    free_frames = ranges_bytes(&fresh) / PAGE_SIZE;
}

uint64_t frames_free_count(void)
{
    return free_frames + zeros_spare;
}

uint64_t frames_total_count(void)
{
    return total_frames;
}
