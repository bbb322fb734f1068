/*
 * storm: calls on memory and processes at random, with right arguments and wrong ones, while other processes do the
 * same. Nothing is expected of an answer; the kernel must live, lose nothing, and keep its invariants (boot with
 * check=1).
 *
 * usage: storm [seed=N] [calls=N] [seconds=N]: so many calls, or for so long; 20,000 calls when neither is said.
 */
#define _GNU_SOURCE
#include "storm.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ROUND 1000 /* calls between two lines */

uint64_t arena;
static uint64_t seed = 1, state;
static sigjmp_buf back;
static volatile sig_atomic_t in_touch;
static uint64_t caught;

/* ---- Chance ---- */

uint64_t chance(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % n;
}

/* Mostly short, sometimes huge, sometimes what no length can be. */
uint64_t random_length(void)
{
    switch (chance(16)) {
    case 0:
        return chance(ARENA);
    case 1:
        return PMD * chance(16);
    case 2:
        return chance(2) ? 0 : UINT64_MAX - chance(3 * PAGE);
    case 3:
        return chance(5 * PAGE);
    default:
        return PAGE * (1 + chance(chance(4) ? 16 : 1200));
    }
}

/* Mostly pages of the arena, near its start, where things meet. */
uint64_t random_address(void)
{
    switch (chance(24)) {
    case 0:
        return chance(2) ? 0 : chance(PAGE * 20);
    case 1:
        return USER_TOP - PAGE * chance(4);
    case 2:
        return KERNEL_ADDRESS + chance(GIB(1));
    case 3:
        return NOT_CANONICAL + chance(PAGE);
    case 4:
        return arena + chance(ARENA);
    case 5:
    case 6:
        return arena + PMD * chance(64);
    case 7:
        return arena + PUD * chance(ARENA / PUD);
    default:
        return arena + PAGE * chance(chance(3) ? 600 : 4000);
    }
}

/* ---- Touching ---- */

static void on_fault(int sig)
{
    (void)sig;
    caught++;
    if (in_touch)
        siglongjmp(back, 1);
    _exit(99);
}

/* Read or write where there may be nothing. */
void touch(uint64_t at, bool write)
{
    volatile uint8_t *byte = (volatile uint8_t *)at;

    in_touch = 1;
    if (!sigsetjmp(back, 1)) {
        if (write)
            *byte = (uint8_t)at;
        else
            (void)*byte;
    }
    in_touch = 0;
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- Processes ---- */

static unsigned depth;

/* Children do some calls of their own and end, or are killed; no more than a few at a time. */
void storm_fork(void)
{
    pid_t pid;

    if (depth == 2 || chance(8))
        return;
    pid = fork();
    if (pid == 0) {
        depth++;
        state ^= (uint64_t)getpid() * 0x9e3779b97f4a7c15;
        for (uint64_t n = chance(60); n > 0; n--)
            storm_call();
        _exit((int)chance(3));
    }
    if (pid > 0 && chance(4) == 0)
        kill(pid, chance(2) ? SIGKILL : SIGTERM);
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
}

/* ---- The storm ---- */

static void one_call(void)
{
    unsigned touches = (unsigned)chance(4);

    storm_call();
    while (touches-- > 0)
        touch(random_address(), chance(2));
}

/* Memory must not run out for good: from time to time all of it goes. */
static void clear(void)
{
    munmap((void *)arena, ARENA);
    SYS(SYS_munlockall);
}

static void name_round(char name[64], uint64_t from, uint64_t calls)
{
    snprintf(name, 64, "calls %llu to %llu", (unsigned long long)from,
             (unsigned long long)(from + calls - 1));
}

static uint64_t argument(int argc, char **argv, const char *name, uint64_t otherwise)
{
    size_t length = strlen(name);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return strtoull(argv[i] + length + 1, NULL, 0);
    return otherwise;
}

int main(int argc, char **argv)
{
    uint64_t seconds = argument(argc, argv, "seconds", 0), done = 0;
    uint64_t calls = argument(argc, argv, "calls", seconds ? UINT64_MAX : 20000);
    uint64_t end = seconds ? now_ms() + seconds * 1000 : UINT64_MAX;
    char name[64];

    seed = argument(argc, argv, "seed", seed);
    state = seed * 0x9e3779b97f4a7c15 | 1;
    printf("# storm seed=%llu\n", (unsigned long long)seed);
    tap_begin();
    catch_faults();
    arena = arena_find(ARENA, GIB(512));
    storm_files_open();
    while (done < calls && now_ms() < end) {
        uint64_t n = calls - done < ROUND ? calls - done : ROUND;

        for (uint64_t i = 0; i < n; i++)
            one_call();
        clear();
        name_round(name, done, n);
        tap_done(name);
        fflush(stdout);
        done += n;
    }
    printf("# %llu calls, %llu faults caught\n", (unsigned long long)done,
           (unsigned long long)caught);
    return tap_end();
}
