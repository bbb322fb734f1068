/*
 * demo_warn: executes itself with more than 4 MiB of environment, so that exec shifts a stack that spans whole PMDs
 * onto itself, then tells what the kernel counted and whether the strings are whole. tools/demo_warn.py compares
 * realign=off with realign=full.
 */
#include "testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STRINGS 40
#define STRING_SIZE KIB(128) /* with its NUL: the most that one may have */

extern char **environ;

static const char *const counters[] = {"move_pte", "move_pmd", "move_pud", "move_widen_down",
                                       "move_warn"};
#define COUNTERS ARRAY_SIZE(counters)

static char string_byte(size_t i, size_t at)
{
    return (char)('!' + (i * 31 + at * 7) % 90);
}

/* Execute ourselves: the counters as they are now go along as arguments. */
static int start(const char *self)
{
    static char bytes[STRINGS][STRING_SIZE], numbers[COUNTERS][24];
    static char *envp[STRINGS + 1], *argv[COUNTERS + 2];
    static struct vmstat now;
    struct rlimit limit = {MIB(64), RLIM_INFINITY};

    setrlimit(RLIMIT_STACK, &limit);
    for (size_t i = 0; i < STRINGS; i++) {
        for (size_t at = 0; at < STRING_SIZE - 1; at++)
            bytes[i][at] = string_byte(i, at);
        envp[i] = bytes[i];
    }
    vmstat_read(&now);
    argv[0] = (char *)self;
    for (size_t i = 0; i < COUNTERS; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%lu", vmstat_get(&now, counters[i]));
        argv[i + 1] = numbers[i];
    }
    execve(self, argv, envp);
    perror("execve");
    return 1;
}

static size_t whole_strings(void)
{
    size_t whole = 0;

    for (size_t i = 0; environ[i] && i < STRINGS; i++) {
        size_t at = 0;

        while (at < STRING_SIZE - 1 && environ[i][at] == string_byte(i, at))
            at++;
        whole += at == STRING_SIZE - 1 && !environ[i][at];
    }
    return whole;
}

int main(int argc, char **argv)
{
    static struct vmstat now;
    size_t whole;

    if (argc <= (int)COUNTERS)
        return start(argv[0]);
    whole = whole_strings();
    vmstat_read(&now);
    for (size_t i = 0; i < COUNTERS; i++)
        printf("%s %lu\n", counters[i],
               vmstat_get(&now, counters[i]) - strtoul(argv[i + 1], NULL, 10));
    printf("strings %zu of %d\n", whole, STRINGS);
    return whole == STRINGS ? 0 : 1;
}
