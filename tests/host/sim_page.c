/* What a page holds, from its first byte to its last. See sim.h. */
#include "tests/host/sim_private.h"

#define WORDS (PAGE_SIZE / 8)
#define STEP 0x9e3779b97f4a7c15ull

static uint64_t word_at(uint64_t word, unsigned place)
{
    return word ? word + place * STEP : 0;
}

void sim_fill(void *page, uint64_t word)
{
    uint64_t *words = page;

    for (unsigned i = 0; i < WORDS; i++)
        words[i] = word_at(word, i);
}

int sim_differs(const void *page, uint64_t word)
{
    const uint64_t *words = page;

    for (unsigned i = 0; i < WORDS; i++)
        if (words[i] != word_at(word, i))
            return (int)(i * 8);
    return -1;
}

int sim_differs_somewhere(const void *page, uint64_t word, unsigned turn)
{
    const uint64_t *words = page;
    const unsigned places[] = {0, turn * 7 % WORDS, (turn * 7 + WORDS / 2) % WORDS, WORDS - 1};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (words[places[i]] != word_at(word, places[i]))
            return (int)(places[i] * 8);
    return -1;
}
