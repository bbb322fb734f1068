#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Results ---- */

static struct tap {
    unsigned passed;
    unsigned failed;
    unsigned skipped;
    unsigned findings; /* against the running case */
    const char *skip;
    char text[8192]; /* the findings, each line ready to print */
    size_t text_len;
} own_tap, *tap = &own_tap;

void tap_begin(void)
{
    static char out[4096];

    setvbuf(stdout, out, _IOFBF, sizeof(out));
    if (!on_realign())
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* huge pages would make untouched pages resident */
    printf("TAP version 13\n");
    fflush(stdout);
}

void tap_share(void)
{
    struct tap *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        printf("Bail out! no shared memory: %s\n", strerror(errno));
        exit(1);
    }
    *shared = *tap;
    tap = shared;
}

void tap_resume(unsigned passed, unsigned failed, unsigned skipped)
{
    tap->passed = passed;
    tap->failed = failed;
    tap->skipped = skipped;
}

void tap_counts(unsigned *passed, unsigned *failed, unsigned *skipped)
{
    *passed = tap->passed;
    *failed = tap->failed;
    *skipped = tap->skipped;
}

/* Append one line of diagnostics; what no longer fits is left out. */
static void tap_note(const char *fmt, va_list args)
{
    char line[512] = "# ";
    int len = vsnprintf(line + 2, sizeof(line) - 3, fmt, args);
    size_t size = strnlen(line, sizeof(line) - 2) + 1, at;

    if (len < 0 || tap->text_len + size > sizeof(tap->text))
        return;
    line[size - 1] = '\n';
    at = __atomic_fetch_add(&tap->text_len, size, __ATOMIC_SEQ_CST);
    if (at + size <= sizeof(tap->text))
        memcpy(tap->text + at, line, size);
}

void tap_fail(const char *fmt, ...)
{
    va_list args;

    __atomic_fetch_add(&tap->findings, 1, __ATOMIC_SEQ_CST);
    va_start(args, fmt);
    tap_note(fmt, args);
    va_end(args);
}

static void tap_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tap_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tap_note(fmt, args);
    va_end(args);
}

/* -4095 to 65535 are errnos and counts. */
static const char *number_text(long n, char *buf, size_t size)
{
    snprintf(buf, size, n > -4096 && n < 65536 ? "%ld" : "%#lx", n);
    return buf;
}

void tap_check_equal(const char *what, long seen, long expected)
{
    char a[32], b[32];

    if (seen != expected)
        tap_fail("%s: expected %s, seen %s", what, number_text(expected, a, sizeof(a)),
                 number_text(seen, b, sizeof(b)));
}

void tap_skip(const char *reason)
{
    tap->skip = reason;
}

bool tap_failing(void)
{
    return tap->findings != 0;
}

void tap_done(const char *name)
{
    unsigned number = tap->passed + tap->failed + tap->skipped + 1;
    size_t len = tap->text_len < sizeof(tap->text) ? tap->text_len : sizeof(tap->text);

    if (tap->findings) {
        tap->failed++;
        printf("not ok %u - %s\n%.*s", number, name, (int)len, tap->text);
    } else if (tap->skip) {
        tap->skipped++;
        printf("ok %u - %s # SKIP %s\n", number, name, tap->skip);
    } else {
        tap->passed++;
        printf("ok %u - %s\n", number, name);
    }
    fflush(stdout);
    tap->findings = 0;
    tap->skip = NULL;
    tap->text_len = 0;
}

int tap_end(void)
{
    printf("1..%u\n", tap->passed + tap->failed + tap->skipped);
    printf("%u passed, %u failed", tap->passed, tap->failed);
    if (tap->skipped)
        printf(", %u skipped", tap->skipped);
    printf("\n");
    fflush(stdout);
    return tap->failed != 0;
}

/* ---- The kernel below ---- */

bool on_realign(void)
{
    static int known = -1;
    static struct vmstat v;

    if (known < 0) {
        vmstat_read(&v);
        known = vmstat_has(&v, "move_pte");
    }
    return known;
}

long raw_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags, uint64_t new)
{
    long ret = syscall(SYS_mremap, old, old_len, new_len, flags, new);

    return ret == -1 ? -errno : ret;
}

long raw_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    long ret = syscall(SYS_mmap, addr, len, prot, flags, fd, off);

    return ret == -1 ? -errno : ret;
}

long read_file(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return -errno;
    while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
    close(fd);
    return n < 0 ? -EIO : (long)len;
}

void vmstat_read(struct vmstat *v)
{
    v->text[0] = '\0';
    read_file("/proc/vmstat", v->text, sizeof(v->text));
}

