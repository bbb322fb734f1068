#define _GNU_SOURCE
#include "suitelib.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

char own_path[512];
volatile int *board;

/* ---- Shared words ---- */

void board_wait(size_t word, int value)
{
    uint64_t start = now_ms();

    while (board[word] < value) {
        if (now_ms() - start > 10000) {
            tap_fail("board[%zu] is %d after ten seconds, not %d", word, board[word], value);
            return;
        }
        sleep_ms(1);
    }
}

void board_post(size_t word)
{
    __atomic_fetch_add(&board[word], 1, __ATOMIC_SEQ_CST);
}

void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l};

    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Children ---- */

/* Those that the running case started, to end them when it forgets to. */
static pid_t started[256];
static size_t started_count;

pid_t child_start(int (*run)(void *arg), void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        started_count = 0;
        _exit(run(arg));
    }
    CHECK(pid > 0, "fork(): %s", strerror(errno));
    if (pid > 0 && started_count < ARRAY_SIZE(started))
        started[started_count++] = pid;
    return pid;
}

static int sleep_on(void *arg)
{
    for (;;)
        sleep_ms(1000);
    return arg != NULL;
}

pid_t child_sleeper(void)
{
    return child_start(sleep_on, NULL);
}

/* The status of child @pid once it has ended; -1 when there is no such child. */
static int child_wait(pid_t pid)
{
    int status = -1;
    pid_t seen;

    do
        seen = waitpid(pid, &status, 0);
    while (seen < 0 && errno == EINTR);
    CHECK(seen == pid, "waitpid(%d): %d, %s", pid, seen, strerror(errno));
    return seen == pid ? status : -1;
}

void child_exits(pid_t pid, int status)
{
    int seen = pid > 0 ? child_wait(pid) : -1;

    CHECK(seen == (status & 0xff) << 8, "child's wait status %#x, not exit of %d", seen, status);
}

void child_dies(pid_t pid, int sig)
{
    int seen = pid > 0 ? child_wait(pid) : -1;

    CHECK((seen & ~0x80) == sig, "child's wait status %#x, not death by signal %d", seen, sig);
}

void in_child(int (*run)(void *arg), void *arg)
{
    child_exits(child_start(run, arg), 0);
}

void child_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    child_wait(pid);
}

/* ---- The suite ---- */

/* Every child of a case was waited for by it, and no stranger is left to us. */
static void check_no_children(void)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

    CHECK(pid == -1 && errno == ECHILD, "the case left a child behind: waitpid() gives %d", pid);
    for (size_t i = 0; i < started_count; i++)
        if (pid >= 0 && waitpid(started[i], &status, WNOHANG) == 0)
            child_end(started[i]);
    started_count = 0;
}

static void run_table(const struct suite_table *table, const char *wanted)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!strstr(table->cases[i].name, wanted))
            continue;
        memset((void *)board, 0, BOARD_WORDS * sizeof(*board));
        table->cases[i].run();
        check_no_children();
        tap_done(table->cases[i].name);
    }
}

static int play_role(const struct suite_role *roles, int argc, char **argv)
{
    for (; roles && roles->name; roles++)
        if (!strcmp(roles->name, argv[0]))
            return roles->run(argc - 1, argv + 1);
    return 99;
}

int suite_main(int argc, char **argv, const struct suite *suite)
{
    if (result(readlink("/proc/self/exe", own_path, sizeof(own_path) - 1)) < 0)
        return 98;
    if (argc > 2 && !strcmp(argv[1], "--be"))
        return play_role(suite->roles, argc - 2, argv + 2);
    tap_begin();
    tap_share();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* as process 1 is without asking */
    board = mmap(NULL, BOARD_WORDS * sizeof(*board), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (const struct suite_table *const *t = suite->tables; *t; t++)
        run_table(*t, argc > 1 ? argv[1] : "");
    return tap_end();
}
