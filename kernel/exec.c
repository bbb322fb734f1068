#include "kernel/exec.h"

#include "kernel/abi/errno.h"
#include "kernel/boot.h"
#include "kernel/options.h"
#include "kernel/process.h"
#include "kernel/random.h"
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

/* Find the file, and its absolute name. */
static long find_file(struct exec *e)
{
    long err = path_lookup(e->process->cwd, e->name, PATH_FOLLOW, &e->path);

    if (err)
        return err;
    e->object = ramfs_object(e->path.inode);
    if (!e->object)
        return -EACCES;
    err = inode_permission(e->path.inode, X_OK);
    if (err)
        return err;
    e->exe_path = kmalloc(PATH_MAX);
    e->page = kmalloc(PAGE_SIZE);
    if (!e->exe_path || !e->page)
        return -ENOMEM;
    err = path_name(e->path.dir, e->path.name, e->exe_path, PATH_MAX);
    return err < 0 ? err : 0;
}

/* A new address space with nothing but the temporary stack in it. */
static long create_mm(struct exec *e)
{
    e->mm = mm_create();
    if (!e->mm)
        return -ENOMEM;
    port_lock_write(&e->mm->lock);
    process_apply_limits(e->process, e->mm);
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

static long build(struct exec *e)
{
    long err = find_file(e);

    if (!err)
        err = exec_count_args(e);
    if (!err)
        err = create_mm(e);
    if (!err)
        err = exec_copy_args(e);
    if (!err)
        err = exec_read_image(e);
    if (!err)
        err = exec_map_image(e);
    if (!err)
        err = shift_stack(e);
    if (!err)
        err = exec_finish_stack(e);
    return err;
}

static void set_registers(const struct exec *e, struct trap_frame *frame)
{
    *frame = (struct trap_frame){
        .vector = frame->vector,
        .rip = e->base + e->image.entry,
        .cs = USER_CS,
        .rflags = RFLAGS_USER,
        .rsp = e->sp,
        .ss = USER_DS,
    };
    cpu_set_fs_base(0);
    cpu_set_gs_base(0);
    cpu_reset_fpu();
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
    char *old_path = process->exe_path;

    port_unlock_write(&e->mm->lock);
    process->mm = e->mm;
    process->exe_path = e->exe_path;
    e->mm = NULL;
    e->exe_path = NULL;
    cpu_load_mm(process->mm);
    if (old_mm)
        mm_destroy(old_mm);
    kfree(old_path, PATH_MAX);
    files_close_on_exec(process->files);
    signal_exec(process);
    process->clear_child_tid = 0;
    process->robust_list = 0;
    set_name(e);
    set_registers(e, frame);
}

/* Free what was made for the attempt; after a commit the process has the rest. */
static void release(struct exec *e)
{
    if (e->mm) {
        port_unlock_write(&e->mm->lock);
        mm_destroy(e->mm);
    }
    kfree(e->table, e->image.phnum * sizeof(*e->table));
    kfree(e->exe_path, PATH_MAX);
    kfree(e->page, PAGE_SIZE);
    path_put(&e->path);
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
