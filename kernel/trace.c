/* The kernel's end of mm/trace.h. See kernel/trace.h. */
#include "kernel/trace.h"

#include "kernel/abi/errno.h"
#include "kernel/boot.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "kernel/serial.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "mm/trace.h"

#define RING_EVENTS 2048 /* a power of two */

uint32_t port_trace_mask;
bool trace_syscalls;

/* The kinds that go to each place. */
static uint32_t log_mask, ring_mask, json_mask;

/*
 * Event number n since the ring was emptied last, counted from 0, lies at n % RING_EVENTS until it is overwritten.
 * Debuggers read both (`moves` of tools/gdb/).
 */
static struct trace_event trace_ring[RING_EVENTS];
static uint64_t trace_count;

static uint64_t json_count; /* lines sent */

/* The refusal that was told last: 1 + enum refusal, and its errno. */
static uint64_t refusal;
static int64_t refusal_errno;

/* ---- Who wants to see what ---- */

static void set_masks(void)
{
    port_trace_mask = log_mask | ring_mask | json_mask;
    trace_syscalls = port_trace_mask & TRACE_SYSCALL;
    if (trace_syscalls)
        port_trace_mask |= TRACE_REFUSE; /* to say with the result why */
}

/* The kinds of option @name. */
static uint32_t kinds_option(const char *name)
{
    const char *list = option(name);
    const char *bad = NULL;
    uint32_t kinds = list ? trace_kinds(list, &bad) : 0;

    if (bad)
        boot_fail("%s=%s: not known from %s on; there are mremap, pt, vma, fault, tlb, refuse, "
                  "syscall, state, all",
                  name, list, bad);
    return kinds;
}

void trace_init(void)
{
    log_mask = kinds_option("trace");
    ring_mask = log_mask | kinds_option("trace_ring");
    json_mask = kinds_option("trace_json");
    if (json_mask && !serial_second_init()) {
        log_warn("trace: no second serial port for trace_json");
        json_mask = 0;
    }
    set_masks();
}

long trace_keep(const char *list)
{
    const char *bad = NULL;
    bool off = strcmp(list, "off") == 0;
    uint32_t kinds = off ? 0 : trace_kinds(list, &bad);

    if (bad || (!off && !kinds))
        return -EINVAL;
    ring_mask = kinds;
    if (!off)
        trace_count = 0;
    set_masks();
    return 0;
}

void trace_kept_kinds(char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < TRACE_KIND_COUNT; i++)
        if (ring_mask & (1u << i))
            used += (size_t)format(buf + used, size - used, "%s%s", used ? "," : "",
                                   trace_kind_name(i));
    if (!used)
        strlcpy(buf, "off", size);
}

/* ---- Events on their way ---- */

static void send_line(const struct trace_event *event)
{
    static char line[TRACE_LINE];
    int length = trace_json(event, json_count++, line, sizeof(line) - 1);
    size_t end = min_u64((uint64_t)length, sizeof(line) - 2);

    line[end] = '\n';
    serial_second_write(line, end + 1);
}

static void send(const struct trace_event *event)
{
    const char *init = option("init");

    if (json_count == 0) {
        struct trace_event begin = trace_begin(init ? init : "/init");

        send_line(&begin);
    }
    send_line(event);
}

void port_trace(const struct trace_event *event)
{
    uint32_t kind = trace_kind(event->what);
    char line[256];

    if (event->what == EVENT_REFUSED) {
        refusal = event->b;
        refusal_errno = (int64_t)event->a;
    }
    if (ring_mask & kind)
        trace_ring[trace_count++ % RING_EVENTS] = trace_kept(event);
    if (json_mask & kind)
        send(event);
    if (log_mask & kind) {
        trace_text(event, line, sizeof(line));
        log_always("trace: %s", line);
    }
}

void trace_syscall_in(const struct trap_frame *frame)
{
    refusal = 0;
    TRACE(TRACE_SYSCALL, .what = EVENT_SYSCALL_IN, .level = syscall_arguments((uint32_t)frame->rax),
          .a = frame->rdi, .b = frame->rsi, .c = frame->rdx, .d = frame->r10, .e = frame->r8,
          .f = frame->r9, .words = syscall_name((uint32_t)frame->rax));
}

void trace_syscall_out(uint64_t number, int64_t result)
{
    bool refused = refusal && result == refusal_errno;

    TRACE(TRACE_SYSCALL, .what = EVENT_SYSCALL_OUT, .a = (uint64_t)result,
          .b = refused ? refusal : 0, .words = syscall_name(number));
}

/* ---- The ring, read ---- */

size_t trace_line(uint64_t *n, bool json, char *buf, size_t size)
{
    uint64_t oldest = trace_count > RING_EVENTS ? trace_count - RING_EVENTS : 0;
    const struct trace_event *event;
    int length;

    *n = max_u64(*n, oldest);
    if (*n >= trace_count)
        return 0;
    event = &trace_ring[*n % RING_EVENTS];
    if (json) {
        length = trace_json(event, *n + 1, buf, size - 1);
    } else {
        length = format(buf, size - 1, "%6llu  ", (unsigned long long)*n);
        length += trace_text(event, buf + length, size - 1 - (size_t)length);
    }
    length = (int)min_u64((uint64_t)length, size - 2);
    buf[length] = '\n';
    return (size_t)length + 1;
}

size_t trace_first_line(char *buf, size_t size)
{
    struct trace_event begin = trace_begin("");
    int length = trace_json(&begin, 0, buf, size - 1);

    length = (int)min_u64((uint64_t)length, size - 2);
    buf[length] = '\n';
    return (size_t)length + 1;
}
