/*
 * The end: an invariant of the kernel is broken. Never for what a user program or the boot information says.
 */
#pragma once

#include <stdarg.h>

struct trap_frame;

/*
 * Prints `PANIC: ...`, the place, the registers, a backtrace by function names, and the address space in use as
 * mm_dump_broken() tells it; powers off as panicked.
 */
_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void panic_v(const char *file, int line, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The same with the registers, and the backtrace, of the place where the trap hit. */
_Noreturn void panic_trap(const struct trap_frame *frame, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

#define kassert(cond)                                                                              \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            panic("assertion failed: %s", #cond);                                                  \
    } while (0)
