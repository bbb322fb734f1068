/*
 * execve: everything is built aside, in an address space that nobody runs on yet; when nothing can
 * fail any more, the process changes over to it. Until then the old program is untouched.
 *
 *     exec.c        the order of it, and the change
 *     exec_args.c   argv and envp, from the old program to the new stack
 *     exec_image.c  the file: check it, map its segments
 *     exec_stack.c  what the new program finds above its stack pointer
 */
#pragma once

#include "kernel/elf.h"
#include "kernel/inode.h"
#include "mm/mm.h"

struct process;
struct trap_frame;

/* A list of strings that ends with NULL: the program's, or the kernel's own for init. */
struct exec_vector {
    const char *const *kernel; /* if not NULL */
    vaddr_t user;              /* else; 0 is an empty list */
};

/* One execve on its way. */
struct exec {
    struct process *process;
    const char *name; /* as given */
    struct exec_vector argv, envp;
    uint64_t argc, envc;

    struct path path; /* where the name leads */
    char *exe_path;   /* PATH_MAX bytes: its absolute name */
    struct object *object;
    struct elf_header header;
    struct elf_image image;
    struct elf_phdr *table; /* image.phnum program headers */

    struct mm *mm;       /* the new one, locked for write; NULL once the process has it */
    char *page;          /* PAGE_SIZE bytes to copy by way of */
    vaddr_t sp;          /* the new stack is filled down to here */
    vaddr_t strings_low; /* the temporary stack may be filled with strings down to here */
    vaddr_t execfn;      /* the name, on the stack */
    uint64_t shift;      /* of the stack, bytes */
    vaddr_t base;        /* added to the file's addresses */
};

/* Take over the options that concern exec. Ends the boot when one makes no sense. */
void exec_init(void);

/*
 * Replace the program of @process by the file @name. 0, and @frame is what the new program starts
 * with; or -ENOENT, -EACCES, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -ENOEXEC, -E2BIG, -ENOMEM, -EFAULT.
 */
long exec(struct process *process, const char *name, struct exec_vector argv,
          struct exec_vector envp, struct trap_frame *frame);

/*
 * The parts, in their order. Each returns 0 or an errno and leaves what it has made to exec(), which
 * frees it.
 */

/* Count argv and envp, and see that their pointers alone do not take all the room. */
[[nodiscard]] long exec_count_args(struct exec *e);

/* Copy name, envp and argv to the temporary stack, from its top down. */
[[nodiscard]] long exec_copy_args(struct exec *e);

/* Read and check header and table. Says what is wrong in the log. */
[[nodiscard]] long exec_read_image(struct exec *e);

/* Choose base and mmap_base, map the segments, place the heap. Says why it is -ENOEXEC in the log. */
[[nodiscard]] long exec_map_image(struct exec *e);

/* After the stack was shifted: auxiliary vector and pointers; e->sp is then the stack pointer. */
[[nodiscard]] long exec_finish_stack(struct exec *e);

/* Copy @len bytes to the new stack, which is filled down by them. -E2BIG when it may not grow. */
[[nodiscard]] long exec_push(struct exec *e, const void *bytes, uint64_t len);

/* The most by which a stack is shifted when addresses are random. */
#define EXEC_SHIFT_MAX ((uint64_t)16 << 30)
