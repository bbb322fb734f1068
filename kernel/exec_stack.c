/*
 * What a program finds on its stack when it starts (System V ABI, AMD64 supplement, 3.4.1), upwards:
 *
 *     sp          argc
 *                 argv[0] ... argv[argc - 1], 0
 *                 envp[0] ... , 0
 *                 the auxiliary vector: pairs of key and value, up to AT_NULL
 *                 random bytes, the platform's name
 *     arg_start   the strings, as exec_args.c left them
 */
#include "kernel/abi/auxv.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/exec.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/string.h"
#include "kernel/x86.h"

#define PAGE_WORDS (PAGE_SIZE / sizeof(uint64_t))
#define STACK_ALIGN 16
#define AUXV_PAIRS 19

/* Words that go to the new stack in ascending order, a page of them at a time. */
struct writer {
    struct exec *exec;
    uint64_t *words; /* exec->page */
    unsigned count;  /* of them, not yet copied */
    vaddr_t at;      /* where they go */
    long err;        /* the first; nothing is written after it */
};

static void flush(struct writer *w)
{
    uint64_t size = w->count * sizeof(uint64_t);

    if (!w->err)
        w->err = mm_copy_to(w->exec->mm, w->at, w->words, size);
    w->at += size;
    w->count = 0;
}

static void put(struct writer *w, uint64_t word)
{
    if (w->count == PAGE_WORDS)
        flush(w);
    w->words[w->count++] = word;
}

/* The addresses of @count strings of these sizes that lie one after the other from @at, then 0. */
static void put_strings(struct writer *w, vaddr_t at, const uint32_t *sizes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        put(w, at);
        at += sizes[i];
    }
    put(w, 0);
}

/* What the strings below the arguments are at. */
struct extras {
    vaddr_t platform;
    vaddr_t random;
};

static void put_auxv(struct writer *w, const struct extras *extras)
{
    const struct exec *e = w->exec;
    const struct exec_file *program = &e->program;
    const struct elf_image *image = &program->image;
    const uint64_t auxv[AUXV_PAIRS][2] = {
        {AT_HWCAP, cpuid(1, 0).edx},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, USER_HZ},
        {AT_PHDR, image->phdr ? program->base + image->phdr : 0},
        {AT_PHENT, sizeof(struct elf_phdr)},
        {AT_PHNUM, image->phnum},
        {AT_BASE, e->interp.base},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->base + image->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_RANDOM, extras->random},
        {AT_EXECFN, e->execfn},
        {AT_PLATFORM, extras->platform},
        {AT_MINSIGSTKSZ, MINSIGSTKSZ},
        {AT_NULL, 0},
    };

    for (unsigned i = 0; i < AUXV_PAIRS; i++) {
        put(w, auxv[i][0]);
        put(w, auxv[i][1]);
    }
}

static long push_extras(struct exec *e, struct extras *extras)
{
    static const char platform[] = "x86_64";
    uint8_t random[16];
    long err;

    random_bytes(random, sizeof(random));
    err = exec_push(e, platform, sizeof(platform));
    extras->platform = e->sp;
    if (!err)
        err = exec_push(e, random, sizeof(random));
    extras->random = e->sp;
    return err;
}

long exec_finish_stack(struct exec *e)
{
    struct mm_layout *layout = &e->mm->layout;
    uint64_t words = 1 + e->argc + 1 + e->envc + 1 + 2 * AUXV_PAIRS;
    const uint32_t *sizes = e->sizes + e->sizes_low; /* argv's, then envp's */
    struct extras extras;
    struct writer w = {.exec = e, .words = (uint64_t *)e->page};
    long err = push_extras(e, &extras);

    if (err)
        return err;
    layout->arg_start -= e->shift;
    layout->arg_end -= e->shift;
    layout->env_start -= e->shift;
    layout->env_end -= e->shift;
    e->sp = (e->sp - words * sizeof(uint64_t)) & ~(uint64_t)(STACK_ALIGN - 1);
    layout->start_stack = e->sp;
    layout->auxv_end = e->sp + words * sizeof(uint64_t);
    layout->auxv_start = layout->auxv_end - 2 * AUXV_PAIRS * sizeof(uint64_t);
    w.at = e->sp;
    put(&w, e->argc);
    put_strings(&w, layout->arg_start, sizes, e->argc);
    put_strings(&w, layout->env_start, sizes + e->argc, e->envc);
    put_auxv(&w, &extras);
    flush(&w);
    return w.err == -EFAULT ? -E2BIG : w.err;
}
