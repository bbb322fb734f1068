/* Inside of process_test: sleeping, yielding, and one processor for several. */
#define _GNU_SOURCE
#include "process_test.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#define MS 1000000l /* nanoseconds */

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    EXPECT(clock_gettime(clock, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_nanosleep(void)
{
    static const long lengths[] = {0, 1, 1000, MS, 20 * MS, 60 * MS};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct timespec t = {0, lengths[i]};
        uint64_t start = now_ns(CLOCK_MONOTONIC), slept;

        EXPECT(SYS(SYS_nanosleep, &t, NULL), 0);
        slept = now_ns(CLOCK_MONOTONIC) - start;
        CHECK(slept >= (uint64_t)lengths[i], "slept %lu ns of %ld", slept, lengths[i]);
        CHECK(slept < (uint64_t)lengths[i] + 2000 * MS, "slept %lu ns of %ld", slept, lengths[i]);
    }
}

static void test_nanosleep_errors(void)
{
    struct timespec bad[] = {{0, -1}, {0, 1000 * MS}, {-1, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        EXPECT(SYS(SYS_nanosleep, &bad[i], NULL), -EINVAL);
        EXPECT(SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad[i], NULL), -EINVAL);
    }
    EXPECT(SYS(SYS_nanosleep, NULL, NULL), -EFAULT);
    EXPECT(SYS(SYS_nanosleep, KERNEL_ADDRESS, NULL), -EFAULT);
    EXPECT(SYS(SYS_clock_nanosleep, 9999, 0, &(struct timespec){0, 1}, NULL), -EINVAL);
    EXPECT(SYS(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0, 1}, NULL),
           -EOPNOTSUPP);
}

static void sleep_until(clockid_t clock)
{
    uint64_t start = now_ns(clock), end = start + 30 * MS, now;
    struct timespec t = {(time_t)(end / 1000000000), (long)(end % 1000000000)};

    EXPECT(SYS(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, NULL), 0);
    now = now_ns(clock);
    CHECK(now >= end, "woke up %lu ns too early", end - now);
    EXPECT(SYS(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, NULL), 0); /* is past */
    CHECK(now_ns(clock) - now < 1000 * MS, "slept until a time that is past");
}

static void test_clock_nanosleep(void)
{
    uint64_t start = now_ns(CLOCK_MONOTONIC);

    EXPECT(SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &(struct timespec){0, 20 * MS}, NULL), 0);
    EXPECT(SYS(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &(struct timespec){0, 20 * MS}, NULL), 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 40 * MS, "slept too short");
    sleep_until(CLOCK_MONOTONIC);
    sleep_until(CLOCK_REALTIME);
    sleep_until(CLOCK_BOOTTIME);
}

static int sleep_for(void *arg)
{
    sleep_ms((unsigned)(intptr_t)arg);
    board[board[0]] = (int)(intptr_t)arg;
    __atomic_fetch_add(&board[0], 1, __ATOMIC_SEQ_CST);
    return 0;
}

/* Sleepers wake up in the order of their ends, and do not wait for each other. */
static void test_sleepers(void)
{
    static const unsigned lengths[] = {800, 200, 600, 400};
    uint64_t start = now_ms();
    pid_t pids[4];

    board[0] = 1;
    for (size_t i = 0; i < 4; i++)
        pids[i] = child_start(sleep_for, (void *)(uintptr_t)lengths[i]);
    for (size_t i = 0; i < 4; i++)
        child_exits(pids[i], 0);
    CHECK(now_ms() - start < 1900, "four sleepers took %lu ms", now_ms() - start);
    for (int i = 1; i <= 4; i++)
        CHECK_EQ("length of the sleep that ended", board[i], 200 * i);
}

/* ---- Who runs ---- */

static int spin(void *arg)
{
    volatile int *counter = &board[(size_t)(intptr_t)arg];

    while (!board[0])
        ++*counter;
    return 0;
}

