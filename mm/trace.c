/* Words for events: one line each, the same wherever mm/ runs. */
#include "mm/trace.h"

#include "mm/pte.h"
#include "mm/vma.h"

typedef unsigned long long ull;

const char *level_name(unsigned level)
{
    static const char *const names[] = {"PTE", "PMD", "PUD", "PGD"};

    return level < 4 ? names[level] : "?";
}

uint32_t trace_kind(enum trace_what what)
{
    static const uint16_t kinds[] = {
#define TRACE_EVENT(upper, kind, name, fields) [EVENT_##upper] = TRACE_##kind,
        TRACE_EVENTS(TRACE_EVENT)
#undef TRACE_EVENT
    };

    return kinds[what];
}

void trace_tell(struct trace_event event)
{
    port_trace(&event);
}

struct trace_event trace_kept(const struct trace_event *event)
{
    struct trace_event kept = *event;

    if (kept.what == EVENT_BEGIN || kept.what == EVENT_VMA_INSERT || kept.what == EVENT_STATE_VMA)
        kept.words = NULL;
    return kept;
}

/* ---- Moves ---- */

static int widened_text(const struct trace_event *e, char *buf, size_t size)
{
    bool down = e->what == EVENT_WIDEN_DOWN;
    const char *bound = down ? "floor" : "ceiling", *end = down ? "" : " end";

    return port_format(
        buf, size,
        "widen %s to %s: old%s %llx -> %llx, new%s %llx -> %llx; old %s %llx, new %s %llx",
        down ? "down" : "up", level_name(e->level), end, (ull)e->a, (ull)e->b, end, (ull)e->c,
        (ull)e->d, bound, (ull)e->e, bound, (ull)e->f);
}

/* The side whose bound lies inside the span is the one that forbids. */
static int not_widened_text(const struct trace_event *e, char *buf, size_t size)
{
    bool down = e->what == EVENT_NOT_DOWN;
    const char *bound = down ? "floor" : "ceiling";
    const char *forbids = down ? ">" : "<", *allows = down ? "<=" : ">=";
    bool old = down ? e->a > e->c : e->a < e->c, new = down ? e->b > e->d : e->b < e->d;

    return port_format(buf, size, "no widening %s to %s: old %s %llx %s %llx, new %s %llx %s %llx",
                       down ? "down" : "up", level_name(e->level), bound, (ull)e->a,
                       old ? forbids : allows, (ull)e->c, bound, (ull)e->b, new ? forbids : allows,
                       (ull)e->d);
}

static int step_text(const struct trace_event *e, char *buf, size_t size)
{
    const char *level = level_name(e->level);
    ull a = e->a, b = e->b, c = e->c, d = e->d, span = pt_span(e->level);

    if (!d)
        return port_format(buf, size, "step %s %llx -> %llx span %llx entry %llx", level, a, b,
                           span, c);
    return port_format(buf, size, "step %s %llx -> %llx span %llx entry %llx over %llx", level, a,
                       b, span, c, d);
}

static int warn_text(const struct trace_event *e, char *buf, size_t size)
{
    return port_format(buf, size,
                       "warning: %s %llx -> %llx span %llx entry %llx over %llx: destination not "
                       "none, a table without pages; goes by %ss",
                       level_name(e->level), (ull)e->a, (ull)e->b, (ull)pt_span(e->level),
                       (ull)e->c, (ull)e->d, level_name(e->level - 1));
}

