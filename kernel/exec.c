#include "kernel/exec.h"

#include "kernel/abi/errno.h"
#include "kernel/boot.h"
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

long exec_open(const struct exec *e, const char *name, struct exec_file *file)
{
    long err = path_lookup(e->process->cwd, *name ? name : ".", PATH_FOLLOW, &file->path);

    if (err)
        return err;
    file->object = ramfs_object(file->path.inode);
    return file->object ? inode_permission(file->path.inode, X_OK) : -EACCES;
}

static long alloc_buffers(struct exec *e)
{
    e->page = kmalloc(PAGE_SIZE);
    return e->page ? 0 : -ENOMEM;
}

/* The program, which is no script any more, as /proc/PID/exe leads to it. */
static long open_program(struct exec *e)
{
    const struct path *path = &e->program.path;
    long err = file_open(path->inode, O_RDONLY, &e->exe);

    if (!err)
        file_remember(e->exe, path);
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

static long build(struct exec *e)
{
    long err = *e->name ? exec_open(e, e->name, &e->program) : -ENOENT;

    if (!err)
        err = alloc_buffers(e);
    if (!err)
        err = exec_count_args(e);
    if (!err)
        err = create_mm(e);
    if (!err)
        err = exec_copy_args(e);
    if (!err)
        err = exec_follow_scripts(e);
    if (!err)
        err = open_program(e);
    if (!err)
        err = exec_read_images(e);
    if (!err)
        err = exec_map_images(e);
    if (!err)
        err = shift_stack(e);
    if (!err)
        err = exec_finish_stack(e);
    if (!err)
        err = be_alone(e->process);
    return err;
}

static void set_registers(const struct exec *e, struct trap_frame *frame)
{
    const struct exec_file *first = e->interp.object ? &e->interp : &e->program;

    *frame = (struct trap_frame){
        .vector = frame->vector,
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

/* The name that the program was called by, without its directories. */
static void set_name(struct exec *e)
{
    const char *slash = strrchr(e->name, '/');

    strlcpy(e->process->name, slash ? slash + 1 : e->name, sizeof(e->process->name));
}

/* The change from the old program to the new one. Nothing here can fail. */
static void commit(struct exec *e, struct trap_frame *frame)
{
    struct process *process = e->process;
    struct mm *old_mm = process->mm;
    struct file *old_exe = process->exe;

    port_unlock_write(&e->mm->lock);
    process->mm = e->mm;
    process->exe = e->exe;
    e->mm = NULL;
    e->exe = NULL;
    cpu_load_mm(process->mm);
    if (old_mm)
        mm_put(old_mm);
    process_vfork_done(process);
    process->execed = true;
    if (old_exe)
        file_put(old_exe);
    files_close_on_exec(process->files);
    signal_clear_handlers(process);
    reset_thread(process->threads);
    set_name(e);
    set_registers(e, frame);
}

static void release_file(struct exec_file *file)
{
    kfree(file->table, file->image.phnum * sizeof(*file->table));
    path_put(&file->path);
}

/* Free what was made for the attempt; after a commit the process has the rest. */
static void release(struct exec *e)
{
    if (e->mm) {
        port_unlock_write(&e->mm->lock);
        mm_put(e->mm);
    }
    if (e->exe)
        file_put(e->exe);
    kfree(e->page, PAGE_SIZE);
    release_file(&e->program);
    release_file(&e->interp);
}

long exec(struct process *process, const char *name, struct exec_vector argv,
          struct exec_vector envp, struct trap_frame *frame)
{
    struct exec *e = kmalloc(sizeof(*e));
    long err;

    if (!e)
        return -ENOMEM;
    e->process = process;
    e->name = name;
    e->argv = argv;
    e->envp = envp;
    err = build(e);
    if (!err)
        commit(e, frame);
    release(e);
    kfree(e, sizeof(*e));
    return err;
}

/* execve(name, argv, envp) */
long sys_execve(struct trap_frame *frame)
{
    struct exec_vector argv = {.user = frame->rsi}, envp = {.user = frame->rdx};
    char *name = kmalloc(PATH_MAX);
    long err;

    if (!name)
        return -ENOMEM;
    err = strncpy_from_user(name, frame->rdi, PATH_MAX);
    if (err == PATH_MAX)
        err = -ENAMETOOLONG;
    if (err >= 0)
        err = exec(process_current(), name, argv, envp, frame);
    kfree(name, PATH_MAX);
    return err;
}
