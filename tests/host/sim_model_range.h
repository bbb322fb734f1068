/* Lengths and ranges as the model's calls take them. */
#pragma once

#include "kernel/abi/mman.h"
#include "tests/host/sim.h"
#include "tests/host/sim_model.h"

#define PAGE 4096ull
#define TASK(m) ((m)->task_pages * PAGE)

static inline uint64_t round_up(uint64_t x)
{
    return (x + PAGE - 1) / PAGE * PAGE;
}

/* A range that passed the checks of its call; the caller keeps to the windows. */
static inline struct span span_of(const struct model *m, uint64_t addr, uint64_t len)
{
    struct span span;

    if (!model_span(m, addr, len, &span))
        sim_die("model: %llx+%llx is not in a window", (unsigned long long)addr,
                (unsigned long long)len);
    return span;
}

static inline bool has_hole(const struct model *m, struct span span)
{
    return model_mapped(m, span) < span.to - span.from;
}

static inline uint8_t prot_of(uint32_t prot)
{
    return (uint8_t)((prot & PROT_READ ? MODEL_R : 0) | (prot & PROT_WRITE ? MODEL_W : 0) |
                     (prot & PROT_EXEC ? MODEL_X : 0));
}
