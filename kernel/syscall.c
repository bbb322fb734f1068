#include "kernel/syscall.h"

#include "kernel/abi/errno.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/trace.h"

static const char *const names[SYSCALL_MAX + 1] = {
#define SYSCALL_NAME(number, name) [number] = #name,
    SYSCALL_NAMES(SYSCALL_NAME)
#undef SYSCALL_NAME
};

static const uint8_t *const arguments[SYSCALL_MAX + 1] = {
#define SYSCALL_ARGUMENTS(name) [SYS_##name] = &syscall_args_##name,
    SYSCALLS(SYSCALL_ARGUMENTS)
#undef SYSCALL_ARGUMENTS
};

unsigned syscall_arguments(uint64_t number)
{
    return number <= SYSCALL_MAX && arguments[number] ? *arguments[number] : 0;
}

const char *syscall_name(uint64_t number)
{
    return number <= SYSCALL_MAX && names[number] ? names[number] : "unknown";
}

/* A call that is not there; said once for each number and process. */
static long not_there(struct trap_frame *frame)
{
    uint64_t number = frame->error;
    struct process *process = process_current();
    uint64_t index = number <= SYSCALL_MAX ? number : SYSCALL_MAX;
    uint64_t bit = (uint64_t)1 << index % 64;

    if (!(process->unknown[index / 64] & bit))
        log_info("syscall: %s (%lld): not there, -ENOSYS", syscall_name(number), (long long)number);
    process->unknown[index / 64] |= bit;
    return -ENOSYS;
}

typedef long (*syscall_handler)(struct trap_frame *frame);

/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const syscall_handler handlers[SYSCALL_MAX + 1] = {
    [0 ... SYSCALL_MAX] = not_there,
#define SYSCALL_HANDLER(name) [SYS_##name] = sys_##name,
    SYSCALLS(SYSCALL_HANDLER)
#undef SYSCALL_HANDLER
};
#pragma GCC diagnostic pop
/* clang-format on */

static long call(struct trap_frame *frame)
{
    return frame->error <= SYSCALL_MAX ? handlers[frame->error](frame) : not_there(frame);
}

static NOINLINE long traced_call(struct trap_frame *frame)
{
    uint64_t number = frame->error;
    long result;

    trace_syscall_in(frame);
    result = call(frame);
    trace_syscall_out(number, result);
    return result;
}

void syscall_dispatch(struct trap_frame *frame)
{
    frame->error = (uint32_t)frame->rax; /* as Linux, which looks at eax only */
    frame->rax = (uint64_t)(trace_syscalls ? traced_call(frame) : call(frame));
    if (thread_current()->work || sched_due())
        thread_return(frame);
    if (REALIGN_DEBUG && frame->vector == VECTOR_SYSCALL)
        kassert(frame->rip == frame->rcx && frame->rflags == frame->r11);
}
