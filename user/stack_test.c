/*
 * stack_test: what execve() puts on the new stack, for environments from one page to almost 2 MiB.
 *
 * usage: stack_test [NPAGES | unlimited | huge]...
 *
 * Checks the stack it was started with, then executes itself once for each NPAGES (1 8 64 300 510 by default, and 8
 * with other limits) with that many pages of patterned environment strings, and checks again; the words change the
 * limit of the stack for what comes after them. What a started program must check it is told
 * by its arguments: --verify NPAGES PASSED FAILED SKIPPED, then the sizes still to come.
 */
#include "testlib.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;
extern const char _start[];

#define MAX_PAGES 510 /* with pointers and arguments, just below a quarter of an 8 MiB stack */
#define MAX_STRINGS 4096

static struct {
    long argc;
    char **argv;
    char **envp;
    const Elf64_auxv_t *auxv;
    long pages; /* of environment that our caller made, -1 for a caller that we do not know */
    char path[512];
} start;

/* ---- The patterned environment ---- */

/* String @i, its NUL not counted, is @len bytes: "E00007=" and printable bytes that depend on @i and their place. */
static void env_string(char *to, size_t i, size_t len)
{
    snprintf(to, len + 1, "E%05zu=", i);
    for (size_t j = 7; j < len; j++)
        to[j] = (char)(33 + (i * 31 + j * 7 + (j >> 5)) % 94);
    to[len] = '\0';
}

/* The length of string @i when @left bytes remain: lengths vary, and the last one takes what is left. */
static size_t env_length(size_t i, size_t left)
{
    size_t len = 8 + i * 40503 % 9000;

    return left < len + 64 ? left - 1 : len;
}

/* ---- Checks ---- */

static uint64_t aux(uint64_t type, uint64_t missing)
{
    for (const Elf64_auxv_t *a = start.auxv; a->a_type != AT_NULL; a++)
        if (a->a_type == type)
            return a->a_un.a_val;
    return missing;
}

static void check_layout(void)
{
    uint64_t entry = (uint64_t)(start.argv - 1);

    CHECK(entry % 16 == 0, "the stack pointer at entry is %#lx", entry);
    CHECK_EQ("argc on the stack", *(long *)entry, start.argc);
    CHECK(!start.argv[start.argc], "argv does not end with NULL");
    CHECK(start.envp == start.argv + start.argc + 1, "envp does not follow argv");
}

/* argv's strings, then envp's, one behind the other, all above auxv. */
static void check_strings(void)
{
    const char *next = start.argc ? start.argv[0] : NULL;
    size_t envc = 0;

    CHECK(next > (const char *)start.auxv, "strings below the vectors");
    for (long i = 0; i < start.argc; i++) {
        CHECK(start.argv[i] == next, "argv[%ld] is at %p, expected %p", i, start.argv[i], next);
        next = start.argv[i] + strlen(start.argv[i]) + 1;
    }
    for (; start.envp[envc]; envc++) {
        CHECK(start.envp[envc] == next, "envp[%zu] is at %p, expected %p", envc, start.envp[envc],
              next);
        next = start.envp[envc] + strlen(start.envp[envc]) + 1;
    }
    CHECK((const char *)aux(AT_EXECFN, 0) == next, "AT_EXECFN's string does not follow");
}

/* Every byte of the environment that the caller made. */
static void check_environment(void)
{
    static char expected[16384];
    size_t left = (size_t)start.pages * PAGE, i = 0;

    for (; left && start.envp[i]; i++) {
        size_t len = env_length(i, left), seen = strlen(start.envp[i]);

        env_string(expected, i, len);
        left -= len + 1;
        if (!memcmp(start.envp[i], expected, (seen < len ? seen : len) + 1))
            continue;
        tap_fail("envp[%zu] differs: %zu bytes, expected %zu, \"%.20s\"...", i, seen, len,
                 start.envp[i]);
        break;
    }
    CHECK(left == 0 || tap_failing(), "%zu bytes of the environment are missing", left);
    CHECK(!start.envp[i] || tap_failing(), "more strings than were given: \"%.20s\"",
          start.envp[i]);
}

static void check_auxv(void)
{
    const unsigned char *random = (const unsigned char *)aux(AT_RANDOM, 0);
    const Elf64_Phdr *phdr = (const Elf64_Phdr *)aux(AT_PHDR, 0);
    const char *name = (const char *)aux(AT_EXECFN, 0);
    unsigned bits = 0;

    CHECK_EQ("AT_PAGESZ", aux(AT_PAGESZ, 0), PAGE);
    CHECK_EQ("AT_PHENT", aux(AT_PHENT, 0), sizeof(Elf64_Phdr));
    CHECK_EQ("AT_ENTRY", aux(AT_ENTRY, 0), _start);
    CHECK_EQ("AT_SECURE", aux(AT_SECURE, 0), 0);
    CHECK_EQ("AT_UID", aux(AT_UID, getuid()), getuid());
    CHECK(aux(AT_PHNUM, 0) > 0 && aux(AT_PHNUM, 0) < 32, "AT_PHNUM is %lu", aux(AT_PHNUM, 0));
    CHECK(phdr && phdr->p_type <= PT_PHDR, "AT_PHDR is %p", (const void *)phdr);
    CHECK(name && *name, "AT_EXECFN is %p", (const void *)name);
    if (start.pages >= 0 && name)
        CHECK(!strcmp(name, start.path), "AT_EXECFN is \"%s\", expected \"%s\"", name, start.path);
    for (size_t i = 0; random && i < 16; i++)
        bits |= random[i];
    CHECK(bits, "AT_RANDOM is %p, or all zero", (const void *)random);
}

