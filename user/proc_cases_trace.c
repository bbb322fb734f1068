/*
 * Inside of proc_test: /proc/trace, trace_json, pagetables and vm/realign, which only Realign has. Each case leaves the
 * trace off and realign as it was.
 */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define TRACE "/proc/trace"
#define REALIGN "/proc/sys/vm/realign"

/* Is this not Realign? */
static bool not_here(void)
{
    if (on_realign())
        return false;
    tap_skip("Realign alone has a trace");
    return true;
}

/* A page's span into a PMD entry, to where it can be widened: one PMD entry moves. */
static void move_one(void)
{
    char *from = map_area(513, 511, PROT_READ | PROT_WRITE, 0);
    uint64_t to = area + 4 * PMD + PAGE;

    from[0] = 1;
    EXPECT(raw_mremap((uint64_t)from, 511 * PAGE, 511 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to),
           (long)to);
    EXPECT(munmap((void *)to, 511 * PAGE), 0);
}

/* How many lines of text[] have @words. */
static unsigned lines_with(const char *words)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void test_trace(void)
{
    char words[100];

    if (not_here())
        return;
    EXPECT(store(TRACE, "mremap\n"), 7);
    move_one();
    EXPECT(store(TRACE, "off"), 3);
    must_slurp(TRACE);
    CHECK(!strncmp(text, "# off\n     0  mremap old ", 25), "%.60s", text);
    snprintf(words, sizeof(words), "widen down to PMD: old %lx -> %lx, new %lx -> %lx; ",
             (long)area + (long)(PMD + PAGE), (long)area + (long)PMD,
             (long)area + (long)(4 * PMD + PAGE), (long)area + (long)(4 * PMD));
    CHECK(lines_with(words) == 1, "not there: %s\n%.500s", words, text);
    CHECK(lines_with("  step PMD ") == 1 && lines_with("  step ") == 1, "%.500s", text);
    CHECK(lines_with("moved 0 PTE, 1 PMD, 0 PUD, 0 PGD\n") == 1, "%.500s", text);
    CHECK(lines_with("mremap returns ") == 1, "%.500s", text);
    CHECK(lines_with("vma ") + lines_with("table ") + lines_with("flush ") == 0, "%.500s", text);
}

/* Kinds come together; what is written empties the ring, but for "off". */
static void test_kinds(void)
{
    if (not_here())
        return;
    EXPECT(store(TRACE, "vma,tlb,pt"), 10);
    move_one();
    must_slurp(TRACE);
    CHECK(!strncmp(text, "# pt,vma,tlb\n     0  vma insert ", 31), "%.60s", text);
    CHECK(lines_with("  vma insert ") == 1 && lines_with("  vma resize ") == 1 &&
              lines_with("  flush ") >= 1 && lines_with("  table of PTEs for ") == 3 &&
              lines_with("  set PTE ") == 2 && lines_with("mremap") == 0,
          "%.2000s", text);
    EXPECT(store(TRACE, "fault"), 5);
    EXPECT(store(TRACE, "off"), 3);
    must_slurp(TRACE);
    CHECK(lines_with("  vma insert ") == 0, "%.500s", text);
    EXPECT(store(TRACE, "mremap,nonsense"), -EINVAL);
    EXPECT(store(TRACE, ""), -EINVAL);
    must_slurp(TRACE);
    CHECK(!strncmp(text, "# off\n", 6), "%.60s", text);
}

/* A call, its reason in words, and its result. */
static void test_system_calls(void)
{
    if (not_here())
        return;
    EXPECT(store(TRACE, "syscall"), 7);
    EXPECT(SYS(SYS_munmap, 1, PAGE), -EINVAL);
    EXPECT(SYS(SYS_close, 12345), -EBADF);
    EXPECT(store(TRACE, "off"), 3);
    must_slurp(TRACE);
    CHECK(lines_with("  munmap(1, 1000)\n") == 1, "%.2000s", text);
    CHECK(lines_with("  munmap returns ffffffffffffffea: address not page-aligned\n") == 1,
          "%.2000s", text);
    CHECK(lines_with("  close(3039)\n") == 1 &&
              lines_with("  close returns fffffffffffffff7\n") == 1,
          "%.2000s", text);
    CHECK(lines_with("refused") == 0, "%.2000s", text);
}

