/* Inside of proc_test: what a process was started with, and what it may change of itself. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int proc_role_args(int argc, char **argv);

/* ---- cmdline, environ ---- */

static int same(const char *path, const char *expected, size_t length)
{
    static char seen[4096];
    long n = read_file(path, seen, sizeof(seen));

    if (n == (long)length && !memcmp(seen, expected, length))
        return 0;
    fprintf(stderr, "# %s: %ld bytes, not %zu\n", path, n, length);
    return 1;
}

/* Executed by the case below. */
int proc_role_args(int argc, char **argv)
{
    static char expected[4096];
    size_t length = 0;

    (void)argc;
    length += (size_t)sprintf(expected, "%s", "proc_test") + 1;
    length += (size_t)sprintf(expected + length, "--be") + 1;
    length += (size_t)sprintf(expected + length, "args") + 1;
    length += (size_t)sprintf(expected + length, "a b") + 1;
    length += (size_t)sprintf(expected + length, "%s", "") + 1;
    length += (size_t)sprintf(expected + length, "last") + 1;
    (void)argv;
    return same("/proc/self/cmdline", expected, length) |
           same("/proc/self/environ", "ONE=1\0TWO=\0", 11) << 1;
}

static int exec_args(void *arg)
{
    char *argv[] = {"proc_test", "--be", "args", "a b", "", "last", NULL};
    char *envp[] = {"ONE=1", "TWO=", NULL};

    (void)arg;
    execve(own_path, argv, envp);
    return 99;
}

static void test_strings(void)
{
    in_child(exec_args, NULL);
}

static void test_pieces(void)
{
    int fd = must_open("/proc/self/cmdline", O_RDONLY);
    static char whole[4096], part[4096];
    long length = read_file("/proc/self/cmdline", whole, sizeof(whole));

    for (long i = 0; i < length; i++) {
        EXPECT(pread(fd, part, 3, i), length - i < 3 ? length - i : 3);
        CHECK(part[0] == whole[i], "byte %ld", i);
    }
    EXPECT(pread(fd, part, 3, length), 0);
    EXPECT(pread(fd, part, 3, 1l << 50), 0);
    close(fd);
}

/* Of another process, and without its knowing: what it has written there since. */
static int change_and_wait(void *arg)
{
    *(volatile char *)arg = 'X';
    board_post(0);
    board_wait(1, 1);
    return 0;
}

static void test_changed(void)
{
    const char *at = must_slurp("/proc/self/stat");
    char *first;
    pid_t pid;

    at = strrchr(at, ')') + 2;
    for (int field = 3; field < 48; field++)
        at = strchr(at, ' ') + 1;
    first = (char *)strtoull(at, NULL, 10);
    pid = child_start(change_and_wait, first);
    board_wait(0, 1);
    CHECK(must_slurp(of_process(pid, "cmdline"))[0] == 'X', "child: %s", text);
    CHECK(must_slurp("/proc/self/cmdline")[0] != 'X', "parent: %s", text);
    board_post(1);
    child_exits(pid, 0);
}

/* ---- auxv ---- */

/* glibc's getauxval() has its own words for AT_HWCAP. */
static void test_auxv(void)
{
    static Elf64_auxv_t auxv[64];
    long n = read_file("/proc/self/auxv", (char *)auxv, sizeof(auxv));
    size_t count = (size_t)n / sizeof(auxv[0]), i;

    CHECK(n > 0 && n % (long)sizeof(auxv[0]) == 0, "%ld bytes", n);
    for (i = 0; i < count && auxv[i].a_type != AT_NULL; i++)
        CHECK(auxv[i].a_type == AT_HWCAP || getauxval(auxv[i].a_type) == auxv[i].a_un.a_val,
              "type %lu: %lx, not %lx", auxv[i].a_type, auxv[i].a_un.a_val,
              getauxval(auxv[i].a_type));
    CHECK(i > 10 && i + 1 == count, "%zu entries, the last at %zu", count, i);
}

/* ---- comm ---- */

