/*
 * Moves: from SOURCE to TARGET, each at an offset, of what is there in full, in parts or not at all.
 */
#include "bench.h"

#include <stdio.h>

enum fill {
    NOTHING,
    ALL,
    ONE,
    PER_GIB,
    HUGE,
};

struct move {
    const char *name;
    uint64_t from; /* from SOURCE */
    uint64_t to;   /* from TARGET */
    uint64_t bytes;
    enum fill fill;
    int samples;
    bool below; /* a page is mapped right below the source */
};

#define TIB(n) ((uint64_t)(n) << 40)
#define INSIDE MIB(512) /* an offset in a PUD */

static const struct move moves[] = {
    {"move/4K", 0, PMD, PAGE, ALL, 9, false},
    {"move/64K", 0, PMD, KIB(64), ALL, 9, false},
    {"move/1M", 0, PMD, MIB(1), ALL, 9, false},
    {"move/2M-aligned", 0, PMD, MIB(2), ALL, 9, false},
    {"move/16M-aligned", 0, PMD, MIB(16), ALL, 7, false},
    {"move/64M-aligned", 0, PMD, MIB(64), ALL, 7, false},
    {"move/2M-misaligned", 0, PMD + PAGE, MIB(2), ALL, 7, false},
    {"move/16M-misaligned", 0, PMD + PAGE, MIB(16), ALL, 5, false},
    {"move/64M-misaligned", 0, PMD + PAGE, MIB(64), ALL, 5, false},
    {"move/64M+4K-mutual-end-aligned", PAGE, PMD + PAGE, MIB(64) - PAGE, ALL, 7, false},
    {"move/64M+1M-mutual-end-aligned", MIB(1), PMD + MIB(1), MIB(63), ALL, 7, false},
    {"move/62M+2M-4K-mutual-end-aligned", MIB(2) - PAGE, PMD + MIB(2) - PAGE, MIB(62) + PAGE, ALL,
     7, false},
    {"move/64M+1M-mutual-tail", MIB(1), PMD + MIB(1), MIB(64), ALL, 7, false},
    {"move/64M+1M-blocked-below", MIB(1), PMD + MIB(1), MIB(63), ALL, 7, true},
    {"move/2M+1M-mutual-tail", MIB(1), PMD + MIB(1), MIB(2), ALL, 7, false},
    {"move/3M-tail", 0, PMD, MIB(3), ALL, 7, false},
    {"move/63M-tail", 0, PMD, MIB(63), ALL, 7, false},
    {"move/512M-aligned", 0, PMD, MIB(512), ALL, 3, false},
    {"move/512M-misaligned", 0, PMD + PAGE, MIB(512), ALL, 3, false},
    {"move/1G-aligned", 0, PMD, GIB(1), ALL, 3, false},
    {"move/1G-1G-aligned", 0, PUD, GIB(1), ALL, 3, false},
    {"move/2G-aligned", 0, PMD, GIB(2), ALL, 2, false},
    {"move/1G-misaligned", 0, PAGE, GIB(1), ALL, 3, false},
    {"move/1G-mutual-in-PUD", INSIDE, PUD + INSIDE, GIB(1), ALL, 3, false},
    {"move/3G-mutual-in-PUD", INSIDE, PUD + INSIDE, GIB(3), ALL, 2, false},
    {"move/THP-1G-aligned", 0, PMD, GIB(1), HUGE, 3, false},
    {"move/THP-1G-misaligned", 0, PAGE, GIB(1), HUGE, 1, false},
    {"move/64M-untouched", 0, PMD, MIB(64), NOTHING, 7, false},
    {"sparse/1T-nothing-1G-aligned", 0, PUD, TIB(1), NOTHING, 3, false},
    {"sparse/1T-nothing-2M-aligned", 0, PMD, TIB(1), NOTHING, 3, false},
    {"sparse/1T-one-page-1G-aligned", 0, PUD, TIB(1), ONE, 3, false},
    {"sparse/1T-one-page-2M-aligned", 0, PMD, TIB(1), ONE, 3, false},
    {"sparse/1T-one-page-misaligned", 0, PAGE, TIB(1), ONE, 3, false},
    {"sparse/64G-nothing-1G-aligned", 0, PUD, GIB(64), NOTHING, 3, false},
    {"sparse/64G-nothing-2M-aligned", 0, PMD, GIB(64), NOTHING, 3, false},
    {"sparse/64G-one-page-1G-aligned", 0, PUD, GIB(64), ONE, 3, false},
    {"sparse/64G-one-page-2M-aligned", 0, PMD, GIB(64), ONE, 3, false},
    {"sparse/64G-one-page-misaligned", 0, PAGE, GIB(64), ONE, 3, false},
    {"sparse/1G-nothing-1G-aligned", 0, PUD, GIB(1), NOTHING, 3, false},
    {"sparse/1G-nothing-2M-aligned", 0, PMD, GIB(1), NOTHING, 3, false},
    {"sparse/1G-one-page-1G-aligned", 0, PUD, GIB(1), ONE, 3, false},
    {"sparse/1G-one-page-2M-aligned", 0, PMD, GIB(1), ONE, 3, false},
    {"sparse/1G-one-page-misaligned", 0, PAGE, GIB(1), ONE, 3, false},
    {"sparse/16T-nothing-1G-aligned", 0, PUD, TIB(16), NOTHING, 3, false},
    {"sparse/16T-nothing-2M-aligned", 0, PMD, TIB(16), NOTHING, 3, false},
    {"sparse/16T-one-page-1G-aligned", 0, PUD, TIB(16), ONE, 3, false},
    {"sparse/16T-one-page-2M-aligned", 0, PMD, TIB(16), ONE, 3, false},
    {"sparse/16T-one-page-misaligned", 0, PAGE, TIB(16), ONE, 3, false},
    {"sparse/64G-per-GiB-1G-aligned", 0, PUD, GIB(64), PER_GIB, 3, false},
    {"sparse/64G-per-GiB-2M-aligned", 0, PMD, GIB(64), PER_GIB, 3, false},
    {"sparse/64G-per-GiB-misaligned", 0, PAGE, GIB(64), PER_GIB, 3, false},
    {"sparse/1T-per-GiB-1G-aligned", 0, PUD, TIB(1), PER_GIB, 3, false},
    {"sparse/1T-per-GiB-2M-aligned", 0, PMD, TIB(1), PER_GIB, 3, false},
    {"sparse/1T-per-GiB-misaligned", 0, PAGE, TIB(1), PER_GIB, 3, false},
    {"sparse/16T-per-GiB-1G-aligned", 0, PUD, TIB(16), PER_GIB, 2, false},
    {"sparse/16T-per-GiB-2M-aligned", 0, PMD, TIB(16), PER_GIB, 2, false},
    {"sparse/16T-per-GiB-misaligned", 0, PAGE, TIB(16), PER_GIB, 2, false},
};

