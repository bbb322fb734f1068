/* The console: the first serial port, 115200 baud; and a second one, for the trace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void serial_init(void);

/* All of @data as it is, except that a newline goes out as carriage return and newline. */
void serial_write(const char *data, size_t len);

/* The next byte that came in, or -1 when there is none. */
int serial_read(void);

/* Interrupt when a byte has come in. */
void serial_interrupts_on(void);

/* The second port: false when there is none. What is written goes out as it is. */
bool serial_second_init(void);
void serial_second_write(const char *data, size_t len);

/* Did the last byte written end a line? */
bool serial_at_line_start(void);
