/*
 * bench: what calls cost, for Linux and Realign alike.
 *
 *     bench [NAME]     the cases whose name contains NAME
 *     bench --boot     only how many ticks went by since the machine was switched on
 *
 * A line each: "bench: CASE MIN MEDIAN SAMPLES", or "bench-failed: CASE CALL ERROR"; then "bench-end".
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_SECONDS 20 /* Linux goes on with its own start for as long */
#define LOOPS 1000000

static const char *only;
static uint64_t overhead; /* of a pair of ticks() */

void samples_add(struct samples *s, uint64_t start, uint64_t end)
{
    uint64_t passed = end - start;

    if (s->count < SAMPLES_MAX)
        s->ticks[s->count++] = passed > overhead ? passed - overhead : 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

uint64_t samples_min(const struct samples *s)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < s->count; i++)
        least = s->ticks[i] < least ? s->ticks[i] : least;
    return least;
}

void tell(const char *name, const struct samples *s, uint64_t units)
{
    struct samples sorted = *s;

    if (!s->count)
        return;
    qsort(sorted.ticks, sorted.count, sizeof(sorted.ticks[0]), compare);
    printf("bench: %s %.1f %.1f %zu\n", name, (double)sorted.ticks[0] / (double)units,
           (double)sorted.ticks[sorted.count / 2] / (double)units, sorted.count);
    fflush(stdout);
}

void tell_number(const char *name, double value)
{
    printf("bench: %s %.1f %.1f 1\n", name, value, value);
    fflush(stdout);
}

void tell_failure(const char *name, const char *what, long error)
{
    printf("bench-failed: %s %s %ld\n", name, what, error);
    fflush(stdout);
}

bool wanted(const char *name)
{
    return !only || strstr(name, only);
}

double slope(const double *x, const double *y, size_t count)
{
    double n = (double)count, sx = 0, sy = 0, sxx = 0, sxy = 0;

    for (size_t i = 0; i < count; i++) {
        sx += x[i];
        sy += y[i];
        sxx += x[i] * x[i];
        sxy += x[i] * y[i];
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void map_at(uint64_t at, uint64_t bytes)
{
    long got = raw_mmap(at, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (got != (long)at) {
        printf("bench-failed: mmap of %#lx bytes at %#lx: %ld\n", bytes, at, got);
        exit(1);
    }
    madvise((void *)at, bytes, MADV_NOHUGEPAGE);
}

void unmap(uint64_t at, uint64_t bytes)
{
    munmap((void *)at, bytes);
}

void touch(uint64_t at, uint64_t bytes, uint64_t step)
{
    for (uint64_t page = at; page < at + bytes; page += step)
        *(volatile char *)page = 1;
}

void others_map(size_t count)
{
    if (!count)
        return;
    map_at(OTHERS, count * PAGE);
    for (size_t i = 0; i < count; i += 2)
        mprotect((void *)(OTHERS + i * PAGE), PAGE, PROT_READ);
}

void others_unmap(size_t count)
{
    if (count)
        unmap(OTHERS, count * PAGE);
}

/* What one instruction is in ticks, told in thousandths: 1000 when ticks are instructions. */
static void calibrate(void)
{
    uint64_t least = UINT64_MAX;
    uint64_t start, end;
    uint64_t loops = LOOPS;

    for (int i = 0; i < 16; i++) {
        start = ticks();
        end = ticks();
        least = end - start < least ? end - start : least;
    }
    overhead = least;
    start = ticks();
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(loops));
    end = ticks();
    tell_number("calibration", (double)(end - start - overhead) * 1000 / (2.0 * LOOPS));
}

int main(int argc, char **argv)
{
    struct timespec settle = {.tv_sec = SETTLE_SECONDS};
    uint64_t booted = ticks();

    if (argc > 1 && !strcmp(argv[1], "--exit"))
        return 0;
    tell_number("boot", (double)booted);
    if (argc > 1 && !strcmp(argv[1], "--boot"))
        return 0;
    only = argc > 1 ? argv[1] : NULL;
    nanosleep(&settle, NULL);
    calibrate();
    bench_calls();
    bench_moves();
    bench_others();
    bench_processes();
    printf("bench-end\n");
    return 0;
}
