/*
 * The trace of mm/ and of system calls. An event goes where its kind was asked for: to the log (option trace=), to a
 * ring of the latest ones (trace_ring=, /proc/trace), and as JSON to the second serial port (trace_json=).
 */
#pragma once

#include "kernel/cpu.h"

/* Once at boot, by the options. */
void trace_init(void);

/* Does anybody want to see system calls? */
extern bool trace_syscalls;
void trace_syscall_in(const struct trap_frame *frame); /* its number in frame->rax */
void trace_syscall_out(uint64_t number, int64_t result);

/*
 * Keep the kinds in @list, "mremap,pt" or "off", from now on in the ring, which becomes empty; with "off" it stays as
 * it is, to be read. 0 or -EINVAL.
 */
[[nodiscard]] long trace_keep(const char *list);

/* What is kept, as /proc/trace shows it: a line with the kinds. At most @size bytes with the NUL. */
void trace_kept_kinds(char *buf, size_t size);

/*
 * The oldest event in the ring with a number of *n or above, as a line of text or JSON with its newline, to @buf: the
 * length, 0 when there is none. *n becomes its number.
 */
#define TRACE_LINE 1100 /* bytes that are enough */
size_t trace_line(uint64_t *n, bool json, char *buf, size_t size);

/* The line of JSON that a stream begins with. */
size_t trace_first_line(char *buf, size_t size);
