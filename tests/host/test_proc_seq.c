/* Texts that are made up while they are read, and numbers as programs write them. */
/* host-test: kernel/proc_seq.c kernel/proc_setting.c kernel/text.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/proc_seq.h"
#include "kernel/proc_setting.h"
#include "kernel/slab.h"

/* ---- Memory ---- */

static size_t held, most_held;
static bool no_memory;

void *kmalloc(size_t size)
{
    if (no_memory)
        return NULL;
    held += size;
    most_held = held > most_held ? held : most_held;
    return calloc(1, size);
}

void kfree(void *object, size_t size)
{
    if (!object)
        return;
    held -= size;
    free(object);
}

/* ---- A text of numbered lines ---- */

#define LINES 60000u
#define LINE 16u

struct lines {
    unsigned count;
    unsigned calls;
    long fail; /* at line 10 */
};

static long next_line(struct text *out, const void *ctx, uint64_t *cursor)
{
    struct lines *lines = (struct lines *)ctx;

    lines->calls++;
    if (*cursor == 10 && lines->fail)
        return lines->fail;
    if (*cursor == lines->count)
        return 0;
    text_format(out, "line %010u\n", (unsigned)(*cursor)++);
    return 1;
}

/* Read at most @len bytes at @pos, as the file's read does. */
static long read_at(struct seq *seq, struct lines *lines, char *buf, size_t len, uint64_t pos)
{
    const char *bytes;
    long n = seq_find(seq, pos, next_line, lines, &bytes);

    if (n <= 0)
        return n;
    n = (size_t)n < len ? n : (long)len;
    memcpy(buf, bytes, (size_t)n);
    seq_read_on(seq, pos + (uint64_t)n);
    return n;
}

static void check_text(const char *text, size_t length, uint64_t pos)
{
    for (size_t i = 0; i < length; i++) {
        char line[LINE + 1];

        snprintf(line, sizeof(line), "line %010u\n", (unsigned)((pos + i) / LINE));
        assert_int_equal(text[i], line[(pos + i) % LINE]);
    }
}

/* All of it in pieces of any size: each line made once, in the memory of a few of them. */
static void test_in_one_go(void **state)
{
    static const size_t sizes[] = {1, 7, 16, 4095, 65536};

    for (unsigned i = 0; i < 5; i++) {
        struct lines lines = {.count = sizes[i] == 1 ? 1000 : LINES};
        struct seq seq = {0};
        static char buf[65536];
        uint64_t pos = 0;
        long n;

        most_held = 0;
        while ((n = read_at(&seq, &lines, buf, sizes[i], pos)) > 0) {
            check_text(buf, (size_t)n, pos);
            pos += (uint64_t)n;
        }
        assert_int_equal(n, 0);
        assert_int_equal(pos, lines.count * LINE);
        assert_int_equal(lines.calls, lines.count + 1);
        assert_true(most_held <= PAGE_SIZE);
        assert_int_equal(read_at(&seq, &lines, buf, 5, pos), 0);
        seq_free(&seq);
        assert_int_equal(held, 0);
    }
}

/* Elsewhere it is made up from the start; at the start, always. */
static void test_elsewhere(void **state)
{
    struct lines lines = {.count = 1000};
    struct seq seq = {0};
    char buf[64];

    assert_int_equal(read_at(&seq, &lines, buf, 20, 500 * LINE + 3), 20);
    check_text(buf, 20, 500 * LINE + 3);
    assert_int_equal(read_at(&seq, &lines, buf, 20, 40), 20);
    check_text(buf, 20, 40);
    assert_int_equal(read_at(&seq, &lines, buf, 20, 0), 20);
    check_text(buf, 20, 0);
    lines.calls = 0;
    assert_int_equal(read_at(&seq, &lines, buf, 20, 20), 20);
    check_text(buf, 20, 20);
    assert_int_equal(lines.calls, 0);
    assert_int_equal(read_at(&seq, &lines, buf, 20, 0), 20);
    assert_true(lines.calls > 0);
    assert_int_equal(read_at(&seq, &lines, buf, 20, 1000 * LINE), 0);
    assert_int_equal(read_at(&seq, &lines, buf, 20, UINT64_MAX), 0);
    assert_int_equal(read_at(&seq, &lines, buf, 20, 999 * LINE), LINE);
    check_text(buf, LINE, 999 * LINE);
    seq_free(&seq);
}

static void test_empty(void **state)
{
    struct lines lines = {0};
    struct seq seq = {0};
    char buf[8];

    assert_int_equal(read_at(&seq, &lines, buf, 8, 0), 0);
    assert_int_equal(read_at(&seq, &lines, buf, 8, 5), 0);
    seq_free(&seq);
}

static void test_failures(void **state)
{
    struct lines lines = {.count = 100, .fail = -ESRCH};
    struct seq seq = {0};
    char buf[64];

    assert_int_equal(read_at(&seq, &lines, buf, 20, 0), -ESRCH);
    lines.fail = 0;
    assert_int_equal(read_at(&seq, &lines, buf, 20, 20), 20);
    check_text(buf, 20, 20);
    seq_free(&seq);
    no_memory = true;
    assert_int_equal(read_at(&seq, &lines, buf, 20, 0), -ENOMEM);
    no_memory = false;
    assert_int_equal(read_at(&seq, &lines, buf, 20, 0), 20);
    seq_free(&seq);
}

/* A record may be longer than what is held otherwise. */
static long next_long(struct text *out, const void *ctx, uint64_t *cursor)
{
    char *room = text_room(out, 3 * PAGE_SIZE);

    if ((*cursor)++ || !room)
        return 0;
    memset(room, 'x', 3 * PAGE_SIZE);
    text_grown(out, 3 * PAGE_SIZE);
    return 1;
}

static void test_long_record(void **state)
{
    struct seq seq = {0};
    const char *bytes;

    assert_int_equal(seq_find(&seq, 2 * PAGE_SIZE, next_long, NULL, &bytes), PAGE_SIZE);
    assert_int_equal(bytes[PAGE_SIZE - 1], 'x');
    seq_free(&seq);
    assert_int_equal(held, 0);
}

/* ---- Numbers ---- */

static void check_number(const char *text, long taken, int64_t value)
{
    int64_t setting = -99;

    assert_int_equal(proc_parse_setting(text, strlen(text), -5, 100000, &setting), taken);
    assert_int_equal(setting, taken > 0 ? value : -99);
}

/* As Linux 6.18 answered to the same. */
static void test_numbers(void **state)
{
    check_number("65530", 5, 65530);
    check_number("65531\n", 6, 65531);
    check_number("  65532  \n", 10, 65532);
    check_number("65532 7\n", 6, 65532);
    check_number("0x10000", 7, 65536);
    check_number("070000", 6, 28672);
    check_number("0", 1, 0);
    check_number("-5\n", 3, -5);
    check_number("", 0, 0);
    check_number("abc", -EINVAL, 0);
    check_number("-", -EINVAL, 0);
    check_number("-6", -EINVAL, 0);
    check_number("100001", -EINVAL, 0);
    check_number("65531x", -EINVAL, 0);
    check_number("65531,3", -EINVAL, 0);
    check_number("+1", -EINVAL, 0);
    check_number("0x", -EINVAL, 0);
    check_number("08", -EINVAL, 0);
    check_number("\n", -EINVAL, 0);
    check_number("99999999999999999999", -EINVAL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_one_go),   cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_empty),       cmocka_unit_test(test_failures),
        cmocka_unit_test(test_long_record), cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests_name("proc_seq", tests, NULL, NULL);
}
