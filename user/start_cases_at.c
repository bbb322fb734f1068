/*
 * execveat: a program by a descriptor, or by a name from a directory on. It is this one, which then is script_check().
 * And programs that did not come with the system.
 */
#define _GNU_SOURCE
#include "start_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

struct call {
    int fd;
    const char *path;
    int flags;
    const char *name; /* that the program is to know itself by */
    const char *script;
    const char *comm; /* where it is not the end of the name */
};

static bool linux_before(int version)
{
    struct utsname kernel;
    int major, minor;

    uname(&kernel);
    return sscanf(kernel.release, "%d.%d", &major, &minor) == 2 && major * 100 + minor < version;
}

/* The errno, plus 200, as exit status; or what script_check() says of "--script" twice. */
static int execute(void *arg)
{
    struct call *c = arg;
    char variable[600], comm[100];
    char *argv[] = {"--script", "--script", NULL};
    char *envp[] = {variable, c->comm ? comm : NULL, NULL};
    char *of_script[] = {"", own_path, "--script", (char *)c->name, NULL};

    snprintf(variable, sizeof(variable), "SCRIPT=%s", c->name);
    snprintf(comm, sizeof(comm), "COMM=%s", c->comm);
    syscall(SYS_execveat, c->fd, c->path, c->script ? of_script : argv, envp, c->flags);
    return 200 + errno;
}

static void expect(int fd, const char *path, int flags, int status)
{
    struct call c = {fd, path, flags, "/dev/fd/3", NULL, NULL};

    child_exits(child_start(execute, &c), status);
}

static const char *base_name(void)
{
    return strrchr(own_path, '/') + 1;
}

/*
 * The program starts, called by its file where there is no other name. argv[0] is not its path, which script_check()
 * finds after all else.
 */
static void starts(int fd, const char *path, int flags, const char *name)
{
    struct call c = {fd, path, flags, name, NULL, *path ? NULL : base_name()};

    child_exits(child_start(execute, &c), 103);
}

static int open_directory(void)
{
    char dir[512];

    snprintf(dir, sizeof(dir), "%.*s", (int)(base_name() - own_path), own_path);
    return open(dir, O_RDONLY | O_DIRECTORY);
}

static void by_name(void)
{
    int fd = open_directory();
    char name[600];

    snprintf(name, sizeof(name), "/dev/fd/%d/%s", fd, base_name());
    starts(fd, base_name(), 0, name);
    starts(fd, own_path, 0, own_path);
    starts(-1, own_path, 0, own_path);
    starts(AT_FDCWD, own_path, AT_SYMLINK_NOFOLLOW, own_path);
    expect(fd, "no such program", 0, 200 + ENOENT);
    expect(-1, base_name(), 0, 200 + EBADF);
    expect(fd, "", 0, 200 + ENOENT);
    expect(fd, "", AT_EMPTY_PATH, 200 + EACCES);
    expect(AT_FDCWD, "", AT_EMPTY_PATH, 200 + EACCES);
    expect(fd, base_name(), 1, 200 + EINVAL);
    close(fd);
}

/*
 * By the descriptor alone. With glibc's dynamic linker /proc is needed to find the program again, which it is; the name
 * is made by the kernel.
 */
static void by_descriptor(void)
{
    int flags[] = {O_RDONLY, O_PATH, O_RDONLY | O_CLOEXEC};
    char name[32];

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        int fd = open(own_path, flags[i]);

        snprintf(name, sizeof(name), "/dev/fd/%d", fd);
        starts(fd, "", AT_EMPTY_PATH, name);
        expect(fd, base_name(), 0, 200 + ENOTDIR);
        close(fd);
    }
    expect(-1, "", AT_EMPTY_PATH, 200 + EBADF);
}

/* A file that never had a name. */
static void by_memfd(void)
{
    struct call c = {-1, "", AT_EMPTY_PATH, "/dev/fd/9", NULL, "memfd:a program"};
    int from = open(own_path, O_RDONLY), to = (int)syscall(SYS_memfd_create, "a program", 0);
    char bytes[4096];
    long n;

    while ((n = read(from, bytes, sizeof(bytes))) > 0)
        CHECK_EQ("written", write(to, bytes, (size_t)n), n);
    close(from);
    c.fd = dup2(to, 9);
    child_exits(child_start(execute, &c), 103);
    close(to);
    close(9);
}

/* A script is told the name; where that leads nowhere for it, it is not started. */
static void script_by_descriptor(void)
{
    char text[600], name[32];
    int size = snprintf(text, sizeof(text), "#!%s --script\n", own_path);
    const char *path = write_program(0, text, (size_t)size);
    int fd = open(path, O_RDONLY), other = open(path, O_RDONLY | O_CLOEXEC);
    struct call c = {fd, "", AT_EMPTY_PATH, name, "script", base_name()};

    snprintf(name, sizeof(name), "/dev/fd/%d", fd);
    child_exits(child_start(execute, &c), 0);
    expect(other, "", AT_EMPTY_PATH, 200 + ENOENT);
    close(fd);
    close(other);
    remove_programs();
}

