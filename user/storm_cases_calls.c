/* Inside of storm: the calls. */
#define _GNU_SOURCE
#include "storm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static int file = -1, memory_file = -1, pipes[2] = {-1, -1};

void storm_files_open(void)
{
    char name[64];

    snprintf(name, sizeof(name), "/tmp/storm.%d", (int)getpid());
    file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink(name);
    if (ftruncate(file, 40 * PAGE + 100))
        return;
    memory_file = (int)SYS(SYS_memfd_create, "storm", 0);
    if (memory_file >= 0 && ftruncate(memory_file, 64 * PAGE))
        return;
    SYS(SYS_pipe2, pipes, O_NONBLOCK);
}

static int random_prot(void)
{
    static const int prots[] = {PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_WRITE,
                                PROT_READ,
                                PROT_NONE,
                                PROT_READ | PROT_EXEC,
                                PROT_WRITE};

    return chance(30) ? prots[chance(ARRAY_SIZE(prots))] : (int)chance(1 << 28);
}

static void do_mmap(void)
{
    static const int kinds[] = {MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, 3, 0};
    static const int extras[] = {MAP_FIXED_NOREPLACE, MAP_POPULATE,  MAP_NORESERVE,
                                 MAP_LOCKED,          MAP_GROWSDOWN, MAP_STACK,
                                 MAP_HUGETLB,         0x40,          0};
    int flags = kinds[chance(ARRAY_SIZE(kinds))] | MAP_NORESERVE | (chance(8) ? MAP_FIXED : 0),
        fd = -1;
    uint64_t length = random_length();

    flags |= chance(3) ? 0 : extras[chance(ARRAY_SIZE(extras))];
    if (chance(3))
        flags |= MAP_ANONYMOUS;
    else
        fd = chance(2) ? file : chance(8) ? memory_file : (int)chance(20);
    if ((flags & (MAP_POPULATE | MAP_LOCKED)) && length > MIB(8))
        length = MIB(8);
    raw_mmap(random_address(), length, random_prot(), flags, fd,
             PAGE * chance(chance(8) ? 60 : 1ul << 50));
}

static void do_mremap(void)
{
    static const uint64_t flags[] = {0, 1, 1, 3, 3, 3, 5, 7, 2, 8};
    uint64_t length = random_length(), other = chance(2) ? length : random_length();

    raw_mremap(random_address(), length, other, flags[chance(ARRAY_SIZE(flags))], random_address());
}

static void do_munmap(void)
{
    uint64_t at = random_address(), length = random_length();

    /* Not what this program is made of. */
    if (at < arena || at >= arena + ARENA)
        at = arena + at % GIB(1);
    if (length > arena + ARENA - at)
        length %= GIB(1);
    SYS(SYS_munmap, at, length);
}

static void do_madvise(void)
{
    int advice = chance(10) ? (int)chance(26) : (int)chance(1 << 20);
    uint64_t at = random_address(), length = random_length();

    if ((advice == 22 || advice == 23) && length > MIB(8))
        length = MIB(8);
    if (at >= arena && at < arena + ARENA && length <= arena + ARENA - at)
        SYS(SYS_madvise, at, length, advice);
}

static void do_mprotect(void)
{
    uint64_t at = random_address(), length = random_length();

    if (at >= arena && at < arena + ARENA && length <= arena + ARENA - at)
        SYS(SYS_mprotect, at, length, random_prot());
}

static void do_mlock(void)
{
    uint64_t length = random_length() % MIB(16);

    switch (chance(4)) {
    case 0:
        SYS(SYS_mlock, random_address(), length);
        break;
    case 1:
        SYS(SYS_mlock2, random_address(), length, chance(3));
        break;
    case 2:
        SYS(SYS_munlock, random_address(), random_length());
        break;
    default:
        SYS(SYS_munlockall);
        break;
    }
}

static void do_brk(void)
{
    static uint64_t first;

    if (!first)
        first = (uint64_t)SYS(SYS_brk, 0);
    SYS(SYS_brk, chance(8) ? first + chance(MIB(4)) : random_address());
}

