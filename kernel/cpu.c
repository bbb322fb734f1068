/* The processor's modes and registers. See cpu.h. */
#include "kernel/cpu.h"

#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/trap.h"
#include "kernel/x86.h"

struct cpu_features cpu_features;

static struct cpu boot_cpu = {.self = &boot_cpu};

/* entry.asm */
void syscall_entry(void);
void syscall_entry32(void);

/* The two interrupt controllers of the PC: out of the way of the exceptions, and silent. */
static void silence_pic(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } steps[] = {
        {0x20, 0x11}, {0xa0, 0x11}, /* initialise */
        {0x21, 0x20}, {0xa1, 0x28}, /* vectors 32 to 47 */
        {0x21, 0x04}, {0xa1, 0x02}, /* how they are chained */
        {0x21, 0x01}, {0xa1, 0x01}, /* 8086 mode */
        {0x21, 0xff}, {0xa1, 0xff}, /* all masked, until interrupts_init() */
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        outb(steps[i].port, steps[i].value);
}

static void find_features(void)
{
    struct cpuid basic = cpuid(1, 0);
    struct cpuid extended = cpuid(7, 0);
    struct cpuid amd = cpuid(0x80000001, 0);

    cpu_features = (struct cpu_features){
        .rdrand = basic.ecx & 1u << 30,
        .umip = extended.ecx & 1u << 2,
        .smep = extended.ebx & 1u << 7,
        .smap = extended.ebx & 1u << 20,
        .gb_pages = amd.edx & 1u << 26,
    };
}

/* Only bits that CPUID promises: setting another faults. SSE is there on all that has 64 bit. */
static void set_control_registers(void)
{
    uint64_t cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT;

    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    write_cr4(cr4);
    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP);
}

/*
 * SYSCALL clears interrupts, traps, direction, and the right to touch user memory. No program is in 32-bit mode; its
 * SYSCALL leads to an answer all the same, and SYSENTER to none.
 */
static void set_syscall_entry(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (uint64_t)USER32_CS << 48 | (uint64_t)KERNEL_CS << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_CSTAR, (uint64_t)syscall_entry32);
    wrmsr(MSR_SYSENTER_CS, 0);
    wrmsr(MSR_FMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC);
}

_Static_assert(USER_DS == USER32_CS + 8 && USER_CS == USER32_CS + 16, "what SYSRET loads");
_Static_assert(KERNEL_DS == KERNEL_CS + 8, "what SYSCALL loads");

void cpu_init(void)
{
    wrmsr(MSR_GS_BASE, (uint64_t)&boot_cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    silence_pic();
    find_features();
    descriptors_init();
    set_control_registers();
    set_syscall_entry();
    cpu_fpu_load(&cpu_fpu_fresh);
}

void cpu_init_stacks(void)
{
    vaddr_t stacks[STACK_COUNT];

    for (unsigned i = 0; i < STACK_COUNT; i++) {
        stacks[i] = paging_stack_create();
        if (!stacks[i])
            panic("no memory for the kernel's stacks");
    }
    cpu_set_kernel_stack(stacks[0]);
    for (unsigned i = 1; i < STACK_COUNT; i++)
        descriptors_set_stack(i, stacks[i]);
}

void cpu_load_mm(struct mm *mm)
{
    this_cpu()->mm = mm;
    write_cr3(mm ? mm_root(mm) : paging_kernel_root());
}

void cpu_set_fs_base(uint64_t base)
{
    wrmsr(MSR_FS_BASE, base);
}

uint64_t cpu_fs_base(void)
{
    return rdmsr(MSR_FS_BASE);
}

/* In the kernel the user's GS base is the one that SWAPGS will bring back. */
void cpu_set_gs_base(uint64_t base)
{
    wrmsr(MSR_KERNEL_GS_BASE, base);
}

uint64_t cpu_gs_base(void)
{
    return rdmsr(MSR_KERNEL_GS_BASE);
}

const struct fpu cpu_fpu_fresh = {.control = 0x37f, .mxcsr = 0x1f80};

void cpu_fpu_save(struct fpu *fpu)
{
    __asm__ volatile("fxsaveq %0" : "=m"(*fpu));
}

void cpu_fpu_load(const struct fpu *fpu)
{
    __asm__ volatile("fxrstorq %0" : : "m"(*fpu));
}
