/*
 * Inside of signal_test: faults of the program's own: which signal, si_code and si_addr; and handlers that mend them.
 *
 * The handler of most cases leaves by siglongjmp(): the fault is not made again.
 */
#define _GNU_SOURCE
#include "signal_test.h"

#include <fcntl.h>
#include <setjmp.h>
#include <string.h>
#include <sys/resource.h>

static sigjmp_buf back;

static void leave(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    siglongjmp(back, 1);
}

/* Does @act, which faults; what was seen is in seen. */
static void faults(int sig, void (*act)(void *), void *arg)
{
    catch_signal(sig, leave, 0);
    if (sigsetjmp(back, 1) == 0) {
        act(arg);
        tap_fail("no signal came");
    }
    default_signal(sig);
}

static void do_read(void *at)
{
    *(volatile char *)at;
}

static void do_write(void *at)
{
    *(volatile char *)at = 1;
}

static void do_call(void *at)
{
    ((void (*)(void))at)();
}

static char *map_one(int prot)
{
    return mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* ---- SIGSEGV ---- */

static void check_trap(uint64_t error, const void *addr)
{
    CHECK_EQ("trap number", seen.gregs[REG_TRAPNO], 14);
    CHECK_EQ("error code", seen.gregs[REG_ERR], error);
    CHECK_EQ("cr2", seen.gregs[REG_CR2], addr);
}

static void test_maperr(void)
{
    char *hole = map_one(RW);

    munmap(hole, PAGE);
    faults(SIGSEGV, do_read, hole + 123);
    check_fault(SIGSEGV, SEGV_MAPERR, hole + 123);
    check_trap(4, hole + 123);
    faults(SIGSEGV, do_write, hole + 4095);
    check_fault(SIGSEGV, SEGV_MAPERR, hole + 4095);
    check_trap(6, hole + 4095);
    faults(SIGSEGV, do_call, hole);
    check_fault(SIGSEGV, SEGV_MAPERR, hole);
    CHECK_EQ("rip", seen.gregs[REG_RIP], hole);
    faults(SIGSEGV, do_read, NULL);
    check_fault(SIGSEGV, SEGV_MAPERR, NULL);
}

static void test_accerr(void)
{
    char *p = map_one(PROT_READ);

    faults(SIGSEGV, do_write, p + 7);
    check_fault(SIGSEGV, SEGV_ACCERR, p + 7);
    CHECK_EQ("byte", p[7], 0);
    faults(SIGSEGV, do_write, p + 7); /* now that the page is there */
    check_fault(SIGSEGV, SEGV_ACCERR, p + 7);
    check_trap(7, p + 7);
    faults(SIGSEGV, do_call, p + 8);
    check_fault(SIGSEGV, SEGV_ACCERR, p + 8);
    EXPECT(result(mprotect(p, PAGE, PROT_NONE)), 0);
    faults(SIGSEGV, do_read, p + 9);
    check_fault(SIGSEGV, SEGV_ACCERR, p + 9);
    munmap(p, PAGE);
}

/* Addresses that are no program's: the kernel's, and those that are none at all. */
static void test_kernel_address(void)
{
    faults(SIGSEGV, do_read, (void *)0xffffffff80200000);
    check_fault(SIGSEGV, SEGV_MAPERR, (void *)0xffffffff80200000);
    faults(SIGSEGV, do_write, (void *)KERNEL_ADDRESS);
    check_fault(SIGSEGV, SEGV_MAPERR, (void *)KERNEL_ADDRESS);
    faults(SIGSEGV, do_read, (void *)NOT_CANONICAL);
    check_fault(SIGSEGV, SI_KERNEL, NULL);
    CHECK_EQ("trap number", seen.gregs[REG_TRAPNO], 13);
    faults(SIGSEGV, do_read, (void *)0x1234567812345678);
    check_fault(SIGSEGV, SI_KERNEL, NULL);
}

static void do_halt(void *arg)
{
    (void)arg;
    __asm__ volatile("hlt");
}

static void do_misaligned(void *arg)
{
    __asm__ volatile("movaps 1(%0), %%xmm0" ::"r"((uintptr_t)arg & ~15ul) : "xmm0");
}

static void test_general_protection(void)
{
    char bytes[64];

    faults(SIGSEGV, do_halt, NULL);
    check_fault(SIGSEGV, SI_KERNEL, NULL);
    faults(SIGSEGV, do_misaligned, bytes + 16);
    check_fault(SIGSEGV, SI_KERNEL, NULL);
}

static void __attribute__((noinline)) recurse(void *arg)
{
    volatile char block[4096];

    block[0] = 1;
    if (arg)
        recurse((char *)arg + block[0]);
    block[1] = 1;
}

/* The stack is full: the handler needs another one. */
static int overflow(void *arg)
{
    static char alternative[65536];
    stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};
    uintptr_t here = (uintptr_t)&stack;

    EXPECT(result(setrlimit(RLIMIT_STACK, &(struct rlimit){MIB(1), MIB(1)})), 0);
    EXPECT(result(sigaltstack(&stack, NULL)), 0);
    catch_signal(SIGSEGV, leave, SA_ONSTACK);
    if (sigsetjmp(back, 1) == 0)
        recurse(arg);
    CHECK_EQ("signal", seen.sig, SIGSEGV);
    CHECK(here - (uintptr_t)seen.info.si_addr < MIB(2), "si_addr %p is not on the stack",
          seen.info.si_addr);
    CHECK(seen.stack - (uintptr_t)alternative < sizeof(alternative), "handler's stack at %#lx",
          seen.stack);
    return 0;
}

