/*
 * The playground: one address space that commands are given to, in the language of scenes. What JavaScript calls, it
 * calls by the names in EXPORT().
 */
#include "kernel/format.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include "tools/web/wasm/obey.h"
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
        result = obey(mm, &command);
        port_unlock_write(&mm->lock);
        tell_result(result);
    }
    mm_check_all();
    return result;
}
