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

/* What each geometry can afford. Shares are prime, so that they fall on all sides and distances. */
#define ALL_LAYOUTS .distances = 8, .patterns = 12, .share = 1, .seconds = 1
#define SOME_LAYOUTS .distances = 8, .patterns = 12, .in_turn = true
const struct detail details[] = {
#if PT_BITS * PT_LEVELS == 4 /* 8 pages */
    {"engine-complete", CLASS_ENGINE, .complete = true, .to = 8},
    {"remap", CLASS_REMAP, ALL_LAYOUTS},
    {"shift", CLASS_SHIFT, ALL_LAYOUTS},
#elif PT_BITS * PT_LEVELS == 6 /* 32 pages */
    {"engine-complete", CLASS_ENGINE, .complete = true, .from = 8, .to = 24},
    {"engine", CLASS_ENGINE, .distances = 8, .patterns = 12, .share = 1, .seconds = 7},
    {"remap", CLASS_REMAP, .distances = 6, .patterns = 3, .share = 1, .seconds = 13},
    {"shift", CLASS_SHIFT, ALL_LAYOUTS},
#elif PT_BITS * PT_LEVELS == 8 /* 128 pages */
    {"engine", CLASS_ENGINE, SOME_LAYOUTS, .share = 13, .seconds = 1499},
    {"remap", CLASS_REMAP, SOME_LAYOUTS, .share = 149, .seconds = 14983},
    {"shift", CLASS_SHIFT, SOME_LAYOUTS, .share = 1, .seconds = 13},
#else                          /* 256 pages */
    {"engine", CLASS_ENGINE, SOME_LAYOUTS, .share = 61, .seconds = 19997},
    {"remap", CLASS_REMAP, SOME_LAYOUTS, .share = 1499, .seconds = 99991},
    {"shift", CLASS_SHIFT, SOME_LAYOUTS, .share = 11, .seconds = 97},
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
