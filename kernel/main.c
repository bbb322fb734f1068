/* The order in which the kernel comes up, from the first C function to the first program. */
#include "kernel/boot.h"
#include "kernel/cpu.h"
#include "kernel/frames.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/selftest.h"
#include "kernel/serial.h"
#include "kernel/time.h"
#include "kernel/trace.h"
#include "mm/mm.h"

/* boot.asm calls it: @magic and @info as the loader left them. */
_Noreturn void kernel_main(uint32_t magic, paddr_t info);

/* What the compiler puts above each function's locals and checks when it returns; kernel_main() never does. */
uint64_t __stack_chk_guard = 0x5ca1ab1e0ddba11;
_Noreturn void __stack_chk_fail(void);

_Noreturn void __stack_chk_fail(void)
{
    panic("a function has written beyond its locals");
}

static void configure_log(void)
{
    static const char *const levels[] = {"err", "warn", "info", "debug", NULL};

    log_level = LOG_ERR + option_choice("loglevel", levels, LOG_INFO - LOG_ERR);
}

/* The pool of huge pages of @level, by option @name. */
static void set_pool(const char *name, unsigned level)
{
    uint64_t pages = option_u64(name, 0), got = mm_hugetlb_resize(level, pages);

    if (got < pages)
        log_warn("%s=%lu: there is memory for %lu", name, pages, got);
}

static void configure_mm(void)
{
    static const char *const thp[] = {"never", "madvise", "always", NULL};
    static const char *const realign[] = {"off", "pmd", "full", NULL};

    mm_config.realign = option_choice("realign", realign, REALIGN_FULL);
    mm_config.thp = option_choice("thp", thp, THP_MADVISE);
    mm_config.huge_1g = cpu_features.gb_pages;
    mm_config.randomize = !option_flag("norandmaps");
    if (mm_init() != 0)
        boot_fail("not enough memory for the memory management");
    set_pool("hugepages", PT_PMD);
    set_pool("hugepages_1g", PT_PUD);
}

_Noreturn void kernel_main(uint32_t magic, paddr_t info)
{
    serial_init();
    time_init();
    log_always("Realign " REALIGN_VERSION ", a kernel that moves page tables");
    cpu_init();
    boot_read(magic, info);
    options_init(boot_cmdline());
    configure_log();
    random_init();
    __stack_chk_guard = random_u64();
    boot_memory_init();
    cpu_init_stacks();
    trace_init();
    configure_mm();
    selftest_run();
    log_info("memory: %lu KiB free of %lu KiB", frames_free_count() * (PAGE_SIZE / 1024),
             frames_total_count() * (PAGE_SIZE / 1024));
    process_start_init();
}
