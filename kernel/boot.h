/*
 * What the boot loader told, in one form for all of them. bootinfo.c reads it, boot.c keeps it.
 */
#pragma once

#include "mm/mm.h"

#define BOOT_CMDLINE_SIZE 2048
#define BOOT_MAX_RANGES 128

struct boot_info {
    const char *loader;                  /* the protocol, in words */
    char cmdline[BOOT_CMDLINE_SIZE];
    struct range module;                 /* physical; empty when there is none */
    struct range ranges[BOOT_MAX_RANGES]; /* usable memory: disjoint, ascending, whole frames */
    unsigned range_count;
    uint64_t usable;                     /* bytes in all of them */
    const char *warning;                 /* what was odd and could be lived with, or NULL */
};

/* Memory as the parser sees it: @size bytes at @pa, or NULL when they may not be read. */
struct boot_memory {
    const void *(*at)(void *ctx, paddr_t pa, uint64_t size);
    void *ctx;
};

/*
 * Read the information at @pa that a loader of protocol @magic (its eax) left. NULL, or what is wrong with it.
 * Touches nothing but what @memory gives, and believes nothing it reads.
 */
const char *bootinfo_parse(struct boot_info *info, uint32_t magic, paddr_t pa,
                           const struct boot_memory *memory);

/* Remove @cut from the ranges. False when there is no room for the pieces; memory is then lost, not given twice. */
bool bootinfo_cut(struct boot_info *info, struct range cut);

/* The machine cannot be started as asked: prints `boot: ...` and powers off with STATUS_BOOT_FAILED. */
_Noreturn void boot_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The first module, the initramfs, in the direct map. */
struct boot_module {
    const void *data;
    uint64_t size;
};
struct boot_module boot_module(void);

/* Give its frames to the allocator; boot_module() is empty afterwards. */
void boot_module_free(void);

/* The command line as the loader gave it. */
const char *boot_cmdline(void);
