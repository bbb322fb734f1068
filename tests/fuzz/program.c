/* Steps as a program for Linux. See program.h and linux.h. */
#include "tests/fuzz/program.h"

#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/host/sim_steps.h"

typedef unsigned long long ull;

static struct model was; /* after the last step that Linux does as well */
static bool ended;

/* ---- Begin ---- */

static void make_files(FILE *out, const struct model *m)
{
    for (unsigned n = 1; n <= MODEL_NAMED; n++) {
        const struct model_object *o = &m->object[n];

        fprintf(out, "    make_file(%u, %llu, %d);\n", n, (ull)o->bytes, o->may_write);
        for (unsigned i = 0; i << PAGE_SHIFT < o->bytes; i++)
            if (o->filled[i])
                fprintf(out, "    fill(%u, %u, 0x%llx);\n", n, i, (ull)o->word[i]);
    }
}

static void make_stack(FILE *out, const struct model *m)
{
    fprintf(out,
            "    is(mmap(A(0x%llx), P, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | "
            "MAP_PRIVATE | MAP_GROWSDOWN, -1, 0), A(0x%llx));\n",
            (ull)m->task_pages - 1, (ull)m->task_pages - 1);
}

void program_begin(FILE *out, const struct duel *d)
{
    was = d->m;
    ended = false;
    fprintf(out, "/* gcc -I. THIS.c -o this && ./this, in the top directory of Realign. */\n"
                 "#include \"tests/fuzz/linux.h\"\n\n"
                 "int main(void)\n{\n    begin();\n");
    make_files(out, &d->m);
    make_stack(out, &d->m);
    fprintf(out, "\n");
}

/* ---- Steps ---- */

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

static void expect(FILE *out, const char *call, long result)
{
    fprintf(out, "    is(%s, ", call);
    if (result < 0 && result > -4096)
        fprintf(out, "-%s);\n", error_name(result));
    else if (result >= (long)PAGE_SIZE)
        fprintf(out, "A(0x%llx));\n", (ull)result >> PAGE_SHIFT);
    else
        fprintf(out, "%ld);\n", result);
}

/* What grows down does so on Linux only where more than 256 pages stay free below. */
static void grow_step(FILE *out, const struct duel *d, const struct step *s)
{
    unsigned i = (unsigned)model_index(&d->m, s->addr >> PAGE_SHIFT), to = i;
    static const char *const prots[] = {"0",
                                        "PROT_READ",
                                        "PROT_WRITE",
                                        "PROT_READ | PROT_WRITE",
                                        "PROT_EXEC",
                                        "PROT_READ | PROT_EXEC",
                                        "PROT_WRITE | PROT_EXEC",
                                        "PROT_READ | PROT_WRITE | PROT_EXEC"};

    while (!was.page[to].mapped)
        to++;
    fprintf(out, "    is(grow(A(0x%llx), A(0x%llx), %s), 0);\n", (ull)model_number(&d->m, i),
            (ull)model_number(&d->m, to), prots[d->m.page[i].prot]);
}

/* A whole page is written, or what it holds is compared. */
static void access_step(FILE *out, const struct duel *d, const struct step *s)
{
    const char *text = step_text(s);
    long i = model_index(&d->m, s->addr >> PAGE_SHIFT);
    char call[200];

    if (!d->failed && program_grows(&was, s))
        grow_step(out, d, s);
    if (s->what == ACCESS_EXEC)
        return;
    snprintf(call, sizeof(call), "%.*s, 0x%llx)", (int)strlen(text) - 1, text,
             s->what == ACCESS_WRITE ? (ull)d->last_word : (ull)model_word(&d->m, (unsigned)i));
    expect(out, call, d->result);
}

/* The heap is the program's own on Linux; what it does here is done by mapping. */
static void brk_step(FILE *out, const struct duel *d)
{
    uint64_t from = page_align(was.brk), to = page_align(d->m.brk);
    struct step s = {.kind = STEP_MMAP,
                     .addr = from,
                     .len = to - from,
                     .prot = PROT_READ | PROT_WRITE,
                     .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE};

    if (to < from)
        s = (struct step){.kind = STEP_MUNMAP, .addr = to, .len = from - to};
    if (to == from)
        fprintf(out, "    /* brk: as it was, to the page */\n");
    else
        expect(out, step_text(&s), to > from ? (long)from : 0);
}

static void stack_step(FILE *out, const struct duel *d, const struct step *s)
{
    struct shift shift;

    if (s->flags)
        make_stack(out, &d->m);
    else if (program_shift(&was, &d->m, s, &shift))
        fprintf(out, "    is(shift(A(0x%llx), A(0x%llx), %llu * P, %llu * P), 0);\n",
                (ull)shift.start, (ull)shift.end, (ull)shift.pages, (ull)shift.room);
}

/* Where mm/ chose the place, Linux is told it; no mark that Linux alone makes, and nothing that it does later. */
static struct step fix_place(const struct step *s, long result)
{
    struct step fixed = *s;

    fixed.fail = 0;
    if (s->kind == STEP_MMAP)
        fixed.flags &= ~(uint32_t)MAP_STACK;
    if (s->kind == STEP_MADVISE && s->what == MADV_FREE && result == 0)
        fixed.what = MADV_DONTNEED;
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

static void print_step(FILE *out, const struct duel *d, const struct step *s)
{
    if (s->kind == STEP_BRK)
        brk_step(out, d);
    else if (program_locks_in_part(&d->m, s))
        fprintf(out, "    %s; /* here an error tells of what it left out */\n", step_text(s));
    else if (s->kind == STEP_STACK)
        stack_step(out, d, s);
    else if (s->kind == STEP_TOUCH || s->kind == STEP_COPY)
        access_step(out, d, s);
    else
        expect(out, step_text(s), d->result);
}

void program_step(FILE *out, const struct duel *d, const struct step *s)
{
    struct step fixed = fix_place(s, d->result);
    const char *omitted, *end;

    if (ended)
        return;
    omitted = program_omits(&was, d, s);
    end = omitted || d->failed ? NULL : program_ends(&was, d, s);
    ended = end;
    if (omitted || end)
        fprintf(out, "    /* %s: %s: %ld */\n", omitted ? omitted : end, step_text(&fixed),
                d->result);
    else
        print_step(out, d, &fixed);
    if (!ended)
        was = d->m;
}

/* ---- End ---- */

static bool readable(const struct model_page *p)
{
    bool past_end = p->object && p->pgoff << PAGE_SHIFT >= was.object[p->object].bytes;

    return p->mapped && p->prot && p->prot != MODEL_X && !past_end;
}

void program_end(FILE *out)
{
    fprintf(out, "\n    /* What all pages hold in the end. */\n");
    for (unsigned i = 0; i < was.count; i++)
        if (readable(&was.page[i]) && (was.page[i].frame != FRAME_NONE || model_word(&was, i)))
            fprintf(out, "    is(load(A(0x%llx), 0x%llx), 0);\n", (ull)model_number(&was, i),
                    (ull)model_word(&was, i));
    fprintf(out, "    return end();\n}\n");
}
