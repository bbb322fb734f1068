/* Snapshots of the machine: what a call that fails must leave bit for bit as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/vma.h"
#include "tests/host/sim_private.h"

/* A test that fails leaves its snapshot behind; a report of that leak would bury the failure. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_ignore_object(p) ((void)(p))
#endif

struct object_copy {
    const struct sim_object *object;
    size_t size;
    unsigned char *bytes;
};

struct sim_snapshot {
    uint32_t frames;
    uint32_t reserved;
    uint32_t *number; /* of each frame given out */
    struct frame *meta;
    unsigned char *bytes; /* its contents, PAGE_SIZE each */
    uint32_t objects;
    struct object_copy *object;
};

static void *must_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        sim_die("the host is out of memory");
    __lsan_ignore_object(p);
    return p;
}

/*
 * What was looked for last may be remembered, and a VMA kept for the next mapping: these are no part
 * of what an address space is.
 */
static void forget_guesses(void)
{
    for (struct mm *mm = mm_all; mm; mm = mm->next_mm) {
        mm->found = NULL;
        if (mm->spare)
            port_free(mm->spare, sizeof(*mm->spare));
        mm->spare = NULL;
    }
}

struct sim_snapshot *sim_snapshot(void)
{
    struct sim_snapshot *snap = must_alloc(sizeof(*snap));
    uint32_t used = sim.frames - sim.free;
    uint32_t n = 0;

    forget_guesses();
    snap->frames = used;
    snap->reserved = sim.reserved;
    snap->number = must_alloc(used * sizeof(*snap->number));
    snap->meta = must_alloc(used * sizeof(*snap->meta));
    snap->bytes = must_alloc((size_t)used * PAGE_SIZE);
    for (uint32_t f = 1; f <= sim.frames; f++) {
        if (!sim.state[f].used)
            continue;
        snap->number[n] = f;
        snap->meta[n] = sim.meta[f];
        memcpy(snap->bytes + n * PAGE_SIZE, sim.arena + f * PAGE_SIZE, PAGE_SIZE);
        n++;
    }
    snap->objects = sim.object_count;
    snap->object = must_alloc(snap->objects * sizeof(*snap->object));
    n = 0;
    for (const struct sim_object *o = sim.objects; o; o = o->next, n++) {
        snap->object[n].object = o;
        snap->object[n].size = o->size;
        snap->object[n].bytes = must_alloc(o->size);
        memcpy(snap->object[n].bytes, o->bytes, o->size);
    }
    return snap;
}

void sim_snapshot_free(struct sim_snapshot *snap)
{
    for (uint32_t n = 0; n < snap->objects; n++)
        free(snap->object[n].bytes);
    free(snap->object);
    free(snap->number);
    free(snap->meta);
    free(snap->bytes);
    free(snap);
}

static char words[200];

static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t size)
{
    size_t i = 0;

    while (i < size && a[i] == b[i])
        i++;
    return i;
}

static const char *changed_frame(const struct sim_snapshot *snap, uint32_t n)
{
    uint32_t f = snap->number[n];
    const struct frame *was = &snap->meta[n];
    const unsigned char *old = snap->bytes + n * PAGE_SIZE;
    const unsigned char *now = sim.arena + f * PAGE_SIZE;

    if (!sim.state[f].used) {
        snprintf(words, sizeof(words), "frame %u is free now", f);
        return words;
    }
    if (was->refs != sim.meta[f].refs || was->live != sim.meta[f].live) {
        snprintf(words, sizeof(words), "frame %u: refs %u, live %u became %u, %u", f, was->refs,
                 was->live, sim.meta[f].refs, sim.meta[f].live);
        return words;
    }
    if (memcmp(old, now, PAGE_SIZE) == 0)
        return NULL;
    snprintf(words, sizeof(words), "frame %u differs at byte %zu", f,
             first_difference(old, now, PAGE_SIZE));
    return words;
}

const char *sim_changed(const struct sim_snapshot *snap)
{
    const struct sim_object *o;
    const char *change;

    forget_guesses();
    o = sim.objects;
    if (snap->reserved != sim.reserved) {
        snprintf(words, sizeof(words), "%u reserved tables became %u", snap->reserved,
                 sim.reserved);
        return words;
    }
    if (snap->frames != sim.frames - sim.free) {
        snprintf(words, sizeof(words), "%u frames given out became %u", snap->frames,
                 sim.frames - sim.free);
        return words;
    }
    for (uint32_t n = 0; n < snap->frames; n++) {
        change = changed_frame(snap, n);
        if (change)
            return change;
    }
    for (uint32_t n = 0; n < snap->objects || o; n++, o = o->next) {
        if (!o || n >= snap->objects || snap->object[n].object != o)
            return "other objects are allocated";
        if (memcmp(snap->object[n].bytes, o->bytes, o->size) == 0)
            continue;
        snprintf(words, sizeof(words), "object of %zu bytes, from %s (#%llu), differs at byte %zu",
                 o->size, o->op_name, (unsigned long long)o->op,
                 first_difference(snap->object[n].bytes, o->bytes, o->size));
        return words;
    }
    return NULL;
}
