/* Runs of entries that are written, folded into events. See mm/pt_trace.h. */
#include "mm/pt_trace.h"

/* Whether @next follows @value, of which it is @n slots away, in steps of @stride; 0 stays 0. */
static bool goes_on(uint64_t value, uint64_t next, uint64_t n, uint64_t stride)
{
    return value ? next == value + n * stride : next == 0;
}

/* The second entry tells the stride: pages that follow each other, upwards or downwards, or one and the same. */
static bool is_stride(uint64_t stride, unsigned level)
{
    return stride == 0 || stride == pt_span(level) || stride == -pt_span(level);
}

/* Whether the run can take one more entry, that of @va. */
static bool joins(struct trace_event *run, vaddr_t va, struct pte before, struct pte value)
{
    if (run->d == 0 || va != run->a + run->d * pt_span(run->level))
        return false;
    if (run->d == 1)
        run->e = run->b ? value.raw - run->b : before.raw - run->c;
    return is_stride(run->e, run->level) && goes_on(run->b, value.raw, run->d, run->e) &&
           goes_on(run->c, before.raw, run->d, run->e);
}

void pt_fold_end(struct pt_fold *fold)
{
    struct trace_event *run = &fold->run;

    if (run->d == 1)
        run->e = 0;
    if (run->d && run->space)
        port_trace(run);
    run->d = 0;
}

void pt_fold_set(struct pt_fold *fold, vaddr_t va, struct pte before, struct pte value)
{
    struct trace_event *run = &fold->run;

    if (before.raw == value.raw)
        return;
    if (joins(run, va, before, value)) {
        run->d++;
        return;
    }
    pt_fold_end(fold);
    run->a = va;
    run->b = value.raw;
    run->c = before.raw;
    run->d = 1;
    run->e = 0;
}
