/*
 * crash: does one thing, named by its argument, that a program must not do or does seldom. As init it shows that the
 * kernel ends the program, or goes on with it, and stays whole. tests/boot/suite_crash.py knows what each must lead to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#define NOT_CANONICAL 0x800000000000ul
#define KERNEL_ADDRESS 0xffffffff80200000ul
#define TRAP_FLAG 0x100
#define DIRECTION_FLAG 0x400
#define ALIGNMENT_FLAG 0x40000

static void read_null(void)
{
    volatile char *volatile nowhere = NULL;

    (void)*nowhere;
}

static void write_text(void)
{
    *(volatile char *)(uintptr_t)write_text = 0;
}

static void run_data(void)
{
    static char code[] = {(char)0xc3};

    ((void (*)(void))(uintptr_t)code)();
}

static void read_kernel(void)
{
    (void)*(volatile char *)KERNEL_ADDRESS;
}

static void call_kernel(void)
{
    ((void (*)(void))KERNEL_ADDRESS)();
}

static void read_not_canonical(void)
{
    (void)*(volatile char *)NOT_CANONICAL;
}

static void call_not_canonical(void)
{
    ((void (*)(void))NOT_CANONICAL)();
}

static void invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

static void divide(void)
{
    __asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0) : "cc");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void clear_interrupts(void)
{
    __asm__ volatile("cli");
}

static void in_port(void)
{
    __asm__ volatile("inb $0x80, %%al" : : : "rax");
}

static void interrupt_14(void)
{
    __asm__ volatile("int $14");
}

static void interrupt_80(void)
{
    __asm__ volatile("int $0x80");
}

static void load_segment(void)
{
    __asm__ volatile("movl %0, %%ss" : : "r"(0x18));
}

static void misaligned_sse(void)
{
    static char area[64] __attribute__((aligned(16)));

    __asm__ volatile("movaps 1(%0), %%xmm0" : : "r"(area) : "xmm0");
}

static void x87_error(void)
{
    uint16_t control = 0x360; /* nothing masked */

    __asm__ volatile("fldcw %0\n\tfldz\n\tfld1\n\tfdivp\n\tfwait" : : "m"(control));
}

static int recurse(volatile char *below)
{
    volatile char here[4096];

    here[0] = below ? below[0] : 1;
    return here[0] ? recurse(here) + here[1] : 0;
}

static void stack_overflow(void)
{
    recurse(NULL);
}

/* The stack pointer at the kernel's half, then a fault. */
static void bad_stack(void)
{
    __asm__ volatile("movq %0, %%rsp\n\tpushq %%rax" : : "r"(KERNEL_ADDRESS));
}

/* Single steps, also over a system call, whose own instructions must not be stepped through. */
static void single_step(void)
{
    __asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq\n\tsyscall"
                     :
                     : "i"(TRAP_FLAG), "a"(SYS_getpid)
                     : "rcx", "r11", "memory");
}

/* A far jump to @selector, where 32-bit code makes a system call. */
static void far_jump(uint16_t selector)
{
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {.selector = selector};

    __asm__ volatile("movl $1f, %0\n\t"
                     "ljmpl *%0\n\t"
                     ".code32\n"
                     "1: syscall\n\t"
                     "ud2\n\t"
                     ".code64"
                     : "+m"(target)
                     : "a"(SYS_getpid)
                     : "rcx", "r11", "memory");
}

/* Where Linux has the segment of 32-bit programs. */
static void far_jump_32(void)
{
    far_jump(0x23);
}

/* The first segment of the local table. */
static void far_jump_local(void)
{
    far_jump(0x07);
}

/* ---- Frames of signal handlers ---- */

static uint64_t flags_now(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
    return flags;
}

/* A signal, and what @handler does to what is to be restored. */
static void return_from(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    printf("fine: restored, system flags %lx\n", flags_now() & 0x1b7000);
}