/* Where the value of counter @name stands, or NULL. */
static const char *vmstat_find(const struct vmstat *v, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = v->text; *line;) {
        if (!strncmp(line, name, len) && line[len] == ' ')
            return line + len + 1;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}

bool vmstat_has(const struct vmstat *v, const char *name)
{
    return vmstat_find(v, name) != NULL;
}

uint64_t vmstat_get(const struct vmstat *v, const char *name)
{
    const char *value = vmstat_find(v, name);

    return value ? strtoull(value, NULL, 10) : 0;
}

/* ---- What is mapped ---- */

/* Parse "start-end perms offset dev inode   name" up to its newline. */
static void map_parse(const char *line, struct map_line *m)
{
    char *at;
    size_t len = 0;

    m->start = strtoull(line, &at, 16);
    m->end = strtoull(at + 1, &at, 16);
    memcpy(m->perms, at + 1, 4);
    m->perms[4] = '\0';
    m->offset = strtoull(at + 6, &at, 16);
    for (int field = 0; field < 2; field++) { /* device, inode */
        at += strspn(at, " ");
        at += strcspn(at, " \n");
    }
    at += strspn(at, " ");
    while (at[len] && at[len] != '\n' && len < sizeof(m->name) - 1)
        len++;
    memcpy(m->name, at, len);
    m->name[len] = '\0';
}

size_t maps_read(struct map_line *lines, size_t max, uint64_t lo, uint64_t hi)
{
    static char text[KIB(64)];
    struct map_line m;
    size_t n = 0;

    if (read_file("/proc/self/maps", text, sizeof(text)) < 0)
        text[0] = '\0';
    for (const char *line = text; *line;) {
        map_parse(line, &m);
        if (m.start < hi && lo < m.end && n++ < max)
            lines[n - 1] = m;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return n;
}

#define MAPS_MAX 256
static struct map_line maps_lines[MAPS_MAX];

bool maps_covers(uint64_t start, uint64_t end, const char *perms)
{
    size_t n = maps_read(maps_lines, MAPS_MAX, start, end);

    for (size_t i = 0; i < n && i < MAPS_MAX; i++) {
        if (maps_lines[i].start > start || strcmp(maps_lines[i].perms, perms))
            return false;
        start = maps_lines[i].end;
    }
    return start >= end;
}

bool maps_empty(uint64_t start, uint64_t end)
{
    return maps_read(maps_lines, MAPS_MAX, start, end) == 0;
}

bool maps_exact(uint64_t start, uint64_t end)
{
    size_t n = maps_read(maps_lines, MAPS_MAX, start, end);

    return n == 1 && maps_lines[0].start == start && maps_lines[0].end == end;
}

void maps_show(uint64_t lo, uint64_t hi)
{
    size_t n = maps_read(maps_lines, MAPS_MAX, lo, hi);

    tap_say("/proc/self/maps from %#lx to %#lx:%s", lo, hi, n ? "" : " nothing");
    for (size_t i = 0; i < n && i < 24; i++) {
        const struct map_line *m = &maps_lines[i];

        tap_say("    %lx-%lx %s %08lx %s", m->start, m->end, m->perms, m->offset, m->name);
    }
    if (n > 24)
        tap_say("    and %zu more", n - 24);
}

/* ---- Pages with a pattern ---- */

#define WORDS (PAGE / sizeof(uint64_t))
#define WORD_STEP 0x9e3779b97f4a7c15ul

void pattern_fill(void *page, uint64_t id)
{
    uint64_t *word = page;
    uint64_t step = 0;

    for (size_t i = 0; i < WORDS; i++, step += WORD_STEP)
        word[i] = id ^ step;
}

size_t pattern_check(const void *page, uint64_t id)
{
    const uint64_t *word = page;
    uint64_t step = 0;

    for (size_t i = 0; i < WORDS; i++, step += WORD_STEP)
        if (word[i] != (id ^ step))
            return i * sizeof(uint64_t);
    return PAGE;
}

bool page_is_zero(const void *page)
{
    const uint64_t *word = page;

    for (size_t i = 0; i < WORDS; i++)
        if (word[i])
            return false;
    return true;
}

/* ---- Addresses of our own ---- */

uint64_t arena_find(uint64_t size, uint64_t align)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    uint64_t lowest = 0x100000000000, highest = 0x500000000000;

    for (uint64_t at = (lowest + align - 1) & -align; at + size <= highest; at += align) {
        if (raw_mmap(at, size, PROT_NONE, flags, -1, 0) != (long)at)
            continue;
        munmap((void *)at, size);
        return at;
    }
    printf("Bail out! no %#lx bytes of free addresses\n", size);
    exit(1);
}
