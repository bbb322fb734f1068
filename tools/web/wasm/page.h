/* What the page lends to WebAssembly: where words go. @text ends after @length bytes. */
#pragma once

#include <stddef.h>

#define FROM_PAGE(name) __attribute__((import_module("page"), import_name(name)))

/* An event of the trace, as JSON. */
FROM_PAGE("event") void page_event(const char *text, size_t length);
/* A line of port_warn(). */
FROM_PAGE("warning") void page_warning(const char *text, size_t length);
/* Why the command that runs is refused before mm/ sees it: it cannot be understood. */
FROM_PAGE("misread") void page_misread(const char *text, size_t length);
/* One command that there is: its form, a tab, what it does. */
FROM_PAGE("usage") void page_usage(const char *text, size_t length);
/* Something about what a command led to. */
FROM_PAGE("note") void page_note(const char *text, size_t length);
/* A broken invariant. What is in memory is to be thrown away. */
FROM_PAGE("panic") void page_panic(const char *text, size_t length);
