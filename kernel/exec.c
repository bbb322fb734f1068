#include "kernel/exec.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/boot.h"
#include "kernel/lookup.h"
#include "kernel/options.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

static bool shift_pinned; /* the option stack_shift; set once at boot */
static uint64_t pinned_shift;

void exec_init(void)
{
    pinned_shift = option_u64("stack_shift", 0);
    shift_pinned = option("stack_shift");
    if (page_offset(pinned_shift))
        boot_fail("stack_shift=%s: not a multiple of the page size", option("stack_shift"));
    if (pinned_shift > EXEC_SHIFT_MAX)
        boot_fail("stack_shift=%s: more than 16 GiB", option("stack_shift"));
}

static uint64_t choose_shift(void)
{
    if (shift_pinned)
        return pinned_shift;
    return mm_config.randomize ? random_u64() % EXEC_SHIFT_MAX & ~(PAGE_SIZE - 1) : 0;
}

/*
 * Open what @path leads to, known as @entry unless that is NULL, if it is something to execute. Its
 * contents get the name that /proc/PID/maps shows.
 */
static long open_inode(struct exec_file *file, struct inode *inode, struct dirent *entry)
{
    struct file_mapping mapping = {.prot = PROT_EXEC, .flags = MAP_PRIVATE};
    long err = S_ISLNK(inode->mode) ? -ELOOP : ramfs_object(inode) ? 0 : -EACCES;

    if (!err)
        err = inode_permission(inode, X_OK);
    if (!err)
        err = file_open(inode, O_RDONLY, &file->file);
    if (err)
        return err;
    file->file->entry = entry ? dirent_get(entry) : NULL;
    err = file_claim_execute(file->file);
    if (!err)
        err = file->file->ops->map(file->file, &mapping);
    file->object = mapping.object;
    return err;
}

static long open_path(struct exec_file *file, struct inode *start, const char *name, unsigned flags)
{
    struct path path;
    long err = path_lookup(start, name, flags, &path);

    if (err)
        return err;
    err = open_inode(file, path.inode,
                     path.end == PATH_NAME ? ramfs_find(path.dir, path.name) : NULL);
    path_put(&path);
    return err;
}

long exec_open(const struct exec *e, const char *name, struct exec_file *file)
{
    return open_path(file, e->process->cwd, *name ? name : ".", PATH_FOLLOW);
}

/* The file behind @fd; a working directory is none. */
static long open_descriptor(struct exec *e, int fd)
{
    struct descriptor *d = files_descriptor(e->process->files, fd);

    if (!d)
        return fd == AT_FDCWD ? -EACCES : -EBADF;
    return open_inode(&e->program, d->file->inode, d->file->entry);
}

/* The file that the caller names. */
static long open_program(struct exec *e)
{
    const struct exec_source *s = e->source;
    unsigned flags = s->flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW;
    struct inode *start = NULL;
    long err;

    if (!*s->path)
        return s->flags & AT_EMPTY_PATH ? open_descriptor(e, s->fd) : -ENOENT;
    if (s->fd == AT_FDCWD || *s->path == '/')
        return open_path(&e->program, e->process->cwd, s->path, flags);
    err = lookup_start(s->fd, &start);
    if (!err)
        err = open_path(&e->program, start, s->path, flags);
    inode_put(start);
    return err;
}

/* A new address space with nothing but the temporary stack in it. */
static long create_mm(struct exec *e)
{
    e->mm = mm_create();
    if (!e->mm)
        return -ENOMEM;
    port_lock_write(&e->mm->lock);
    process_apply_limits(e->process, e->mm);
    e->mm->no_thp = e->process->mm && e->process->mm->no_thp;
    e->shift = choose_shift();
    e->sp = TASK_SIZE;
    return stack_create(e->mm);
}

/* Move the stack from the top of the address space to where the program is to find it. */
static long shift_stack(struct exec *e)
{
    long err = stack_shift(e->mm, e->shift);

    e->sp -= e->shift;
    e->execfn -= e->shift;
    return err == -EINVAL ? -ENOMEM : err;
}

/* All other threads of the process end, and this one takes its number. 0, or -EINTR when all is to end. */
static long be_alone(struct process *process)
{
    struct thread *self = thread_current();
    long err = 0;

    if (!self)
        return 0; /* init, before it runs */
    process->execer = self;
    for (struct thread *t = process->threads; t; t = t->next) {
        t->work = true;
        sched_interrupt(t);
    }
    while (process->thread_count > 1 && !err)
        err = sched_sleep_killable(&process->threads);
    process->execer = NULL;
    if (!err)
        self->tid = process->pid;
    return err;
}

