/* The kernel's end of mm/trace.h: events become log lines `trace: ...`. */
#include "kernel/trace.h"

#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "mm/trace.h"

uint32_t port_trace_mask;

void trace_init(void)
{
    const char *list = option("trace");
    const char *bad = NULL;

    if (!list)
        return;
    port_trace_mask = trace_kinds(list, &bad);
    if (bad)
        boot_fail(
            "trace=%s: not known from %s on; there are mremap, pt, vma, fault, tlb, refuse, all",
            list, bad);
}

void port_trace(const struct trace_event *event)
{
    char line[256];

    trace_text(event, line, sizeof(line));
    log_always("trace: %s", line);
}
