/* What a sequence says, hashed on the way; names for numbers; the counts of results. */
#include "oracle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Output ---- */

static char out[KIB(64)];
static size_t out_length;

void put_flush(void)
{
    for (size_t done = 0; done < out_length;) {
        ssize_t n = write(1, out + done, out_length - done);

        if (n <= 0)
            _exit(2);
        done += (size_t)n;
    }
    out_length = 0;
}

static void put_text(const char *text, size_t length)
{
    if (out_length + length > sizeof(out))
        put_flush();
    memcpy(out + out_length, text, length);
    out_length += length;
}

void put(const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put_text(text, strlen(text));
}

/* The line at @text goes into the digest, and out when asked for. */
static void say_text(struct sequence *s, const char *text)
{
    uint64_t digest = s->digest;

    for (const char *p = text; *p; p++)
        digest = (digest ^ (unsigned char)*p) * 0x100000001b3ul; /* FNV-1a */
    s->digest = (digest ^ '\n') * 0x100000001b3ul;
    if (!settings.verbose)
        return;
    put_text(text, strlen(text));
    put_text("\n", 1);
}

void say(struct sequence *s, const char *fmt, ...)
{
    static char text[KIB(8)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    say_text(s, text);
}

/* ---- Names ---- */

const char *place(const struct sequence *s, uint64_t addr)
{
    static char texts[8][32];
    static unsigned next;
    char *text = texts[next++ % 8];

    for (unsigned i = 0; i < WINDOWS; i++) {
        const struct window *w = &s->windows[i];
        uint64_t margin = i == WINDOW_H ? HEAP_SIZE * 2 : MARGIN * 2;
        int64_t off = (int64_t)(addr - w->origin);

        if (off <= -(int64_t)margin || off >= (int64_t)margin)
            continue;
        snprintf(text, 32, "%c%c%#lx", w->name, off < 0 ? '-' : '+',
                 (unsigned long)(off < 0 ? -off : off));
        return text;
    }
    snprintf(text, 32, "%#lx", (unsigned long)addr);
    return text;
}

/* Every errno that a call here may have; the counts are kept in this order. */
#define ERRNOS(X)                                                                                  \
    X(EINVAL)                                                                                      \
    X(EFAULT)                                                                                      \
    X(ENOMEM) X(EEXIST) X(EACCES) X(EPERM) X(EAGAIN) X(EBADF) X(EOVERFLOW) X(ENODEV) X(EOPNOTSUPP)

static const struct {
    int number;
    const char *name;
} errnos[] = {
    {0, "ok"},
#define ERRNO_ROW(name) {name, #name},
    ERRNOS(ERRNO_ROW)
#undef ERRNO_ROW
        {-1, "other"},
};
#define RESULTS ARRAY_SIZE(errnos)

/* The index in errnos of -@err, or of the last row. */
static size_t errno_index(long err)
{
    size_t i = 0;

    while (i < RESULTS - 1 && errnos[i].number != -err)
        i++;
    return i;
}

const char *errno_name(long err)
{
    static char number[32];
    size_t i = errno_index(err);

    if (i < RESULTS - 1)
        return errnos[i].name;
    snprintf(number, sizeof(number), "errno %ld", -err);
    return number;
}

const char *prot_name(unsigned prot)
{
    static const struct flag_name names[] = {
        {PROT_READ, "READ"},           {PROT_WRITE, "WRITE"},     {PROT_EXEC, "EXEC"},
        {PROT_GROWSDOWN, "GROWSDOWN"}, {PROT_GROWSUP, "GROWSUP"}, {0, "NONE"},
    };

    return flags_name(names, prot);
}

const char *flags_name(const struct flag_name *names, uint64_t flags)
{
    static char texts[2][256];
    static unsigned next;
    char *text = texts[next++ % 2];
    size_t used = 0;

    text[0] = '\0';
    for (; names->flag; names++) {
        if ((flags & names->flag) != names->flag)
            continue;
        used += (size_t)snprintf(text + used, 256 - used, "|%s", names->name);
        flags &= ~names->flag;
    }
    if (flags)
        used += (size_t)snprintf(text + used, 256 - used, "|%#lx", (unsigned long)flags);
    return used ? text + 1 : names->name;
}

/* ---- Results ---- */

static const char *const op_names[] = {
#define OP_TEXT(name, weight) #name,
    OPS(OP_TEXT)
#undef OP_TEXT
};
static uint64_t totals[OP_COUNT][RESULTS];

static const char *result_text(const struct sequence *s, enum op op, long result)
{
    if (result < 0 && result > -4096)
        return errno_name(result);
    if (op != OP_mmap && op != OP_mremap && op != OP_brk)
        return result ? "not 0" : "0";
    return is_home(s, (uint64_t)result) ? place(s, (uint64_t)result) : "elsewhere";
}

void said(struct sequence *s, enum op op, long result, const char *fmt, ...)
{
    bool failed = result < 0 && result > -4096;
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    totals[op][failed ? errno_index(result) : 0]++;
    *(failed ? &s->failed : &s->ok) += 1;
    say(s, "%s = %s", text, result_text(s, op, result));
    if (settings.verbose)
        put_flush();
}

void put_totals(void)
{
    for (unsigned op = 0; op < OP_touch_all; op++) { /* whose touches count as touch */
        put("total %s", op_names[op]);
        for (size_t i = 0; i < RESULTS; i++)
            if (totals[op][i])
                put(" %s %lu", errnos[i].name, (unsigned long)totals[op][i]);
        put("\n");
    }
}

void end_sequence(struct sequence *s, const char *why)
{
    say(s, "    (ends here: %s)", why);
    s->ended = true;
}
