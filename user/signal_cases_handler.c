/* Inside of signal_test: handlers: masks, flags, stacks, nesting, jumping out. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool blocks(const sigset_t *set, int sig)
{
    return sigismember(set, sig) == 1;
}

static void test_simple(void)
{
    catch_signal(SIGUSR1, note_signal, 0);
    EXPECT(result(kill(getpid(), SIGUSR1)), 0);
    CHECK_EQ("handled", seen.count, 1);
    CHECK_EQ("signal", seen.sig, SIGUSR1);
    CHECK(blocks(&seen.mask, SIGUSR1), "the signal is not blocked in its handler");
    CHECK(!blocks(&seen.mask, SIGUSR2), "another signal is blocked in the handler");
    CHECK(!blocks(&seen.old, SIGUSR1), "the signal is blocked in the context");
    raise(SIGUSR1);
    CHECK_EQ("handled", seen.count, 2);
    default_signal(SIGUSR1);
}

static void test_action(void)
{
    struct sigaction action = {.sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART},
                     old;

    sigaddset(&action.sa_mask, SIGHUP);
    EXPECT(result(sigaction(SIGUSR1, &action, NULL)), 0);
    EXPECT(result(sigaction(SIGUSR1, NULL, &old)), 0);
    CHECK(old.sa_sigaction == note_signal, "handler %p", (void *)(uintptr_t)old.sa_sigaction);
    CHECK_EQ("flags", old.sa_flags & (SA_SIGINFO | SA_RESTART | SA_NODEFER),
             SA_SIGINFO | SA_RESTART);
    CHECK(blocks(&old.sa_mask, SIGHUP) && !blocks(&old.sa_mask, SIGINT), "another mask");
    EXPECT(result(sigaction(SIGKILL, &action, NULL)), -EINVAL);
    EXPECT(result(sigaction(SIGSTOP, &action, NULL)), -EINVAL);
    EXPECT(result(sigaction(SIGKILL, NULL, &old)), 0);
    EXPECT(SYS(SYS_rt_sigaction, 65, NULL, NULL, 8), -EINVAL);
    EXPECT(SYS(SYS_rt_sigaction, 0, NULL, NULL, 8), -EINVAL);
    EXPECT(SYS(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16), -EINVAL);
    EXPECT(SYS(SYS_rt_sigaction, SIGUSR1, KERNEL_ADDRESS, NULL, 8), -EFAULT);
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, KERNEL_ADDRESS, NULL, 8), -EFAULT);
    EXPECT(SYS(SYS_rt_sigprocmask, 77, &action.sa_mask, NULL, 8), -EINVAL);
    default_signal(SIGUSR1);
}

/* ---- Flags ---- */

static void test_mask(void)
{
    struct sigaction action = {.sa_sigaction = note_signal, .sa_flags = SA_SIGINFO};

    sigaddset(&action.sa_mask, SIGUSR2);
    sigaddset(&action.sa_mask, SIGKILL);
    EXPECT(result(sigaction(SIGUSR1, &action, NULL)), 0);
    raise(SIGUSR1);
    CHECK(blocks(&seen.mask, SIGUSR2) && blocks(&seen.mask, SIGUSR1), "sa_mask is not in effect");
    CHECK(!blocks(&seen.mask, SIGKILL), "SIGKILL is blocked");
    default_signal(SIGUSR1);
}

