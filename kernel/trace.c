/*
 * The kernel's end of mm/trace.h: events become log lines `trace: ...`, and the latest of them stay in a ring for a
 * debugger to look at (`moves` of tools/gdb/).
 */
#include "kernel/trace.h"

#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "mm/trace.h"

#define RING_EVENTS 512 /* a power of two */

uint32_t port_trace_mask;

static uint32_t log_mask; /* of port_trace_mask, the kinds that are logged */

/* Event number n since boot, counted from 0, lies at n % RING_EVENTS until it is overwritten. */
static __attribute__((used)) struct trace_event trace_ring[RING_EVENTS];
static uint64_t trace_count;

/* The kinds of option @name. */
static uint32_t kinds_option(const char *name)
{
    const char *list = option(name);
    const char *bad = NULL;
    uint32_t kinds = list ? trace_kinds(list, &bad) : 0;

    if (bad)
        boot_fail("%s=%s: not known from %s on; there are mremap, pt, vma, fault, tlb, refuse, all",
                  name, list, bad);
    return kinds;
}

void trace_init(void)
{
    log_mask = kinds_option("trace");
    port_trace_mask = log_mask | kinds_option("trace_ring");
}

void port_trace(const struct trace_event *event)
{
    char line[256];

    trace_ring[trace_count++ % RING_EVENTS] = trace_kept(event);
    if (!(log_mask & trace_kind(event->what)))
        return;
    trace_text(event, line, sizeof(line));
    log_always("trace: %s", line);
}
