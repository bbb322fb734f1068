/* execve and execveat: the name of the program, and from where it is looked for. */
#include "kernel/abi/errno.h"
#include "kernel/exec.h"
#include "kernel/format.h"
#include "kernel/lookup.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"

long sys_execve(struct trap_frame *frame)
{
    struct exec_vector argv = {.user = frame->rsi}, envp = {.user = frame->rdx};
    char *path;
    long err = lookup_fetch(frame->rdi, &path);

    if (err)
        return err;
    err = exec(process_current(), &(struct exec_source){.fd = AT_FDCWD, .path = path, .name = path},
               argv, envp, frame);
    kfree(path, PATH_MAX);
    return err;
}

/* The name of what lies behind a descriptor, at @path from there, to @name of PATH_MAX bytes. */
static void name_behind(int fd, const char *path, char *name)
{
    if (*path)
        format(name, PATH_MAX, "/dev/fd/%d/%s", fd, path);
    else
        format(name, PATH_MAX, "/dev/fd/%d", fd);
}

static long exec_behind(int fd, const char *path, int flags, struct trap_frame *frame)
{
    struct exec_vector argv = {.user = frame->rdx}, envp = {.user = frame->r10};
    struct descriptor *d = files_descriptor(process_current()->files, fd);
    struct exec_source source = {.fd = fd, .path = path, .name = path, .flags = flags};
    char *name = NULL;
    long err;

    if (fd != AT_FDCWD && *path != '/') {
        name = kmalloc(PATH_MAX);
        if (!name)
            return -ENOMEM;
        name_behind(fd, path, name);
        source.name = name;
        source.hidden = d && d->cloexec;
    }
    err = exec(process_current(), &source, argv, envp, frame);
    kfree(name, PATH_MAX);
    return err;
}

/* execveat(fd, path, argv, envp, flags) */
long sys_execveat(struct trap_frame *frame)
{
    int flags = (int)frame->r8;
    char *path;
    long err;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK))
        return -EINVAL;
    err = lookup_fetch(frame->rsi, &path);
    if (err)
        return err;
    err = exec_behind((int)frame->rdi, path, flags, frame);
    kfree(path, PATH_MAX);
    return err;
}
