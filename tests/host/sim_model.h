/*
 * What an address space must be, page by page: a second, independent statement of what the calls of Linux 6.18 do, with
 * the differences of docs/linux.md: an error changes nothing. It shares no code with mm/, knows no VMAs, tables or
 * frames, and is as slow and plain as a page-granular array allows.
 *
 * Pages are named by their index in the windows: stretches of the address space that are watched. What lies between the
 * windows is taken, by mappings that nothing else touches (walls). A small address space is one window.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_PAGES 4096
#define MODEL_WINDOWS 4
#define MODEL_OBJECTS 12
#define MODEL_OBJECT_PAGES 2048
#define MODEL_NAMED 3 /* objects 1 .. MODEL_NAMED have names and stay */

/* What stands behind a page at this moment. */
enum model_frame {
    FRAME_NONE,
    FRAME_ZERO,   /* the page of zeros that all share */
    FRAME_OBJECT, /* the object's own page */
    FRAME_OWN,    /* of this mapping alone */
};

enum { MODEL_R = 1, MODEL_W = 2, MODEL_X = 4 };

struct model_page {
    bool mapped;
    bool first;   /* an extent starts here: what maps would show as a line */
    uint8_t prot; /* MODEL_R, MODEL_W, MODEL_X */
    bool shared, may_write, grows_down, no_reserve;
    bool account; /* is or was private and writable, and memory was reserved for it */
    bool locked, on_fault;
    uint8_t object; /* 0: none */
    uint32_t anon;  /* identity of an extent's private pages, 0 while there were none */
    bool inherited; /* from a parent: passes to no extent without one */
    bool untaken;   /* FRAME_OWN that another process had too: nobody wrote to it since */
    uint64_t pgoff;
    enum model_frame frame;
    uint64_t word; /* content of FRAME_OWN */
};

struct model_object {
    bool used;
    uint64_t bytes;
    bool may_write; /* the descriptor that it is mapped by was opened for writing */
    bool filled[MODEL_OBJECT_PAGES];
    uint64_t word[MODEL_OBJECT_PAGES];
};

struct model_window {
    uint64_t page; /* its first page's number in the address space */
    unsigned index;
    unsigned count;
};

struct model {
    unsigned count;
    unsigned windows;
    struct model_window window[MODEL_WINDOWS];
    struct model_page page[MODEL_PAGES];
    struct model_object object[MODEL_OBJECTS + 1];
    unsigned walls;
    uint64_t wall_pages;

    uint64_t limit_as, limit_data, limit_stack, limit_memlock; /* bytes */
    uint64_t max_maps;
    uint64_t lowest, task_pages, guard; /* pages */
    uint64_t mmap_base;                 /* page */
    uint64_t brk_start, brk;            /* bytes */
    uint64_t data_bytes;                /* of the program's data segment, which counts with brk */
    uint64_t stack_top;                 /* page */
    bool future_lock, future_on_fault;
    uint32_t last_anon;
    unsigned made;          /* the object that the last call made, 0 if none */
    uint64_t copies, moves; /* of pages that others use too; of ranges of an extent, by pages */
};

/* Bounds of a range of pages, by index. */
struct span {
    unsigned from, to;
};

struct model_totals {
    uint64_t extents, total, data, stack, locked, resident, own;
};

enum model_access { MODEL_READ, MODEL_WRITE, MODEL_EXEC };
enum model_touch { TOUCH_DONE, TOUCH_MAPERR, TOUCH_ACCERR, TOUCH_BUS };

/* ---- The array ---- */

void model_start(struct model *m);
void model_add_window(struct model *m, uint64_t page, unsigned count);

/* The index of a page, or -1; the page of an index. */
long model_index(const struct model *m, uint64_t page);
uint64_t model_number(const struct model *m, unsigned i);

const struct model_window *model_window(const struct model *m, unsigned i);

/* The indices of [addr, addr + len), rounded to pages: false when they are not all in one window. */
bool model_span(const struct model *m, uint64_t addr, uint64_t len, struct span *span);

/* The extent that @i lies in. */
struct span model_extent(const struct model *m, unsigned i);

struct model_totals model_totals(const struct model *m);
uint64_t model_word(const struct model *m, unsigned i);

/* ---- Parts of calls ---- */

/* Pages unmapped; what was one extent around them is two. */
void model_clear(struct model *m, struct span span);

/* Objects without a name that nothing shows any more are gone. */
void model_sweep(struct model *m);

/* Join neighbours at the borders of, and in, @span that can be one extent. */
void model_join(struct model *m, struct span span);

/* An extent starts at @i, if that is mapped; not beyond a window's end. */
void model_cut(struct model *m, unsigned i);

/* How many extents lie around a border of @span. */
unsigned model_cuts(const struct model *m, struct span span);

/* Whether @pages more with these rights are within the limits, when @gone and @gone_data are gone by then. */
bool model_may_expand(const struct model *m, const struct model_page *kind, uint64_t pages,
                      uint64_t gone, uint64_t gone_data);
bool model_is_data(const struct model_page *p);

/* Whether memory is reserved for such a page. */
bool model_reserves(const struct model_page *p);

uint64_t model_mapped(const struct model *m, struct span span);
uint64_t model_data(const struct model *m, struct span span);

/* 0, or why memory of @pages may not be locked: -EPERM where none may, -EAGAIN beyond the limit. */
long model_may_lock(const struct model *m, uint64_t pages);

/* The highest free place for @pages, as a page number; 0 for none. */
uint64_t model_place(const struct model *m, uint64_t hint, uint64_t pages);

/* Fault all pages in that can be, in order, up to the first that cannot. */
void model_populate(struct model *m, struct span span);

/* ---- The calls: as the system calls, with their results; -4095 .. -1 is an error ---- */

enum model_touch model_touch(struct model *m, uint64_t page, enum model_access access);
enum model_touch model_write(struct model *m, uint64_t page, uint64_t word);
long model_mmap(struct model *m, uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                unsigned object, uint64_t offset);
long model_munmap(struct model *m, uint64_t addr, uint64_t len);
long model_mprotect(struct model *m, uint64_t addr, uint64_t len, uint32_t prot);
long model_madvise(struct model *m, uint64_t addr, uint64_t len, int advice);
long model_mlock(struct model *m, uint64_t addr, uint64_t len, bool lock, bool on_fault);
long model_mlockall(struct model *m, int flags); /* 0: munlockall */
long model_brk(struct model *m, uint64_t brk);
long model_mincore(struct model *m, uint64_t addr, uint64_t pages, uint8_t *vec);
long model_mremap(struct model *m, uint64_t addr, uint64_t old_len, uint64_t new_len,
                  uint32_t flags, uint64_t new_addr);
long model_stack_create(struct model *m);
long model_stack_shift(struct model *m, uint64_t shift);

/* Of the two that are there after fork, the parent ends; or with @child false, the child. */
void model_fork(struct model *m, bool child);
