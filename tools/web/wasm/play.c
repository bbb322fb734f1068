/*
 * The playground: one address space that commands are given to, in the language of scenes. What JavaScript calls, it
 * calls by the names in EXPORT().
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/format.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include "tools/web/wasm/page.h"
#include "user/scenes/scene.h"

#define EXPORT(name) __attribute__((export_name(name)))
#define LINE 4096

typedef unsigned long long ull;

static struct mm *mm;
static char line[LINE];

/* ---- What the page is told besides events ---- */

static void misread(const struct scene_problem *problem, const struct scene_command *command)
{
    char words[LINE + 200];
    int length = format(words, sizeof(words), "%s", problem->words);

    if (problem->length)
        length = format(words, sizeof(words), "\"%.*s\": %s", (int)problem->length, problem->at,
                        problem->words);
    else
        length += format(words + length, sizeof(words) - (size_t)length, "; the form is: %s %s",
                         scene_verb_name(command->verb), scene_verb_form(command->verb));
    page_misread(words, (size_t)length);
}

/* Where the call returned an address, or an error that mm/ says nothing else about. */
static void tell_result(int64_t result)
{
    char words[32];

    if (result > 0)
        page_note(words, (size_t)format(words, sizeof(words), "= 0x%llx", (ull)result));
    else if (result < 0)
        page_note(words, (size_t)format(words, sizeof(words), "%lld", (long long)result));
}

/* ---- Commands ---- */

/* One page in each @step bytes, as a program would that touches them. */
static int64_t populate(vaddr_t start, uint64_t len, uint64_t step)
{
    int64_t err = 0;

    if (!step)
        err = mm_madvise(mm, start, len, MADV_POPULATE_WRITE);
    for (uint64_t off = 0; step && !err && off < len; off += step)
        err = mm_madvise(mm, start + off, PAGE_SIZE, MADV_POPULATE_WRITE);
    return err;
}

/* The strings that exec would copy there, from the top down, a word to each page. */
static int64_t make_stack(uint64_t len)
{
    int64_t err = stack_create(mm);

    for (uint64_t off = PAGE_SIZE; !err && off <= page_align(len); off += PAGE_SIZE) {
        uint64_t word = off;

        err = mm_copy_to(mm, TASK_SIZE - off, &word, sizeof(word));
    }
    return err;
}

static int64_t obey(const struct scene_command *c)
{
    const uint64_t *v = c->value;

    switch (c->verb) {
    case SCENE_MMAP:
        return mm_mmap(mm, v[0], v[1], c->rights, c->flags, NULL, 0, true);
    case SCENE_POPULATE:
        return populate(v[0], v[1], v[2]);
    case SCENE_MREMAP:
        return mm_mremap(mm, v[0], v[1], v[2], c->flags, v[3]);
    case SCENE_MUNMAP:
        return mm_munmap(mm, v[0], v[1]);
    case SCENE_MPROTECT:
        return mm_mprotect(mm, v[0], v[1], c->rights);
    case SCENE_MADVISE:
        return mm_madvise(mm, v[0], v[1], (int)c->choice);
    case SCENE_REALIGN:
        mm_config.realign = (enum realign)c->choice;
        return 0;
    case SCENE_THP:
        mm_config.thp = (enum thp)c->choice;
        return 0;
    case SCENE_STACK:
        return make_stack(v[0]);
    default:
        return stack_shift(mm, v[0]);
    }
}

/* ---- What JavaScript calls ---- */

/* Where to put the next line, with a NUL behind it, and how many bytes there are for it. */
EXPORT("line") char *play_line(void)
{
    return line;
}

EXPORT("capacity") size_t play_capacity(void)
{
    return LINE;
}

EXPORT("start") void play_start(void)
{
    mm_config.randomize = false;
    mm_assert(!mm_init());
    mm = mm_create();
    mm_assert(mm);
    port_trace_mask = TRACE_ALL;
}

/* Tells of all commands that there are. */
EXPORT("usage") void play_usage(void)
{
    char words[300];

    for (unsigned i = 0; i < SCENE_VERB_COUNT; i++)
        page_usage(words, (size_t)format(words, sizeof(words), "%s %s\t%s", scene_verb_name(i),
                                         scene_verb_form(i), scene_verb_words(i)));
}

/* Tells, by events, of the settings and of all there is. */
EXPORT("look") void play_look(void)
{
    struct trace_event begin = trace_begin("the playground");

    port_trace(&begin);
    port_trace_mask |= TRACE_STATE;
    port_lock_read(&mm->lock);
    mm_trace_state(mm);
    port_unlock_read(&mm->lock);
    port_trace_mask &= ~(uint32_t)TRACE_STATE;
}

/* Runs the line, then recounts all invariants. The call's result; -1 when the line was misread. */
EXPORT("run") int64_t play_run(void)
{
    struct scene_command command;
    struct scene_problem problem;
    int64_t result = 0;

    switch (scene_read(line, &command, &problem)) {
    case SCENE_WRONG:
        misread(&problem, &command);
        return -1;
    case SCENE_NOTHING:
        return 0;
    default:
        port_lock_write(&mm->lock);
        result = obey(&command);
        port_unlock_write(&mm->lock);
        tell_result(result);
    }
    mm_check_all();
    return result;
}
