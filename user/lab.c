/*
 * lab: plays a scene for the labs' grader. The file /scene has steps, made by tools/labs/scene.py; the results of all
 * stay in memory, where the grader reads them when the program comes to lab_stop(). It prints nothing, and decides
 * nothing. Without a scene it has nothing to do.
 */
#include "testlib.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEPS_MAX 512

enum { STEP_END, STEP_STOP, STEP_CALL, STEP_FILL, STEP_READ, STEP_WRITE, STEP_RUN };

struct step {
    uint64_t what;
    uint64_t number; /* of the system call */
    uint64_t arg[6];
};

/* @signal is 0 where the step went well. */
struct result {
    uint64_t value;
    uint32_t signal, code;
    uint64_t cost; /* ticks of the time stamp counter: with -icount, instructions */
};

struct step lab_steps[STEPS_MAX];
struct result lab_results[STEPS_MAX];

/* Written by the grader at the first stop; pages are filled with what only it can read. */
volatile uint64_t lab_token;

/* The counter just before each stop, for the grader to compare with its own. */
volatile uint64_t lab_tsc;

static sigjmp_buf back;
static siginfo_t info;

/* The machine is stopped here, and looked at. */
__attribute__((noinline, noclone)) void lab_stop(void)
{
    __asm__ volatile("" : : : "memory");
}

static void stop(void)
{
    lab_tsc = __builtin_ia32_rdtsc();
    lab_stop();
}

static void on_signal(int number, siginfo_t *what, void *context)
{
    (void)number;
    (void)context;
    info = *what;
    siglongjmp(back, 1);
}

/* A word that stands for @number, by the token. */
static uint64_t word_of(uint64_t number)
{
    return (number * 0x9e3779b97f4a7c15ul) ^ lab_token;
}

/* Each page of [addr, addr + len) is filled with its own page number, counted from @as. */
static void fill(uint64_t addr, uint64_t len, uint64_t as)
{
    for (uint64_t at = 0; at < len; at += PAGE) {
        volatile uint64_t *page = (uint64_t *)(addr + at);
        uint64_t word = word_of((as + at) / PAGE);

        for (size_t i = 0; i + 1 < PAGE / sizeof(*page); i++)
            page[i] = word;
        page[PAGE / sizeof(*page) - 1] = ~word;
    }
}

static uint64_t play(const struct step *s)
{
    const uint64_t *a = s->arg;

    switch (s->what) {
    case STEP_CALL:
        return (uint64_t)SYS((long)s->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    case STEP_FILL:
        fill(a[0], a[1], a[2]);
        return 0;
    case STEP_READ:
        return *(volatile uint64_t *)a[0];
    case STEP_WRITE:
        *(volatile uint64_t *)a[0] = word_of(a[1]);
        return 0;
    case STEP_RUN:
        ((void (*)(void))a[0])();
        return 0;
    default:
        stop();
        return 0;
    }
}

static void catch_signals(void)
{
    static char stack[64 * 1024];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

int main(void)
{
    int fd = open("/scene", O_RDONLY);

    if (fd < 0 || read(fd, lab_steps, sizeof(lab_steps)) <= 0)
        return 0;
    close(fd);
    catch_signals();
    stop();
    for (volatile size_t i = 0; i < STEPS_MAX && lab_steps[i].what != STEP_END; i++) {
        uint64_t start = __builtin_ia32_rdtsc();

        if (sigsetjmp(back, 1)) {
            lab_results[i].signal = (uint32_t)info.si_signo;
            lab_results[i].code = (uint32_t)info.si_code;
            continue;
        }
        lab_results[i].value = play(&lab_steps[i]);
        lab_results[i].cost = __builtin_ia32_rdtsc() - start;
    }
    stop();
    return 0;
}
