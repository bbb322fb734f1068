/* Random numbers: RDRAND where the processor has it; the same series in each boot with the option seed=N. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_init(void);
uint64_t random_u64(void);
void random_bytes(void *buf, size_t len);
