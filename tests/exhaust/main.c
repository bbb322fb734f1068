/*
 * exhaust --classes                    the classes of this geometry, and the pairs of ranges in each
 * exhaust --class NAME --part I/N      every N-th pair, from the I-th on; lines of progress, then one of counts
 * exhaust --case 'engine mode=...'     one case, with a picture and each step
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mm/trace.h"
#include "tests/exhaust/enum.h"

/* What each geometry can afford: { name, class, complete, distances, patterns, seconds, all modes }. */
const struct detail details[] = {
#if PT_BITS * PT_LEVELS == 4 /* 8 pages */
    {"engine-complete", CLASS_ENGINE, true, 0, 0, 0, true},
    {"remap", CLASS_REMAP, false, 8, 12, 1, true},
    {"shift", CLASS_SHIFT, false, 8, 12, 1, true},
#elif PT_BITS * PT_LEVELS == 6 /* 32 pages */
    {"engine", CLASS_ENGINE, false, 8, 12, 1, true},
    {"remap", CLASS_REMAP, false, 6, 3, 1, true},
    {"shift", CLASS_SHIFT, false, 8, 12, 1, true},
#elif PT_BITS * PT_LEVELS == 8 /* 128 pages */
    {"engine", CLASS_ENGINE, false, 3, 2, 0, false},
    {"shift", CLASS_SHIFT, false, 3, 4, 1, true},
#else                          /* 256 pages */
    {"engine", CLASS_ENGINE, false, 1, 1, 0, false},
    {"shift", CLASS_SHIFT, false, 2, 2, 0, true},
#endif
    {0},
};

static uint64_t pairs, started;

static uint64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void progress(uint64_t pair)
{
    static uint64_t last;
    static unsigned turn;
    uint64_t now;

    if (++turn % 16)
        return;
    now = milliseconds();
    if (now < last + 500)
        return;
    last = now;
    printf("at %llu of %llu, %llu cases\n", (unsigned long long)pair, (unsigned long long)pairs,
           (unsigned long long)case_count);
    fflush(stdout);
}

static const struct detail *find_class(const char *name)
{
    const struct detail *d = details;

    while (d->name && strcmp(d->name, name) != 0)
        d++;
    return d->name ? d : NULL;
}

static int run_class(const char *name, const char *part_text)
{
    const struct detail *d = find_class(name);
    struct tally tally = {0};
    unsigned long long part, parts;

    if (!d || sscanf(part_text, "%llu/%llu", &part, &parts) != 2 || !parts || part >= parts) {
        fprintf(stderr, "exhaust: no such class or part: %s %s\n", name, part_text);
        return 2;
    }
    pairs = enum_pairs(d);
    started = milliseconds();
    enum_run(d, part, parts, &tally, progress);
    printf("%llu passed, %llu failed\n", (unsigned long long)tally.passed,
           (unsigned long long)tally.failed);
    return tally.failed != 0;
}

static int run_case(const char *line)
{
    struct ex_case c;
    bool good;

    if (!case_parse(&c, line)) {
        fprintf(stderr, "exhaust: not a case of this geometry: %s\n", line);
        return 2;
    }
    case_print(&c);
    case_picture(&c);
    case_stage(&c);
    machine_tells = true;
    port_trace_mask = TRACE_MREMAP | TRACE_PT | TRACE_TLB | TRACE_REFUSE;
    good = case_try(&c);
    printf(good ? "ok\n" : "not ok - %s\n", machine_words);
    return !good;
}

static int list_classes(void)
{
    for (const struct detail *d = details; d->name; d++)
        printf("%s %llu\n", d->name, (unsigned long long)enum_pairs(d));
    return 0;
}

int main(int argc, char **argv)
{
    machine_start();
    if (argc == 2 && strcmp(argv[1], "--classes") == 0)
        return list_classes();
    if (argc == 5 && strcmp(argv[1], "--class") == 0 && strcmp(argv[3], "--part") == 0)
        return run_class(argv[2], argv[4]);
    if (argc == 3 && strcmp(argv[1], "--case") == 0)
        return run_case(argv[2]);
    fprintf(stderr, "usage: exhaust --classes | --class NAME --part I/N | --case 'CASE'\n");
    return 2;
}
