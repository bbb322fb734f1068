/* Clocks and the structs that hold times. */
#pragma once

#include <stdint.h>

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_TAI 11

#define TIMER_ABSTIME 1

/* Interval timers: of time that passes, and of time that the process runs, by itself and with the kernel for it. */
enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMERS };

/* Ticks in a second of times(2) and AT_CLKTCK. */
#define USER_HZ 100

struct timespec {
    int64_t sec;
    int64_t nsec;
};

struct timeval {
    int64_t sec;
    int64_t usec;
};

struct itimerval {
    struct timeval interval, value;
};

struct timezone {
    int32_t minutes_west;
    int32_t dst;
};

struct tms {
    int64_t user, system, children_user, children_system;
};

_Static_assert(sizeof(struct timespec) == 16, "the ABI's size");
_Static_assert(sizeof(struct timeval) == 16, "the ABI's size");
_Static_assert(sizeof(struct timezone) == 8, "the ABI's size");
_Static_assert(sizeof(struct tms) == 32, "the ABI's size");
