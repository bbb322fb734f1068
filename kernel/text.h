/* Text that grows: what /proc's files are written to before they are read. */
#pragma once

#include "kernel/io.h"

struct text_page;

/* All zero: empty. */
struct text {
    struct text_page *first;
    struct text_page *last;
    uint64_t length;
    bool out_of_memory; /* something is missing */
};

void text_add(struct text *text, const char *bytes, size_t length);

/* As printf; one call adds at most 255 bytes. */
void text_format(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hand out what @io wants from @pos on: how many bytes, or -EFAULT. */
[[nodiscard]] long text_read(const struct text *text, struct io *io, uint64_t pos);

/* Free it; it is empty then. */
void text_clear(struct text *text);
