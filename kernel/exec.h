/*
 * execve: everything is built aside, in an address space that nobody runs on yet; when nothing can
 * fail any more, the process changes over to it. Until then the old program is untouched.
 *
 *     exec.c        the order of it, and the change
 *     exec_args.c   argv and envp, from the old program to the new stack
 *     exec_script.c "#!": the interpreter in place of the script
 *     exec_image.c  the program's file and its dynamic linker's: find and check them
 *     exec_map.c    place and map their segments
 *     exec_stack.c  what the new program finds above its stack pointer
 */
#pragma once

#include "kernel/elf.h"
#include "kernel/file.h"
#include "mm/mm.h"

struct process;
struct trap_frame;

/* A list of strings that ends with NULL: the program's, or the kernel's own for init. */
struct exec_vector {
    const char *const *kernel; /* if not NULL */
    vaddr_t user;              /* else; 0 is an empty list */
};

/* Where the program comes from. */
struct exec_source {
    int fd; /* the directory of a relative path, or AT_FDCWD */
    const char *path;
    const char *name; /* what the program gets to know as its name */
    int flags;        /* AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_EXECVE_CHECK */
    bool hidden; /* the name leads nowhere once descriptors are closed: no good for a script's */
};

/* A file of which the new address space will have the segments. */
struct exec_file {
    struct file *file;
    struct object *object; /* the file's, no reference of its own */
    struct elf_header header;
    struct elf_image image;
    struct elf_phdr *table; /* image.phnum program headers */
    vaddr_t base;           /* added to the file's addresses */
};

/* One execve on its way. */
struct exec {
    struct process *process;
    const struct exec_source *source;
    const char *name; /* the source's */
    struct exec_vector argv, envp;
    uint64_t argc, envc;

    struct exec_file program;
    struct exec_file interp; /* its dynamic linker; interp.file is NULL when it wants none */

    struct mm *mm;       /* the new one, locked for write; NULL once the process has it */
    char *page;          /* PAGE_SIZE bytes to copy by way of */
    vaddr_t sp;          /* the new stack is filled down to here */
    vaddr_t strings_low; /* the temporary stack may be filled with strings down to here */
    vaddr_t arg1;        /* where the strings behind argv[0] begin */
    uint32_t *sizes;     /* of the strings on the stack, with their NULs: filled down as it is */
    uint64_t sizes_max;  /* strings that there may be */
    uint64_t sizes_low;  /* the index of the lowest string's */
    uint64_t sizes_arg1; /* and of the one behind argv[0] */
    vaddr_t execfn;      /* the name, on the stack */
    uint64_t shift;      /* of the stack, bytes */
};

/* Take over the options that concern exec. Ends the boot when one makes no sense. */
void exec_init(void);

/*
 * Replace the program of @process by that of @source, or with AT_EXECVE_CHECK only look whether that
 * could be. 0, and @frame is what the new program starts with; or -ENOENT, -EACCES, -ENOTDIR,
 * -ELOOP, -ENAMETOOLONG, -EBADF, -ETXTBSY, -ENOEXEC, -ELIBBAD, -EIO, -E2BIG, -ENOMEM, -EFAULT.
 */
long exec(struct process *process, const struct exec_source *source, struct exec_vector argv,
          struct exec_vector envp, struct trap_frame *frame);

/*
 * The parts, in their order. Each returns 0 or an errno and leaves what it has made to exec(), which
 * frees it.
 */

/* Count argv and envp, and see that their pointers alone do not take all the room. */
[[nodiscard]] long exec_count_args(struct exec *e);

/* Copy name, envp and argv to the temporary stack, from its top down. */
[[nodiscard]] long exec_copy_args(struct exec *e);

/*
 * While the program is a script, put the interpreter that it names in its place, and into argv in
 * place of argv[0] the interpreter, its argument and the script's name. -ELOOP after too many.
 */
[[nodiscard]] long exec_follow_scripts(struct exec *e);

/*
 * Read and check header and table of the program, and of the dynamic linker if it wants one. Says
 * what is wrong in the log.
 */
[[nodiscard]] long exec_read_images(struct exec *e);

/* Choose bases and mmap_base, map the segments, place the heap. Says why it is -ENOEXEC in the log. */
[[nodiscard]] long exec_map_images(struct exec *e);

/* After the stack was shifted: auxiliary vector and pointers; e->sp is then the stack pointer. */
[[nodiscard]] long exec_finish_stack(struct exec *e);

/* ---- What they share ---- */

/*
 * Open the file @name, a regular one that may be executed, for @file. "" is the working directory,
 * as in a script or a program on Linux, though not in a call of execve(). Close it either way.
 */
[[nodiscard]] long exec_open(const struct exec *e, const char *name, struct exec_file *file);
void exec_close(struct exec_file *file);

/* The strings of a script's line, before the arguments that are there; @argument may be NULL. */
[[nodiscard]] long exec_insert_args(struct exec *e, const char *interpreter, const char *argument,
                                    const char *script);

/* Copy @len bytes to the new stack, which is filled down by them. -E2BIG when it may not grow. */
[[nodiscard]] long exec_push(struct exec *e, const void *bytes, uint64_t len);

/* So many files may be looked at, each the interpreter of the one before; Linux's number. */
#define EXEC_FILES_MAX 6

/* The most by which a stack is shifted when addresses are random. */
#define EXEC_SHIFT_MAX ((uint64_t)16 << 30)