static int comm_child(void *arg)
{
    char name[32] = "", expected[32];

    (void)arg;
    snprintf(expected, sizeof(expected), "%s\n", own_name());
    CHECK(!strcmp(must_slurp("/proc/self/comm"), expected), "%s", text);
    EXPECT(store("/proc/self/comm", "averyveryverylongname"), 21);
    CHECK(!strcmp(must_slurp("/proc/self/comm"), "averyveryverylo\n"), "%s", text);
    EXPECT(prctl(PR_GET_NAME, name), 0);
    CHECK(!strcmp(name, "averyveryverylo"), "%s", name);
    EXPECT(prctl(PR_SET_NAME, "short"), 0);
    CHECK(!strcmp(must_slurp("/proc/self/comm"), "short\n"), "%s", text);
    EXPECT(store("/proc/self/comm", ""), 0);
    EXPECT(store(of_process(getppid(), "comm"), "x"), -EINVAL);
    return 0;
}

static void test_comm(void)
{
    in_child(comm_child, NULL);
}

/* ---- limits ---- */

static const char *const limit_names[] = {
    "Max cpu time",       "Max file size",     "Max data size",         "Max stack size",
    "Max core file size", "Max resident set",  "Max processes",         "Max open files",
    "Max locked memory",  "Max address space", "Max file locks",        "Max pending signals",
    "Max msgqueue size",  "Max nice priority", "Max realtime priority", "Max realtime timeout",
};
static const char *const limit_units[] = {
    "seconds", "bytes", "bytes", "bytes",   "bytes", "bytes", "processes", "files",
    "bytes",   "bytes", "locks", "signals", "bytes", "",      "",          "us"};

static const char *limit_text(rlim_t limit, char buf[32])
{
    if (limit == RLIM_INFINITY)
        return "unlimited";
    snprintf(buf, 32, "%lu", (unsigned long)limit);
    return buf;
}

static int limits_child(void *arg)
{
    const char *at;
    struct rlimit limit = {.rlim_cur = 12345678, .rlim_max = RLIM_INFINITY};

    (void)arg;
    EXPECT(setrlimit(RLIMIT_DATA, &limit), 0);
    at = must_slurp("/proc/self/limits");
    CHECK(scan(&at, "Limit                     Soft Limit           Hard Limit           Units     "
                    "\n"),
          "%.80s", text);
    for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++) {
        char line[128], cur[32], max[32];

        EXPECT(getrlimit((int)i, &limit), 0);
        snprintf(line, sizeof(line),
                 limit_units[i][0] ? "%-25s %-20s %-20s %-10s\n" : "%-25s %-20s %-20s %s\n",
                 limit_names[i], limit_text(limit.rlim_cur, cur), limit_text(limit.rlim_max, max),
                 limit_units[i]);
        CHECK(!strncmp(at, line, strlen(line)), "%.79s, not %s", at, line);
        at += strlen(line);
    }
    CHECK(!*at, "more: %s", at);
    return 0;
}

static void test_limits(void)
{
    in_child(limits_child, NULL);
}

/* ---- oom_score_adj ---- */

static int oom_grandchild(void *arg)
{
    (void)arg;
    CHECK(!strcmp(must_slurp("/proc/self/oom_score_adj"), "700\n"), "inherited: %s", text);
    return 0;
}

static int oom_child(void *arg)
{
    const char *path = "/proc/self/oom_score_adj";

    (void)arg;
    EXPECT(store(path, "5"), 1);
    CHECK(!strcmp(must_slurp(path), "5\n"), "%s", text);
    EXPECT(store(path, " 7 \n"), 4);
    CHECK(!strcmp(must_slurp(path), "7\n"), "%s", text);
    EXPECT(store(path, "0x10"), 4);
    EXPECT(store(path, "1001"), -EINVAL);
    EXPECT(store(path, "-1001"), -EINVAL);
    EXPECT(store(path, "x"), -EINVAL);
    EXPECT(store(path, ""), -EINVAL);
    EXPECT(store(path, "5 6"), -EINVAL);
    CHECK(!strcmp(must_slurp(path), "16\n"), "%s", text);
    EXPECT(store(path, "700"), 3);
    in_child(oom_grandchild, NULL);
    must_slurp("/proc/self/oom_score");
    CHECK(atoi(text) >= 0 && atoi(text) <= 2000 && strchr(text, '\n'), "score %s", text);
    return 0;
}

static void test_oom(void)
{
    in_child(oom_child, NULL);
}

static const struct suite_case cases[] = {
    {"cmdline and environ: as they were given to execve", test_strings},
    {"cmdline: in pieces", test_pieces},
    {"cmdline: changed by the program", test_changed},
    {"auxv", test_auxv},
    {"comm", test_comm},
    {"limits", test_limits},
    {"oom_score_adj", test_oom},
};
CASES(start_cases, cases);
