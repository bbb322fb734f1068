/*
 * Page tables told of: tables that come and go, and entries written other than by a step of a move.
 * Of an object's tree nothing is told.
 */
#pragma once

#include "mm/pt.h"
#include "mm/trace.h"

/* A table of @lvl entries at @pa, whose first one translates @va. */
#define TRACE_TABLE(pt, event, lvl, va, pa)                                                        \
    do {                                                                                           \
        if (trace_wanted(TRACE_PT) && (pt)->space)                                                 \
            TRACE(TRACE_PT, .what = event, .level = lvl, .a = va, .b = pa, .space = (pt)->space);  \
    } while (0)

/* The entry of @lvl for @va, now @before, is about to become @value. */
#define TRACE_SET(pt, va, lvl, before, value)                                                      \
    do {                                                                                           \
        if (trace_wanted(TRACE_PT) && (pt)->space) {                                               \
            struct pt_fold fold_ = PT_FOLD(pt, lvl);                                               \
            pt_fold_set(&fold_, va, before, value);                                                \
            pt_fold_end(&fold_);                                                                   \
        }                                                                                          \
    } while (0)

/*
 * The same for neighbouring entries of a table, from the lowest on, of which runs become one event.
 * Ask trace_wanted(TRACE_PT) once, outside of the loop:
 *
 *     struct pt_fold fold = PT_FOLD(pt, level);
 *     ... pt_fold_set(&fold, va, before, value) ...
 *     pt_fold_end(&fold);
 */
struct pt_fold {
    struct trace_event run; /* of no entries, so far */
};
#define PT_FOLD(pt, lvl)                                                                           \
    ((struct pt_fold){{.what = EVENT_SET,                                                          \
                       .level = lvl,                                                               \
                       .file = __FILE__,                                                           \
                       .line = __LINE__,                                                           \
                       .space = (pt)->space}})
void pt_fold_set(struct pt_fold *fold, vaddr_t va, struct pte before, struct pte value);
void pt_fold_end(struct pt_fold *fold);
