/* The frames of handlers on the user's stack, and the stacks that they may lie on. See signal.h. */
#include "kernel/abi/auxv.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ucontext.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* Flags that a program may set for itself: carry parity adjust zero sign trap direction overflow resume alignment */
#define RFLAGS_PROGRAM 0x50dd5ull

/* ---- The alternate stack ---- */

static bool inside(const struct stack *stack, vaddr_t sp)
{
    return sp > stack->sp && sp - stack->sp <= stack->size;
}

bool altstack_in_use(const struct thread *thread, vaddr_t sp)
{
    return !(thread->altstack.flags & SS_AUTODISARM) && inside(&thread->altstack, sp);
}

long altstack_set(const struct stack *stack, vaddr_t sp)
{
    struct thread *self = thread_current();
    uint32_t mode = stack->flags & ~SS_AUTODISARM;

    if (altstack_in_use(self, sp))
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
        return -EINVAL;
    if (mode != SS_DISABLE && stack->size < MINSIGSTKSZ)
        return -ENOMEM;
    self->altstack = (struct stack){.flags = stack->flags};
    if (mode != SS_DISABLE) {
        self->altstack.sp = stack->sp;
        self->altstack.size = stack->size;
    }
    return 0;
}

/* ---- To the handler ---- */

/*
 * Where a frame goes, and the registers of the FPU above it:
 *
 *     frame      @fpu            red zone   stack pointer, or the end of the alternate stack
 *      |----------|---------------|..........|
 *
 * 0 when that would not be on the alternate stack, and should.
 */
static vaddr_t place(const struct thread *thread, const struct sigaction *action, vaddr_t sp,
                     vaddr_t *fpu)
{
    const struct stack *alt = &thread->altstack;
    bool on_alt = altstack_in_use(thread, sp);

    sp -= RED_ZONE;
    if ((action->flags & SA_ONSTACK) && alt->size && !altstack_in_use(thread, sp)) {
        sp = alt->sp + alt->size;
        on_alt = true;
    }
    *fpu = (sp - sizeof(struct fpu)) & ~(vaddr_t)(FPSTATE_ALIGN - 1);
    sp = ((*fpu - sizeof(struct sigframe)) & ~15ull) - 8; /* as a call leaves it */
    return on_alt && !inside(alt, sp) ? 0 : sp;
}

static struct sigcontext save_registers(const struct trap_frame *frame, const struct fault *fault)
{
    return (struct sigcontext){
        .r8 = frame->r8,
        .r9 = frame->r9,
        .r10 = frame->r10,
        .r11 = frame->r11,
        .r12 = frame->r12,
        .r13 = frame->r13,
        .r14 = frame->r14,
        .r15 = frame->r15,
        .rdi = frame->rdi,
        .rsi = frame->rsi,
        .rbp = frame->rbp,
        .rbx = frame->rbx,
        .rdx = frame->rdx,
        .rax = frame->rax,
        .rcx = frame->rcx,
        .rsp = frame->rsp,
        .rip = frame->rip,
        .rflags = frame->rflags,
        .cs = (uint16_t)frame->cs,
        .ss = (uint16_t)frame->ss,
        .error = fault->error,
        .vector = fault->vector,
        .cr2 = fault->address,
    };
}

/* What was written becomes what runs. */
static void enter_handler(struct trap_frame *frame, const struct sigaction *action, int sig,
                          vaddr_t at)
{
    struct thread *self = thread_current();

    if (self->altstack.flags & SS_AUTODISARM)
        self->altstack = (struct stack){.flags = SS_DISABLE};
    cpu_fpu_load(&cpu_fpu_fresh);
    frame->rip = action->handler;
    frame->rsp = at;
    frame->rax = 0;
    frame->rdi = (uint64_t)sig;
    frame->rsi = at + offsetof(struct sigframe, info);
    frame->rdx = at + offsetof(struct sigframe, ucontext);
    frame->rflags &= ~(RFLAGS_DF | RFLAGS_TF | RFLAGS_RF);
    trap_changed(frame);
}

