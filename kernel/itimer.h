/* Interval timers: setitimer, alarm. */
#pragma once

struct process;

/* The timer's interrupt: send the signals whose time has come. */
void itimer_tick(void);

/* @process is given the processor: there is an interrupt when its time has come. */
void itimer_process_runs(const struct process *process);
