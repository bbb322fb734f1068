/*
 * mremap_test: moves mappings around and checks every byte that moved and every byte around that must not have.
 *
 * The cases are in mremap_cases_*.c. Each says what is mapped, makes its calls, and says what must be mapped,
 * resident and readable afterwards. A case that also knows how Realign must move has a second result, "how: NAME",
 * which is skipped on Linux.
 */
#include "mremap_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct case_table *const tables[] = {
    &layout_cases,  &level_cases, &grid_cases, &resize_cases, &fixed_cases,
    &several_cases, &flag_cases,  &kind_cases, &errno_cases,
};

static struct scene scene;

/* Compare what the counters say with what the case expects. */
static void check_how(const struct how *how, const struct scene *s)
{
    const struct counters *m = &s->moved;
    bool any = m->pte || m->pmd || m->pud || m->pgd;

    if (m->pte != how->pte || m->pmd != how->pmd || m->pud != how->pud || m->pgd != how->pgd)
        tap_fail("expected %u PTE, %u PMD, %u PUD, %u PGD entries to move, seen %lu, %lu, %lu, %lu",
                 how->pte, how->pmd, how->pud, how->pgd, m->pte, m->pmd, m->pud, m->pgd);
    CHECK(!m->widen_down == !(how->widen & DOWN), "widened %lu times below, expected %s",
          m->widen_down, how->widen & DOWN ? "some" : "none");
    CHECK(!m->widen_up == !(how->widen & UP), "widened %lu times above, expected %s", m->widen_up,
          how->widen & UP ? "some" : "none");
    CHECK_EQ("historic warnings", m->warn, 0);
    if (any)
        CHECK_EQ("flushes of the TLB", m->flush, s->calls);
}

static void run_case(const struct test_case *c, uint64_t base)
{
    char name[128] = "how: ";

    scene_open(&scene, base);
    c->run(&scene, c);
    scene_close(&scene);
    CHECK(maps_empty(base, base + ARENA_SIZE), "the case left something mapped behind");
    tap_done(c->name);
    if (!c->how.known)
        return;
    if (on_realign())
        check_how(&c->how, &scene);
    else
        tap_skip("Linux does not count the entries it moves");
    strncat(name, c->name, sizeof(name) - 6);
    tap_done(name);
}

/* The counters that must be back where they were when all is unmapped: frames in use and page tables. */
static void frames_in_use(uint64_t *free_pages, uint64_t *tables_used)
{
    static struct vmstat v;

    vmstat_read(&v);
    *free_pages = vmstat_get(&v, "nr_free_pages");
    *tables_used = vmstat_get(&v, "nr_page_table_pages");
}

/*
 * Play the first cases twice more: the second time must use up no frame. The first lets the kernel fill its caches
 * of small objects.
 */
static void run_leak_case(uint64_t base)
{
    uint64_t free_before = 0, tables_before = 0, free_after, tables_after;

    if (!on_realign()) {
        tap_skip("other programs use memory, too");
        tap_done("how: every frame and table comes back");
        return;
    }
    for (int round = 0; round < 2; round++) {
        frames_in_use(&free_before, &tables_before);
        for (size_t i = 0; i < layout_cases.count; i++) {
            scene_open(&scene, base);
            layout_cases.cases[i].run(&scene, &layout_cases.cases[i]);
            scene_close(&scene);
        }
    }
    frames_in_use(&free_after, &tables_after);
    CHECK_EQ("free frames", free_after, free_before);
    CHECK_EQ("page tables", tables_after, tables_before);
    tap_done("how: every frame and table comes back");
}

static void list_cases(void)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            printf("%s\n", tables[t]->cases[i].name);
            if (tables[t]->cases[i].how.known)
                printf("how: %s\n", tables[t]->cases[i].name);
        }
}

static int usage(const char *name, bool asked)
{
    fprintf(asked ? stdout : stderr,
            "usage: %s [--list] [NAME]\n"
            "Tests mremap(2) on the running kernel.\n"
            "With NAME, only the cases whose name contains it. --list shows all names.\n",
            name);
    return asked ? 0 : 2;
}

/* The counters are the whole system's: a shell that has just started us comes to rest before they are looked at. */
static void wait_for_parent(void)
{
    if (getppid())
        usleep(200 * 1000);
}

int main(int argc, char **argv)
{
    const char *wanted = "";
    uint64_t base;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list"))
            return list_cases(), 0;
        if (!strcmp(argv[i], "--help"))
            return usage(argv[0], true);
        if (argv[i][0] == '-')
            return usage(argv[0], false);
        wanted = strncmp(argv[i], "how: ", 5) ? argv[i] : argv[i] + 5;
    }
    tap_begin();
    wait_for_parent();
    base = arena_find(ARENA_SIZE, PGD);
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (strstr(tables[t]->cases[i].name, wanted))
                run_case(&tables[t]->cases[i], base);
    if (!*wanted)
        run_leak_case(base);
    return tap_end();
}
