/*
 * Inside of thread_test: what its parts share.
 */
#pragma once

#include "suitelib.h"

#include <pthread.h>
#include <time.h>

extern const struct suite_table pthread_cases, sync_cases, futex_cases, group_cases, memory_cases;

/* A thread that must start, and that is joined; returns what it returned. */
pthread_t thread_start(void *(*run)(void *arg), void *arg);
void *thread_join(pthread_t thread);

/* futex(2), raw. */
static inline long futex(volatile int *word, int op, unsigned value, const struct timespec *timeout,
                         volatile int *word2, unsigned value3)
{
    return SYS(SYS_futex, word, op, value, timeout, word2, value3);
}
