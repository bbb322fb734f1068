/*
 * Small objects: size classes of 16 bytes to 2 KiB cut from frames; larger ones are blocks of frames.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* @size bytes > 0, zeroed, 16-aligned (page-aligned above 2 KiB), at most 4 MiB; NULL when memory is out. */
[[nodiscard]] void *kmalloc(size_t size);

/* The same, not zeroed: for bytes that are written before they are read, and go no further than was written. */
[[nodiscard]] void *kmalloc_buffer(size_t size);

/* @size as it was allocated. NULL is allowed. */
void kfree(void *object, size_t size);

/* Objects that were not freed yet. */
uint64_t kmalloc_live(void);
