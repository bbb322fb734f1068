/*
 * A machine that is small enough to be copied between two cases: mm/port.h over an array of frames that are as long as
 * a page table, a pool for objects, and one processor that has cached every translation and every table there is when
 * a case begins.
 *
 * What tests/host's simulator tells in stories is one word here, and ends the case: machine_failed.
 */
#pragma once

#include <setjmp.h>

#include "mm/pt.h"

#define EX_PAGES ((unsigned)(USER_END >> PAGE_SHIFT))
#define EX_WORDS ((EX_PAGES + 63) / 64)
#define EX_TASK (EX_PAGES - 1) /* the last page is never mapped */
#define EX_LINKS (EX_PAGES + PT_LEVELS)

/* A set of pages. */
struct pages {
    uint64_t word[EX_WORDS];
};

static inline bool pages_has(const struct pages *set, unsigned page)
{
    return set->word[page / 64] >> page % 64 & 1;
}

static inline void pages_add(struct pages *set, unsigned page)
{
    set->word[page / 64] |= (uint64_t)1 << page % 64;
}

static inline void pages_drop(struct pages *set, unsigned page)
{
    set->word[page / 64] &= ~((uint64_t)1 << page % 64);
}

/* Pages in the span of a @level entry, as a number of pages. */
static inline unsigned span_pages(unsigned level)
{
    return 1u << PT_BITS * level;
}

/* Whether any of the @level span that starts at @base is in the set. */
static inline bool pages_any(const struct pages *set, unsigned base, unsigned level)
{
    unsigned n = span_pages(level);

    if (n < 64)
        return set->word[base / 64] >> base % 64 & (((uint64_t)1 << n) - 1);
    for (unsigned w = base / 64; w < (base + n) / 64 && w < EX_WORDS; w++)
        if (set->word[w])
            return true;
    return false;
}

/* ---- The machine ---- */

/* Power on: a pristine machine with mm/ set up and one address space. */
void machine_start(void);
extern struct mm *machine_mm;

/* Back to pristine; to what was kept. */
void machine_reset(void);
void machine_keep(void);
void machine_restore(void);

/* A case that fails jumps here, with words. Where nobody waits for that, the program ends. */
extern jmp_buf machine_failed;
extern bool machine_armed;
extern char machine_words[300];
_Noreturn void machine_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

unsigned machine_frames_used(void);
unsigned machine_flushes(void); /* since restored */
unsigned machine_warnings(void);
extern bool machine_tells; /* trace and warnings on stdout */

/* A page of content @id, not 0, at @page, with all rights that @rights says. */
void machine_map(unsigned page, unsigned rights, uint64_t id);

/* The content that a page was made with; 0 when it is not what it was. */
uint64_t machine_id(struct pte leaf);

/* All is cached that there is now; machine_restore() caches it again. */
void machine_cache(void);

/* ---- Looking ---- */

/* What the tables say: filled by one walk over all of them, which recounts. */
struct look {
    struct pte leaf[EX_PAGES];
    uint16_t link[EX_LINKS]; /* frames, by link number */
    unsigned leaves, tables;
};
void machine_look(const struct pt *pt, struct look *look);

/* What is still cached is still so. */
void machine_check_cached(const struct look *look);