static int move_text(const struct trace_event *e, char *buf, size_t size)
{
    ull a = e->a, b = e->b, c = e->c, d = e->d;

    switch (e->what) {
    case EVENT_CALL:
        return port_format(buf, size, "mremap old %llx+%llx new_len %llx flags %x new %llx", a, b,
                           c, e->level, d);
    case EVENT_RETURN:
        return port_format(buf, size, "mremap returns %llx", a);
    case EVENT_MOVE:
        return port_format(buf, size, "move %llx -> %llx, %llx bytes", a, b, c);
    case EVENT_WIDEN_DOWN:
    case EVENT_WIDEN_UP:
        return widened_text(e, buf, size);
    case EVENT_NOT_DOWN:
    case EVENT_NOT_UP:
        return not_widened_text(e, buf, size);
    case EVENT_STEP:
        return step_text(e, buf, size);
    case EVENT_WARN:
        return warn_text(e, buf, size);
    default:
        return port_format(buf, size, "moved %llu PTE, %llu PMD, %llu PUD, %llu PGD", a, b, c, d);
    }
}

/* ---- Tables and areas ---- */

static int pt_text(const struct trace_event *e, char *buf, size_t size)
{
    const char *level = level_name(e->level);

    switch (e->what) {
    case EVENT_TABLE_NEW:
        return port_format(buf, size, "table of %ss for %llx new", level, (ull)e->a);
    case EVENT_TABLE_EMPTIED:
        return port_format(buf, size, "table of %ss for %llx emptied", level, (ull)e->a);
    case EVENT_TABLE_GONE:
        return port_format(buf, size, "table of %ss for %llx gone, queued", level, (ull)e->a);
    default:
        break;
    }
    if (e->d == 1)
        return port_format(buf, size, "set %s %llx: %llx -> %llx", level, (ull)e->a, (ull)e->c,
                           (ull)e->b);
    return port_format(buf, size, "set %s %llx, %llu of them: %llx -> %llx, stride %lld", level,
                       (ull)e->a, (ull)e->d, (ull)e->c, (ull)e->b, (long long)e->e);
}

static int vma_text(const struct trace_event *e, char *buf, size_t size)
{
    ull a = e->a, b = e->b, c = e->c, d = e->d;

    switch (e->what) {
    case EVENT_VMA_INSERT:
        return port_format(buf, size, "vma insert %llx-%llx flags %llx", a, b, c);
    case EVENT_VMA_REMOVE:
        return port_format(buf, size, "vma remove %llx-%llx", a, b);
    case EVENT_VMA_RESIZE:
        return port_format(buf, size, "vma resize %llx-%llx to %llx-%llx", a, b, c, d);
    case EVENT_VMA_FLAGS:
        return port_format(buf, size, "vma flags of %llx-%llx: %llx -> %llx", a, b, d, c);
    case EVENT_VMA_SPLIT:
        return port_format(buf, size, "vma split %llx-%llx at %llx", a, b, c);
    default:
        return port_format(buf, size, "vma merge %llx-%llx-%llx", a, b, c);
    }
}

/* ---- System calls ---- */

static int syscall_text(const struct trace_event *e, char *buf, size_t size)
{
    const uint64_t args[] = {e->a, e->b, e->c, e->d, e->e, e->f};
    int len;

    if (e->what == EVENT_SYSCALL_OUT) {
        const char *why = e->b ? mm_refusal_words((enum refusal)(e->b - 1)) : NULL;

        return port_format(buf, size, "%s returns %llx%s%s", e->words, (ull)e->a, why ? ": " : "",
                           why ? why : "");
    }
    len = port_format(buf, size, "%s(", e->words);
    for (unsigned i = 0; i < e->level && (size_t)len < size; i++)
        len += port_format(buf + len, size - (size_t)len, "%s%llx", i ? ", " : "", (ull)args[i]);
    return (size_t)len < size ? len + port_format(buf + len, size - (size_t)len, ")") : len;
}

/* ---- The state: the lines of mm_dump() ---- */

static int state_vma_text(const struct trace_event *e, char *buf, size_t size)
{
    uint32_t flags = (uint32_t)e->c;
    const char *name = e->words ? e->words : "";
    char rights[5];

    vma_rights(flags, rights);
    return port_format(
        buf, size, "vma %012llx-%012llx %s%s%s%s pages %llu id %llu%s pgoff %llx%s%s", (ull)e->a,
        (ull)e->b, rights, flags & VMA_GROWSDOWN ? " grows" : "",
        flags & VMA_LOCKED ? " locked" : "", flags & VMA_NORESERVE ? " noreserve" : "",
        (ull)((e->b - e->a) >> PAGE_SHIFT), (ull)(e->d & ~VMA_ANON_INHERITED),
        e->d & VMA_ANON_INHERITED ? " inherited" : "", (ull)e->e, name[0] ? " " : "", name);
}

