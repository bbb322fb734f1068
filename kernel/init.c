/* The first program: found, started, and what is said when it has ended. */
#include "kernel/abi/errno.h"
#include "kernel/boot.h"
#include "kernel/exec.h"
#include "kernel/frames.h"
#include "kernel/initramfs.h"
#include "kernel/interrupts.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "kernel/paging.h"
#include "kernel/power.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"

#define ARGS_MAX 32

/* The exit status when init left frames or objects behind; above what tests use. */
#define STATUS_LEAK 105

/*
 * What was free and live before init, and what of it the files took. Programs change the files, so at the end all are
 * removed and those of the beginning counted as if they were there again.
 */
static uint64_t free_before, live_before, files_frames, files_objects;
static int init_status; /* STATUS_ */

/* What stands behind the word `--` on the command line, "" without one. */
static char *find_args(char *line)
{
    for (char *dashes = line; (dashes = strchr(dashes, '-')); dashes++)
        if ((dashes == line || dashes[-1] == ' ') && dashes[1] == '-' &&
            (dashes[2] == ' ' || !dashes[2]))
            return dashes + 2;
    return line + strlen(line);
}

/* Cut @rest into words, to @argv from 1 up; what is more than ARGS_MAX is left out. */
static void split_args(char *rest, const char *argv[ARGS_MAX + 1])
{
    for (unsigned count = 1; count < ARGS_MAX; count++) {
        while (*rest == ' ')
            rest++;
        if (!*rest)
            return;
        argv[count] = rest;
        while (*rest && *rest != ' ')
            rest++;
        if (*rest)
            *rest++ = '\0';
    }
}

/* What exec may say of a program, in words and by name. */
static const char *exec_words(long err)
{
    switch (-err) {
    case ENOENT:
        return "no such file (ENOENT)";
    case EACCES:
        return "not an executable file (EACCES)";
    case ENOTDIR:
        return "not a directory on the way (ENOTDIR)";
    case ELOOP:
        return "too many symbolic links (ELOOP)";
    case ENAMETOOLONG:
        return "name too long (ENAMETOOLONG)";
    case ENOEXEC:
        return "not a program that can run here (ENOEXEC)";
    case E2BIG:
        return "too many arguments (E2BIG)";
    case ENOMEM:
        return "out of memory (ENOMEM)";
    default:
        return "cannot be run";
    }
}

/* Descriptors 0, 1 and 2. */
static void open_console(struct process *process)
{
    struct path path;
    struct file *file;
    long err = path_lookup(inode_root, "/dev/console", PATH_FOLLOW, &path);

    if (!err)
        err = file_open(path.inode, O_RDWR | O_LARGEFILE, &file);
    if (!err)
        file_remember(file, &path);
    for (uint32_t fd = 0; !err && fd <= 2; fd++)
        err = files_set(process->files, fd, fd ? file_get(file) : file, false);
    if (err)
        boot_fail("/dev/console cannot be opened");
    path_put(&path);
}

static void load_files(void)
{
    uint64_t free = frames_free_count(), live = kmalloc_live();

    free += initramfs_load();
    free_before = frames_free_count() + paging_stack_spare();
    live_before = kmalloc_live();
    files_frames = free - frames_free_count();
    files_objects = live_before - live;
}

static struct process *create_init(void)
{
    struct process *process = process_create(INIT_PID, NULL);

    if (process)
        process->files = files_create();
    if (!process || !process->files || !thread_create(process, INIT_PID))
        boot_fail("not enough memory for a process");
    process->cwd = inode_get(inode_root);
    open_console(process);
    return process;
}

void init_ended(int status)
{
    init_status = status;
}

/* Say that so many @pieces of @what are lost, if any. */
static bool lost(const char *what, uint64_t pieces)
{
    if (pieces)
        log_err("%s: %lld lost", what, (long long)pieces);
    return pieces;
}

/* What a shell would say that its status was. */
static int exit_status(void)
{
    return init_status & 0x7f ? 128 + (init_status & 0x7f) : init_status >> 8;
}

/* Compare what is free with what was before init; power off. */
static _Noreturn void all_ended(void)
{
    uint64_t free, live;
    int status = exit_status();
    bool leak;

    initramfs_unload();
    if (option_flag("check"))
        mm_check_all();
    free = frames_free_count() + paging_stack_spare() - files_frames;
    live = kmalloc_live() + files_objects;
    log_info("frames: %llu free before init, %llu after", (unsigned long long)free_before,
             (unsigned long long)free);
    log_info("objects: %llu before init, %llu after", (unsigned long long)live_before,
             (unsigned long long)live);
    leak = lost("frames", free_before - free);
    leak |= lost("objects", live - live_before);
    power_off(status || !leak ? status : STATUS_LEAK);
}

_Noreturn void process_start_init(void)
{
    static const char *const environment[] = {"HOME=/", "TERM=linux", "PATH=/bin", NULL};
    static const char *argv[ARGS_MAX + 1];
    static char args[BOOT_CMDLINE_SIZE];
    const char *name = option("init") ? option("init") : "/init";
    struct process *process;
    long err;

    exec_init();
    sys_mm_init();
    interrupts_init();
    load_files();
    process = create_init();
    argv[0] = name;
    strlcpy(args, boot_cmdline(), sizeof(args));
    split_args(find_args(args), argv);

    err = exec(process, &(struct exec_source){.fd = AT_FDCWD, .path = name, .name = name},
               (struct exec_vector){.kernel = argv}, (struct exec_vector){.kernel = environment},
               thread_frame(process->threads));
    if (err) {
        log_err("init: %s: %s", name, exec_words(err));
        power_off(STATUS_BOOT_FAILED);
    }
    sched_run(process->threads);
    all_ended();
}
