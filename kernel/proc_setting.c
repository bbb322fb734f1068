#include "kernel/proc_setting.h"

#include <stdbool.h>

#include "kernel/abi/errno.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static size_t skip_spaces(const char *text, size_t at, size_t length)
{
    while (at < length && is_space(text[at]))
        at++;
    return at;
}

/* The value of @c as a digit, 99 when it is none. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

/* What base the digits at *at are in, as C says it; *at goes behind a 0x. */
static unsigned base_of(const char *text, size_t *at)
{
    if (text[*at] != '0')
        return 10;
    if (text[*at + 1] != 'x' && text[*at + 1] != 'X')
        return 8;
    *at += 2;
    return 16;
}

long proc_parse_setting(const char *text, size_t length, int64_t min, int64_t max, int64_t *setting)
{
    size_t at = skip_spaces(text, 0, length), first;
    bool negative = text[at] == '-';
    int64_t value = 0;
    unsigned base;

    if (!length)
        return 0;
    at += negative;
    base = base_of(text, &at);
    for (first = at; at < length && digit(text[at]) < base; at++)
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit(text[at]), &value))
            return -EINVAL;
    value = negative ? -value : value;
    if (at == first || (at < length && !is_space(text[at])) || value < min || value > max)
        return -EINVAL;
    *setting = value;
    return (long)skip_spaces(text, at, length);
}
