/* The state of the windows as the kernel itself shows it: maps, resident pages, and what is in these. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Lines of more pages are not looked at page by page, but where the book says that a page may be. */
#define SCAN_MAX 512

/* ---- Lines ---- */

/* The parts of lines in no window, and the program's own data below the heap, are not shown. */
static bool trim(const struct sequence *s, struct map_line *m)
{
    const struct window *heap = &s->windows[WINDOW_H];

    if (m->start < heap->origin)
        m->start = heap->origin;
    return m->start < m->end && is_home(s, m->start);
}

void look(struct sequence *s)
{
    uint64_t lo = s->windows[WINDOW_H].origin;
    size_t n = maps_read(s->lines, LINES_MAX, lo, s->windows[WINDOW_B].origin + MARGIN);
    size_t kept = 0;

    if (n > LINES_MAX)
        end_sequence(s, "too many lines");
    for (size_t i = 0; i < n && i < LINES_MAX; i++)
        if (trim(s, &s->lines[i]))
            s->lines[kept++] = s->lines[i];
    s->line_count = kept;
}

const struct map_line *line_at(const struct sequence *s, uint64_t addr)
{
    for (size_t i = 0; i < s->line_count; i++)
        if (s->lines[i].start <= addr && addr < s->lines[i].end)
            return &s->lines[i];
    return NULL;
}

bool in_one_line(const struct sequence *s, uint64_t start, uint64_t end)
{
    const struct map_line *m = line_at(s, start);

    return m && end >= start && end <= m->end;
}

uint64_t mapped_from(const struct sequence *s, uint64_t addr)
{
    uint64_t at = addr;

    for (size_t i = 0; i < s->line_count; i++)
        if (s->lines[i].start <= at && at < s->lines[i].end)
            at = s->lines[i].end;
    return at - addr;
}

bool all_lines(const struct sequence *s, uint64_t start, uint64_t end,
               bool (*test)(const struct map_line *))
{
    for (size_t i = 0; i < s->line_count; i++)
        if (s->lines[i].start < end && s->lines[i].end > start && !test(&s->lines[i]))
            return false;
    return true;
}

bool is_file(const struct map_line *m)
{
    return m->name[0] == '/' && strncmp(m->name, "/dev/zero", 9) != 0;
}

uint64_t file_size(void)
{
    return (uint64_t)raw_call(SYS_lseek, (uint64_t)oracle_fd, 0, 2, 0, 0, 0);
}

bool is_heap(const struct sequence *s, uint64_t addr)
{
    const struct window *w = &s->windows[WINDOW_H];

    return addr >= w->start && addr < w->end;
}

uint64_t limited_bytes(int limit)
{
    static struct map_line lines[LINES_MAX];
    size_t n = maps_read(lines, LINES_MAX, 0, USER_TOP);
    uint64_t bytes = 0;

    for (size_t i = 0; i < n && i < LINES_MAX; i++) {
        const struct map_line *m = &lines[i];
        bool data = m->perms[1] == 'w' && m->perms[3] == 'p' && strcmp(m->name, "[stack]") != 0;

        bytes += limit == RLIMIT_AS || data ? m->end - m->start : 0;
    }
    return bytes;
}

/* ---- The book ---- */

void book(struct sequence *s, uint64_t addr)
{
    size_t i = s->book_count;

    addr &= -PAGE;
    for (size_t j = 0; j < s->book_count; j++)
        if (s->book[j] == addr)
            return;
    if (i == BOOK_MAX)
        return;
    for (; i > 0 && s->book[i - 1] > addr; i--)
        s->book[i] = s->book[i - 1];
    s->book[i] = addr;
    s->book_count++;
}

void book_moved(struct sequence *s, uint64_t from, uint64_t len, uint64_t to)
{
    uint64_t found[BOOK_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->book_count; i++)
        if (s->book[i] - from < len)
            found[n++] = s->book[i] - from + to;
    while (n > 0)
        book(s, found[--n]);
}

/* ---- Pages ---- */

/* What is said of one line: a mark for each page, equal ones counted; and a hash of all bytes that were read. */
struct pages {
    char text[KIB(2)];
    size_t length;
    char mark;
    unsigned repeated;
    uint64_t hash;
};

static void flush_mark(struct pages *p)
{
    if (!p->repeated || p->length > sizeof(p->text) - 32)
        return;
    p->text[p->length++] = p->mark;
    if (p->repeated > 1)
        p->length += (size_t)sprintf(p->text + p->length, "%u", p->repeated);
    p->repeated = 0;
}

