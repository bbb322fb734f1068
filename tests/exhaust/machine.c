/* The small machine. See machine.h. */
#include "tests/exhaust/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/fault.h"
#include "mm/trace.h"

#define FRAMES (2 * EX_PAGES + 32)
#define FRAME_BYTES (PT_ENTRIES * sizeof(struct pte))
#define OBJECTS 28
#define OBJECT_BYTES 336
#define POISON 0x5b5b5b5b5b5b5b5bull
#define KERNEL_MARK 0xdead0000beef0fe0ull

/* All that changes while a case runs, but the caches. Frame n is bytes[n]; frame 0 is never given out. */
static struct machine {
    struct frame meta[FRAMES + 1];
    uint16_t next[FRAMES + 1]; /* of a free frame */
    bool used[FRAMES + 1];
    uint16_t free;
    uint16_t frames_used; /* or reserved for tables */
    uint16_t reserved;
    uint16_t touched; /* no frame behind this one was ever given out */
    uint16_t objects_touched;
    bool object_used[OBJECTS];
    uint64_t bytes[FRAMES + 1][FRAME_BYTES / 8];
    _Alignas(16) unsigned char object[OBJECTS][OBJECT_BYTES];
} now, pristine, kept;

/* What the processor cached when the case began, and what of it has not been flushed. */
static struct {
    uint16_t frame[EX_PAGES]; /* 0: nothing */
    uint16_t link[EX_LINKS];
    uint16_t owner[FRAMES + 1]; /* 1 + page, or 1 + EX_PAGES + link: by whom a frame is cached */
} cached;
static bool page_valid[EX_PAGES], link_valid[EX_LINKS];

static unsigned flushes, warnings;
static uint64_t recounts, seen[FRAMES + 1];

struct mm *machine_mm;
jmp_buf machine_failed;
bool machine_armed;
char machine_words[300];
bool machine_tells;
uint32_t port_trace_mask;

void machine_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(machine_words, sizeof(machine_words), fmt, args);
    va_end(args);
    if (!machine_armed) {
        fprintf(stderr, "exhaust: %s\n", machine_words);
        exit(2);
    }
    longjmp(machine_failed, 1);
}

/* ---- Power ---- */

/* What neither of the two has touched is the same in both. */
static void copy_machine(struct machine *to, const struct machine *from)
{
    unsigned frames = (to->touched > from->touched ? to->touched : from->touched) + 1u;
    unsigned objects =
        to->objects_touched > from->objects_touched ? to->objects_touched : from->objects_touched;

    memcpy(to->meta, from->meta, frames * sizeof(to->meta[0]));
    memcpy(to->next, from->next, frames * sizeof(to->next[0]));
    memcpy(to->used, from->used, frames * sizeof(to->used[0]));
    memcpy(to->bytes, from->bytes, frames * sizeof(to->bytes[0]));
    memcpy(to->object_used, from->object_used, sizeof(to->object_used));
    memcpy(to->object, from->object, objects * sizeof(to->object[0]));
    to->free = from->free;
    to->frames_used = from->frames_used;
    to->reserved = from->reserved;
    to->touched = from->touched;
    to->objects_touched = from->objects_touched;
}

void machine_start(void)
{
    memset(&now, 0, sizeof(now));
    for (unsigned f = FRAMES; f > 0; f--) {
        now.next[f] = now.free;
        now.free = (uint16_t)f;
        for (unsigned w = 0; w < FRAME_BYTES / 8; w++)
            now.bytes[f][w] = POISON;
    }
    mm_config = (struct mm_config){
        .realign = REALIGN_FULL, .max_map_count = 1000, .stack_guard = PAGE_SIZE};
    if (mm_init() || !(machine_mm = mm_create()))
        abort();
    pristine = now;
    kept = now;
}

static void forget_cached(void)
{
    memset(page_valid, 0, sizeof(page_valid));
    memset(link_valid, 0, sizeof(link_valid));
}

void machine_reset(void)
{
    copy_machine(&now, &pristine);
    memset(&cached, 0, sizeof(cached));
    forget_cached();
}

