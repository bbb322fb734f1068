/* The console: a terminal on the serial port, which one session may have as its own. */
#pragma once

/* Let typed bytes interrupt. */
void console_interrupts_on(void);

/* Bytes were typed. */
void console_interrupt(void);

/* The session @sid has no terminal: it is new, or its leader has ended. */
void console_left(int sid);
