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
    uint32_t class; /* for a check of what kfree() is told */
};
_Static_assert(sizeof(struct slab) % 16 == 0, "objects behind it are 16-aligned");

struct class
{
    uint32_t size;
    uint32_t order; /* of its slabs */
    struct slab *partial;
};

static struct class classes[] = {
    {16, 0, NULL},  {32, 0, NULL},  {64, 0, NULL},  {96, 0, NULL},   {128, 0, NULL},
    {192, 0, NULL}, {256, 0, NULL}, {512, 0, NULL}, {1024, 2, NULL}, {2048, 2, NULL},
};
#define CLASS_COUNT (sizeof(classes) / sizeof(classes[0]))
#define SMALL_MAX 2048u

static uint64_t slab_bytes(const struct class *class)
{
    return PAGE_SIZE << class->order;
}

static struct class *class_of(size_t size)
{
    struct class *class = classes;

    while (class->size < size)
        class ++;
    return class;
}

/* The order of a block that holds @size bytes; above FRAMES_MAX_ORDER when none does. */
static unsigned order_of(size_t size)
{
    unsigned order = 0;

    while (order <= FRAMES_MAX_ORDER && PAGE_SIZE << order < size)
        order++;
    return order;
}

static void link_slab(struct class *class, struct slab *slab)
{
    slab->prev = NULL;
    slab->next = class->partial;
    if (slab->next)
        slab->next->prev = slab;
    class->partial = slab;
}

static void unlink_slab(struct class *class, struct slab *slab)
{
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        class->partial = slab->next;
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

static struct slab *create_slab(struct class *class)
{
    paddr_t block = frames_alloc(class->order);
    struct slab *slab = direct_ptr(block);
    char *end = (char *)slab + slab_bytes(class);

    if (!block)
        return NULL;
    *slab = (struct slab){.class = (uint32_t)(class - classes)};
    for (char *object = end - class->size; object >= (char *)(slab + 1); object -= class->size)
        put_object(slab, object, class->size);
    link_slab(class, slab);
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

static void *take_object(struct class *class)
{
    struct slab *slab = class->partial ? class->partial : create_slab(class);
    struct object_link *object;

    if (!slab)
        return NULL;
    object = slab->free;
    slab->free = object->next;
    slab->used++;
    if (!slab->free)
        unlink_slab(class, slab);
    if (REALIGN_DEBUG)
        check_poison(object, class->size);
    return memset(object, 0, class->size);
}

static void give_object(struct class *class, void *object)
{
    struct slab *slab = (struct slab *)((uintptr_t)object & ~(slab_bytes(class) - 1));

    kassert(slab->class == (uint32_t)(class - classes) && slab->used > 0);
    if (!slab->free)
        link_slab(class, slab);
    put_object(slab, object, class->size);
    if (--slab->used == 0) {
        unlink_slab(class, slab);
        frames_free(direct_paddr(slab), class->order);
    }
}

void *kmalloc(size_t size)
{
    unsigned order = order_of(size);
    paddr_t block;

    if (size <= SMALL_MAX)
        return take_object(class_of(size));
    if (order > FRAMES_MAX_ORDER)
        return NULL;
    block = frames_alloc(order);
    return block ? memset(direct_ptr(block), 0, PAGE_SIZE << order) : NULL;
}

void kfree(void *object, size_t size)
{
    if (!object)
        return;
    if (size <= SMALL_MAX)
        give_object(class_of(size), object);
    else
        frames_free(direct_paddr(object), order_of(size));
}
