/* Inside of thread_test: the library's locks, in one process and between several. */
#define _GNU_SOURCE
#include "thread_test.h"

#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>

#define ROUNDS 2000

static struct timespec in_ms(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000l;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Threads that all run @run, joined. */
static void run_threads(size_t count, void *(*run)(void *))
{
    pthread_t threads[16];

    for (uintptr_t i = 0; i < count; i++)
        threads[i] = thread_start(run, (void *)i);
    for (size_t i = 0; i < count; i++)
        thread_join(threads[i]);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile long counter;

/* A counter that is read and written apart, with others made to run in between now and then. */
static void *count_locked(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        long value;

        pthread_mutex_lock(&mutex);
        value = counter;
        if (i % 100 == 0)
            SYS(SYS_sched_yield);
        counter = value + 1;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void test_mutex(void)
{
    counter = 0;
    run_threads(8, count_locked);
    CHECK_EQ("counter", counter, 8 * ROUNDS);
}

static void *try_lock(void *arg)
{
    struct timespec t = in_ms(30);
    uint64_t start = now_ms();

    EXPECT(pthread_mutex_trylock(arg), EBUSY);
    EXPECT(pthread_mutex_timedlock(arg, &t), ETIMEDOUT);
    CHECK(now_ms() - start >= 25, "timed out after %lu ms", now_ms() - start);
    return NULL;
}

static void test_mutex_kinds(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    EXPECT(pthread_mutex_init(&m, &attr), 0);
    EXPECT(pthread_mutex_lock(&m), 0);
    EXPECT(pthread_mutex_lock(&m), 0);
    EXPECT(pthread_mutex_unlock(&m), 0);
    thread_join(thread_start(try_lock, &m));
    EXPECT(pthread_mutex_unlock(&m), 0);
    pthread_mutex_destroy(&m);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    EXPECT(pthread_mutex_init(&m, &attr), 0);
    EXPECT(pthread_mutex_lock(&m), 0);
    EXPECT(pthread_mutex_lock(&m), EDEADLK);
    EXPECT(pthread_mutex_unlock(&m), 0);
    EXPECT(pthread_mutex_unlock(&m), EPERM);
    pthread_mutex_destroy(&m);
    pthread_mutexattr_destroy(&attr);
}

/* ---- Conditions ---- */

static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static struct {
    long items[4];
    size_t count;
    long sum;
} queue;

static void *produce(void *arg)
{
    for (long i = 1; i <= 500; i++) {
        pthread_mutex_lock(&mutex);
        while (queue.count == ARRAY_SIZE(queue.items))
            pthread_cond_wait(&emptied, &mutex);
        queue.items[queue.count++] = i;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *consume(void *arg)
{
    for (long i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        while (queue.count == 0)
            pthread_cond_wait(&filled, &mutex);
        queue.sum += queue.items[--queue.count];
        pthread_cond_signal(&emptied);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *produce_or_consume(void *arg)
{
    return (uintptr_t)arg % 2 ? produce(arg) : consume(arg);
}

static void test_condition(void)
{
    memset(&queue, 0, sizeof(queue));
    run_threads(6, produce_or_consume);
    CHECK_EQ("sum of what went through the queue", queue.sum, 3 * 500 * 501 / 2);
}

static bool go;

static void *wait_for_go(void *arg)
{
    pthread_mutex_lock(&mutex);
    board_post(0);
    while (!go)
        pthread_cond_wait(&filled, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void test_broadcast(void)
{
    struct timespec t = in_ms(30);
    pthread_t threads[10];

    go = false;
    for (size_t i = 0; i < 10; i++)
        threads[i] = thread_start(wait_for_go, NULL);
    board_wait(0, 10);
    pthread_mutex_lock(&mutex);
    EXPECT(pthread_cond_timedwait(&emptied, &mutex, &t), ETIMEDOUT);
    go = true;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < 10; i++)
        thread_join(threads[i]);
}

/* ---- Barriers, readers and writers, semaphores ---- */

static pthread_barrier_t barrier;

static void *meet(void *arg)
{
    for (int round = 1; round <= 50; round++) {
        board_post(1);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            board_post(2);
        CHECK(board[1] >= round * 5, "round %d: %d have come", round, board[1]);
        pthread_barrier_wait(&barrier);
    }
    return arg;
}

static void test_barrier(void)
{
    EXPECT(pthread_barrier_init(&barrier, NULL, 5), 0);
    run_threads(5, meet);
    CHECK_EQ("one of each round is told", board[2], 50);
    pthread_barrier_destroy(&barrier);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long pair[2];

static void *read_or_write(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        if ((uintptr_t)arg < 2) {
            pthread_rwlock_wrlock(&rwlock);
            pair[0]++;
            if (i % 50 == 0)
                SYS(SYS_sched_yield);
            pair[1]++;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            CHECK(pair[0] == pair[1], "half-written: %ld, %ld", pair[0], pair[1]);
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return arg;
}

static void test_rwlock(void)
{
    pair[0] = pair[1] = 0;
    run_threads(6, read_or_write);
    CHECK_EQ("writes", pair[0], 2000);
}

static sem_t semaphore;

static void *take_and_give(void *arg)
{
    for (int i = 0; i < 200; i++) {
        sem_wait(&semaphore);
        CHECK(__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST) <= 2,
              "three hold a semaphore of two");
        if (i % 20 == 0)
            SYS(SYS_sched_yield);
        __atomic_fetch_sub(&counter, 1, __ATOMIC_SEQ_CST);
        sem_post(&semaphore);
    }
    return arg;
}

static void test_semaphore(void)
{
    struct timespec t = in_ms(20);
    int value;

    counter = 0;
    EXPECT(sem_init(&semaphore, 0, 2), 0);
    run_threads(6, take_and_give);
    EXPECT(sem_getvalue(&semaphore, &value), 0);
    CHECK_EQ("value", value, 2);
    sem_wait(&semaphore);
    sem_wait(&semaphore);
    EXPECT(result(sem_timedwait(&semaphore, &t)), -ETIMEDOUT);
    sem_destroy(&semaphore);
}

/* ---- Between processes ---- */

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    sem_t semaphore;
    volatile long counter;
};

static struct shared *shared_make(bool robust)
{
    struct shared *s = mmap(NULL, sizeof(*s), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;
    pthread_condattr_t cond;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (robust)
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    EXPECT(pthread_mutex_init(&s->mutex, &attr), 0);
    pthread_condattr_init(&cond);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    EXPECT(pthread_cond_init(&s->cond, &cond), 0);
    EXPECT(sem_init(&s->semaphore, 1, 0), 0);
    return s;
}

static int count_shared(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < ROUNDS; i++) {
        long value;

        pthread_mutex_lock(&s->mutex);
        value = s->counter;
        if (i % 100 == 0)
            SYS(SYS_sched_yield);
        s->counter = value + 1;
        if (s->counter == 3 * ROUNDS)
            pthread_cond_broadcast(&s->cond);
        pthread_mutex_unlock(&s->mutex);
    }
    sem_post(&s->semaphore);
    return 0;
}

static void test_process_shared(void)
{
    struct shared *s = shared_make(false);
    pid_t pids[3];

    for (size_t i = 0; i < 3; i++)
        pids[i] = child_start(count_shared, s);
    pthread_mutex_lock(&s->mutex);
    while (s->counter < 3 * ROUNDS)
        pthread_cond_wait(&s->cond, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < 3; i++)
        EXPECT(sem_wait(&s->semaphore), 0);
    for (size_t i = 0; i < 3; i++)
        child_exits(pids[i], 0);
    CHECK_EQ("counter", s->counter, 3 * ROUNDS);
    munmap(s, sizeof(*s));
}

static int die_with_lock(void *arg)
{
    struct shared *s = arg;

    EXPECT(pthread_mutex_lock(&s->mutex), 0);
    board_post(0);
    sleep_ms(30);
    return 0;
}

/* Who waits for the lock of a process that has ended is told. */
static void test_robust(void)
{
    struct shared *s = shared_make(true);
    pid_t pid = child_start(die_with_lock, s);

    board_wait(0, 1);
    EXPECT(pthread_mutex_lock(&s->mutex), EOWNERDEAD);
    EXPECT(pthread_mutex_consistent(&s->mutex), 0);
    EXPECT(pthread_mutex_unlock(&s->mutex), 0);
    EXPECT(pthread_mutex_lock(&s->mutex), 0);
    EXPECT(pthread_mutex_unlock(&s->mutex), 0);
    child_exits(pid, 0);
    munmap(s, sizeof(*s));
}

static void *thread_dies_with_lock(void *arg)
{
    die_with_lock(arg);
    return NULL;
}

static void test_robust_thread(void)
{
    struct shared *s = shared_make(true);
    pthread_t thread = thread_start(thread_dies_with_lock, s);

    board_wait(0, 1);
    EXPECT(pthread_mutex_lock(&s->mutex), EOWNERDEAD);
    EXPECT(pthread_mutex_unlock(&s->mutex), 0); /* without saying that all is well */
    EXPECT(pthread_mutex_lock(&s->mutex), ENOTRECOVERABLE);
    thread_join(thread);
    munmap(s, sizeof(*s));
}

static const struct suite_case cases[] = {
    {"mutex: eight threads count", test_mutex},
    {"mutex: recursive, errors checked, timed", test_mutex_kinds},
    {"condition: a queue", test_condition},
    {"condition: broadcast, timed out", test_broadcast},
    {"barrier", test_barrier},
    {"readers and writers", test_rwlock},
    {"semaphore", test_semaphore},
    {"mutex, condition and semaphore of several processes", test_process_shared},
    {"robust mutex of a process that ended", test_robust},
    {"robust mutex of a thread that ended", test_robust_thread},
};
const struct suite_table sync_cases = {cases, ARRAY_SIZE(cases)};
