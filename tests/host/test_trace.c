/* The words of each event, and the list of kinds that a user may ask for. */
/* host-build: 9/4 */
#include "mm/vma.h"
#include "tests/host/test.h"

#define TEXT(expected, ...)                                                                        \
    do {                                                                                           \
        char line_[200];                                                                           \
        int len_ = trace_text(&(struct trace_event){__VA_ARGS__}, line_, sizeof(line_));           \
                                                                                                   \
        assert_string_equal(line_, expected);                                                      \
        assert_int_equal(len_, strlen(expected));                                                  \
    } while (0)

static void test_words_of_moves(void **state)
{
    TEXT("mremap old 1000+2000 new_len 3000 flags 3 new 9000", .what = EVENT_CALL, .level = 3,
         .a = 0x1000, .b = 0x2000, .c = 0x3000, .d = 0x9000);
    TEXT("mremap returns 9000", .what = EVENT_RETURN, .a = 0x9000);
    TEXT("move 1000 -> 9000, 2000 bytes", .what = EVENT_MOVE, .a = 0x1000, .b = 0x9000,
         .c = 0x2000);
    TEXT("widen down to PMD: old 201000 -> 200000, new 1000 -> 0; old floor 8, new floor 9",
         .what = EVENT_WIDEN_DOWN, .level = PT_PMD, .a = 0x201000, .b = 0x200000, .c = 0x1000,
         .d = 0, .e = 8, .f = 9);
    TEXT("widen up to PUD: old end 1 -> 2, new end 3 -> 4; old ceiling 5, new ceiling 6",
         .what = EVENT_WIDEN_UP, .level = PT_PUD, .a = 1, .b = 2, .c = 3, .d = 4, .e = 5, .f = 6);
    TEXT("no widening down to PGD: old floor 5 > 4, new floor 6 <= 6", .what = EVENT_NOT_DOWN,
         .level = PT_PGD, .a = 5, .b = 6, .c = 4, .d = 6);
    TEXT("no widening up to PMD: old ceiling 7 >= 7, new ceiling 8 < 9", .what = EVENT_NOT_UP,
         .level = PT_PMD, .a = 7, .b = 8, .c = 7, .d = 9);
    TEXT("step PMD 200000 -> 0 span 200000 entry abc067 over def067", .what = EVENT_STEP,
         .level = PT_PMD, .a = 0x200000, .b = 0, .c = 0xabc067, .d = 0xdef067);
    TEXT("step PMD 200000 -> 0 span 200000 entry abc067", .what = EVENT_STEP, .level = PT_PMD,
         .a = 0x200000, .b = 0, .c = 0xabc067);
    TEXT("warning: PMD 200000 -> 0 span 200000 entry abc067 over def067: destination not none, a "
         "table without pages; goes by PTEs",
         .what = EVENT_WARN, .level = PT_PMD, .a = 0x200000, .b = 0, .c = 0xabc067, .d = 0xdef067);
    TEXT("moved 1 PTE, 2 PMD, 3 PUD, 4 PGD", .what = EVENT_MOVED, .a = 1, .b = 2, .c = 3, .d = 4);
}

