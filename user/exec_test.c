/*
 * exec_test: execve() that fails must leave everything as it was: memory, mappings, open files.
 *
 * Malformed programs are in /bad (or the directory given by the first argument or by BAD_DIR), written there by
 * make_bad_elfs.py. Three things can happen to such a file:
 *
 *   refused: execve() returns an errno. The only right outcome on Realign, where exec is atomic.
 *   killed:  Linux finds some defects only after the old image is gone, and kills the process. There each attempt
 *            is made by a child. Realign must refuse all that Linux kills for.
 *   ran:     a field that the kernel has no use for. The program then executes its argv[0], this test, which goes
 *            on where it stopped.
 */
#define _GNU_SOURCE
#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAN 99      /* exit status of a child that ran after all; no errno of execve() */
#define CHANGED 128 /* added to the errno: it failed, but something is no longer as it was */
#define KILLED 256
#define WITNESS_PAGES 64

extern char **environ;
static char own_path[512];
static const char *bad_dir = "/bad";

/* ---- What must stay as it was ---- */

static struct {
    char *pages;        /* with a pattern */
    char **edge;        /* the last 16 pointers before a page that cannot be read */
    char maps[KIB(32)]; /* /proc/self/maps */
    int fd;             /* own executable, close-on-exec, read up to @offset */
    long offset;
    long brk;
} witness;

static void witness_set(void)
{
    witness.pages = mmap(NULL, WITNESS_PAGES * PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint64_t i = 0; i < WITNESS_PAGES; i++)
        pattern_fill(witness.pages + i * PAGE, i + 1);
    witness.edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect((char *)witness.edge + PAGE, PAGE, PROT_NONE);
    witness.edge += PAGE / sizeof(char *) - 16;
    for (size_t i = 0; i < 16; i++)
        witness.edge[i] = own_path;
    witness.fd = open(own_path, O_RDONLY | O_CLOEXEC);
    witness.offset = lseek(witness.fd, 123, SEEK_SET);
    witness.brk = syscall(SYS_brk, 0);
    read_file("/proc/self/maps", witness.maps, sizeof(witness.maps));
}

/* Whether all is as it was when the witness was set; if not, says what. */
static bool witness_agrees(void)
{
    static char maps[KIB(32)];

    for (uint64_t i = 0; i < WITNESS_PAGES; i++)
        CHECK(pattern_check(witness.pages + i * PAGE, i + 1) == PAGE, "page %lu changed", i);
    CHECK_EQ("file offset", lseek(witness.fd, 0, SEEK_CUR), witness.offset);
    CHECK_EQ("brk", syscall(SYS_brk, 0), witness.brk);
    read_file("/proc/self/maps", maps, sizeof(maps));
    if (strcmp(maps, witness.maps)) {
        tap_fail("the mappings changed");
        maps_show(0, -1ul);
    }
    return !tap_failing();
}

/* ---- Attempts ---- */

struct attempt {
    const char *path;
    char **argv;
    char **envp;
};

/* In this process: the errno, plus CHANGED. */
static int try_here(const struct attempt *a)
{
    int error;

    syscall(SYS_execve, a->path, a->argv, a->envp);
    error = errno;
    return witness_agrees() ? error : error | CHANGED;
}

/* In a child, which can be killed. */
static int try_in_child(const struct attempt *a)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid)
        _exit(try_here(a));
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static int try_exec(const struct attempt *a)
{
    return on_realign() ? try_here(a) : try_in_child(a);
}

/* ---- Malformed programs ---- */

enum {
    MAY_KILL = 1, /* Linux kills for it; Realign must refuse */
    MAY_RUN = 2,  /* Linux does not mind */
    MUST_RUN = 4,
    EXACT = 8, /* none but the errors named */
};

struct bad_file {
    const char *name;
    unsigned allowed;
    int errors[4]; /* besides ENOEXEC */
};

