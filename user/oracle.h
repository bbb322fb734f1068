/*
 * oracle: the same generated sequences of memory calls on Linux and on Realign, told in the same words.
 *
 * What happens is said line by line; a sequence's digest is the hash of its lines, so two kernels that print the
 * same digests gave the same answers, and --verbose shows what went into them. Addresses are said by the window they
 * lie in, never as numbers, for the kernels place the heap, and what they place freely, each in its own way.
 *
 * Where the two kernels differ on purpose is the table in docs/linux.md. A sequence that meets such a case steps
 * around it, or ends there; the comments "linux.md:" name the table's row.
 */
#pragma once

#include "testlib.h"

/* ---- Random numbers ---- */

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *rng);

/* A number in [0, @n); @n > 0. */
uint64_t below(struct rng *rng, uint64_t n);

/* True @percent times of a hundred. */
bool chance(struct rng *rng, unsigned percent);

/* An index into @weights, each as often as its weight of their sum. The last weight is followed by 0. */
size_t weighted(struct rng *rng, const unsigned *weights);

/* ---- Where ---- */

/*
 * The places that sequences map into: A starts and B crosses a multiple of 512 GiB, both far from all that a kernel
 * places by itself; H is the heap. Said as "A+0x1000", "B-0x2000".
 */
enum window_name { WINDOW_A, WINDOW_B, WINDOW_H, WINDOWS };

struct window {
    char name;
    uint64_t origin;
    uint64_t start, end; /* where this sequence works */
};

#define HEAP_SIZE MIB(1)
#define SMALL_SIZE MIB(64)
#define LARGE_SIZE GIB(8)
#define MARGIN GIB(16) /* around A's and B's origin nothing but ours is ever mapped */

/* Calls that make pages resident do so for no more than this. */
#define POPULATE_MAX KIB(256)

/* ---- A sequence ---- */

#define LINES_MAX 192
#define BOOK_MAX 256

/* What --ops and the like ask for. */
struct settings {
    uint64_t seed;
    uint64_t from, count;
    unsigned ops; /* most calls in a sequence; 0: the generator's own choice */
    bool verbose;
    bool several_vmas; /* moves of several mappings in one call, which Linux makes since 6.17 */
    bool pageout;      /* MADV_PAGEOUT: where there is swap, pages would go there */
};
extern struct settings settings;

struct sequence {
    uint64_t number;
    struct rng rng;
    struct window windows[WINDOWS];
    bool large;  /* sparse mappings of up to gigabytes */
    int limit;   /* RLIMIT_AS or RLIMIT_DATA when it is little above what is used, else -1 */
    bool locked; /* something was locked: it must not become much */
    bool grows;  /* something was mapped with MAP_GROWSDOWN */
    bool ended;  /* a call that Linux may have half done: nothing after it can be compared */

    /* What /proc/self/maps shows of the windows after the last call. */
    struct map_line lines[LINES_MAX];
    size_t line_count;

    /* Pages that once were touched, or were the place of such a page: looked at in large mappings. */
    uint64_t book[BOOK_MAX];
    size_t book_count;

    uint64_t digest;
    unsigned ok, failed;
};

/* The calls that are made; a result is counted by its call. */
#define OPS(X)                                                                                     \
    X(mmap, 22)                                                                                    \
    X(munmap, 8)                                                                                   \
    X(mprotect, 12)                                                                                \
    X(mremap, 32)                                                                                  \
    X(madvise, 7)                                                                                  \
    X(mlock, 5)                                                                                    \
    X(brk, 3)                                                                                      \
    X(mincore, 3)                                                                                  \
    X(touch, 22)                                                                                   \
    X(touch_all, 3)

enum op {
#define OP_NAME(name, weight) OP_##name,
    OPS(OP_NAME)
#undef OP_NAME
        OP_COUNT
};

/* Make up arguments for one call, make it, say it and its result. */
#define OP_FUNCTION(name, weight) void op_##name(struct sequence *s);
OPS(OP_FUNCTION)
#undef OP_FUNCTION

/* ---- Saying (oracle_cases_say.c) ---- */

