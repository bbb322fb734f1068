/* What the files of the simulator share with each other only. */
#pragma once

#include "tests/host/sim.h"

/* The simulator's own view of a frame; mm/ sees struct frame. */
struct sim_frame {
    bool used;
    uint32_t next_free;
    uint32_t cached; /* TLB and paging-structure entries of all CPUs that hold it */
    uint32_t seen;   /* the recount that met it last as a table */
    uint64_t op;     /* that gave it out or took it back last */
    const char *op_name;
};

struct sim_object {
    struct sim_object *next, *prev;
    uint64_t magic;
    size_t size;
    uint64_t op;
    const char *op_name;
    _Alignas(16) unsigned char bytes[];
};

struct sim_machine {
    unsigned char *arena; /* frame n at n * PAGE_SIZE; frame 0 is never given out */
    struct frame *meta;
    struct sim_frame *state;
    uint32_t frames;
    uint32_t free;
    uint32_t reserved;    /* of the free ones, for tables */
    uint32_t frame_bytes; /* zeroed and poisoned of each frame */
    uint32_t first_free;
    struct sim_object *objects;
    uint32_t object_count;
    int locks;
    uint64_t op;
    const char *op_name;
    uint64_t random;
    uint64_t fail_at, asked, refused;
    bool fail_sticky;
    uint64_t flushes;
    uint32_t recounts;
};
extern struct sim_machine sim;

/* Forget what all CPUs cache, without a check. */
void sim_tlb_reset(void);

/* The story of frame @f, which is being freed while a CPU caches it. */
_Noreturn void sim_tlb_die_of_free(uint32_t f);

/* ---- Who changed an entry ---- */

void sim_history_reset(uint32_t frames); /* 0: at the end */
void sim_history_forget(uint32_t f);

/* The end of an operation: what its tables are now. And what it flushed. */
void sim_history_note(const struct mm *mm);
void sim_history_flush(const struct mm *mm, struct range range);

/* The story of the @level entry of the span at @base, which is not any more what a CPU cached. */
const char *sim_history_words(const struct mm *mm, vaddr_t base, unsigned level);

/* What the tables say of @va now. */
struct sim_walk {
    struct pte *entry[PT_LEVELS]; /* by level, from the root's down to where the walk ended */
    unsigned level;               /* where it ended */
    bool leaf;                    /* at a present leaf */
    unsigned rights;              /* PTE_R, PTE_W, PTE_X that all levels grant to user mode */
};
struct sim_walk sim_walk(const struct pt *pt, vaddr_t va);
