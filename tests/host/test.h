/*
 * What every test program includes: cmocka, and helpers that are about testing, not about the
 * machine.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mm/tlb.h"
#include "tests/host/sim.h"

/*
 * Run @body in a child process, which must end with a message that contains @words. For what the
 * simulator or mm/ does not survive.
 */
void assert_dies(void (*body)(void), const char *words);

/* assert_true with a message when it fails. */
#define check(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            _assert_true(0, #cond, __FILE__, __LINE__);                                            \
        }                                                                                          \
    } while (0)

/* 0 .. n-1, the same series in each run. */
uint32_t test_random(uint32_t n);
void test_random_seed(uint64_t seed);

/* @call is refused with @err and changes nothing. */
#define check_refused(err, call)                                                                   \
    do {                                                                                           \
        struct sim_snapshot *snap_ = sim_snapshot();                                               \
        long result_ = (call);                                                                     \
                                                                                                   \
        check(result_ == (err), "%s: %ld", #call, result_);                                        \
        check(!sim_changed(snap_), "%s: %s", #call, sim_changed(snap_));                           \
        sim_snapshot_free(snap_);                                                                  \
    } while (0)

/* The reason that was counted since @before; REFUSAL_COUNT for none, or more than one. */
enum refusal refusal_since(const struct mm_stats *before);

/* The same, and @why is counted as the reason, alone. */
#define check_refused_for(err, why, call)                                                          \
    do {                                                                                           \
        const struct mm_stats stats_ = mm_stats;                                                   \
        enum refusal said_;                                                                        \
                                                                                                   \
        check_refused(err, call);                                                                  \
        said_ = refusal_since(&stats_);                                                            \
        check(said_ == (why), "%s: for reason %d", #call, said_);                                  \
    } while (0)

/* Each allocation of @call fails once, which is refused with -ENOMEM; then it answers @answer. */
#define check_starved(answer, call)                                                                \
    do {                                                                                           \
        uint64_t n_ = 0;                                                                           \
                                                                                                   \
        for (;;) {                                                                                 \
            struct sim_snapshot *snap_ = sim_snapshot();                                           \
            long result_;                                                                          \
                                                                                                   \
            sim_fail_after(++n_, false);                                                           \
            result_ = (call);                                                                      \
            if (!sim_refused())                                                                    \
                check(result_ == (long)(answer), "%s: %ld", #call, result_);                       \
            else                                                                                   \
                check(result_ == -ENOMEM && !sim_changed(snap_), "%s: %ld, %s", #call, result_,    \
                      sim_changed(snap_));                                                         \
            sim_snapshot_free(snap_);                                                              \
            if (!sim_refused())                                                                    \
                break;                                                                             \
        }                                                                                          \
        sim_fail_after(0, false);                                                                  \
    } while (0)
