/* A step as a line of C. See sim_steps.h. */
#include <stdio.h>
#include <string.h>

#include "kernel/abi/mman.h"
#include "tests/host/sim_steps.h"

typedef unsigned long long ull;

/* ---- Values as C ---- */

struct name {
    uint64_t bits;
    const char *name;
};

static const struct name prot_names[] = {
    {PROT_READ, "PROT_READ"},           {PROT_WRITE, "PROT_WRITE"},     {PROT_EXEC, "PROT_EXEC"},
    {PROT_GROWSDOWN, "PROT_GROWSDOWN"}, {PROT_GROWSUP, "PROT_GROWSUP"}, {0, NULL},
};
static const struct name map_names[] = {
    {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"},
    {MAP_FIXED, "MAP_FIXED"},
    {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
    {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
    {MAP_LOCKED, "MAP_LOCKED"},
    {MAP_NORESERVE, "MAP_NORESERVE"},
    {MAP_POPULATE, "MAP_POPULATE"},
    {MAP_NONBLOCK, "MAP_NONBLOCK"},
    {MAP_STACK, "MAP_STACK"},
    {MAP_SHARED, "MAP_SHARED"},
    {MAP_PRIVATE, "MAP_PRIVATE"},
    {0, NULL},
};
static const struct name remap_names[] = {
    {MREMAP_MAYMOVE, "MREMAP_MAYMOVE"},
    {MREMAP_FIXED, "MREMAP_FIXED"},
    {MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"},
    {0, NULL},
};
static const struct name lock_names[] = {
    {MCL_CURRENT, "MCL_CURRENT"},
    {MCL_FUTURE, "MCL_FUTURE"},
    {MCL_ONFAULT, "MCL_ONFAULT"},
    {0, NULL},
};

/* A few texts at a time, for several in one call of printf. */
static char *fresh(void)
{
    static char texts[16][160];
    static unsigned turn;

    texts[turn % 16][0] = '\0';
    return texts[turn++ % 16];
}

static const char *bits(uint64_t value, const struct name *names)
{
    char *text = fresh();
    size_t len = 0;

    for (; names->name; names++) {
        if (!(value & names->bits))
            continue;
        len += (size_t)snprintf(text + len, 160 - len, "%s%s", len ? " | " : "", names->name);
        value &= ~names->bits;
    }
    if (value || !len)
        snprintf(text + len, 160 - len, "%s0x%llx", len ? " | " : "", (ull)value);
    return text;
}

/* A(page) for what lies in the address space, else a number. */
static const char *address(uint64_t va)
{
    char *text = fresh();

    if (va >= USER_END)
        snprintf(text, 160, "0x%llx", (ull)va);
    else if (page_offset(va))
        snprintf(text, 160, "A(0x%llx) + %llu", (ull)(va >> PAGE_SHIFT), (ull)page_offset(va));
    else
        snprintf(text, 160, "A(0x%llx)", (ull)(va >> PAGE_SHIFT));
    return text;
}

static const char *length(uint64_t bytes)
{
    char *text = fresh();

    if (page_offset(bytes) || bytes > USER_END)
        snprintf(text, 160, "0x%llx", (ull)bytes);
    else
        snprintf(text, 160, "%llu * P", (ull)(bytes >> PAGE_SHIFT));
    return text;
}

static const char *advice(int value)
{
    char *text = fresh();

    switch (value) {
    case MADV_DONTNEED:
        return "MADV_DONTNEED";
    case MADV_POPULATE_READ:
        return "MADV_POPULATE_READ";
    case MADV_POPULATE_WRITE:
        return "MADV_POPULATE_WRITE";
    default:
        snprintf(text, 160, "%d", value);
        return text;
    }
}

/* ---- Calls ---- */

static const char *const limit_names[] = {"RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_STACK",
                                          "RLIMIT_MEMLOCK", "max_map_count"};
static const char *const access_names[] = {"load", "store", "execute"};

static void mmap_text(char *text, size_t size, const struct step *s)
{
    char fd[24] = "-1";

    if (s->object)
        snprintf(fd, sizeof(fd), "file[%u]", s->object);
    snprintf(text, size, "mmap(%s, %s, %s, %s, %s, 0x%llx)", address(s->addr), length(s->len),
             bits(s->prot, prot_names), bits(s->flags, map_names), fd, (ull)s->offset);
}

static void range_text(char *text, size_t size, const struct step *s)
{
    static const char *const locks[] = {"munlock", "mlock", "mlock_on_fault"};
    const char *at = address(s->addr), *len = length(s->len);

    switch (s->kind) {
    case STEP_MUNMAP:
        snprintf(text, size, "munmap(%s, %s)", at, len);
        break;
    case STEP_MPROTECT:
        snprintf(text, size, "mprotect(%s, %s, %s)", at, len, bits(s->prot, prot_names));
        break;
    case STEP_MREMAP:
        snprintf(text, size, "mremap(%s, %s, %s, %s, %s)", at, len, length(s->new_len),
                 bits(s->flags, remap_names), address(s->to));
        break;
    case STEP_MADVISE:
        snprintf(text, size, "madvise(%s, %s, %s)", at, len, advice(s->what));
        break;
    case STEP_MLOCK:
        snprintf(text, size, "%s(%s, %s)", locks[s->flags], at, len);
        break;
    default:
        snprintf(text, size, "mincore(%s, %s, vec)", at, len);
        break;
    }
}

static void other_text(char *text, size_t size, const struct step *s)
{
    switch (s->kind) {
    case STEP_MLOCKALL:
        snprintf(text, size, s->flags ? "mlockall(%s)" : "munlockall()",
                 bits(s->flags, lock_names));
        break;
    case STEP_BRK:
        snprintf(text, size, "brk(%s)", address(s->addr));
        break;
    case STEP_TOUCH:
        snprintf(text, size, "%s(%s)", access_names[s->what], address(s->addr));
        break;
    case STEP_COPY:
        snprintf(text, size, "copy_%s(%s)", s->what == ACCESS_WRITE ? "to" : "from",
                 address(s->addr));
        break;
    case STEP_STACK:
        snprintf(text, size, s->flags ? "stack_create()" : "stack_shift(%s)", length(s->len));
        break;
    case STEP_LIMIT:
        snprintf(text, size, "limit(%s, 0x%llx)", limit_names[s->what], (ull)s->len);
        break;
    case STEP_FORK:
        snprintf(text, size, "fork(%s_ends)", s->flags ? "parent" : "child");
        break;
    default:
        snprintf(text, size, "realign(%d)", s->what);
        break;
    }
}

const char *step_text(const struct step *s)
{
    static char text[600];
    size_t len;

    if (s->kind == STEP_MMAP)
        mmap_text(text, sizeof(text), s);
    else if (s->kind <= STEP_MLOCK || s->kind == STEP_MINCORE)
        range_text(text, sizeof(text), s);
    else
        other_text(text, sizeof(text), s);
    len = strlen(text);
    if (s->fail)
        snprintf(text + len, sizeof(text) - len, " /* allocation %llu fails */", (ull)s->fail);
    return text;
}
