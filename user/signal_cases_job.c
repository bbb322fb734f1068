/* Inside of signal_test: stopped and continued. */
#define _GNU_SOURCE
#include "signal_test.h"

#include <sys/wait.h>

static int count(void *arg)
{
    for (;;) {
        board_post((size_t)(intptr_t)arg);
        sleep_ms(1);
    }
    return 0;
}

static void wait_stopped(pid_t pid, int sig)
{
    int status = 0;

    EXPECT(result(waitpid(pid, &status, WUNTRACED)), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == sig, "status %#x", status);
}

/* It stands still, then goes on. */
static void test_stop(void)
{
    pid_t pid = child_start(count, (void *)1);
    int before;

    board_wait(1, 3);
    EXPECT(result(kill(pid, SIGSTOP)), 0);
    wait_stopped(pid, SIGSTOP);
    before = board[1];
    sleep_ms(50);
    CHECK_EQ("counted while stopped", board[1] - before, 0);
    EXPECT(result(kill(pid, SIGCONT)), 0);
    board_wait(1, before + 3);
    child_end(pid);
}

static int stop_by(void *arg)
{
    setpgid(0, 0); /* whose parent is in another group: not orphaned */
    raise((int)(intptr_t)arg);
    return 55;
}

static void test_stop_signals(void)
{
    static const int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        pid_t pid = child_start(stop_by, (void *)(intptr_t)signals[i]);

        wait_stopped(pid, signals[i]);
        EXPECT(result(kill(pid, SIGCONT)), 0);
        child_exits(pid, 55);
    }
}

/* Other signals wait until it goes on; SIGKILL does not. */
static int count_signals(void *arg)
{
    catch_signal(SIGUSR1, note_signal, 0);
    board_post(0);
    while (!seen.count)
        sleep_ms(1);
    return arg ? 1 : 66;
}

static void test_signals_wait(void)
{
    pid_t pid = child_start(count_signals, NULL);

    board_wait(0, 1);
    EXPECT(result(kill(pid, SIGSTOP)), 0);
    wait_stopped(pid, SIGSTOP);
    EXPECT(result(kill(pid, SIGUSR1)), 0);
    sleep_ms(20);
    EXPECT(result(waitpid(pid, NULL, WNOHANG)), 0);
    EXPECT(result(kill(pid, SIGCONT)), 0);
    child_exits(pid, 66);
}

static volatile int continued;

static void note_continued(int sig)
{
    (void)sig;
    continued++;
}

static int handle_continue(void *arg)
{
    signal(SIGCONT, note_continued);
    board_post(0);
    while (!continued)
        sleep_ms(1);
    return arg ? 1 : 67;
}

static void test_handled_continue(void)
{
    pid_t pid = child_start(handle_continue, NULL);

    board_wait(0, 1);
    EXPECT(result(kill(pid, SIGSTOP)), 0);
    wait_stopped(pid, SIGSTOP);
    EXPECT(result(kill(pid, SIGCONT)), 0);
    child_exits(pid, 67);
}

/* SIGTSTP and its kin can be handled, blocked, and ignored; to go on takes a pending stop away. */
static int handle_stop(void *arg)
{
    sigset_t set;

    catch_signal(SIGTSTP, note_signal, 0);
    raise(SIGTSTP);
    CHECK_EQ("handled", seen.count, 1);
    signal(SIGTSTP, SIG_IGN);
    raise(SIGTSTP);
    default_signal(SIGTSTP);
    block_signal(SIGTSTP);
    raise(SIGTSTP);
    EXPECT(result(kill(getpid(), SIGCONT)), 0);
    EXPECT(result(sigpending(&set)), 0);
    CHECK(sigismember(&set, SIGTSTP) == 0, "the stop is still pending");
    unblock_signal(SIGTSTP);
    return arg != NULL;
}

static void test_handled_stop(void)
{
    in_child(handle_stop, NULL);
}

/* A sleep goes on to its end after a stop in between. */
static int sleep_once(void *arg)
{
    struct timespec t = {0, 200000000};

    board_post(0);
    EXPECT(SYS(SYS_nanosleep, &t, NULL), 0);
    return arg != NULL;
}

static void test_sleep_over_stop(void)
{
    pid_t pid = child_start(sleep_once, NULL);

    board_wait(0, 1);
    sleep_ms(20);
    EXPECT(result(kill(pid, SIGSTOP)), 0);
    wait_stopped(pid, SIGSTOP);
    sleep_ms(20);
    EXPECT(result(kill(pid, SIGCONT)), 0);
    child_exits(pid, 0);
}

/* In a group that nobody could continue, the terminal's stops do nothing. */
static int orphaned(void *arg)
{
    setsid();
    raise(SIGTSTP);
    raise(SIGTTIN);
    raise(SIGTTOU);
    return arg != NULL;
}

static void test_orphaned(void)
{
    in_child(orphaned, NULL);
}

static const struct suite_case cases[] = {
    {"SIGSTOP and SIGCONT", test_stop},
    {"all signals that stop", test_stop_signals},
    {"signals wait while it is stopped", test_signals_wait},
    {"SIGCONT with a handler", test_handled_continue},
    {"SIGTSTP handled, ignored, taken away", test_handled_stop},
    {"a sleep over a stop", test_sleep_over_stop},
    {"an orphaned group does not stop", test_orphaned},
};
const struct suite_table job_cases = {cases, ARRAY_SIZE(cases)};
