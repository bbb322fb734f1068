/* Events as JSON: the fields that the list of events does not tell of, and text that does not fit. */
/* host-build: 9/4 */
#include "kernel/abi/errno.h"
#include "mm/pte.h"
#include "mm/vma.h"
#include "tests/host/test.h"

/* What follows the source in the event's JSON. */
static void expect(const struct trace_event *event, const char *expected)
{
    char line[TRACE_JSON];
    int len = trace_json(event, 1, line, sizeof(line));
    const char *rest = strstr(line, "\"source\":\"f.c:9\"");

    assert_int_equal(len, strlen(line));
    assert_non_null(rest);
    assert_string_equal(rest + strlen("\"source\":\"f.c:9\""), expected);
}

#define EXPECT(expected, ...)                                                                      \
    expect(&(struct trace_event){__VA_ARGS__, .file = "mm/f.c", .line = 9}, expected)

static void test_calls(void **state)
{
    EXPECT(",\"name\":\"mremap\",\"args\":[\"0x1000\",\"0x2000\",\"0x3000\",\"0x3\",\"0x9000\"]}",
           .what = EVENT_CALL, .level = 3, .a = 0x1000, .b = 0x2000, .c = 0x3000, .d = 0x9000);
    EXPECT(",\"mm\":4,\"name\":\"brk\",\"args\":[\"0x5\"]}", .what = EVENT_SYSCALL_IN, .level = 1,
           .a = 5, .b = 6, .words = "brk", .space = 4);
    EXPECT(",\"name\":\"getpid\",\"args\":[]}", .what = EVENT_SYSCALL_IN, .words = "getpid");
    EXPECT(",\"result\":\"0x7000\",\"name\":\"mremap\"}", .what = EVENT_RETURN, .a = 0x7000);
    EXPECT(",\"result\":\"0xfffffffffffffff4\",\"name\":\"mremap\",\"errno\":-12}",
           .what = EVENT_RETURN, .a = (uint64_t)-ENOMEM);
    EXPECT(",\"result\":\"0xfffffffffffff000\",\"name\":\"x\"}", .what = EVENT_SYSCALL_OUT,
           .a = (uint64_t)-4096, .words = "x");
    EXPECT(",\"result\":\"0xffffffffffffffea\",\"name\":\"mmap\",\"errno\":-22,"
           "\"words\":\"address not page-aligned\"}",
           .what = EVENT_SYSCALL_OUT, .a = (uint64_t)-EINVAL, .b = 1 + REFUSE_UNALIGNED,
           .words = "mmap");
    EXPECT(",\"errno\":-22,\"words\":\"why\"}", .what = EVENT_REFUSED, .a = (uint64_t)-EINVAL,
           .words = "why");
}

static void test_widening(void **state)
{
    EXPECT(",\"level\":\"PMD\",\"old_before\":\"0x1\",\"old_after\":\"0x2\",\"new_before\":\"0x3\","
           "\"new_after\":\"0x4\",\"direction\":\"down\",\"allowed_by\":{\"old_floor\":\"0x5\","
           "\"new_floor\":\"0x6\"}}",
           .what = EVENT_WIDEN_DOWN, .level = 1, .a = 1, .b = 2, .c = 3, .d = 4, .e = 5, .f = 6);
    EXPECT(",\"level\":\"PUD\",\"old_before\":\"0x1\",\"old_after\":\"0x2\",\"new_before\":\"0x3\","
           "\"new_after\":\"0x4\",\"direction\":\"up\",\"allowed_by\":{\"old_ceiling\":\"0x5\","
           "\"new_ceiling\":\"0x6\"}}",
           .what = EVENT_WIDEN_UP, .level = 2, .a = 1, .b = 2, .c = 3, .d = 4, .e = 5, .f = 6);
}

