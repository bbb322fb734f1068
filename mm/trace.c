/* Words for events: one line each, the same wherever mm/ runs. */
#include "mm/trace.h"

const char *level_name(unsigned level)
{
    static const char *const names[] = {"PTE", "PMD", "PUD", "PGD"};

    return level < 4 ? names[level] : "?";
}

static int move_text(const struct trace_event *e, char *buf, size_t size)
{
    const char *level = level_name(e->level);
    unsigned long long a = e->a, b = e->b, c = e->c, d = e->d;

    switch (e->what) {
    case EVENT_CALL:
        return port_format(buf, size, "mremap old %llx+%llx new_len %llx flags %x new %llx", a, b,
                           c, e->level, d);
    case EVENT_RETURN:
        return port_format(buf, size, "mremap returns %llx", a);
    case EVENT_MOVE:
        return port_format(buf, size, "move %llx -> %llx, %llx bytes", a, b, c);
    case EVENT_WIDEN_DOWN:
        return port_format(buf, size, "widen down to %s: old %llx -> %llx, new %llx -> %llx", level,
                           a, b, c, d);
    case EVENT_WIDEN_UP:
        return port_format(buf, size, "widen up to %s: old end %llx -> %llx, new end %llx -> %llx",
                           level, a, b, c, d);
    case EVENT_NOT_DOWN:
        return port_format(buf, size, "no widening down to %s: old floor %llx, new floor %llx",
                           level, a, b);
    case EVENT_NOT_UP:
        return port_format(buf, size, "no widening up to %s: old ceiling %llx, new ceiling %llx",
                           level, a, b);
    case EVENT_STEP:
        return port_format(buf, size, "step %s %llx -> %llx span %llx entry %llx", level, a, b,
                           (unsigned long long)pt_span(e->level), c);
    default:
        return port_format(buf, size, "moved %llu PTE, %llu PMD, %llu PUD, %llu PGD", a, b, c, d);
    }
}

static int vma_text(const struct trace_event *e, char *buf, size_t size)
{
    unsigned long long a = e->a, b = e->b, c = e->c, d = e->d;

    switch (e->what) {
    case EVENT_VMA_INSERT:
        return port_format(buf, size, "vma insert %llx-%llx flags %llx", a, b, c);
    case EVENT_VMA_REMOVE:
        return port_format(buf, size, "vma remove %llx-%llx", a, b);
    case EVENT_VMA_RESIZE:
        return port_format(buf, size, "vma resize %llx-%llx to %llx-%llx", a, b, c, d);
    case EVENT_VMA_SPLIT:
        return port_format(buf, size, "vma split %llx-%llx at %llx", a, b, c);
    default:
        return port_format(buf, size, "vma merge %llx-%llx-%llx", a, b, c);
    }
}

int trace_text(const struct trace_event *e, char *buf, size_t size)
{
    unsigned long long a = e->a, b = e->b, c = e->c;

    switch (e->what) {
    case EVENT_VMA_INSERT ... EVENT_VMA_MERGE:
        return vma_text(e, buf, size);
    case EVENT_TABLE_NEW:
        return port_format(buf, size, "table of %ss for %llx new", level_name(e->level), a);
    case EVENT_TABLE_GONE:
        return port_format(buf, size, "table of %ss for %llx emptied, queued", level_name(e->level),
                           a);
    case EVENT_FAULT:
        return port_format(buf, size, "fault %llx %s: %s", a,
                           b == 0   ? "read"
                           : b == 1 ? "write"
                                    : "exec",
                           e->words);
    case EVENT_FLUSH:
        return port_format(buf, size, "flush %llx-%llx%s", a, b, c ? ", all" : "");
    case EVENT_REFUSED:
        return port_format(buf, size, "refused %lld: %s", (long long)a, e->words);
    default:
        return move_text(e, buf, size);
    }
}

/* Whether the word at @text, up to a comma or the end, is @word; *len is its length. */
static bool word_is(const char *text, const char *word, size_t *len)
{
    size_t n = 0;
    size_t same = 0;

    while (text[n] && text[n] != ',')
        n++;
    while (same < n && word[same] == text[same])
        same++;
    *len = n;
    return same == n && word[n] == '\0';
}

uint32_t trace_kinds(const char *list, const char **bad)
{
    static const char *const names[] = {
#define TRACE_NAME(upper, lower) #lower,
        TRACE_KINDS(TRACE_NAME)
#undef TRACE_NAME
    };
    uint32_t mask = 0;
    size_t len = 0;

    *bad = NULL;
    for (; *list; list += len + (list[len] == ',')) {
        uint32_t bit = word_is(list, "all", &len) ? (1u << TRACE_KIND_COUNT) - 1 : 0;

        for (unsigned i = 0; i < TRACE_KIND_COUNT; i++)
            bit |= word_is(list, names[i], &len) ? 1u << i : 0;
        if (!bit) {
            *bad = list;
            return 0;
        }
        mask |= bit;
    }
    return mask;
}
