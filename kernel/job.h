/* Job control: processes that are stopped and go on, and the parents that are told. */
#pragma once

#include <stdbool.h>

struct process;
struct thread;

/* Stop @process by signal @sig: its threads go no further than thread_return(), and its parent is told. */
void job_stop(struct process *process, int sig);

/* If @process is stopped it goes on, and its parent is told. */
void job_continue(struct process *process);

/* The running thread goes no further while its process is stopped, unless it is to end. */
void job_wait_while_stopped(void);

/* Has nobody in group @pgid a parent in another group of the same session, who could make it go on? */
bool job_orphaned(int pgid);
