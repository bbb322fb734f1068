/* Boot information as loaders leave it, in one piece of physical memory, to be read or spoiled. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot.h"

#define MB1 0x2badb002u
#define MB2 0x36d76289u
#define PVH 0x336ec578u

#define MIB(n) ((uint64_t)(n) << 20)

/* ---- Physical memory: one piece, on the heap so that a read beyond it is seen ---- */

#define BASE 0x9000u
#define SIZE 0x2000u

static uint8_t *memory;
static uint32_t used; /* bytes written so far */

static const void *at(void *ctx, paddr_t pa, uint64_t size)
{
    (void)ctx;
    if (pa < BASE || pa >= BASE + SIZE || size > BASE + SIZE - pa)
        return NULL;
    return memory + (pa - BASE);
}

static const struct boot_memory reader = {.at = at};
static struct boot_info info;

static const char *parse(uint32_t magic)
{
    return bootinfo_parse(&info, magic, BASE, &reader);
}

/* Append @size bytes; returns their physical address. */
static uint32_t put(const void *bytes, uint32_t size)
{
    uint32_t pa = BASE + used;

    assert_true(used + size <= SIZE);
    memcpy(memory + used, bytes, size);
    used += size;
    return pa;
}

static void put32(uint32_t value)
{
    put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
    put(&value, sizeof(value));
}

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, SIZE);
    used = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* ---- The three forms ---- */

struct piece {
    uint64_t base, size;
    uint32_t type;
};

/* What a machine of 64 MiB has, with a module at 4 MiB. */
static const struct piece usual[] = {
    {0, 0x9fc00, 1},
    {0x9fc00, 0x400, 2},
    {MIB(1), MIB(63), 1},
};
#define USUAL usual, sizeof(usual) / sizeof(usual[0])

static uint32_t put_map(const struct piece *pieces, size_t count, bool sizes, uint32_t stride)
{
    uint32_t start = BASE + used;

    for (size_t i = 0; i < count; i++) {
        if (sizes)
            put32(stride);
        put64(pieces[i].base);
        put64(pieces[i].size);
        put32(pieces[i].type);
        for (uint32_t pad = 20; pad < stride; pad++)
            put("", 1);
    }
    return start;
}

static void build_mb1(const char *cmdline, const struct piece *pieces, size_t count)
{
    uint32_t fields[22] = {0x4c};
    uint32_t module[4] = {MIB(4), MIB(4) + 1000};

    used = sizeof(fields);
    fields[4] = put(cmdline, (uint32_t)strlen(cmdline) + 1);
    fields[5] = 1;
    fields[6] = put(module, sizeof(module));
    fields[12] = put_map(pieces, count, true, 20);
    fields[11] = BASE + used - fields[12];
    memcpy(memory, fields, sizeof(fields));
}

static void end_tag(void)
{
    while (used % 8)
        put("", 1);
    put32(0);
    put32(8);
    memcpy(memory, &used, sizeof(used));
}

static void begin_tag(uint32_t type, uint32_t body)
{
    while (used % 8)
        put("", 1);
    put32(type);
    put32(8 + body);
}

static void build_mb2(const char *cmdline, const struct piece *pieces, size_t count)
{
    used = 8;
    begin_tag(1, (uint32_t)strlen(cmdline) + 1);
    put(cmdline, (uint32_t)strlen(cmdline) + 1);
    begin_tag(3, 9);
    put32(MIB(4));
    put32(MIB(4) + 1000);
    put("", 1);
    begin_tag(6, 8 + 24 * (uint32_t)count);
    put32(24);
    put32(0);
    put_map(pieces, count, false, 24);
    begin_tag(14, 20);
    put("RSD PTR             ", 20);
    end_tag();
}

static void build_pvh(const char *cmdline, const struct piece *pieces, size_t count)
{
    struct {
        uint32_t magic, version, flags, modules;
        uint64_t list, cmdline, rsdp, map;
        uint32_t entries, reserved;
    } head = {
        .magic = PVH, .version = 1, .modules = 1, .rsdp = 0xf0000, .entries = (uint32_t)count};
    uint64_t module[4] = {MIB(4), 1000};

    used = sizeof(head);
    head.cmdline = put(cmdline, (uint32_t)strlen(cmdline) + 1);
    head.list = put(module, sizeof(module));
    head.map = put_map(pieces, count, false, 24);
    memcpy(memory, &head, sizeof(head));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
