/* Inside of thread_test: threads come and go. */
#define _GNU_SOURCE
#include "thread_test.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static void *add_one(void *arg)
{
    return (char *)arg + 1;
}

static void test_create(void)
{
    for (uintptr_t i = 0; i < 20; i++)
        CHECK_EQ("value", thread_join(thread_start(add_one, (void *)i)), i + 1);
}

static void test_many(void)
{
    pthread_t threads[100];

    for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
        threads[i] = thread_start(add_one, (void *)i);
    for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
        CHECK_EQ("value", thread_join(threads[i]), i + 1);
}

static void test_one_after_the_other(void)
{
    for (uintptr_t i = 0; i < 1000 && !tap_failing(); i++)
        CHECK_EQ("value", thread_join(thread_start(add_one, (void *)i)), i + 1);
}

static __attribute__((noinline)) void exit_below(void)
{
    pthread_exit((void *)77);
}

static void *exit_deep(void *arg)
{
    exit_below();
    return arg;
}

static void test_pthread_exit(void)
{
    CHECK_EQ("value", thread_join(thread_start(exit_deep, (void *)10)), 77);
}

static void *post_late(void *arg)
{
    sleep_ms(20);
    board_post((size_t)arg);
    return NULL;
}

static void test_detach(void)
{
    pthread_attr_t attr;
    pthread_t thread = thread_start(post_late, (void *)1);

    EXPECT(pthread_detach(thread), 0);
    board_wait(1, 1);
    EXPECT(pthread_attr_init(&attr), 0);
    EXPECT(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    for (size_t i = 0; i < 20; i++)
        EXPECT(pthread_create(&thread, &attr, post_late, (void *)2), 0);
    board_wait(2, 20);
    pthread_attr_destroy(&attr);
    sleep_ms(20);
}

static void *use_stack(void *arg)
{
    size_t size = (size_t)arg;
    volatile char *block = __builtin_alloca(size);

    for (size_t i = 0; i < size; i += 1024)
        block[i] = (char)(i >> 10);
    for (size_t i = 0; i < size; i += 1024)
        if (block[i] != (char)(i >> 10))
            return NULL;
    return (void *)1;
}

static void test_stack_size(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    EXPECT(pthread_attr_init(&attr), 0);
    EXPECT(pthread_attr_setstacksize(&attr, MIB(4)), 0);
    EXPECT(pthread_attr_setguardsize(&attr, 4 * PAGE), 0);
    EXPECT(pthread_create(&thread, &attr, use_stack, (void *)(MIB(4) - KIB(64))), 0);
    CHECK(thread_join(thread), "the stack does not keep its bytes");
    pthread_attr_destroy(&attr);
}

/* ---- What is each thread's own ---- */

static __thread uintptr_t own = 5;
static __thread char own_page[5000];

static void *check_tls(void *arg)
{
    CHECK_EQ("initial value", own, 5);
    own = (uintptr_t)arg;
    memset(own_page, (char)own, sizeof(own_page));
    for (int i = 0; i < 50; i++) {
        sched_yield();
        CHECK_EQ("own value", own, (uintptr_t)arg);
        CHECK(own_page[0] == (char)own && own_page[4999] == (char)own, "own page changed");
    }
    return &own;
}

static void test_tls(void)
{
    pthread_t threads[8];
    void *addresses[8];

    own = 99;
    for (uintptr_t i = 0; i < 8; i++)
        threads[i] = thread_start(check_tls, (void *)(i + 10));
    for (size_t i = 0; i < 8; i++)
        addresses[i] = thread_join(threads[i]);
    CHECK_EQ("the main thread's", own, 99);
    CHECK(addresses[0] != &own && addresses[1] != &own, "one address for two threads");
    own = 5;
}

static pthread_key_t key;

static void destroy(void *value)
{
    __atomic_fetch_add(&board[0], (int)(uintptr_t)value, __ATOMIC_SEQ_CST);
}

static void *set_specific(void *arg)
{
    CHECK(!pthread_getspecific(key), "a new thread has a value");
    EXPECT(pthread_setspecific(key, arg), 0);
    sched_yield();
    CHECK(pthread_getspecific(key) == arg, "the value changed");
    return NULL;
}

static void test_keys(void)
{
    pthread_t threads[4];

    EXPECT(pthread_key_create(&key, destroy), 0);
    for (uintptr_t i = 0; i < 4; i++)
        threads[i] = thread_start(set_specific, (void *)(i + 1));
    for (size_t i = 0; i < 4; i++)
        thread_join(threads[i]);
    CHECK_EQ("sum of the values destroyed", board[0], 10);
    EXPECT(pthread_key_delete(key), 0);
}

static void *check_identity(void *arg)
{
    long tid = SYS(SYS_gettid);

    CHECK(tid != getpid(), "a second thread has the process's number");
    EXPECT(SYS(SYS_getpid), (long)arg);
    EXPECT(SYS(SYS_getppid), getppid());
    return NULL;
}

static void test_identity(void)
{
    EXPECT(SYS(SYS_gettid), getpid());
    for (int i = 0; i < 3; i++)
        thread_join(thread_start(check_identity, (void *)(long)getpid()));
}

static void clean_up(void *arg)
{
    board_post((size_t)arg);
}

static void *sleep_for_ever(void *arg)
{
    pthread_cleanup_push(clean_up, arg);
    board_post(0);
    for (;;)
        sleep_ms(1000);
    pthread_cleanup_pop(0);
    return arg;
}

static void test_cancel(void)
{
    pthread_t thread = thread_start(sleep_for_ever, (void *)1);

    board_wait(0, 1);
    sleep_ms(10);
    EXPECT(pthread_cancel(thread), 0);
    CHECK(thread_join(thread) == PTHREAD_CANCELED, "it was not cancelled");
    CHECK_EQ("cleanups", board[1], 1);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    sleep_ms(20);
    board_post(0);
}

static void *call_once(void *arg)
{
    pthread_once(&once, initialise);
    CHECK_EQ("initialised before pthread_once() returns", board[0], 1);
    return arg;
}

static void test_once(void)
{
    pthread_t threads[5];

    once = (pthread_once_t)PTHREAD_ONCE_INIT;
    for (size_t i = 0; i < 5; i++)
        threads[i] = thread_start(call_once, NULL);
    for (size_t i = 0; i < 5; i++)
        thread_join(threads[i]);
}

/* Allocations of several threads at once, given back by others. */
static void *allocate(void *arg)
{
    uintptr_t seed = (uintptr_t)arg * 77;
    char *blocks[50];

    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 50; i++) {
            size_t size = 16 + (seed + i * 7919 + (size_t)round * 104729) % 20000;

            blocks[i] = malloc(size);
            memset(blocks[i], (int)(seed + i), size);
        }
        for (size_t i = 0; i < 50; i++) {
            CHECK(blocks[i][0] == (char)(seed + i) && blocks[i][15] == (char)(seed + i),
                  "block %zu changed", i);
            free(blocks[i]);
        }
    }
    return NULL;
}

static void test_malloc(void)
{
    pthread_t threads[6];

    for (uintptr_t i = 0; i < 6; i++)
        threads[i] = thread_start(allocate, (void *)(i + 1));
    for (size_t i = 0; i < 6; i++)
        thread_join(threads[i]);
}

static const struct suite_case cases[] = {
    {"threads: create and join", test_create},
    {"threads: 100 at once", test_many},
    {"threads: 1000 in a row", test_one_after_the_other},
    {"threads: pthread_exit", test_pthread_exit},
    {"threads: detached", test_detach},
    {"threads: a stack of 4 MB", test_stack_size},
    {"threads: thread-local storage", test_tls},
    {"threads: keys and their destructors", test_keys},
    {"threads: gettid and getpid", test_identity},
    {"threads: cancelled while asleep", test_cancel},
    {"threads: pthread_once", test_once},
    {"threads: malloc and free", test_malloc},
};
const struct suite_table pthread_cases = {cases, ARRAY_SIZE(cases)};
