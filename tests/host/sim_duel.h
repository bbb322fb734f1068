/*
 * mm/ and the model side by side: each step is done by both, then everything that can be seen is compared: the answer,
 * every page (mapped, rights, resident, content through the processor), every line of maps, every counter, every frame
 * and table. A difference ends the program with its story.
 */
#pragma once

#include "tests/host/sim.h"
#include "tests/host/sim_model.h"

/* Of the steps, so many are followed by what takes long. */
#define CHECK_ALL_EVERY 32

#define STEP_KINDS(X)                                                                              \
    X(MMAP, mmap)                                                                                  \
    X(MUNMAP, munmap)                                                                              \
    X(MPROTECT, mprotect)                                                                          \
    X(MREMAP, mremap)                                                                              \
    X(MADVISE, madvise)                                                                            \
    X(MLOCK, mlock)                                                                                \
    X(MLOCKALL, mlockall)                                                                          \
    X(BRK, brk)                                                                                    \
    X(MINCORE, mincore)                                                                            \
    X(TOUCH, touch)                                                                                \
    X(COPY, copy)                                                                                  \
    X(STACK, stack)                                                                                \
    X(LIMIT, limit)                                                                                \
    X(REALIGN, realign)                                                                            \
    X(FORK, fork)

enum step_kind {
#define STEP_ENUM(upper, lower) STEP_##upper,
    STEP_KINDS(STEP_ENUM)
#undef STEP_ENUM
        STEP_COUNT
};

enum { LIMIT_AS, LIMIT_DATA, LIMIT_STACK, LIMIT_MEMLOCK, LIMIT_MAPS, LIMIT_COUNT };

/* One step. What each kind takes: */
struct step {
    enum step_kind kind;
    uint64_t addr;    /* all but mlockall, limit, realign, stack, fork; brk: the new break */
    uint64_t len;     /* bytes; mremap: old_len; stack: the shift; limit: the new limit */
    uint64_t new_len; /* mremap */
    uint64_t to;      /* mremap: new_addr */
    uint32_t prot;    /* mmap, mprotect */
    /* mmap, mremap, mlockall; mlock: 0 munlock, 1 mlock, 2 on fault; stack: 1 make it; fork: 1 the parent ends */
    uint32_t flags;
    int what;        /* madvise: advice; touch, copy: enum access; limit: which; realign: mode */
    unsigned object; /* mmap: 0 anonymous */
    uint64_t offset; /* mmap */
    unsigned cpu;    /* touch */
    uint64_t fail;   /* the allocation that fails, 0: none */
    bool fail_all;   /* and all after it */
};

struct duel {
    struct mm *mm;
    struct model m;
    struct object *object[MODEL_OBJECTS + 1];
    struct object *wall;      /* what lies between the windows shows it */
    uint32_t frames_at_start; /* given out before the address space was made */
    uint64_t last_word;
    struct mm_stats stats; /* before the last step, and the model's */
    uint64_t copies, moves;
    uint64_t steps;       /* done */
    uint64_t refused;     /* of these, answered with an error */
    uint64_t starved;     /* and met by an allocation that failed */
    long result;          /* of the last step */
    unsigned sparse;      /* compare after each so-many-th step only, 0: after each */
    bool short_of_memory; /* which met an allocation that failed */
    bool failed;          /* and was answered with an error */
};

/* An address space on a machine that runs: all of it watched if it is small, else some windows. */
void duel_start(struct duel *d);
void duel_end(struct duel *d);

/* Whether @s keeps to the windows and to what the model has room for. */
bool duel_can(const struct duel *d, const struct step *s);

/* Whether the stack is where exec left it, and still one. */
bool duel_has_stack(const struct duel *d);

/* One step on both sides, and the comparison. */
void duel_step(struct duel *d, const struct step *s);

/* Everything that can be seen. Dies where the two differ. */
void duel_compare(struct duel *d);

/* What the last step added to the counters of /proc/vmstat. Dies where that is something else. */
void duel_check_stats(const struct duel *d, const struct step *s);

/* After a step that was short of memory: fewer pages may be resident than the model has. */
void duel_adopt(struct duel *d);
