/*
 * proc_test: /proc, and what of /sys programs read: the format of each file, byte for byte, and what is in it against
 * what system calls say of the same.
 *
 * usage: proc_test [NAME]: the cases whose names contain NAME.
 */
#include "proc_test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char text[MIB(8)];
uint64_t area;

/* ---- Reading ---- */

long slurp(const char *path)
{
    text[0] = '\0';
    return read_file(path, text, sizeof(text));
}

const char *must_slurp(const char *path)
{
    long n = slurp(path);

    CHECK(n >= 0, "%s: %s", path, strerror((int)-n));
    return text;
}

const char *of_process(pid_t pid, const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    return path;
}

int must_open(const char *path, int flags)
{
    int fd = open(path, flags);

    CHECK(fd >= 0, "open(%s): %s", path, strerror(errno));
    return fd;
}

long store(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY);
    long n;

    if (fd < 0)
        return -errno;
    n = SYS(SYS_write, fd, value, strlen(value));
    close(fd);
    return n;
}

const char *link_target(const char *path)
{
    static char target[4096];
    ssize_t n = readlink(path, target, sizeof(target) - 1);

    CHECK(n >= 0, "readlink(%s): %s", path, strerror(errno));
    target[n < 0 ? 0 : n] = '\0';
    return target;
}

const char *own_name(void)
{
    static char name[16];

    snprintf(name, sizeof(name), "%s", strrchr(own_path, '/') + 1);
    return name;
}

/* ---- Parsing ---- */

static bool is_digit(char c, unsigned base)
{
    return (c >= '0' && c <= '9') || (base == 16 && c >= 'a' && c <= 'f');
}

/* A number in @width columns, if that is not 0; negative ones when @sign. */
static bool scan_number(const char **at, unsigned base, long width, bool sign, uint64_t *value)
{
    const char *start = *at, *digits;
    bool negative;
    char *end;

    while (base == 10 && width && **at == ' ')
        ++*at;
    negative = sign && **at == '-';
    digits = *at += negative;
    if (!is_digit(*digits, base))
        return false;
    *value = strtoull(digits, &end, (int)base);
    *value = negative ? -*value : *value;
    *at = end;
    if (base == 10 && *digits == '0' && end > digits + 1)
        return false;
    if (!width)
        return true;
    return end - start == width || (end - start > width && *start != ' ' && *start != '0');
}

/* What stands before the next of @ends, or the end of the text. */
static bool scan_word(const char **at, const char *ends, char word[256])
{
    size_t length = strcspn(*at, ends);

    if (word)
        snprintf(word, 256, "%.*s", (int)length, *at);
    *at += length;
    return true;
}

static bool scan_item(const char **at, const char **format, va_list *args)
{
    uint64_t ignored, *value;
    char *width_end;
    long width = strtol(*format, &width_end, 10);

    *format = width_end;
    switch (*(*format)++) {
    case 'u':
        value = va_arg(*args, uint64_t *);
        return scan_number(at, 10, width, false, value ? value : &ignored);
    case 'i':
        value = va_arg(*args, uint64_t *);
        return scan_number(at, 10, width, true, value ? value : &ignored);
    case 'x':
        value = va_arg(*args, uint64_t *);
        return scan_number(at, 16, width, false, value ? value : &ignored);
    case 'w':
        return scan_word(at, " \t\n", va_arg(*args, char *));
    case 'l':
        return scan_word(at, "\n", va_arg(*args, char *));
    default: /* %_ */
        *at += strspn(*at, " ");
        return true;
    }
}

bool scan(const char **at, const char *format, ...)
{
    bool right = true;
    va_list args;

    va_start(args, format);
    while (right && *format) {
        if (*format == '%') {
            format++;
            right = scan_item(at, &format, &args);
        } else {
            right = **at == *format++;
            *at += right;
        }
    }
    va_end(args);
    return right;
}

uint64_t value_of(const char *lines, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = lines; *line;) {
        if (!strncmp(line, name, length) && line[length] == ':')
            return strtoull(line + length + 1, NULL, 10);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return UINT64_MAX;
}

uint64_t status_value(const char *name)
{
    return value_of(must_slurp("/proc/self/status"), name);
}

#define NAME_COLUMN 73

const char *parse_vma(const char *at, struct vma_line *v)
{
    const char *start = at;
    bool right = scan(&at, "%8x-%8x %w %8x %2x:%2x %u ", &v->start, &v->end, v->perms, &v->offset,
                      &v->major, &v->minor, &v->ino);
    size_t before = (size_t)(at - start);

    if (!right || strlen(v->perms) != 4)
        return NULL;
    scan(&at, "%_");
    scan(&at, "%l", v->name);
    if (*at != '\n')
        return NULL;
    /* A name starts in its column, or right behind a long line; without one, nothing does. */
    if (v->name[0] ? (size_t)(at - start) - strlen(v->name) !=
                         (before > NAME_COLUMN ? before : NAME_COLUMN)
                   : (size_t)(at - start) != before)
        return NULL;
    return at + 1;
}

/* ---- Memory ---- */

char *map_area(size_t at, size_t pages, int prot, int flags)
{
    long map = raw_mmap(area + at * PAGE, pages * PAGE, prot,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0);

    CHECK(map > 0, "mmap(): %s", strerror((int)-map));
    return (char *)(area + at * PAGE);
}

void unmap_area(size_t at, size_t pages)
{
    EXPECT(munmap((void *)(area + at * PAGE), pages * PAGE), 0);
}

void read_pages(const volatile char *start, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        (void)start[i * PAGE];
}

void write_pages(volatile char *start, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        start[i * PAGE] = (char)(i + 1);
}

int proc_role_args(int argc, char **argv);
int proc_role_sleep(int argc, char **argv);
int proc_role_threads(int argc, char **argv);

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {
        &maps_cases, &smaps_cases, &pagemap_cases, &status_cases,  &stat_cases,  &start_cases,
        &link_cases, &list_cases,  &system_cases,  &setting_cases, &trace_cases, NULL};
    static const struct suite_role roles[] = {
        {"args", proc_role_args},
        {"sleep", proc_role_sleep},
        {"threads", proc_role_threads},
        {NULL, NULL},
    };
    static const struct suite suite = {tables, roles};

    memset(text, ' ', sizeof(text)); /* so that reading changes nothing that is read */
    area = arena_find(GIB(4), GIB(1));
    return suite_main(argc, argv, &suite);
}
