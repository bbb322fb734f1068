/*
 * Interrupts of the PC: the timer, which goes off once and only when it was set, and the serial port. They come
 * through the two 8259s; interrupts are on in user mode and while there is nothing to run.
 */
#pragma once

#include <stdint.h>

/* Let them come. After paging and the trap tables. */
void interrupts_init(void);

/* What came with this vector; called by trap_dispatch(). */
void interrupt(uint64_t vector);

/* An interrupt at @when_ns on the monotonic clock or a little later; an earlier one that is set stays. */
void timer_set(uint64_t when_ns);

/* Wait for an interrupt, and take it. */
void interrupts_wait(void);
