/* Steps as a program for Linux. See program.h and linux.h. */
#include "tests/fuzz/program.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_steps.h"

typedef unsigned long long ull;

static uint64_t last_brk;

void program_begin(FILE *out, const struct duel *d)
{
    last_brk = d->m.brk;
    fprintf(out, "/* gcc -I. THIS.c -o this && ./this, in the top directory of Realign. */\n"
                 "#include \"tests/fuzz/linux.h\"\n\n"
                 "int main(void)\n{\n    begin();\n");
    for (unsigned n = 1; n <= MODEL_NAMED; n++)
        fprintf(out, "    file[%u] = make_file(%llu, %d);\n", n, (ull)d->m.object[n].bytes,
                d->m.object[n].may_write);
    fprintf(out,
            "    is(mmap(A(0x%llx), P, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | "
            "MAP_PRIVATE | MAP_GROWSDOWN, -1, 0), A(0x%llx));\n\n",
            (ull)d->m.task_pages - 1, (ull)d->m.task_pages - 1);
}

static const char *error_name(long error)
{
    static const struct {
        long error;
        const char *name;
    } names[] = {{EPERM, "EPERM"},          {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"},
                 {EACCES, "EACCES"},        {EFAULT, "EFAULT"}, {EEXIST, "EEXIST"},
                 {EINVAL, "EINVAL"},        {EBUSY, "EBUSY"},   {EOVERFLOW, "EOVERFLOW"},
                 {EOPNOTSUPP, "EOPNOTSUPP"}};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].error == -error)
            return names[i].name;
    return "E?";
}

static void expect(FILE *out, const struct step *s, long result)
{
    fprintf(out, "    is(%s, ", step_text(s));
    if (result < 0 && result > -4096)
        fprintf(out, "-%s);\n", error_name(result));
    else if (result >= (long)PAGE_SIZE)
        fprintf(out, "A(0x%llx));\n", (ull)result >> PAGE_SHIFT);
    else
        fprintf(out, "%ld);\n", result);
}

/* The heap is the program's own on Linux; what it does here is done by mapping. */
static void brk_step(FILE *out, const struct duel *d)
{
    uint64_t from = page_align(last_brk), to = page_align(d->m.brk);
    struct step s = {.kind = STEP_MMAP,
                     .addr = from,
                     .len = to - from,
                     .prot = PROT_READ | PROT_WRITE,
                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE};

    last_brk = d->m.brk;
    if (to < from)
        s = (struct step){.kind = STEP_MUNMAP, .addr = to, .len = from - to};
    if (to == from)
        fprintf(out, "    /* brk: as it was, to the page */\n");
    else
        expect(out, &s, to > from ? (long)from : 0);
}

/* Where mm/ chose the place, Linux is told it. */
static struct step fix_place(const struct step *s, long result)
{
    struct step fixed = *s;

    fixed.fail = 0;
    if (result < (long)PAGE_SIZE)
        return fixed;
    if (s->kind == STEP_MMAP && !(s->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
        fixed.flags |= MAP_FIXED_NOREPLACE;
        fixed.addr = (vaddr_t)result;
    }
    if (s->kind == STEP_MREMAP && (vaddr_t)result != s->addr) {
        fixed.flags |= MREMAP_FIXED;
        fixed.to = (vaddr_t)result;
    }
    return fixed;
}

void program_step(FILE *out, const struct duel *d, const struct step *s)
{
    struct step fixed = fix_place(s, d->result);

    switch (s->kind) {
    case STEP_STACK:
    case STEP_LIMIT:
    case STEP_REALIGN:
        fprintf(out, "    /* %s: %ld */\n", step_text(&fixed), d->result);
        break;
    case STEP_BRK:
        brk_step(out, d);
        break;
    case STEP_TOUCH:
        if (s->what == ACCESS_EXEC) {
            fprintf(out, "    /* %s: %ld */\n", step_text(&fixed), d->result);
            break;
        }
        /* fall through */
    default:
        if (d->short_of_memory && d->failed)
            fprintf(out, "    /* short of memory: %s: %ld */\n", step_text(&fixed), d->result);
        else
            expect(out, &fixed, d->result);
    }
}

void program_end(FILE *out)
{
    fprintf(out, "    return end();\n}\n");
}