static int overflow_without_stack(void *arg)
{
    EXPECT(result(setrlimit(RLIMIT_STACK, &(struct rlimit){MIB(1), MIB(1)})), 0);
    catch_signal(SIGSEGV, leave, 0);
    recurse(arg);
    return 0;
}

static void test_overflow(void)
{
    in_child(overflow, (void *)1);
    child_dies(child_start(overflow_without_stack, (void *)1), SIGSEGV);
}

/* ---- SIGBUS ---- */

static void test_past_the_end(void)
{
    int fd = open(own_path, O_RDONLY);
    long size = lseek(fd, 0, SEEK_END), end = (size + 4095) & -4096l;
    char *p = mmap(NULL, (size_t)end + 2 * PAGE, RW, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED, "mmap() failed");
    CHECK(p[size - 1] || 1, "the file's last byte can be read");
    if (end > size)
        CHECK_EQ("byte behind the end of the file", p[size], 0);
    faults(SIGBUS, do_read, p + end);
    check_fault(SIGBUS, BUS_ADRERR, p + end);
    faults(SIGBUS, do_write, p + end + PAGE + 77);
    check_fault(SIGBUS, BUS_ADRERR, p + end + PAGE + 77);
    EXPECT(result(munmap(p, (size_t)end + 2 * PAGE)), 0);
    close(fd);
}

/* A file that becomes shorter takes its pages along. */
static void test_truncated(void)
{
    int fd = (int)SYS(SYS_memfd_create, "short", 0);
    char *p;

    if (fd == -ENOSYS) {
        tap_skip("no memfd_create");
        return;
    }
    EXPECT(result(ftruncate(fd, 2 * PAGE)), 0);
    p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    p[0] = p[PAGE] = 1;
    EXPECT(result(ftruncate(fd, PAGE)), 0);
    CHECK_EQ("byte below the end", p[0], 1);
    faults(SIGBUS, do_read, p + PAGE + 5);
    check_fault(SIGBUS, BUS_ADRERR, p + PAGE + 5);
    EXPECT(SYS(SYS_uname, p + PAGE), -EFAULT);
    EXPECT(result(ftruncate(fd, 2 * PAGE)), 0);
    CHECK_EQ("byte that is there again", p[PAGE], 0);
    munmap(p, 2 * PAGE);
    close(fd);
}

/* ---- Others ---- */

static void do_divide(void *arg)
{
    volatile int zero = (int)(intptr_t)arg;

    __asm__ volatile("xor %%edx, %%edx; mov $5, %%eax; divl %0" ::"r"(zero) : "eax", "edx");
}

static void do_overflow(void *arg)
{
    (void)arg;
    __asm__ volatile("mov $0x80000000, %%eax; cdq; mov $-1, %%ecx; idivl %%ecx" ::
                         : "eax", "ecx", "edx");
}

/* By the x87: not every emulator knows the errors of SSE. It is told at the next instruction. */
static void do_float(void *arg)
{
    uint16_t control = 0x37f & ~(uint16_t)(uintptr_t)arg;

    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control));
}

static void test_arithmetic(void)
{
    faults(SIGFPE, do_divide, NULL);
    CHECK_EQ("si_code", seen.info.si_code, FPE_INTDIV);
    CHECK_EQ("si_addr", seen.info.si_addr, seen.gregs[REG_RIP]);
    faults(SIGFPE, do_overflow, NULL);
    CHECK_EQ("si_code", seen.info.si_code, FPE_INTDIV);
    faults(SIGFPE, do_float, (void *)4);
    CHECK_EQ("si_code", seen.info.si_code, FPE_FLTDIV);
    CHECK_EQ("si_addr", seen.info.si_addr, seen.gregs[REG_RIP]);
    __asm__ volatile("fninit");
}

