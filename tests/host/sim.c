/* Frames, objects, locks and words of the simulated machine. See sim.h. */
#include "tests/host/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/sim_private.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)0)
#endif

#define POISON 0xdb
#define OBJECT_MAGIC 0x6f626a6563740a0aull
#define EVENTS 8192
#define WARNINGS 64

struct sim_machine sim;
uint32_t port_trace_mask;

static struct trace_event events[EVENTS];
static uint32_t event_count;
static char warnings[WARNINGS][200];
static uint32_t warning_count;

/* ---- The machine ---- */

static void forget_all(void)
{
    while (sim.objects) {
        struct sim_object *object = sim.objects;

        sim.objects = object->next;
        free(object);
    }
    if (sim.arena)
        ASAN_UNPOISON_MEMORY_REGION(sim.arena, (size_t)(sim.frames + 1) * PAGE_SIZE);
    free(sim.arena);
    free(sim.meta);
    free(sim.state);
    sim_tlb_reset();
    sim_history_reset(0);
}

void sim_start(uint32_t frames)
{
    forget_all();
    sim = (struct sim_machine){.frames = frames, .frame_bytes = PAGE_SIZE};
    sim.random = 0x9e3779b97f4a7c15ull;
    sim.arena = aligned_alloc(PAGE_SIZE, (size_t)(frames + 1) * PAGE_SIZE);
    sim.meta = calloc(frames + 1, sizeof(*sim.meta));
    sim.state = calloc(frames + 1, sizeof(*sim.state));
    if (!sim.arena || !sim.meta || !sim.state)
        sim_die("the host is out of memory");
    sim_history_reset(frames);
    memset(sim.arena, POISON, (size_t)(frames + 1) * PAGE_SIZE);
    ASAN_POISON_MEMORY_REGION(sim.arena, (size_t)(frames + 1) * PAGE_SIZE);
    for (uint32_t f = frames; f > 0; f--) {
        sim.state[f].next_free = sim.first_free;
        sim.first_free = f;
    }
    sim.free = frames;
    sim.op_name = "start";
    port_trace_mask = 0;
    sim_forget_words();
}

void sim_stop(void)
{
    if (sim.locks)
        sim_die("%d locks held at the end", sim.locks);
    if (sim.objects)
        sim_die("%u objects leaked, one of %zu bytes allocated in %s (#%llu)", sim.object_count,
                sim.objects->size, sim.objects->op_name, (unsigned long long)sim.objects->op);
    for (uint32_t f = 1; f <= sim.frames; f++)
        if (sim.state[f].used)
            sim_die("%u frames leaked, frame %u allocated in %s (#%llu)", sim.frames - sim.free, f,
                    sim.state[f].op_name, (unsigned long long)sim.state[f].op);
    if (sim.reserved)
        sim_die("%u tables are still reserved", sim.reserved);
    forget_all();
    sim = (struct sim_machine){0};
}

void sim_short_frames(uint32_t bytes)
{
    sim.frame_bytes = bytes;
}

uint32_t sim_frames_free(void)
{
    return sim.free - sim.reserved;
}

uint32_t sim_tables_reserved(void)
{
    return sim.reserved;
}

uint32_t sim_objects(void)
{
    uint32_t spare = 0;

    for (const struct mm *mm = mm_all; mm; mm = mm->next_mm)
        spare += mm->spare != NULL;
    return sim.object_count - spare;
}

void sim_op(const char *name)
{
    sim.op++;
    sim.op_name = name;
}

void sim_die(const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "sim: in %s (#%llu): ", sim.op_name ? sim.op_name : "?",
            (unsigned long long)sim.op);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(NULL);
    abort();
}

/* ---- Allocations that fail ---- */

void sim_fail_after(uint64_t n, bool sticky)
{
    sim.fail_at = n;
    sim.fail_sticky = sticky;
    sim.asked = 0;
    sim.refused = 0;
}

uint64_t sim_asked(void)
{
    return sim.asked;
}

uint64_t sim_refused(void)
{
    return sim.refused;
}

static bool must_fail(void)
{
    sim.asked++;
    if (!sim.fail_at || sim.asked < sim.fail_at)
        return false;
    if (sim.asked > sim.fail_at && !sim.fail_sticky)
        return false;
    sim.refused++;
    return true;
}

/* ---- Frames ---- */

static uint32_t frame_number(paddr_t pa, const char *who)
{
    uint64_t f = pa >> PAGE_SHIFT;

    if (f == 0 || f > sim.frames)
        sim_die("%s: no frame at physical address %llx", who, (unsigned long long)pa);
    return (uint32_t)f;
}

