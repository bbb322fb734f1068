/*
 * The seam below mm/: all that it needs from the machine it runs on, resolved by the linker. The
 * kernel's side is kernel/port.c; the host's simulates frames and a TLB, in tests/host/.
 */
#pragma once

#include "mm/types.h"

struct mm;
struct trace_event;

/*
 * What is known of one 4 KiB frame of memory.
 *
 * @refs: page-table entries that map the frame, of address spaces and objects; 0 for a free frame and
 * for a table. A huge leaf counts once for each frame in its span.
 * @live: of a page table, how many of its entries are not empty (user half only, for a root).
 * @next: of a frame in a list, the frame number of the next, 0 at the end.
 *
 * Lock: of the mm that the frame is a table of or mapped in; a frame in a list belongs to the
 * list's owner.
 */
struct frame {
    uint32_t refs;
    union {
        uint32_t live;
        uint32_t next;
    };
};

/* ---- Frames of memory ---- */

/*
 * A frame with refs and live 0, zero-filled when @zero; 0 when memory is out. Frame 0 is never
 * given out.
 */
[[nodiscard]] paddr_t port_frame_alloc(bool zero);
void port_frame_free(paddr_t frame);

/* The same for @count of them that lie one behind another, from @first on. */
void port_run_free(paddr_t first, uint64_t count);

/*
 * The frames that one leaf of @level maps: a block as long as the leaf's span and aligned to it, each
 * frame as port_frame_alloc() gives it; 0 when there is none.
 */
[[nodiscard]] paddr_t port_block_alloc(unsigned level, bool zero);
void port_block_free(paddr_t block, unsigned level);

/*
 * Page tables are frames that hold zeros when they come and when they go. Whoever will need some, where
 * nothing may fail any more, has them reserved before: @count of them, or none, and false, when memory is out. They are
 * free frames no longer, and as many are to be taken or not to be reserved any more.
 */
[[nodiscard]] bool port_tables_reserve(uint32_t count);
void port_tables_unreserve(uint32_t count);
paddr_t port_table_take(void); /* one of those reserved: zeros, refs and live 0 */

/* Frames linked by number through next of their metadata. All zero when it is empty. */
struct frame_list {
    uint32_t first, last;
    uint32_t count;
};

/* Tables with no entries left; @list is empty afterwards. */
void port_tables_free(struct frame_list *list);

/*
 * The metadata of the frame that holds @pa; that of the next frame lies behind it.
 * Where the kernel sees @pa; and back, for a pointer into a frame.
 *
 * They are asked at each step of a walk. Where PORT_DIRECT_BASE is defined, as in the kernel's release
 * build, all memory is seen at that address, and the answers are no calls; elsewhere they are
 * checked.
 */
extern struct frame *port_frame_table; /* by frame number; the kernel's alone */

#ifdef PORT_DIRECT_BASE
#define PORT_FRAMES port_frame_table

/* port_frame() of frame @number, in a loop over many: @frames is PORT_FRAMES, taken before it. */
static inline struct frame *port_frame_in(struct frame *frames, uint64_t number)
{
    return &frames[number];
}

static inline struct frame *port_frame(paddr_t pa)
{
    return &port_frame_table[pa >> PAGE_SHIFT];
}

static inline void *port_ptr(paddr_t pa)
{
    return (void *)(PORT_DIRECT_BASE + pa);
}

static inline paddr_t port_paddr(const void *ptr)
{
    return (uint64_t)ptr - PORT_DIRECT_BASE;
}
#else
#define PORT_FRAMES NULL

struct frame *port_frame(paddr_t pa);

static inline struct frame *port_frame_in(struct frame *frames, uint64_t number)
{
    (void)frames;
    return port_frame(number << PAGE_SHIFT);
}

void *port_ptr(paddr_t pa);
paddr_t port_paddr(const void *ptr);
#endif

/* Frame @pa becomes the first of @list. */
static inline void frame_list_add(struct frame_list *list, paddr_t pa)
{
    uint32_t number = (uint32_t)(pa >> PAGE_SHIFT);

    port_frame(pa)->next = list->first;
    list->first = number;
    if (list->count++ == 0)
        list->last = number;
}

/* Whether a frame in use is at @pa, which may be any number: what a panic asks before it follows an entry. */
bool port_is_frame(paddr_t pa);

/* Frames that the machine has in all, for the check against absurd requests. */
uint64_t port_frames_total(void);
uint64_t port_frames_free(void);

/* ---- Small objects: VMAs, address spaces ---- */

/* @size bytes, zeroed, 16-aligned; NULL when memory is out. */
[[nodiscard]] void *port_alloc(size_t size);
void port_free(void *object, size_t size);

/* ---- Translations ---- */

/* Make a fresh root table translate what every address space shares: the kernel's half. */
void port_root_init(paddr_t root);

/*
 * Forget, on every CPU that may use @mm, what was cached of the translation of [start, end) or of
 * everything: entries of all levels. Returns when all have done so. (Intel SDM vol. 3, 4.10.4)
 */
void port_tlb_flush(struct mm *mm, struct range range);
void port_tlb_flush_all(struct mm *mm);

/* ---- Locks ---- */

struct port_lock {
    int32_t holders; /* readers, or -1 for a writer */
};

void port_lock_write(struct port_lock *lock);
void port_unlock_write(struct port_lock *lock);
void port_lock_read(struct port_lock *lock);
void port_unlock_read(struct port_lock *lock);

static inline bool port_locked_write(const struct port_lock *lock)
{
    return lock->holders < 0;
}

static inline bool port_locked(const struct port_lock *lock)
{
    return lock->holders != 0;
}

/* ---- Words ---- */

/* Set bits are the TRACE_ kinds of mm/trace.h that somebody wants to see. */
extern uint32_t port_trace_mask;
void port_trace(const struct trace_event *event);

/*
 * snprintf with d u x lx lu llx llu s c p %, width, * and zero fill; returns the length that would
 * have been written.
 */
int port_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* One line to the log, at the level of warnings, without a newline at its end. */
void port_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An invariant of ours is broken. Says where and why, and never returns. */
_Noreturn void port_panic(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define mm_assert(cond)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            port_panic(__FILE__, __LINE__, "assertion failed: %s", #cond);                         \
    } while (0)

/* 64 random bits; the same series in each run where the user asked for that. */
uint64_t port_random(void);