static int state_run_text(const struct trace_event *e, char *buf, size_t size)
{
    struct pte entry = {e->c};
    unsigned rights = pte_rights(entry);
    int indent = (int)(2 * (PT_TOP - e->level));

    if (pte_is_table(entry, e->level))
        return port_format(buf, size, "%*s%s %3u %012llx table of %llu", indent, "",
                           level_name(e->level), pt_index(e->a, e->level), (ull)e->a, (ull)e->e);
    return port_format(buf, size, "%*s%s %3u %012llx-%012llx %c%c%c %llu", indent, "",
                       level_name(e->level), pt_index(e->a, e->level), (ull)e->a,
                       (ull)(e->a + e->b * pt_span(e->level)), rights & PTE_R ? 'r' : '-',
                       rights & PTE_W ? 'w' : '-', rights & PTE_X ? 'x' : '-', (ull)e->b);
}

static int state_text(const struct trace_event *e, char *buf, size_t size)
{
    switch (e->what) {
    case EVENT_BEGIN:
        return port_format(buf, size, "realign=%s, %u levels of %u bits: %s",
                           mm_realign_name(mm_config.realign), PT_LEVELS, PT_BITS,
                           e->words ? e->words : "");
    case EVENT_STATE_BEGIN:
        return port_format(buf, size, "mm: %llu VMAs, %llu pages, %llu mapped, %llu tables",
                           (ull)e->a, (ull)e->b, (ull)e->c, (ull)e->d);
    case EVENT_STATE_VMA:
        return state_vma_text(e, buf, size);
    case EVENT_STATE_RUN:
        return state_run_text(e, buf, size);
    default:
        return port_format(buf, size, "end of mm");
    }
}

int trace_text(const struct trace_event *e, char *buf, size_t size)
{
    static const char *const access[] = {"read", "write", "exec"};

    switch (trace_kind(e->what)) {
    case TRACE_PT:
        return pt_text(e, buf, size);
    case TRACE_VMA:
        return vma_text(e, buf, size);
    case TRACE_FAULT:
        return port_format(buf, size, "fault %llx %s: %s", (ull)e->a, access[e->b], e->words);
    case TRACE_TLB:
        return port_format(buf, size, "flush %llx-%llx%s", (ull)e->a, (ull)e->b,
                           e->c ? ", all" : "");
    case TRACE_REFUSE:
        return port_format(buf, size, "refused %lld: %s", (long long)e->a, e->words);
    case TRACE_SYSCALL:
        return syscall_text(e, buf, size);
    case TRACE_STATE:
        return state_text(e, buf, size);
    default:
        return move_text(e, buf, size);
    }
}

/* ---- Kinds ---- */

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

const char *trace_kind_name(unsigned i)
{
    static const char *const names[] = {
#define TRACE_NAME(upper, lower) #lower,
        TRACE_KINDS(TRACE_NAME)
#undef TRACE_NAME
    };

    return names[i];
}

uint32_t trace_kinds(const char *list, const char **bad)
{
    uint32_t mask = 0;
    size_t len = 0;

    *bad = NULL;
    for (; *list; list += len + (list[len] == ',')) {
        uint32_t bit = word_is(list, "all", &len) ? TRACE_ALL : 0;

        for (unsigned i = 0; i < TRACE_KIND_COUNT; i++)
            bit |= word_is(list, trace_kind_name(i), &len) ? 1u << i : 0;
        if (!bit) {
            *bad = list;
            return 0;
        }
        mask |= bit;
    }
    return mask;
}
