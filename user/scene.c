/*
 * scene: runs scenes, that is commands of user/scenes/scene.h, on the kernel below, and prints after each what its
 * trace says of it.
 *
 *     scene FILE...      each scene in a process of its own
 *     scene              commands from the standard input
 *
 * Realign tells the events of kinds mremap, pt, vma, tlb and refuse by way of /proc/trace. On Linux only the results
 * are shown. Scenes use low addresses, so the program is to be the position-independent one: scene_pie.
 *
 * `stack` and `shift` are done by exec: a child is executed with so many bytes of arguments. By how much exec
 * shifts its stack is the kernel's own affair, or that of its option stack_shift=.
 */
#define _GNU_SOURCE
#include "testlib.h"
#include "kernel/abi/mman.h"
#include "user/scenes/scene.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE "/proc/trace"
#define KINDS "mremap,pt,vma,tlb,refuse"
#define REALIGN "/proc/sys/vm/realign"
#define THP "/sys/kernel/mm/transparent_hugepage/enabled"
#define CHUNK 256 /* pages that are populated before the trace is read again */

/* Touched before anything is traced: the program's own faults are no part of a scene. */
static char text[MIB(1)], line[4096];
static uint64_t next_event; /* the number of the first that was not printed */
static uint64_t stack_bytes;
static bool traced, telling;

/* ---- The trace ---- */

static void say(const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(STDOUT_FILENO, bytes, length);

        if (n <= 0)
            _exit(1);
        bytes += n;
        length -= (size_t)n;
    }
}

static bool put(const char *path, const char *words)
{
    int fd = open(path, O_WRONLY);
    bool good = fd >= 0 && write(fd, words, strlen(words)) == (ssize_t)strlen(words);

    if (fd >= 0)
        close(fd);
    return good;
}

static void touch(volatile char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        bytes[i] = bytes[i];
}

/* From now on. Our own pages are written to before, for good. */
static void trace_on(void)
{
    touch(text, sizeof(text));
    touch(line, sizeof(line));
    telling = put(TRACE, KINDS);
    next_event = 0;
}

/* The next line of text[] at *at that is an event: its number to *number, its words are returned. NULL at the end. */
static char *next_line(char **at, uint64_t *number, size_t *length)
{
    while (**at) {
        char *start = *at, *words;

        *number = strtoul(start, &words, 10);
        *at += strcspn(start, "\n");
        *at += **at == '\n';
        if (words > start && *words == ' ') {
            *length = (size_t)(*at - words) - 2;
            return words + 2;
        }
    }
    return NULL;
}

/* Print the events that came since the last time, without their numbers. */
static void tell(void)
{
    char *at = text, *words;
    uint64_t number;
    size_t length;

    if (!telling || read_file(TRACE, text, sizeof(text)) <= 0)
        return;
    while ((words = next_line(&at, &number, &length))) {
        if (number >= next_event) {
            say(words, length);
            next_event = number + 1;
        }
    }
}

/* ---- Commands ---- */

/* One page in each @step bytes; all for 0. */
static long populate(uint64_t start, uint64_t len, uint64_t step)
{
    uint64_t chunk = step ? PAGE : CHUNK * PAGE;
    unsigned count = 0;
    long err = 0;

    for (uint64_t off = 0; !err && off < len; off += step ? step : chunk) {
        uint64_t left = len - off;

        err = SYS(SYS_madvise, start + off, left < chunk ? left : chunk, MADV_POPULATE_WRITE);
        if (!step || ++count % CHUNK == 0)
            tell();
    }
    return err;
}

/* In the child: this program again, with arguments of so many bytes that the stack has as many pages as asked for. */
static void execute(void)
{
    static char *argv[200];
    const struct rlimit limit = {MIB(64), MIB(64)};
    static char *const none[] = {NULL};
    uint64_t left = stack_bytes - KIB(1);
    unsigned n = 0;

    argv[n++] = "scene";
    argv[n++] = "--nothing";
    setrlimit(RLIMIT_STACK, &limit);
    while (left > 1 && n + 1 < ARRAY_SIZE(argv)) {
        size_t length = left < KIB(100) ? left : KIB(100);

        argv[n] = malloc(length);
        memset(argv[n], 'x', length);
        argv[n++][length - 1] = '\0';
        left -= length;
    }
    if (traced)
        put(TRACE, "mremap,pt,tlb");
    execve("/proc/self/exe", argv, none);
    _exit(127);
}

