/*
 * Inside of thread_test: one address space, used by some threads while others change it.
 *
 * A thread that finds a page away waits for it in its signal handler: the access is made again when the page is back
 * where it was. So nothing that a thread wrote may be lost, and nobody may see anything else than what belongs there.
 */
#define _GNU_SOURCE
#include "thread_test.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define TOUCHERS 4

static uint64_t area;      /* 4 GiB of free addresses */
static uint64_t touch_len; /* bytes at the area's start that are touched and moved */
static volatile int done;  /* the touchers may end */
static unsigned long away; /* accesses that found a page away */

/* The page comes back: the others are about to move it. */
static void wait_for_page(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    if ((uint64_t)info->si_addr - area >= touch_len)
        _exit(100); /* not one of ours */
    __atomic_fetch_add(&away, 1, __ATOMIC_SEQ_CST);
    sched_yield();
}

static void handle_faults(bool on)
{
    struct sigaction action = {.sa_sigaction = wait_for_page, .sa_flags = SA_SIGINFO | SA_NODEFER};

    if (!on)
        action = (struct sigaction){.sa_handler = SIG_DFL};
    EXPECT(sigaction(SIGSEGV, &action, NULL), 0);
}

/*
 * Each page's first word is its offset, written when the area is made; the words that follow are the touchers' own
 * counters.
 */
static volatile uint64_t *page_at(uint64_t offset)
{
    return (volatile uint64_t *)(area + offset);
}

static void *touch(void *arg)
{
    uintptr_t who = (uintptr_t)arg;
    uintptr_t rounds = 0;

    do {
        for (uint64_t at = 0; at < touch_len; at += PAGE) {
            volatile uint64_t *page = page_at(at);

            if (page[0] != at)
                tap_fail("the page at %#lx is the one of %#lx", at, page[0]);
            page[1 + who]++;
        }
        rounds++;
    } while (!done);
    return (void *)rounds;
}

static void area_make(uint64_t len)
{
    if (!area)
        area = arena_find(GIB(4), GIB(4));
    touch_len = len;
    done = 0;
    away = 0;
    EXPECT(raw_mmap(area, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), area);
    for (uint64_t at = 0; at < len; at += PAGE)
        page_at(at)[0] = at;
    handle_faults(true);
}

static void start_touchers(pthread_t *threads)
{
    for (uintptr_t i = 0; i < TOUCHERS; i++)
        threads[i] = thread_start(touch, (void *)i);
}

/* All rounds of all touchers are in the pages. */
static void end_touchers(pthread_t *threads)
{
    done = 1;
    for (size_t i = 0; i < TOUCHERS; i++) {
        uint64_t rounds = (uint64_t)thread_join(threads[i]);

        for (uint64_t at = 0; at < touch_len; at += PAGE)
            if (page_at(at)[1 + i] != rounds) {
                tap_fail("page %#lx: toucher %zu counted %lu, made %lu rounds", at, i,
                         page_at(at)[1 + i], rounds);
                break;
            }
    }
    handle_faults(false);
    EXPECT(SYS(SYS_munmap, area, touch_len), 0);
    CHECK(maps_empty(area, area + GIB(4)), "the case left something mapped behind");
}

static void move(uint64_t from, uint64_t len, uint64_t to)
{
    EXPECT(raw_mremap(area + from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, area + to), area + to);
}

/* Away and back, @len bytes from @from on, to a place where entries move by @to's alignment. */
static void move_for(unsigned ms, uint64_t from, uint64_t len, uint64_t to)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end && !tap_failing()) {
        for (int i = 0; i < 20; i++) {
            move(from, len, to);
            if (i % 4 == 0)
                sched_yield();
            move(to, len, from);
        }
        sched_yield();
    }
}

static void test_move_pages(void)
{
    pthread_t threads[TOUCHERS];

    area_make(32 * PAGE);
    start_touchers(threads);
    move_for(300, 0, 32 * PAGE, GIB(1) + 7 * PAGE);
    move_for(300, 4 * PAGE, 9 * PAGE, GIB(2));
    end_touchers(threads);
}

static void test_move_tables(void)
{
    pthread_t threads[TOUCHERS];

    area_make(MIB(4));
    start_touchers(threads);
    move_for(300, 0, MIB(4), GIB(1) + MIB(2));
    move_for(300, MIB(1), MIB(3), GIB(2) + MIB(1));
    end_touchers(threads);
}

