/*
 * Readers of the three forms of boot information: Multiboot 1, Multiboot 2 and PVH.
 *
 * Pure functions over memory that is read only through `struct boot_memory`: no hardware, no allocation. Each number
 * found is checked before it is used; nothing is changed, so a refusal leaves the caller with a message and no more.
 */
#include "kernel/boot.h"

#include "kernel/string.h"

#define MB1_MAGIC 0x2badb002u
#define MB2_MAGIC 0x36d76289u
#define PVH_MAGIC 0x336ec578u

#define MEMORY_MIN (8ull << 20)

/* Of the kinds of memory in a map, all but this one are kept away from. The same in all three forms. */
#define TYPE_USABLE 1

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device;
    uint32_t cmdline, mods_count, mods_addr;
    uint32_t symbols[4];
    uint32_t mmap_length, mmap_addr;
};

enum { MB1_CMDLINE = 1 << 2, MB1_MODULES = 1 << 3, MB1_MMAP = 1 << 6 };

struct mb1_module {
    uint32_t start, end, string, reserved;
};

struct mb2_tag {
    uint32_t type, size;
};

enum {
    MB2_END = 0,
    MB2_CMDLINE = 1,
    MB2_MODULE = 3,
    MB2_MMAP = 6,
    MB2_RSDP_OLD = 14,
    MB2_RSDP_NEW = 15,
};

struct pvh_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t map_count, reserved;
};

/* A piece of memory in any of the maps. */
struct entry {
    uint64_t base, size;
    uint32_t type;
};

/* Where the memory map lies. */
struct map {
    paddr_t at;
    uint64_t bytes;
    uint32_t stride; /* from entry to entry; 0: the 32 bits before each entry tell (Multiboot 1) */
};

struct parser {
    struct boot_info *info;
    const struct boot_memory *memory;
    struct map map;
};

static bool fetch(const struct parser *p, paddr_t pa, void *to, uint64_t size)
{
    const void *from = p->memory->at(p->memory->ctx, pa, size);

    if (from)
        memcpy(to, from, size);
    return from != NULL;
}

/* Copy the string at @pa, which ends with NUL within @max bytes. */
static const char *read_cmdline(struct parser *p, paddr_t pa, uint64_t max)
{
    char *to = p->info->cmdline;

    for (uint64_t i = 0; i < max; i++) {
        char c;

        if (!fetch(p, pa + i, &c, 1))
            return "the command line lies outside of memory";
        if (i == BOOT_CMDLINE_SIZE)
            return "the command line is too long";
        to[i] = c;
        if (!c)
            return NULL;
    }
    return "the command line has no end";
}

static const char *set_module(struct parser *p, uint64_t start, uint64_t end)
{
    if (end < start)
        return "the module ends before it starts";
    p->info->module = (struct range){start, end};
    return NULL;
}

/* ---- The memory map -------------------------------------------------------------------------------------------- */

/* Read the entry at @off of the map and step @off over it; false when it is not whole. */
static bool next_entry(const struct parser *p, uint64_t *off, struct entry *e)
{
    struct {
        uint64_t base, size;
        uint32_t type;
    } __attribute__((packed)) raw;
    uint32_t stride = p->map.stride;

    if (!stride) {
        if (!fetch(p, p->map.at + *off, &stride, sizeof(stride)))
            return false;
        *off += sizeof(stride);
    }
    if (stride < sizeof(raw) || *off + stride > p->map.bytes)
        return false;
    if (!fetch(p, p->map.at + *off, &raw, sizeof(raw)))
        return false;
    *off += stride;
    *e = (struct entry){raw.base, raw.size, raw.type};
    return true;
}

static void add_usable(struct parser *p, const struct entry *e)
{
    struct range r = {page_align(e->base), e->base + e->size};

    if (r.end > MEMORY_MAX) {
        p->info->warning = "memory above 1 TiB is not used";
        r.end = MEMORY_MAX;
    }
    r.end -= page_offset(r.end);
    if (r.start >= r.end || r.start < e->base)
        return;
    if (ranges_meet(&p->info->memory, r))
        p->info->warning = "ranges of usable memory overlap";
    if (!ranges_add(&p->info->memory, r))
        p->info->warning = "too many ranges of memory, some are not used";
}

