/* The tables that the processor reads by itself: segments, the task's stacks, traps. (Intel SDM vol. 3, 3 to 7) */
#include "kernel/cpu.h"
#include "kernel/trap.h"

#define VECTORS 256

/* entry.asm: where each vector starts. */
extern const uint64_t trap_stubs[VECTORS];

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3]; /* by the ring that is entered */
    uint64_t ist[8]; /* 1 to 7 */
    uint64_t reserved1;
    uint16_t reserved2;
    uint16_t io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "as the processor reads it");

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "as the processor reads it");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define GATE_INTERRUPT 0x8e /* present, interrupts off inside */
#define GATE_USER 0x60      /* may be raised by INT in user mode */

/* Code and data segments; in 64-bit mode only the type, the ring and the L bit count. */
#define SEGMENT_KERNEL_CODE 0x00af9b000000ffffull
#define SEGMENT_KERNEL_DATA 0x00cf93000000ffffull
#define SEGMENT_USER_DATA 0x00cff3000000ffffull
#define SEGMENT_USER_CODE 0x00affb000000ffffull
#define SEGMENT_TSS 0x0000890000000000ull

static struct tss tss = {.io_map = sizeof(struct tss)};
static struct gate idt[VECTORS];
static uint64_t gdt[TSS_SELECTOR / 8 + 2] = {
    [KERNEL_CS / 8] = SEGMENT_KERNEL_CODE,
    [KERNEL_DS / 8] = SEGMENT_KERNEL_DATA,
    [USER_DS / 8] = SEGMENT_USER_DATA,
    [USER_CS / 8] = SEGMENT_USER_CODE,
};

/* The TSS's descriptor takes two entries: its address is spread over both. */
static void fill_tss_descriptor(void)
{
    uint64_t base = (uint64_t)&tss;

    gdt[TSS_SELECTOR / 8] =
        SEGMENT_TSS | (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
}

/* There is no local table: what the firmware left as its place must not be read for a program's selector. */
static void load_gdt(void)
{
    struct table_pointer pointer = {sizeof(gdt) - 1, (uint64_t)gdt};

    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "ltr %w3\n\t"
                     "lldt %w4"
                     :
                     : "m"(pointer), "i"(KERNEL_CS), "i"(KERNEL_DS), "r"(TSS_SELECTOR), "r"(0)
                     : "rax", "memory");
}

static uint8_t vector_stack(unsigned vector)
{
    switch (vector) {
    case VECTOR_DOUBLE_FAULT:
        return STACK_DOUBLE_FAULT;
    case VECTOR_NMI:
        return STACK_NMI;
    case VECTOR_MACHINE_CHECK:
        return STACK_MACHINE_CHECK;
    case VECTOR_DEBUG:
        return STACK_DEBUG;
    default:
        return 0; /* the stack in use, or rsp[0] from user mode */
    }
}

static void fill_gate(unsigned vector)
{
    uint64_t offset = trap_stubs[vector];
    bool user = vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)offset,
        .selector = KERNEL_CS,
        .ist = vector_stack(vector),
        .type = GATE_INTERRUPT | (user ? GATE_USER : 0),
        .offset_middle = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32),
    };
}

void descriptors_set_stack(enum cpu_stack which, vaddr_t top)
{
    tss.ist[which] = top;
}

void cpu_set_kernel_stack(vaddr_t top)
{
    tss.rsp[0] = top;
    this_cpu()->kernel_stack = top;
}

/* Traps that ask for a stack of their own share a small one until cpu_init_stacks(). */
void descriptors_init(void)
{
    static uint8_t early_stack[PAGE_SIZE] __attribute__((aligned(16)));
    struct table_pointer pointer = {sizeof(idt) - 1, (uint64_t)idt};

    for (unsigned which = 1; which < STACK_COUNT; which++)
        tss.ist[which] = (uint64_t)(early_stack + sizeof(early_stack));
    for (unsigned vector = 0; vector < VECTORS; vector++)
        fill_gate(vector);
    fill_tss_descriptor();
    load_gdt();
    __asm__ volatile("lidt %0" : : "m"(pointer));
}
