/*
 * Text from numbers: the printf family's subset that the kernel uses.
 *
 * Conversions d i u x X o c s p %, lengths hh h l ll z, flags - 0 + space #, width and precision as numbers or *.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* As C's vsnprintf: always ends with a NUL when @size > 0, returns the length the whole text would have. */
int format_v(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
int format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
