/* ACPI, as far as it takes to switch the machine off. */
#pragma once

#include "kernel/boot.h"

/*
 * Find the power register and the value for "off" in the firmware's tables, from the root pointer at @rsdp or, for
 * 0, where a BIOS leaves it. Reads only through @memory; what is not understood is left alone.
 */
void acpi_init(paddr_t rsdp, const struct boot_memory *memory);

/* Switch off; returns when that is not possible. */
void acpi_power_off(void);
