/* The command line. See options.h. */
#include "kernel/options.h"

#include <stddef.h>

#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/string.h"

#define WORDS_MAX 64

/* Every option there is. */
static const struct {
    const char *name;
    const char *meaning;
} known[] = {
    {"init", "path of the first program, /init when not given"},
    {"realign", "how page tables are moved: off, pmd, full"},
    {"thp", "transparent huge pages: never, madvise (where a program asks for them), always"},
    {"hugepages", "pages of 2 MiB in the pool of MAP_HUGETLB"},
    {"hugepages_1g", "pages of 1 GiB in it"},
    {"stack_shift", "bytes by which exec shifts the stack, in place of a random number"},
    {"norandmaps", "no random addresses"},
    {"seed", "number that random numbers start from: the same series in each boot"},
    {"check", "1: recount all invariants after every call on memory"},
    {"trace", "kinds of events to log: mremap,pt,vma,fault,tlb,refuse,syscall,state, or all"},
    {"trace_ring", "kinds to keep for /proc/trace and a debugger, without logging them"},
    {"trace_json", "kinds to send to the second serial port, a JSON object a line"},
    {"loglevel", "err, warn, info, debug"},
    {"test", "a way for the kernel to fail on purpose; see selftest.c"},
};

static char text[BOOT_CMDLINE_SIZE];
static const char *words[WORDS_MAX];
static unsigned word_count;

/* The value if @word is `@name` or `@name=value`, else NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(word, name, len) != 0)
        return NULL;
    return word[len] == '=' ? word + len + 1 : word[len] == '\0' ? word + len : NULL;
}

static bool is_known(const char *word)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (value_of(word, known[i].name))
            return true;
    return false;
}

/* Cut the next word out of *@rest; NULL at the end. */
static char *next_word(char **rest)
{
    char *word = *rest;
    char *end;

    while (*word == ' ')
        word++;
    for (end = word; *end && *end != ' '; end++)
        ;
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return *word ? word : NULL;
}

void options_init(const char *cmdline)
{
    char *rest = text;
    char *word;

    strlcpy(text, cmdline, sizeof(text));
    while ((word = next_word(&rest)) && strcmp(word, "--") != 0) {
        if (word_count == WORDS_MAX)
            boot_fail("more than %d options", WORDS_MAX);
        words[word_count++] = word;
        if (!is_known(word))
            log_warn("boot: option %s is not known", word);
    }
}

const char *option(const char *name)
{
    for (unsigned i = word_count; i-- > 0;) {
        const char *value = value_of(words[i], name);
        if (value)
            return value;
    }
    return NULL;
}

/* The value of the digit @c, 16 when it is none. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static unsigned suffix_shift(char c)
{
    switch (c) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    default:
        return 0;
    }
}

static bool parse_u64(const char *p, uint64_t *value)
{
    unsigned base = p[0] == '0' && (p[1] | 0x20) == 'x' ? 16 : 10;
    unsigned shift;

    p += base == 16 ? 2 : 0;
    if (digit(*p) >= base)
        return false;
    for (*value = 0; digit(*p) < base; p++)
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, digit(*p), value))
            return false;
    shift = suffix_shift(*p);
    if (shift && *value >> (64 - shift))
        return false;
    *value <<= shift;
    return p[shift ? 1 : 0] == '\0';
}

uint64_t option_u64(const char *name, uint64_t otherwise)
{
    const char *text_value = option(name);
    uint64_t value = otherwise;

    if (text_value && !parse_u64(text_value, &value))
        boot_fail("%s=%s: not a number", name, text_value);
    return value;
}

/* `a, b, c` */
static void list_choices(char *buf, size_t size, const char *const *choices)
{
    size_t used = 0;

    for (unsigned i = 0; choices[i] && used < size; i++) {
        used += strlcpy(buf + used, i ? ", " : "", size - used);
        if (used < size)
            used += strlcpy(buf + used, choices[i], size - used);
    }
}

unsigned option_choice(const char *name, const char *const *choices, unsigned otherwise)
{
    const char *value = option(name);
    char list[128];

    if (!value)
        return otherwise;
    for (unsigned i = 0; choices[i]; i++)
        if (strcmp(value, choices[i]) == 0)
            return i;
    list_choices(list, sizeof(list), choices);
    boot_fail("%s=%s: not one of %s", name, value, list);
}

bool option_flag(const char *name)
{
    const char *value = option(name);

    if (!value || strcmp(value, "0") == 0)
        return false;
    if (*value && strcmp(value, "1") != 0)
        boot_fail("%s=%s: not 0 or 1", name, value);
    return true;
}