/* Who forbids is on the wrong side of the edge; at the edge nobody forbids. */
static void test_not_widened(void **state)
{
    static const struct {
        enum trace_what what;
        uint64_t old, new;
        const char *who;
    } cases[] = {
        {EVENT_NOT_DOWN, 6, 6, "both"},          {EVENT_NOT_DOWN, 6, 5, "old neighbour"},
        {EVENT_NOT_DOWN, 5, 6, "new neighbour"}, {EVENT_NOT_UP, 4, 4, "both"},
        {EVENT_NOT_UP, 4, 5, "old neighbour"},   {EVENT_NOT_UP, 5, 4, "new neighbour"},
    };

    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        bool down = cases[n].what == EVENT_NOT_DOWN;
        const char *bound = down ? "floor" : "ceiling";
        char expected[300];

        snprintf(expected, sizeof(expected),
                 ",\"level\":\"PTE\",\"direction\":\"%s\",\"forbidden_by\":\"%s\",\"bounds\":{"
                 "\"old_%s\":\"0x%x\",\"new_%s\":\"0x%x\",\"old_edge\":\"0x5\",\"new_edge\":"
                 "\"0x5\"}}",
                 down ? "down" : "up", cases[n].who, bound, (unsigned)cases[n].old, bound,
                 (unsigned)cases[n].new);
        EXPECT(expected, .what = cases[n].what, .a = cases[n].old, .b = cases[n].new, .c = 5,
               .d = 5);
    }
}

static void test_areas(void **state)
{
    EXPECT(",\"start\":\"0x1000\",\"end\":\"0x2000\",\"flags\":\"0x3\",\"prot\":\"rw-p\","
           "\"name\":\"a\\\"b\\\\c\\u000a?\"}",
           .what = EVENT_VMA_INSERT, .a = 0x1000, .b = 0x2000, .c = VMA_READ | VMA_WRITE,
           .words = "a\"b\\c\n\xc3");
    EXPECT(",\"start\":\"0x1000\",\"end\":\"0x2000\",\"flags\":\"0xc\",\"prot\":\"--xs\"}",
           .what = EVENT_VMA_REMOVE, .a = 0x1000, .b = 0x2000, .c = VMA_EXEC | VMA_SHARED);
    EXPECT(",\"start\":\"0x1\",\"end\":\"0x2\",\"flags\":\"0x0\",\"id\":\"0x4\",\"pgoff\":\"0x5\","
           "\"prot\":\"---p\"}",
           .what = EVENT_STATE_VMA, .a = 1, .b = 2, .d = 4, .e = 5, .words = "");
    EXPECT(",\"address\":\"0x7123\",\"access\":\"exec\",\"result\":\"not mapped\"}",
           .what = EVENT_FAULT, .a = 0x7123, .b = ACCESS_EXEC, .words = "not mapped");
    EXPECT(",\"start\":\"0x1\",\"end\":\"0x2\",\"all\":true}", .what = EVENT_FLUSH, .a = 1, .b = 2,
           .c = 1);
}

static void expect_points(unsigned level, struct pte entry, const char *points)
{
    char expected[200];

    snprintf(expected, sizeof(expected),
             ",\"level\":\"%s\",\"address\":\"0x0\",\"count\":1,\"entry\":\"0x%llx\","
             "\"consecutive\":false,\"points\":%s}",
             level_name(level), (unsigned long long)entry.raw, points);
    EXPECT(expected, .what = EVENT_STATE_RUN, .level = level, .b = 1, .c = entry.raw, .e = 7);
}

static void test_entries(void **state)
{
    expect_points(PT_PMD, pte_table(0x3000), "\"table\",\"live\":7");
    expect_points(PT_PTE, pte_leaf(0x3000, PTE_R, PT_PTE), "\"page\"");
    expect_points(PT_PMD, pte_leaf(0x200000, PTE_R, PT_PMD), "\"huge\"");
}

/* The length is that of all of it, whatever fits; what does not is cut off. */
static void test_short_buffer(void **state)
{
    struct trace_event event = trace_begin("a program");
    char whole[TRACE_JSON], part[TRACE_JSON];
    int len = trace_json(&event, 12, whole, sizeof(whole));

    assert_non_null(strstr(whole, "\"version\":1,\"realign\":\"full\",\"levels\":4,\"bits\":9,"
                                  "\"page\":4096,\"program\":\"a program\"}"));
    for (size_t size = 1; size <= (size_t)len; size++) {
        memset(part, '#', sizeof(part));
        assert_int_equal(trace_json(&event, 12, part, size), len);
        assert_memory_equal(part, whole, size - 1);
        assert_int_equal(part[size - 1], '\0');
        assert_int_equal(part[size], '#');
    }
    event.file = NULL;
    trace_json(&event, 12, whole, sizeof(whole));
    assert_non_null(strstr(whole, "\"source\":\":"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),       cmocka_unit_test(test_widening),
        cmocka_unit_test(test_not_widened), cmocka_unit_test(test_areas),
        cmocka_unit_test(test_entries),     cmocka_unit_test(test_short_buffer),
    };

    return cmocka_run_group_tests_name("trace_json", tests, NULL, NULL);
}
