/*
 * What the boot loader told, in one form for all of them. bootinfo.c reads it, boot.c keeps it.
 */
#pragma once

#include "kernel/ranges.h"

#define BOOT_CMDLINE_SIZE 2048

/* Memory above is not used: the tables of frames.c end there. */
#define MEMORY_MAX (1ull << 40)

struct boot_info {
    const char *loader;              /* the protocol, in words */
    char cmdline[BOOT_CMDLINE_SIZE]; /* without the kernel's name before it */
    struct range module;             /* physical; the first one; empty when there is none */
    struct ranges memory;            /* usable, in whole frames */
    paddr_t rsdp;                    /* ACPI's root pointer, 0 when the loader did not say */
    const char *warning;             /* what was odd and could be lived with, or NULL */
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

/* The machine cannot be started as asked: prints `boot: ...` and powers off with STATUS_BOOT_FAILED. */
_Noreturn void boot_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Read what the loader left; on anything wrong, boot_fail(). With boot's first page tables. */
void boot_read(uint32_t magic, paddr_t info);

/* Kernel page tables and frames from what was read. */
void boot_memory_init(void);

/* The first module, the initramfs, in the direct map. */
struct boot_module {
    const void *data;
    uint64_t size;
};
struct boot_module boot_module(void);

/* Give the frames of its first @bytes, those that were not given yet, to the allocator: how many. */
uint64_t boot_module_free(uint64_t bytes);

/* The command line as the loader gave it. */
const char *boot_cmdline(void);