static const struct bad_file bad_files[] = {
    {"good", MUST_RUN, {0}},
    {"directory", 0, {EACCES, EISDIR}},
    {"not_executable", 0, {EACCES}},
    {"empty", 0, {0}},
    {"one_byte", 0, {0}},
    {"text", 0, {0}},
    {"script_without_interpreter", EXACT, {ENOENT}},
    {"script_without_name", 0, {0}},
    {"script_only_marks", EXACT, {EACCES}},
    {"script_name_cut", 0, {0}},
    {"script_blanks", 0, {0}},
    {"script_of_itself", EXACT, {ELOOP}},
    {"script_of_directory", EXACT, {EACCES}},
    {"script_of_text", 0, {0}},
    {"script_not_executable", EXACT, {EACCES}},
    {"script_of_bad_elf", 0, {0}},
    {"zeros", 0, {0}},
    {"cut_in_header", 0, {0}},
    {"cut_after_header", 0, {EIO}},
    {"cut_in_phdrs", 0, {EIO}},
    {"cut_in_half", MAY_KILL, {EIO}},
    {"bad_magic", 0, {0}},
    {"class_32", MAY_RUN, {0}},
    {"big_endian", MAY_RUN, {0}},
    {"wrong_machine", 0, {0}},
    {"type_relocatable", 0, {0}},
    {"type_core", 0, {0}},
    {"phentsize_too_small", 0, {0}},
    {"phentsize_too_large", 0, {0}},
    {"phnum_zero", 0, {0}},
    {"phnum_beyond_file", 0, {EIO}},
    {"phoff_beyond_file", 0, {EIO}},
    {"phoff_wraps", 0, {EIO, EINVAL}},
    {"phoff_near_end", 0, {EIO}},
    {"no_load", MAY_KILL, {EINVAL}},
    {"filesz_above_memsz", MAY_KILL, {EINVAL}},
    {"filesz_beyond_file", MAY_KILL, {EINVAL, EIO, ENOMEM}},
    {"filesz_wraps", MAY_KILL, {EINVAL, EIO, ENOMEM}},
    {"offset_beyond_file", MAY_KILL, {EINVAL, EIO}},
    {"offset_wraps", MAY_KILL, {EINVAL, EIO}},
    {"offset_not_congruent", MAY_KILL, {EINVAL}},
    {"vaddr_zero", MAY_KILL, {EINVAL, EPERM, ENOMEM}},
    {"vaddr_last_page", MAY_KILL, {EINVAL, ENOMEM}},
    {"vaddr_kernel", MAY_KILL, {EINVAL, ENOMEM}},
    {"vaddr_not_canonical", MAY_KILL, {EINVAL, ENOMEM}},
    {"vaddr_ends_above_task_size", MAY_KILL, {EINVAL, ENOMEM}},
    {"memsz_above_task_size", MAY_KILL, {EINVAL, ENOMEM}},
    {"memsz_wraps", MAY_KILL, {EINVAL, ENOMEM}},
    {"segments_overlap", MAY_KILL, {EINVAL}},
    {"segments_descend", MAY_KILL | MAY_RUN, {EINVAL}},
    {"align_not_power_of_two", MAY_RUN, {EINVAL}},
    {"align_huge", MAY_RUN, {EINVAL, ENOMEM}},
    {"align_huge_of_pie", MAY_KILL, {EINVAL}},
    {"entry_zero", MAY_KILL, {EINVAL, EFAULT}},
    {"entry_kernel", MAY_KILL, {EINVAL, EFAULT}},
    {"entry_not_canonical", MAY_KILL, {EINVAL, EFAULT}},
    {"interp_missing", EXACT, {ENOENT}},
    {"interp_not_terminated", 0, {0}},
    {"interp_too_long", 0, {0}},
    {"interp_empty", 0, {0}},
    {"interp_of_one_byte", 0, {0}},
    {"interp_beyond_file", EXACT, {EIO}},
    {"interp_offset_wraps", 0, {EIO, EINVAL}},
    {"interp_no_name", EXACT, {EACCES}},
    {"interp_directory", EXACT, {EACCES}},
    {"interp_below_file", EXACT, {ENOTDIR}},
    {"interp_not_executable", EXACT, {EACCES}},
    {"interp_is_empty", EXACT, {EIO}},
    {"interp_cut_in_header", EXACT, {EIO}},
    {"interp_zeros", EXACT, {ELIBBAD}},
    {"interp_script", EXACT, {ELIBBAD}},
    {"interp_wrong_machine", EXACT, {ELIBBAD}},
    {"interp_phnum_zero", EXACT, {ELIBBAD}},
    {"interp_phoff_beyond_file", EXACT, {ELIBBAD}},
    {"interp_core", EXACT | MAY_KILL, {ELIBBAD}},
    {"interp_no_load", EXACT | MAY_KILL, {ELIBBAD}},
    {"interp_vaddr_kernel", EXACT | MAY_KILL, {ELIBBAD}},
    {"interp_memsz_wraps", EXACT | MAY_KILL, {ELIBBAD}},
    {"interp_entry_kernel", EXACT | MAY_KILL, {ELIBBAD}},
    {"interp_of_pie", MUST_RUN, {0}},
    {"interp_in_its_place", MUST_RUN, {0}},
    {"interp_twice", MUST_RUN, {0}},
};