static void cut_reserved(struct parser *p, const struct entry *e)
{
    struct range r = {e->base - page_offset(e->base), page_align(e->base + e->size)};

    if (r.end == 0)
        r.end = UINT64_MAX;
    if (ranges_meet(&p->info->memory, r))
        p->info->warning = "usable memory overlaps with reserved memory, which wins";
    if (!ranges_cut(&p->info->memory, r))
        p->info->warning = "too many ranges of memory, some are not used";
}

/* One of two passes over the map: first what is usable, then what is not is cut out of it. */
static const char *read_pass(struct parser *p, bool usable)
{
    struct entry e;

    for (uint64_t off = 0; off < p->map.bytes;) {
        if (!next_entry(p, &off, &e))
            return "the memory map is cut short";
        if (e.size > UINT64_MAX - e.base)
            return "a range of memory wraps around the end of the address space";
        if (e.size == 0 || (e.type == TYPE_USABLE) != usable)
            continue;
        if (usable)
            add_usable(p, &e);
        else
            cut_reserved(p, &e);
    }
    return NULL;
}

static const char *read_map(struct parser *p)
{
    const char *error;

    if (!p->map.bytes)
        return "the loader gave no memory map";
    error = read_pass(p, true);
    if (!error)
        error = read_pass(p, false);
    return error;
}

/* ---- Multiboot 1 ----------------------------------------------------------------------------------------------- */

static const char *read_mb1(struct parser *p, paddr_t pa)
{
    struct mb1_info mb;
    struct mb1_module module;
    const char *error = NULL;

    p->info->loader = "Multiboot 1";
    if (!fetch(p, pa, &mb, sizeof(mb)))
        return "the Multiboot information lies outside of memory";
    if (mb.flags & MB1_CMDLINE)
        error = read_cmdline(p, mb.cmdline, BOOT_CMDLINE_SIZE + 1);
    if (!error && mb.flags & MB1_MODULES && mb.mods_count) {
        if (!fetch(p, mb.mods_addr, &module, sizeof(module)))
            return "the list of modules lies outside of memory";
        error = set_module(p, module.start, module.end);
    }
    if (mb.flags & MB1_MMAP)
        p->map = (struct map){mb.mmap_addr, mb.mmap_length, 0};
    return error;
}

/* ---- Multiboot 2 ----------------------------------------------------------------------------------------------- */

static const char *read_mb2_map(struct parser *p, paddr_t body, uint32_t size)
{
    struct {
        uint32_t entry_size, version;
    } head;

    if (size < sizeof(head) || !fetch(p, body, &head, sizeof(head)) || !head.entry_size)
        return "the memory map is cut short";
    p->map = (struct map){body + sizeof(head), size - sizeof(head), head.entry_size};
    return NULL;
}

static const char *read_mb2_module(struct parser *p, paddr_t body, uint32_t size)
{
    uint32_t bounds[2];

    if (size < sizeof(bounds) || !fetch(p, body, bounds, sizeof(bounds)))
        return "the module's tag is cut short";
    if (range_size(p->info->module))
        return NULL; /* only the first counts */
    return set_module(p, bounds[0], bounds[1]);
}

/* One tag: its @size bytes of body lie at @body. */
static const char *read_mb2_tag(struct parser *p, uint32_t type, paddr_t body, uint32_t size)
{
    switch (type) {
    case MB2_CMDLINE:
        return read_cmdline(p, body, size);
    case MB2_MODULE:
        return read_mb2_module(p, body, size);
    case MB2_MMAP:
        return read_mb2_map(p, body, size);
    case MB2_RSDP_OLD:
    case MB2_RSDP_NEW:
        p->info->rsdp = body;
        return NULL;
    default:
        return NULL;
    }
}