static void test_words_of_the_rest(void **state)
{
    TEXT("table of PTEs for 200000 new", .what = EVENT_TABLE_NEW, .level = PT_PTE, .a = 0x200000);
    TEXT("table of PMDs for 0 emptied", .what = EVENT_TABLE_EMPTIED, .level = PT_PMD, .a = 0);
    TEXT("table of PMDs for 0 gone, queued", .what = EVENT_TABLE_GONE, .level = PT_PMD, .a = 0);
    TEXT("set PTE 1000: 0 -> abc067", .what = EVENT_SET, .a = 0x1000, .b = 0xabc067, .d = 1);
    TEXT("set PTE 1000, 5 of them: abc067 -> 0, stride -4096", .what = EVENT_SET, .a = 0x1000,
         .c = 0xabc067, .d = 5, .e = (uint64_t)-4096);
    TEXT("vma insert 1000-2000 flags 3", .what = EVENT_VMA_INSERT, .a = 0x1000, .b = 0x2000,
         .c = 3);
    TEXT("vma remove 1000-2000", .what = EVENT_VMA_REMOVE, .a = 0x1000, .b = 0x2000);
    TEXT("vma resize 1-2 to 3-4", .what = EVENT_VMA_RESIZE, .a = 1, .b = 2, .c = 3, .d = 4);
    TEXT("vma flags of 1-2: 4 -> 3", .what = EVENT_VMA_FLAGS, .a = 1, .b = 2, .c = 3, .d = 4);
    TEXT("vma split 1-3 at 2", .what = EVENT_VMA_SPLIT, .a = 1, .b = 3, .c = 2);
    TEXT("vma merge 1-2-3", .what = EVENT_VMA_MERGE, .a = 1, .b = 2, .c = 3);
    TEXT("fault 1000 read: done", .what = EVENT_FAULT, .a = 0x1000, .b = ACCESS_READ,
         .words = "done");
    TEXT("fault 1000 write: not mapped", .what = EVENT_FAULT, .a = 0x1000, .b = ACCESS_WRITE,
         .words = "not mapped");
    TEXT("fault 1000 exec: not allowed", .what = EVENT_FAULT, .a = 0x1000, .b = ACCESS_EXEC,
         .words = "not allowed");
    TEXT("flush 1000-2000", .what = EVENT_FLUSH, .a = 0x1000, .b = 0x2000);
    TEXT("flush 1000-2000, all", .what = EVENT_FLUSH, .a = 0x1000, .b = 0x2000, .c = 1);
    TEXT("refused -22: why not", .what = EVENT_REFUSED, .a = (uint64_t)-22, .words = "why not");
}

static void test_words_of_system_calls(void **state)
{
    TEXT("munmap(1000, 2000)", .what = EVENT_SYSCALL_IN, .level = 2, .a = 0x1000, .b = 0x2000,
         .words = "munmap");
    TEXT("getpid()", .what = EVENT_SYSCALL_IN, .words = "getpid");
    TEXT("munmap returns 0", .what = EVENT_SYSCALL_OUT, .words = "munmap");
    TEXT("munmap returns ffffffffffffffea: address not page-aligned", .what = EVENT_SYSCALL_OUT,
         .a = (uint64_t)-22, .b = 1 + REFUSE_UNALIGNED, .words = "munmap");
}

/* A picture of an address space has the words of mm_dump(). */
static void test_words_of_a_state(void **state)
{
    TEXT("realign=full, 4 levels of 9 bits: demo", .what = EVENT_BEGIN, .words = "demo");
    TEXT("mm: 1 VMAs, 2 pages, 3 mapped, 4 tables", .what = EVENT_STATE_BEGIN, .a = 1, .b = 2,
         .c = 3, .d = 4);
    TEXT("vma 000000001000-000000003000 rw-p grows pages 2 id 7 pgoff 1 [stack]",
         .what = EVENT_STATE_VMA, .a = 0x1000, .b = 0x3000,
         .c = VMA_READ | VMA_WRITE | VMA_GROWSDOWN, .d = 7, .e = 1, .words = "[stack]");
    TEXT("PGD   0 000000000000 table of 3", .what = EVENT_STATE_RUN, .level = PT_PGD, .b = 1,
         .c = 0x5027, .e = 3);
    TEXT("      PTE   1 000000001000-000000003000 rw- 2", .what = EVENT_STATE_RUN, .a = 0x1000,
         .b = 2, .c = 0x8000000000006067);
    TEXT("end of mm", .what = EVENT_STATE_END);
}

static void test_short_buffer(void **state)
{
    char line[8];
    struct trace_event event = {.what = EVENT_RETURN, .a = 0x1000};

    assert_int_equal(trace_text(&event, line, sizeof(line)), 19);
    assert_string_equal(line, "mremap ");
}