static bool error_allowed(const struct bad_file *b, int error)
{
    if (error == ENOEXEC && b->errors[0] != EACCES && !(b->allowed & (MUST_RUN | EXACT)))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(b->errors); i++)
        if (b->errors[i] && b->errors[i] == error)
            return true;
    return false;
}

static void judge(const struct bad_file *b, int outcome)
{
    char name[80];

    if (outcome == RAN)
        CHECK(b->allowed & (MAY_RUN | MUST_RUN), "it ran");
    else if (outcome == KILLED)
        CHECK(b->allowed & MAY_KILL, "the process was killed");
    else if (outcome & CHANGED)
        tap_fail("execve() failed, and something changed");
    else
        CHECK(error_allowed(b, outcome), "errno %d: %s", outcome, strerror(outcome));
    snprintf(name, sizeof(name), "%s: %s", b->allowed & MUST_RUN ? "sound" : "malformed", b->name);
    tap_done(name);
}

/*
 * Try file @index. If it runs, it does so with "--resume index passed failed skipped directory" in this process on
 * Realign, or with "--exit" in a child.
 */
static int try_bad_file(size_t index)
{
    static char path[600], number[4][16];
    unsigned counts[3];
    char *resume[] = {own_path,  "--resume", number[0],       number[1],
                      number[2], number[3],  (char *)bad_dir, NULL};
    char *leave[] = {own_path, "--exit", NULL};

    tap_counts(&counts[0], &counts[1], &counts[2]);
    snprintf(path, sizeof(path), "%s/%s", bad_dir, bad_files[index].name);
    snprintf(number[0], sizeof(number[0]), "%zu", index);
    for (size_t i = 0; i < 3; i++)
        snprintf(number[i + 1], sizeof(number[0]), "%u", counts[i]);
    return try_exec(&(struct attempt){path, on_realign() ? resume : leave, environ});
}

/* Go where the malformed programs are: some name others. bad_dir becomes absolute. */
static bool enter_bad_dir(void)
{
    static char absolute[512];

    if (chdir(bad_dir) || !getcwd(absolute, sizeof(absolute)))
        return false;
    bad_dir = absolute;
    return true;
}

/* From file @first on. */
static void test_bad_files(size_t first)
{
    bool there = enter_bad_dir() || on_realign();

    for (size_t i = first; i < ARRAY_SIZE(bad_files); i++) {
        if (there)
            judge(&bad_files[i], try_bad_file(i));
    }
    if (!there) {
        tap_skip("no directory of malformed programs; see user/README.md");
        tap_done("malformed programs");
    }
}

/* ---- Other reasons to fail ---- */

static void expect_error(const char *name, const char *path, char **argv, char **envp, int error)
{
    int outcome = try_exec(&(struct attempt){path, argv, envp});

    if (outcome & CHANGED)
        tap_fail("execve() failed, and something changed");
    CHECK_EQ("errno", outcome & ~CHANGED, error);
    tap_done(name);
}

static void test_paths(char **argv)
{
    static char longer[5000], below[600];

    memset(longer, 'a', sizeof(longer) - 1);
    snprintf(below, sizeof(below), "%s/x", own_path);
    expect_error("path: not there", "/no/such/program", argv, environ, ENOENT);
    expect_error("path: empty", "", argv, environ, ENOENT);
    expect_error("path: below a file", below, argv, environ, ENOTDIR);
    expect_error("path: a directory", "/", argv, environ, EACCES);
    expect_error("path: too long", longer, argv, environ, ENAMETOOLONG);
    expect_error("path: NULL", NULL, argv, environ, EFAULT);
    expect_error("path: in the kernel's half", (char *)0xffff800000000000, argv, environ, EFAULT);
}