/* All that can be said before the file is looked into. */
static long prepare(struct exec *e)
{
    long err = open_program(e);

    if (!err)
        err = (e->page = kmalloc_buffer(PAGE_SIZE)) ? 0 : -ENOMEM;
    if (!err)
        err = exec_count_args(e);
    if (!err)
        err = create_mm(e);
    if (!err)
        err = exec_copy_args(e);
    return err;
}

static long build(struct exec *e)
{
    long err = exec_follow_scripts(e);

    if (!err)
        err = exec_read_images(e);
    if (!err)
        err = exec_map_images(e);
    if (!err)
        err = shift_stack(e);
    if (!err)
        err = exec_finish_stack(e);
    if (!err)
        err = files_unshare(&e->process->files);
    if (err)
        return err;

    port_unlock_write(&e->mm->lock); /* others may look at it while this one sleeps */
    err = be_alone(e->process);
    port_lock_write(&e->mm->lock);
    return err;
}

static void set_registers(const struct exec *e, struct trap_frame *frame)
{
    const struct exec_file *first = e->interp.file ? &e->interp : &e->program;

    *frame = (struct trap_frame){
        .vector = VECTOR_CHANGED,
        .rip = first->base + first->image.entry,
        .cs = USER_CS,
        .rflags = RFLAGS_USER,
        .rsp = e->sp,
        .ss = USER_DS,
    };
}

/* The thread as a program finds it at its start. */
static void reset_thread(struct thread *thread)
{
    thread->fs_base = 0;
    thread->gs_base = 0;
    thread->fpu = cpu_fpu_fresh;
    thread->altstack = (struct stack){.flags = SS_DISABLE};
    thread->clear_child_tid = 0;
    thread->robust_list = 0;
    if (thread != thread_current())
        return;
    cpu_set_fs_base(0);
    cpu_set_gs_base(0);
    cpu_fpu_load(&cpu_fpu_fresh);
}

/* What maps says of the file, without " (deleted)". */
static size_t length_of_name(const char *name)
{
    static const char deleted[] = " (deleted)";
    size_t length = strlen(name), end = sizeof(deleted) - 1;

    return length >= end && strcmp(name + length - end, deleted) == 0 ? length - end : length;
}

/*
 * The name that the program was called by, without its directories; where that was but a descriptor,
 * the file's own name.
 */
static void set_name(struct exec *e)
{
    bool unnamed = !*e->source->path;
    const char *name = unnamed ? object_name(e->program.object) : e->name;
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    size_t length = unnamed ? length_of_name(last) : strlen(last);

    strlcpy(e->process->name, last, min_u64(length + 1, sizeof(e->process->name)));
}

/* The change from the old program to the new one. Nothing here can fail. */
static void commit(struct exec *e, struct trap_frame *frame)
{
    struct process *process = e->process;
    struct mm *old_mm = process->mm;
    struct file *old_file = process->exe;

    port_unlock_write(&e->mm->lock);
    process->mm = e->mm;
    process->exe = file_get(e->program.file);
    e->mm = NULL;
    cpu_load_mm(process->mm);
    if (old_mm)
        mm_put(old_mm);
    process_vfork_done(process);
    process->execed = true;
    if (old_file)
        file_put(old_file);
    files_close_on_exec(process->files);
    signal_clear_handlers(process);
    reset_thread(process->threads);
    set_name(e);
    set_registers(e, frame);
}

void exec_close(struct exec_file *file)
{
    kfree(file->table, file->image.phnum * sizeof(*file->table));
    if (file->file)
        file_put(file->file);
}

/* Free what was made for the attempt; after a commit the process has the rest. */
static void release(struct exec *e)
{
    if (e->mm) {
        port_unlock_write(&e->mm->lock);
        mm_put(e->mm);
    }
    kfree(e->page, PAGE_SIZE);
    kfree(e->sizes, e->sizes_max * sizeof(*e->sizes));
    exec_close(&e->program);
    exec_close(&e->interp);
}

long exec(struct process *process, const struct exec_source *source, struct exec_vector argv,
          struct exec_vector envp, struct trap_frame *frame)
{
    struct exec *e = kmalloc(sizeof(*e));
    long err;

    if (!e)
        return -ENOMEM;
    e->process = process;
    e->source = source;
    e->name = source->name;
    e->argv = argv;
    e->envp = envp;
    err = prepare(e);
    if (!err && !(source->flags & AT_EXECVE_CHECK)) {
        err = build(e);
        if (!err)
            commit(e, frame);
    }
    release(e);
    kfree(e, sizeof(*e));
    return err;
}
