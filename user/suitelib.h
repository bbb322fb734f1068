/*
 * What suites of tests about processes share: a list of cases with a main() around it, children that are started,
 * told apart and waited for, and words in shared memory by which they wait for each other.
 *
 * What a child finds is counted as the running case's (tap_share()).
 */
#pragma once

#include "testlib.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define RW (PROT_READ | PROT_WRITE)
#define KERNEL_ADDRESS 0xffff800000000000ul
#define NOT_CANONICAL 0x800000000000ul

/* futex(2): the headers of musl have none of it. */
enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128,
    FUTEX_REALTIME = 256,
};

struct suite_case {
    const char *name;
    void (*run)(void);
};

struct suite_table {
    const struct suite_case *cases;
    size_t count;
};

/* What the program is when it is executed by its own cases, with "--be NAME" and the rest as arguments. */
struct suite_role {
    const char *name;
    int (*run)(int argc, char **argv); /* of the arguments behind NAME; returns the exit status */
};

struct suite {
    const struct suite_table *const *tables; /* ends with NULL */
    const struct suite_role *roles;          /* ends with a NULL name; or NULL */
};

/* main() of a suite: all cases, or those whose name contains argv[1]; or a role. Returns the exit status. */
int suite_main(int argc, char **argv, const struct suite *suite);

/* This program's own path. */
extern char own_path[512];

/* ---- Shared words ---- */

#define BOARD_WORDS 1024

/* Words shared with all children; zero when a case starts. */
extern volatile int *board;

/* Sleep in small steps until board[@word] is at least @value; a finding after ten seconds. */
void board_wait(size_t word, int value);

/* Add one to board[@word]. */
void board_post(size_t word);

void sleep_ms(unsigned ms);

/* The monotonic clock, in milliseconds. */
uint64_t now_ms(void);

/* ---- Children ---- */

/* fork(); the child runs @run and exits with its result. */
pid_t child_start(int (*run)(void *arg), void *arg);

/* A child that only sleeps until it is killed. */
pid_t child_sleeper(void);

/* Wait for child @pid, which must exit with @status, or die of signal @sig. */
void child_exits(pid_t pid, int status);
void child_dies(pid_t pid, int sig);

/* child_start() and child_exits() with 0: the case, or a part of it, in a process of its own. */
void in_child(int (*run)(void *arg), void *arg);

/* Kill @pid and wait for it. */
void child_end(pid_t pid);
