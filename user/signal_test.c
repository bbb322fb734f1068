/*
 * signal_test: signals: from faults and from others, handled, blocked, waited for; and what handlers may do.
 *
 * usage: signal_test [NAME]: the cases whose names contain NAME.
 */
#define _GNU_SOURCE
#include "signal_test.h"

#include <string.h>

struct seen seen;

void note_signal(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *c = context;

    seen.sig = sig;
    seen.info = *info;
    memcpy(seen.gregs, c->uc_mcontext.gregs, sizeof(seen.gregs));
    seen.old = c->uc_sigmask;
    sigprocmask(SIG_SETMASK, NULL, &seen.mask);
    seen.stack = (uintptr_t)__builtin_frame_address(0);
    seen.count++;
}

void catch_signal(int sig, handler *handler, int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

    memset(&seen, 0, sizeof(seen));
    EXPECT(result(sigaction(sig, &action, NULL)), 0);
}

void default_signal(int sig)
{
    EXPECT(result(sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL}, NULL)), 0);
}

static void change_mask(int how, int sig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    EXPECT(result(sigprocmask(how, &set, NULL)), 0);
}

void block_signal(int sig)
{
    change_mask(SIG_BLOCK, sig);
}

void unblock_signal(int sig)
{
    change_mask(SIG_UNBLOCK, sig);
}

void check_fault(int sig, int code, const void *addr)
{
    CHECK_EQ("signal", seen.sig, sig);
    CHECK_EQ("si_signo", seen.info.si_signo, sig);
    CHECK_EQ("si_errno", seen.info.si_errno, 0);
    CHECK_EQ("si_code", seen.info.si_code, code);
    CHECK_EQ("si_addr", seen.info.si_addr, addr);
}

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {&fault_cases, &frame_cases, &handler_cases,
                                                       &send_cases,  &wait_cases,  &timer_cases,
                                                       &job_cases,   NULL};
    static const struct suite suite = {tables, NULL};

    return suite_main(argc, argv, &suite);
}