static void test_pointers(char **argv)
{
    char *bad = (char *)0xffff800000000000;
    char *bad_argv[] = {own_path, bad, NULL}, *bad_envp[] = {"A=1", (char *)16, NULL};

    expect_error("argv: bad pointer", own_path, (char **)bad, environ, EFAULT);
    expect_error("argv: bad pointer in it", own_path, bad_argv, environ, EFAULT);
    expect_error("envp: bad pointer", own_path, argv, (char **)16, EFAULT);
    expect_error("envp: bad pointer in it", own_path, argv, bad_envp, EFAULT);
    expect_error("argv: runs into a page without access", own_path, witness.edge, environ, EFAULT);
    expect_error("envp: runs into a page without access", own_path, argv, witness.edge, EFAULT);
}

/* The limits of arguments: 128 KiB for a string, a quarter of the stack's limit for all, pointers included. */
static void test_too_big(char **argv)
{
    static char string[KIB(128) + 1];
    static char *many[300000], *some[20];
    struct rlimit stack, less;

    memset(string, 's', sizeof(string) - 1);
    some[0] = string;
    expect_error("one string of 128 KiB", own_path, argv, some, E2BIG);
    for (size_t i = 0; i < ARRAY_SIZE(some) - 1; i++)
        some[i] = string + 4096;
    expect_error("2.3 MiB of strings", own_path, argv, some, E2BIG);
    expect_error("2.3 MiB of arguments", own_path, some, environ, E2BIG);
    for (size_t i = 0; i < ARRAY_SIZE(many) - 1; i++)
        many[i] = "";
    expect_error("2.6 MB of pointers and empty strings", own_path, argv, many, E2BIG);
    getrlimit(RLIMIT_STACK, &stack);
    less = (struct rlimit){MIB(1), stack.rlim_max};
    some[3] = NULL;
    setrlimit(RLIMIT_STACK, &less);
    expect_error("372 KiB of strings with a stack limit of 1 MiB", own_path, argv, some, E2BIG);
    setrlimit(RLIMIT_STACK, &stack);
}

/* Each failing exec must give back every frame it took. */
static void test_frames(void)
{
    static struct vmstat v;
    uint64_t before = 0;

    if (!on_realign()) {
        tap_skip("other programs use memory, too");
        tap_done("how: no frame is lost by failing execs");
        return;
    }
    for (int round = 0; round < 2; round++) {
        vmstat_read(&v);
        before = vmstat_get(&v, "nr_free_pages");
        for (size_t i = 0; i < ARRAY_SIZE(bad_files); i++)
            if (!(bad_files[i].allowed & (MAY_RUN | MUST_RUN)))
                try_bad_file(i);
    }
    vmstat_read(&v);
    CHECK_EQ("free frames", vmstat_get(&v, "nr_free_pages"), before);
    tap_done("how: no frame is lost by failing execs");
}

/* At last one that succeeds: the new image has the counts and prints the totals. */
static void exec_and_end(void)
{
    char number[3][16];
    char *argv[] = {own_path, "--after", number[0], number[1], number[2], NULL};
    unsigned counts[3];

    tap_counts(&counts[0], &counts[1], &counts[2]);
    for (size_t i = 0; i < 3; i++)
        snprintf(number[i], sizeof(number[i]), "%u", counts[i]);
    execve(own_path, argv, environ);
    tap_fail("execve() of %s: %s", own_path, strerror(errno));
}

static int end(void)
{
    static char line[KIB(4)];

    CHECK(read_file("/proc/self/maps", line, sizeof(line)) > 0, "the new image has no maps");
    tap_done("a sound program runs, after all that");
    return tap_end();
}

int main(int argc, char **argv)
{
    const char *dir = getenv("BAD_DIR");
    size_t first = 0;
    bool resumed = argc == 7 && !strcmp(argv[1], "--resume");

    if (argc == 2 && !strcmp(argv[1], "--exit"))
        return RAN;
    if (readlink("/proc/self/exe", own_path, sizeof(own_path) - 1) < 0)
        return 1;
    if (argc == 5 && !strcmp(argv[1], "--after")) {
        tap_resume((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
        return end();
    }
    bad_dir = resumed ? argv[6] : argc > 1 ? argv[1] : dir ? dir : bad_dir;
    if (resumed) {
        first = (size_t)atoi(argv[2]);
        tap_resume((unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
        judge(&bad_files[first++], RAN);
    } else {
        tap_begin();
    }
    witness_set();
    if (!resumed) {
        test_paths(argv);
        test_pointers(argv);
        test_too_big(argv);
    }
    test_bad_files(first);
    test_frames();
    exec_and_end();
    return end();
}
