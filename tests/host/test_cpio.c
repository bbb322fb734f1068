/* The reader of cpio archives: what tools write. */
/* host-test: kernel/cpio.c */
#include "tests/host/test_cpio.h"

static void expect_end(void)
{
    assert_false(cpio_next(&cpio, &entry));
    assert_null(cpio.error);
}

/* ---- Good archives ---- */

static void test_files(void **state)
{
    begin();
    put_file("a", "");
    put_file("bin/sh", "#!");
    put_file("abc", "1234");
    put_file("abcd", "12345");
    put_trailer();
    open_archive();
    expect_file("a", "");
    expect_file("bin/sh", "#!");
    expect_file("abc", "1234");
    expect_file("abcd", "12345");
    expect_end();
}

static void test_fields(void **state)
{
    struct header h = {"070701",
                       {0xfffffffe, 0120777, 1000, 100, 2, 0x65432100, 0, 8, 1, 5, 9, 2, 0}};

    begin();
    put_entry(&h, "l", "", 0);
    put_trailer();
    open_archive();
    assert_true(cpio_next(&cpio, &entry));
    assert_int_equal(entry.ino, 0xfffffffe);
    assert_int_equal(entry.mode, 0120777);
    assert_int_equal(entry.uid, 1000);
    assert_int_equal(entry.gid, 100);
    assert_int_equal(entry.nlink, 2);
    assert_int_equal(entry.mtime, 0x65432100);
    assert_int_equal(entry.dev_major, 8);
    assert_int_equal(entry.dev_minor, 1);
    assert_int_equal(entry.rdev_major, 5);
    assert_int_equal(entry.rdev_minor, 9);
    expect_end();
}

static void test_names_are_normalised(void **state)
{
    static const char *const names[][2] = {
        {".", ""},          {"/", ""},          {"./", ""},     {"./x", "x"},         {"/x", "x"},
        {"//x//y/", "x/y"}, {"./a/./b", "a/b"}, {"...", "..."}, {"..x/.y", "..x/.y"}, {"a/.", "a"},
        {"././/.", ""},     {"x/y/z", "x/y/z"},
    };

    begin();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        put_file(names[i][0], "t");
    put_trailer();
    open_archive();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_file(names[i][1], "t");
    expect_end();
}

static void test_longest_name(void **state)
{
    static char name[CPIO_NAME_SIZE];

    memset(name, 'n', CPIO_NAME_SIZE - 1);
    begin();
    put_file(name, "t");
    put_trailer();
    open_archive();
    expect_file(name, "t");
    expect_end();
}

static void test_several_archives(void **state)
{
    begin();
    put_file("one", "1");
    put_trailer();
    put_file("two", "2");
    put_trailer();
    put((char[508]){0}, 508);
    put_file("three", "3");
    put_trailer();
    put((char[1021]){0}, 1021);
    open_archive();
    expect_file("one", "1");
    expect_file("two", "2");
    expect_file("three", "3");
    expect_end();
}

static void test_no_padding_at_the_very_end(void **state)
{
    begin();
    put_file("x", "t");
    put_trailer();
    while (archive.data[archive.size - 1] == 0 && archive.data[archive.size - 2] == 0)
        archive.size--;
    open_archive();
    expect_file("x", "t");
    expect_end();
}

static void test_checksum(void **state)
{
    struct header h = header_of(0100644, "x", 3);

    h.magic = "070702";
    h.field[CHECKSUM] = 'a' + 'b' + 0xff;
    begin();
    put_entry(&h, "x", "ab\xff", 3);
    put_trailer();
    open_archive();
    expect_file("x", "ab\xff");
    expect_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_names_are_normalised),
        cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_several_archives),
        cmocka_unit_test(test_no_padding_at_the_very_end),
        cmocka_unit_test(test_checksum),
    };

    return cmocka_run_group_tests_name("cpio", tests, NULL, teardown);
}
