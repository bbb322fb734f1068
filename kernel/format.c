/* A formatter of numbers and strings; see format.h for what it knows. */
#include "kernel/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "kernel/string.h"

/* Where the text goes; @len counts also what did not fit. */
struct out {
    char *buf;
    size_t size;
    size_t len;
};

/* One conversion, as read from the format. */
struct spec {
    bool left, zero, plus, space, alt;
    int width;
    int precision; /* -1 when none is given */
    int longs;     /* 2 ll, 1 l or z, 0, -1 h, -2 hh */
};

static void put(struct out *out, char c)
{
    if (out->len + 1 < out->size)
        out->buf[out->len] = c;
    out->len++;
}

static void put_times(struct out *out, char c, int times)
{
    for (; times > 0; times--)
        put(out, c);
}

/* @prefix and @body side by side, filled up to the width: blanks left or right, or zeros between the two. */
static void put_field(struct out *out, const struct spec *s, const char *prefix, const char *body,
                      size_t len, bool zero)
{
    int fill = s->width - (int)strlen(prefix) - (int)len;

    if (!s->left && !zero)
        put_times(out, ' ', fill);
    while (*prefix)
        put(out, *prefix++);
    if (!s->left && zero)
        put_times(out, '0', fill);
    for (size_t i = 0; i < len; i++)
        put(out, body[i]);
    if (s->left)
        put_times(out, ' ', fill);
}

/* The digits of @value in @base, at least the precision's number of them. */
static void put_number(struct out *out, const struct spec *s, const char *prefix, uint64_t value,
                       unsigned base, const char *digits)
{
    char text[64 + 1];
    char *end = text + sizeof(text);
    char *p = end;
    int wanted = s->precision < 0 ? 1 : s->precision;

    if (wanted > (int)sizeof(text))
        wanted = sizeof(text);
    for (; value; value /= base)
        *--p = digits[value % base];
    while (end - p < wanted)
        *--p = '0';
    put_field(out, s, prefix, p, (size_t)(end - p), s->zero && s->precision < 0);
}

static uint64_t take_unsigned(const struct spec *s, va_list *args)
{
    if (s->longs > 0)
        return va_arg(*args, uint64_t);
    uint32_t value = va_arg(*args, uint32_t);
    return s->longs == -2 ? (uint8_t)value : s->longs == -1 ? (uint16_t)value : value;
}

static int64_t take_signed(const struct spec *s, va_list *args)
{
    if (s->longs > 0)
        return va_arg(*args, int64_t);
    int32_t value = va_arg(*args, int32_t);
    return s->longs == -2 ? (int8_t)value : s->longs == -1 ? (int16_t)value : value;
}

static void put_signed(struct out *out, const struct spec *s, int64_t value)
{
    const char *prefix = value < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

    put_number(out, s, prefix, magnitude, 10, "0123456789");
}

static void put_string(struct out *out, const struct spec *s, const char *text)
{
    size_t max = s->precision < 0 ? SIZE_MAX : (size_t)s->precision;

    if (!text)
        text = "(null)";
    put_field(out, s, "", text, strnlen(text, max), false);
}

static void put_char(struct out *out, const struct spec *s, char c)
{
    put_field(out, s, "", &c, 1, false);
}

static const char *read_flags(const char *p, struct spec *s)
{
    for (;; p++) {
        switch (*p) {
        case '-':
            s->left = true;
            break;
        case '0':
            s->zero = true;
            break;
        case '+':
            s->plus = true;
            break;
        case ' ':
            s->space = true;
            break;
        case '#':
            s->alt = true;
            break;
        default:
            return p;
        }
    }
}

static const char *read_count(const char *p, int *count, va_list *args)
{
    if (*p == '*') {
        *count = va_arg(*args, int);
        return p + 1;
    }
    for (*count = 0; *p >= '0' && *p <= '9'; p++)
        *count = *count * 10 + (*p - '0');
    return p;
}

static const char *read_spec(const char *p, struct spec *s, va_list *args)
{
    *s = (struct spec){.precision = -1};
    p = read_flags(p, s);
    p = read_count(p, &s->width, args);
    if (s->width < 0) {
        s->left = true;
        s->width = -s->width;
    }
    if (*p == '.')
        p = read_count(p + 1, &s->precision, args);
    for (; *p == 'l' || *p == 'z'; p++)
        s->longs++;
    for (; *p == 'h'; p++)
        s->longs--;
    return p;
}

static void convert(struct out *out, const struct spec *s, char type, va_list *args)
{
    static const char lower[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";

    switch (type) {
    case 'd':
    case 'i':
        put_signed(out, s, take_signed(s, args));
        break;
    case 'u':
        put_number(out, s, "", take_unsigned(s, args), 10, lower);
        break;
    case 'o':
        put_number(out, s, s->alt ? "0" : "", take_unsigned(s, args), 8, lower);
        break;
    case 'x':
        put_number(out, s, s->alt ? "0x" : "", take_unsigned(s, args), 16, lower);
        break;
    case 'X':
        put_number(out, s, s->alt ? "0X" : "", take_unsigned(s, args), 16, upper);
        break;
    case 'p':
        put_number(out, s, "0x", (uintptr_t)va_arg(*args, void *), 16, lower);
        break;
    case 'c':
        put_char(out, s, (char)va_arg(*args, int));
        break;
    case 's':
        put_string(out, s, va_arg(*args, const char *));
        break;
    case '%':
        put(out, '%');
        break;
    default:
        put(out, '?');
        break;
    }
}

int format_v(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out out = {.buf = buf, .size = size};
    struct spec spec;
    va_list copy;

    va_copy(copy, args);
    for (const char *p = fmt; *p; p++) {
        if (*p != '%') {
            put(&out, *p);
            continue;
        }
        p = read_spec(p + 1, &spec, &copy);
        if (!*p)
            break;
        convert(&out, &spec, *p, &copy);
    }
    va_end(copy);
    if (size)
        buf[out.len < size ? out.len : size - 1] = '\0';
    return (int)out.len;
}

int format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = format_v(buf, size, fmt, args);
    va_end(args);
    return len;
}
