/* Cases as lines of text, and as pictures. See case.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exhaust/case.h"

static const char *const class_names[] = {"engine", "remap", "shift"};
static const char *const mode_names[] = {"off", "pmd", "full"};

static void print_areas(const struct ex_case *c)
{
    printf(" areas=");
    for (unsigned i = 0; i < c->areas; i++)
        printf("%s%u-%u%c", i ? "," : "", c->area[i].from, c->area[i].to, c->area[i].kind);
}

static void print_pages(const struct pages *set)
{
    unsigned last = EX_WORDS - 1;

    while (last && !set->word[last])
        last--;
    printf(" pages=0x%llx", (unsigned long long)set->word[last]);
    while (last--)
        printf("%016llx", (unsigned long long)set->word[last]);
}

void case_print(const struct ex_case *c)
{
    printf("%s mode=%s old=%u len=%u new=%u", class_names[c->class], mode_names[c->mode], c->old,
           c->len, c->new);
    if (c->class == CLASS_REMAP)
        printf(" new_len=%u flags=%u", c->new_len, c->flags);
    print_areas(c);
    print_pages(&c->present);
    printf("\n");
}

/* ---- Reading ---- */

static bool parse_areas(struct ex_case *c, const char *text)
{
    unsigned from, to;
    char kind;
    int used;

    for (c->areas = 0; *text; c->areas++) {
        if (c->areas == CASE_AREAS || sscanf(text, "%u-%u%c%n", &from, &to, &kind, &used) != 3)
            return false;
        if (from >= to || to > EX_PAGES)
            return false;
        c->area[c->areas] = (struct area){(uint16_t)from, (uint16_t)to, kind};
        text += used;
        text += *text == ',';
    }
    return true;
}

static bool parse_pages(struct pages *set, const char *text)
{
    size_t digits;

    if (strncmp(text, "0x", 2) != 0)
        return false;
    text += 2;
    digits = strlen(text);
    for (size_t i = 0; i < digits; i++) {
        char digit[2] = {text[digits - 1 - i], '\0'};
        char *end;
        unsigned long value = strtoul(digit, &end, 16);

        if (*end || (value && i * 4 >= EX_WORDS * 64))
            return false;
        if (value)
            set->word[i / 16] |= (uint64_t)value << i % 16 * 4;
    }
    return true;
}

static int index_of(const char *const *names, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return -1;
}

static bool parse_word(struct ex_case *c, char *word)
{
    const struct {
        const char *name;
        unsigned *value;
    } numbers[] = {{"old", &c->old},
                   {"len", &c->len},
                   {"new", &c->new},
                   {"new_len", &c->new_len},
                   {"flags", &c->flags}};
    char *value = strchr(word, '=');
    int mode;

    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(word, "areas") == 0)
        return parse_areas(c, value);
    if (strcmp(word, "pages") == 0)
        return parse_pages(&c->present, value);
    if (strcmp(word, "mode") == 0) {
        mode = index_of(mode_names, 3, value);
        c->mode = (enum realign)mode;
        return mode >= 0;
    }
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(word, numbers[i].name) == 0)
            return sscanf(value, "%u", numbers[i].value) == 1;
    return false;
}

bool case_parse(struct ex_case *c, const char *line)
{
    char copy[600];
    char *word;
    int class;

    memset(c, 0, sizeof(*c));
    snprintf(copy, sizeof(copy), "%s", line);
    word = strtok(copy, " \n");
    class = word ? index_of(class_names, 3, word) : -1;
    if (class < 0)
        return false;
    c->class = (enum class) class;
    while ((word = strtok(NULL, " \n")))
        if (!parse_word(c, word))
            return false;
    if (c->class != CLASS_REMAP)
        c->new_len = c->len;
    return c->len && c->old + c->len <= EX_PAGES && c->new + c->new_len <= EX_PAGES;
}

/* ---- Pictures ---- */

static char sign_at(const struct ex_case *c, unsigned page)
{
    for (unsigned i = 0; i < c->areas; i++)
        if (page >= c->area[i].from && page < c->area[i].to)
            return c->area[i].kind;
    return '.';
}

static void rulers(void)
{
    for (unsigned level = PT_TOP; level > PT_PTE; level--) {
        printf("    ");
        for (unsigned p = 0; p < EX_PAGES; p++)
            putchar(p % span_pages(level) ? ' ' : '|');
        printf("  spans of level %u\n", level);
    }
}

void case_picture(const struct ex_case *c)
{
    rulers();
    printf("    ");
    for (unsigned p = 0; p < EX_PAGES; p++)
        putchar(sign_at(c, p));
    printf("  areas\n    ");
    for (unsigned p = 0; p < EX_PAGES; p++)
        putchar(pages_has(&c->present, p) ? '#' : ' ');
    printf("  pages present\n    ");
    for (unsigned p = 0; p < EX_PAGES; p++)
        putchar(p - c->old < c->len ? 'S' : ' ');
    printf("  from %u\n    ", c->old);
    for (unsigned p = 0; p < EX_PAGES; p++)
        putchar(p - c->new < (c->class == CLASS_REMAP ? c->new_len : c->len) ? 'D' : ' ');
    printf("  to %u\n", c->new);
}