static bool stack_line(struct map_line *m)
{
    if (maps_read(m, 1, (uint64_t)start.argv, (uint64_t)start.argv + 1) == 1 &&
        !strcmp(m->name, "[stack]"))
        return true;
    tap_fail("no [stack] at argv");
    maps_show(0, -1ul);
    return false;
}

/* From the current frame to the end of the last string, all is in [stack]. */
static void check_mapped(void)
{
    const char *last = (const char *)aux(AT_EXECFN, 0);
    uint64_t here = (uint64_t)__builtin_frame_address(0);
    struct map_line m;

    if (!stack_line(&m))
        return;
    CHECK(!strcmp(m.perms, "rw-p"), "permissions %s", m.perms);
    CHECK(m.start <= here && (uint64_t)last + strlen(last) < m.end,
          "[stack] is %#lx to %#lx, used from %#lx to %#lx", m.start, m.end, here,
          (uint64_t)last + strlen(last));
    CHECK(m.end <= USER_TOP, "[stack] ends at %#lx", m.end);
}

static unsigned __attribute__((noinline)) use_stack(unsigned depth)
{
    volatile char page[4096];

    page[0] = (char)depth;
    page[4095] = 1;
    return depth ? use_stack(depth - 1) + (unsigned)page[4095] : 0;
}

static void check_growth(void)
{
    struct map_line before, after;

    if (!stack_line(&before))
        return;
    CHECK_EQ("frames", use_stack(256), 256);
    if (stack_line(&after))
        CHECK((uint64_t)__builtin_frame_address(0) - after.start >= MIB(1),
              "[stack] begins at %#lx, before %#lx", after.start, before.start);
}

static void run(const char *what, void (*check)(void))
{
    char name[80];

    check();
    if (start.pages < 0)
        snprintf(name, sizeof(name), "as started: %s", what);
    else
        snprintf(name, sizeof(name), "environment of %ld x 4 KiB: %s", start.pages, what);
    tap_done(name);
}

static void run_all(void)
{
    run("argc, argv, envp and alignment", check_layout);
    run("strings follow each other", check_strings);
    run("auxv", check_auxv);
    if (start.pages >= 0)
        run("every byte of the environment", check_environment);
    run("[stack] covers it", check_mapped);
    run("1 MiB more is used", check_growth);
    if (start.pages >= 0)
        run("every byte of the environment afterwards", check_environment);
}

/* ---- The next one ---- */

/* Execute ourselves with @pages pages of environment; @rest is what to do after that. Returns only on failure. */
static void exec_with(long pages, char **rest)
{
    static char bytes[MAX_PAGES * 4096], number[4][16];
    static char *envp[MAX_STRINGS], *argv[64];
    size_t left = (size_t)pages * PAGE, used = 0, argc = 6;
    unsigned counts[3];

    for (size_t i = 0; left && i < MAX_STRINGS - 1; i++) {
        size_t len = env_length(i, left);

        envp[i] = bytes + used;
        env_string(envp[i], i, len);
        used += len + 1;
        left -= len + 1;
    }
    tap_counts(&counts[0], &counts[1], &counts[2]);
    snprintf(number[0], sizeof(number[0]), "%ld", pages);
    for (size_t i = 0; i < 3; i++)
        snprintf(number[i + 1], sizeof(number[0]), "%u", counts[i]);
    argv[0] = start.argv[0];
    argv[1] = "--verify";
    for (size_t i = 0; i < 4; i++)
        argv[2 + i] = number[i];
    while (*rest && argc < ARRAY_SIZE(argv) - 1)
        argv[argc++] = *rest++;
    execve(start.path, argv, envp);
    tap_fail("execve() of %s with %ld pages: %s", start.path, pages, strerror(errno));
}

/* Take a limit of the stack from the front of @rest, if there is one: where exec places things depends on it. */
static char **take_limit(char **rest)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    if (!*rest || (strcmp(*rest, "unlimited") && strcmp(*rest, "huge")))
        return rest;
    if (**rest == 'h')
        limit.rlim_cur = 1ul << 46;
    CHECK(setrlimit(RLIMIT_STACK, &limit) == 0, "setrlimit(): %s", strerror(errno));
    return rest + 1;
}

int main(int argc, char **argv)
{
    static char *sizes[] = {"1", "8", "64", "300", "510", "unlimited", "8", "huge", "8", NULL};
    bool verify = argc >= 6 && !strcmp(argv[1], "--verify");
    char **rest = verify ? argv + 6 : argc > 1 ? argv + 1 : sizes;
    char **end = environ;

    while (*end)
        end++;
    start.argc = argc;
    start.argv = argv;
    start.envp = environ;
    start.auxv = (const Elf64_auxv_t *)(end + 1);
    start.pages = verify ? atol(argv[2]) : -1;
    if (readlink("/proc/self/exe", start.path, sizeof(start.path) - 1) < 0)
        return 1;
    if (verify)
        tap_resume((unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
    else
        tap_begin();
    run_all();
    rest = take_limit(rest);
    if (*rest) {
        long pages = atol(*rest);

        if (pages < 1 || pages > MAX_PAGES) {
            printf("usage: stack_test [NPAGES | unlimited | huge]..., NPAGES from 1 to %d\n",
                   MAX_PAGES);
            return 2;
        }
        exec_with(pages, rest + 1);
        tap_done("execve() of the next size");
    }
    return tap_end();
}
