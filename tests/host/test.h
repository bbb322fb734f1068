/* What every test program includes: cmocka, and helpers that are about testing, not about the machine. */
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
 * Run @body in a child process, which must end with a message that contains @words. For what the simulator or mm/
 * does not survive.
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
