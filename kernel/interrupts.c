#include "kernel/interrupts.h"

#include <stdbool.h>

#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/paging.h"
#include "kernel/sched.h"
#include "kernel/time.h"
#include "kernel/x86.h"

#define PIC1 0x20
#define PIC1_MASK 0x21
#define PIC2 0xa0
#define PIC_END 0x20

#define IRQ_TIMER 0
#define IRQ_SERIAL 4
#define IRQ_SPURIOUS 7
#define IRQ_COUNT 16

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_CHANNEL0_ONCE                                                                          \
    0x30 /* channel 0, low then high byte, mode 0: once, when it has come down to 0 */
#define PIT_HZ 1193182u
#define PIT_MAX 0xffffu

/* The local APIC's registers, where every PC has them after reset. */
#define APIC_BASE 0xfee00000u
#define APIC_SPURIOUS 0xf0
#define APIC_LINT0 0x350
#define APIC_ENABLE 0x1ff
#define APIC_EXTERNAL 0x700 /* what comes in at LINT0 is the 8259's */

static uint64_t timer_at = UINT64_MAX; /* when it goes off; UINT64_MAX: it is not set */

/* Not all firmware leaves the 8259's way through the APIC open. (Intel SDM vol. 3, 11.5) */
static void open_apic(void)
{
    volatile uint32_t *apic;

    if (!(cpuid(1, 0).edx & 1u << 9))
        return;
    apic = paging_map_device(APIC_BASE);
    if (!apic)
        return;
    apic[APIC_SPURIOUS / 4] = APIC_ENABLE;
    apic[APIC_LINT0 / 4] = APIC_EXTERNAL;
}

void interrupts_init(void)
{
    open_apic();
    outb(PIC1_MASK, (uint8_t) ~(1u << IRQ_TIMER | 1u << IRQ_SERIAL));
    console_interrupts_on();
}

void interrupt(uint64_t vector)
{
    uint64_t irq = vector - VECTOR_EXCEPTIONS;

    if (irq >= IRQ_COUNT) {
        if (vector != (APIC_ENABLE & 0xff))
            log_warn("interrupt %llu that nobody asked for", (unsigned long long)vector);
        return;
    }
    if (irq == IRQ_SPURIOUS)
        return;
    if (irq >= 8)
        outb(PIC2, PIC_END);
    outb(PIC1, PIC_END);
    if (irq == IRQ_TIMER) {
        timer_at = UINT64_MAX;
        sched_tick();
    } else if (irq == IRQ_SERIAL) {
        console_interrupt();
    }
}

void timer_set(uint64_t when_ns)
{
    uint64_t now, ticks = PIT_MAX;

    if (when_ns >= timer_at)
        return;
    now = time_monotonic_ns();
    if (when_ns <= now)
        ticks = 1;
    else if (when_ns - now < NS_PER_SEC / 32) /* else the most that it can count, and then again */
        ticks = (when_ns - now) * PIT_HZ / NS_PER_SEC + 1;
    timer_at = now + ticks * NS_PER_SEC / PIT_HZ;
    outb(PIT_COMMAND, PIT_CHANNEL0_ONCE);
    outb(PIT_CHANNEL0, (uint8_t)ticks);
    outb(PIT_CHANNEL0, (uint8_t)(ticks >> 8));
}

void interrupts_wait(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}