#define RETURN(name, statement)                                                                    \
    static void spoil_##name(int sig, siginfo_t *info, void *context)                              \
    {                                                                                              \
        mcontext_t *saved = &((ucontext_t *)context)->uc_mcontext;                                 \
                                                                                                   \
        (void)sig, (void)info;                                                                     \
        statement;                                                                                 \
    }                                                                                              \
    static void return_##name(void)                                                                \
    {                                                                                              \
        return_from(spoil_##name);                                                                 \
    }

RETURN(to_kernel, saved->gregs[REG_RIP] = (greg_t)KERNEL_ADDRESS)
RETURN(to_no_address, saved->gregs[REG_RIP] = (greg_t)NOT_CANONICAL)
RETURN(with_kernel_code, saved->gregs[REG_CSGSFS] = 0x002b000000000010)
RETURN(with_kernel_stack, saved->gregs[REG_CSGSFS] = 0x0018000000000033)
RETURN(with_reserved_mxcsr, saved->fpregs->mxcsr = UINT32_MAX)
RETURN(with_bad_fpu, saved->fpregs = (fpregset_t)KERNEL_ADDRESS)
RETURN(without_fpu, saved->fpregs = NULL)
RETURN(with_all_flags, saved->gregs[REG_EFL] = ~(TRAP_FLAG | DIRECTION_FLAG | ALIGNMENT_FLAG))

/* As if it returned from a handler whose frame lies where nothing is. */
static void return_from_nowhere(void)
{
    __asm__ volatile("movl $8, %%esp\n\tsyscall" : : "a"(SYS_rt_sigreturn));
}

static void call_handler_nowhere(void)
{
    signal(SIGUSR1, (void (*)(int))NOT_CANONICAL);
    raise(SIGUSR1);
}

static void ignore(int sig)
{
    (void)sig;
}

/* The stack is used up, and there is a handler, but no other stack for it. */
static void handle_stack_overflow(void)
{
    signal(SIGSEGV, ignore);
    recurse(NULL);
}

/* ---- What a program may do ---- */

/* A system call needs no stack of the program's. */
static void call_without_stack(void)
{
    long pid;

    __asm__ volatile("movq %%rsp, %%rbx\n\tmovq %2, %%rsp\n\tsyscall\n\tmovq %%rbx, %%rsp"
                     : "=a"(pid)
                     : "a"(SYS_getpid), "r"(NOT_CANONICAL)
                     : "rbx", "rcx", "r11", "memory");
    printf("fine: pid %ld\n", pid);
}

/* The direction flag and the alignment-check flag are the program's own; the kernel must not work with them. */
static void call_with_flags(void)
{
    char name[400];
    long result;

    __asm__ volatile("pushfq\n\torq $0x40400, (%%rsp)\n\tpopfq\n\tsyscall\n\tpushfq\n\tandq "
                     "$~0x40400, (%%rsp)\n\tpopfq"
                     : "=a"(result)
                     : "a"(SYS_uname), "D"(name)
                     : "rcx", "r11", "memory");
    printf("fine: uname %ld, %.5s\n", result, name);
}

/* All registers but the three that the convention names are as they were after a system call. */
static void call_keeps_registers(void)
{
    register uint64_t r8 __asm__("r8") = 8, r9 __asm__("r9") = 9, r10 __asm__("r10") = 10;
    register uint64_t r12 __asm__("r12") = 12, r13 __asm__("r13") = 13, r14 __asm__("r14") = 14;
    register uint64_t r15 __asm__("r15") = 15;
    uint64_t rax = SYS_getppid, rdi = 1, rsi = 2, rdx = 3;

    __asm__ volatile("syscall"
                     : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10),
                       "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
                     :
                     : "rcx", "r11", "memory");
    printf("fine: %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu\n", rdi, rsi, rdx, r8, r9, r10, r12, r13,
           r14, r15);
}

static uint64_t free_pages(void)
{
    char text[4096], *line;
    int fd = open("/proc/vmstat", O_RDONLY);
    long n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    line = strstr(text, "nr_free_pages ");
    return line ? strtoul(line + 14, NULL, 10) : 0;
}

