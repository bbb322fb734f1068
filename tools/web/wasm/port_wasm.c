/*
 * The other side of mm/port.h in WebAssembly: frames in linear memory, objects carved out of frames, and no processor
 * that could have cached a translation. Words and panics go to the page, through the two functions that it lends.
 */
#include "mm/port.h"

#include <stdarg.h>

#include "kernel/format.h"
#include "kernel/string.h"
#include "mm/trace.h"
#include "tools/web/wasm/page.h"

/* As much as make run's machine has. */
#define FRAMES 65536u
#define WASM_PAGE 65536u
#define GROW 128u /* pages at a time: to grow is slow */

/* Objects of up to a page, by size: the smallest class is 16 bytes. */
#define OBJECT_STEP 16u
#define OBJECT_CLASSES (PAGE_SIZE / OBJECT_STEP + 1)

struct free_object {
    struct free_object *next;
};

extern unsigned char __heap_base;

uint32_t port_trace_mask;

static struct frame frames[FRAMES + 1]; /* by number; number 0 is never given out */
static bool used[FRAMES + 1];
static uint32_t used_count;
static uint32_t reserved;   /* list of frames taken for tables, by number */
static uint32_t lowest = 1; /* all below are used */
static struct free_object *free_objects[OBJECT_CLASSES];
static uint64_t events;

/* ---- Frames ---- */

/* Where frame 0 would be: frames have addresses from one page on, in memory that grows when they are used. */
static unsigned char *arena(void)
{
    uintptr_t base = ((uintptr_t)&__heap_base + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);

    return (unsigned char *)(base - PAGE_SIZE);
}

/* Have memory behind all frames up to @last. */
static bool back(uint32_t last)
{
    uintptr_t end = (uintptr_t)arena() + ((uintptr_t)last + 1) * PAGE_SIZE;
    uintptr_t pages = (end + WASM_PAGE - 1) / WASM_PAGE;
    uintptr_t have = __builtin_wasm_memory_size(0);

    return pages <= have || __builtin_wasm_memory_grow(0, pages - have + GROW) != (size_t)-1;
}

static bool all_free(uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (used[from + i])
            return false;
    return true;
}

/* The lowest @count free frames in a row that start at a multiple of @count; 0 when there are none. */
static paddr_t take(uint32_t count, bool zero)
{
    uint32_t from = (lowest + count - 1) / count * count;

    while (from + count <= FRAMES + 1 && !all_free(from, count))
        from += count;
    if (from + count > FRAMES + 1 || !back(from + count - 1))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        used[from + i] = true;
        frames[from + i] = (struct frame){0};
    }
    used_count += count;
    while (lowest <= FRAMES && used[lowest])
        lowest++;
    if (zero)
        memset(arena() + (size_t)from * PAGE_SIZE, 0, (size_t)count * PAGE_SIZE);
    return (paddr_t)from << PAGE_SHIFT;
}

/* @count frames from the one at @pa on. */
static void give_back(paddr_t pa, uint64_t count)
{
    uint32_t from = (uint32_t)(pa >> PAGE_SHIFT);

    mm_assert(from > 0 && from + count <= FRAMES + 1);
    for (uint64_t i = 0; i < count; i++) {
        mm_assert(used[from + i] && !frames[from + i].refs);
        used[from + i] = false;
    }
    used_count -= (uint32_t)count;
    if (from < lowest)
        lowest = from;
}

paddr_t port_frame_alloc(bool zero)
{
    return take(1, zero);
}

void port_frame_free(paddr_t frame)
{
    give_back(frame, 1);
}

paddr_t port_table_take(void)
{
    uint32_t number = reserved;

    reserved = frames[number].next;
    frames[number] = (struct frame){0};
    return (paddr_t)number << PAGE_SHIFT;
}

void port_tables_unreserve(uint32_t count)
{
    while (count--)
        give_back(port_table_take(), 1);
}

bool port_tables_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)(take(1, true) >> PAGE_SHIFT);

        if (!number) {
            port_tables_unreserve(i);
            return false;
        }
        frames[number].next = reserved;
        reserved = number;
    }
    return true;
}

void port_tables_free(struct frame_list *list)
{
    while (list->count--) {
        uint32_t number = list->first;

        list->first = frames[number].next;
        give_back((paddr_t)number << PAGE_SHIFT, 1);
    }
    *list = (struct frame_list){0};
}

