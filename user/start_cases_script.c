/*
 * Scripts. Each names this program as its interpreter, which is told the arguments that it is to have: behind the
 * script's name follow once more all that it should see before them. So it can compare the two halves.
 */
#define _GNU_SOURCE
#include "start_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define MARK "--script"
#define ARGS_MAX 40

static char dir[64], script[10][80]; /* the directory, and scripts in it */

bool script_started(int argc, char **argv)
{
    return argc > 1 && !strncmp(argv[1], MARK, strlen(MARK));
}

/* As the interpreter: 0, or the number of the argument that is wrong, 50 and an odd argc, 100 and more. */
int script_check(int argc, char **argv)
{
    const char *name = getenv("SCRIPT"), *slash = strrchr(name ? name : "", '/');
    const char *expected = getenv("COMM") ? getenv("COMM") : slash + 1;
    char line[512] = "", comm[17] = "";
    int half = argc / 2;

    if (argc % 2 || !slash)
        return 50 + argc;
    for (int i = 0; i < half; i++)
        if (strcmp(argv[i], argv[half + i]))
            return 1 + i;
    if (strcmp((const char *)getauxval(AT_EXECFN), name))
        return 101;
    if (prctl(PR_GET_NAME, comm) || strncmp(comm, expected, 15))
        return 102;
    if (readlink("/proc/self/exe", line, sizeof(line) - 1) < 0 || strcmp(line, argv[0]))
        return 103;
    return 0;
}

const char *write_program(size_t i, const char *text, size_t size)
{
    int fd;

    if (!*dir) {
        snprintf(dir, sizeof(dir), "/tmp/start_test.%d", (int)getpid());
        mkdir(dir, 0755);
    }
    snprintf(script[i], sizeof(script[i]), "%s/script%zu", dir, i);
    fd = open(script[i], O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(fd >= 0, "%s: %s", script[i], strerror(errno));
    CHECK_EQ("written", write(fd, text, size), size);
    close(fd);
    chmod(script[i], 0755);
    return script[i];
}

const char *write_copy(size_t i)
{
    int fd = open(own_path, O_RDONLY);
    long size = lseek(fd, 0, SEEK_END);
    void *text = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    const char *path = write_program(i, text, (size_t)size);

    munmap(text, (size_t)size);
    close(fd);
    return path;
}

void remove_programs(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(script); i++)
        if (*script[i])
            unlink(script[i]);
    rmdir(dir);
    *dir = '\0';
}

/* "#!", this program, @rest. */
static void write_line(size_t i, const char *rest)
{
    char text[1024];
    int size = snprintf(text, sizeof(text), "#!%s%s", own_path, rest);

    write_program(i, text, (size_t)size);
}

struct call {
    const char *name;
    char **argv;
};

/* execve() with nothing but SCRIPT in the environment; the errno as exit status, or what the interpreter finds. */
static int execute(void *arg)
{
    struct call *c = arg;
    char variable[100];
    char *envp[] = {variable, NULL};

    snprintf(variable, sizeof(variable), "SCRIPT=%s", c->name);
    execve(c->name, c->argv, envp);
    return 200 + errno;
}

/* Execute script[@i], which must come to this program with the @count arguments at @seen. */
static void expect_args(size_t i, size_t count, const char *const *seen)
{
    const char *argv[ARGS_MAX] = {"not to be seen"};
    struct call c = {script[i], (char **)argv};

    for (size_t j = 0; j < count; j++)
        argv[1 + j] = seen[j];
    child_exits(child_start(execute, &c), 0);
}

static void expect_error(const char *name, int error)
{
    char *argv[] = {"not to be seen", NULL};
    struct call c = {name, argv};

    child_exits(child_start(execute, &c), 200 + error);
}

/* @rest of the line makes one argument, @argument. */
static void one_argument(const char *rest, const char *argument)
{
    write_line(0, rest);
    expect_args(0, 3, (const char *[]){own_path, argument, script[0]});
    remove_programs();
}

static void argument(void)
{
    one_argument(" " MARK "\n", MARK);
    one_argument(" \t" MARK " \t\nmore\n", MARK);
    one_argument(" " MARK "  with blanks\tand more \n", MARK "  with blanks\tand more");
    one_argument(" " MARK " cut by a NUL", MARK " cut by a NUL");
}

static void no_newline(void)
{
    one_argument(" " MARK, MARK);
    one_argument(" " MARK " ", MARK " ");
}

