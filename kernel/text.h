/* Text that grows: what /proc's files are written to before they are read. */
#pragma once

#include "mm/types.h"

/* All zero: empty. */
struct text {
    char *bytes;
    size_t size; /* allocated */
    size_t length;
    bool out_of_memory; /* something is missing */
};

/* Room for @size bytes behind the text, for text_grown() to be told of; NULL when memory is out. */
char *text_room(struct text *text, size_t size);
void text_grown(struct text *text, size_t length);

void text_add(struct text *text, const char *bytes, size_t length);

/* As printf; one call adds at most 255 bytes. */
void text_format(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Nothing in it; its memory is kept. */
void text_clear(struct text *text);

/* Free it; it is empty then. */
void text_free(struct text *text);