/* An exec that runs out of memory everywhere on its way, a page later each time, until it has enough. */
static void exec_without_memory(void)
{
    char *argv[] = {"crash", "call-with-flags", NULL}, *envp[] = {NULL};
    uint64_t pages = free_pages(), used = 0;
    char *memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    while ((pages = free_pages()) > 3)
        for (uint64_t n = (pages - 2) / 2; n > 0; n--)
            memory[used++ * 4096] = 1;
    for (uint64_t i = 0; i < used; i++) {
        for (int again = 0; again < 20; again++)
            if (execve("/bin/crash", argv, envp) && errno != ENOMEM)
                printf("errno %d\n", errno);
        munmap(memory + i * 4096, 4096);
    }
}

/* What is typed meanwhile is for the terminal to judge. */
static void read_console(void)
{
    char line[100];
    long n;

    printf("reading\n");
    fflush(stdout);
    n = read(STDIN_FILENO, line, sizeof(line) - 1);
    line[n < 0 ? 0 : n] = '\0';
    printf("fine: read %ld, %s", n, line);
}

/* As above, byte by byte, more of them than the kernel keeps. */
static void read_console_raw(void)
{
    struct termios raw;
    char bytes[100];
    long total = 0;

    tcgetattr(STDIN_FILENO, &raw);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    printf("reading\n");
    fflush(stdout);
    for (char last = 0; last != '.';) {
        long n = read(STDIN_FILENO, bytes, sizeof(bytes));

        total += n;
        last = n > 0 ? bytes[n - 1] : '.';
    }
    printf("fine: read %ld\n", total);
}

/* Shows its page tables, and has the kernel crash, which shows them too. Nothing is touched in between. */
static void crash_kernel(void)
{
    static char text[32768];
    char *area = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int tables = open("/proc/self/pagetables", O_RDONLY);
    int trigger = open("/proc/sysrq-trigger", O_WRONLY);
    size_t length = 0;
    ssize_t n;

    memset(text, 1, sizeof(text));
    memset(area + 4096, 1, 3 << 20);
    while ((n = read(tables, text + length, sizeof(text) - length)) > 0)
        length += (size_t)n;
    if (write(STDOUT_FILENO, text, length) > 0 && write(trigger, "c", 1) > 0)
        printf("the kernel goes on\n");
}

/* ---- */

static const struct {
    const char *name;
    void (*run)(void);
} things[] = {
    {"read-null", read_null},
    {"write-text", write_text},
    {"run-data", run_data},
    {"read-kernel", read_kernel},
    {"call-kernel", call_kernel},
    {"read-not-canonical", read_not_canonical},
    {"call-not-canonical", call_not_canonical},
    {"invalid-opcode", invalid_opcode},
    {"divide", divide},
    {"breakpoint", breakpoint},
    {"cli", clear_interrupts},
    {"in-port", in_port},
    {"int-14", interrupt_14},
    {"int-80", interrupt_80},
    {"load-segment", load_segment},
    {"misaligned-sse", misaligned_sse},
    {"x87-error", x87_error},
    {"stack-overflow", stack_overflow},
    {"bad-stack", bad_stack},
    {"single-step", single_step},
    {"far-jump-32", far_jump_32},
    {"far-jump-local", far_jump_local},
    {"return-to-kernel", return_to_kernel},
    {"return-to-no-address", return_to_no_address},
    {"return-with-kernel-code", return_with_kernel_code},
    {"return-with-kernel-stack", return_with_kernel_stack},
    {"return-with-reserved-mxcsr", return_with_reserved_mxcsr},
    {"return-with-bad-fpu", return_with_bad_fpu},
    {"return-from-nowhere", return_from_nowhere},
    {"handler-nowhere", call_handler_nowhere},
    {"handle-stack-overflow", handle_stack_overflow},
    {"return-without-fpu", return_without_fpu},
    {"return-with-all-flags", return_with_all_flags},
    {"call-without-stack", call_without_stack},
    {"call-with-flags", call_with_flags},
    {"call-keeps-registers", call_keeps_registers},
    {"exec-without-memory", exec_without_memory},
    {"kernel", crash_kernel},
    {"read-console", read_console},
    {"read-console-raw", read_console_raw},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(things) / sizeof(things[0]); i++) {
        if (strcmp(argv[1], things[i].name) == 0) {
            things[i].run();
            return 0;
        }
    }
    printf("usage: crash NAME\n");
    for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++)
        printf("    %s\n", things[i].name);
    return 2;
}