static void do_undefined(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static void test_illegal(void)
{
    faults(SIGILL, do_undefined, NULL);
    CHECK_EQ("si_code", seen.info.si_code, ILL_ILLOPN);
    CHECK_EQ("si_addr", seen.info.si_addr, seen.gregs[REG_RIP]);
    CHECK_EQ("instruction", *(uint16_t *)seen.gregs[REG_RIP], 0x0b0f);
}

static void test_breakpoint(void)
{
    catch_signal(SIGTRAP, note_signal, 0);
    __asm__ volatile("int3");
    CHECK_EQ("handled", seen.count, 1);
    CHECK_EQ("si_code", seen.info.si_code, SI_KERNEL);
    CHECK_EQ("instruction before rip", *((uint8_t *)seen.gregs[REG_RIP] - 1), 0xcc);
    default_signal(SIGTRAP);
}

static void test_single_step(void)
{
    catch_signal(SIGTRAP, note_signal, 0);
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n\t"
                     "nop; nop; nop\n\t"
                     "pushfq; andq $~0x100, (%%rsp); popfq" ::
                         : "cc", "memory");
    CHECK(seen.count >= 5 && seen.count <= 7, "%d steps", seen.count);
    CHECK_EQ("si_code", seen.info.si_code, TRAP_TRACE);
    default_signal(SIGTRAP);
}

/* ---- Mended ---- */

static void make_writable(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    if (SYS(SYS_mprotect, (uintptr_t)info->si_addr & -PAGE, PAGE, RW))
        _exit(1);
}

static void test_mended_by_mprotect(void)
{
    char *p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    catch_signal(SIGSEGV, make_writable, 0);
    for (size_t i = 0; i < 16; i++)
        pattern_fill(p + i * PAGE, i + 1);
    CHECK_EQ("faults", seen.count, 16);
    for (size_t i = 0; i < 16; i++)
        CHECK(pattern_check(p + i * PAGE, i + 1) == PAGE, "page %zu", i);
    default_signal(SIGSEGV);
    munmap(p, 16 * PAGE);
}

static void map_page(int sig, siginfo_t *info, void *context)
{
    char *at = (char *)((uintptr_t)info->si_addr & -PAGE);

    note_signal(sig, info, context);
    if (mmap(at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
        _exit(1);
    pattern_fill(at, (uintptr_t)at);
}

/* Pages on demand, by the program's own pager; the source of some is moved in by mremap. */
static void test_pager(void)
{
    uint64_t at = arena_find(MIB(4), PMD);

    catch_signal(SIGSEGV, map_page, SA_NODEFER);
    for (size_t i = 0; i < 64; i += 3) {
        char *p = (char *)at + i * PAGE;

        CHECK(pattern_check(p, (uintptr_t)p) == PAGE, "page %zu", i);
    }
    CHECK_EQ("faults", seen.count, 22);
    default_signal(SIGSEGV);
    EXPECT(result(munmap((void *)at, MIB(4))), 0);
}

static void skip(int sig, siginfo_t *info, void *context)
{
    ucontext_t *c = context;

    note_signal(sig, info, context);
    c->uc_mcontext.gregs[REG_RIP] += 2; /* mov (%rax), %cl */
    c->uc_mcontext.gregs[REG_RCX] = 77;
}

static void test_skipped(void)
{
    uint64_t rcx = 5;

    catch_signal(SIGSEGV, skip, 0);
    __asm__ volatile("xor %%eax, %%eax; movb (%%rax), %%cl" : "+c"(rcx) : : "rax", "memory");
    CHECK_EQ("rcx", rcx, 77);
    CHECK_EQ("rcx in the context", seen.gregs[REG_RCX], 5);
    default_signal(SIGSEGV);
}

/* ---- Not to be put off ---- */

static int fault_blocked(void *arg)
{
    catch_signal(SIGSEGV, note_signal, 0);
    block_signal(SIGSEGV);
    do_write(arg);
    return 0;
}

static int fault_ignored(void *arg)
{
    signal(SIGSEGV, SIG_IGN);
    do_write(arg);
    return 0;
}

static void fault_again(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    do_write(NULL);
}

static int fault_in_handler(void *arg)
{
    catch_signal(SIGSEGV, fault_again, 0);
    do_write(arg);
    return 0;
}

static void test_deadly(void)
{
    child_dies(child_start(fault_blocked, (void *)64), SIGSEGV);
    child_dies(child_start(fault_ignored, (void *)64), SIGSEGV);
    child_dies(child_start(fault_in_handler, (void *)64), SIGSEGV);
}

static const struct suite_case cases[] = {
    {"SIGSEGV: nothing mapped", test_maperr},
    {"SIGSEGV: not allowed", test_accerr},
    {"SIGSEGV: the kernel's addresses", test_kernel_address},
    {"SIGSEGV: general protection", test_general_protection},
    {"SIGSEGV: the stack is full", test_overflow},
    {"SIGBUS: past the end of a file", test_past_the_end},
    {"SIGBUS: a file becomes shorter", test_truncated},
    {"SIGFPE", test_arithmetic},
    {"SIGILL", test_illegal},
    {"SIGTRAP: a breakpoint", test_breakpoint},
    {"SIGTRAP: single steps", test_single_step},
    {"a fault mended by mprotect", test_mended_by_mprotect},
    {"a pager in the handler", test_pager},
    {"an instruction skipped by the handler", test_skipped},
    {"faults that are blocked, ignored, or of the handler", test_deadly},
};
const struct suite_table fault_cases = {cases, ARRAY_SIZE(cases)};
