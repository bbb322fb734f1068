/*
 * The processor: what is kept per CPU, what a trap leaves on the stack, and the few instructions C has no word for.
 */
#pragma once

#include "mm/mm.h"

/*
 * Segment selectors: Linux's for user mode, since programs see them; the order is what SYSRET demands. It counts
 * from USER32_CS and reads no descriptor: there is none, so that no program gets to 32-bit mode by a far jump.
 */
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER32_CS (0x20 | 3)
#define USER_DS (0x28 | 3)
#define USER_CS (0x30 | 3)
#define TSS_SELECTOR 0x40

#define RFLAGS_RESERVED 0x2ull /* always set */
#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)
#define RFLAGS_DF (1ull << 10)
#define RFLAGS_NT (1ull << 14)
#define RFLAGS_RF (1ull << 16)
#define RFLAGS_AC (1ull << 18)

/* Flags that a program starts with. */
#define RFLAGS_USER (RFLAGS_RESERVED | RFLAGS_IF)

#define VECTOR_DEBUG 1
#define VECTOR_NMI 2
#define VECTOR_BREAKPOINT 3
#define VECTOR_OVERFLOW 4
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_GENERAL_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_EXCEPTIONS 32

/*
 * Not vectors of the processor: the frame came by SYSCALL, and of its registers only rax has been changed since, so
 * that the fast way out need not restore the others; or any.
 */
#define VECTOR_SYSCALL 256
#define VECTOR_CHANGED 257

/* Error code of a page fault. */
#define FAULT_PRESENT (1u << 0)
#define FAULT_WRITE (1u << 1)
#define FAULT_USER (1u << 2)
#define FAULT_RESERVED (1u << 3)
#define FAULT_FETCH (1u << 4)

/*
 * The registers of the interrupted code, on the kernel stack. What a handler writes here is what the code
 * continues with. From SYSCALL: rax is the number, then the answer; rcx and r11 hold rip and rflags.
 */
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t
        error; /* 0 where the processor gives none; of a system call, its number or NO_SYSCALL */
    uint64_t rip, cs, rflags, rsp, ss;
};

#define NO_SYSCALL UINT64_MAX /* what is in rax is no answer to a call any more */

/* Did it come from user mode? */
static inline bool trap_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) == 3;
}

/* To be said by who changes other registers than rax. */
static inline void trap_changed(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_SYSCALL)
        frame->vector = VECTOR_CHANGED;
}

struct process;
struct thread;

/* x87 and SSE registers, as FXSAVE lays them out. */
struct fpu {
    uint16_t control, status;
    uint8_t pad[20];
    uint32_t mxcsr;
    uint32_t mxcsr_mask;
    uint8_t registers[480];
} __attribute__((aligned(16)));
#define MXCSR_MASK_OLDEST 0xffbfu /* which bits there are, where mxcsr_mask is 0 */
_Static_assert(sizeof(struct fpu) == 512, "the size of an FXSAVE image");

/* One per CPU, found through GS while in the kernel. */
struct cpu {
    struct cpu *self;
    uint64_t kernel_stack;   /* upper end; where SYSCALL and traps from user mode start */
    uint64_t user_stack;     /* SYSCALL's few instructions between the two stacks */
    struct mm *mm;           /* whose tables CR3 holds; NULL: the kernel's own */
    struct thread *thread;   /* that runs, NULL before init */
    struct process *process; /* its process */
    bool reschedule;         /* another thread should run in place of it */
    unsigned id;
};

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* A pointer in this CPU's struct, in one instruction. */
#define THIS_CPU(field)                                                                            \
    ({                                                                                             \
        __typeof__(((struct cpu *)0)->field) value;                                                \
        __asm__ volatile("movq %%gs:%c1, %0" : "=r"(value) : "i"(offsetof(struct cpu, field)));    \
        value;                                                                                     \
    })

/* Features found at boot and in use. */
struct cpu_features {
    bool smep, smap, umip, rdrand, gb_pages;
};
extern struct cpu_features cpu_features;

/* GDT, TSS, IDT, SYSCALL, CR0 and CR4 of the first CPU, on boot's stack. No memory is needed. */
void cpu_init(void);

/* Stacks with guard pages for traps from user mode and for #DB, #DF, NMI and #MC. After paging and frames. */
void cpu_init_stacks(void);

/* Where traps from user mode start: @top 16-aligned, mapped. */
void cpu_set_kernel_stack(vaddr_t top);

/* The processor's tables of segments, the task's stacks and the traps; part of cpu_init(). descriptors.c. */
void descriptors_init(void);

/* The traps that get a stack of their own, whatever was in use. */
enum cpu_stack { STACK_DOUBLE_FAULT = 1, STACK_NMI, STACK_MACHINE_CHECK, STACK_DEBUG, STACK_COUNT };
void descriptors_set_stack(enum cpu_stack which, vaddr_t top);

/* Load @mm's tables, or the kernel's own for NULL; all of the TLB is forgotten. */
void cpu_load_mm(struct mm *mm);

/* The user's FS and GS base. @base must be below USER_END. */
void cpu_set_fs_base(uint64_t base);
uint64_t cpu_fs_base(void);
void cpu_set_gs_base(uint64_t base);
uint64_t cpu_gs_base(void);

/* x87 and SSE registers, which the kernel does not use: away, back, and as a program finds them at its start. */
void cpu_fpu_save(struct fpu *fpu);
void cpu_fpu_load(const struct fpu *fpu);
extern const struct fpu cpu_fpu_fresh;

/* The address of the last page fault. */
static inline vaddr_t cpu_fault_address(void)
{
    vaddr_t va;

    __asm__ volatile("movq %%cr2, %0" : "=r"(va));
    return va;
}

/* Between these two, and only there, the kernel may touch user memory; a trap in between closes it for itself. */
static inline void cpu_user_access_begin(void)
{
    if (cpu_features.smap)
        __asm__ volatile("stac" ::: "memory", "cc");
}

static inline void cpu_user_access_end(void)
{
    if (cpu_features.smap)
        __asm__ volatile("clac" ::: "memory", "cc");
}
