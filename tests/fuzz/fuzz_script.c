/* The first line of a script: what is taken from it are pieces of the line, in order, without blanks around them. */
#include "kernel/script.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* @piece is a string inside the head, which stood there before. */
static void check_piece(const char *piece, const char *head, const char *before)
{
    size_t at = (size_t)(piece - head), length;

    must(at >= 2 && at < SCRIPT_HEAD);
    must(memchr(piece, 0, SCRIPT_HEAD - at) != NULL);
    length = strlen(piece);
    must(memcmp(before + at, piece, length) == 0);
    must(memchr(piece, '\n', length) == NULL);
    must(!blank(*piece));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char before[SCRIPT_HEAD] = "#!";
    struct script script;
    char *head;

    if (size > SCRIPT_HEAD - 2)
        size = SCRIPT_HEAD - 2;
    memcpy(before + 2, data, size);
    head = (char *)exact_copy((uint8_t *)before, SCRIPT_HEAD);
    must(script_is(head));
    if (!script_parse(head, &script)) {
        check_piece(script.interpreter, head, before);
        must(!strpbrk(script.interpreter, " \t"));
        if (script.argument) {
            check_piece(script.argument, head, before);
            must(script.argument > script.interpreter + strlen(script.interpreter));
        }
    }
    free(head);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return false;
}
