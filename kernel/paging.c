/*
 * The kernel's own page tables. See paging.h for the layout.
 *
 * All entries of the root's upper half that will ever be used are made at boot, so the roots of all address spaces
 * can copy them and never need to be told of a change.
 */
#include "kernel/paging.h"

#include "kernel/boot.h"
#include "kernel/cpu.h"
#include "kernel/frames.h"
#include "kernel/panic.h"
#include "kernel/string.h"
#include "kernel/x86.h"

#define PRESENT (1ull << 0)
#define WRITE (1ull << 1)
#define WRITE_THROUGH (1ull << 3)
#define CACHE_OFF (1ull << 4)
#define ACCESSED (1ull << 5)
#define DIRTY (1ull << 6)
#define LARGE (1ull << 7)
#define NX (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull

#define READ_ONLY (PRESENT | ACCESSED | NX)
#define READ_WRITE (PRESENT | ACCESSED | DIRTY | WRITE | NX)
#define READ_EXEC (PRESENT | ACCESSED)
#define TABLE (PRESENT | ACCESSED | WRITE)

#define KERNEL_HALF (PT_ENTRIES / 2) /* index of its first entry in a root */

/* linker.ld and boot.asm: edges of the image's parts, on pages. */
extern char text_start[], text_end[], rodata_end[], image_end_va[];
extern char boot_stack_guard[], boot_stack_top[];

static uint64_t *root;
static struct range early; /* boot's frames for tables; empty once frames.c has taken over */
static vaddr_t stacks_end = STACKS_BASE;

/* A zeroed table; 0 when memory is out. */
static paddr_t table_alloc(void)
{
    paddr_t table;

    if (range_size(early) >= PAGE_SIZE) {
        table = early.start;
        early.start += PAGE_SIZE;
    } else {
        table = frames_alloc(0);
    }
    if (table)
        memset(direct_ptr(table), 0, PAGE_SIZE);
    return table;
}

/* The entry that translates @va at @level, missing tables made; NULL when memory is out. */
static uint64_t *entry(vaddr_t va, unsigned level)
{
    uint64_t *table = root;

    for (unsigned l = PT_TOP; l > level; l--) {
        uint64_t *e = &table[pt_index(va, l)];

        if (!*e) {
            paddr_t lower = table_alloc();
            if (!lower)
                return NULL;
            *e = lower | TABLE;
        }
        table = direct_ptr(*e & ADDRESS);
    }
    return &table[pt_index(va, level)];
}

/* The highest level whose entry can map what starts at @va and @pa and has @size bytes to go. */
static unsigned leaf_level(vaddr_t va, paddr_t pa, uint64_t size)
{
    unsigned level = cpu_features.gb_pages ? PT_PUD : PT_PMD;

    while (level > PT_PTE && (pt_offset(va | pa, level) || size < pt_span(level)))
        level--;
    return level;
}

/* Map [@va, @va + @size) to @pa, by the largest pages that fit. False when memory is out. */
static bool map(vaddr_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    while (size) {
        unsigned level = leaf_level(va, pa, size);
        uint64_t *e = entry(va, level);

        if (!e)
            return false;
        *e = pa | flags | (level > PT_PTE ? LARGE : 0);
        va += pt_span(level);
        pa += pt_span(level);
        size -= pt_span(level);
    }
    return true;
}

static bool map_image(const char *start, const char *end, uint64_t flags)
{
    return map((vaddr_t)start, (vaddr_t)start - KERNEL_BASE, (uint64_t)(end - start), flags);
}

static bool map_whole_image(void)
{
    return map_image(text_start, text_end, READ_EXEC) &&
           map_image(text_end, rodata_end, READ_ONLY) &&
           map_image(rodata_end, boot_stack_guard, READ_WRITE) &&
           map_image(boot_stack_guard + PAGE_SIZE, image_end_va, READ_WRITE);
}

