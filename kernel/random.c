/* See random.h. */
#include "kernel/random.h"

#include "kernel/cpu.h"
#include "kernel/options.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "kernel/x86.h"

#define RDRAND_TRIES 10

static uint64_t state;
static bool pinned; /* seed=N: the state alone decides */

static bool rdrand(uint64_t *value)
{
    bool ok = false;

    for (int i = 0; cpu_features.rdrand && i < RDRAND_TRIES && !ok; i++)
        __asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(*value), "=qm"(ok) : : "cc");
    return ok;
}

void random_init(void)
{
    pinned = option("seed") != NULL;
    state = option_u64("seed", rdtsc() ^ time_realtime_ns());
}

/* SplitMix64: a counter, well stirred. (Steele, Lea, Flood 2014) */
uint64_t random_u64(void)
{
    uint64_t hardware, x;

    state += 0x9e3779b97f4a7c15;
    x = state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    x ^= x >> 31;
    if (!pinned && rdrand(&hardware))
        x ^= hardware;
    return x;
}

void random_bytes(void *buf, size_t len)
{
    char *to = buf;

    while (len) {
        uint64_t word = random_u64();
        size_t n = len < sizeof(word) ? len : sizeof(word);

        memcpy(to, &word, n);
        to += n;
        len -= n;
    }
}
