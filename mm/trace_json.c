/*
 * Events as JSON, an object a line. What most of them have stands in the list of all events in
 * mm/trace.h: here it is read. docs/trace.md describes the result.
 */
#include "mm/trace.h"

#include "mm/pte.h"
#include "mm/vma.h"

typedef unsigned long long ull;

/* Text on its way to a buffer; @length counts also what does not fit. */
struct json {
    char *buf;
    size_t size;
    size_t length;
};

#define PUT(j, ...) ((j)->length += (size_t)port_format(at(j), room(j), __VA_ARGS__))

static char *at(const struct json *j)
{
    return j->length < j->size ? j->buf + j->length : NULL;
}

static size_t room(const struct json *j)
{
    return j->length < j->size ? j->size - j->length : 0;
}

/* ---- Values ---- */

/* @text, which may have any bytes: those that JSON has no room for are escaped, those that are no ASCII a '?'. */
static void put_string(struct json *j, const char *text)
{
    PUT(j, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            PUT(j, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            PUT(j, "\\u%04x", c);
        else
            PUT(j, "%c", c < 0x80 ? c : '?');
    }
    PUT(j, "\"");
}

static void put_words(struct json *j, const char *name, const char *words)
{
    PUT(j, ",\"%s\":", name);
    put_string(j, words ? words : "");
}

static void put_value(struct json *j, char type, uint64_t value)
{
    if (type == 'x')
        PUT(j, "\"0x%llx\"", (ull)value);
    else if (type == 'b')
        PUT(j, "%s", value ? "true" : "false");
    else if (type == 'i')
        PUT(j, "%lld", (long long)value);
    else
        PUT(j, "%llu", (ull)value);
}

/* ---- What the list says ---- */

/* The fields of @e by a description such as "level old:x len:n". */
static void put_fields(struct json *j, const struct trace_event *e, const char *fields)
{
    const uint64_t values[] = {e->a, e->b, e->c, e->d, e->e, e->f};
    unsigned next = 0;

    while (*fields) {
        const char *end = fields;

        while (*end && *end != ' ' && *end != ':')
            end++;
        PUT(j, ",\"");
        for (const char *p = fields; p < end; p++)
            PUT(j, "%c", *p);
        PUT(j, "\":");
        if (*end == ':')
            put_value(j, end[1], values[next++]);
        else if (*fields == 'l')
            put_string(j, level_name(e->level));
        else
            put_string(j, e->words);
        fields = end + (*end == ':' ? 2 : 0);
        fields += *fields == ' ';
    }
}

/* ---- What has a shape of its own ---- */

static void put_args(struct json *j, const char *name, const uint64_t *args, unsigned count)
{
    put_words(j, "name", name);
    PUT(j, ",\"args\":[");
    for (unsigned i = 0; i < count; i++)
        PUT(j, "%s\"0x%llx\"", i ? "," : "", (ull)args[i]);
    PUT(j, "]");
}

static void put_call(struct json *j, const struct trace_event *e)
{
    const uint64_t mremap[] = {e->a, e->b, e->c, e->level, e->d};
    const uint64_t args[] = {e->a, e->b, e->c, e->d, e->e, e->f};

    if (e->what == EVENT_CALL)
        put_args(j, "mremap", mremap, 5);
    else
        put_args(j, e->words, args, e->level);
}

static void put_return(struct json *j, const struct trace_event *e)
{
    int64_t result = (int64_t)e->a;

    put_words(j, "name", e->what == EVENT_RETURN ? "mremap" : e->words);
    if (result < 0 && result > -4096)
        PUT(j, ",\"errno\":%lld", (long long)result);
    if (e->b)
        put_words(j, "words", mm_refusal_words((enum refusal)(e->b - 1)));
}

static void put_widened(struct json *j, const struct trace_event *e)
{
    const char *bound = e->what == EVENT_WIDEN_DOWN ? "floor" : "ceiling";

    put_words(j, "direction", e->what == EVENT_WIDEN_DOWN ? "down" : "up");
    PUT(j, ",\"allowed_by\":{\"old_%s\":\"0x%llx\",\"new_%s\":\"0x%llx\"}", bound, (ull)e->e, bound,
        (ull)e->f);
}

static void put_not_widened(struct json *j, const struct trace_event *e)
{
    bool down = e->what == EVENT_NOT_DOWN;
    bool old = down ? e->a > e->c : e->a < e->c, new = down ? e->b > e->d : e->b < e->d;
    const char *bound = down ? "floor" : "ceiling";

    put_words(j, "direction", down ? "down" : "up");
    put_words(j, "forbidden_by", old && new ? "both" : old ? "old neighbour" : "new neighbour");
    PUT(j,
        ",\"bounds\":{\"old_%s\":\"0x%llx\",\"new_%s\":\"0x%llx\",\"old_edge\":\"0x%llx\","
        "\"new_edge\":\"0x%llx\"}",
        bound, (ull)e->a, bound, (ull)e->b, (ull)e->c, (ull)e->d);
}

static void put_begin(struct json *j, const struct trace_event *e)
{
    PUT(j, ",\"version\":1,\"realign\":\"%s\",\"levels\":%u,\"bits\":%u,\"page\":%u",
        mm_realign_name(mm_config.realign), PT_LEVELS, PT_BITS, (unsigned)PAGE_SIZE);
    put_words(j, "program", e->words);
}

static void put_area(struct json *j, const struct trace_event *e)
{
    char rights[5];

    vma_rights((uint32_t)e->c, rights);
    put_words(j, "prot", rights);
    if (e->words && e->words[0])
        put_words(j, "name", e->words);
}

static void put_run(struct json *j, const struct trace_event *e)
{
    bool table = pte_is_table((struct pte){e->c}, e->level);

    put_words(j, "points", table ? "table" : e->level == PT_PTE ? "page" : "huge");
    if (table)
        PUT(j, ",\"live\":%llu", (ull)e->e);
}

static void put_rest(struct json *j, const struct trace_event *e)
{
    static const char *const access[] = {"read", "write", "exec"};

    switch (e->what) {
    case EVENT_CALL:
    case EVENT_SYSCALL_IN:
        return put_call(j, e);
    case EVENT_RETURN:
    case EVENT_SYSCALL_OUT:
        return put_return(j, e);
    case EVENT_WIDEN_DOWN:
    case EVENT_WIDEN_UP:
        return put_widened(j, e);
    case EVENT_NOT_DOWN:
    case EVENT_NOT_UP:
        return put_not_widened(j, e);
    case EVENT_VMA_INSERT:
    case EVENT_VMA_REMOVE:
    case EVENT_VMA_FLAGS:
    case EVENT_STATE_VMA:
        return put_area(j, e);
    case EVENT_FAULT:
        put_words(j, "access", access[e->b]);
        return put_words(j, "result", e->words);
    case EVENT_BEGIN:
        return put_begin(j, e);
    case EVENT_STATE_RUN:
        return put_run(j, e);
    default:
        return;
    }
}

/* ---- All together ---- */

static const struct {
    const char *name;
    const char *fields;
} shapes[] = {
#define TRACE_EVENT(upper, kind, name, fields) [EVENT_##upper] = {name, fields},
    TRACE_EVENTS(TRACE_EVENT)
#undef TRACE_EVENT
};

struct trace_event trace_begin(const char *program)
{
    return (struct trace_event){
        .what = EVENT_BEGIN, .words = program, .file = __FILE__, .line = __LINE__};
}

/* The last part of a path. */
static const char *base_name(const char *path)
{
    const char *base = path ? path : "";

    for (const char *p = base; *p; p++)
        if (*p == '/')
            base = p + 1;
    return base;
}

int trace_json(const struct trace_event *e, uint64_t n, char *buf, size_t size)
{
    uint32_t kind = trace_kind(e->what);
    char text[TRACE_JSON / 2];
    struct json j = {buf, size, 0};

    trace_text(e, text, sizeof(text));
    PUT(&j, "{\"n\":%llu,\"kind\":\"%s\",\"event\":\"%s\"", (ull)n,
        trace_kind_name((unsigned)__builtin_ctz(kind)), shapes[e->what].name);
    put_words(&j, "text", text);
    PUT(&j, ",\"source\":\"%s:%d\"", base_name(e->file), e->line);
    if (e->space)
        PUT(&j, ",\"mm\":%u", e->space);
    put_fields(&j, e, shapes[e->what].fields);
    put_rest(&j, e);
    PUT(&j, "}");
    return (int)j.length;
}