/* All of memory; the image's text and constants must not become writable by this way round. */
static bool map_direct(const struct ranges *memory)
{
    static struct ranges writable;
    struct range fixed = {(vaddr_t)text_start - KERNEL_BASE, (vaddr_t)rodata_end - KERNEL_BASE};
    bool ok = true;

    writable = *memory;
    ranges_cut(&writable, fixed);
    for (unsigned i = 0; i < writable.count; i++) {
        struct range r = writable.at[i];
        ok = ok && map(DIRECT_BASE + r.start, r.start, range_size(r), READ_WRITE);
    }
    return ok && map(DIRECT_BASE + fixed.start, fixed.start, range_size(fixed), READ_ONLY);
}

struct range paging_init(const struct ranges *memory, struct range tables)
{
    struct range rest;
    paddr_t table;

    early = tables;
    table = table_alloc();
    root = direct_ptr(table);
    if (!table || !map_whole_image() || !map_direct(memory) || !entry(STACKS_BASE, PT_PUD))
        boot_fail("not enough memory for the kernel's page tables");
    write_cr3(table);
    rest = early;
    early = (struct range){0, 0};
    return rest;
}

paddr_t paging_kernel_root(void)
{
    return direct_paddr(root);
}

void paging_root_init(paddr_t pa)
{
    uint64_t *to = direct_ptr(pa);

    memcpy(to + KERNEL_HALF, root + KERNEL_HALF, KERNEL_HALF * sizeof(uint64_t));
}

/* A free stack keeps its frames, for the next; in its last bytes it says which is free besides. */
struct free_stack {
    struct free_stack *next;
};
static struct free_stack *free_stacks;
static uint64_t stacks_used,
    stack_frames; /* stacks; frames of all, and of the tables that map them */

/* Map a new one, behind the last; what an attempt before has mapped of it is there. */
static vaddr_t stack_map(void)
{
    vaddr_t start = stacks_end + PAGE_SIZE;
    uint64_t before = frames_free_count();
    bool ok = true;

    for (uint64_t off = 0; ok && off < STACK_SIZE; off += PAGE_SIZE) {
        uint64_t *e = entry(start + off, PT_PTE);
        paddr_t frame = e && !*e ? frames_alloc(0) : 0;

        if (frame)
            *e = frame | READ_WRITE;
        ok = e && *e;
    }
    stack_frames += before - frames_free_count();
    if (!ok)
        return 0;
    stacks_end = start + STACK_SIZE;
    return stacks_end;
}

vaddr_t paging_stack_create(void)
{
    struct free_stack *spare = free_stacks;
    vaddr_t top = spare ? (vaddr_t)(spare + 1) : stack_map();

    if (spare)
        free_stacks = spare->next;
    stacks_used += top != 0;
    return top;
}

void paging_stack_free(vaddr_t top)
{
    struct free_stack *spare = (struct free_stack *)top - 1;

    spare->next = free_stacks;
    free_stacks = spare;
    stacks_used--;
}

uint64_t paging_stack_spare(void)
{
    return stack_frames - stacks_used * (STACK_SIZE / PAGE_SIZE);
}

volatile void *paging_map_device(paddr_t pa)
{
    uint64_t *e = entry(DIRECT_BASE + pa, PT_PTE);

    if (!e)
        return NULL;
    *e = pa | READ_WRITE | WRITE_THROUGH | CACHE_OFF;
    invlpg(DIRECT_BASE + pa);
    return direct_ptr(pa);
}

bool paging_is_stack(vaddr_t va)
{
    if (va >= (vaddr_t)boot_stack_guard + PAGE_SIZE && va < (vaddr_t)boot_stack_top)
        return true;
    return va >= STACKS_BASE && va < stacks_end && !paging_is_guard(va);
}

bool paging_is_guard(vaddr_t va)
{
    if (va - (vaddr_t)boot_stack_guard < PAGE_SIZE)
        return true;
    return va >= STACKS_BASE && va < stacks_end &&
           (va - STACKS_BASE) % (PAGE_SIZE + STACK_SIZE) < PAGE_SIZE;
}
