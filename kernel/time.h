/* Clocks: the processor's time stamp counter, measured at boot, and the date from the battery-backed clock. */
#pragma once

#include <stdint.h>

#define NS_PER_SEC 1000000000ull

void time_init(void);

/* Nanoseconds since time_init(); never goes back. */
uint64_t time_monotonic_ns(void);

/* Nanoseconds since 1970, UTC. */
uint64_t time_realtime_ns(void);

/* How often the time stamp counter ticks in a second. */
uint64_t time_tsc_hz(void);

/* The span or date that @user, a struct timespec, says: nanoseconds, at most what 64 bits hold. 0, -EFAULT, -EINVAL. */
long time_fetch(uint64_t user, uint64_t *ns);
