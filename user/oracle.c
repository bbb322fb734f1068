/*
 * oracle: generated sequences of memory calls, and what the kernel made of them; see oracle.h.
 *
 * usage: oracle [--seed S] [--from N] [--count N] [--ops K] [--several-vmas] [--pageout] [--verbose]
 *
 * Prints a line for each sequence: its number, its digest, how many calls succeeded and failed; then how often each
 * call had which result. tools/oracle.py compares this between Linux and Realign.
 */
#include "oracle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define A_ORIGIN 0x100000000000ul /* 16 TiB */
#define B_ORIGIN (A_ORIGIN + 2 * PGD)

struct settings settings = {.seed = 1, .count = 100};
int oracle_fd;

/* ---- One sequence ---- */

static void (*const ops[])(struct sequence *s) = {
#define OP_ADDRESS(name, weight) op_##name,
    OPS(OP_ADDRESS)
#undef OP_ADDRESS
};

static const unsigned op_weights[] = {
#define OP_WEIGHT(name, weight) weight,
    OPS(OP_WEIGHT)
#undef OP_WEIGHT
        0,
};

static void set_limit(int resource, uint64_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    raw_call(SYS_setrlimit, (uint64_t)resource, (uint64_t)&limit, 0, 0, 0, 0);
}

static void begin(struct sequence *s, uint64_t number, uint64_t heap)
{
    uint64_t size;

    memset(s, 0, sizeof(*s));
    s->number = number;
    s->digest = 0xcbf29ce484222325ul;
    s->rng.state = settings.seed * 0x9e3779b97f4a7c15ul ^ number;
    s->rng.state = rng_next(&s->rng);
    s->large = chance(&s->rng, 10);
    s->limit = s->large || chance(&s->rng, 90) ? -1 : chance(&s->rng, 60) ? RLIMIT_AS : RLIMIT_DATA;
    size = s->large ? LARGE_SIZE : SMALL_SIZE;
    s->windows[WINDOW_A] = (struct window){'A', A_ORIGIN, A_ORIGIN, A_ORIGIN + size};
    s->windows[WINDOW_B] = (struct window){'B', B_ORIGIN, B_ORIGIN - size / 2, B_ORIGIN + size / 2};
    s->windows[WINDOW_H] = (struct window){'H', heap, heap, heap + HEAP_SIZE};
    say(s, "sequence %lu%s%s", (unsigned long)number, s->large ? " large" : "",
        s->limit == RLIMIT_AS     ? " limited"
        : s->limit == RLIMIT_DATA ? " limited data"
                                  : "");
    if (s->limit >= 0)
        set_limit(s->limit, limited_bytes(s->limit) + (16 + below(&s->rng, 200)) * PAGE);
}

/* Unmap all. The heap must be mapped for brk() to give it back: Linux looks for it. */
static void clean(const struct sequence *s)
{
    uint64_t heap = s->windows[WINDOW_H].origin;
    uint64_t brk = (uint64_t)raw_call(SYS_brk, 0, 0, 0, 0, 0, 0);

    if (s->limit >= 0)
        set_limit(s->limit, RLIM_INFINITY);
    for (unsigned i = WINDOW_A; i <= WINDOW_B; i++)
        raw_call(SYS_munmap, s->windows[i].origin - MARGIN, 2 * MARGIN, 0, 0, 0, 0);
    if (pages_up(brk) > heap)
        raw_mmap(heap, pages_up(brk) - heap, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    raw_call(SYS_brk, heap, 0, 0, 0, 0, 0);
    raw_call(SYS_munmap, heap, HEAP_SIZE, 0, 0, 0, 0);
}

/* Map every hole that once was a touched page: no page of old may show through. */
static void map_holes(struct sequence *s)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;

    for (size_t i = 0; i < s->book_count; i++)
        if (is_home(s, s->book[i]) && !line_at(s, s->book[i]))
            raw_mmap(s->book[i], PAGE, PROT_READ, flags, -1, 0);
    say_state(s, false);
}

/*
 * Bring to light what maps does not show. With the same rights everywhere, what still is apart differs in its pages'
 * origin, or in flags; what is locked cannot be forgotten; and under what is gone nothing may be left.
 */
