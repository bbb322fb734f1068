/* Inside of proc_test: /proc/PID/stat. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* Its fields by their number in proc(5), from 1 on. */
enum {
    PID = 1,
    PPID = 4,
    PGRP,
    SESSION,
    MINFLT = 10,
    UTIME = 14,
    STIME,
    PRIORITY = 18,
    NICE,
    NUM_THREADS,
    STARTTIME = 22,
    VSIZE,
    RSS,
    RSSLIM,
    STARTCODE,
    ENDCODE,
    STARTSTACK,
    EXIT_SIGNAL = 38,
    PROCESSOR,
    START_DATA = 45,
    END_DATA,
    START_BRK,
    ARG_START,
    ARG_END,
    ENV_START,
    ENV_END,
    EXIT_CODE,
    FIELDS = EXIT_CODE
};

struct stat_line {
    int64_t field[FIELDS + 1];
    char comm[64];
    char state;
};

/* Parse the line in @line, whose name may hold blanks and parentheses itself. False when it is not right. */
static bool parse(const char *line, struct stat_line *s)
{
    const char *open = strchr(line, '('), *close = strrchr(line, ')'), *at = line;

    memset(s, 0, sizeof(*s));
    if (!open || !close || !scan(&at, "%u (", &s->field[PID]) || at != open + 1)
        return false;
    snprintf(s->comm, sizeof(s->comm), "%.*s", (int)(close - at), at);
    s->state = close[1] ? close[2] : '\0';
    at = close + 3;
    if (close[1] != ' ' || !s->state)
        return false;
    for (int i = 4; i <= FIELDS; i++)
        if (!scan(&at, " %i", &s->field[i]))
            return false;
    return !strcmp(at, "\n");
}

static struct stat_line stat_of(const char *path)
{
    struct stat_line s;

    CHECK(parse(must_slurp(path), &s), "%s: %s", path, text);
    return s;
}

extern char **environ;

static void test_fields(void)
{
    struct stat_line s = stat_of("/proc/self/stat");
    char local;

    EXPECT(s.field[PID], getpid());
    CHECK(!strcmp(s.comm, own_name()), "name %s", s.comm);
    EXPECT(s.state, 'R');
    EXPECT(s.field[PPID], getppid());
    EXPECT(s.field[PGRP], getpgid(0));
    EXPECT(s.field[SESSION], getsid(0));
    EXPECT(s.field[PRIORITY], 20 + s.field[NICE]);
    EXPECT(s.field[NUM_THREADS], 1);
    EXPECT(s.field[21], 0);
    EXPECT(s.field[EXIT_SIGNAL], SIGCHLD);
    CHECK(s.field[MINFLT] > 20, "%ld faults", s.field[MINFLT]);
    EXPECT(s.field[RSSLIM], -1); /* no limit: 2^64 - 1 */
    CHECK((uint64_t)s.field[STARTCODE] <= (uint64_t)test_fields &&
              (uint64_t)test_fields < (uint64_t)s.field[ENDCODE],
          "code from %lx to %lx", s.field[STARTCODE], s.field[ENDCODE]);
    CHECK((uint64_t)s.field[STARTSTACK] > (uint64_t)&local &&
              (uint64_t)s.field[STARTSTACK] <= (uint64_t)s.field[ARG_START],
          "stack from %lx", s.field[STARTSTACK]);
    CHECK(s.field[START_DATA] <= s.field[END_DATA] && s.field[END_DATA] <= s.field[START_BRK],
          "data %lx to %lx, heap at %lx", s.field[START_DATA], s.field[END_DATA],
          s.field[START_BRK]);
    CHECK(s.field[START_BRK] <= (int64_t)sbrk(0), "heap from %lx", s.field[START_BRK]);
}

