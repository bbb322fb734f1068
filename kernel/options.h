/*
 * The kernel's command line: words `name=value` or `name`, split at blanks, up to a word `--`, behind which stand the
 * arguments of the first program. options.c has the table of all names.
 * What stands behind a word `--` is for the first program.
 *
 * A value that is not understood ends the boot with a message that lists what would be.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Take @cmdline, which is copied. Unknown names are warned of. */
void options_init(const char *cmdline);

/* The value of the last @name=value, "" for a bare @name, NULL when it is not there. */
const char *option(const char *name);

/* The number that @name is set to, decimal or 0x..., with K, M or G behind it; @otherwise when it is not there. */
uint64_t option_u64(const char *name, uint64_t otherwise);

/* The index of the value in @choices, which ends with NULL; @otherwise when @name is not there. */
unsigned option_choice(const char *name, const char *const *choices, unsigned otherwise);

/* A bare @name, or 1 or 0. */
bool option_flag(const char *name);