/* Frame @f, which is in no list any more, is in use from now on. */
static paddr_t give_out(uint32_t f, bool zero)
{
    void *bytes;

    sim.free--;
    sim.state[f].used = true;
    sim.state[f].op = sim.op;
    sim.state[f].op_name = sim.op_name;
    sim.meta[f] = (struct frame){0};
    bytes = sim.arena + ((size_t)f << PAGE_SHIFT);
    ASAN_UNPOISON_MEMORY_REGION(bytes, PAGE_SIZE);
    if (zero)
        memset(bytes, 0, sim.frame_bytes);
    return (paddr_t)f << PAGE_SHIFT;
}

static paddr_t give_out_first(bool zero)
{
    uint32_t f = sim.first_free;

    sim.first_free = sim.state[f].next_free;
    return give_out(f, zero);
}

paddr_t port_frame_alloc(bool zero)
{
    if (must_fail() || !sim_frames_free())
        return 0;
    return give_out_first(zero);
}

bool port_tables_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (must_fail() || !sim_frames_free()) {
            sim.reserved -= i;
            return false;
        }
        sim.reserved++;
    }
    return true;
}

void port_tables_unreserve(uint32_t count)
{
    if (count > sim.reserved)
        sim_die("%u tables are not reserved any more, of %u", count, sim.reserved);
    sim.reserved -= count;
}

paddr_t port_table_take(void)
{
    if (!sim.reserved)
        sim_die("a table taken that was not reserved");
    sim.reserved--;
    return give_out_first(true);
}

/* The lowest aligned run of @count free frames, or 0. */
static uint32_t find_block(uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t f = count; f + count <= sim.frames + 1; f += count) {
        for (run = 0; run < count && !sim.state[f + run].used;)
            run++;
        if (run == count)
            return f;
    }
    return 0;
}

/* Take frames [@from, @from + @count) out of the list of free ones. */
static void unlist(uint32_t from, uint32_t count)
{
    uint32_t *link = &sim.first_free;

    while (*link) {
        if (*link - from < count)
            *link = sim.state[*link].next_free;
        else
            link = &sim.state[*link].next_free;
    }
}

paddr_t port_block_alloc(unsigned level, bool zero)
{
    uint32_t count = (uint32_t)(pt_span(level) >> PAGE_SHIFT);
    uint32_t from = must_fail() ? 0 : find_block(count);

    if (!from || count > sim_frames_free())
        return 0;
    unlist(from, count);
    for (uint32_t i = 0; i < count; i++)
        give_out(from + i, zero);
    return (paddr_t)from << PAGE_SHIFT;
}

void port_block_free(paddr_t block, unsigned level)
{
    if (pt_offset(block, level))
        sim_die("block freed at %llx, not at its start", (unsigned long long)block);
    for (uint64_t off = 0; off < pt_span(level); off += PAGE_SIZE)
        port_frame_free(block + off);
}

void port_frame_free(paddr_t pa)
{
    uint32_t f = frame_number(pa, "port_frame_free");
    struct sim_frame *state = &sim.state[f];
    void *bytes = sim.arena + ((size_t)f << PAGE_SHIFT);

    if (page_offset(pa))
        sim_die("frame freed at %llx, not at its start", (unsigned long long)pa);
    if (!state->used)
        sim_die("frame %u freed twice, first in %s (#%llu)", f, state->op_name,
                (unsigned long long)state->op);
    if (state->cached)
        sim_tlb_die_of_free(f);
    if (sim.meta[f].refs)
        sim_die("frame %u freed with %u references", f, sim.meta[f].refs);
    sim_history_forget(f);
    memset(bytes, POISON, sim.frame_bytes);
    ASAN_POISON_MEMORY_REGION(bytes, PAGE_SIZE);
    sim.meta[f] = (struct frame){0};
    state->used = false;
    state->op = sim.op;
    state->op_name = sim.op_name;
    state->next_free = sim.first_free;
    sim.first_free = f;
    sim.free++;
}

void port_run_free(paddr_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        port_frame_free(first + (i << PAGE_SHIFT));
}

static void free_table(paddr_t pa)
{
    const unsigned char *bytes = port_ptr(pa);

    for (size_t i = 0; i < sim.frame_bytes; i++)
        if (bytes[i] != 0)
            sim_die("table %llx freed with %x at byte %zu", (unsigned long long)pa, bytes[i], i);
    port_frame_free(pa);
}

void port_tables_free(struct frame_list *list)
{
    paddr_t pa = 0;

    for (; list->count; list->count--) {
        pa = (paddr_t)list->first << PAGE_SHIFT;
        list->first = port_frame(pa)->next;
        free_table(pa);
    }
    if (list->first || pa != (paddr_t)list->last << PAGE_SHIFT)
        sim_die("a list of tables to free goes on at %u, its last was %u", list->first, list->last);
    list->last = 0;
}

struct frame *port_frame(paddr_t pa)
{
    uint32_t f = frame_number(pa, "port_frame");

    if (!sim.state[f].used)
        sim_die("metadata of frame %u asked for, which is free since %s (#%llu)", f,
                sim.state[f].op_name, (unsigned long long)sim.state[f].op);
    return &sim.meta[f];
}

