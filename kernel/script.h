/*
 * The first line of a script: "#!", the name of the program that is to read it, and perhaps one
 * argument. Pure functions over bytes that anybody may have written.
 */
#pragma once

#include <stdbool.h>

/* As much of a file as exec looks at to tell what it is, bytes; Linux's BINPRM_BUF_SIZE. */
#define SCRIPT_HEAD 256

struct script {
    const char *interpreter;
    const char *argument; /* all that follows it, blanks and all; NULL: nothing does */
};

bool script_is(const char head[SCRIPT_HEAD]);

/*
 * Take the first line of a script apart, in place; @head is the start of the file, padded with NULs.
 * The line ends at a newline or at a NUL, and is cut where @head ends. -ENOEXEC when it names
 * nothing, or the name itself may have been cut.
 */
[[nodiscard]] long script_parse(char head[SCRIPT_HEAD], struct script *script);
