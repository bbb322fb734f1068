/*
 * Objects of one size class are cut from slabs: naturally aligned blocks of frames with a header at their start, so
 * an object's slab is found by rounding its address down. A slab whose last object is freed goes back at once, so
 * the count of free frames tells of leaks.
 *
 * Lock: none yet, one CPU.
 */
#include "kernel/slab.h"

#include <stdbool.h>
#include <stdint.h>

#include "kernel/frames.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/string.h"

#define POISON 0x6b

struct object_link {
    struct object_link *next;
};

struct slab {
    struct slab *next, *prev; /* in its class's list, while it has a free object */
    struct object_link *free;
    uint32_t used;
    uint32_t number; /* of its class, for a check of what kfree() is told */
};
_Static_assert(sizeof(struct slab) % 16 == 0, "objects behind it are 16-aligned");

struct size_class {
    uint32_t size;
    uint32_t order; /* of its slabs */
    struct slab *partial;
};

static struct size_class classes[] = {
    {16, 0, NULL},  {32, 0, NULL},  {64, 0, NULL},  {96, 0, NULL},   {128, 0, NULL},
    {192, 0, NULL}, {256, 0, NULL}, {512, 0, NULL}, {1024, 2, NULL}, {2048, 2, NULL},
};
#define CLASS_COUNT (sizeof(classes) / sizeof(classes[0]))
#define SMALL_MAX 2048u

static uint64_t live; /* objects, of all sizes */

static uint64_t slab_bytes(const struct size_class *sc)
{
    return PAGE_SIZE << sc->order;
}

static struct size_class *class_of(size_t size)
{
    /* By the size in units of 16 bytes, rounded up: the first class that is large enough. */
    static const uint8_t number[SMALL_MAX / 16 + 1] = {
        [2] = 1,         [3 ... 4] = 2,   [5 ... 6] = 3,   [7 ... 8] = 4,    [9 ... 12] = 5,
        [13 ... 16] = 6, [17 ... 32] = 7, [33 ... 64] = 8, [65 ... 128] = 9,
    };
    struct size_class *sc = &classes[number[(size + 15) / 16]];

    kassert(size <= sc->size);
    return sc;
}

/* The order of a block that holds @size bytes; above FRAMES_MAX_ORDER when none does. */
static unsigned order_of(size_t size)
{
    unsigned order = 0;

    while (order <= FRAMES_MAX_ORDER && PAGE_SIZE << order < size)
        order++;
    return order;
}

static void link_slab(struct size_class *sc, struct slab *slab)
{
    slab->prev = NULL;
    slab->next = sc->partial;
    if (slab->next)
        slab->next->prev = slab;
    sc->partial = slab;
}

static void unlink_slab(struct size_class *sc, struct slab *slab)
{
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        sc->partial = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
}

static void put_object(struct slab *slab, void *object, size_t size)
{
    struct object_link *link = object;

    if (REALIGN_DEBUG)
        memset(object, POISON, size);
    link->next = slab->free;
    slab->free = link;
}

static struct slab *create_slab(struct size_class *sc)
{
    paddr_t block = frames_alloc(sc->order);
    struct slab *slab;
    char *end;

    if (!block)
        return NULL;
    slab = direct_ptr(block);
    end = (char *)slab + slab_bytes(sc);
    *slab = (struct slab){.number = (uint32_t)(sc - classes)};
    for (char *object = end - sc->size; object >= (char *)(slab + 1); object -= sc->size)
        put_object(slab, object, sc->size);
    link_slab(sc, slab);
    return slab;
}

/* In debug builds: nobody has written to the object since it was freed. */
static void check_poison(const void *object, size_t size)
{
    const uint8_t *bytes = object;

    for (size_t i = sizeof(struct object_link); i < size; i++)
        if (bytes[i] != POISON)
            panic("object %p of %zu bytes was written to after it was freed", object, size);
}

static void *take_object(struct size_class *sc)
{
    struct slab *slab = sc->partial ? sc->partial : create_slab(sc);
    struct object_link *object;

    if (!slab)
        return NULL;
    object = slab->free;
    slab->free = object->next;
    slab->used++;
    if (!slab->free)
        unlink_slab(sc, slab);
    if (REALIGN_DEBUG)
        check_poison(object, sc->size);
    return object;
}

static void give_object(struct size_class *sc, void *object)
{
    struct slab *slab = (struct slab *)((uintptr_t)object & ~(slab_bytes(sc) - 1));

    kassert(slab->number < CLASS_COUNT && &classes[slab->number] == sc && slab->used > 0);
    if (!slab->free)
        link_slab(sc, slab);
    put_object(slab, object, sc->size);
    if (--slab->used == 0) {
        unlink_slab(sc, slab);
        frames_free(direct_paddr(slab), sc->order);
    }
}

/* An object that is a block of frames. */
static void *take_block(size_t size)
{
    unsigned order = order_of(size);
    paddr_t block = order <= FRAMES_MAX_ORDER ? frames_alloc(order) : 0;

    return block ? direct_ptr(block) : NULL;
}

void *kmalloc_buffer(size_t size)
{
    void *object = size <= SMALL_MAX ? take_object(class_of(size)) : take_block(size);

    live += object != NULL;
    return object;
}

void *kmalloc(size_t size)
{
    void *object = kmalloc_buffer(size);

    return object ? memset(object, 0, size) : NULL;
}

void kfree(void *object, size_t size)
{
    if (!object)
        return;
    if (size <= SMALL_MAX)
        give_object(class_of(size), object);
    else
        frames_free(direct_paddr(object), order_of(size));
    live--;
}

uint64_t kmalloc_live(void)
{
    return live;
}
