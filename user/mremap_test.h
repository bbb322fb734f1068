/*
 * Inside of mremap_test: the scene that a case plays on, and the tables of cases.
 *
 * A scene is an arena of free addresses, and a book of what must be there: which ranges are mapped with which
 * permissions, and which pages hold which bytes. A case changes the arena by system calls and the book by
 * scene_*(); scene_check() compares the two. All places are offsets from the arena's base, which is aligned to
 * 512 GiB, so that offsets have the alignment of the addresses; an address outside the arena is an offset too.
 */
#pragma once

#include "testlib.h"

#define ARENA_SIZE GIB(2048)
#define SCENE_MAX 96

/*
 * A set of pages of [start, end) that were written: the first, the last, and those on both sides of every multiple
 * of @stride. With a stride of PAGE, that is all of them.
 */
struct fill {
    uint64_t start;
    uint64_t end;
    uint64_t stride;
};

/*
 * The pages [at, at + len) must hold what was written to the same pages of @fill from @from on; those that were not
 * written must not be resident.
 */
struct patch {
    uint64_t at;
    uint64_t len;
    uint64_t from;
    struct fill fill;
    bool cached; /* a file's page cache: residency tells nothing of the page table */
};

/* [start, end) must be mapped with @perms. */
struct piece {
    uint64_t start;
    uint64_t end;
    char perms[5];
};

/* Realign's counters of what moves did. */
struct counters {
    uint64_t pte;
    uint64_t pmd;
    uint64_t pud;
    uint64_t pgd;
    uint64_t widen_down;
    uint64_t widen_up;
    uint64_t warn;
    uint64_t flush;
};

struct scene {
    uint64_t base;
    uint64_t salt; /* part of each page's identity: another one for each case */
    struct piece pieces[SCENE_MAX];
    size_t piece_count;
    struct patch patches[SCENE_MAX];
    size_t patch_count;
    struct counters moved; /* by the calls of scene_call() so far */
    unsigned calls;
};

enum { AS_IS, DOWN, UP, BOTH }; /* ends at which a move is widened */

/* What must move: entries at each level, and where the move is widened. */
struct how {
    bool known;
    uint32_t pte;
    uint32_t pmd;
    uint32_t pud;
    uint32_t pgd;
    unsigned widen;
};
#define HOW(pte, pmd, pud, pgd, widen) .how = {true, pte, pmd, pud, pgd, widen}

struct span {
    uint64_t at;
    uint64_t len;
};

/*
 * One case. @run is given the scene, empty. What the rest means is up to it; for run_move() and most others,
 * [old, old + len) goes to @new, a part of @whole when that is given, with the mappings @near around.
 */
struct test_case {
    const char *name;
    void (*run)(struct scene *s, const struct test_case *c);
    uint64_t old;
    uint64_t len;
    uint64_t new_len; /* where the size changes */
    uint64_t flags;
    uint64_t new;
    int error;       /* the errno that must come */
    uint64_t stride; /* of the pages written; 0 for all */
    struct span whole;
    struct span near[3];
    const char *perms;
    bool old_is_address; /* not an offset in the arena */
    bool new_is_address;
    struct how how;
};

struct case_table {
    const struct test_case *cases;
    size_t count;
};

extern const struct case_table grid_cases, layout_cases, level_cases, resize_cases, fixed_cases,
    several_cases, flag_cases, kind_cases, errno_cases;

/* Plays a case that is told by its places alone: sets the scene, moves, checks. */
void run_move(struct scene *s, const struct test_case *c);

/* ---- The scene (mremap_cases_scene.c) ---- */

static inline void *scene_ptr(const struct scene *s, uint64_t at)
{
    return (void *)(s->base + at);
}

/* What the page at offset @page is filled with: no other page of any case has the same. */
static inline uint64_t page_id(const struct scene *s, uint64_t page)
{
    return s->salt << 48 | page;
}

static inline bool fill_has(const struct fill *f, uint64_t page)
{
    return page == f->start || page + PAGE == f->end || page % f->stride == 0 ||
           (page + PAGE) % f->stride == 0;
}

/* The first page at or above @page that was written, the end of the fill when there is none. */
uint64_t fill_next(const struct fill *f, uint64_t page);

/* An empty arena, an empty book. */
void scene_open(struct scene *s, uint64_t base);

/* Unmap all that the case left behind. */
void scene_close(struct scene *s);

/* Map [at, at + len) with @perms ("rw-p", "rw-s", ...), where nothing may be mapped so far. */
void scene_map(struct scene *s, uint64_t at, uint64_t len, const char *perms);

/* Write the pages of [at, at + len) that @stride selects (0: all), and note them in the book. */
void scene_fill(struct scene *s, uint64_t at, uint64_t len, uint64_t stride);

/* scene_map() readable and writable, and scene_fill() of all pages. */
void scene_area(struct scene *s, uint64_t at, uint64_t len);

/* Like scene_area(), then made read-only so that it never merges with what it touches. */
void scene_neighbour(struct scene *s, uint64_t at, uint64_t len);

void scene_protect(struct scene *s, uint64_t at, uint64_t len, const char *perms);

/* mremap(2) of offsets; its result as an address or -errno. Counts what Realign moved. */
long scene_call(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags,
                uint64_t new);

/*
 * scene_call() that may choose the place by itself; it must find one that is page-aligned and free. Returns the
 * offset of the place, 0 when there is none.
 */
uint64_t scene_call_anywhere(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len,
                             uint64_t flags);

/* Whole mapping and neighbours of @c, written. */
void scene_set(struct scene *s, const struct test_case *c);

/* scene_call() that must return exactly the address of @want. */
bool scene_call_to(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len,
                   uint64_t flags, uint64_t new, uint64_t want);

/* ---- Changes to the book only ---- */

/* [at, at + len) is mapped with @perms from now on, in place of what the book had there; nothing is said of bytes. */
void book_map(struct scene *s, uint64_t at, uint64_t len, const char *perms);

/* Nothing is mapped in [at, at + len) any more. */
void book_unmap(struct scene *s, uint64_t at, uint64_t len);

/* The bytes of [at, at + len) are no longer known. */
void book_forget(struct scene *s, uint64_t at, uint64_t len);

/* The bytes of [old, old + len) are to be seen at @new too. */
void book_copy(struct scene *s, uint64_t old, uint64_t len, uint64_t new);

/* What a move does: [old, old + len) with its permissions and bytes is at @new, and gone where it was. */
void book_move(struct scene *s, uint64_t old, uint64_t len, uint64_t new);

/* ---- Checks (mremap_cases_check.c) ---- */

/* Compare the book with /proc/self/maps, mincore and all bytes. False when something differs. */
bool scene_check(struct scene *s);

/* All pages of [at, at + len) read as zero, unless the case failed already. Makes them resident. */
void scene_check_zero(struct scene *s, uint64_t at, uint64_t len);

/* No page of [at, at + len), a few MiB at most, is resident. */
void scene_check_absent(struct scene *s, uint64_t at, uint64_t len);

/* One line of the maps is exactly [at, at + len). */
void scene_check_merged(struct scene *s, uint64_t at, uint64_t len);

/* Counters as they are now; all zero on Linux. */
struct counters counters_read(void);
