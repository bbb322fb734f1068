#include "kernel/text.h"

#include <stdarg.h>

#include "kernel/abi/errno.h"
#include "kernel/format.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define TEXT_BYTES (PAGE_SIZE - sizeof(struct text_page *))

struct text_page {
    struct text_page *next;
    char bytes[TEXT_BYTES];
};
_Static_assert(sizeof(struct text_page) == PAGE_SIZE, "a page of memory each");

static bool grow(struct text *text)
{
    struct text_page *page = kmalloc(sizeof(*page));

    if (!page) {
        text->out_of_memory = true;
        return false;
    }
    if (text->last)
        text->last->next = page;
    else
        text->first = page;
    text->last = page;
    return true;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t used = text->length % TEXT_BYTES, n;

        if (used == 0 && !grow(text))
            return;
        n = min_u64(length, TEXT_BYTES - used);
        memcpy(text->last->bytes + used, bytes, n);
        text->length += n;
        bytes += n;
        length -= n;
    }
}

void text_format(struct text *text, const char *fmt, ...)
{
    char line[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = format_v(line, sizeof(line), fmt, args);
    va_end(args);
    if (n > 0)
        text_add(text, line, min_u64((uint64_t)n, sizeof(line) - 1));
}

long text_read(const struct text *text, struct io *io, uint64_t pos)
{
    const struct text_page *page = text->first;

    if (pos >= text->length)
        return 0;
    for (uint64_t skip = pos / TEXT_BYTES; skip > 0; skip--)
        page = page->next;
    while (io->left && pos < text->length) {
        uint64_t at = pos % TEXT_BYTES;
        uint64_t n = io_put(io, page->bytes + at, min_u64(text->length - pos, TEXT_BYTES - at));

        if (!n)
            return io_result(io, -EFAULT);
        pos += n;
        if (pos % TEXT_BYTES == 0)
            page = page->next;
    }
    return (long)io->done;
}

void text_clear(struct text *text)
{
    struct text_page *page, *next;

    for (page = text->first; page; page = next) {
        next = page->next;
        kfree(page, sizeof(*page));
    }
    *text = (struct text){0};
}
