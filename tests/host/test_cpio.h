/* Archives to be written entry by entry, and read from memory that ends where they end. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cpio.h"

/* ---- Archives to read ---- */

/* An archive being written; what is longer than that is a mistake of the test. */
static struct {
    char data[65536];
    size_t size;
} archive;

/* The header of one entry before it is written, to be spoiled by a test. */
struct header {
    const char *magic;
    uint32_t field[13]; /* ino mode uid gid nlink mtime filesize dev rdev (2 each) namesize check */
};
enum { INO, MODE, UID, GID, NLINK, MTIME, FILE_SIZE, NAME_SIZE = 11, CHECKSUM };

static void begin(void)
{
    archive.size = 0;
}

static void put(const void *data, size_t size)
{
    assert_true(archive.size + size <= sizeof(archive.data));
    memcpy(archive.data + archive.size, data, size);
    archive.size += size;
}

static void pad(void)
{
    while (archive.size % 4)
        put("", 1);
}

static struct header header_of(uint32_t mode, const char *name, size_t size)
{
    static uint32_t ino;

    return (struct header){"070701",
                           {++ino, mode, 1, 2, 1, 1700000000, (uint32_t)size, 3, 4, 5, 6,
                            (uint32_t)strlen(name) + 1, 0}};
}

static void put_header(const struct header *h)
{
    put(h->magic, 6);
    for (int i = 0; i < 13; i++) {
        char digits[9];

        snprintf(digits, sizeof(digits), i % 2 ? "%08X" : "%08x", h->field[i]);
        put(digits, 8);
    }
}

static void put_entry(const struct header *h, const char *name, const void *data, size_t size)
{
    put_header(h);
    put(name, strlen(name) + 1);
    pad();
    put(data, size);
    pad();
}

static void put_file(const char *name, const char *text)
{
    struct header h = header_of(0100644, name, strlen(text));

    put_entry(&h, name, text, strlen(text));
}

static void put_trailer(void)
{
    struct header h = header_of(0, "TRAILER!!!", 0);

    put_entry(&h, "TRAILER!!!", "", 0);
}

/* ---- Reading, from memory that ends where the archive ends ---- */

static struct cpio cpio;
static struct cpio_entry entry;
static char *memory;

static void open_bytes(size_t size)
{
    free(memory);
    memory = malloc(size ? size : 1);
    assert_non_null(memory);
    memcpy(memory, archive.data, size);
    cpio_open(&cpio, memory, size);
}

static void open_archive(void)
{
    open_bytes(archive.size);
}

static int teardown(void **state)
{
    free(memory);
    memory = NULL;
    return 0;
}

static void expect_file(const char *name, const char *text)
{
    assert_true(cpio_next(&cpio, &entry));
    assert_string_equal(entry.name, name);
    assert_int_equal(entry.size, strlen(text));
    assert_memory_equal(entry.data, text, strlen(text));
}
