/* The last words. Nothing here allocates, locks or trusts what it prints. */
#include "kernel/panic.h"

#include "kernel/cpu.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/power.h"
#include "kernel/process.h"
#include "kernel/symbols.h"
#include "kernel/unwind.h"
#include "kernel/x86.h"

#define BACKTRACE_MAX 32
#define DUMP_MAX 128 /* lines of areas, and of tables */
#define NAME_SIZE 96

static void print_address(const char *word, uint64_t address, uint64_t back)
{
    char name[NAME_SIZE];

    symbols_format(name, sizeof(name), address, back);
    log_always("  %s 0x%016lx  %s", word, address, name);
}

/* From @at outward. A return address may lie behind the end of the caller, whose last instruction was the call. */
static void print_backtrace(struct call_site at)
{
    for (int i = 0; i < BACKTRACE_MAX && unwind(&at); i++)
        print_address("from", at.rip, at.called);
}

static void print_registers(const struct trap_frame *f)
{
    log_always("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    log_always("  rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi, f->rbp, f->rsp);
    log_always("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10, f->r11);
    log_always("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13, f->r14, f->r15);
    log_always("  rip %016lx cs %02lx rflags %06lx error %lx vector %lu", f->rip, f->cs, f->rflags,
               f->error, f->vector);
}

/* Without a trap only these still say something of the callers. */
static void print_saved_registers(void)
{
    uint64_t rbx, rbp, rsp, r12, r13, r14, r15;

    __asm__("movq %%rbx, %0\n\tmovq %%rbp, %1\n\tmovq %%rsp, %2" : "=r"(rbx), "=r"(rbp), "=r"(rsp));
    __asm__("movq %%r12, %0\n\tmovq %%r13, %1" : "=r"(r12), "=r"(r13));
    __asm__("movq %%r14, %0\n\tmovq %%r15, %1" : "=r"(r14), "=r"(r15));
    log_always("  rbx %016lx rbp %016lx rsp %016lx", rbx, rbp, rsp);
    log_always("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx", r12, r13, r14, r15);
}

static void print_control_registers(void)
{
    log_always("  cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx", read_cr0(), cpu_fault_address(),
               read_cr3(), read_cr4());
}

static void print_dump_line(void *ctx, const char *line)
{
    (void)ctx;
    log_always("%s", line);
}

/*
 * The areas and tables that the processor translates with. It comes last: where they are so broken that looking at them
 * is a fault, all else has been said.
 */
static _Noreturn void end(void)
{
    const struct cpu *cpu = this_cpu();

    if (!cpu->mm)
        log_always("  no address space of a program is in use");
    else if (cpu->process)
        log_always("the address space in use, of process %d %s:", cpu->process->pid,
                   cpu->process->name);
    else
        log_always("the address space in use:");
    if (cpu->mm)
        mm_dump_broken(cpu->mm, DUMP_MAX, print_dump_line, NULL);
    power_off_panicked();
}

/* A second panic inside the first one is told in a line and stops at once, a third without a word. */
static void begin(const char *fmt, va_list args)
{
    static unsigned panics;
    char text[256];

    if (++panics > 2)
        power_off_panicked();
    format_v(text, sizeof(text), fmt, args);
    if (panics == 1) {
        log_always("PANIC: %s", text);
        return;
    }
    log_always("  and inside of the panic: %s", text);
    power_off_panicked();
}

_Noreturn void panic_v(const char *file, int line, const char *fmt, va_list args)
{
    begin(fmt, args);
    log_always("  at %s:%d", file, line);
    print_saved_registers();
    print_control_registers();
    print_backtrace(unwind_here());
    end();
}

_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    panic_v(file, line, fmt, args);
}

_Noreturn void panic_trap(const struct trap_frame *frame, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    begin(fmt, args);
    print_registers(frame);
    print_control_registers();
    print_address("at  ", frame->rip, 0);
    print_backtrace((struct call_site){.rip = frame->rip, .rsp = frame->rsp});
    end();
}
