/*
 * The address space, as the rest of the kernel sees it. This is the only header of mm/ that kernel/
 * includes.
 *
 * Lock order, outermost first: mm->lock, object->lock, and below them the port's own locks (frames,
 * log), each held for one call only. mm->lock is taken by the caller: for write around every call
 * here that takes a `struct mm *`, except where a comment says "for read".
 *
 * Errors are negative errno. A call that fails leaves the address space as it was: VMAs, tables,
 * counters, frames.
 */
#pragma once

#include "mm/port.h"
#include "mm/types.h"

struct vma;
struct object;

/* ---- The address space ---- */

/*
 * A page table: the root and the level of the root's entries. Objects keep their pages in one too.
 */
struct pt {
    struct pte *root;
    unsigned top;
    uint32_t space;  /* number of the address space, for the trace; 0 for an object's tree */
    uint64_t tables; /* linked in, the root included */
};

/* What the process may use at most, bytes. */
struct mm_limits {
    uint64_t as;
    uint64_t data;
    uint64_t stack;
    uint64_t memlock;
};

/* Where exec put things, for /proc and brk. */
struct mm_layout {
    vaddr_t code_start, code_end;
    vaddr_t data_start, data_end;
    vaddr_t brk_start, brk;
    vaddr_t stack_top;
    vaddr_t arg_start, arg_end;
    vaddr_t env_start, env_end;
    vaddr_t auxv_start, auxv_end;
    vaddr_t start_stack; /* the program's first stack pointer */
    vaddr_t mmap_base;   /* the gap search starts below it and goes down */
};

/* All address spaces, by next_mm. */
extern struct mm *mm_all;

struct mm {
    struct port_lock lock;
    struct pt pt;         /* lock */
    struct vma *first;    /* lock; by address */
    struct vma *last;     /* lock */
    struct vma *tree;     /* lock; root of the search tree */
    struct vma *found;    /* lock; what was looked for last, or NULL: a guess, see vma_find() */
    struct vma *spare;    /* lock; a VMA that is not in use, for the next that is wanted, or NULL */
    uint32_t vma_count;   /* lock */
    uint32_t tree_seed;   /* lock; of the priorities in the tree */
    uint64_t anon_ids;    /* lock; last identity given to a VMA's anonymous pages */
    uint64_t total_pages; /* lock; in all VMAs */
    uint64_t data_pages;  /* lock; in private writable VMAs, stacks aside */
    uint64_t stack_pages; /* lock; in VMAs that grow down */
    uint64_t locked_pages;    /* lock; in VMAs with VMA_LOCKED */
    uint64_t committed_pages; /* lock; promised: in VMAs with VMA_ACCOUNT */
    uint64_t rss_pages;       /* lock; frames mapped */
    bool no_thp;              /* lock; no transparent huge pages, whatever was asked for */
    uint32_t future_flags;    /* lock; VMA_LOCKED when mlockall asked for it */
    uint64_t peak_pages;      /* lock; the most that total_pages has been */
    uint64_t
        peak_rss_pages; /* lock; rss_pages before what was taken away last: see mm_peak_rss() */
    struct mm_limits limits; /* lock */
    struct mm_layout layout; /* lock */
    uint32_t users;     /* processes that run in it; of whoever holds one of these references */
    struct mm *next_mm; /* all of them, for mm_check */
};

enum realign { REALIGN_OFF, REALIGN_PMD, REALIGN_FULL };

enum thp { THP_NEVER, THP_MADVISE, THP_ALWAYS };

/* How much private memory may be promised, by Linux's numbers: see vma_may_commit(). */
enum overcommit { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };
#define COMMIT_PERCENT 50 /* of all memory, with OVERCOMMIT_NEVER */

/*
 * Settings of the whole of mm/, from the command line at boot; some of them change later, by
 * /proc/sys.
 */

struct mm_config {
    enum realign realign;
    enum thp thp;   /* transparent huge pages: where may faults bring them */
    bool huge_1g;   /* whether the processor has leaves of 1 GiB */
    bool randomize; /* mmap base, brk and stack at random places */
    vaddr_t mmap_min_addr;
    uint32_t max_map_count;
    enum overcommit overcommit;
    uint64_t stack_guard; /* bytes kept free below a VMA that grows down */
};
extern struct mm_config mm_config;

/*
 * Why a call was refused, or an end of a move not widened; counted in mm_stats and said in the
 * trace.
 */