void machine_keep(void)
{
    copy_machine(&kept, &now);
}

void machine_restore(void)
{
    copy_machine(&now, &kept);
    flushes = 0;
    warnings = 0;
    for (unsigned p = 0; p < EX_PAGES; p++)
        page_valid[p] = cached.frame[p];
    for (unsigned l = 0; l < EX_LINKS; l++)
        link_valid[l] = cached.link[l];
}

unsigned machine_frames_used(void)
{
    return now.frames_used;
}

unsigned machine_flushes(void)
{
    return flushes;
}

unsigned machine_warnings(void)
{
    return warnings;
}

/* ---- Frames ---- */

static unsigned number(paddr_t pa, bool used)
{
    uint64_t f = pa >> PAGE_SHIFT;

    if (f == 0 || f > FRAMES)
        machine_fail("no frame at physical address %llx", (unsigned long long)pa);
    if (used && !now.used[f])
        machine_fail("frame %u is used and is free", (unsigned)f);
    return (unsigned)f;
}

/* The first free frame, counted as used already. */
static paddr_t give_out(bool zero)
{
    unsigned f = now.free;

    if (!f)
        machine_fail("the machine has too few frames");
    now.free = now.next[f];
    if (f > now.touched)
        now.touched = (uint16_t)f;
    now.used[f] = true;
    now.meta[f] = (struct frame){0};
    if (zero)
        memset(now.bytes[f], 0, FRAME_BYTES);
    return (paddr_t)f << PAGE_SHIFT;
}

paddr_t port_frame_alloc(bool zero)
{
    now.frames_used++;
    return give_out(zero);
}

bool port_tables_reserve(uint32_t count)
{
    now.reserved += (uint16_t)count;
    now.frames_used += (uint16_t)count;
    return true;
}

void port_tables_unreserve(uint32_t count)
{
    if (count > now.reserved)
        machine_fail("%u tables are not reserved any more, of %u", count, now.reserved);
    now.reserved -= (uint16_t)count;
    now.frames_used -= (uint16_t)count;
}

paddr_t port_table_take(void)
{
    if (!now.reserved)
        machine_fail("a table taken that was not reserved");
    now.reserved--;
    return give_out(true);
}

void port_frame_free(paddr_t pa)
{
    unsigned f = number(pa, true);
    unsigned owner = cached.owner[f];

    if (owner && owner <= EX_PAGES && page_valid[owner - 1])
        machine_fail("frame %u freed while the translation of page %u is cached", f, owner - 1);
    if (owner > EX_PAGES && link_valid[owner - 1 - EX_PAGES])
        machine_fail("frame %u freed while it is cached as a table", f);
    if (now.meta[f].refs)
        machine_fail("frame %u freed with %u references", f, now.meta[f].refs);
    for (unsigned w = 0; w < FRAME_BYTES / 8; w++)
        now.bytes[f][w] = POISON;
    now.used[f] = false;
    now.frames_used--;
    now.next[f] = now.free;
    now.free = (uint16_t)f;
}

void port_run_free(paddr_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        port_frame_free(first + (i << PAGE_SHIFT));
}

void port_tables_free(struct frame_list *list)
{
    for (; list->count; list->count--) {
        unsigned f = number((paddr_t)list->first << PAGE_SHIFT, true);

        for (unsigned w = 0; w < FRAME_BYTES / 8; w++)
            if (now.bytes[f][w])
                machine_fail("table %u freed, and is not empty", f);
        list->first = now.meta[f].next;
        port_frame_free((paddr_t)f << PAGE_SHIFT);
    }
}

/* No case has huge pages. */
paddr_t port_block_alloc(unsigned level, bool zero)
{
    (void)level, (void)zero;
    return 0;
}

void port_block_free(paddr_t block, unsigned level)
{
    (void)level;
    machine_fail("block %llx freed", (unsigned long long)block);
}

struct frame *port_frame(paddr_t pa)
{
    return &now.meta[number(pa, true)];
}

