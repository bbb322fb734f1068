/* Job control: processes that are stopped and go on, the parents that are told, and groups. */
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

/* Send @sig to all in group @pgid. */
void job_signal_group(int pgid, int sig, const char *why);

/*
 * @process has ended, or has got another parent than @parent: where nobody is left who could make its group go on, and
 * some of that is stopped, all of it hangs up.
 */
void job_leave_orphans(const struct process *process, const struct process *parent);
