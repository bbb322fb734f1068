/* Touching pages: by instructions of our own where that is safe, else through the kernel, which answers EFAULT. */
#include "oracle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

/* Whether the kernel can read, or write, the word at @addr: by calls that do nothing else with it. */
static bool probe_read(uint64_t addr)
{
    return raw_call(SYS_rt_sigprocmask, 99, addr, 0, 8, 0, 0) == -EINVAL;
}

static bool probe_write(uint64_t addr)
{
    return raw_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, addr, 8, 0, 0) == 0;
}

/*
 * Whether growing down to @page goes the same way on both kernels. Not so, linux.md: "A refused access" below a
 * mapping that grows down, and one that "grows down until it touches another".
 */
static bool grows_alike(const struct sequence *s, uint64_t page, bool write)
{
    const struct map_line *above = NULL, *touched = NULL;

    for (size_t i = 0; i < s->line_count && !above; i++) {
        if (s->lines[i].end == page)
            touched = &s->lines[i];
        if (s->lines[i].start > page)
            above = &s->lines[i];
    }
    if (!above)
        return true;
    return above->perms[write] != '-' && !(touched && !strcmp(touched->perms, above->perms));
}

/*
 * Touch a page: by an instruction where nothing can go wrong, or else through the kernel, which answers EFAULT
 * where we would get a signal. Returns whether it could be touched.
 */
static bool touch(struct sequence *s, uint64_t page, bool write, bool directly, uint64_t id)
{
    const struct map_line *m = line_at(s, page);
    bool safe = m && directly && !strchr(m->name, '/');
    uint64_t addr = page + below(&s->rng, PAGE / 8) * 8;

    if (!m && s->grows && !grows_alike(s, page, write))
        return false;
    if (m && write && is_file(m) && page - m->start + m->offset >= file_size())
        return false; /* linux.md: "A refused access" */
    if (safe && !write && m->perms[0] == 'r') {
        (void)*(const volatile uint64_t *)addr;
        return true;
    }
    if (!(safe && write && m->perms[1] == 'w') && !(write ? probe_write(addr) : probe_read(addr)))
        return false;
    if (write)
        pattern_fill((void *)page, id);
    return true;
}

static void touch_pages(struct sequence *s, uint64_t addr, uint64_t count)
{
    bool write = chance(&s->rng, 80), directly = chance(&s->rng, 60);
    char marks[8] = "";

    for (uint64_t i = 0; i < count; i++) {
        bool done = touch(s, addr + i * PAGE, write, directly, rng_next(&s->rng));

        marks[i] = done ? 'y' : 'n';
        if (done)
            book(s, addr + i * PAGE);
    }
    said(s, OP_touch, strchr(marks, 'n') ? -EFAULT : 0, "%s(%s, %lu pages) %s",
         write ? "write" : "read", place(s, addr), count, marks);
}

void op_touch(struct sequence *s)
{
    uint64_t addr = pick_source(s), count = 1 + below(&s->rng, 4);
    uint64_t mapped = mapped_from(s, addr) / PAGE;

    if (mapped && chance(&s->rng, 85))
        count = min_u64(count, mapped);
    touch_pages(s, addr, count);
}

void op_touch_all(struct sequence *s)
{
    for (size_t i = 0; i < s->line_count; i++) {
        const struct map_line *m = &s->lines[i];
        uint64_t count = (m->end - m->start) / PAGE;
        uint64_t at = below(&s->rng, min_u64(count, 16));

        if (m->perms[1] == 'w')
            touch_pages(s, m->start + at * PAGE, min_u64(count - at, 1 + below(&s->rng, 4)));
    }
}
