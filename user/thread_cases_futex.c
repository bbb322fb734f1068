/* Inside of thread_test: futex(2) itself. */
#define _GNU_SOURCE
#include "thread_test.h"

#include <limits.h>
#include <sys/wait.h>

static volatile int word, word2;

static struct timespec ms(unsigned n)
{
    return (struct timespec){n / 1000, n % 1000 * 1000000l};
}

static void test_values(void)
{
    struct timespec t = ms(20);
    uint64_t start = now_ms();

    word = 5;
    EXPECT(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), -EAGAIN);
    EXPECT(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE, 6, NULL, NULL, 0), -EAGAIN);
    EXPECT(futex(&word, FUTEX_WAIT, 5, &t, NULL, 0), -ETIMEDOUT);
    EXPECT(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE, 5, &t, NULL, 0), -ETIMEDOUT);
    CHECK(now_ms() - start >= 38, "two times 20 ms took %lu", now_ms() - start);
    EXPECT(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    EXPECT(futex(&word, FUTEX_WAIT, 5, &(struct timespec){0, 0}, NULL, 0), -ETIMEDOUT);
}

static void test_errors(void)
{
    volatile int *odd = (volatile int *)((volatile char *)&word + 1);
    struct timespec bad = {0, 1000000000};

    word = 0;
    EXPECT(futex(odd, FUTEX_WAIT, 0, NULL, NULL, 0), -EINVAL);
    EXPECT(futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    EXPECT(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
    EXPECT(futex((volatile int *)KERNEL_ADDRESS, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
    EXPECT(futex((volatile int *)KERNEL_ADDRESS, FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT);
    EXPECT(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), -EINVAL);
    EXPECT(futex(&word, FUTEX_WAIT, 0, &(struct timespec){-1, 0}, NULL, 0), -EINVAL);
    EXPECT(futex(&word, FUTEX_WAIT, 0, (void *)KERNEL_ADDRESS, NULL, 0), -EFAULT);
    EXPECT(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL);
    EXPECT(futex(&word, 99, 0, NULL, NULL, 0), -ENOSYS);
}

/* Threads that wait at @word until woken, told apart by their bits. */
static void *wait_at_word(void *arg)
{
    board_post(0);
    EXPECT(futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE, 0, NULL, NULL, (unsigned)(uintptr_t)arg),
           0);
    board_post(1);
    return NULL;
}

static void start_waiters(pthread_t *threads, size_t count, unsigned bits)
{
    int before = board[0];

    for (size_t i = 0; i < count; i++)
        threads[i] = thread_start(wait_at_word, (void *)(uintptr_t)bits);
    board_wait(0, before + (int)count);
    sleep_ms(30);
}

static void join_all(pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        thread_join(threads[i]);
}

static void test_wake(void)
{
    pthread_t threads[8];

    word = 0;
    start_waiters(threads, 8, -1u);
    EXPECT(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 3, NULL, NULL, 0), 3);
    board_wait(1, 3);
    sleep_ms(10);
    CHECK_EQ("woken", board[1], 3);
    EXPECT(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, INT_MAX, NULL, NULL, 0), 5);
    EXPECT(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
    join_all(threads, 8);
}

static void test_bitset(void)
{
    pthread_t threads[5];

    word = 0;
    start_waiters(threads, 3, 1);
    start_waiters(threads + 3, 2, 6);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 10, NULL, NULL, 8), 0);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 10, NULL, NULL, 2), 2);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 10, NULL, NULL, 9), 3);
    join_all(threads, 5);
}

/* Waits until a time, not for one; on either clock. */
static void test_absolute(void)
{
    static const struct {
        clockid_t clock;
        int op;
    } kinds[] = {{CLOCK_MONOTONIC, FUTEX_WAIT_BITSET},
                 {CLOCK_REALTIME, FUTEX_WAIT_BITSET | FUTEX_REALTIME}};

    word = 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint64_t start = now_ms();
        struct timespec t;

        clock_gettime(kinds[i].clock, &t);
        EXPECT(futex(&word, kinds[i].op, 0, &t, NULL, -1u), -ETIMEDOUT);
        CHECK(now_ms() - start < 1000, "a time that is past: %lu ms", now_ms() - start);
        start = now_ms();
        t.tv_nsec += 30000000;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        EXPECT(futex(&word, kinds[i].op, 0, &t, NULL, -1u), -ETIMEDOUT);
        CHECK(now_ms() - start >= 28 && now_ms() - start < 2000, "30 ms took %lu",
              now_ms() - start);
    }
}