void port_run_free(paddr_t first, uint64_t count)
{
    give_back(first, count);
}

paddr_t port_block_alloc(unsigned level, bool zero)
{
    uint64_t count = pt_span(level) >> PAGE_SHIFT;

    return count <= FRAMES ? take((uint32_t)count, zero) : 0;
}

void port_block_free(paddr_t block, unsigned level)
{
    give_back(block, pt_span(level) >> PAGE_SHIFT);
}

struct frame *port_frame(paddr_t pa)
{
    mm_assert(pa >> PAGE_SHIFT <= FRAMES && used[pa >> PAGE_SHIFT]);
    return &frames[pa >> PAGE_SHIFT];
}

void *port_ptr(paddr_t pa)
{
    mm_assert(pa >> PAGE_SHIFT <= FRAMES && used[pa >> PAGE_SHIFT]);
    return arena() + pa;
}

paddr_t port_paddr(const void *ptr)
{
    return (paddr_t)((const unsigned char *)ptr - arena());
}

bool port_is_frame(paddr_t pa)
{
    return pa >> PAGE_SHIFT <= FRAMES && used[pa >> PAGE_SHIFT];
}

uint64_t port_frames_total(void)
{
    return FRAMES;
}

uint64_t port_frames_free(void)
{
    return FRAMES - used_count;
}

/* ---- Objects ---- */

/* Fill the list of objects of @size from a frame. */
static bool carve(size_t size)
{
    struct free_object **list = &free_objects[size / OBJECT_STEP];
    paddr_t frame = take(1, false);

    if (!frame)
        return false;
    for (size_t at = 0; at + size <= PAGE_SIZE; at += size) {
        struct free_object *object = (struct free_object *)(arena() + frame + at);

        object->next = *list;
        *list = object;
    }
    return true;
}

static size_t rounded(size_t size)
{
    return (size + OBJECT_STEP - 1) / OBJECT_STEP * OBJECT_STEP;
}

void *port_alloc(size_t size)
{
    struct free_object **list = &free_objects[rounded(size) / OBJECT_STEP];
    struct free_object *object;

    mm_assert(size > 0 && size <= PAGE_SIZE);
    if (!*list && !carve(rounded(size)))
        return NULL;
    object = *list;
    *list = object->next;
    return memset(object, 0, size);
}

void port_free(void *bytes, size_t size)
{
    struct free_object *object = bytes;

    object->next = free_objects[rounded(size) / OBJECT_STEP];
    free_objects[rounded(size) / OBJECT_STEP] = object;
}

/* ---- Translations: nothing caches them ---- */

void port_root_init(paddr_t root)
{
    (void)root;
}

void port_tlb_flush(struct mm *mm, struct range range)
{
    (void)mm;
    (void)range;
}

void port_tlb_flush_all(struct mm *mm)
{
    (void)mm;
}

/* ---- Locks ---- */

void port_lock_write(struct port_lock *lock)
{
    mm_assert(lock->holders == 0);
    lock->holders = -1;
}

void port_unlock_write(struct port_lock *lock)
{
    mm_assert(lock->holders == -1);
    lock->holders = 0;
}

void port_lock_read(struct port_lock *lock)
{
    mm_assert(lock->holders >= 0);
    lock->holders++;
}

void port_unlock_read(struct port_lock *lock)
{
    mm_assert(lock->holders > 0);
    lock->holders--;
}

/* ---- Words ---- */

void port_trace(const struct trace_event *event)
{
    char line[TRACE_JSON];
    int length = trace_json(event, events++, line, sizeof(line));

    page_event(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

int port_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = format_v(buf, size, fmt, args);
    va_end(args);
    return length;
}

void port_warn(const char *fmt, ...)
{
    char line[400];
    va_list args;

    va_start(args, fmt);
    format_v(line, sizeof(line), fmt, args);
    va_end(args);
    page_warning(line, strlen(line));
}

void port_panic(const char *file, int line, const char *fmt, ...)
{
    char words[400];
    int length = format(words, sizeof(words), "%s:%d: ", file, line);
    va_list args;

    va_start(args, fmt);
    format_v(words + length, sizeof(words) - (size_t)length, fmt, args);
    va_end(args);
    page_panic(words, strlen(words));
    __builtin_trap();
}

/* xorshift64: the same series in each run. */
uint64_t port_random(void)
{
    static uint64_t state = 0x2545f4914f6cdd1dull;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
