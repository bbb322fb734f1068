/* Inside of signal_test: the frame that a handler returns by: what it keeps, and what happens to a forged one. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <stdio.h>
#include <string.h>

/* ---- Kept ---- */

static void spoil(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    __asm__ volatile(
        "mov $-1, %%rax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi; mov %%rax, %%rdi\n\t"
        "mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10; mov %%rax, %%r11\n\t"
        "pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15\n\t"
        "fninit; fldpi; fldpi" ::
            : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm7", "xmm15",
              "cc", "memory");
}

/* All registers with values of their own, over an int3 whose handler spoils them. Returns the wrong ones' bits. */
static uint64_t registers_after_trap(void)
{
    uint64_t wrong;

    __asm__ volatile(
        "push %%rbp; mov $1, %%ebp; mov $2, %%eax; mov $3, %%ebx; mov $4, %%ecx; mov $5, %%edx\n\t"
        "mov $6, %%esi; mov $7, %%edi; mov $8, %%r8d; mov $9, %%r9d; mov $10, %%r10d\n\t"
        "mov $11, %%r11d; mov $12, %%r12d; mov $13, %%r13d; mov $14, %%r14d; mov $15, %%r15d\n\t"
        "std; int3; pushfq\n\t"
        "cld; sub $1, %%rbp; sub $2, %%rax; sub $3, %%rbx; sub $4, %%rcx; sub $5, %%rdx\n\t"
        "sub $6, %%rsi; sub $7, %%rdi; sub $8, %%r8; sub $9, %%r9; sub $10, %%r10; sub $11, "
        "%%r11\n\t"
        "sub $12, %%r12; sub $13, %%r13; sub $14, %%r14; sub $15, %%r15\n\t"
        "or %%rbp, %%rax; or %%rbx, %%rax; or %%rcx, %%rax; or %%rdx, %%rax; or %%rsi, %%rax\n\t"
        "or %%rdi, %%rax; or %%r8, %%rax; or %%r9, %%rax; or %%r10, %%rax; or %%r11, %%rax\n\t"
        "or %%r12, %%rax; or %%r13, %%rax; or %%r14, %%rax; or %%r15, %%rax\n\t"
        "pop %%rcx; and $0x400, %%ecx; xor $0x400, %%ecx; or %%rcx, %%rax; pop %%rbp"
        : "=a"(wrong)
        :
        : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "cc", "memory");
    return wrong;
}

static void test_registers(void)
{
    catch_signal(SIGTRAP, spoil, 0);
    CHECK_EQ("registers that are other ones", registers_after_trap(), 0);
    CHECK_EQ("r12 in the context", seen.gregs[REG_R12], 12);
    CHECK_EQ("rbp in the context", seen.gregs[REG_RBP], 1);
    CHECK_EQ("direction in the context", seen.gregs[REG_EFL] & 0x400, 0x400);
    default_signal(SIGTRAP);
}

static void test_vector_registers(void)
{
    uint64_t put[2] = {0x1122334455667788, 0x99aabbccddeeff00}, got[3][2];
    double st = 0;

    catch_signal(SIGTRAP, spoil, 0);
    __asm__ volatile("movdqu %5, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15; fldl %4\n\t"
                     "int3\n\t"
                     "movdqu %%xmm0, %0; movdqu %%xmm7, %1; movdqu %%xmm15, %2; fstpl %3"
                     : "=m"(got[0]), "=m"(got[1]), "=m"(got[2]), "=m"(st)
                     : "m"((double){2.5}), "m"(put)
                     : "xmm0", "xmm7", "xmm15", "memory");
    for (size_t i = 0; i < 3; i++)
        CHECK(!memcmp(got[i], put, sizeof(put)), "vector register %zu: %#lx", i, got[i][0]);
    CHECK(st == 2.5, "st(0) is %f", st);
    default_signal(SIGTRAP);
}

