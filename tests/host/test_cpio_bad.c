/* The reader of cpio archives: what nobody should write. */
/* host-test: kernel/cpio.c */
#include "tests/host/test_cpio.h"

/* The next entry, number @number, is refused with @error, which lies at @offset. */
static void expect_error(unsigned number, const char *error, uint64_t offset)
{
    assert_false(cpio_next(&cpio, &entry));
    assert_non_null(cpio.error);
    assert_string_equal(cpio.error, error);
    assert_int_equal(cpio.entries, number);
    assert_int_equal(cpio.offset, offset);
}

/* ---- Bad ones ---- */

static void test_wrong_checksum(void **state)
{
    struct header h = header_of(0100644, "x", 3);

    h.magic = "070702";
    h.field[CHECKSUM] = 'a' + 'b' + 'd';
    begin();
    put_entry(&h, "x", "abc", 3);
    put_trailer();
    open_archive();
    expect_error(1, "checksum does not match", 112);
}

static void test_bad_magic(void **state)
{
    static const char *const magics[] = {"070707",       "070700", "07070\0",
                                         "\0\0\0\0\0\0", "170701", "\xc7q\0\0\0\0"};

    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        struct header h = header_of(0100644, "y", 0);

        begin();
        put_file("x", "abcd");
        h.magic = magics[i];
        put_entry(&h, "y", "", 0);
        put_trailer();
        open_archive();
        expect_file("x", "abcd");
        expect_error(2, "not a newc header", 116);
    }
}

static void test_not_hexadecimal(void **state)
{
    for (int field = 0; field < 13; field++) {
        for (const char *c = "gG/:@`x -+\xff"; *c; c++) {
            begin();
            put_file("x", "");
            put_trailer();
            archive.data[6 + field * 8 + 7] = *c;
            open_archive();
            expect_error(1, "a number that is not hexadecimal", 6 + field * 8);
        }
    }
}

static void test_garbage_behind_a_trailer(void **state)
{
    begin();
    put_trailer();
    put("\0\0\0\0garbage", 11);
    open_archive();
    expect_error(2, "the archive ends in a header", 128);
}

static void test_empty(void **state)
{
    begin();
    open_archive();
    expect_error(1, "the archive ends without TRAILER!!!", 0);
}

static void test_no_trailer(void **state)
{
    begin();
    put_file("x", "abcd");
    open_archive();
    expect_file("x", "abcd");
    expect_error(2, "the archive ends without TRAILER!!!", 116);
}

static void test_name_without_nul(void **state)
{
    struct header h = header_of(0100644, "abc", 0);

    begin();
    h.field[NAME_SIZE] = 3;
    put_entry(&h, "abc", "", 0);
    put_trailer();
    open_archive();
    expect_error(1, "name does not end where its length says", 110);
}

static void test_name_with_nul_inside(void **state)
{
    struct header h = header_of(0100644, "abc", 0);

    begin();
    h.field[NAME_SIZE] = 6;
    put_header(&h);
    put("ab\0cd\0", 6);
    put_trailer();
    open_archive();
    expect_error(1, "name does not end where its length says", 110);
}

static void test_absurd_name_sizes(void **state)
{
    static const uint32_t sizes[] = {0,          CPIO_NAME_SIZE + 1, 0x7fffffff,
                                     0x80000000, 0xffffffff,         0xfffffffe};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct header h = header_of(0100644, "abc", 0);

        begin();
        h.field[NAME_SIZE] = sizes[i];
        put_entry(&h, "abc", "", 0);
        put_trailer();
        open_archive();
        expect_error(1, "absurd length of a name", 0);
    }
}

static void test_name_past_the_end(void **state)
{
    struct header h = header_of(0100644, "abc", 0);

    begin();
    h.field[NAME_SIZE] = 100;
    put_entry(&h, "abc", "", 0);
    open_archive();
    expect_error(1, "name runs past the end", 110);
    begin();
    put_header(&h);
    open_archive();
    expect_error(1, "name runs past the end", 110);
}

static void test_contents_past_the_end(void **state)
{
    static const uint32_t sizes[] = {5, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct header h = header_of(0100644, "x", 0);

        begin();
        h.field[FILE_SIZE] = sizes[i];
        put_entry(&h, "x", "abcd", 4);
        open_archive();
        expect_error(1, "contents run past the end", 112);
    }
}

static void test_dot_dot(void **state)
{
    static const char *const names[] = {"..",  "../x",   "a/..",    "a/../b",
                                        "/..", "./../x", "a//..//b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin();
        put_file(names[i], "");
        put_trailer();
        open_archive();
        assert_false(cpio_next(&cpio, &entry));
        assert_string_equal(cpio.error, "name with \"..\" in it");
    }
}

/* ---- All of a kind ---- */

/* Read to the end. No more entries can come than there are headers' worth of bytes. */
static unsigned read_all(void)
{
    unsigned count = 0;

    while (cpio_next(&cpio, &entry)) {
        assert_in_range(entry.data - (const uint8_t *)memory, 0, cpio.size);
        assert_in_range(entry.size, 0,
                        cpio.size - (uint64_t)(entry.data - (const uint8_t *)memory));
        assert_true(strlen(entry.name) < CPIO_NAME_SIZE);
        assert_true(++count <= cpio.size / 110);
    }
    assert_true(cpio.offset <= cpio.size);
    return count;
}

/* Two archives. Returns where the first one ends, with the three zeros behind its trailer. */
static size_t write_sample(void)
{
    size_t first;

    begin();
    put_file("etc/passwd", "root:x:0:0::/:/bin/sh\n");
    put_file("./init", "abcdefg");
    put_trailer();
    first = archive.size;
    put_file("more", "m");
    put_trailer();
    return first;
}

/* Cut anywhere, an archive is refused, except right behind one of its trailers. */
static void test_every_truncation(void **state)
{
    size_t first = write_sample(), whole = archive.size;

    for (size_t size = 0; size < whole; size++) {
        bool good = (size >= first - 3 && size <= first) || size >= whole - 3;

        open_bytes(size);
        read_all();
        assert_int_equal(cpio.error == NULL, good);
    }
    open_bytes(whole);
    assert_int_equal(read_all(), 3);
    assert_null(cpio.error);
}

static void test_every_byte_spoiled(void **state)
{
    static const unsigned char values[] = {0,   1,   '.', '/',  '0',  '1', '2',
                                           '7', 'F', 'f', 0x7f, 0x80, 0xff};
    size_t whole;

    write_sample();
    whole = archive.size;
    for (size_t at = 0; at < whole; at++) {
        char before = archive.data[at];

        for (size_t i = 0; i < sizeof(values); i++) {
            archive.data[at] = (char)values[i];
            open_bytes(whole);
            read_all();
        }
        archive.data[at] = before;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_checksum),
        cmocka_unit_test(test_bad_magic),
        cmocka_unit_test(test_not_hexadecimal),
        cmocka_unit_test(test_garbage_behind_a_trailer),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_no_trailer),
        cmocka_unit_test(test_name_without_nul),
        cmocka_unit_test(test_name_with_nul_inside),
        cmocka_unit_test(test_absurd_name_sizes),
        cmocka_unit_test(test_name_past_the_end),
        cmocka_unit_test(test_contents_past_the_end),
        cmocka_unit_test(test_dot_dot),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_byte_spoiled),
    };

    return cmocka_run_group_tests_name("cpio_bad", tests, NULL, teardown);
}