static const char *read_mb2(struct parser *p, paddr_t pa)
{
    struct {
        uint32_t total, reserved;
    } head;
    struct mb2_tag tag;
    const char *error;

    p->info->loader = "Multiboot 2";
    if (!fetch(p, pa, &head, sizeof(head)))
        return "the Multiboot information lies outside of memory";
    for (uint64_t off = sizeof(head); off + sizeof(tag) <= head.total;) {
        if (!fetch(p, pa + off, &tag, sizeof(tag)))
            return "the Multiboot information lies outside of memory";
        if (tag.type == MB2_END)
            return NULL;
        if (tag.size < sizeof(tag) || tag.size > head.total - off)
            return "a tag of the Multiboot information is cut short";
        error = read_mb2_tag(p, tag.type, pa + off + sizeof(tag), tag.size - sizeof(tag));
        if (error)
            return error;
        off += ((uint64_t)tag.size + 7) & ~7ull;
    }
    return "the Multiboot information has no end";
}

/* ---- PVH ------------------------------------------------------------------------------------------------------- */

#define PVH_MAP_ENTRY 24

static const char *read_pvh(struct parser *p, paddr_t pa)
{
    struct pvh_info pvh;
    uint64_t module[2];
    const char *error = NULL;

    p->info->loader = "PVH";
    if (!fetch(p, pa, &pvh, sizeof(pvh)) || pvh.magic != PVH_MAGIC)
        return "the PVH information lies outside of memory";
    if (pvh.cmdline)
        error = read_cmdline(p, pvh.cmdline, BOOT_CMDLINE_SIZE + 1);
    if (!error && pvh.module_count) {
        if (!fetch(p, pvh.modules, module, sizeof(module)))
            return "the list of modules lies outside of memory";
        if (module[1] > UINT64_MAX - module[0])
            return "the module ends before it starts";
        error = set_module(p, module[0], module[0] + module[1]);
    }
    p->info->rsdp = pvh.rsdp;
    if (pvh.version >= 1)
        p->map = (struct map){pvh.map, (uint64_t)pvh.map_count * PVH_MAP_ENTRY, PVH_MAP_ENTRY};
    return error;
}

/* ---- All of them ----------------------------------------------------------------------------------------------- */

static const char *read_any(struct parser *p, uint32_t magic, paddr_t pa)
{
    switch (magic) {
    case MB1_MAGIC:
        return read_mb1(p, pa);
    case MB2_MAGIC:
        return read_mb2(p, pa);
    case PVH_MAGIC:
        return read_pvh(p, pa);
    default:
        return "this loader speaks no protocol that is known here";
    }
}

/* QEMU and others put the kernel's file name before the first blank. Options have no slash before their `=`. */
static void drop_kernel_name(char *cmdline)
{
    size_t word = 0;
    size_t rest;

    while (cmdline[word] && cmdline[word] != ' ' && cmdline[word] != '=')
        word++;
    if (cmdline[word] == '=' || (!memchr(cmdline, '/', word) && !memchr(cmdline, '.', word)))
        return;
    rest = word + (cmdline[word] == ' ');
    memmove(cmdline, cmdline + rest, strlen(cmdline + rest) + 1);
}

static const char *check(const struct boot_info *info)
{
    if (ranges_bytes(&info->memory) < MEMORY_MIN)
        return "less than 8 MiB of usable memory";
    if (range_size(info->module) && !ranges_hold(&info->memory, info->module))
        return "the module does not lie in usable memory";
    return NULL;
}

const char *bootinfo_parse(struct boot_info *info, uint32_t magic, paddr_t pa,
                           const struct boot_memory *memory)
{
    struct parser p = {.info = info, .memory = memory};
    const char *error;

    memset(info, 0, sizeof(*info));
    info->loader = "unknown loader";
    error = read_any(&p, magic, pa);
    if (!error)
        error = read_map(&p);
    if (!error)
        error = check(info);
    if (!error)
        drop_kernel_name(info->cmdline);
    return error;
}