static void finish(struct sequence *s)
{
    say(s, "the end");
    say_state(s, true);
    for (size_t i = 0; i < s->line_count; i++) {
        struct map_line *m = &s->lines[i];

        say(s, "mprotect(line %zu, READ|WRITE) = %s", i,
            errno_name(raw_call(SYS_mprotect, m->start, m->end - m->start, PROT_READ | PROT_WRITE,
                                0, 0, 0)));
    }
    say_state(s, false);
    for (size_t i = 0; i < s->line_count; i++) {
        struct map_line *m = &s->lines[i];

        say(s, "madvise(line %zu, DONTNEED) = %s", i,
            errno_name(raw_call(SYS_madvise, m->start, m->end - m->start, MADV_DONTNEED, 0, 0, 0)));
    }
    say_state(s, false);
    map_holes(s);
}

static void run_sequence(uint64_t number, uint64_t heap)
{
    static struct sequence s;
    unsigned calls;

    begin(&s, number, heap);
    calls = settings.ops ? settings.ops : 6 + (unsigned)below(&s.rng, 19);
    for (unsigned i = 0; i < calls && !s.ended; i++) {
        ops[i < 2 ? OP_mmap : i == 2 ? OP_touch_all : weighted(&s.rng, op_weights)](&s);
        if (!s.ended)
            say_state(&s, false);
    }
    if (!s.ended)
        finish(&s);
    clean(&s);
    put("%lu %016lx ok %u failed %u\n", (unsigned long)number, (unsigned long)s.digest, s.ok,
        s.failed);
    put_flush();
}

/* ---- All of them ---- */

static uint64_t number_argument(const char *name, const char *text)
{
    char *end = "";
    uint64_t n = text ? strtoul(text, &end, 0) : 0;

    if (text && *text && !*end)
        return n;
    put("oracle: %s needs a number\n", name);
    put_flush();
    exit(2);
}

static void parse_arguments(char **argv)
{
    while (*++argv) {
        const char *name = *argv;

        if (!strcmp(name, "--verbose"))
            settings.verbose = true;
        else if (!strcmp(name, "--several-vmas"))
            settings.several_vmas = true;
        else if (!strcmp(name, "--pageout"))
            settings.pageout = true;
        else if (!strcmp(name, "--seed"))
            settings.seed = number_argument(name, *++argv);
        else if (!strcmp(name, "--from"))
            settings.from = number_argument(name, *++argv);
        else if (!strcmp(name, "--count"))
            settings.count = number_argument(name, *++argv);
        else if (!strcmp(name, "--ops"))
            settings.ops = (unsigned)number_argument(name, *++argv);
        else
            number_argument(name, NULL);
        if (!*argv)
            return;
    }
}

/* The stack as deep as it will get: RLIMIT_AS counts it. */
static void __attribute__((noinline)) use_stack(void)
{
    volatile char bytes[KIB(256)];

    for (size_t i = 0; i < sizeof(bytes); i += PAGE)
        bytes[i] = 1;
}

/* Where the heap starts: behind a page that keeps it apart from the program's data. 0 when there is none. */
static uint64_t start_heap(void)
{
    uint64_t guard = pages_up((uint64_t)raw_call(SYS_brk, 0, 0, 0, 0, 0, 0));
    uint64_t heap = guard + PAGE;

    if (raw_call(SYS_brk, heap, 0, 0, 0, 0, 0) != (long)heap)
        return 0;
    return raw_call(SYS_mprotect, guard, PAGE, PROT_NONE, 0, 0, 0) ? 0 : heap;
}

int main(int argc, char **argv)
{
    uint64_t heap = start_heap();

    (void)argc;
    parse_arguments(argv);
    oracle_fd = open("/proc/self/exe", O_RDONLY);
    if (oracle_fd < 0 || !heap) {
        put("oracle: no file to map, or no heap\n");
        put_flush();
        return 2;
    }
    if (!on_realign())
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* huge pages would make untouched pages resident */
    use_stack();
    for (uint64_t i = 0; i < settings.count; i++)
        run_sequence(settings.from + i, heap);
    put_totals();
    put("end\n");
    put_flush();
    return 0;
}
