/* Ways to switch off, from the surest to the last: QEMU's exit device, ACPI, QEMU's fixed ports, halt. */
#include "kernel/power.h"

#include "kernel/acpi.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "kernel/x86.h"

/* QEMU's isa-debug-exit: the process ends with (value << 1) | 1. boot/layout.inc has the port too. */
#define EXIT_PORT 0xf4
#define EXIT_BASE 16
#define EXIT_PANICKED 127

_Static_assert(EXIT_BASE + STATUS_MAX < EXIT_PANICKED, "a status is never taken for a panic");

/* ACPI's control register as QEMU's firmware places it, and the value that QEMU takes for "off". */
#define QEMU_PM1_CONTROL 0x604
#define QEMU_OFF 0x2000

/* The machine may take a moment to go off. */
#define PATIENCE_NS (100 * 1000 * 1000)

static void wait(void)
{
    uint64_t end = time_monotonic_ns() + PATIENCE_NS;

    while (time_monotonic_ns() < end)
        cpu_pause();
}

static _Noreturn void leave(uint32_t code)
{
    outl(EXIT_PORT, code);
    acpi_power_off();
    wait();
    outw(QEMU_PM1_CONTROL, QEMU_OFF);
    wait();
    log_always("it is safe to switch off now");
    cpu_halt();
}

_Noreturn void power_off(int status)
{
    unsigned code = (unsigned)status > STATUS_MAX ? STATUS_MAX : (unsigned)status;

    log_always("power off, status %d", status);
    leave(EXIT_BASE + code);
}

_Noreturn void power_off_panicked(void)
{
    leave(EXIT_PANICKED);
}
