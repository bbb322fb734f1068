/* Inside of signal_test: alarm and setitimer; signals at any instruction. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct itimerval every_ms(unsigned first, unsigned then)
{
    return (struct itimerval){{then / 1000, then % 1000 * 1000},
                              {first / 1000, first % 1000 * 1000}};
}

static void test_alarm(void)
{
    uint64_t start = now_ms();

    catch_signal(SIGALRM, note_signal, 0);
    EXPECT(alarm(100), 0);
    CHECK_EQ("left of 100 s", alarm(1), 100);
    EXPECT(result(pause()), -EINTR);
    CHECK(now_ms() - start >= 950 && now_ms() - start < 5000, "one second took %lu ms",
          now_ms() - start);
    CHECK_EQ("signal", seen.sig, SIGALRM);
    CHECK_EQ("si_code", seen.info.si_code, SI_KERNEL);
    EXPECT(alarm(50), 0);
    CHECK(alarm(0) >= 49, "the alarm was not on");
    EXPECT(alarm(0), 0);
    default_signal(SIGALRM);
}

static void test_interval(void)
{
    struct itimerval timer = every_ms(20, 20), off = {0}, now;
    uint64_t start = now_ms();

    catch_signal(SIGALRM, note_signal, 0);
    EXPECT(result(setitimer(ITIMER_REAL, &timer, NULL)), 0);
    while (seen.count < 5 && now_ms() - start < 5000)
        pause();
    CHECK(now_ms() - start >= 95, "five times 20 ms took %lu ms", now_ms() - start);
    EXPECT(result(getitimer(ITIMER_REAL, &now)), 0);
    CHECK(now.it_interval.tv_usec == 20000 && now.it_value.tv_usec <= 21000, "%ld us, every %ld us",
          (long)now.it_value.tv_usec, (long)now.it_interval.tv_usec);
    EXPECT(result(setitimer(ITIMER_REAL, &off, &now)), 0);
    CHECK_EQ("interval of the one that was", now.it_interval.tv_usec, 20000);
    EXPECT(result(getitimer(ITIMER_REAL, &now)), 0);
    CHECK_EQ("what is left of none", now.it_value.tv_usec + now.it_value.tv_sec, 0);
    default_signal(SIGALRM);
    timer.it_value.tv_usec = 1000000;
    EXPECT(result(setitimer(ITIMER_REAL, &timer, NULL)), -EINVAL);
    EXPECT(SYS(SYS_setitimer, 7, &off, NULL), -EINVAL);
    EXPECT(SYS(SYS_getitimer, ITIMER_REAL, KERNEL_ADDRESS), -EFAULT);
}

/* Timers that go on only while the process runs. */
static void run_timer(int which, int sig)
{
    struct itimerval timer = every_ms(50, 0), off = {0};
    uint64_t start = now_ms();

    catch_signal(sig, note_signal, 0);
    EXPECT(result(setitimer(which, &timer, NULL)), 0);
    sleep_ms(150);
    CHECK_EQ("came while asleep", seen.count, 0);
    while (!seen.count && now_ms() - start < 10000)
        ;
    CHECK_EQ("signal", seen.sig, sig);
    EXPECT(result(setitimer(which, &off, NULL)), 0);
    default_signal(sig);
}

static void test_processor_time(void)
{
    run_timer(ITIMER_VIRTUAL, SIGVTALRM);
    run_timer(ITIMER_PROF, SIGPROF);
}

static int die_by_alarm(void *arg)
{
    struct itimerval timer = every_ms(20, 0);

    EXPECT(result(setitimer(ITIMER_REAL, &timer, NULL)), 0);
    for (;;)
        sleep_ms(1000);
    return arg != NULL;
}

static int look_for_timer(void *arg)
{
    struct itimerval now;

    EXPECT(result(getitimer(ITIMER_REAL, &now)), 0);
    CHECK_EQ("child's timer", now.it_value.tv_sec, 0);
    EXPECT(alarm(0), 0);
    return arg != NULL;
}

static void test_processes(void)
{
    child_dies(child_start(die_by_alarm, NULL), SIGALRM);
    EXPECT(alarm(1000), 0);
    in_child(look_for_timer, NULL);
    CHECK(alarm(0) >= 999, "the parent's timer is gone");
}

/* ---- At any instruction ---- */

static double sum_of(double seed)
{
    double sum = 0;

    for (int i = 1; i < 20000; i++)
        sum += 1 / ((seed + i) * i);
    return sum;
}

static void disturb(int sig, siginfo_t *info, void *context)
{
    note_signal(sig, info, context);
    sum_of(99); /* uses the same registers */
    __asm__ volatile("fninit" ::: "memory");
}

/* The program computes as if nothing was, whenever handlers come. */
static void test_any_instruction(void)
{
    struct itimerval timer = every_ms(2, 2), off = {0};
    double first = sum_of(1);
    char copy[4096], page[4096];

    memset(page, 0x5a, sizeof(page));
    catch_signal(SIGALRM, disturb, 0);
    EXPECT(result(setitimer(ITIMER_REAL, &timer, NULL)), 0);
    for (int i = 0; seen.count < 100 && i < 200000; i++) {
        double sum = sum_of(1);

        CHECK(sum == first, "a sum became %f, was %f", sum, first);
        memset(copy, 0, sizeof(copy));
        memcpy(copy, page, sizeof(page));
        CHECK(!memcmp(copy, page, sizeof(page)), "a copy differs");
        CHECK(SYS(SYS_getppid) >= 0, "getppid()");
    }
    EXPECT(result(setitimer(ITIMER_REAL, &off, NULL)), 0);
    CHECK(seen.count >= 100, "only %d signals came", seen.count);
    default_signal(SIGALRM);
}

static const struct suite_case cases[] = {
    {"alarm", test_alarm},
    {"setitimer: every 20 ms", test_interval},
    {"setitimer: of processor time", test_processor_time},
    {"timers of parent and child", test_processes},
    {"signals at any instruction", test_any_instruction},
};
const struct suite_table timer_cases = {cases, ARRAY_SIZE(cases)};