static void expect_kinds(const char *list, uint32_t mask, const char *bad)
{
    const char *found = "unset";

    assert_int_equal(trace_kinds(list, &found), mask);
    assert_ptr_equal(found, bad);
}

static void test_kinds(void **state)
{
    const char *list = "pt,nonsense,vma";

    expect_kinds("", 0, NULL);
    expect_kinds("mremap", TRACE_MREMAP, NULL);
    expect_kinds("pt", TRACE_PT, NULL);
    expect_kinds("vma,tlb", TRACE_VMA | TRACE_TLB, NULL);
    expect_kinds("refuse,fault,mremap", TRACE_REFUSE | TRACE_FAULT | TRACE_MREMAP, NULL);
    expect_kinds("all", (1u << TRACE_KIND_COUNT) - 1 - TRACE_STATE, NULL);
    expect_kinds("all,state,syscall", (1u << TRACE_KIND_COUNT) - 1, NULL);
    expect_kinds(list, 0, list + 3);
    list = "ptt";
    expect_kinds(list, 0, list);
    list = "p";
    expect_kinds(list, 0, list);
    list = "pt,,vma";
    expect_kinds(list, 0, list + 3);
}

static void test_names(void **state)
{
    assert_string_equal(level_name(PT_PTE), "PTE");
    assert_string_equal(level_name(PT_PGD), "PGD");
    assert_string_equal(level_name(4), "?");
    for (enum refusal why = 0; why < REFUSAL_COUNT; why++) {
        const char *name = mm_refusal_name(why);

        assert_true(name[0] && mm_refusal_words(why)[0]);
        for (; *name; name++)
            assert_true((*name >= 'a' && *name <= 'z') || *name == '_');
    }
    assert_string_equal(mm_refusal_name(REFUSE_NO_GAP), "no_gap");
}

/* Fields of JSON are those that the words are made of. */
static void test_json_of_a_run(void **state)
{
    struct trace_event run = {.what = EVENT_SET,
                              .a = 0x1000,
                              .c = 0xabc067,
                              .d = 5,
                              .e = (uint64_t)-4096,
                              .file = "mm/x.c",
                              .line = 7};
    char line[TRACE_JSON];

    trace_json(&run, 3, line, sizeof(line));
    assert_string_equal(line,
                        "{\"n\":3,\"kind\":\"pt\",\"event\":\"set\",\"text\":\"set PTE 1000, 5 of "
                        "them: abc067 -> 0, stride -4096\",\"source\":\"x.c:7\",\"level\":\"PTE\","
                        "\"address\":\"0x1000\",\"entry\":\"0x0\",\"before\":\"0xabc067\","
                        "\"count\":5,\"stride\":-4096}");
}

/* A call tells what it did, in order, and nothing that was not asked for. */
static void test_story_of_a_call(void **state)
{
    struct mm *mm;

    sim_boot(64);
    mm = sim_create();
    sim_mmap(mm, 0x200000, PAGE_SIZE, 3, 0x32);
    assert_int_equal(sim_trace_count(), 0);
    port_trace_mask = TRACE_MREMAP | TRACE_REFUSE;
    assert_int_equal(sim_mremap(mm, 0x200000, PAGE_SIZE, PAGE_SIZE, 0x100, 0), -22);
    assert_int_equal(sim_trace_count(), 3);
    assert_string_equal(sim_trace_line(0), "mremap old 200000+1000 new_len 1000 flags 100 new 0");
    assert_string_equal(sim_trace_line(1), "refused -22: unknown or contradictory flags");
    assert_string_equal(sim_trace_line(2), "mremap returns ffffffffffffffea");
    assert_int_equal(mm_stats.refused[REFUSE_FLAGS], 1);
    port_trace_mask = 0;
    sim_destroy(mm);
    sim_halt();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_moves),
        cmocka_unit_test(test_words_of_the_rest),
        cmocka_unit_test(test_words_of_system_calls),
        cmocka_unit_test(test_words_of_a_state),
        cmocka_unit_test(test_json_of_a_run),
        cmocka_unit_test(test_short_buffer),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_story_of_a_call),
    };

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
