/* What a program's exceptions come to: its page is brought, or it dies by a signal. */
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/trap.h"

static enum access access_of(const struct trap_frame *frame)
{
    if (frame->error & FAULT_FETCH)
        return ACCESS_EXEC;
    return frame->error & FAULT_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

static enum fault_result fault_once(struct process *process, vaddr_t addr, enum access access)
{
    enum fault_result result;

    port_lock_write(&process->mm->lock);
    result = mm_fault(process->mm, addr, access);
    port_unlock_write(&process->mm->lock);
    return result;
}

/*
 * Memory is out: the process that has most ends. When it is another, try again, with what was taken away from it; a
 * thread whose own process ends gives up. A fault of the program's, @may_yield, waits for what else that one has; one
 * of the kernel's own must not: what it holds and points to, others could change.
 */
static enum fault_result fault_in(struct process *process, vaddr_t addr, enum access access,
                                  bool may_yield)
{
    enum fault_result result = FAULT_OOM;

    if (addr >= TASK_SIZE)
        return FAULT_MAPERR;
    process->faults++;
    while (!process->ending) {
        result = fault_once(process, addr, access);
        if (result != FAULT_OOM || !process_kill_largest())
            break;
        if (may_yield)
            sched_yield();
    }
    return result;
}

bool process_user_fault(struct trap_frame *frame)
{
    struct process *process = process_current();

    if (!process || !process->mm)
        return false; /* of boot, or of one that has ended */
    if (port_locked(&process->mm->lock))
        panic_trap(frame, "user memory is touched with the lock of its mm held");
    return fault_in(process, cpu_fault_address(), access_of(frame), false) == FAULT_DONE;
}

/* The handler of @sig is called, told @code and @addr. False when that should be the end. */
static bool caught(struct trap_frame *frame, int sig, int code, vaddr_t addr)
{
    const struct siginfo info = {.signo = sig, .code = code, .addr = addr};
    struct fault *fault = &thread_current()->fault;

    fault->vector = frame->vector;
    fault->error = frame->error;
    if (frame->vector == VECTOR_PAGE_FAULT) {
        fault->address = addr;
        if (addr >= TASK_SIZE)
            fault->error |= FAULT_PRESENT; /* what the kernel has mapped is nobody's business */
    }
    return signal_fault(frame, &info);
}

/* What a fault that cannot be served means, by its result. */
static const struct {
    int signal, code;
    const char *name;
    const char *why;
} fault_ends[] = {
    [FAULT_MAPERR] = {SIGSEGV, SEGV_MAPERR, "segfault", "not mapped"},
    [FAULT_ACCERR] = {SIGSEGV, SEGV_ACCERR, "segfault", "access not allowed"},
    [FAULT_BUS] = {SIGBUS, BUS_ADRERR, "bus error", "past the end of the file"},
};

/* The process ends, unless it has a handler for that. */
static NOINLINE void bad_fault(struct trap_frame *frame, vaddr_t addr, enum fault_result result)
{
    struct process *process = process_current();

    if (result == FAULT_OOM) {
        process_end(process, STATUS_SIGNAL(SIGKILL));
        return;
    }
    if (caught(frame, fault_ends[result].signal, fault_ends[result].code, addr))
        return;
    log_info("%s[%d]: %s at %llx ip %llx sp %llx error %llx: %s", process->name, process->pid,
             fault_ends[result].name, (unsigned long long)addr, (unsigned long long)frame->rip,
             (unsigned long long)frame->rsp, (unsigned long long)frame->error,
             fault_ends[result].why);
    process_end(process, STATUS_SIGNAL(fault_ends[result].signal));
}

/* What the processor itself does with its tables, in a program's name, is nothing to bring a page for. */
static void page_fault(struct trap_frame *frame)
{
    vaddr_t addr = cpu_fault_address();
    enum fault_result result = FAULT_ACCERR;

    if (frame->error & FAULT_USER)
        result = fault_in(process_current(), addr, access_of(frame), true);
    if (result != FAULT_DONE)
        bad_fault(frame, addr, result);
}

/* What a floating-point error was, by the flags in the x87 status word or MXCSR that are not masked. */
static int fpe_code(unsigned flags)
{
    if (flags & 1)
        return FPE_FLTINV;
    if (flags & 4)
        return FPE_FLTDIV;
    if (flags & 8)
        return FPE_FLTOVF;
    return flags & 0x12 ? FPE_FLTUND : FPE_FLTRES; /* denormals too */
}

static int x87_code(void)
{
    struct fpu fpu;

    cpu_fpu_save(&fpu);
    return fpe_code(fpu.status & ~fpu.control);
}

static int sse_code(void)
{
    struct fpu fpu;

    cpu_fpu_save(&fpu);
    return fpe_code(fpu.mxcsr & ~(fpu.mxcsr >> 7));
}

/* What an exception of a program means, as Linux tells it. */
struct meaning {
    int signal, code; /* signal 0: no program can cause it */
    bool at_rip;      /* si_addr is where it happened */
};

static struct meaning meaning(uint64_t vector)
{
    switch (vector) {
    case 0: /* division */
        return (struct meaning){SIGFPE, FPE_INTDIV, true};
    case 16:
        return (struct meaning){SIGFPE, x87_code(), true};
    case 19:
        return (struct meaning){SIGFPE, sse_code(), true};
    case VECTOR_DEBUG:
        return (struct meaning){SIGTRAP, TRAP_TRACE, true};
    case VECTOR_BREAKPOINT:
        return (struct meaning){SIGTRAP, SI_KERNEL, false};
    case 6: /* invalid opcode */
        return (struct meaning){SIGILL, ILL_ILLOPN, true};
    case 17: /* alignment */
        return (struct meaning){SIGBUS, BUS_ADRALN, false};
    case 11: /* segment not present */
    case 12: /* stack segment */
        return (struct meaning){SIGBUS, SI_KERNEL, false};
    case VECTOR_OVERFLOW:
    case 5: /* bound range */
    case 7: /* no device: x87 is always there */
    case VECTOR_GENERAL_PROTECTION:
        return (struct meaning){SIGSEGV, SI_KERNEL, false};
    default:
        return (struct meaning){0};
    }
}

static NOINLINE bool exception(struct trap_frame *frame)
{
    struct process *process = process_current();
    struct meaning m = meaning(frame->vector);

    if (!m.signal)
        return false;
    if (caught(frame, m.signal, m.code, m.at_rip ? frame->rip : 0))
        return true;
    log_info("%s[%d]: %s ip %llx sp %llx error %llx", process->name, process->pid,
             trap_name(frame->vector), (unsigned long long)frame->rip,
             (unsigned long long)frame->rsp, (unsigned long long)frame->error);
    process_end(process, STATUS_SIGNAL(m.signal));
    return true;
}

bool process_trap(struct trap_frame *frame)
{
    if (frame->vector != VECTOR_PAGE_FAULT || (frame->error & FAULT_RESERVED))
        return exception(frame);
    page_fault(frame);
    return true;
}
