/*
 * Every allocation of every call fails once. In rich layouts, each call that can be made there is made with its first
 * allocation failing, then its second, and so on until it succeeds: each time the machine is, bit for bit, what it was;
 * or, where the call says so, only pages were not fetched. Then again with all allocations failing from the n-th on.
 */
/* host-build: 3/3-fast 2/4-fast 9/4-fast 3/3 */
#include "tests/host/test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_steps.h"

#define TINY (PT_BITS * PT_LEVELS < 20)
#define FRAMES (TINY ? 800 : 4500)
#define LAYOUTS (TINY ? 6 : 3)
#define LAYOUT_STEPS 160
#ifdef __SANITIZE_ADDRESS__
#define CALLS 80 /* made in each layout; to copy such a process takes long */
#else
#define CALLS (TINY ? 500 : 200)
#endif
#define MOST 3000 /* allocations of one call */

/* What a child says by its status. */
enum { STARVED = 41, DONE };

static struct duel d;
static uint64_t failures, calls, forks, kinds[STEP_COUNT];

/* Layouts are what a number of random steps leaves, memory being plenty. */
static void make_layout(uint64_t seed)
{
    struct choices c = choices_of(NULL, 0, seed);

    c.shortages = false;
    duel_start(&d);
    duel_run(&d, &c, LAYOUT_STEPS);
}

/* One call, its allocation @n failing. Whether that allocation was asked for. */
static bool call_starved(struct step s, uint64_t n, bool sticky)
{
    uint64_t before = d.starved;

    s.fail = n;
    s.fail_all = sticky;
    duel_step(&d, &s);
    return d.starved > before;
}

static bool any_locked(const struct step *s)
{
    struct span span;

    if (!model_span(&d.m, s->addr, s->len, &span))
        return false;
    for (unsigned i = span.from; i < span.to; i++)
        if (d.m.page[i].locked)
            return true;
    return false;
}

/* Whether @s may be done though an allocation fails, with fewer pages fetched: the layout is another then. */
static bool may_fetch(const struct step *s)
{
    switch (s->kind) {
    case STEP_MMAP:
        return d.m.future_lock || (s->flags & (MAP_POPULATE | MAP_LOCKED));
    case STEP_BRK:
        return d.m.future_lock;
    case STEP_MREMAP:
        return s->new_len > s->len && any_locked(s);
    case STEP_MPROTECT:
        return (s->prot & PROT_WRITE) && any_locked(s);
    case STEP_MLOCK:
        return s->flags == 1;
    case STEP_MLOCKALL:
        return s->flags;
    case STEP_MADVISE:
        return s->what == MADV_POPULATE_READ || s->what == MADV_POPULATE_WRITE;
    default:
        return false;
    }
}

/* The same in a copy of the process, whose layout is then left alone; the story of a failure is the child's. */
static bool call_starved_apart(const struct step *s, uint64_t n, bool sticky)
{
    pid_t child;
    int status;

    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(call_starved(*s, n, sticky) ? STARVED : DONE);
    check(child > 0 && waitpid(child, &status, 0) == child, "no copy of the process");
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != STARVED && WEXITSTATUS(status) != DONE))
        fail_msg("allocation %llu fails in %s: see above", (unsigned long long)n, step_text(s));
    return WEXITSTATUS(status) == STARVED;
}

/* Each allocation of the call fails, all in the same layout; then none does, and the layout is a new one. */
static void starve(const struct step *s, bool sticky)
{
    bool apart = may_fetch(s);
    uint64_t n = 1;

    while (apart ? call_starved_apart(s, n, sticky) : call_starved(*s, n, sticky)) {
        check(apart || d.failed || s->kind == STEP_BRK, "%s was done without memory", step_text(s));
        failures++;
        forks += apart;
        kinds[s->kind]++;
        if (++n > MOST)
            fail_msg("more than %d allocations in %s", MOST, step_text(s));
    }
    if (apart)
        duel_step(&d, s);
    calls++;
}

static void run_layout(uint64_t seed, bool sticky)
{
    struct choices c = choices_of(NULL, 0, seed + 1000);
    struct step s;

    c.shortages = false;
    sim_boot(FRAMES);
    make_layout(seed);
    for (unsigned n = 0; n < CALLS && next_step(&c, &d, &s); n++)
        starve(&s, sticky);
    duel_end(&d);
    sim_halt();
}

static void test_one_fails(void **state)
{
    for (uint64_t seed = 0; seed < LAYOUTS; seed++)
        run_layout(seed, false);
}

static void test_all_fail_from_then_on(void **state)
{
    for (uint64_t seed = 100; seed < 100 + LAYOUTS; seed++)
        run_layout(seed, true);
}

/* Each kind of call that allocates was among them. */
static void test_all_kinds(void **state)
{
    static const enum step_kind must[] = {STEP_MMAP,  STEP_MUNMAP,  STEP_MPROTECT, STEP_MREMAP,
                                          STEP_MLOCK, STEP_BRK,     STEP_TOUCH,    STEP_COPY,
                                          STEP_STACK, STEP_MADVISE, STEP_FORK};

    print_message("# %llu calls, %llu failed allocations, %llu of them apart\n",
                  (unsigned long long)calls, (unsigned long long)failures,
                  (unsigned long long)forks);
    for (unsigned i = 0; i < sizeof(must) / sizeof(must[0]); i++)
        check(kinds[must[i]] > 0, "no allocation of a call of kind %d failed", must[i]);
}

/* ---- What is made before there is an address space ---- */

static void starve_create(void)
{
    for (uint64_t n = 1;; n++) {
        uint32_t objects = sim_objects(), frames = sim_frames_free();
        struct mm *mm;

        sim_fail_after(n, false);
        mm = mm_create();
        sim_fail_after(0, false);
        if (mm) {
            assert_true(n > 1);
            sim_destroy(mm);
            return;
        }
        assert_int_equal(sim_objects(), objects);
        assert_int_equal(sim_frames_free(), frames);
    }
}

static void starve_object(void)
{
    for (uint64_t n = 1;; n++) {
        struct sim_snapshot *snap = sim_snapshot();
        struct object *object;

        sim_fail_after(n, false);
        object = object_create(5 * PAGE_SIZE, "x");
        sim_fail_after(0, false);
        if (!object)
            check(!sim_changed(snap), "%s", sim_changed(snap));
        sim_snapshot_free(snap);
        if (!object)
            continue;
        assert_true(n > 1);
        object_put(object);
        return;
    }
}

static void starve_write(struct object *object, uint64_t off)
{
    for (uint64_t n = 1;; n++) {
        struct sim_snapshot *snap = sim_snapshot();
        long err;

        sim_fail_after(n, false);
        err = object_write(object, off, "abcd", 4);
        sim_fail_after(0, false);
        if (err) {
            assert_int_equal(err, -ENOMEM);
            check(!sim_changed(snap), "%s", sim_changed(snap));
        }
        sim_snapshot_free(snap);
        if (!err)
            return;
    }
}

static void test_create(void **state)
{
    struct object *object;

    sim_boot(FRAMES);
    starve_create();
    starve_object();
    object = object_create(PT_ENTRIES * PAGE_SIZE * 2, "y");
    starve_write(object, 0);
    starve_write(object, PT_ENTRIES * PAGE_SIZE + 12);
    object_put(object);
    sim_halt();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_fails),
        cmocka_unit_test(test_all_fail_from_then_on),
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_create),
    };

    return cmocka_run_group_tests_name("model_fail", tests, NULL, NULL);
}
