/* See log.h. */
#include "kernel/log.h"

#include "kernel/format.h"
#include "kernel/serial.h"
#include "kernel/time.h"

#define LINE_SIZE 512

enum log_level log_level = LOG_INFO;

static int clamp(int len)
{
    return len < LINE_SIZE ? len : LINE_SIZE - 1;
}

void log_v(enum log_level level, const char *fmt, va_list args)
{
    char line[LINE_SIZE];
    uint64_t us = time_monotonic_ns() / 1000;
    int len;

    if (level > log_level)
        return;
    if (!serial_at_line_start())
        serial_write("\n", 1);
    len = format(line, sizeof(line), "[%5lu.%06lu] ", us / 1000000, us % 1000000);
    serial_write(line, (size_t)len);
    len = clamp(format_v(line, sizeof(line), fmt, args));
    serial_write(line, (size_t)len);
    serial_write("\n", 1);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_v(level, fmt, args);
    va_end(args);
}
