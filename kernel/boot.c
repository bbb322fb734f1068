/* What the boot loader told, and the memory it left. See boot.h. */
#include "kernel/boot.h"

#include "kernel/acpi.h"
#include "kernel/format.h"
#include "kernel/frames.h"
#include "kernel/log.h"
#include "kernel/paging.h"
#include "kernel/power.h"

/* Below 1 MiB lie the firmware's data, and later the place where other CPUs start. */
#define LOW_MEMORY 0x100000

/* linker.ld: physical. */
extern const char image_end[];

static struct boot_info info;

_Noreturn void boot_fail(const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    format_v(text, sizeof(text), fmt, args);
    va_end(args);
    log_always("boot: %s", text);
    power_off(STATUS_BOOT_FAILED);
}

/* What boot's first page tables reach. */
static const void *early_memory(void *ctx, paddr_t pa, uint64_t size)
{
    (void)ctx;
    if (pa >= BOOT_MAPPED || size > BOOT_MAPPED - pa)
        return NULL;
    return direct_ptr(pa);
}

void boot_read(uint32_t magic, paddr_t pa)
{
    static const struct boot_memory memory = {.at = early_memory};
    const char *error = bootinfo_parse(&info, magic, pa, &memory);

    if (error)
        boot_fail("%s", error);
    log_info("boot: %s, %lu MiB of memory, initramfs of %lu KiB, options: %s", info.loader,
             ranges_bytes(&info.memory) >> 20, range_size(info.module) >> 10, info.cmdline);
    if (info.warning)
        log_warn("boot: %s", info.warning);
    acpi_init(info.rsdp, &memory);
}

void boot_memory_init(void)
{
    static struct ranges free;
    struct range module = {info.module.start - page_offset(info.module.start),
                           page_align(info.module.end)};
    struct range early, rest;

    if (!range_size(module))
        boot_fail("no initramfs: the loader gave no module");
    free = info.memory;
    ranges_cut(&free, (struct range){0, LOW_MEMORY});
    ranges_cut(&free, (struct range){LOW_MEMORY, (paddr_t)image_end});
    ranges_cut(&free, module);
    early = ranges_longest_below(&free, BOOT_MAPPED);
    rest = paging_init(&info.memory, early);
    ranges_cut(&free, (struct range){early.start, rest.start});
    frames_init(&free, &info.memory);
}

struct boot_module boot_module(void)
{
    if (!range_size(info.module))
        return (struct boot_module){NULL, 0};
    return (struct boot_module){direct_ptr(info.module.start), range_size(info.module)};
}

static paddr_t module_freed; /* its frames below were given away */

/* Frames at its ends that it shares with others are not ours to give. */
uint64_t boot_module_free(uint64_t bytes)
{
    paddr_t end = info.module.start + bytes;
    struct range whole = {max_u64(module_freed, page_align(info.module.start)),
                          end - page_offset(end)};

    if (whole.start >= whole.end)
        return 0;
    module_freed = whole.end;
    frames_add(whole);
    return range_size(whole) >> PAGE_SHIFT;
}

const char *boot_cmdline(void)
{
    return info.cmdline;
}
