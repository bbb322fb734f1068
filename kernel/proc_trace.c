/*
 * /proc/trace: the latest events of the trace, as text; and trace_json, the same as JSON. What is written
 * to /proc/trace says which kinds are kept from then on: docs/trace.md.
 */
#include "kernel/abi/errno.h"
#include "kernel/proc.h"
#include "kernel/string.h"
#include "kernel/trace.h"

#define LIST_MAX 100 /* bytes of a list of kinds */

/* The cursor is 0 for the first line, and then 1 + the number of the next event. */
static long next_line(struct text *out, uint64_t *cursor, bool json)
{
    uint64_t n = *cursor - 1;
    char *room = text_room(out, TRACE_LINE);
    size_t length;

    if (!room)
        return -ENOMEM;
    length = trace_line(&n, json, room, TRACE_LINE);
    text_grown(out, length);
    *cursor = n + 2;
    return length > 0;
}

long proc_next_trace(struct text *out, const void *subject, uint64_t *cursor)
{
    char kinds[LIST_MAX];

    (void)subject;
    if (*cursor)
        return next_line(out, cursor, false);
    trace_kept_kinds(kinds, sizeof(kinds));
    text_format(out, "# %s\n", kinds);
    *cursor = 1;
    return 1;
}

long proc_next_trace_json(struct text *out, const void *subject, uint64_t *cursor)
{
    char *room = text_room(out, TRACE_LINE);

    (void)subject;
    if (*cursor)
        return next_line(out, cursor, true);
    if (!room)
        return -ENOMEM;
    text_grown(out, trace_first_line(room, TRACE_LINE));
    *cursor = 1;
    return 1;
}

long proc_store_trace(const struct proc_subject *subject, const char *value, size_t length)
{
    char list[LIST_MAX];
    size_t used = length;
    long err;

    (void)subject;
    while (used && (value[used - 1] == '\n' || value[used - 1] == ' '))
        used--;
    if (used >= sizeof(list))
        return -EINVAL;
    memcpy(list, value, used);
    list[used] = '\0';
    err = trace_keep(list);
    return err ? err : (long)length;
}
