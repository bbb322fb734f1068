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
 * Memory is out: the process that has most ends. When it is another, wait until it has ended and try again; a thread
 * whose own process ends gives up.
 */
static enum fault_result fault_in(struct process *process, vaddr_t addr, enum access access)
{
    enum fault_result result = FAULT_OOM;

    if (addr >= TASK_SIZE)
        return FAULT_MAPERR;
    process->faults++;
    while (!process->ending) {
        result = fault_once(process, addr, access);
        if (result != FAULT_OOM || !process_kill_largest())
            break;
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
    return fault_in(process, cpu_fault_address(), access_of(frame)) == FAULT_DONE;
}

/* How a fault that cannot be served ends, by its result. */
static const struct {
    int signal;
    const char *name;
    const char *why;
} fault_ends[] = {
    [FAULT_MAPERR] = {SIGSEGV, "segfault", "not mapped"},
    [FAULT_ACCERR] = {SIGSEGV, "segfault", "access not allowed"},
    [FAULT_BUS] = {SIGBUS, "bus error", "past the end of the file"},
};

/* What the processor itself does with its tables, in a program's name, is nothing to bring a page for. */
static void page_fault(const struct trap_frame *frame)
{
    struct process *process = process_current();
    vaddr_t addr = cpu_fault_address();
    enum fault_result result = FAULT_ACCERR;

    if (frame->error & FAULT_USER)
        result = fault_in(process, addr, access_of(frame));

    if (result == FAULT_DONE)
        return;
    if (result == FAULT_OOM) {
        process_end(process, STATUS_SIGNAL(SIGKILL));
        return;
    }
    log_info("%s[%d]: %s at %llx ip %llx sp %llx error %llx: %s", process->name, process->pid,
             fault_ends[result].name, (unsigned long long)addr, (unsigned long long)frame->rip,
             (unsigned long long)frame->rsp, (unsigned long long)frame->error,
             fault_ends[result].why);
    process_end(process, STATUS_SIGNAL(fault_ends[result].signal));
}

/* The signal that an exception of a program means, 0 for one that no program can cause. */
static int exception_signal(uint64_t vector)
{
    switch (vector) {
    case 0:  /* division */
    case 16: /* x87 */
    case 19: /* SSE */
        return SIGFPE;
    case VECTOR_DEBUG:
    case VECTOR_BREAKPOINT:
        return SIGTRAP;
    case 6: /* invalid opcode */
        return SIGILL;
    case 11: /* segment not present */
    case 12: /* stack segment */
    case 17: /* alignment */
        return SIGBUS;
    case VECTOR_OVERFLOW:
    case 5: /* bound range */
    case 7: /* no device: x87 is always there */
    case VECTOR_GENERAL_PROTECTION:
        return SIGSEGV;
    default:
        return 0;
    }
}

bool process_trap(struct trap_frame *frame)
{
    struct process *process = process_current();
    int signal;

    if (frame->vector == VECTOR_PAGE_FAULT && !(frame->error & FAULT_RESERVED)) {
        page_fault(frame);
        return true;
    }
    signal = exception_signal(frame->vector);
    if (!signal)
        return false;
    log_info("%s[%d]: %s ip %llx sp %llx error %llx", process->name, process->pid,
             trap_name(frame->vector), (unsigned long long)frame->rip,
             (unsigned long long)frame->rsp, (unsigned long long)frame->error);
    process_end(process, STATUS_SIGNAL(signal));
    return true;
}
