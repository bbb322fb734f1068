/*
 * What the programs that tests/fuzz writes are made of: the calls as they are, with their answers; a negative one is an
 * errno. Pages are named by their number in the address space of the run that found the program.
 */
#pragma once

#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P 4096ul
#define ARENA 0x100000000000ul
#define FAR 0x400000000ul /* pages of the upper half come down, to where Linux has nothing */
#define A(page) (ARENA + ((page) >= FAR ? (page)-FAR : (page)) * P)

static int file[8];
static unsigned char vec[4096];
static int differences, answers;

static long answer(long result)
{
    return result == -1 ? -errno : result;
}

#define mmap(...) answer(syscall(SYS_mmap, __VA_ARGS__))
#define munmap(...) answer(syscall(SYS_munmap, __VA_ARGS__))
#define mprotect(...) answer(syscall(SYS_mprotect, __VA_ARGS__))
#define mremap(...) answer(syscall(SYS_mremap, __VA_ARGS__))
#define madvise(...) answer(syscall(SYS_madvise, __VA_ARGS__))
#define mlock(...) answer(syscall(SYS_mlock2, __VA_ARGS__, 0))
#define mlock_on_fault(...) answer(syscall(SYS_mlock2, __VA_ARGS__, 1))
#define munlock(...) answer(syscall(SYS_munlock, __VA_ARGS__))
#define mlockall(...) answer(syscall(SYS_mlockall, __VA_ARGS__))
#define munlockall() answer(syscall(SYS_munlockall))
#define mincore(...) answer(syscall(SYS_mincore, __VA_ARGS__))

#define is(call, should) is_(__LINE__, #call, (long)(call), (long)(should))

static void is_(int line, const char *call, long result, long should)
{
    answers++;
    if (result == should)
        return;
    differences++;
    printf("line %d: %s: %ld (0x%lx) here, %ld (0x%lx) there\n", line, call, result, result, should,
           should);
}

/* ---- Accesses: 0, or as a fault is told: 1 not mapped, 2 not allowed, 3 past the end ---- */

static sigjmp_buf back;

static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    siglongjmp(back, number == SIGBUS ? 3 : info->si_code == SEGV_MAPERR ? 1 : 2);
}

static int load(unsigned long va)
{
    int kind = sigsetjmp(back, 1);

    if (!kind)
        (void)*(volatile unsigned long *)va;
    return kind;
}

static int store(unsigned long va)
{
    int kind = sigsetjmp(back, 1);

    if (!kind)
        *(volatile unsigned long *)va = va;
    return kind;
}

#define copy_from(va) (load(va) ? -EFAULT : 0)
#define copy_to(va) (store(va) ? -EFAULT : 0)

/* ---- Begin and end ---- */

static int make_file(unsigned long bytes, int may_write)
{
    char path[64];
    int fd = memfd_create("file", 0);

    if (ftruncate(fd, (long)bytes))
        perror("ftruncate");
    if (may_write)
        return fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return (int)syscall(SYS_open, path, 0);
}

static void begin(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static char stack[65536];

    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static int end(void)
{
    printf("%d answers, %d differ\n", answers, differences);
    return differences != 0;
}
