/* Inside of process_test: execve in a child: what is kept, what is not. */
#define _GNU_SOURCE
#include "process_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

int role_exit(int argc, char **argv)
{
    return argc ? atoi(argv[0]) : 90;
}

int role_sleep(int argc, char **argv)
{
    (void)argv;
    for (;;)
        sleep_ms(1000);
    return argc;
}

struct program {
    const char *path;
    char *const *argv;
};

static int execute(void *arg)
{
    const struct program *p = arg;

    execve(p->path, p->argv, NULL);
    return 127;
}

static int run_program(const char *path, char *const *argv)
{
    struct program program = {path, argv};
    pid_t pid = child_start(execute, &program);
    int status = -1;

    EXPECT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status), "wait status %#x", status);
    return WEXITSTATUS(status);
}

static void test_other_program(void)
{
    char *argv[] = {"x", "--be", "exit", "77", NULL};

    CHECK_EQ("exit status", run_program(own_path, argv), 77);
    CHECK_EQ("exit status", run_program("/no/such/program", argv), 127);
    CHECK_EQ("exit status", run_program("/dev/null", argv), 127);
}

/* ---- What is kept: told to the new program by its arguments ---- */

#define KEPT_FD 60
#define CLOEXEC_FD 61
#define KEPT_OFFSET 33

/* 100 and more: what was found wrong. */
static int check_process(char **argv)
{
    if (getpid() != atoi(argv[0]))
        return 100;
    if (getppid() != atoi(argv[1]))
        return 101;
    if (getpgrp() != atoi(argv[2]))
        return 102;
    if (getsid(0) != atoi(argv[3]))
        return 103;
    return umask(0) == 0135 ? 0 : 104;
}

static int check_files(void)
{
    struct rlimit limit;

    if (SYS(SYS_lseek, KEPT_FD, 0, SEEK_CUR) != KEPT_OFFSET)
        return 110;
    if (SYS(SYS_fcntl, CLOEXEC_FD, F_GETFD) != -EBADF)
        return 111;
    if (getrlimit(RLIMIT_CPU, &limit) || limit.rlim_cur != 12345)
        return 112;
    return 0;
}

static int check_signals(void)
{
    struct sigaction action;
    sigset_t set;
    stack_t stack;

    if (sigaction(SIGUSR1, NULL, &action) || action.sa_handler != SIG_DFL)
        return 120;
    if (sigaction(SIGUSR2, NULL, &action) || action.sa_handler != SIG_IGN)
        return 121;
    if (sigprocmask(SIG_SETMASK, NULL, &set) || !sigismember(&set, SIGHUP) ||
        sigismember(&set, SIGINT))
        return 122;
    if (sigpending(&set) || !sigismember(&set, SIGHUP))
        return 123;
    return sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE ? 0 : 124;
}

int role_inherit(int argc, char **argv)
{
    int err = argc == 4 ? check_process(argv) : 99;

    if (!err)
        err = check_files();
    return err ? err : check_signals();
}

static void handle(int sig)
{
    (void)sig;
}

static int set_and_exec(void *arg)
{
    static char numbers[4][16], alternative[16384];
    char *argv[] = {"x", "--be", "inherit", numbers[0], numbers[1], numbers[2], numbers[3], NULL};
    stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};
    const int ids[] = {getpid(), getppid(), getpgrp(), getsid(0)};
    sigset_t set;

    (void)arg;
    for (size_t i = 0; i < 4; i++)
        snprintf(numbers[i], sizeof(numbers[i]), "%d", ids[i]);
    umask(0135);
    EXPECT(dup2(open(own_path, O_RDONLY), KEPT_FD), KEPT_FD);
    EXPECT(SYS(SYS_dup3, KEPT_FD, CLOEXEC_FD, O_CLOEXEC), CLOEXEC_FD);
    EXPECT(SYS(SYS_lseek, CLOEXEC_FD, KEPT_OFFSET, SEEK_SET), KEPT_OFFSET);
    EXPECT(setrlimit(RLIMIT_CPU, &(struct rlimit){12345, 23456}), 0);
    signal(SIGUSR1, handle);
    signal(SIGUSR2, SIG_IGN);
    EXPECT(sigaltstack(&stack, NULL), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    EXPECT(sigprocmask(SIG_SETMASK, &set, NULL), 0);
    raise(SIGHUP);
    execv(own_path, argv);
    return 127;
}

static void test_kept(void)
{
    child_exits(child_start(set_and_exec, NULL), 0);
}

/* The parent's memory is not the new program's, whichever way the child was made. */
static void test_memory_untouched(void)
{
    static char area[8 * 4096] __attribute__((aligned(4096)));
    char *argv[] = {"x", "--be", "exit", "5", NULL};
    pid_t pid;

    for (size_t i = 0; i < 8; i++)
        pattern_fill(area + i * PAGE, 100 + i);
    CHECK_EQ("exit status", run_program(own_path, argv), 5);
    pid = vfork();
    if (pid == 0) {
        execv(own_path, argv);
        _exit(127);
    }
    child_exits(pid, 5);
    for (size_t i = 0; i < 8; i++)
        CHECK(pattern_check(area + i * PAGE, 100 + i) == PAGE, "page %zu changed", i);
}

/* A failing execve leaves a child that can go on, with all that it has. */
static int fail_to_exec(void *arg)
{
    char *argv[] = {"x", NULL};

    CHECK_EQ("execve()", SYS(SYS_execve, "/no/such", argv, NULL), -ENOENT);
    CHECK_EQ("execve()", SYS(SYS_execve, "/dev", argv, NULL), -EACCES);
    CHECK_EQ("execve()", SYS(SYS_execve, KERNEL_ADDRESS, argv, NULL), -EFAULT);
    CHECK_EQ("execve()", SYS(SYS_execve, own_path, KERNEL_ADDRESS, NULL), -EFAULT);
    CHECK(pattern_check(arg, 9) == PAGE, "memory changed");
    return 0;
}

static void test_failing(void)
{
    static char page[4096] __attribute__((aligned(4096)));

    pattern_fill(page, 9);
    in_child(fail_to_exec, page);
}

static const struct suite_case cases[] = {
    {"execve: in a child", test_other_program},
    {"execve: ids, files, limits, mask and ignored signals are kept", test_kept},
    {"execve: the parent's memory is untouched", test_memory_untouched},
    {"execve: that fails", test_failing},
};
const struct suite_table exec_cases = {cases, ARRAY_SIZE(cases)};
