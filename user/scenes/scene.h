/*
 * The language of scenes: what happens to an address space, a command a line. The same text is read by the program that
 * runs it on the kernel, by the host tests, and by the playground.
 *
 *   # a comment; the first lines of a scene are its title and a sentence about it
 *   mmap ADDRESS LENGTH [RIGHTS [KIND]]      where nothing is mapped; rw, private
 *   populate ADDRESS LENGTH [STEP]           a page in each STEP bytes is written to; else each page
 *   mremap OLD OLD_LENGTH NEW_LENGTH [FLAGS [NEW]]
 *   munmap ADDRESS LENGTH
 *   mprotect ADDRESS LENGTH RIGHTS
 *   madvise ADDRESS LENGTH ADVICE
 *   realign MODE                             from now on: off, pmd, full
 *   thp MODE                                 transparent huge pages: never, madvise, always
 *   stack LENGTH                             exec's temporary stack with so many bytes of strings
 *   shift BYTES                              that stack moves down
 *
 * Numbers: 4096, 0x1000, 4K, 5M, 1G, 1T, and sums of these, 1G+5M. RIGHTS: rwx, or some of it, or none. KIND: private,
 * shared, over (whatever is mapped there goes), any (wherever there is room), growsdown, noreserve; joined by commas.
 * FLAGS: maymove, fixed, dontunmap, joined by commas, or none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Verb, its arguments as scene.c has them, their names, and what it does. */
#define SCENE_VERBS(X)                                                                             \
    X(MMAP, mmap, "vv?pk", "ADDRESS LENGTH [RIGHTS [KIND]]", "map an area")                        \
    X(POPULATE, populate, "vv?v", "ADDRESS LENGTH [STEP]",                                         \
      "write to each page, or to one in each STEP bytes")                                          \
    X(MREMAP, mremap, "vvv?fv", "OLD OLD_LENGTH NEW_LENGTH [FLAGS [NEW]]", "move, grow or shrink") \
    X(MUNMAP, munmap, "vv", "ADDRESS LENGTH", "unmap")                                             \
    X(MPROTECT, mprotect, "vvp", "ADDRESS LENGTH RIGHTS", "allow reading, writing, executing")     \
    X(MADVISE, madvise, "vva", "ADDRESS LENGTH ADVICE",                                            \
      "dontneed, free, hugepage, nohugepage, populate_read, populate_write")                       \
    X(REALIGN, realign, "m", "off|pmd|full", "how page tables move from now on")                   \
    X(THP, thp, "t", "never|madvise|always", "where faults bring transparent huge pages")          \
    X(STACK, stack, "v", "LENGTH", "exec's temporary stack, with so many bytes of strings")        \
    X(SHIFT, shift, "v", "BYTES", "move that stack down")

enum scene_verb {
#define SCENE_VERB(upper, lower, arguments, names, words) SCENE_##upper,
    SCENE_VERBS(SCENE_VERB)
#undef SCENE_VERB
        SCENE_VERB_COUNT
};

/*
 * A command as it was read. @value: its numbers in the order of the line, 0 where one was left out.
 * @rights: PROT_. @flags: MAP_ or MREMAP_. @choice: MADV_, or the number of the mode.
 */
struct scene_command {
    enum scene_verb verb;
    unsigned values; /* how many were given */
    uint64_t value[4];
    uint32_t rights;
    uint32_t flags;
    unsigned choice;
};

/* Why a line is no command: words, and the part of the line that they are about. */
struct scene_problem {
    const char *words;
    const char *at;
    size_t length;
};

enum scene_line { SCENE_NOTHING, SCENE_COMMAND, SCENE_WRONG };

/* Reads @line, which ends with a NUL or a newline: a command, a blank line or comment, or a problem. */
enum scene_line scene_read(const char *line, struct scene_command *command,
                           struct scene_problem *problem);

const char *scene_verb_name(enum scene_verb verb);  /* "mmap" */
const char *scene_verb_form(enum scene_verb verb);  /* "ADDRESS LENGTH [RIGHTS [KIND]]" */
const char *scene_verb_words(enum scene_verb verb); /* "map an area" */