static void test_requeue(void)
{
    pthread_t threads[6];

    word = word2 = 0;
    start_waiters(threads, 6, -1u);
    EXPECT(SYS(SYS_futex, &word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, 2, &word2, 7), -EAGAIN);
    EXPECT(SYS(SYS_futex, &word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, 2, &word2, 0), 3);
    board_wait(1, 1);
    EXPECT(futex(&word2, FUTEX_WAKE | FUTEX_PRIVATE, 10, NULL, NULL, 0), 2);
    EXPECT(SYS(SYS_futex, &word, FUTEX_REQUEUE | FUTEX_PRIVATE, 0, 10, &word2, 0), 3);
    EXPECT(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 10, NULL, NULL, 0), 0);
    EXPECT(futex(&word2, FUTEX_WAKE | FUTEX_PRIVATE, 10, NULL, NULL, 0), 3);
    join_all(threads, 6);
}

/* Add 5 to the second word; wake its waiters when it was above 1. */
#define OP_ADD_5_GT_1 ((1u << 28) | (4u << 24) | (5u << 12) | 1u)

static void test_wake_op(void)
{
    pthread_t threads[2];

    word = word2 = 0;
    start_waiters(threads, 2, -1u);
    EXPECT(SYS(SYS_futex, &word, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 9, &word2, OP_ADD_5_GT_1), 1);
    CHECK_EQ("second word", word2, 5);
    EXPECT(SYS(SYS_futex, &word2, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 9, &word, OP_ADD_5_GT_1), 0);
    CHECK_EQ("first word", word, 5);
    EXPECT(SYS(SYS_futex, &word2, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 9, &word, OP_ADD_5_GT_1), 1);
    join_all(threads, 2);
}

/* ---- In shared memory ---- */

static int wait_shared(void *arg)
{
    volatile int *at = arg;

    board_post(0);
    EXPECT(futex(at, FUTEX_WAIT, 0, &(struct timespec){10, 0}, NULL, 0), 0);
    CHECK_EQ("word", *at, 1);
    return 0;
}

/* Wake the one who waits at @at, or is about to. */
static void wake_one(volatile int *at, int op)
{
    long woken = 0;

    for (int i = 0; i < 1000 && !woken; i++) {
        woken = futex(at, op, 1, NULL, NULL, 0);
        if (!woken)
            sleep_ms(1);
    }
    CHECK_EQ("woken", woken, 1);
}

static void wake_shared(volatile int *at)
{
    *at = 1;
    wake_one(at, FUTEX_WAKE);
}

static void test_shared(void)
{
    pid_t pid = child_start(wait_shared, (void *)&board[50]);

    board_wait(0, 1);
    sleep_ms(20);
    wake_shared(&board[50]);
    child_exits(pid, 0);
}

/* The same page at another address is the same word. */
static int wait_elsewhere(void *arg)
{
    uint64_t new = (uint64_t)arg + MIB(1);

    EXPECT(raw_mremap((uint64_t)arg, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, new), new);
    return wait_shared((void *)(new + 100));
}

static void test_shared_moved(void)
{
    uint64_t at = arena_find(MIB(2), PMD);
    pid_t pid;

    EXPECT(raw_mmap(at, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
    pid = child_start(wait_elsewhere, (void *)at);
    board_wait(0, 1);
    sleep_ms(20);
    wake_shared((volatile int *)(at + 100));
    child_exits(pid, 0);
    EXPECT(SYS(SYS_munmap, at, PAGE), 0);
}

/* Private memory of two processes is two words, although they have one page. */
static int wake_private(void *arg)
{
    (void)arg;
    EXPECT(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
    EXPECT(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 10, NULL, NULL, 0), 0);
    return 0;
}

static void test_private_apart(void)
{
    pthread_t thread;

    word = 0;
    start_waiters(&thread, 1, -1u);
    in_child(wake_private, NULL);
    CHECK_EQ("woken", board[1], 0);
    /* The child's end may have made the call start anew: it waits again in a moment. */
    wake_one(&word, FUTEX_WAKE | FUTEX_PRIVATE);
    thread_join(thread);
}

static const struct suite_case cases[] = {
    {"futex: values and time-outs", test_values},
    {"futex: errors", test_errors},
    {"futex: as many are woken as asked for", test_wake},
    {"futex: bit sets", test_bitset},
    {"futex: absolute times", test_absolute},
    {"futex: requeue", test_requeue},
    {"futex: wake with an operation", test_wake_op},
    {"futex: in shared memory", test_shared},
    {"futex: in shared memory that was moved", test_shared_moved},
    {"futex: private memory after fork", test_private_apart},
};
const struct suite_table futex_cases = {cases, ARRAY_SIZE(cases)};
