#include "kernel/text.h"

#include <stdarg.h>

#include "kernel/format.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define LINE_MAX 256

/* Move to a place of at least @size bytes. */
static bool grow(struct text *text, size_t size)
{
    size_t larger = text->size ? text->size : PAGE_SIZE;
    char *bytes;

    while (larger < size)
        larger *= 2;
    bytes = kmalloc(larger);
    if (!bytes)
        return false;
    if (text->length)
        memcpy(bytes, text->bytes, text->length);
    kfree(text->bytes, text->size);
    text->bytes = bytes;
    text->size = larger;
    return true;
}

char *text_room(struct text *text, size_t size)
{
    if (text->size - text->length < size && !grow(text, text->length + size)) {
        text->out_of_memory = true;
        return NULL;
    }
    return text->bytes + text->length;
}

void text_grown(struct text *text, size_t length)
{
    text->length += length;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    char *room = text_room(text, length);

    if (!room)
        return;
    memcpy(room, bytes, length);
    text_grown(text, length);
}

void text_format(struct text *text, const char *fmt, ...)
{
    char *room = text_room(text, LINE_MAX);
    va_list args;
    int n;

    if (!room)
        return;
    va_start(args, fmt);
    n = format_v(room, LINE_MAX, fmt, args);
    va_end(args);
    if (n > 0)
        text_grown(text, min_u64((uint64_t)n, LINE_MAX - 1));
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->out_of_memory = false;
}

void text_free(struct text *text)
{
    kfree(text->bytes, text->size);
    *text = (struct text){0};
}
