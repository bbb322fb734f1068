/* Names of the kernel's functions, for backtraces. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The function that @address lies in, and how far in; NULL when it is not in the kernel's text. */
const char *symbols_find(uint64_t address, uint64_t *offset);

/* `function+0x12`, or the bare address. The function is the one that @address - @back lies in. */
void symbols_format(char *buf, size_t size, uint64_t address, uint64_t back);