static void first_blanks(void)
{
    char text[600];
    int size = snprintf(text, sizeof(text), "#! \t %s " MARK "\n", own_path);

    write_program(0, text, (size_t)size);
    expect_args(0, 3, (const char *[]){own_path, MARK, script[0]});
    remove_programs();
}

/* Of the first line only 255 bytes are taken. */
static void long_line(void)
{
    char rest[512], seen[512];
    size_t room = 255 - 2 - strlen(own_path) - 1;

    memset(rest, 'a', sizeof(rest));
    memcpy(rest, " " MARK, 1 + strlen(MARK));
    rest[sizeof(rest) - 1] = '\0';
    memcpy(seen, rest + 1, room);
    seen[room] = '\0';
    one_argument(rest, seen);
}

static void no_argv(void)
{
    char *argv[] = {NULL};
    struct call c = {script[0], argv};

    write_line(0, " " MARK "\n");
    child_exits(child_start(execute, &c), 50 + 3); /* the program, MARK, the script */
    remove_programs();
}

/* The name of the interpreter may be relative: to the working directory. */
static void relative(void)
{
    const char *slash = strrchr(own_path, '/');
    char text[600], was[512], in[512];
    int size = snprintf(text, sizeof(text), "#!./%s " MARK "\n", slash + 1);

    snprintf(in, sizeof(in), "%.*s", (int)(slash - own_path) + 1, own_path);
    write_program(0, text, (size_t)size);
    CHECK(getcwd(was, sizeof(was)) && !chdir(in), "chdir: %s", strerror(errno));
    snprintf(text, sizeof(text), "./%s", slash + 1);
    {
        /* /proc/self/exe is not the name in argv[0] then; all else is. */
        const char *argv[] = {"not to be seen", text, MARK, script[0], NULL};
        struct call c = {script[0], (char **)argv};

        child_exits(child_start(execute, &c), 103);
    }
    CHECK(!chdir(was), "chdir: %s", strerror(errno));
    remove_programs();
}

/* script[0] names this program, each other the one before it. */
static void write_chain(size_t count)
{
    char text[100];

    write_line(0, " " MARK " 0\n");
    for (size_t i = 1; i < count; i++) {
        int size = snprintf(text, sizeof(text), "#!%s %zu\n", script[i - 1], i);

        write_program(i, text, (size_t)size);
    }
}

static void chain(void)
{
    write_chain(6);
    expect_args(1, 5, (const char *[]){own_path, MARK " 0", script[0], "1", script[1]});
    expect_args(4, 11,
                (const char *[]){own_path, MARK " 0", script[0], "1", script[1], "2", script[2],
                                 "3", script[3], "4", script[4]});
    expect_error(script[5], ELOOP);
    remove_programs();
}

static void expect_line(const char *text, size_t size, int error)
{
    write_program(0, text, size);
    expect_error(script[0], error);
    remove_programs();
}

static void refusals(void)
{
    char text[300];

    expect_line("", 0, ENOEXEC);
    expect_line("echo\n", 5, ENOEXEC);
    expect_line("#!\n", 3, ENOEXEC);
    expect_line("#! \t\n", 5, ENOEXEC);
    expect_line("#!", 2, EACCES);
    expect_line("#!  ", 4, EACCES);
    expect_line("#!/no/such\n", 11, ENOENT);
    expect_line("#!/tmp\n", 7, EACCES);
    expect_line("#!/proc/self/exe/x\n", 19, ENOTDIR);
    memset(text, 'a', sizeof(text));
    memcpy(text, "#!/", 3);
    expect_line(text, 256, ENOEXEC);
    expect_line(text, 255, ENOENT);
    text[255] = '\n';
    expect_line(text, sizeof(text), ENOENT);
    memset(text + 2, ' ', sizeof(text) - 2);
    expect_line(text, sizeof(text), ENOEXEC);
}

static void not_executable(void)
{
    write_line(0, " " MARK "\n");
    chmod(script[0], 0644);
    expect_error(script[0], EACCES);
    remove_programs();
    write_chain(2);
    chmod(script[0], 0600);
    expect_error(script[1], EACCES);
    remove_programs();
}

static const struct suite_case cases[] = {
    {"script: an argument", argument},
    {"script: no newline", no_newline},
    {"script: blanks before the name", first_blanks},
    {"script: a long line", long_line},
    {"script: no argv", no_argv},
    {"script: a relative interpreter", relative},
    {"script: of scripts", chain},
    {"script: what is none", refusals},
    {"script: may not be executed", not_executable},
};

const struct suite_table script_cases = {cases, ARRAY_SIZE(cases)};