/* The 128 bytes below the stack pointer are the program's. */
static void test_red_zone(void)
{
    uint64_t wrong;

    catch_signal(SIGTRAP, spoil, 0);
    __asm__ volatile(
        "sub $128, %%rsp\n\t" /* not to be in the compiler's own */
        "mov $0x5a5a, %%eax; mov %%rax, -8(%%rsp); mov %%rax, -64(%%rsp); mov %%rax, "
        "-128(%%rsp)\n\t"
        "int3\n\t"
        "xor -8(%%rsp), %%rax; mov -64(%%rsp), %%rcx; xor $0x5a5a, %%rcx; or %%rcx, %%rax\n\t"
        "mov -128(%%rsp), %%rcx; xor $0x5a5a, %%rcx; or %%rcx, %%rax\n\t"
        "add $128, %%rsp"
        : "=a"(wrong)
        :
        : "rcx", "cc", "memory");
    CHECK_EQ("bytes below the stack pointer that changed", wrong, 0);
    default_signal(SIGTRAP);
}

static volatile uint64_t entry_flags, entry_stack;

/* Its first instructions look at what the kernel left. */
__asm__(".text\n"
        "look_at_entry: pushfq; pop entry_flags; mov %rsp, entry_stack; ret\n");
extern void look_at_entry(int sig);

static void test_entry(void)
{
    EXPECT(result(sigaction(SIGTRAP, &(struct sigaction){.sa_handler = look_at_entry}, NULL)), 0);
    __asm__ volatile("std; int3; cld" ::: "cc", "memory");
    CHECK_EQ("direction flag in the handler", entry_flags & 0x400, 0);
    CHECK_EQ("stack at the handler's entry, modulo 16", entry_stack % 16, 8);
    default_signal(SIGTRAP);
}

/* ---- Changed ---- */

static void change_registers(int sig, siginfo_t *info, void *context)
{
    ucontext_t *c = context;

    note_signal(sig, info, context);
    c->uc_mcontext.gregs[REG_RAX] = 1000;
    c->uc_mcontext.gregs[REG_R13] = 2000;
    c->uc_mcontext.gregs[REG_EFL] |= 0x1;
    sigaddset(&c->uc_sigmask, SIGWINCH);
}

static void test_changed(void)
{
    uint64_t rax, r13;
    uint8_t carry;
    sigset_t set;

    catch_signal(SIGTRAP, change_registers, 0);
    __asm__ volatile("xor %%eax, %%eax; xor %%r13d, %%r13d; clc; int3; setc %2; mov %%r13, %1"
                     : "=a"(rax), "=r"(r13), "=r"(carry)
                     :
                     : "r13", "cc", "memory");
    CHECK_EQ("rax", rax, 1000);
    CHECK_EQ("r13", r13, 2000);
    CHECK_EQ("carry", carry, 1);
    sigprocmask(SIG_SETMASK, NULL, &set);
    CHECK(sigismember(&set, SIGWINCH) == 1, "the mask is not the context's");
    unblock_signal(SIGWINCH);
    default_signal(SIGTRAP);
}

/* ---- Forged ---- */

enum forgery {
    RIP_NOT_CANONICAL,
    RIP_KERNEL,
    RSP_NOT_CANONICAL,
    CS_KERNEL,
    CS_NULL,
    CS_NONSENSE,
    SS_KERNEL,
    FPU_KERNEL,
    FPU_NOT_CANONICAL,
    FPU_UNMAPPED,
    MXCSR_RESERVED,
    FORGERIES,
};

static enum forgery forgery;

static void forge(int sig, siginfo_t *info, void *context)
{
    greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint16_t *selectors = (uint16_t *)&gregs[REG_CSGSFS]; /* cs, gs, fs, ss */
    fpregset_t *fpu = &((ucontext_t *)context)->uc_mcontext.fpregs;

    (void)sig;
    (void)info;
    switch (forgery) {
    case RIP_NOT_CANONICAL:
        gregs[REG_RIP] = (greg_t)NOT_CANONICAL;
        break;
    case RIP_KERNEL:
        gregs[REG_RIP] = (greg_t)0xffffffff80200000;
        break;
    case RSP_NOT_CANONICAL:
        gregs[REG_RSP] = (greg_t)0x1234567812345678;
        break;
    case CS_KERNEL:
        selectors[0] = 0x10;
        break;
    case CS_NULL:
        selectors[0] = 3;
        break;
    case CS_NONSENSE:
        selectors[0] = 0xffff;
        break;
    case SS_KERNEL:
        selectors[3] = 0x18;
        break;
    case FPU_KERNEL:
        *fpu = (fpregset_t)KERNEL_ADDRESS;
        break;
    case FPU_NOT_CANONICAL:
        *fpu = (fpregset_t)NOT_CANONICAL;
        break;
    case FPU_UNMAPPED:
        *fpu = (fpregset_t)0x1000;
        break;
    case MXCSR_RESERVED:
        (*fpu)->mxcsr |= 0x80000000;
        break;
    default:
        break;
    }
}