/* Add one line, without its newline, to what the sequence says. */
void say(struct sequence *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text that becomes part of the output but of no digest; and make sure that all of it is out. */
void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void put_flush(void);

/* @addr as it is said. The text stays good for the next seven calls. */
const char *place(const struct sequence *s, uint64_t addr);

/* The name of @errno's value, "ok" for 0; of protection bits; of a set of flags from a table that ends with 0. */
const char *errno_name(long err);
const char *prot_name(unsigned prot);
struct flag_name {
    uint64_t flag;
    const char *name;
};
const char *flags_name(const struct flag_name *names, uint64_t flags);

/* Note the result of a call of kind @op: counted, and said behind the call's own text. */
void said(struct sequence *s, enum op op, long result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Print how often each call had which result. */
void put_totals(void);

/* The sequence ends here: what Linux has done of the failed call is its own affair. @why names linux.md's row. */
void end_sequence(struct sequence *s, const char *why);

/* ---- Looking (oracle_cases_look.c) ---- */

/* Read the maps of the windows into s->lines. */
void look(struct sequence *s);

/* look(), and say all of it: lines, resident pages, what is in them. @whole: every byte of these. */
void say_state(struct sequence *s, bool whole);

/* The line that contains @addr, or NULL; whether [start, end) lies in one line. */
const struct map_line *line_at(const struct sequence *s, uint64_t addr);
bool in_one_line(const struct sequence *s, uint64_t start, uint64_t end);

/* How many bytes are mapped from @addr on, over several lines but without a hole. */
uint64_t mapped_from(const struct sequence *s, uint64_t addr);

/* Whether every line that touches [start, end) makes @test true. */
bool all_lines(const struct sequence *s, uint64_t start, uint64_t end,
               bool (*test)(const struct map_line *));
bool is_file(const struct map_line *m);
uint64_t file_size(void);
bool is_heap(const struct sequence *s, uint64_t addr);

/* Remember that the page at @addr may be resident. */
void book(struct sequence *s, uint64_t addr);

/* The pages of [from, from + len) went to @to. */
void book_moved(struct sequence *s, uint64_t from, uint64_t len, uint64_t to);

/* Bytes that count against RLIMIT_AS or RLIMIT_DATA, by the maps of the whole process. */
uint64_t limited_bytes(int limit);

/* ---- Picking (oracle_cases_pick.c) ---- */

/*
 * How far @addr is behind a multiple of @unit, and that multiple. The heap is taken to start at one: where it starts
 * is different in each run, and nothing that is picked may depend on it.
 */
uint64_t offset_in(const struct sequence *s, uint64_t addr, uint64_t unit);
uint64_t aligned_down(const struct sequence *s, uint64_t addr, uint64_t unit);

/* A random line, or NULL when nothing is mapped. */
const struct map_line *pick_line(struct sequence *s);

/* An address where something is likely mapped, page-aligned: an edge of a mapping, or inside it. */
uint64_t pick_source(struct sequence *s);

/* An address to map at, page-aligned and in a window: beside a mapping, or at a mutual offset of one. */
uint64_t pick_target(struct sequence *s);

/* A length in bytes for something at @addr: pages or not, up to an edge, across one. Rarely more than @most. */
uint64_t pick_length(struct sequence *s, uint64_t addr, uint64_t most);

/* The same, but mostly with no hole in it; with @one_line mostly with nothing but one line. */
uint64_t pick_mapped_length(struct sequence *s, uint64_t addr, uint64_t most, bool one_line);

/* Make @len such that [addr, addr + len) touches nothing that is not ours, unless no kernel would look at it. */
uint64_t clip(const struct sequence *s, uint64_t addr, uint64_t len);

/* Rarely: make an argument bad in a way that every kernel must refuse, or round to the next page. */
uint64_t spoil_addr(struct sequence *s, uint64_t addr);
uint64_t spoil_length(struct sequence *s, uint64_t len);

unsigned pick_prot(struct sequence *s);

/* Rounded up to whole pages; may wrap around to 0, as in the kernel. */
static inline uint64_t pages_up(uint64_t len)
{
    return (len + PAGE - 1) & -PAGE;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- Calls ---- */

/* The kernel's own answer: nothing between us and it. */
long raw_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* What was placed freely at @addr comes to a place that both kernels agree on. Returns that place. */
uint64_t bring_home(struct sequence *s, uint64_t addr, uint64_t len);

/* Whether @addr is where only we map. */
bool is_home(const struct sequence *s, uint64_t addr);

/* The file that mappings of files show: this program. */
extern int oracle_fd;
