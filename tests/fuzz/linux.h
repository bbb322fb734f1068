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

/* ---- Pages that one word tells: see sim_fill() in tests/host/sim.h ---- */

static unsigned long word_at(unsigned long word, unsigned i)
{
    return word ? word + i * 0x9e3779b97f4a7c15ul : 0;
}

static unsigned long page_of(unsigned long *page, unsigned long word)
{
    for (unsigned i = 0; i < P / 8; i++)
        page[i] = word_at(word, i);
    return word;
}

/* ---- Accesses to a whole page: 0, or 1 not mapped, 2 not allowed, 3 past the end; 4: other content ---- */

static sigjmp_buf back;

static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    siglongjmp(back, number == SIGBUS ? 3 : info->si_code == SEGV_MAPERR ? 1 : 2);
}

static int load(unsigned long va, unsigned long word)
{
    volatile unsigned long *page = (volatile unsigned long *)va;
    int kind = sigsetjmp(back, 1);

    if (kind)
        return kind;
    for (unsigned i = 0; i < P / 8; i++) {
        if (page[i] == word_at(word, i))
            continue;
        printf("%lx, byte %u: %lx here, %lx there\n", va, i * 8, page[i], word_at(word, i));
        return 4;
    }
    return 0;
}

static int store(unsigned long va, unsigned long word)
{
    int kind = sigsetjmp(back, 1);

    if (!kind)
        page_of((unsigned long *)va, word);
    return kind;
}

static long copy_answer(int kind)
{
    return kind == 0 || kind == 4 ? kind : -EFAULT;
}

#define copy_from(va, word) copy_answer(load(va, word))
#define copy_to(va, word) copy_answer(store(va, word))

/* What is at @to has grown down to @from, by an access: what is added has no page yet, but an identity. */
static long grow(unsigned long from, unsigned long to, int prot)
{
    long at = mmap(from, to - from, prot,
                   MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_PRIVATE | MAP_GROWSDOWN, -1, 0);

    if (at != (long)from)
        return at;
    *(volatile char *)from = 1;
    return madvise(from, to - from, MADV_DONTNEED);
}

/* What exec does to its stack: down by @by bytes, with @room more below. By way of a place where nothing else is. */
static long shift(unsigned long start, unsigned long end, unsigned long by, unsigned long room)
{
    unsigned long aside = ARENA - (1ul << 40), len = end - start + room;
    long result = room ? grow(start - room, start, PROT_READ | PROT_WRITE) : 0;

    if (result || by == 0)
        return result;
    result = mremap(start - room, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, aside);
    if (result == (long)aside)
        result = mremap(aside, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, start - room - by);
    return result == (long)(start - room - by) ? 0 : result;
}

/* ---- Begin and end ---- */

static int writable[8];

static void make_file(int n, unsigned long bytes, int may_write)
{
    char path[64];

    file[n] = writable[n] = memfd_create("file", 0);
    if (ftruncate(file[n], (long)bytes))
        perror("ftruncate");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file[n]);
    if (!may_write)
        file[n] = (int)syscall(SYS_open, path, 0);
}

/* Page @i of a file holds what @word tells. */
static void fill(int n, unsigned long i, unsigned long word)
{
    unsigned long page[P / 8];

    page_of(page, word);
    if (pwrite(writable[n], page, P, (long)(i * P)) != (long)P)
        perror("pwrite");
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