void *port_ptr(paddr_t pa)
{
    return (char *)now.bytes[number(pa, true)] + page_offset(pa);
}

paddr_t port_paddr(const void *ptr)
{
    size_t off = (size_t)((const char *)ptr - (const char *)now.bytes);

    if (off >= sizeof(now.bytes))
        machine_fail("port_paddr of what is in no frame");
    return (off / FRAME_BYTES) << PAGE_SHIFT | off % FRAME_BYTES;
}

bool port_is_frame(paddr_t pa)
{
    return pa >> PAGE_SHIFT <= FRAMES && now.used[pa >> PAGE_SHIFT];
}

uint64_t port_frames_total(void)
{
    return FRAMES;
}

uint64_t port_frames_free(void)
{
    return FRAMES - now.frames_used;
}

/* ---- Objects ---- */

void *port_alloc(size_t size)
{
    unsigned n = 0;

    while (n < OBJECTS && now.object_used[n])
        n++;
    if (n == OBJECTS || size > OBJECT_BYTES)
        machine_fail("the machine has no room for an object of %zu bytes", size);
    now.object_used[n] = true;
    if (n >= now.objects_touched)
        now.objects_touched = (uint16_t)(n + 1);
    memset(now.object[n], 0, size);
    return now.object[n];
}

void port_free(void *object, size_t size)
{
    size_t n = (size_t)((unsigned char *)object - now.object[0]) / OBJECT_BYTES;

    if (n >= OBJECTS || object != now.object[n] || !now.object_used[n])
        machine_fail("an object is freed that is none");
    now.object_used[n] = false;
    memset(object, 0x5b, size);
}

/* ---- Translations ---- */

static unsigned link_base(unsigned level)
{
    unsigned base = 0;

    for (unsigned l = PT_PMD; l < level; l++)
        base += EX_PAGES / span_pages(l) + 1;
    return base;
}

static unsigned link_number(unsigned page, unsigned level)
{
    return link_base(level) + page / span_pages(level);
}

void port_root_init(paddr_t root)
{
    struct pte *table = port_ptr(root);

    for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
        table[i].raw = KERNEL_MARK;
}

void port_tlb_flush(struct mm *mm, struct range range)
{
    unsigned from = (unsigned)(range.start >> PAGE_SHIFT);
    unsigned to = (unsigned)(range.end >> PAGE_SHIFT);

    if (range.start >= range.end || range.end > USER_END || page_offset(range.start | range.end))
        machine_fail("flush of %llx-%llx", (unsigned long long)range.start,
                     (unsigned long long)range.end);
    flushes++;
    for (unsigned p = from; p < to; p++)
        page_valid[p] = false;
    for (unsigned l = PT_PMD; l <= PT_TOP; l++)
        for (unsigned p = from / span_pages(l) * span_pages(l); p < to; p += span_pages(l))
            link_valid[link_number(p, l)] = false;
}

void port_tlb_flush_all(struct mm *mm)
{
    flushes++;
    forget_cached();
}

/* ---- Locks ---- */

void port_lock_write(struct port_lock *lock)
{
    if (lock->holders)
        machine_fail("lock taken for write while held");
    lock->holders = -1;
}

void port_unlock_write(struct port_lock *lock)
{
    lock->holders = 0;
}

void port_lock_read(struct port_lock *lock)
{
    lock->holders++;
}

void port_unlock_read(struct port_lock *lock)
{
    lock->holders--;
}

/* ---- Words ---- */