/* Of what exec told, from the move of the stack to the flush after it. */
static void tell_shift(void)
{
    char *at = text, *words;
    bool moving = false;
    uint64_t number;
    size_t length;

    if (!traced || read_file(TRACE, text, sizeof(text)) <= 0)
        return;
    while ((words = next_line(&at, &number, &length))) {
        moving |= strncmp(words, "move ", 5) == 0;
        if (moving)
            say(words, length);
        if (moving && strncmp(words, "flush ", 6) == 0)
            break;
    }
}

static long shift(void)
{
    pid_t child = stack_bytes >= PAGE ? fork() : -EINVAL;
    int status = 0;

    if (child == 0)
        execute();
    if (child < 0)
        return child;
    waitpid(child, &status, 0);
    put(TRACE, "off");
    telling = false;
    tell_shift();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static long obey(const struct scene_command *c)
{
    static const char *const realign[] = {"off", "pmd", "full"};
    static const char *const thp[] = {"never", "madvise", "always"};
    const uint64_t *v = c->value;

    switch (c->verb) {
    case SCENE_MMAP:
        return raw_mmap(v[0], v[1], (int)c->rights, (int)c->flags, -1, 0);
    case SCENE_POPULATE:
        return populate(v[0], v[1], v[2]);
    case SCENE_MREMAP:
        return raw_mremap(v[0], v[1], v[2], c->flags, v[3]);
    case SCENE_MUNMAP:
        return SYS(SYS_munmap, v[0], v[1]);
    case SCENE_MPROTECT:
        return SYS(SYS_mprotect, v[0], v[1], c->rights);
    case SCENE_MADVISE:
        return SYS(SYS_madvise, v[0], v[1], c->choice);
    case SCENE_REALIGN:
        return put(REALIGN, realign[c->choice]) ? 0 : -ENOENT;
    case SCENE_THP:
        return put(THP, thp[c->choice]) ? 0 : -ENOENT;
    case SCENE_STACK:
        stack_bytes = v[0];
        return 0;
    default:
        return shift();
    }
}

/* ---- Lines ---- */

static void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *fmt, ...)
{
    char words[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    say(words, (size_t)n < sizeof(words) ? (size_t)n : sizeof(words) - 1);
}

/* False when the line is not understood. */
static bool run_line(void)
{
    struct scene_command command;
    struct scene_problem problem;
    long result;

    switch (scene_read(line, &command, &problem)) {
    case SCENE_NOTHING:
        return true;
    case SCENE_WRONG:
        print("scene: %.*s: %s\n", (int)(problem.length ? problem.length : strcspn(line, "\n")),
              problem.length ? problem.at : line, problem.words);
        return false;
    default:
        break;
    }
    print("> %.*s\n", (int)strcspn(line, "\n"), line);
    if (traced && !telling)
        trace_on();
    result = obey(&command);
    tell();
    if (result > 0)
        print("= 0x%lx\n", result);
    else if (result < 0)
        print("= %ld: %s\n", result, strerror((int)-result));
    return true;
}

static bool run_lines(FILE *file)
{
    bool good = true;

    traced = on_realign();
    while (fgets(line, sizeof(line), file))
        good &= run_line();
    if (traced)
        put(TRACE, "off");
    return good;
}

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "r");
    int status = 0;
    pid_t child;

    if (!file) {
        print("scene: %s: %s\n", path, strerror(errno));
        return false;
    }
    print("# %s\n", path);
    child = fork();
    if (child == 0) {
        usleep(20000); /* until we wait, and do nothing that could be traced */
        _exit(run_lines(file) ? 0 : 1);
    }
    fclose(file);
    waitpid(child, &status, 0);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    bool good = true;

    if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    if (argc == 1)
        return run_lines(stdin) ? 0 : 1;
    for (int i = 1; i < argc; i++)
        good &= run_file(argv[i]);
    return good ? 0 : 1;
}