static void do_look(void)
{
    static uint8_t answers[4096];

    switch (chance(3)) {
    case 0:
        SYS(SYS_mincore, random_address(), random_length() % MIB(16),
            chance(4) ? (uint64_t)answers : random_address());
        break;
    case 1:
        SYS(SYS_msync, random_address(), random_length(), chance(8));
        break;
    default:
        SYS(SYS_getrandom, random_address(), chance(3 * PAGE), 0);
        break;
    }
}

/* The kernel reads and writes where there may be nothing. */
static void do_io(void)
{
    int fd = chance(2) ? file : memory_file;
    struct iovec pieces[3];

    switch (chance(6)) {
    case 0:
        SYS(SYS_pread64, fd, random_address(), chance(8 * PAGE), chance(50 * PAGE));
        break;
    case 1:
        SYS(SYS_pwrite64, fd, random_address(), chance(8 * PAGE), chance(50 * PAGE));
        break;
    case 2:
        SYS(SYS_write, pipes[1], random_address(), chance(3 * PAGE));
        break;
    case 3:
        SYS(SYS_read, pipes[0], random_address(), chance(3 * PAGE));
        break;
    case 4:
        SYS(SYS_ftruncate, fd, chance(4) ? PAGE * chance(64) : random_length() % MIB(1));
        break;
    default:
        for (unsigned i = 0; i < 3; i++)
            pieces[i] = (struct iovec){(void *)random_address(), chance(2 * PAGE)};
        SYS(chance(2) ? SYS_readv : SYS_writev, fd, chance(8) ? (uint64_t)pieces : random_address(),
            chance(5));
        break;
    }
}

/* Kinds of clone that are refused, or give a child, which ends at once. */
static void do_clone(void)
{
    uint64_t flags = chance(2) ? 1ul << chance(33) & ~0x41fful : 0x10000;

    if (SYS(SYS_clone, flags | SIGCHLD, 0, 0, random_address(), random_address()) == 0)
        _exit(0);
}

/* Nobody ever wakes us: what waits has a deadline. */
static void do_futex(void)
{
    static const int operations[] = {FUTEX_WAKE,    FUTEX_REQUEUE,     FUTEX_CMP_REQUEUE,
                                     FUTEX_WAKE_OP, FUTEX_WAKE_BITSET, 77};
    static const struct {
        long seconds, nanoseconds;
    } soon = {0, 1000};

    if (chance(4) == 0)
        SYS(SYS_futex, random_address(), FUTEX_WAIT, chance(3), &soon, 0, 0);
    else
        SYS(SYS_futex, random_address(),
            operations[chance(ARRAY_SIZE(operations))] | (chance(2) ? FUTEX_PRIVATE : 0), chance(3),
            chance(3), random_address(), chance(1ul << 32));
}

static void do_process(void)
{
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};
    struct rlimit limit = {GIB(700) + chance(GIB(1)), RLIM_INFINITY};

    switch (chance(8)) {
    case 0:
    case 1:
        storm_fork();
        break;
    case 2:
        SYS(SYS_prlimit64, 0, limits[chance(ARRAY_SIZE(limits))],
            chance(4) ? (uint64_t)&limit : KERNEL_ADDRESS, 0);
        break;
    case 3:
        do_clone();
        break;
    case 4:
        do_futex();
        break;
    case 5:
        SYS(SYS_rt_sigaction, chance(70), 0, random_address(), chance(8) ? 8 : 4);
        break;
    case 6:
        SYS(SYS_wait4, chance(4), random_address(), 1, random_address());
        break;
    default:
        SYS(SYS_set_robust_list, random_address(), chance(2) ? 24 : chance(100));
        break;
    }
}

void storm_call(void)
{
    static void (*const calls[])(void) = {
        do_mmap,   do_mmap,   do_mmap,   do_mmap,    do_mremap,  do_mremap,   do_mremap,
        do_mremap, do_munmap, do_munmap, do_madvise, do_madvise, do_mprotect, do_mprotect,
        do_mlock,  do_brk,    do_look,   do_io,      do_io,      do_process,
    };

    calls[chance(ARRAY_SIZE(calls))]();
}
