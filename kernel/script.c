#include "kernel/script.h"

#include <stddef.h>

#include "kernel/abi/errno.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first byte of [at, end) that is no blank, or @end. */
static char *skip_blanks(char *at, char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* The first blank of [at, end), or @end. */
static char *find_blank(char *at, char *end)
{
    while (at < end && !is_blank(*at))
        at++;
    return at;
}

/* The first newline or NUL of [at, end), or @end. */
static char *find_end(char *at, char *end)
{
    while (at < end && *at && *at != '\n')
        at++;
    return at;
}

static char *trim(char *start, char *end)
{
    while (end > start && is_blank(end[-1]))
        end--;
    return end;
}

bool script_is(const char head[SCRIPT_HEAD])
{
    return head[0] == '#' && head[1] == '!';
}

/*
 *     #!  /bin/interpreter  the argument  \n
 *         name            blank           end
 *
 * Blanks at the end of the line are dropped, but not at the end of a file without a newline: there
 * they make an empty argument, or an empty name, as on Linux.
 */
long script_parse(char head[SCRIPT_HEAD], struct script *script)
{
    char *start = head + 2, *last = head + SCRIPT_HEAD - 1; /* becomes a NUL at the latest */
    char *end = find_end(start, last), *name = skip_blanks(start, end), *blank;
    bool goes_on = end == last && *last && *last != '\n' && !is_blank(*last);

    if (goes_on && find_blank(name, end) == end)
        return -ENOEXEC;
    if (end == last || *end == '\n') {
        end = trim(start, end);
        if (name >= end)
            return -ENOEXEC;
    }
    blank = find_blank(name, end);
    script->interpreter = name;
    script->argument = blank < end ? skip_blanks(blank, end) : NULL;
    *end = '\0';
    *blank = '\0';
    return 0;
}
