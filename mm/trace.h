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
    X(REFUSE, refuse)                                                                              \
    X(SYSCALL, syscall)                                                                            \
    X(STATE, state)

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

/* What the word "all" stands for: what happens, but no pictures of what is. */
#define TRACE_ALL ((1u << TRACE_KIND_COUNT) - 1 - TRACE_STATE)

/*
 * All events: name, kind, name in JSON, and what of it is in JSON: "level", "words", and for the
 * fields a, b, c ... in turn a name and after the colon x for an address, n for a number, i for a
 * signed one, b for yes or no. mm/trace_json.c adds what has another shape.
 */
#define TRACE_EVENTS(X)                                                                            \
    /* mremap asked: old, old_len, new_len, new; level: flags */                                   \
    X(CALL, MREMAP, "call", "")                                                                    \
    X(RETURN, MREMAP, "return", "result:x")                                                        \
    X(MOVE, MREMAP, "move", "old:x new:x len:n")                                                   \
    /* and e, f: floors of old and new, or ceilings, that allowed it */                            \
    X(WIDEN_DOWN, MREMAP, "widen", "level old_before:x old_after:x new_before:x new_after:x")      \
    X(WIDEN_UP, MREMAP, "widen", "level old_before:x old_after:x new_before:x new_after:x")        \
    /* old floor, new floor, or ceilings; c, d: where the entries' spans end, old and new */       \
    X(NOT_DOWN, MREMAP, "not-widened", "level")                                                    \
    X(NOT_UP, MREMAP, "not-widened", "level")                                                      \
    X(STEP, MREMAP, "step", "level old:x new:x entry:x slot_before:x")                             \
    /* realign=off and pmd: a slot that holds a table, where an entry was to move as a whole */    \
    X(WARN, MREMAP, "warning", "level old:x new:x entry:x slot_before:x")                          \
    X(MOVED, MREMAP, "moved", "pte:n pmd:n pud:n pgd:n")                                           \
    /* level: of the table's entries; the entry that links it is one level higher */               \
    X(TABLE_NEW, PT, "table-new", "level address:x frame:x")                                       \
    X(TABLE_EMPTIED, PT, "table-emptied", "level address:x frame:x")                               \
    X(TABLE_GONE, PT, "table-gone", "level address:x frame:x")                                     \
    /* @count slots, not by a step: values go on by @stride from slot to slot, but 0 stays 0 */    \
    X(SET, PT, "set", "level address:x entry:x before:x count:n stride:i")                         \
    X(VMA_INSERT, VMA, "vma-insert", "start:x end:x flags:x")                                      \
    X(VMA_REMOVE, VMA, "vma-remove", "start:x end:x flags:x")                                      \
    X(VMA_RESIZE, VMA, "vma-resize", "start:x end:x new_start:x new_end:x")                        \
    X(VMA_FLAGS, VMA, "vma-flags", "start:x end:x flags:x before:x")                               \
    X(VMA_SPLIT, VMA, "vma-split", "start:x end:x at:x")                                           \
    X(VMA_MERGE, VMA, "vma-merge", "start:x at:x end:x")                                           \
    X(FAULT, FAULT, "fault", "address:x") /* b: enum access, c: enum fault_result, words */        \
    X(FLUSH, TLB, "flush", "start:x end:x all:b")                                                  \
    X(REFUSED, REFUSE, "refused", "errno:i words") /* b: 1 + enum refusal */                       \
    /* words: the call's name. Going in, level: how many arguments; out, a: result, b: as above */ \
    X(SYSCALL_IN, SYSCALL, "call", "")                                                             \
    X(SYSCALL_OUT, SYSCALL, "return", "result:x")                                                  \
    X(BEGIN, STATE, "begin", "") /* words: the program */                                          \
    X(STATE_BEGIN, STATE, "state-begin", "vmas:n pages:n mapped:n tables:n")                       \
    X(STATE_VMA, STATE, "state-vma", "start:x end:x flags:x id:x pgoff:x")                         \
    /* d: whether the frames follow each other; e: of a table, entries that are not empty */       \
    X(STATE_RUN, STATE, "state-run", "level address:x count:n entry:x consecutive:b")              \
    X(STATE_END, STATE, "state-end", "")

enum trace_what {
#define TRACE_EVENT(upper, kind, name, fields) EVENT_##upper,
    TRACE_EVENTS(TRACE_EVENT)
#undef TRACE_EVENT
        EVENT_COUNT
};

/*
 * @words: constant, but those of EVENT_BEGIN, EVENT_VMA_INSERT and EVENT_STATE_VMA are only lent for
 * the call of port_trace(): see trace_kept().
 * @space: the number of the address space that it happened in (struct pt); 0 where none is known.
 */
struct trace_event {
    enum trace_what what;
    unsigned level;
    uint64_t a, b, c, d, e, f;
    const char *words;
    const char *file; /* and line: where the TRACE() stands */
    int line;
    uint32_t space;
};

/* Does anybody want to see events of @kind? */
static inline bool trace_wanted(uint32_t kind)
{
    return __builtin_expect(port_trace_mask & kind, 0);
}

/*
 * Hand @event to the port. By value and never inlined, so that who tells of an event that nobody wants to
 * see has no room made for it on its stack.
 */
void trace_tell(struct trace_event event) __attribute__((noinline, cold));

/* Tell of an event of @kind; its fields follow as designated initialisers. */
#define TRACE(kind, ...)                                                                           \
    do {                                                                                           \
        if (trace_wanted(kind))                                                                    \
            trace_tell((struct trace_event){__VA_ARGS__, .file = __FILE__, .line = __LINE__});     \
    } while (0)

/* The bit of the kind that @what is of. */
uint32_t trace_kind(enum trace_what what);

/* @event as it may be kept: without words that are only lent. */
struct trace_event trace_kept(const struct trace_event *event);

/* One line of text for @event, without newline; returns its full length, as snprintf does. */
int trace_text(const struct trace_event *event, char *buf, size_t size);

/*
 * The event as a JSON object in one line, without newline; @n is its number. Returns its full
 * length, as snprintf does. docs/trace.md lists what is in it.
 */
#define TRACE_JSON 1024 /* bytes that are enough for any event whose words have up to 400 */
int trace_json(const struct trace_event *event, uint64_t n, char *buf, size_t size);

/* EVENT_BEGIN of a stream: what @program runs on. */
struct trace_event trace_begin(const char *program);

/*
 * The bits of a list such as "mremap,pt"; "all" for TRACE_ALL; 0 with *bad set to the first word
 * that is none of them.
 */
uint32_t trace_kinds(const char *list, const char **bad);

/* "mremap", "pt" ... of the kind with number @i below TRACE_KIND_COUNT. */
const char *trace_kind_name(unsigned i);

/* "PTE", "PMD", "PUD", "PGD". */
const char *level_name(unsigned level);