static void test_strings(void)
{
    struct stat_line s = stat_of("/proc/self/stat");

    CHECK(strlen((char *)s.field[ARG_START]) > 0 && strstr((char *)s.field[ARG_START], "proc_test"),
          "arguments at %lx", s.field[ARG_START]);
    CHECK(s.field[ARG_END] <= s.field[ENV_START] && s.field[ENV_START] <= s.field[ENV_END],
          "%lx %lx %lx", s.field[ARG_END], s.field[ENV_START], s.field[ENV_END]);
    if (environ[0])
        CHECK(s.field[ENV_START] == (int64_t)environ[0], "environment at %lx, not %p",
              s.field[ENV_START], (void *)environ[0]);
}

static void test_sizes(void)
{
    struct stat_line s;

    write_pages(map_area(0, 500, RW, 0), 500);
    s = stat_of("/proc/self/stat");
    must_slurp("/proc/self/status");
    EXPECT(s.field[VSIZE], value_of(text, "VmSize") << 10);
    CHECK((uint64_t)s.field[RSS] * 4 < value_of(text, "VmRSS") + 400 &&
              (uint64_t)s.field[RSS] * 4 + 400 > value_of(text, "VmRSS"),
          "%ld pages, %lu kB", s.field[RSS], value_of(text, "VmRSS"));
    unmap_area(0, 500);
}

static uint64_t uptime_ticks(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 100 + (uint64_t)t.tv_nsec / 10000000;
}

static int burn(void *arg)
{
    struct timespec t;

    (void)arg;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_nsec < 200 * 1000000 && !t.tv_sec);
    board_post(0);
    board_wait(1, 1);
    return 0;
}

static void test_times(void)
{
    uint64_t before = uptime_ticks();
    pid_t pid = child_start(burn, NULL);
    struct stat_line s;

    board_wait(0, 1);
    s = stat_of(of_process(pid, "stat"));
    CHECK((uint64_t)s.field[STARTTIME] + 2 >= before &&
              (uint64_t)s.field[STARTTIME] <= uptime_ticks(),
          "started at %ld, between %lu and %lu", s.field[STARTTIME], before, uptime_ticks());
    CHECK(s.field[UTIME] + s.field[STIME] >= 15, "ran for %ld + %ld ticks", s.field[UTIME],
          s.field[STIME]);
    EXPECT(s.field[PPID], getpid());
    board_post(1);
    child_exits(pid, 0);
}

/* A name may hold what separates the fields. */
static int odd_name(void *arg)
{
    struct stat_line s;

    (void)arg;
    EXPECT(store("/proc/self/comm", "a) R 1 (b\\c"), 11);
    s = stat_of("/proc/self/stat");
    CHECK(!strcmp(s.comm, "a) R 1 (b\\c"), "%s", s.comm);
    EXPECT(s.field[PPID], getppid());
    CHECK(!strncmp(must_slurp("/proc/self/status"), "Name:\ta) R 1 (b\\\\c\n", 19), "%.30s", text);
    return 0;
}

static void test_name(void)
{
    in_child(odd_name, NULL);
}

static int fail(void *arg)
{
    (void)arg;
    return 5;
}

static void test_zombie(void)
{
    pid_t pid = child_start(fail, NULL);
    struct stat_line s;
    siginfo_t info;

    EXPECT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    s = stat_of(of_process(pid, "stat"));
    EXPECT(s.state, 'Z');
    EXPECT(s.field[VSIZE], 0);
    EXPECT(s.field[RSS], 0);
    EXPECT(s.field[EXIT_CODE], 5 << 8);
    EXPECT(slurp(of_process(pid, "cmdline")), 0);
    EXPECT(SYS(SYS_readlink, of_process(pid, "exe"), text, 100), -ENOENT);
    must_slurp(of_process(pid, "statm"));
    CHECK(!strcmp(text, "0 0 0 0 0 0 0\n"), "%s", text);
    child_exits(pid, 5);
}

static const struct suite_case cases[] = {
    {"stat: all fields", test_fields},
    {"stat: where arguments and environment are", test_strings},
    {"stat: sizes", test_sizes},
    {"stat: times", test_times},
    {"stat: a name with parentheses", test_name},
    {"stat: of a zombie", test_zombie},
};
CASES(stat_cases, cases);
