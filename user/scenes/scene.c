/* Reading scenes: see scene.h for the language. */
#include "user/scenes/scene.h"

#include <stdbool.h>

#include "kernel/abi/mman.h"

/*
 * @arguments, a letter each: v number, p rights, k kind of mapping, f flags of mremap, a advice, m and t modes; those
 * behind ? may be left out.
 */
static const struct verb {
    const char *name;
    const char *arguments;
    const char *form;
    const char *words;
} verbs[] = {
#define SCENE_VERB(upper, lower, arguments, names, words) {#lower, arguments, names, words},
    SCENE_VERBS(SCENE_VERB)
#undef SCENE_VERB
};

const char *scene_verb_name(enum scene_verb verb)
{
    return verbs[verb].name;
}

const char *scene_verb_form(enum scene_verb verb)
{
    return verbs[verb].form;
}

const char *scene_verb_words(enum scene_verb verb)
{
    return verbs[verb].words;
}

/* ---- Words ---- */

struct word {
    const char *at;
    size_t length;
};

struct named {
    const char *name;
    uint32_t set, clear;
};

#define MAP_START (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)

static const struct named kinds[] = {
    {"private", 0, 0},
    {"shared", MAP_SHARED, MAP_PRIVATE},
    {"over", MAP_FIXED, MAP_FIXED_NOREPLACE},
    {"any", 0, MAP_FIXED_NOREPLACE},
    {"growsdown", MAP_GROWSDOWN, 0},
    {"noreserve", MAP_NORESERVE, 0},
    {NULL, 0, 0},
};

static const struct named move_flags[] = {
    {"maymove", MREMAP_MAYMOVE, 0},
    {"fixed", MREMAP_FIXED, 0},
    {"dontunmap", MREMAP_DONTUNMAP, 0},
    {"none", 0, 0},
    {NULL, 0, 0},
};

static const struct named advices[] = {
    {"dontneed", MADV_DONTNEED, 0},
    {"free", MADV_FREE, 0},
    {"hugepage", MADV_HUGEPAGE, 0},
    {"nohugepage", MADV_NOHUGEPAGE, 0},
    {"populate_read", MADV_POPULATE_READ, 0},
    {"populate_write", MADV_POPULATE_WRITE, 0},
    {NULL, 0, 0},
};

static const struct named realign_modes[] = {
    {"off", 0, 0}, {"pmd", 1, 0}, {"full", 2, 0}, {NULL, 0, 0}};
static const struct named thp_modes[] = {
    {"never", 0, 0}, {"madvise", 1, 0}, {"always", 2, 0}, {NULL, 0, 0}};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_end(char c)
{
    return c == '\0' || c == '\n' || c == '#';
}

/* The next word from *line on, of length 0 at the end of the line. */
static struct word next_word(const char **line)
{
    struct word word;

    while (is_blank(**line))
        (*line)++;
    word.at = *line;
    while (!is_blank(**line) && !is_end(**line))
        (*line)++;
    word.length = (size_t)(*line - word.at);
    return word;
}

static bool is_word(struct word word, const char *name)
{
    size_t n = 0;

    while (n < word.length && name[n] == word.at[n])
        n++;
    return n == word.length && !name[n];
}

static const struct named *find_named(const struct named *list, struct word word)
{
    while (list->name && !is_word(word, list->name))
        list++;
    return list->name ? list : NULL;
}

/* ---- Arguments: each returns NULL, or what is wrong ---- */

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* How far K, M, G, T shift; 0 for anything else. */
static unsigned unit_shift(char c)
{
    switch (c | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    case 't':
        return 40;
    default:
        return 0;
    }
}

#define NO_NUMBER "no number: 4096, 0x1000, 4K, 5M, 1G+5M"
#define TOO_LARGE "more than 64 bits"

/* One number with its unit, from *p on, added to *sum. */
static const char *add_number(const char **p, const char *end, uint64_t *sum)
{
    bool hexadecimal = end - *p > 2 && (*p)[0] == '0' && ((*p)[1] | 0x20) == 'x';
    unsigned base = hexadecimal ? 16 : 10, shift;
    uint64_t value = 0;
    const char *first;

    *p += hexadecimal ? 2 : 0;
    for (first = *p; *p < end && digit(**p) < base; (*p)++) {
        if (value > (UINT64_MAX - digit(**p)) / base)
            return TOO_LARGE;
        value = value * base + digit(**p);
    }
    if (*p == first)
        return NO_NUMBER;
    shift = *p < end ? unit_shift(**p) : 0;
    *p += shift ? 1 : 0;
    if (value > UINT64_MAX >> shift || value << shift > UINT64_MAX - *sum)
        return TOO_LARGE;
    *sum += value << shift;
    return NULL;
}