static void test_nodefer(void)
{
    catch_signal(SIGUSR1, note_signal, SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ("handled", seen.count, 1);
    CHECK(!blocks(&seen.mask, SIGUSR1), "the signal is blocked in its handler");
    default_signal(SIGUSR1);
}

static int reset_after_one(void *arg)
{
    catch_signal(SIGUSR1, note_signal, (int)SA_RESETHAND);
    raise(SIGUSR1);
    CHECK_EQ("handled", seen.count, 1);
    raise(SIGUSR1);
    return arg == NULL;
}

static void test_resethand(void)
{
    child_dies(child_start(reset_after_one, NULL), SIGUSR1);
}

/* ---- Nesting ---- */

static volatile int depth, deepest;

static void nest(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    if (++depth > deepest)
        deepest = depth;
    if (seen.count < 10)
        raise(SIGUSR1);
    depth--;
}

static void test_nested(void)
{
    depth = deepest = 0;
    catch_signal(SIGUSR1, nest, SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ("depth", deepest, 10);
    CHECK_EQ("handled", seen.count, 10);
    deepest = 0;
    catch_signal(SIGUSR1, nest, 0); /* blocked: one after the other */
    raise(SIGUSR1);
    CHECK_EQ("depth", deepest, 1);
    CHECK_EQ("handled", seen.count, 10);
    default_signal(SIGUSR1);
}

static char order[8];

static void note_order(int sig)
{
    order[strlen(order)] = sig == SIGUSR1 ? '1' : '2';
    if (sig == SIGUSR1) {
        raise(SIGUSR2);
        order[strlen(order)] = 'x';
    }
}

static void test_handler_in_handler(void)
{
    memset(order, 0, sizeof(order));
    signal(SIGUSR1, note_order);
    signal(SIGUSR2, note_order);
    raise(SIGUSR1);
    CHECK(!strcmp(order, "12x"), "order %s", order);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

/* ---- Another stack ---- */

static char alternative[65536] __attribute__((aligned(16)));
static stack_t inside;

static bool on_alternative(uintptr_t at)
{
    return at - (uintptr_t)alternative < sizeof(alternative);
}

static void note_stack(int sig, siginfo_t *info, void *context)
{
    stack_t other = {.ss_sp = alternative, .ss_size = 32768};

    note_signal(sig, info, context);
    EXPECT(result(sigaltstack(NULL, &inside)), 0);
    if (on_alternative(seen.stack))
        EXPECT(result(sigaltstack(&other, NULL)), -EPERM);
    if (seen.count == 1)
        raise(sig); /* one more frame, on the same stack */
}

static void test_altstack(void)
{
    stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)}, old;

    EXPECT(result(sigaltstack(&stack, &old)), 0);
    CHECK_EQ("flags before", old.ss_flags, SS_DISABLE);
    catch_signal(SIGUSR1, note_stack, SA_ONSTACK | SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ("handled", seen.count, 2);
    CHECK(on_alternative(seen.stack), "the handler ran at %#lx", seen.stack);
    CHECK_EQ("flags inside", inside.ss_flags, SS_ONSTACK);
    EXPECT(result(sigaltstack(NULL, &old)), 0);
    CHECK(old.ss_flags == 0 && old.ss_sp == alternative && old.ss_size == sizeof(alternative),
          "another stack");
    catch_signal(SIGUSR1, note_stack, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(!on_alternative(seen.stack), "without SA_ONSTACK, at %#lx", seen.stack);
    stack.ss_flags = SS_DISABLE;
    EXPECT(result(sigaltstack(&stack, NULL)), 0);
    catch_signal(SIGUSR1, note_stack, SA_ONSTACK | SA_NODEFER);
    raise(SIGUSR1);
    CHECK(!on_alternative(seen.stack), "without a stack, at %#lx", seen.stack);
    default_signal(SIGUSR1);
}

static void test_altstack_errors(void)
{
    stack_t stack = {.ss_sp = alternative, .ss_size = 100};

    EXPECT(SYS(SYS_sigaltstack, &stack, NULL), -ENOMEM);
    stack.ss_size = sizeof(alternative);
    stack.ss_flags = 77;
    EXPECT(SYS(SYS_sigaltstack, &stack, NULL), -EINVAL);
    EXPECT(SYS(SYS_sigaltstack, KERNEL_ADDRESS, NULL), -EFAULT);
    EXPECT(SYS(SYS_sigaltstack, NULL, KERNEL_ADDRESS), -EFAULT);
}

/* Blocks and threads begin without one; vfork's and fork's children have their parent's. */
static int has_altstack(void *arg)
{
    stack_t stack;

    EXPECT(result(sigaltstack(NULL, &stack)), 0);
    CHECK(stack.ss_sp == arg, "the child's stack for signals is %p", stack.ss_sp);
    return 0;
}

static void test_altstack_forked(void)
{
    stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};

    EXPECT(result(sigaltstack(&stack, NULL)), 0);
    in_child(has_altstack, alternative);
    stack.ss_flags = SS_DISABLE;
    EXPECT(result(sigaltstack(&stack, NULL)), 0);
}

/* ---- Jumping out ---- */

static sigjmp_buf back;

static void jump(int sig)
{
    seen.count++;
    siglongjmp(back, sig);
}

static void test_jump(void)
{
    sigset_t set;

    seen.count = 0;
    signal(SIGUSR1, jump);
    for (volatile int i = 0; i < 20; i++) {
        if (sigsetjmp(back, 1) == 0) {
            raise(SIGUSR1);
            tap_fail("back from the handler");
        }
        sigprocmask(SIG_SETMASK, NULL, &set);
        CHECK(!blocks(&set, SIGUSR1), "the mask was not put back");
    }
    CHECK_EQ("handled", seen.count, 20);
    if (sigsetjmp(back, 0) == 0)
        raise(SIGUSR1);
    sigprocmask(SIG_SETMASK, NULL, &set);
    CHECK(blocks(&set, SIGUSR1), "the mask was put back though it was not kept");
    unblock_signal(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
}

/* ---- What cannot be blocked, what can ---- */

static void test_blocked(void)
{
    sigset_t all, old;

    catch_signal(SIGUSR1, note_signal, 0);
    sigfillset(&all);
    EXPECT(result(sigprocmask(SIG_SETMASK, &all, &old)), 0);
    EXPECT(result(sigprocmask(SIG_SETMASK, NULL, &all)), 0);
    CHECK(!blocks(&all, SIGKILL) && !blocks(&all, SIGSTOP), "SIGKILL and SIGSTOP are blocked");
    CHECK(blocks(&all, SIGUSR1) && blocks(&all, SIGSEGV), "not all others are");
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT(result(sigpending(&all)), 0);
    CHECK(blocks(&all, SIGUSR1) && !blocks(&all, SIGUSR2), "pending is something else");
    CHECK_EQ("handled while blocked", seen.count, 0);
    EXPECT(result(sigprocmask(SIG_SETMASK, &old, NULL)), 0);
    CHECK_EQ("handled once, when unblocked", seen.count, 1);
    default_signal(SIGUSR1);
}

/* What is ignored is not kept, even what is pending already. */
static void test_ignored(void)
{
    sigset_t set;

    catch_signal(SIGUSR1, note_signal, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    EXPECT(result(sigpending(&set)), 0);
    CHECK(!blocks(&set, SIGUSR1), "what is ignored is still pending");
    catch_signal(SIGUSR1, note_signal, 0);
    unblock_signal(SIGUSR1);
    CHECK_EQ("handled", seen.count, 0);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    default_signal(SIGUSR1);
    raise(SIGCHLD); /* these do nothing by default */
    raise(SIGURG);
    raise(SIGWINCH);
    raise(SIGCONT);
}

static const struct suite_case cases[] = {
    {"handler: called, with its signal blocked", test_simple},
    {"sigaction", test_action},
    {"sa_mask", test_mask},
    {"SA_NODEFER", test_nodefer},
    {"SA_RESETHAND", test_resethand},
    {"handlers in handlers, of one signal", test_nested},
    {"handlers in handlers, of two signals", test_handler_in_handler},
    {"SA_ONSTACK", test_altstack},
    {"sigaltstack: errors", test_altstack_errors},
    {"sigaltstack: after fork", test_altstack_forked},
    {"siglongjmp", test_jump},
    {"blocked and pending", test_blocked},
    {"ignored", test_ignored},
};
const struct suite_table handler_cases = {cases, ARRAY_SIZE(cases)};
