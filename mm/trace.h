/*
 * What happened, as events of a fixed shape. An event costs one branch where nobody wants to see
 * its kind. The words made of an event are the same in the kernel's log, on the host and elsewhere:
 * trace_text() makes them.
 */
#pragma once

#include "mm/port.h"

/* Kinds, bits of port_trace_mask. */
#define TRACE_KINDS(X)                                                                             \
    X(MREMAP, mremap)                                                                              \
    X(PT, pt)                                                                                      \
    X(VMA, vma)                                                                                    \
    X(FAULT, fault)                                                                                \
    X(TLB, tlb)                                                                                    \
    X(REFUSE, refuse)

enum {
#define TRACE_INDEX(upper, lower) TRACE_INDEX_##upper,
    TRACE_KINDS(TRACE_INDEX)
#undef TRACE_INDEX
        TRACE_KIND_COUNT
};

enum {
#define TRACE_BIT(upper, lower) TRACE_##upper = 1 << TRACE_INDEX_##upper,
    TRACE_KINDS(TRACE_BIT)
#undef TRACE_BIT
};

enum trace_what {
    EVENT_CALL,       /* mremap asked: a old, b old_len, c new_len, d new; level: flags */
    EVENT_RETURN,     /* a: result */
    EVENT_MOVE,       /* a old, b new, c length */
    EVENT_WIDEN_DOWN, /* level; a old start before, b after; c new start before, d after */
    EVENT_WIDEN_UP,   /* level; ends likewise */
    EVENT_NOT_DOWN,   /* level; a old floor, b new floor that forbid it */
    EVENT_NOT_UP,     /* level; a old ceiling, b new ceiling */
    EVENT_STEP,       /* level; a old, b new, c entry */
    EVENT_MOVED,      /* a, b, c, d: entries moved at PTE, PMD, PUD, PGD level */
    EVENT_TABLE_NEW,  /* level of its entries; a: address it translates, b: frame */
    EVENT_TABLE_GONE, /* likewise */
    EVENT_VMA_INSERT, /* a start, b end; c flags */
    EVENT_VMA_REMOVE,
    EVENT_VMA_RESIZE, /* a, b old bounds; c, d new bounds */
    EVENT_VMA_SPLIT,  /* a start, b end; c where */
    EVENT_VMA_MERGE,  /* a start, b where, c end */
    EVENT_FAULT,      /* a address, b access, c result */
    EVENT_FLUSH,      /* a start, b end; c: 1 when everything is flushed */
    EVENT_REFUSED,    /* a: errno, words */
};

struct trace_event {
    enum trace_what what;
    unsigned level;
    uint64_t a, b, c, d;
    const char *words;
};

/* Tell of an event of @kind; its fields follow as designated initialisers. */
#define TRACE(kind, ...)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(port_trace_mask & (kind), 0))                                         \
            port_trace(&(struct trace_event){__VA_ARGS__});                                        \
    } while (0)

/* One line of text for @event, without newline; returns its full length, as snprintf does. */
int trace_text(const struct trace_event *event, char *buf, size_t size);

/*
 * The bits of a list such as "mremap,pt"; "all" for all; 0 with *bad set to the first word that is
 * none of them.
 */
uint32_t trace_kinds(const char *list, const char **bad);

/* "PTE", "PMD", "PUD", "PGD". */
const char *level_name(unsigned level);
