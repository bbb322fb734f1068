/*
 * argv and envp. On the temporary stack, from the top of the address space down:
 *
 *     TASK_SIZE   eight zero bytes
 *                 the name of the program
 *                 envp's strings, the last one highest
 *     e->sp       argv's strings
 */
#include "kernel/abi/errno.h"
#include "kernel/exec.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

/* Strings that may come to those of the caller: the name, and two for each script. */
#define STRINGS_ADDED (1 + 2 * EXEC_FILES_MAX)

/* The string number @i of @v: its address in the kernel or in user memory. 0 or -EFAULT. */
static long fetch_pointer(const struct exec_vector *v, uint64_t i, uint64_t *pointer)
{
    vaddr_t at;

    if (v->kernel) {
        *pointer = (uint64_t)v->kernel[i];
        return 0;
    }
    *pointer = 0;
    if (!v->user)
        return 0;
    if (__builtin_add_overflow(v->user, i * sizeof(*pointer), &at))
        return -EFAULT;
    return copy_from_user(pointer, at, sizeof(*pointer));
}

/* How many strings @v has. -E2BIG as soon as they are more than @max. */
static long count_strings(const struct exec_vector *v, uint64_t max, uint64_t *count)
{
    uint64_t pointer, n;

    for (n = 0; n <= max; n++) {
        long err = fetch_pointer(v, n, &pointer);

        if (err)
            return err;
        if (!pointer) {
            *count = n;
            return 0;
        }
    }
    return -E2BIG;
}

/* What strings and pointers may take in all: a quarter of the stack, within Linux's bounds. */
static uint64_t room_for_args(const struct process *process)
{
    uint64_t quarter = process->limits[RLIMIT_STACK].cur / 4;

    return max_u64(min_u64(quarter, ARG_LIMIT_MAX), ARG_MAX);
}

long exec_count_args(struct exec *e)
{
    uint64_t room = room_for_args(e->process);
    uint64_t pointers = room / sizeof(uint64_t);
    long err = count_strings(&e->argv, pointers, &e->argc);

    if (!err)
        err = count_strings(&e->envp, pointers, &e->envc);
    if (err)
        return err;
    pointers = max_u64(e->argc, 1) + e->envc;
    if (pointers * sizeof(uint64_t) >= room)
        return -E2BIG;
    e->strings_low = TASK_SIZE - sizeof(uint64_t) - (room - pointers * sizeof(uint64_t));
    e->sizes_max = pointers + STRINGS_ADDED;
    e->sizes_low = e->sizes_max;
    e->sizes = kmalloc(e->sizes_max * sizeof(*e->sizes));
    return e->sizes ? 0 : -ENOMEM;
}

/* ---- Copying ---- */

long exec_push(struct exec *e, const void *bytes, uint64_t len)
{
    long err;

    e->sp -= len;
    err = mm_copy_to(e->mm, e->sp, bytes, len);
    return err == -EFAULT ? -E2BIG : err;
}

/* Make room for a string of @size bytes with its NUL. */
static long reserve_string(struct exec *e, uint64_t size)
{
    if (size > MAX_ARG_STRLEN || size > e->sp - e->strings_low)
        return -E2BIG;
    kassert(e->sizes_low > 0);
    e->sizes[--e->sizes_low] = (uint32_t)size;
    e->sp -= size;
    return 0;
}

static long push_kernel_string(struct exec *e, const char *string)
{
    uint64_t size = strlen(string) + 1;
    long err = reserve_string(e, size);

    if (err)
        return err;
    err = mm_copy_to(e->mm, e->sp, string, size);
    return err == -EFAULT ? -E2BIG : err;
}

/* A page at a time. Whatever the program's memory says by then, the string ends where it did. */
static long push_user_string(struct exec *e, vaddr_t user)
{
    long length = strnlen_user(user, MAX_ARG_STRLEN);
    long err = length < 0 ? length : reserve_string(e, (uint64_t)length + 1);

    for (uint64_t done = 0; !err && done <= (uint64_t)length; done += PAGE_SIZE) {
        uint64_t left = (uint64_t)length + 1 - done, n = min_u64(left, PAGE_SIZE);

        err = copy_from_user(e->page, user + done, n);
        if (err)
            return err;
        if (n == left)
            e->page[n - 1] = '\0';
        err = mm_copy_to(e->mm, e->sp + done, e->page, n);
        if (err == -EFAULT)
            err = -E2BIG;
    }
    return err;
}

/* The strings of @v from number @first to before number @end, the last one first. */
static long push_strings(struct exec *e, const struct exec_vector *v, uint64_t first, uint64_t end)
{
    while (end-- > first) {
        uint64_t pointer;
        long err = fetch_pointer(v, end, &pointer);

        if (!err)
            err = v->kernel ? push_kernel_string(e, (const char *)pointer)
                            : push_user_string(e, pointer);
        if (err)
            return err;
    }
    return 0;
}

long exec_copy_args(struct exec *e)
{
    const uint64_t zero = 0;
    long err = exec_push(e, &zero, sizeof(zero));

    if (!err)
        err = push_kernel_string(e, e->name);
    e->execfn = e->sp;
    if (!err)
        err = push_strings(e, &e->envp, 0, e->envc);
    e->mm->layout.env_start = e->sp;
    e->mm->layout.env_end = e->execfn;
    if (!err)
        err = push_strings(e, &e->argv, 1, e->argc);
    e->arg1 = e->sp;
    e->sizes_arg1 = e->sizes_low;
    if (!err)
        err = push_strings(e, &e->argv, 0, min_u64(e->argc, 1));
    if (!err && e->argc == 0) { /* programs may rely on an argv[0] */
        e->argc = 1;
        err = push_kernel_string(e, "");
    }
    e->mm->layout.arg_start = e->sp;
    e->mm->layout.arg_end = e->mm->layout.env_start;
    return err;
}

/* argv[0] goes; what is pushed in its place is what the program of a script's line gets to see. */
long exec_insert_args(struct exec *e, const char *interpreter, const char *argument,
                      const char *script)
{
    long err;

    e->sp = e->arg1;
    e->sizes_low = e->sizes_arg1;
    err = push_kernel_string(e, script);
    if (!err && argument)
        err = push_kernel_string(e, argument);
    e->arg1 = e->sp;
    e->sizes_arg1 = e->sizes_low;
    if (!err)
        err = push_kernel_string(e, interpreter);
    e->argc += argument ? 2 : 1;
    e->mm->layout.arg_start = e->sp;
    return err;
}