void *port_ptr(paddr_t pa)
{
    uint32_t f = frame_number(pa, "port_ptr");

    if (!sim.state[f].used)
        sim_die("contents of frame %u asked for, which is free since %s (#%llu)", f,
                sim.state[f].op_name, (unsigned long long)sim.state[f].op);
    return sim.arena + pa;
}

paddr_t port_paddr(const void *ptr)
{
    ptrdiff_t off = (const unsigned char *)ptr - sim.arena;

    if (off < (ptrdiff_t)PAGE_SIZE || off >= (ptrdiff_t)((sim.frames + (size_t)1) * PAGE_SIZE))
        sim_die("port_paddr of %p, which lies in no frame", ptr);
    return (paddr_t)off;
}

bool port_is_frame(paddr_t pa)
{
    return sim_frame_used(pa);
}

uint64_t port_frames_free(void)
{
    return sim_frames_free();
}

uint64_t port_frames_total(void)
{
    return sim.frames;
}

bool sim_frame_used(paddr_t pa)
{
    uint64_t f = pa >> PAGE_SHIFT;

    return f > 0 && f <= sim.frames && sim.state[f].used;
}

/* ---- Objects ---- */

void *port_alloc(size_t size)
{
    struct sim_object *object;

    if (must_fail())
        return NULL;
    object = calloc(1, sizeof(*object) + size);
    if (!object)
        sim_die("the host is out of memory");
    object->magic = OBJECT_MAGIC;
    object->size = size;
    object->op = sim.op;
    object->op_name = sim.op_name;
    object->next = sim.objects;
    if (sim.objects)
        sim.objects->prev = object;
    sim.objects = object;
    sim.object_count++;
    return object->bytes;
}

void port_free(void *bytes, size_t size)
{
    struct sim_object *object;

    if (!bytes)
        sim_die("port_free of NULL");
    object = (struct sim_object *)((unsigned char *)bytes - offsetof(struct sim_object, bytes));
    if (object->magic != OBJECT_MAGIC)
        sim_die("port_free of %p, which is no object", bytes);
    if (object->size != size)
        sim_die("object of %zu bytes freed as one of %zu", object->size, size);
    if (object->prev)
        object->prev->next = object->next;
    else
        sim.objects = object->next;
    if (object->next)
        object->next->prev = object->prev;
    sim.object_count--;
    object->magic = 0;
    memset(bytes, POISON, size);
    free(object);
}

/* ---- Locks ---- */

void port_lock_write(struct port_lock *lock)
{
    if (lock->holders)
        sim_die("lock taken for write while held: %d holders", lock->holders);
    lock->holders = -1;
    sim.locks++;
}

void port_unlock_write(struct port_lock *lock)
{
    if (lock->holders != -1)
        sim_die("write unlock of a lock with %d holders", lock->holders);
    lock->holders = 0;
    sim.locks--;
}

void port_lock_read(struct port_lock *lock)
{
    if (lock->holders < 0)
        sim_die("lock taken for read while held for write");
    lock->holders++;
    sim.locks++;
}

void port_unlock_read(struct port_lock *lock)
{
    if (lock->holders <= 0)
        sim_die("read unlock of a lock with %d holders", lock->holders);
    lock->holders--;
    sim.locks--;
}

/* ---- Words ---- */

void port_trace(const struct trace_event *event)
{
    if (event_count < EVENTS)
        events[event_count] = trace_kept(event);
    event_count++;
}

uint32_t sim_trace_count(void)
{
    return event_count < EVENTS ? event_count : EVENTS;
}

const struct trace_event *sim_trace_event(uint32_t i)
{
    if (i >= sim_trace_count())
        sim_die("trace event %u of %u asked for", i, sim_trace_count());
    return &events[i];
}

const char *sim_trace_line(uint32_t i)
{
    static char line[200];

    trace_text(sim_trace_event(i), line, sizeof(line));
    return line;
}

int port_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return len;
}

void port_warn(const char *fmt, ...)
{
    va_list args;

    if (warning_count < WARNINGS) {
        va_start(args, fmt);
        vsnprintf(warnings[warning_count], sizeof(warnings[0]), fmt, args);
        va_end(args);
    }
    warning_count++;
}

uint32_t sim_warn_count(void)
{
    return warning_count;
}

const char *sim_warn_line(uint32_t i)
{
    return i < warning_count && i < WARNINGS ? warnings[i] : "";
}

void sim_forget_words(void)
{
    event_count = 0;
    warning_count = 0;
}

void port_panic(const char *file, int line, const char *fmt, ...)
{
    char words[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    sim_die("panic at %s:%d: %s", file, line, words);
}

/* xorshift64: the same series after each sim_start(). */
uint64_t port_random(void)
{
    sim.random ^= sim.random << 13;
    sim.random ^= sim.random >> 7;
    sim.random ^= sim.random << 17;
    return sim.random;
}
