/*
 * What the parts of bench share: the clock, calls made without a C library, samples and how they are told.
 *
 * A cost is counted in ticks of the processor's time stamp counter. Under QEMU's -icount shift=0 a tick is one
 * instruction of the machine, the kernel's and ours, and a boot counts the same each time.
 */
#pragma once

#include "testlib.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOURCE 0x100000000000ul /* 16T: where what is moved lies */
#define TARGET 0x300000000000ul /* 48T: where it goes; nobody else is there */
#define OTHERS 0x500000000000ul /* 80T: what else is mapped */

#define SAMPLES_MAX 64

static inline uint64_t ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* A system call and nothing around it: its result, or -errno. */
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* What was counted for one case. */
struct samples {
    size_t count;
    uint64_t ticks[SAMPLES_MAX];
};

/* What a pair of ticks() costs by itself is taken off. */
void samples_add(struct samples *s, uint64_t start, uint64_t end);
uint64_t samples_min(const struct samples *s);

/* One line: the case, the least and the median in ticks for one of @units, how many samples. */
void tell(const char *name, const struct samples *s, uint64_t units);

/* One line for a number that was not sampled, in thousandths. */
void tell_number(const char *name, double value);

/* The slope of the least squares' line through @count points. */
double slope(const double *x, const double *y, size_t count);

/* The case could not be run: why. Nothing is told for it. */
void tell_failure(const char *name, const char *what, long error);

/* Whether the case is among those that were asked for. */
bool wanted(const char *name);

/* Private anonymous pages exactly at @at, without huge pages; the end of the program when they cannot be had. */
void map_at(uint64_t at, uint64_t bytes);
void unmap(uint64_t at, uint64_t bytes);

/* Write to one page in each @step bytes of [@at, @at + @bytes). */
void touch(uint64_t at, uint64_t bytes, uint64_t step);

/* @count mappings beside those of the program, no two of which can be merged. */
void others_map(size_t count);
void others_unmap(size_t count);

void bench_moves(void);
void bench_calls(void);
void bench_processes(void);
void bench_others(void);