static int return_by_forged(void *arg)
{
    uint64_t stack;

    forgery = (enum forgery)(intptr_t)arg;
    catch_signal(SIGTRAP, forge, 0);
    __asm__ volatile("mov %%rsp, %0; int3; mov %0, %%rsp" : "=&r"(stack)::"memory");
    return 0;
}

/* All are deadly but a stack pointer that nobody uses. */
static void test_forged(void)
{
    for (int i = 0; i < FORGERIES && !tap_failing(); i++) {
        pid_t pid = child_start(return_by_forged, (void *)(intptr_t)i);

        if (i == RSP_NOT_CANONICAL)
            child_exits(pid, 0);
        else
            child_dies(pid, SIGSEGV);
        if (tap_failing())
            tap_fail("forgery %d", i);
    }
}

static int return_without_frame(void *arg)
{
    __asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" ::"r"(arg));
    return 0;
}

static int return_by_garbage(void *arg)
{
    memset(arg, 0xa5, 2 * PAGE);
    return return_without_frame((char *)arg + PAGE);
}

static void test_no_frame(void)
{
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    child_dies(child_start(return_without_frame, NULL), SIGSEGV);
    child_dies(child_start(return_without_frame, (void *)KERNEL_ADDRESS), SIGSEGV);
    child_dies(child_start(return_without_frame, (void *)NOT_CANONICAL), SIGSEGV);
    child_dies(child_start(return_without_frame, p + 2 * PAGE - 16), SIGSEGV);
    child_dies(child_start(return_by_garbage, p), SIGSEGV);
    munmap(p, 2 * PAGE);
}

/* Flags that are not the program's to change. */
static void ask_for_flags(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] =
        0x3000 | 0x4000 | 0x2; /* IOPL 3, NT, no IF */
}

static void test_flags(void)
{
    uint64_t flags;

    catch_signal(SIGTRAP, ask_for_flags, 0);
    __asm__ volatile("int3; pushfq; pop %0" : "=r"(flags)::"cc", "memory");
    CHECK_EQ("IOPL", flags & 0x3000, 0);
    CHECK_EQ("IF", flags & 0x200, 0x200);
    default_signal(SIGTRAP);
}

/* No room for the frame. */
static int handle_on_bad_stack(void *arg)
{
    catch_signal(SIGUSR1, note_signal, 0);
    __asm__ volatile("mov $39, %%eax; syscall; mov %%eax, %%edi; mov $62, %%eax; mov %0, %%esi; "
                     "mov %1, %%rsp; syscall" ::"i"(SIGUSR1),
                     "r"(arg)
                     : "rax", "rcx", "rdi", "rsi", "r11", "memory");
    return 0;
}

static void test_bad_stack(void)
{
    child_dies(child_start(handle_on_bad_stack, (void *)0x800), SIGSEGV);
    child_dies(child_start(handle_on_bad_stack, (void *)KERNEL_ADDRESS), SIGSEGV);
    child_dies(child_start(handle_on_bad_stack, (void *)NOT_CANONICAL), SIGSEGV);
}

static const struct suite_case cases[] = {
    {"frame: registers", test_registers},
    {"frame: vector and x87 registers", test_vector_registers},
    {"frame: the red zone", test_red_zone},
    {"frame: what a handler begins with", test_entry},
    {"frame: changed by the handler", test_changed},
    {"frame: forged", test_forged},
    {"frame: none", test_no_frame},
    {"frame: flags that are not the program's", test_flags},
    {"frame: no room for it", test_bad_stack},
};
const struct suite_table frame_cases = {cases, ARRAY_SIZE(cases)};
