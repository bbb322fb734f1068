/* The way out. */
#pragma once

/* power_off()'s status when the machine could not be started as asked. */
#define STATUS_BOOT_FAILED 100

/*
 * Prints `power off, status N` and switches the machine off; halts it where no way is known. A QEMU with
 * isa-debug-exit ends with 33 + 2 * min(@status, STATUS_MAX); tools/qemu.py translates it back.
 */
#define STATUS_MAX 110
_Noreturn void power_off(int status);

/* The same after a panic; QEMU ends with 255. */
_Noreturn void power_off_panicked(void);
