/*
 * Sequences of steps, made of bytes: those of a file that a fuzzer wrote, or of a generator of random ones. The bytes
 * are choices among what makes sense in the state that the duel is in, so most calls are valid, and most of what they
 * touch meets something. The same bytes give the same steps.
 */
#pragma once

#include "tests/host/sim_duel.h"

struct choices {
    const uint8_t *data; /* NULL: random ones, endless */
    size_t size, at;
    uint64_t seed, random;
    bool shortages; /* let allocations fail now and then */
    uint8_t *
        made; /* if not NULL: room for the random choices as bytes, which give the same steps again */
    size_t made_size, made_count;
};

/* Choices out of @data; or for NULL, random ones from @seed. */
struct choices choices_of(const uint8_t *data, size_t size, uint64_t seed);

/* The next step that duel_can() do. False when the choices are used up. */
bool next_step(struct choices *c, const struct duel *d, struct step *s);

/*
 * One run, to the end of the choices or for @most steps. If it dies, the last steps are told on stderr, and c->made is
 * written to DUEL_INPUT, from which tests/fuzz/replay.c makes the run again.
 */
#define DUEL_INPUT "build/model.input"
void duel_run(struct duel *d, struct choices *c, uint64_t most);

/* Called after each step of a run, if not NULL. */
extern void (*duel_done)(const struct duel *d, const struct step *s);

/* What a step is, as a line of C. Valid until the next call. */
const char *step_text(const struct step *s);
