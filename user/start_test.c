/*
 * start_test: how a program finds itself when it starts: what the auxiliary vector says of it, where it, its heap and
 * its dynamic linker lie. The same source is linked in all the ways that there are: static, static and
 * position-independent, and for a dynamic linker, with both C libraries. Then scripts: which program runs, and with
 * which arguments.
 */
#define _GNU_SOURCE
#include "start_test.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

extern const Elf64_Ehdr __ehdr_start;
extern const char _end[];

#define PIE_BASE 0x555555554000ul
#define PIE_RANDOM (PAGE << 28)
#define HEAP_RANDOM GIB(1)
#define MAPPINGS_LOW                                                                               \
    (USER_TOP - (PAGE << 28) - GIB(34)) /* a stack that may grow to less than 16 GiB */

static uint64_t own_start(void)
{
    return (uint64_t)&__ehdr_start;
}

static bool is_pie(void)
{
    return __ehdr_start.e_type == ET_DYN;
}

static const Elf64_Phdr *find_phdr(uint32_t type)
{
    const Elf64_Phdr *table = (const void *)(own_start() + __ehdr_start.e_phoff);

    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++)
        if (table[i].p_type == type)
            return &table[i];
    return NULL;
}

/* The name of the dynamic linker, or NULL. */
static const char *interp_name(void)
{
    const Elf64_Phdr *p = find_phdr(PT_INTERP);

    return p ? (const char *)p->p_vaddr + (is_pie() ? own_start() : 0) : NULL;
}

static void auxv_program(void)
{
    uint64_t bias = is_pie() ? own_start() : 0;

    CHECK_EQ("AT_PHDR", getauxval(AT_PHDR), own_start() + __ehdr_start.e_phoff);
    CHECK_EQ("AT_PHNUM", getauxval(AT_PHNUM), __ehdr_start.e_phnum);
    CHECK_EQ("AT_PHENT", getauxval(AT_PHENT), sizeof(Elf64_Phdr));
    CHECK_EQ("AT_ENTRY", getauxval(AT_ENTRY), bias + __ehdr_start.e_entry);
    CHECK_EQ("AT_PAGESZ", getauxval(AT_PAGESZ), PAGE);
    CHECK_EQ("AT_FLAGS", getauxval(AT_FLAGS), 0);
    CHECK_EQ("AT_SECURE", getauxval(AT_SECURE), 0);
    CHECK(getauxval(AT_RANDOM), "no AT_RANDOM");
}

/* AT_BASE is where the dynamic linker's file is mapped; a static program has none. */
static void auxv_base(void)
{
    uint64_t base = getauxval(AT_BASE);
    struct map_line line;
    struct stat named, mapped;
    const char *name = interp_name();

    if (!name) {
        CHECK_EQ("AT_BASE", base, 0);
        return;
    }
    CHECK(maps_read(&line, 1, base, base + 1) == 1, "nothing is mapped at AT_BASE, %#lx", base);
    CHECK_EQ("start of the mapping", line.start, base);
    CHECK_EQ("its offset", line.offset, 0);
    CHECK(!stat(name, &named), "%s: %s", name, strerror(errno));
    CHECK(!stat(line.name, &mapped), "%s: %s", line.name, strerror(errno));
    CHECK(named.st_ino == mapped.st_ino, "%s is mapped, not %s", line.name, name);
}

static void auxv_name(void)
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    struct stat self, named;

    CHECK(name && !stat(name, &named), "AT_EXECFN: %s", name ? name : "NULL");
    CHECK(!stat("/proc/self/exe", &self), "/proc/self/exe: %s", strerror(errno));
    CHECK_EQ("inode of AT_EXECFN", named.st_ino, self.st_ino);
}

/* With a stack that has no limit mappings go elsewhere. */
static bool small_stack(void)
{
    struct rlimit stack;

    getrlimit(RLIMIT_STACK, &stack);
    return stack.rlim_cur < GIB(16);
}

static void check_between(const char *what, uint64_t seen, uint64_t low, uint64_t high)
{
    CHECK(seen >= low && seen < high, "%s at %#lx, not in [%#lx, %#lx)", what, seen, low, high);
}

static void place_of_program(void)
{
    if (!is_pie())
        CHECK_EQ("start", own_start(), 0x400000);
    else if (interp_name())
        check_between("the program", own_start(), PIE_BASE, PIE_BASE + PIE_RANDOM);
    else if (small_stack())
        check_between("the program", own_start(), MAPPINGS_LOW, USER_TOP);
}

static void place_of_interp(void)
{
    if (interp_name() && small_stack())
        check_between("the dynamic linker", getauxval(AT_BASE), MAPPINGS_LOW, USER_TOP);
}

/* Behind the program, or two thirds up when that lies among the mappings. */
static void place_of_heap(void)
{
    uint64_t heap = syscall(SYS_brk, 0), behind = (uint64_t)_end;

    if (is_pie() && !interp_name())
        behind = PIE_BASE;
    check_between("the heap", heap, behind, behind + HEAP_RANDOM + MIB(4));
}

/* Bytes that the file has, one that it has not, and a page far behind them. */
static char in_data[3 * PAGE] = {[0] = 'd', [3 * PAGE - 1] = 'e'};
static char in_bss[3 * PAGE];

static void contents(void)
{
    CHECK(in_data[0] == 'd' && in_data[3 * PAGE - 1] == 'e', "data is not as in the file");
    for (size_t i = 0; i < sizeof(in_bss); i++)
        CHECK(!in_bss[i], "byte %zu of bss is %d", i, in_bss[i]);
    memset(in_data, 1, sizeof(in_data));
    memset(in_bss, 2, sizeof(in_bss));
    CHECK(in_data[PAGE] == 1 && in_bss[PAGE] == 2, "what was written is not there");
}

static void protections(void)
{
    CHECK(maps_covers((uint64_t)contents & -PAGE, ((uint64_t)contents & -PAGE) + PAGE, "r-xp"),
          "code is not r-xp");
    CHECK(maps_covers((uint64_t)in_bss & -PAGE, (uint64_t)in_bss + sizeof(in_bss), "rw-p"),
          "bss is not rw-p");
    CHECK(maps_covers(own_start(), own_start() + PAGE, "r--p"), "the header is not r--p");
}

static const struct suite_case own_cases[] = {
    {"auxv: the program", auxv_program},
    {"auxv: the dynamic linker", auxv_base},
    {"auxv: the name", auxv_name},
    {"place of the program", place_of_program},
    {"place of the dynamic linker", place_of_interp},
    {"place of the heap", place_of_heap},
    {"contents of the segments", contents},
    {"protection of the segments", protections},
};

static const struct suite_table own_table = {own_cases, ARRAY_SIZE(own_cases)};

int main(int argc, char **argv)
{
    static const struct suite_role roles[] = {
        {"moved", be_moved}, {"called", be_called}, {"busy", be_busy}, {0}};
    static const struct suite_table *const tables[] = {&own_table, &script_cases, &at_cases, NULL};

    if (script_started(argc, argv))
        return script_check(argc, argv);
    return suite_main(argc, argv, &(struct suite){.tables = tables, .roles = roles});
}