#define REFUSALS(X)                                                                                \
    X(FLAGS, flags, "unknown or contradictory flags")                                              \
    X(UNALIGNED, unaligned, "address not page-aligned")                                            \
    X(LENGTH, length, "length zero or beyond the address space")                                   \
    X(OVERLAP, overlap, "old and new range overlap")                                               \
    X(UNMAPPED, unmapped, "nothing mapped there")                                                  \
    X(CROSSES_VMA, crosses_vma, "range leaves its VMA")                                            \
    X(PRIVATE_COPY, private_copy, "old_size 0 needs a shared mapping")                             \
    X(NOT_GROWABLE, not_growable, "no room to grow in place and may not move")                     \
    X(NO_GAP, no_gap, "no free range of this length")                                              \
    X(LIMIT, limit, "a resource limit or the number of VMAs")                                      \
    X(MEMORY, memory, "out of memory")                                                             \
    X(TOO_LOW, too_low, "below mmap_min_addr")                                                     \
    X(EXISTS, exists, "range is in use")                                                           \
    X(ACCESS, access, "protection not allowed")                                                    \
    X(OFFSET, offset, "offset overflows or not page-aligned")                                      \
    X(SEALED, sealed, "sealed by mseal")

enum refusal {
#define REFUSAL_NAME(upper, lower, words) REFUSE_##upper,
    REFUSALS(REFUSAL_NAME)
#undef REFUSAL_NAME
        REFUSAL_COUNT
};

/* Totals since boot, shown in /proc/vmstat. Lock: one CPU counts; per CPU once there are more. */
struct mm_stats {
    uint64_t moved[PT_LEVELS]; /* entries, by level */
    uint64_t moves;            /* runs of the engine */
    uint64_t widen_down, widen_up;
    uint64_t widen_refused_down,
        widen_refused_up; /* mutually aligned, but a neighbour forbade it */
    uint64_t tables_allocated, tables_freed;
    uint64_t tlb_flush, tlb_flush_full;
    uint64_t warn; /* destination PMD not none */
    uint64_t faults, cow;
    uint64_t huge;  /* faults that brought a huge page */
    uint64_t split; /* huge leaves that became tables */
    uint64_t refused[REFUSAL_COUNT];
};
extern struct mm_stats mm_stats;

/* "off", "pmd" or "full". */
const char *mm_realign_name(enum realign realign);

/* The name of a counter of @refused, in lower case for vmstat, and its words. */
const char *mm_refusal_name(enum refusal why);
const char *mm_refusal_words(enum refusal why);

/* Once at boot, after frames and objects can be allocated. Returns 0 or -ENOMEM. */
[[nodiscard]] long mm_init(void);

/* An empty address space with no limits set and one user; NULL when memory is out. No lock. */
[[nodiscard]] struct mm *mm_create(void);

/*
 * A child of @parent, with one user: the same mappings, limits and layout, and the same content,
 * which each side then changes for itself alone. Nothing in it is locked. NULL when memory is out.
 */
[[nodiscard]] struct mm *mm_fork(struct mm *parent);

/* One user more; one less, and with the last the address space is destroyed. No lock. */
struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm);

/*
 * Unmap all and free. At most one user is left, and no CPU uses it any more, except perhaps as the
 * root now loaded: load another first. No lock.
 */
void mm_destroy(struct mm *mm);

/* Pages of private memory that are promised to all, and that may be with OVERCOMMIT_NEVER. No lock. */
uint64_t mm_committed(void);
uint64_t mm_commit_limit(void);

/*
 * Take all pages out of @mm, whose process will not run again, but those of pools; its VMAs stay. Cannot fail. Takes
 * the lock.
 */
void mm_forget_all(struct mm *mm);

/* The most frames that were mapped so far. For read. */
uint64_t mm_peak_rss(const struct mm *mm);

/* The physical address of the root, for CR3. */
paddr_t mm_root(const struct mm *mm);

/* ---- Objects: pages that several mappings may share ---- */

/*
 * An object of @bytes, all holes that read as zeros, with one reference for the caller; NULL when
 * memory is out.
 * @name is shown in maps and copied; "" for a file that has none yet, NULL for anonymous shared
 * memory.
 */
[[nodiscard]] struct object *object_create(uint64_t bytes, const char *name);
struct object *object_get(struct object *object);
void object_put(struct object *object); /* frees it with the last reference */
uint64_t object_size(const struct object *object);
uint64_t object_pages(struct object *object); /* that it has; the others are holes */
uint64_t object_ino(const struct object *object);