void port_trace(const struct trace_event *event)
{
    char line[200];

    trace_text(event, line, sizeof(line));
    printf("    %s\n", line);
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

    warnings++;
    if (!machine_tells)
        return;
    va_start(args, fmt);
    printf("    ");
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

void port_panic(const char *file, int line, const char *fmt, ...)
{
    char words[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    machine_fail("panic at %s:%d: %s", file, line, words);
}

uint64_t port_random(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15ull;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* ---- Setting up ---- */

void machine_map(unsigned page, unsigned rights, uint64_t id)
{
    struct pt *pt = &machine_mm->pt;
    vaddr_t va = (vaddr_t)page << PAGE_SHIFT;
    struct pt_reserve reserve = {0};
    paddr_t pa = port_frame_alloc(true);

    port_frame(pa)->refs = 1;
    for (unsigned w = 0; w < FRAME_BYTES / 8; w++)
        now.bytes[pa >> PAGE_SHIFT][w] = id << w;
    if (pt_reserve_fill(&reserve, pt_missing(pt, va, PT_PTE)))
        machine_fail("no tables");
    pt_write(pt_entry_make(pt, va, PT_PTE, &reserve), pte_leaf(pa, rights, PT_PTE));
    machine_mm->rss_pages++;
}

uint64_t machine_id(struct pte leaf)
{
    const uint64_t *words = now.bytes[number(pte_addr(leaf), true)];

    for (unsigned w = 1; w < FRAME_BYTES / 8; w++)
        if (words[w] != words[0] << w)
            return 0;
    return words[0];
}

static void cache_table(const struct pte *table, unsigned level, unsigned base)
{
    unsigned entries = level == PT_TOP ? PT_ENTRIES / 2 : PT_ENTRIES;

    for (unsigned i = 0; i < entries; i++) {
        unsigned page = base + i * span_pages(level);
        uint16_t frame = (uint16_t)(pte_addr(table[i]) >> PAGE_SHIFT);

        if (pte_is_none(table[i]))
            continue;
        if (level == PT_PTE) {
            cached.frame[page] = frame;
            cached.owner[frame] = (uint16_t)(1 + page);
            continue;
        }
        cached.link[link_number(page, level)] = frame;
        cached.owner[frame] = (uint16_t)(1 + EX_PAGES + link_number(page, level));
        cache_table(pte_to_table(table[i]), level - 1, page);
    }
}

void machine_cache(void)
{
    memset(&cached, 0, sizeof(cached));
    cache_table(machine_mm->pt.root, PT_TOP, 0);
}

/* ---- Looking ---- */

static void look_at(const struct pte *table, unsigned level, unsigned base, struct look *look)
{
    bool root = level == PT_TOP;
    unsigned entries = root ? PT_ENTRIES / 2 : PT_ENTRIES, live = 0;
    unsigned f = number(port_paddr(table), true);

    if (seen[f] == recounts)
        machine_fail("table in frame %u is linked twice", f);
    seen[f] = recounts;
    look->tables++;
    for (unsigned i = 0; i < entries; i++) {
        unsigned page = base + i * span_pages(level);

        if (pte_is_none(table[i]))
            continue;
        live++;
        if (level == PT_PTE) {
            look->leaf[page] = table[i];
            look->leaves++;
            continue;
        }
        look->link[link_number(page, level)] = (uint16_t)(pte_addr(table[i]) >> PAGE_SHIFT);
        look_at(pte_to_table(table[i]), level - 1, page, look);
    }
    if (now.meta[f].live != live)
        machine_fail("table of page %u: live count %u, entries %u", base, now.meta[f].live, live);
    if (!live && !root)
        machine_fail("table of page %u is empty", base);
}

void machine_look(const struct pt *pt, struct look *look)
{
    memset(look, 0, sizeof(*look));
    recounts++;
    look_at(pt->root, PT_TOP, 0, look);
    if (pt->tables != look->tables)
        machine_fail("%u tables, mm says %llu", look->tables, (unsigned long long)pt->tables);
    for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
        if (pt->root[i].raw != KERNEL_MARK)
            machine_fail("the kernel's half of the root was changed");
}

void machine_check_cached(const struct look *look)
{
    for (unsigned p = 0; p < EX_PAGES; p++)
        if (page_valid[p] && pte_addr(look->leaf[p]) >> PAGE_SHIFT != cached.frame[p])
            machine_fail("page %u: a stale translation was not flushed", p);
    for (unsigned l = 0; l < EX_LINKS; l++)
        if (link_valid[l] && look->link[l] != cached.link[l])
            machine_fail("link %u: a stale table was not flushed", l);
}