long sigframe_push(struct trap_frame *frame, const struct sigaction *action,
                   const struct siginfo *info, sigset_t mask)
{
    const struct thread *self = thread_current();
    struct fpu fpu;
    vaddr_t fpu_at, at = place(self, action, frame->rsp, &fpu_at);
    struct sigframe f = {
        .restorer = action->restorer,
        .info = *info,
        .ucontext = {.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
                     .stack = self->altstack,
                     .context = save_registers(frame, &self->fault),
                     .mask = mask},
    };

    if (!at || !(action->flags & SA_RESTORER) || action->handler >= USER_END)
        return -EFAULT;
    f.ucontext.context.old_mask = mask;
    f.ucontext.context.fpstate = fpu_at;
    cpu_fpu_save(&fpu);
    if (copy_to_user(fpu_at, &fpu, sizeof(fpu)) || copy_to_user(at, &f, sizeof(f)))
        return -EFAULT;
    enter_handler(frame, action, info->signo, at);
    return 0;
}

/* ---- And back ---- */

/* Fetch the FPU's registers. -EFAULT too for what would fault when it is loaded: reserved bits of MXCSR. */
static long fetch_fpu(struct fpu *fpu, vaddr_t from)
{
    uint32_t known;

    if (!from) {
        *fpu = cpu_fpu_fresh;
        return 0;
    }
    cpu_fpu_save(fpu);
    known = fpu->mxcsr_mask ? fpu->mxcsr_mask : MXCSR_MASK_OLDEST;
    if (copy_from_user(fpu, from, sizeof(*fpu)) || (fpu->mxcsr & ~known))
        return -EFAULT;
    return 0;
}

/*
 * Can @u be gone back to? IRET must not fault: to an address that is none, or to segments other than the program's,
 * which Linux repairs where the program does not ask for strictness.
 */
static bool valid(const struct ucontext *u)
{
    const struct sigcontext *c = &u->context;

    if (c->rip >= USER_END || (c->cs | 3) != USER_CS)
        return false;
    return !(u->flags & UC_STRICT_RESTORE_SS) || (c->ss | 3) == USER_DS;
}

static void restore_registers(struct trap_frame *frame, const struct sigcontext *c)
{
    uint64_t flags = (frame->rflags & ~RFLAGS_PROGRAM) | (c->rflags & RFLAGS_PROGRAM);

    *frame = (struct trap_frame){
        .r8 = c->r8,
        .r9 = c->r9,
        .r10 = c->r10,
        .r11 = c->r11,
        .r12 = c->r12,
        .r13 = c->r13,
        .r14 = c->r14,
        .r15 = c->r15,
        .rdi = c->rdi,
        .rsi = c->rsi,
        .rbp = c->rbp,
        .rbx = c->rbx,
        .rdx = c->rdx,
        .rax = c->rax,
        .rcx = c->rcx,
        .rsp = c->rsp,
        .rip = c->rip,
        .rflags = flags,
        .cs = USER_CS,
        .ss = USER_DS,
        .vector = VECTOR_CHANGED,
        .error = NO_SYSCALL,
    };
}

static long bad_frame(struct trap_frame *frame)
{
    static const struct siginfo info = {.signo = SIGSEGV, .code = SI_KERNEL};
    struct process *process = process_current();

    if (signal_fault(frame, &info))
        return (long)frame->rax;
    log_info("%s[%d]: bad frame in rt_sigreturn ip %llx sp %llx", process->name, process->pid,
             (unsigned long long)frame->rip, (unsigned long long)frame->rsp);
    process_end(process, STATUS_SIGNAL(SIGSEGV));
    return 0;
}

/* The handler's return has taken the restorer's address from the frame. */
long sys_rt_sigreturn(struct trap_frame *frame)
{
    struct sigframe f;
    struct fpu fpu;

    if (copy_from_user(&f, frame->rsp - sizeof(f.restorer), sizeof(f)))
        return bad_frame(frame);
    if (!valid(&f.ucontext) || fetch_fpu(&fpu, f.ucontext.context.fpstate))
        return bad_frame(frame);
    restore_registers(frame, &f.ucontext.context);
    cpu_fpu_load(&fpu);
    signal_set_blocked(f.ucontext.mask);
    if (altstack_set(&f.ucontext.stack, frame->rsp))
        return (long)frame->rax; /* the one in use stays */
    return (long)frame->rax;
}