static void add_mark(struct pages *p, char mark)
{
    if (mark != p->mark)
        flush_mark(p);
    p->mark = mark;
    p->repeated++;
}

/*
 * A page's mark by its content: 0 for zeros, else a letter. Eight words of it are read, or with @whole all; a
 * pattern that was written tells in each word where it belongs.
 */
static char content_mark(struct pages *p, uint64_t addr, bool whole)
{
    size_t step = whole ? 1 : 64;
    uint64_t hash = 0;

    for (size_t i = 0; i < PAGE / sizeof(uint64_t); i += step)
        hash = (hash ^ ((const volatile uint64_t *)addr)[i]) * 0x9e3779b97f4a7c15ul;
    p->hash = (p->hash ^ hash) * 0x100000001b3ul;
    return hash ? (char)('a' + (hash >> 32) % 26) : '0';
}

static bool readable(const struct map_line *m)
{
    return m->perms[0] == 'r';
}

static char page_mark(struct pages *p, const struct map_line *m, uint64_t addr, bool resident,
                      bool whole)
{
    if (!resident)
        return '.';
    return readable(m) ? content_mark(p, addr, whole) : '#';
}

/* All pages of a line of at most SCAN_MAX. */
static void scan_all(struct pages *p, const struct map_line *m, bool whole)
{
    static unsigned char vec[SCAN_MAX];
    size_t count = (m->end - m->start) / PAGE;
    long err = raw_call(SYS_mincore, m->start, count * PAGE, (uint64_t)vec, 0, 0, 0);

    for (size_t i = 0; i < count; i++)
        add_mark(p, err ? '!' : page_mark(p, m, m->start + i * PAGE, vec[i] & 1, whole));
}

/* The pages of a large line that are in the book, each as +PAGES of distance to the line's start, and its mark. */
static void scan_book(const struct sequence *s, struct pages *p, const struct map_line *m,
                      bool whole)
{
    for (size_t i = 0; i < s->book_count; i++) {
        uint64_t at = s->book[i];
        unsigned char vec = 0;
        char mark;

        if (at < m->start || at >= m->end)
            continue;
        mark = raw_call(SYS_mincore, at, PAGE, (uint64_t)&vec, 0, 0, 0)
                   ? '!'
                   : page_mark(p, m, at, vec & 1, whole);
        if (p->length < sizeof(p->text) - 32)
            p->length += (size_t)sprintf(p->text + p->length, " +%lu%c",
                                         (unsigned long)((at - m->start) / PAGE), mark);
    }
}

/*
 * Pages of a file: those in the book, and at the end all that the file has. Whether the file's own pages are
 * resident is the page cache's affair, so mincore is not asked.
 */
static void scan_file(const struct sequence *s, struct pages *p, const struct map_line *m,
                      bool whole)
{
    uint64_t size = file_size();
    uint64_t at = m->start;

    for (size_t i = 0; readable(m) && !whole && i < s->book_count; i++)
        if (s->book[i] >= m->start && s->book[i] < m->end &&
            s->book[i] - m->start + m->offset < size)
            add_mark(p, content_mark(p, s->book[i], false));
    for (; readable(m) && whole && at < m->end && at - m->start + m->offset < size; at += PAGE)
        add_mark(p, content_mark(p, at, true));
}

/* ---- Saying it ---- */

static const char *name_class(const struct map_line *m)
{
    if (is_file(m))
        return "file";
    if (m->name[0] == '/')
        return "shared";
    return m->name[0] ? m->name : "anon";
}

static void say_line(struct sequence *s, const struct map_line *m, bool whole)
{
    static struct pages p;

    memset(&p, 0, sizeof(p));
    if (is_file(m))
        scan_file(s, &p, m, whole);
    else if (m->end - m->start <= SCAN_MAX * PAGE)
        scan_all(&p, m, whole);
    else
        scan_book(s, &p, m, whole);
    flush_mark(&p);
    p.text[p.length] = '\0';
    say(s, "    %s-%s %s %#lx %s [%s] %016lx", place(s, m->start), place(s, m->end), m->perms,
        (unsigned long)m->offset, name_class(m), p.text, (unsigned long)p.hash);
}

void say_state(struct sequence *s, bool whole)
{
    look(s);
    for (size_t i = 0; i < s->line_count; i++)
        say_line(s, &s->lines[i], whole);
}