/* Neighbours come and go, grow and shrink; the touched pages stay. */
static void test_neighbours(void)
{
    pthread_t threads[TOUCHERS];
    uint64_t end = now_ms() + 400, above = area + 32 * PAGE;

    area_make(32 * PAGE);
    start_touchers(threads);
    while (now_ms() < end && !tap_failing()) {
        EXPECT(raw_mmap(above, 32 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
               above);
        memset((void *)above, 1, 32 * PAGE);
        EXPECT(SYS(SYS_mprotect, above + 8 * PAGE, 8 * PAGE, PROT_READ), 0);
        EXPECT(raw_mremap(above + 8 * PAGE, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                          area + GIB(3)),
               area + GIB(3));
        EXPECT(SYS(SYS_munmap, area + GIB(3), 8 * PAGE), 0);
        EXPECT(SYS(SYS_munmap, above, 32 * PAGE), 0);
        sched_yield();
    }
    CHECK(away == 0, "%lu accesses found pages away that nobody moved", away);
    end_touchers(threads);
}

/* Protection comes and goes: a write waits in the handler, nothing is lost. */
static void test_protect(void)
{
    pthread_t threads[TOUCHERS];
    uint64_t end = now_ms() + 400;

    area_make(32 * PAGE);
    start_touchers(threads);
    while (now_ms() < end && !tap_failing()) {
        EXPECT(SYS(SYS_mprotect, area + 4 * PAGE, 16 * PAGE, PROT_READ), 0);
        sched_yield();
        EXPECT(SYS(SYS_mprotect, area + 4 * PAGE, 16 * PAGE, RW), 0);
        sched_yield();
    }
    end_touchers(threads);
}

/* The child of a moment sees one state of each page, while the other threads write on. */
static int look_at_pages(void *arg)
{
    uint64_t seen[32];

    for (size_t i = 0; i < 32; i++)
        seen[i] = page_at(i * PAGE)[1];
    sleep_ms(2);
    for (size_t i = 0; i < 32; i++) {
        CHECK(page_at(i * PAGE)[0] == i * PAGE, "child: page %zu is another one", i);
        CHECK(page_at(i * PAGE)[1] == seen[i], "child: page %zu changed", i);
        page_at(i * PAGE)[1] = 12345678;
    }
    return arg != NULL;
}

static void test_fork(void)
{
    pthread_t threads[TOUCHERS];

    area_make(32 * PAGE);
    start_touchers(threads);
    for (size_t i = 0; i < 30 && !tap_failing(); i++)
        in_child(look_at_pages, NULL);
    end_touchers(threads);
}

/* Fresh pages, touched first by whoever comes first, each once. */
#define FRESH_PAGES 512

static void *claim(void *arg)
{
    uint64_t *base = arg, claimed = 0;

    for (size_t i = 0; i < FRESH_PAGES; i++)
        claimed += __atomic_fetch_add(&base[i * (PAGE / 8)], 1, __ATOMIC_SEQ_CST) == 0;
    return (void *)claimed;
}

static void test_first_touch(void)
{
    uint64_t total = 0, at = arena_find(MIB(4), PMD);
    pthread_t threads[TOUCHERS];

    EXPECT(raw_mmap(at, MIB(2), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
    for (size_t i = 0; i < TOUCHERS; i++)
        threads[i] = thread_start(claim, (void *)at);
    for (size_t i = 0; i < TOUCHERS; i++)
        total += (uint64_t)thread_join(threads[i]);
    CHECK_EQ("pages that were claimed first", total, FRESH_PAGES);
    for (size_t i = 0; i < FRESH_PAGES; i++)
        CHECK(*(uint64_t *)(at + i * PAGE) == TOUCHERS, "page %zu: %lu", i,
              *(uint64_t *)(at + i * PAGE));
    EXPECT(SYS(SYS_munmap, at, MIB(2)), 0);
}

static const struct suite_case cases[] = {
    {"mremap of what others touch: pages", test_move_pages},
    {"mremap of what others touch: whole tables", test_move_tables},
    {"neighbours of what others touch", test_neighbours},
    {"mprotect of what others touch", test_protect},
    {"fork while others write", test_fork},
    {"first touch by several threads", test_first_touch},
};
const struct suite_table memory_cases = {cases, ARRAY_SIZE(cases)};
