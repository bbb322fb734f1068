/*
 * Random sequences of all calls, mm/ beside the model: small address spaces, watched whole, and the processor's own
 * geometry through windows at the borders of its tables. Allocations fail on the way.
 */
/* host-build: 3/3-fast 2/4-fast 9/4-fast 3/3 9/4 */
#include "tests/host/test.h"

#include "tests/host/sim_steps.h"

#define TINY (PT_BITS * PT_LEVELS < 20)
#define FRAMES (TINY ? 800 : 4500)

#ifdef __SANITIZE_ADDRESS__
#define STEPS (TINY ? 60000 : 5000)
#else
#define STEPS (TINY ? 300000 : 30000)
#endif
#define STEPS_EACH 500 /* then a new address space */

static struct duel d;

static void test_random_calls(void **state)
{
    uint64_t steps = 0, refused = 0, starved = 0;

    for (uint64_t seed = 0; steps < STEPS; seed++) {
        static uint8_t made[STEPS_EACH * 64];
        struct choices c = choices_of(NULL, 0, seed);

        c.made = made;
        c.made_size = sizeof(made);
        sim_boot(FRAMES);
        duel_start(&d);
        duel_run(&d, &c, STEPS_EACH);
        steps += d.steps;
        refused += d.refused;
        starved += d.starved;
        duel_end(&d);
        sim_halt();
    }
    print_message("# %llu steps, %llu refused, %llu short of memory\n", (unsigned long long)steps,
                  (unsigned long long)refused, (unsigned long long)starved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_calls),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
