/* The console: a terminal on the serial port, which one session may have as its own. */
#pragma once

#include "mm/types.h"

struct file;

/* Let typed bytes interrupt. */
void console_interrupts_on(void);

/* Bytes were typed. */
void console_interrupt(void);

/* ---- As the terminal of a session: console_session.c ---- */

/* Session @sid has no terminal: its leader has ended, or gives it up. Those in the foreground are told. */
void console_left(int sid);

/* The group in the foreground where session @sid has the console, else 0. */
int console_foreground(int sid);

/* Send @sig to all in the foreground; where no session has the console, to init. */
void console_signal(int sig);

/* Tell those in the foreground that the console has another size. */
void console_resized(void);

/*
 * May the running process use the console, or is it in the background of the session that has it? Then its group gets
 * @sig, SIGTTIN or SIGTTOU. 0, -ERESTARTSYS, or -EIO where the signal would stop nobody.
 */
[[nodiscard]] long console_check(int sig);

/* The requests about sessions and groups; -ENOTTY for others. */
long console_session_ioctl(uint32_t request, vaddr_t arg);

/* Of /dev/tty -ENXIO when the process has no terminal. */
long console_open(struct file *file);
