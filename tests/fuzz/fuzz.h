/* What a fuzz target is: one function over bytes that aborts on a mistake. libFuzzer calls it, or replay.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as readable text on stdout; false where there is no such text. Only the replayer calls it. */
bool fuzz_print(const uint8_t *data, size_t size);

/* Whether to look after each step only now and then, see fuzz_mm.c. */
extern unsigned fuzz_sparse;

/* Always true, or the input is a finding. */
#define must(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: must be: %s\n", __FILE__, __LINE__, #cond);                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A copy of exactly this size, so that a read beyond it is seen. Free it. */
static inline uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    must(copy);
    for (size_t i = 0; i < size; i++)
        copy[i] = data[i];
    return copy;
}