/*
 * Make the object @bytes long, as ftruncate(2) does. What is added is a hole. What is cut off is
 * unmapped wherever it was mapped, private copies of it too, and the rest of the last page becomes
 * zeros; an access beyond it is FAULT_BUS from then on. 0, -EFBIG, or -ENOMEM (never when it
 * becomes shorter) with nothing changed. Takes the locks of all address spaces, and the object's.
 */
[[nodiscard]] long object_resize(struct object *object, uint64_t bytes);

/*
 * Copy out of or into an object's bytes [off, off + len), which lie below its size. 0, -ENOMEM, or
 * -ENOSPC: objects with a name, that is files, leave a part of all memory to programs.
 */
[[nodiscard]] long object_read(struct object *object, uint64_t off, void *dst, uint64_t len);
[[nodiscard]] long object_write(struct object *object, uint64_t off, const void *src, uint64_t len);

/*
 * The first byte at or behind @off, which lies below the size, that is in a page, or in a hole. The
 * size when there is none.
 */
uint64_t object_seek(struct object *object, uint64_t off, bool data);

/* Have all the pages that hold bytes of [off, off + len), below the size. 0, or -ENOMEM, -ENOSPC half-way. */
[[nodiscard]] long object_fill(struct object *object, uint64_t off, uint64_t len);

/*
 * Make [off, off + len), below the size or not, read as zeros: whole pages become holes and are
 * unmapped, but private copies of them stay. Not of one in pages of a pool. Takes the locks of all
 * address spaces, and the object's.
 */
void object_punch(struct object *object, uint64_t off, uint64_t len);

/* Another name, for maps. 0 or -ENOMEM. */
[[nodiscard]] long object_rename(struct object *object, const char *name);
const char *object_name(const struct object *object);

/* Is it mapped anywhere so that the mapping may write to it? No lock of an address space is held. */
bool object_mapped_shared(const struct object *object);

/*
 * ---- The calls ----
 *
 * Each returns 0, an address, or a negative errno as Linux 6.18 does. Those that return addresses
 * return int64_t: a long has 32 bits where pointers have.
 */

/*
 * mmap(2) after the file descriptor became an object. @offset in bytes. @object NULL for
 * MAP_ANONYMOUS; the mapping takes its own reference. @may_write: whether the file was opened for
 * writing, asked for shared mappings only.
 */
int64_t mm_mmap(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                struct object *object, uint64_t offset, bool may_write);
long mm_munmap(struct mm *mm, vaddr_t addr, uint64_t len);
long mm_mprotect(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot);
/* MADV_REMOVE lets go of the lock while it changes an object. */
long mm_madvise(struct mm *mm, vaddr_t addr, uint64_t len, int advice);
/* mseal(2): what is sealed is no more unmapped, moved, resized or mapped over, and keeps its rights. */
long mm_mseal(struct mm *mm, vaddr_t addr, uint64_t len, uint64_t flags);
/*
 * msync(2): there is nothing to be written, only to be refused; -EBUSY where what is locked would
 * become invalid. For read.
 */
long mm_msync(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t flags);
/*
 * mlock(2), mlock2(2), munlock(2). -EAGAIN: locked, but memory ran out before all was there; what
 * allows no access, or lies past an object's end, stays out without an error.
 */
long mm_mlock(struct mm *mm, vaddr_t addr, uint64_t len, bool lock, bool on_fault);
/* mlockall(2) with @flags of MCL_; 0 for munlockall(2). */
long mm_mlockall(struct mm *mm, int flags);
/* Returns the break in force afterwards, as the raw call does. */
int64_t mm_brk(struct mm *mm, vaddr_t brk);
int64_t mm_mremap(struct mm *mm, vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                  vaddr_t new_addr);

/*
 * mincore(2) for at most @pages pages from @addr: vec[i] bit 0 set when resident. 0 or -ENOMEM. For
 * read.
 */
long mm_mincore(struct mm *mm, vaddr_t addr, uint64_t pages, uint8_t *vec);

/* ---- Pools of huge pages, by level: PT_PMD, PT_PUD ---- */

struct hugetlb_counts {
    uint64_t total, free; /* pages */
    uint64_t promised;    /* to mappings that have not touched them yet */
    uint64_t surplus;     /* too many, to go when nobody uses them any more */
};
struct hugetlb_counts mm_hugetlb_counts(unsigned level);

/* Make the pool as large as can be, at most @pages. How many it is meant to have now. */
uint64_t mm_hugetlb_resize(unsigned level, uint64_t pages);

/* ---- Faults ---- */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