static void test_json(void)
{
    if (not_here())
        return;
    EXPECT(store(TRACE, "mremap,refuse"), 13);
    move_one();
    EXPECT(SYS(SYS_munmap, 1, PAGE), -EINVAL);
    EXPECT(store(TRACE, "off"), 3);
    must_slurp("/proc/trace_json");
    CHECK(!strncmp(text, "{\"n\":0,\"kind\":\"state\",\"event\":\"begin\",", 38), "%.100s", text);
    CHECK(lines_with("\n{\"n\":1,\"kind\":\"mremap\",\"event\":\"call\",\"text\":\"mremap old ") ==
              1,
          "%.500s", text);
    CHECK(lines_with("\"event\":\"step\"") == 1 && lines_with("\"slot_before\":\"0x0\"}\n") == 1,
          "%.2000s", text);
    CHECK(lines_with("\"source\":\"pt_widen.c:") == 1, "%.2000s", text);
    CHECK(lines_with("\"errno\":-22,\"words\":\"address not page-aligned\"}\n") == 1, "%.2000s",
          text);
}

/* More events than the ring has: the oldest are gone, and the numbers go on. */
static void test_overrun(void)
{
    const char *at = text;
    uint64_t first;

    if (not_here())
        return;
    EXPECT(store(TRACE, "fault"), 5);
    write_pages(map_area(0, 3000, PROT_READ | PROT_WRITE, 0), 3000);
    EXPECT(store(TRACE, "off"), 3);
    unmap_area(0, 3000);
    must_slurp(TRACE);
    CHECK(scan(&at, "# off\n%_%u  fault ", &first) && first >= 3000 - 2048, "%.100s", text);
    CHECK(lines_with("\n") == 1 + 2048, "%u lines", lines_with("\n"));
}

/* The same lines before and after a move, but for the places. */
static void test_pagetables(void)
{
    char words[100];
    char *at;

    if (not_here())
        return;
    at = map_area(513, 511, PROT_READ | PROT_WRITE, 0);
    write_pages(at, 3);
    must_slurp("/proc/self/pagetables");
    CHECK(!strncmp(text, "mm: ", 4) && strstr(text, "\nPGD   0 000000000000 table of "), "%.300s",
          text);
    snprintf(words, sizeof(words), "\n      PTE   1 %012lx-%012lx rw- 3\n", (long)at,
             (long)at + (long)(3 * PAGE));
    CHECK(lines_with(words) == 1, "not there: %s", words);
    snprintf(words, sizeof(words), "\nvma %012lx-%012lx rw-p pages 511 id ", (long)at,
             (long)at + (long)(511 * PAGE));
    CHECK(lines_with(words) == 1, "not there: %s", words);
    unmap_area(513, 511);
}

static void test_realign(void)
{
    char before[16];
    long n;

    if (not_here())
        return;
    n = read_file(REALIGN, before, sizeof(before));
    EXPECT(store(REALIGN, "pmd\n"), 4);
    must_slurp(REALIGN);
    CHECK(!strcmp(text, "pmd\n"), "%s", text);
    EXPECT(store(REALIGN, "of"), -EINVAL);
    EXPECT(store(REALIGN, "fully"), -EINVAL);
    EXPECT(store(REALIGN, before), n);
}

static const struct suite_case cases[] = {
    {"trace", test_trace},
    {"trace-kinds", test_kinds},
    {"trace-syscalls", test_system_calls},
    {"trace-json", test_json},
    {"trace-overrun", test_overrun},
    {"pagetables", test_pagetables},
    {"realign", test_realign},
};

CASES(trace_cases, cases);