static const char *read_value(struct word word, struct scene_command *command)
{
    const char *p = word.at, *end = word.at + word.length;
    uint64_t sum = 0;
    const char *wrong = add_number(&p, end, &sum);

    while (!wrong && p < end && *p == '+') {
        p++;
        wrong = add_number(&p, end, &sum);
    }
    if (wrong || p < end)
        return wrong ? wrong : NO_NUMBER;
    command->value[command->values++] = sum;
    return NULL;
}

static const char *read_rights(struct word word, struct scene_command *command)
{
    command->rights = PROT_NONE;
    if (is_word(word, "none"))
        return NULL;
    for (size_t i = 0; i < word.length; i++) {
        char c = word.at[i];

        if (c != 'r' && c != 'w' && c != 'x' && c != '-')
            return "no rights: rwx, or some of it, or none";
        command->rights |= c == 'r' ? PROT_READ : c == 'w' ? PROT_WRITE : c == 'x' ? PROT_EXEC : 0;
    }
    return NULL;
}

/* Names of @list, joined by commas or bars. */
static const char *read_names(struct word word, const struct named *list, uint32_t *flags,
                              const char *wrong)
{
    size_t from = 0;

    while (from <= word.length) {
        struct word part = {word.at + from, 0};
        const struct named *named;

        while (from + part.length < word.length && part.at[part.length] != ',' &&
               part.at[part.length] != '|')
            part.length++;
        named = find_named(list, part);
        if (!named)
            return wrong;
        *flags = (*flags & ~named->clear) | named->set;
        from += part.length + 1;
    }
    return NULL;
}

static const char *read_choice(struct word word, const struct named *list,
                               struct scene_command *command, const char *wrong)
{
    const struct named *named = find_named(list, word);

    if (!named)
        return wrong;
    command->choice = named->set;
    return NULL;
}

static const char *read_argument(char kind, struct word word, struct scene_command *command)
{
    switch (kind) {
    case 'v':
        return read_value(word, command);
    case 'p':
        return read_rights(word, command);
    case 'k':
        return read_names(word, kinds, &command->flags,
                          "no kind: private, shared, over, any, growsdown, noreserve");
    case 'f':
        return read_names(word, move_flags, &command->flags,
                          "no flags: maymove, fixed, dontunmap, joined by commas, or none");
    case 'a':
        return read_choice(word, advices, command, "no advice that is known here");
    case 'm':
        return read_choice(word, realign_modes, command, "no mode: off, pmd, full");
    default:
        return read_choice(word, thp_modes, command, "no mode: never, madvise, always");
    }
}

/* ---- Lines ---- */

static enum scene_line wrong(struct scene_problem *problem, const char *words, struct word at)
{
    *problem = (struct scene_problem){words, at.at, at.length};
    return SCENE_WRONG;
}

static enum scene_line read_arguments(const char *line, struct scene_command *command,
                                      struct scene_problem *problem)
{
    bool optional = false;
    struct word word;

    for (const char *kind = verbs[command->verb].arguments; *kind; kind++) {
        const char *words;

        if (*kind == '?') {
            optional = true;
            continue;
        }
        word = next_word(&line);
        if (!word.length && optional)
            return SCENE_COMMAND;
        words = word.length ? read_argument(*kind, word, command) : "something is missing";
        if (words)
            return wrong(problem, words, word);
    }
    word = next_word(&line);
    return word.length ? wrong(problem, "too much", word) : SCENE_COMMAND;
}

enum scene_line scene_read(const char *line, struct scene_command *command,
                           struct scene_problem *problem)
{
    struct word word = next_word(&line);

    if (!word.length)
        return SCENE_NOTHING;
    for (unsigned i = 0; i < SCENE_VERB_COUNT; i++) {
        if (!is_word(word, verbs[i].name))
            continue;
        *command = (struct scene_command){
            .verb = (enum scene_verb)i,
            .rights = PROT_READ | PROT_WRITE,
            .flags = i == SCENE_MMAP ? MAP_START : 0,
        };
        return read_arguments(line, command, problem);
    }
    return wrong(problem, "no such command", word);
}
