/* Numbers as programs write them to /proc. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The number that is written in @text of @length bytes, behind which stands a NUL: in base 10, 8 or
 * 16, as in C, with blanks around it; behind those may stand more. How many bytes were taken, or
 * -EINVAL when it is none, or not in @min .. @max.
 */
long proc_parse_setting(const char *text, size_t length, int64_t min, int64_t max,
                        int64_t *setting);