/* Children that never give the processor away all get on, and so does their parent. */
static void test_preemption(void)
{
    pid_t pids[3];
    int before[3];

    for (size_t i = 0; i < 3; i++)
        pids[i] = child_start(spin, (void *)(i + 1));
    for (size_t i = 0; i < 3; i++)
        board_wait(i + 1, 1);
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 3; i++)
            before[i] = board[i + 1];
        sleep_ms(200);
        for (size_t i = 0; i < 3; i++)
            CHECK(board[i + 1] != before[i], "child %zu did not run for 200 ms", i);
    }
    board_post(0);
    for (size_t i = 0; i < 3; i++)
        child_exits(pids[i], 0);
}

static int yield_and_spin(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        EXPECT(SYS(SYS_sched_yield), 0);
    board_post(1);
    return 0;
}

static void test_yield(void)
{
    pid_t pid = child_start(yield_and_spin, NULL);
    int i;

    EXPECT(SYS(SYS_sched_yield), 0);
    for (i = 0; i < 10000000 && !board[1]; i++)
        sched_yield();
    CHECK(board[1], "the other one did not run");
    child_exits(pid, 0);
}

/* Floating-point registers belong to who runs. */
static int sum_series(void *arg)
{
    double seed = (double)(intptr_t)arg, first = 0;

    for (int round = 0; round < 40; round++) {
        double sum = 0;

        for (int i = 1; i < 30000; i++)
            sum += sqrt(seed + i) / i;
        if (round == 0)
            first = sum;
        CHECK(sum == first, "a sum became %f, was %f", sum, first);
    }
    return 0;
}

static void test_floating_point(void)
{
    pid_t pids[4];

    for (intptr_t i = 0; i < 4; i++)
        pids[i] = child_start(sum_series, (void *)(i + 1));
    for (size_t i = 0; i < 4; i++)
        child_exits(pids[i], 0);
}

/* ---- Time used ---- */

static void burn_ms(uint64_t ms)
{
    uint64_t end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * MS;

    while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
        ;
}

static uint64_t used_ms(int who)
{
    struct rusage u;

    EXPECT(getrusage(who, &u), 0);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static int burn_and_sleep(void *arg)
{
    uint64_t before = used_ms(RUSAGE_SELF), used;

    (void)arg;
    CHECK(before < 100, "a new process has used %lu ms", before);
    burn_ms(200);
    used = used_ms(RUSAGE_SELF) - before;
    CHECK(used >= 150 && used < 400, "getrusage: %lu ms of about 200", used);
    before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    sleep_ms(200);
    used = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - before) / MS;
    CHECK(used < 100, "%lu ms were used while sleeping for 200", used);
    return 0;
}

static void test_used(void)
{
    struct tms before, after;
    clock_t start = times(&before), end;

    in_child(burn_and_sleep, NULL);
    end = times(&after);
    CHECK(end - start >= 38, "times() went on by %ld ticks in 400 ms", (long)(end - start));
    CHECK(after.tms_cutime + after.tms_cstime - before.tms_cutime - before.tms_cstime >= 14,
          "the child's time, %ld ticks, is not in times()",
          (long)(after.tms_cutime + after.tms_cstime - before.tms_cutime - before.tms_cstime));
    CHECK(after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime < 15,
          "the parent's time went on while it waited");
    EXPECT(SYS(SYS_getrusage, 5, &after), -EINVAL);
    EXPECT(SYS(SYS_getrusage, RUSAGE_SELF, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_times, KERNEL_ADDRESS), -EFAULT);
}

static const struct suite_case cases[] = {
    {"nanosleep", test_nanosleep},
    {"nanosleep and clock_nanosleep: errors", test_nanosleep_errors},
    {"clock_nanosleep", test_clock_nanosleep},
    {"sleepers wake up in order", test_sleepers},
    {"busy processes share the processor", test_preemption},
    {"sched_yield lets others run", test_yield},
    {"floating-point registers of several processes", test_floating_point},
    {"the time that processes use", test_used},
};
const struct suite_table time_cases = {cases, ARRAY_SIZE(cases)};
