/*
 * init: process 1 of a session, on Realign and on Linux.
 *
 *     init                    busybox's shell on the console; when it exits, the machine is switched off
 *     init PROGRAM [ARG]...   the same for a program; "init: status N" or "init: signal N" are the last words
 *
 * Reaps orphans. SIGUSR1, SIGUSR2 and SIGTERM, sent by busybox's halt, poweroff and reboot, switch off, too. QEMU ends
 * with the program's status, by the device that Realign uses (kernel/power.c).
 */
#define _GNU_SOURCE
#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_PORT 0xf4
#define EXIT_BASE 16
#define STATUS_MAX 110

static bool realign;

/*
 * The machine goes off with @status. On Realign the end of process 1 does it, after all others were killed and what
 * they had was counted.
 */
static _Noreturn void switch_off(int status)
{
    if (realign)
        _exit(status);
    sync();
    if (!ioperm(EXIT_PORT, 4, 1))
        outl((unsigned)(EXIT_BASE + (status > STATUS_MAX ? STATUS_MAX : status)), EXIT_PORT);
    reboot(RB_POWER_OFF);
    _exit(status);
}

static void told_to(int sig)
{
    (void)sig;
    switch_off(0);
}

static void handle(int sig)
{
    struct sigaction action = {.sa_handler = told_to};

    sigaction(sig, &action, NULL);
}

/* What is there already on Realign, or was mounted by Linux itself, stays. */
static void mount_all(void)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("shm", "/dev/shm", "tmpfs", 0, NULL);
}

/* The child leads a session whose terminal is the serial port. */
static void take_terminal(void)
{
    int fd;

    setsid();
    fd = open("/dev/ttyS0", O_RDWR);
    if (fd < 0)
        return;
    ioctl(fd, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
}

static pid_t start(char **argv)
{
    static char *environment[] = {"HOME=/root", "PATH=/bin:/sbin", "TERM=vt100", "USER=root", NULL};
    static char *shell[] = {"-sh", NULL};
    pid_t pid = fork();

    if (pid)
        return pid;
    take_terminal();
    execvpe(argv[0] ? argv[0] : "/bin/sh", argv[0] ? argv : shell, environment);
    fprintf(stderr, "init: %s: %s\n", argv[0] ? argv[0] : "/bin/sh", strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

/* Wait for @pid, and for all others that end meanwhile. Its wait status. */
static int reap_until(pid_t pid)
{
    int status;

    for (;;) {
        pid_t ended = wait(&status);

        if (ended == pid)
            return status;
        if (ended < 0 && errno != EINTR) {
            perror("init: wait");
            switch_off(1);
        }
    }
}

int main(int argc, char **argv)
{
    int status;
    pid_t pid;

    (void)argc;
    if (getpid() != 1) {
        fprintf(stderr, "init: not process 1\n");
        return 1;
    }
    mount_all();
    realign = on_realign();
    handle(SIGUSR1);
    handle(SIGUSR2);
    handle(SIGTERM);
    setenv("PATH", "/bin:/sbin", 1); /* where execvpe() looks */
    pid = start(argv + 1);
    if (pid < 0) {
        perror("init: fork");
        switch_off(1);
    }
    status = reap_until(pid);
    if (argv[1] && WIFSIGNALED(status))
        printf("init: signal %d\n", WTERMSIG(status));
    else if (argv[1])
        printf("init: status %d\n", WEXITSTATUS(status));
    fflush(stdout);
    switch_off(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