enum fault_result {
    FAULT_DONE,
    FAULT_MAPERR, /* SIGSEGV, SEGV_MAPERR */
    FAULT_ACCERR, /* SIGSEGV, SEGV_ACCERR */
    FAULT_BUS,    /* SIGBUS, BUS_ADRERR: past the end of the object, no room for the file */
    FAULT_OOM,
};

/*
 * Make @access to @addr possible if the VMAs allow it. Lock: for write (a stack may grow, tables
 * change).
 */
enum fault_result mm_fault(struct mm *mm, vaddr_t addr, enum access access);

/*
 * Copy between kernel memory and the user memory of @mm, which need not be the one in use, through
 * the direct map, faulting pages in. 0, -EFAULT or -ENOMEM; on failure a part may have been copied.
 */
[[nodiscard]] long mm_copy_to(struct mm *mm, vaddr_t dst, const void *src, uint64_t len);
[[nodiscard]] long mm_copy_from(struct mm *mm, void *dst, vaddr_t src, uint64_t len);

/*
 * The object that is mapped shared at @addr, and the place in it, in bytes, to *@offset; NULL where
 * memory is private, or nothing is mapped: *@offset is as it was. What a futex there is known by.
 * For read.
 */
struct object *mm_shared_object(struct mm *mm, vaddr_t addr, uint64_t *offset);

/* ---- exec's stack ---- */

/*
 * The temporary stack: an empty VMA that grows down from TASK_SIZE, on which exec copies strings
 * with mm_copy_to. 0, -ENOMEM, or -EEXIST when something is mapped there.
 */
[[nodiscard]] long stack_create(struct mm *mm);

/*
 * Shift the whole stack down by @shift bytes (multiple of PAGE_SIZE) with the move engine and make
 * room for it to grow: layout.stack_top becomes the new end. All or nothing: 0, -ENOMEM, -EINVAL
 * when it would not fit.
 */
[[nodiscard]] long stack_shift(struct mm *mm, uint64_t shift);

/* ---- Looking ---- */

/*
 * The lowest VMA that ends above *addr, as a line of /proc/PID/maps or what smaps says of it, to @buf:
 * the length without a NUL, and *addr becomes the VMA's end. 0 when there is none. What does not
 * fit is cut off: MM_RECORD bytes are enough for names of PATH_MAX. For read.
 */
size_t mm_maps(struct mm *mm, vaddr_t *addr, char *buf, size_t size);
size_t mm_smaps(struct mm *mm, vaddr_t *addr, char *buf, size_t size);
#define MM_RECORD (6 * 1024)

/* All of /proc/PID/smaps_rollup; 0 when nothing is mapped. For read. */
size_t mm_smaps_rollup(struct mm *mm, char *buf, size_t size);

/*
 * The entries of /proc/PID/pagemap for the pages of @range, which is page-aligned: 8 bytes each. For
 * read.
 */
void mm_pagemap(struct mm *mm, struct range range, uint64_t *entries);

/* Pages in use by what they are: private ones, those of files, those of shared memory. */
struct mm_usage {
    uint64_t anon;
    uint64_t file;
    uint64_t shmem;
    uint64_t hugetlb; /* from the pools; Linux does not count it as resident */
    uint64_t code;    /* pages of VMAs that may be executed, in use or not */
};

/* Counted anew: the time it takes is that of a walk through all tables. For read. */
struct mm_usage mm_usage(struct mm *mm);

/* The pages of the whole machine by their use; what several map counts once. All locks free. */
struct mm_totals {
    uint64_t anon;
    uint64_t anon_huge; /* of that, transparent huge pages */
    uint64_t file;      /* held for files */
    uint64_t shmem;     /* held as shared memory */
    uint64_t mapped;    /* of those two, what somebody maps */
    uint64_t tables;
    uint64_t locked; /* in VMAs that are locked */
};
struct mm_totals mm_totals(void);

/* VMAs and tables as stable, diffable text, a line at a time without newline. For read. */
void mm_dump(struct mm *mm, void (*emit)(void *ctx, const char *line), void *ctx);

/*
 * The same in a panic, when @mm may be in any state: takes no lock, asserts nothing, says what cannot be
 * followed, and cuts areas and tables after @most lines each.
 */
void mm_dump_broken(struct mm *mm, unsigned most, void (*emit)(void *ctx, const char *line),
                    void *ctx);

/* The same as events of kind `state`. For read. */
void mm_trace_state(struct mm *mm);

/* Recount every invariant of design section 5; panics with the first that is broken. For read. */
void mm_check(struct mm *mm);

/*
 * As mm_check for all address spaces and objects, and every frame's reference count on top. All
 * locks free.
 */
void mm_check_all(void);