static const uint64_t fill_steps[] = {
    [ALL] = PAGE, [ONE] = TIB(128), [PER_GIB] = PUD, [HUGE] = PMD};

static long move(uint64_t from, uint64_t to, uint64_t bytes)
{
    return call6(SYS_mremap, (long)from, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                 (long)to, 0);
}

/* The move's samples: there counted, back not, so that what is touched stays so. */
static bool sample(const struct move *m, struct samples *s)
{
    uint64_t from = SOURCE + m->from;
    uint64_t to = TARGET + m->to;
    uint64_t start, end;
    long got = 0;

    if (m->below)
        map_at(from - PAGE, PAGE), mprotect((void *)(from - PAGE), PAGE, PROT_READ);
    map_at(from, m->bytes);
    if (m->fill == HUGE)
        madvise((void *)from, m->bytes, MADV_HUGEPAGE);
    if (m->fill != NOTHING)
        touch(from, m->bytes, fill_steps[m->fill]);
    for (int i = 0; i < m->samples; i++) {
        start = ticks();
        got = move(from, to, m->bytes);
        end = ticks();
        if (got != (long)to)
            break;
        samples_add(s, start, end);
        move(to, from, m->bytes);
    }
    unmap(from, m->bytes);
    if (m->below)
        unmap(from - PAGE, PAGE);
    if (got != (long)to)
        tell_failure(m->name, "mremap", got);
    return got == (long)to;
}

/* How the least cost grows over the sizes first * 2^i: by the fit, for one of @step bytes. */
static void tell_slope(const char *name, struct move m, uint64_t first, uint64_t step)
{
    double x[5], y[5];

    if (!wanted(name))
        return;
    m.name = name;
    m.samples = 5;
    for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
        struct samples s = {0};

        m.bytes = first << i;
        if (!sample(&m, &s))
            return;
        x[i] = (double)(m.bytes / step);
        y[i] = (double)samples_min(&s);
    }
    tell_number(name, slope(x, y, ARRAY_SIZE(x)));
}

void bench_moves(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
        struct samples s = {0};

        if (wanted(moves[i].name) && sample(&moves[i], &s))
            tell(moves[i].name, &s, 1);
    }
    tell_slope("slope/PMD", (struct move){.to = PMD, .fill = ALL}, MIB(8), PMD);
    tell_slope("slope/PUD", (struct move){.to = PUD, .fill = PER_GIB}, GIB(8), PUD);
    tell_slope("slope/PTE-in-one-table", (struct move){.to = PMD, .fill = ALL}, KIB(64), PAGE);
    tell_slope("slope/PTE-misaligned", (struct move){.to = PAGE, .fill = ALL}, MIB(8), PAGE);
    tell_slope("slope/empty-GiB-1G-aligned", (struct move){.to = PUD}, GIB(512), PUD);
    tell_slope("slope/empty-GiB-2M-aligned", (struct move){.to = PMD}, GIB(512), PUD);
}
