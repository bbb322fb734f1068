/*
 * Inside of signal_test: what its parts share.
 */
#pragma once

#include "suitelib.h"

#include <signal.h>
#include <ucontext.h>

extern const struct suite_table fault_cases, frame_cases, handler_cases, send_cases, wait_cases,
    timer_cases, job_cases;

/* What the handlers that catch_signal() sets have seen last. */
extern struct seen {
    volatile int count;
    volatile int sig;
    siginfo_t info;
    greg_t gregs[NGREG];
    sigset_t mask;   /* blocked while the handler ran */
    sigset_t old;    /* as the context has it */
    uintptr_t stack; /* where the handler ran */
} seen;

typedef void handler(int sig, siginfo_t *info, void *context);

/* Notes in seen, and goes on. */
handler note_signal;

/* Handle @sig by @handler, with SA_SIGINFO and @flags. */
void catch_signal(int sig, handler *handler, int flags);
void default_signal(int sig);

void block_signal(int sig);
void unblock_signal(int sig);

/* Tells that si_code, si_addr and so on are as expected. */
void check_fault(int sig, int code, const void *addr);
