/*
 * The log: lines with a time stamp on the serial console, by level.
 *
 * A line is `[    0.012345] text`. It is never begun in the middle of a program's output line: a newline is put
 * before it where one is missing.
 */
#pragma once

#include <stdarg.h>

/* LOG_ALWAYS: the few lines that no option silences. */
enum log_level { LOG_ALWAYS, LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are dropped; option loglevel=err|warn|info|debug. */
extern enum log_level log_level;

void log_v(enum log_level level, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_always(...) log_line(LOG_ALWAYS, __VA_ARGS__)
#define log_err(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
