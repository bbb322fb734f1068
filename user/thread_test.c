/*
 * thread_test: threads as the C library makes them, and the calls below: futex, tgkill, exit_group, execve and mremap
 * with other threads running.
 *
 * usage: thread_test [NAME]: the cases whose names contain NAME.
 */
#include "thread_test.h"

#include <stdlib.h>
#include <string.h>

pthread_t thread_start(void *(*run)(void *arg), void *arg)
{
    pthread_t thread = 0;
    int err = pthread_create(&thread, NULL, run, arg);

    CHECK(err == 0, "pthread_create(): %s", strerror(err));
    return thread;
}

void *thread_join(pthread_t thread)
{
    void *value = NULL;
    int err = pthread_join(thread, &value);

    CHECK(err == 0, "pthread_join(): %s", strerror(err));
    return value;
}

/* STATUS PID: exits with STATUS when it is process PID, alone. */
static int role_exit(int argc, char **argv)
{
    if (argc != 2 || getpid() != atoi(argv[1]))
        return 120;
    return SYS(SYS_gettid) == getpid() ? atoi(argv[0]) : 121;
}

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {&pthread_cases, &sync_cases,   &futex_cases,
                                                       &group_cases,   &memory_cases, NULL};
    static const struct suite_role roles[] = {{"exit", role_exit}, {NULL, NULL}};
    static const struct suite suite = {tables, roles};

    return suite_main(argc, argv, &suite);
}