static void links(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/tmp/start_test.%d.link", (int)getpid());
    CHECK(!symlink(own_path, path), "symlink: %s", strerror(errno));
    expect(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 200 + ELOOP);
    starts(AT_FDCWD, path, 0, path);
    unlink(path);
}

/* Only the answer whether it may be executed. What is in the file does not matter then. */
static void check_only(void)
{
    const char *text = write_program(0, "neither program nor script\n", 27);

    if (linux_before(614))
        tap_skip("since Linux 6.14");
    else {
        EXPECT(SYS(SYS_execveat, AT_FDCWD, text, NULL, NULL, AT_EXECVE_CHECK), 0);
        EXPECT(SYS(SYS_execveat, AT_FDCWD, own_path, NULL, NULL, AT_EXECVE_CHECK), 0);
        EXPECT(SYS(SYS_execveat, AT_FDCWD, "/tmp", NULL, NULL, AT_EXECVE_CHECK), -EACCES);
        EXPECT(SYS(SYS_execveat, AT_FDCWD, "/no/such", NULL, NULL, AT_EXECVE_CHECK), -ENOENT);
        EXPECT(SYS(SYS_execveat, AT_FDCWD, own_path, 16, NULL, AT_EXECVE_CHECK), -EFAULT);
    }
    remove_programs();
}

/* 0 when /proc/self/exe, and the map of this function, say @name. */
static int is_called(const char *name)
{
    struct map_line line;
    char seen[512] = "";

    if (readlink("/proc/self/exe", seen, sizeof(seen) - 1) < 0 || strcmp(seen, name))
        return 1;
    if (maps_read(&line, 1, (uint64_t)is_called, (uint64_t)is_called + 1) != 1)
        return 2;
    return strcmp(line.name, name) ? 3 : 0;
}

/* The name that it was executed by is argv[0]. It gets others, then none, and executes itself nevertheless. */
int be_moved(int argc, char **argv)
{
    char other[200], gone[220];
    char *again[] = {"again", "--be", "called", gone, NULL};

    snprintf(other, sizeof(other), "%s.moved", argv[0]);
    snprintf(gone, sizeof(gone), "%s (deleted)", other);
    if (argc != 1 || is_called(argv[0]))
        return 10 + is_called(argv[0]);
    if (rename(argv[0], other) || is_called(other))
        return 20 + is_called(other);
    if (unlink(other) || is_called(gone))
        return 30 + is_called(gone);
    execv("/proc/self/exe", again);
    return 40;
}

int be_called(int argc, char **argv)
{
    return argc == 1 ? is_called(argv[0]) : 50;
}

/* Nobody may write to the program at argv[0], which runs. */
int be_busy(int argc, char **argv)
{
    if (argc != 1 || open(argv[0], O_WRONLY) >= 0 || errno != ETXTBSY)
        return 1;
    if (open(argv[0], O_RDWR | O_APPEND) >= 0 || errno != ETXTBSY)
        return 2;
    if (open(argv[0], O_RDONLY | O_TRUNC) >= 0 || errno != ETXTBSY)
        return 3;
    if (truncate(argv[0], 1) == 0 || errno != ETXTBSY)
        return 4;
    if (close(open(argv[0], O_RDONLY)) || close(open(argv[0], O_PATH)))
        return 5;
    return 0;
}

struct copy {
    const char *path, *role;
};

static int execute_copy(void *arg)
{
    struct copy *copy = arg;
    char *argv[] = {"a copy", "--be", (char *)copy->role, (char *)copy->path, NULL};

    execv(copy->path, argv);
    return 100 + errno;
}

/* A program that did not come with the system; /proc tells what it is called now. */
static void new_file(void)
{
    struct copy copy = {write_copy(0), "moved"};

    child_exits(child_start(execute_copy, &copy), 0);
    CHECK(access(copy.path, F_OK), "%s is still there", copy.path);
    remove_programs();
}

static void busy_file(void)
{
    struct copy copy = {write_copy(0), "busy"};
    int fd;

    child_exits(child_start(execute_copy, &copy), 0);
    fd = open(copy.path, O_WRONLY);
    CHECK(fd >= 0, "open() after it has run: %s", strerror(errno));
    child_exits(child_start(execute_copy, &copy), 100 + ETXTBSY);
    close(fd);
    child_exits(child_start(execute_copy, &copy), 0);
    remove_programs();
}

static const struct suite_case cases[] = {
    {"execveat: a name", by_name},
    {"execveat: a descriptor", by_descriptor},
    {"execveat: a file in memory", by_memfd},
    {"execveat: a script's descriptor", script_by_descriptor},
    {"execveat: symbolic links", links},
    {"execveat: AT_EXECVE_CHECK", check_only},
    {"a new file, renamed and removed while it runs", new_file},
    {"a file that runs is not written to", busy_file},
};

const struct suite_table at_cases = {cases, ARRAY_SIZE(cases)};
