/* The first line of a script, against what Linux 6.18 was seen to execute for the same bytes. */
/* host-test: kernel/script.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/script.h"

/* On the heap, so that a look beyond the end is seen. */
static char *head;
static struct script script;

static long parse(const char *bytes, size_t size)
{
    free(head);
    head = calloc(1, SCRIPT_HEAD);
    memcpy(head, bytes, size < SCRIPT_HEAD ? size : SCRIPT_HEAD);
    assert_true(script_is(head));
    return script_parse(head, &script);
}

static void expect(const char *line, const char *interpreter, const char *argument)
{
    assert_int_equal(parse(line, strlen(line)), 0);
    assert_string_equal(script.interpreter, interpreter);
    if (argument)
        assert_string_equal(script.argument, argument);
    else
        assert_null(script.argument);
}

static void refuse(const char *line)
{
    assert_int_equal(parse(line, strlen(line)), -ENOEXEC);
}

static void test_no_script(void **state)
{
    char empty[SCRIPT_HEAD] = "", other[SCRIPT_HEAD] = "# !/bin/sh", elf[SCRIPT_HEAD] = "\177ELF";

    assert_false(script_is(empty));
    assert_false(script_is(other));
    assert_false(script_is(elf));
}

static void test_lines(void **state)
{
    expect("#!/bin/sh\n", "/bin/sh", NULL);
    expect("#!/bin/sh\necho\n", "/bin/sh", NULL);
    expect("#!/bin/sh", "/bin/sh", NULL);
    expect("#! \t /bin/sh \t \n", "/bin/sh", NULL);
    expect("#!/bin/sh -e\n", "/bin/sh", "-e");
    expect("#!/bin/sh  -e  -x \t\n", "/bin/sh", "-e  -x");
    expect("#!/bin/sh\t-e", "/bin/sh", "-e");
    expect("#!/bin/sh\r\n", "/bin/sh\r", NULL);
    expect("#!sh\n\n", "sh", NULL);
}

static void test_nothing(void **state)
{
    refuse("#!\n");
    refuse("#! \t \n/bin/sh\n");
    refuse("#!\n/bin/sh\n");
}

/* Without a newline, blanks at the end count. */
static void test_end_of_file(void **state)
{
    expect("#!", "", NULL);
    expect("#!  ", "", NULL);
    expect("#!/bin/sh ", "/bin/sh", "");
    expect("#!/bin/sh -e ", "/bin/sh", "-e ");
    assert_int_equal(parse("#!/bin/sh\0 -e\n", 15), 0);
    assert_string_equal(script.interpreter, "/bin/sh");
    assert_null(script.argument);
}

/* A line of @length bytes: "#!", the name, a blank if @blank, then 'a's; nothing behind it. */
static long parse_long(size_t length, const char *name, char end)
{
    char line[2 * SCRIPT_HEAD];

    memset(line, 'a', sizeof(line));
    memcpy(line, "#!", 2);
    memcpy(line + 2, name, strlen(name));
    line[length] = end;
    return parse(line, length + 1);
}

static void test_long_lines(void **state)
{
    for (size_t length = 250; length < SCRIPT_HEAD; length++) {
        assert_int_equal(parse_long(length, "/", '\n'), 0);
        assert_int_equal(strlen(script.interpreter), length - 2);
        assert_int_equal(parse_long(length, "/bin/sh ", '\n'), 0);
        assert_int_equal(strlen(script.argument), length - 10);
    }
    for (size_t length = SCRIPT_HEAD; length < 300; length++) {
        assert_int_equal(parse_long(length, "/", '\n'), -ENOEXEC);
        assert_int_equal(parse_long(length, "/bin/sh ", '\n'), 0);
        assert_string_equal(script.interpreter, "/bin/sh");
        assert_int_equal(strlen(script.argument), SCRIPT_HEAD - 1 - 10);
    }
}

/* The last byte that is looked at is the one that ends the name. */
static void test_last_byte(void **state)
{
    assert_int_equal(parse_long(SCRIPT_HEAD - 1, "/", ' '), 0);
    assert_int_equal(strlen(script.interpreter), SCRIPT_HEAD - 3);
    assert_null(script.argument);
    assert_int_equal(parse_long(SCRIPT_HEAD - 1, "/", '\0'), 0);
    assert_int_equal(strlen(script.interpreter), SCRIPT_HEAD - 3);
}

static void test_blanks_only(void **state)
{
    char line[SCRIPT_HEAD + 10];

    memset(line, ' ', sizeof(line));
    memcpy(line, "#!", 2);
    assert_int_equal(parse(line, sizeof(line)), -ENOEXEC);
    assert_int_equal(parse(line, SCRIPT_HEAD - 1), -ENOEXEC);
    line[SCRIPT_HEAD] = '/';
    assert_int_equal(parse(line, sizeof(line)), -ENOEXEC);
}

static int free_head(void **state)
{
    free(head);
    head = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_script),   cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing),     cmocka_unit_test(test_end_of_file),
        cmocka_unit_test(test_long_lines),  cmocka_unit_test(test_last_byte),
        cmocka_unit_test(test_blanks_only),
    };

    return cmocka_run_group_tests(tests, NULL, free_head);
}
