/*
 * Sequences of calls on an address space, mm/ beside the model. The bytes are choices (tests/host/sim_steps.h), so that
 * every input is a sequence of mostly valid calls.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "tests/fuzz/program.h"
#include "tests/host/sim_steps.h"

#define FRAMES (PT_BITS * PT_LEVELS < 20 ? 800 : 4500)
#define MOST 200 /* steps, where speed counts */

/* Under libFuzzer speed counts; the replayer, which defines its own, compares after each step. */
__attribute__((weak)) unsigned fuzz_sparse = 8;

static struct duel d;

static void print_step(const struct duel *duel, const struct step *s)
{
    program_step(stdout, duel, s);
}

/* One machine for all inputs; each must give back all that it took. */
static void run(const uint8_t *data, size_t size, bool print)
{
    struct choices c = choices_of(data, size, 0);
    static bool booted;
    uint32_t frames;

    if (!booted)
        sim_boot(FRAMES);
    booted = true;
    frames = sim_frames_free();
    duel_start(&d);
    d.sparse = print ? 0 : fuzz_sparse;
    duel_done = print ? print_step : NULL;
    if (print)
        program_begin(stdout, &d);
    duel_run(&d, &c, fuzz_sparse ? MOST : UINT64_MAX);
    if (print)
        program_end(stdout);
    duel_end(&d);
    must(sim_frames_free() == frames && sim_objects() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size, false);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    run(data, size, true);
    return true;
}
