/* Which files exec takes for programs. Each case is one good file with one thing wrong. */
/* host-test: kernel/elf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/elf.h"

#define LOWEST 0x10000
#define FILE_SIZE 0x5000
#define PHNUM 4

/* What a static program looks like: text, data with bss, a note about the stack, a note without memory. */
struct file {
    struct elf_header header;
    struct elf_phdr phdr[PHNUM];
};
enum { TEXT, DATA, STACK, EMPTY };

static struct file good_file(void)
{
    return (struct file){
        .header = {.magic = "\177ELF",
                   .class = 2,
                   .data = 1,
                   .ident_version = 1,
                   .type = ET_EXEC,
                   .machine = EM_X86_64,
                   .version = 1,
                   .entry = 0x401234,
                   .phoff = 64,
                   .ehsize = 64,
                   .phentsize = 56,
                   .phnum = PHNUM},
        .phdr =
            {
                {PT_LOAD, PF_R | PF_X, 0, 0x400000, 0, 0x2345, 0x2345, 0x1000},
                {PT_LOAD, PF_R | PF_W, 0x2500, 0x403500, 0, 0x800, 0x3000, 0x200000},
                {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
                {PT_LOAD, PF_R, 0x123456789, 0xffff800000000000, 0, 0, 0, 3},
            },
    };
}

static struct elf_header header;
static struct elf_image image;

/* Both checks, each on memory of exactly the size that it is told. */
static const char *check_sized(const struct file *file, uint64_t file_size)
{
    size_t head_size = file_size < sizeof(header) ? file_size : sizeof(header), table_size;
    char *head = malloc(head_size ? head_size : 1);
    struct elf_phdr *table;
    const char *why;

    memcpy(head, &file->header, head_size);
    why = elf_check_header(head, head_size, file_size, &header, &image);
    free(head);
    if (why)
        return why;
    table_size = image.phnum * sizeof(*table);
    table = calloc(1, table_size);
    memcpy(table, file->phdr, table_size < sizeof(file->phdr) ? table_size : sizeof(file->phdr));
    why = elf_check_interp(table, &image);
    if (!why)
        why = elf_check_table(&header, table, file_size, LOWEST, &image);
    free(table);
    return why;
}

static const char *check(const struct file *file)
{
    return check_sized(file, FILE_SIZE);
}

static void expect(const struct file *file, const char *why)
{
    const char *seen = check(file);

    if (!why)
        assert_null(seen);
    else if (!seen || strcmp(seen, why) != 0)
        fail_msg("expected \"%s\", seen \"%s\"", why, seen ? seen : "no objection");
}

/* ---- Good ones ---- */

static void test_program(void **state)
{
    struct file f = good_file();

    expect(&f, NULL);
    assert_int_equal(image.phoff, 64);
    assert_int_equal(image.phnum, PHNUM);
    assert_false(image.pie);
    assert_int_equal(image.interp_size, 0);
    assert_false(image.write_exec);
    assert_false(image.exec_stack);
    assert_int_equal(image.start, 0x400000);
    assert_int_equal(image.end, 0x407000);
    assert_int_equal(image.entry, 0x401234);
    assert_int_equal(image.phdr, 0x400040);
    assert_int_equal(image.align, 0x200000);
}

static void test_pie(void **state)
{
    struct file f = good_file();

    f.header.type = ET_DYN;
    f.header.entry = 0;
    f.phdr[TEXT].vaddr = 0;
    f.phdr[DATA].vaddr = 0x3500;
    expect(&f, NULL);
    assert_true(image.pie);
    assert_int_equal(image.start, 0);
    assert_int_equal(image.end, 0x7000);
    assert_int_equal(image.entry, 0);
    assert_int_equal(image.phdr, 64);
}

static void test_traits(void **state)
{
    struct file f = good_file();

    f.phdr[DATA].flags = PF_R | PF_W | PF_X;
    f.phdr[STACK].flags |= PF_X;
    expect(&f, NULL);
    assert_true(image.write_exec);
    assert_true(image.exec_stack);
}

/* The first of two counts; the entry point is then nobody's business but the dynamic linker's. */
static void test_interp(void **state)
{
    struct file f = good_file();

    f.phdr[STACK] = (struct elf_phdr){.type = PT_INTERP, .offset = 0x1230, .filesz = 2};
    f.phdr[EMPTY] = (struct elf_phdr){.type = PT_INTERP, .offset = 1, .filesz = 1};
    f.header.entry = 0;
    expect(&f, NULL);
    assert_int_equal(image.interp_offset, 0x1230);
    assert_int_equal(image.interp_size, 2);
    f.phdr[STACK].filesz = PATH_MAX;
    f.phdr[STACK].offset = -1ull;
    expect(&f, NULL);
    f.phdr[STACK].filesz = PATH_MAX + 1;
    expect(&f, "absurd length of the dynamic linker's name");
    f.phdr[STACK].filesz = 1;
    expect(&f, "absurd length of the dynamic linker's name");
    f.phdr[STACK].filesz = -1ull;
    expect(&f, "absurd length of the dynamic linker's name");
}

static void test_place_of_headers(void **state)
{
    struct file f = good_file();

    f.phdr[TEXT].offset = 0x1000;
    f.phdr[TEXT].filesz = f.phdr[TEXT].memsz = 0x1345;
    expect(&f, NULL);
    assert_int_equal(image.phdr, 0);
    f = good_file();
    f.phdr[TEXT].filesz = 64 + PHNUM * 56 - 1;
    expect(&f, NULL);
    assert_int_equal(image.phdr, 0);
    f = good_file();
    f.phdr[TEXT].offset = f.header.phoff;
    f.phdr[TEXT].vaddr += f.header.phoff;
    expect(&f, NULL);
    assert_int_equal(image.phdr, 0x400040);
}

/* At a limit, but not beyond it. */
static void test_just_good(void **state)
{
    struct file f = good_file();

    f.phdr[DATA].vaddr = 0x402345; /* right behind the text, in its last page */
    f.phdr[DATA].offset = 0x2345;
    expect(&f, NULL);
    f = good_file();
    f.phdr[TEXT].filesz = f.phdr[TEXT].memsz = FILE_SIZE;
    f.phdr[DATA].vaddr += 0x10000;
    expect(&f, NULL);
    f = good_file();
    f.phdr[DATA].memsz = TASK_SIZE - f.phdr[DATA].vaddr;
    expect(&f, NULL);
    assert_int_equal(image.end, TASK_SIZE);
    f = good_file();
    f.phdr[DATA].offset = FILE_SIZE - 0xb00;
    f.phdr[DATA].filesz = 0xb00;
    expect(&f, NULL);
    f = good_file();
    f.phdr[TEXT].vaddr = LOWEST;
    f.header.entry = LOWEST;
    expect(&f, NULL);
    f.header.entry = LOWEST + 0x2344;
    expect(&f, NULL);
    f = good_file();
    f.phdr[TEXT].align = 0;
    f.phdr[DATA].align = 1;
    expect(&f, NULL);
    assert_int_equal(image.align, 0x1000);
    f = good_file();
    f.phdr[DATA].filesz = 0; /* nothing from the file: the offset says nothing */
    f.phdr[DATA].offset = 0x123;
    expect(&f, NULL);
}

/* ---- Bad headers ---- */

static void test_ident(void **state)
{
    for (unsigned at = 0; at < 4; at++) {
        struct file f = good_file();

        f.header.magic[at] ^= 0x20;
        expect(&f, "not an ELF file");
    }
}

static void test_header_fields(void **state)
{
    struct file f = good_file();

    f.header.class = 1;
    expect(&f, "not a 64-bit ELF file");
    f = good_file(), f.header.data = 2;
    expect(&f, "not little-endian");
    f = good_file(), f.header.ident_version = 0;
    expect(&f, "unknown ELF version");
    f = good_file(), f.header.version = 2;
    expect(&f, "unknown ELF version");
    f = good_file(), f.header.machine = 40;
    expect(&f, "not for x86-64");
    f = good_file(), f.header.type = 1;
    expect(&f, "not an executable");
    f = good_file(), f.header.type = 4;
    expect(&f, "not an executable");
    f = good_file(), f.header.phentsize = 55;
    expect(&f, "wrong size of a program header");
    f = good_file(), f.header.phentsize = 0;
    expect(&f, "wrong size of a program header");
    f = good_file(), f.header.phnum = 0;
    expect(&f, "no program headers");
}

static void test_table_place(void **state)
{
    static const uint64_t offsets[] = {FILE_SIZE - PHNUM * 56 + 1, FILE_SIZE, UINT64_MAX,
                                       UINT64_MAX - PHNUM * 56 + 1, (uint64_t)1 << 63};
    struct file f = good_file();

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        f.header.phoff = offsets[i];
        expect(&f, "program headers beyond the end of the file");
    }
    f.header.phoff = FILE_SIZE - PHNUM * 56;
    expect(&f, NULL);
    f.header.phnum = ELF_PHNUM_MAX + 1;
    expect(&f, "too many program headers");
    f.header.phnum = 0xffff;
    expect(&f, "too many program headers");
    f.header.phnum = ELF_PHNUM_MAX;
    f.header.phoff = 64;
    expect(&f, "program headers beyond the end of the file");
}

static void test_every_size(void **state)
{
    struct file f = good_file();

    for (uint64_t size = 0; size < 64; size++)
        assert_string_equal(check_sized(&f, size), "shorter than an ELF header");
    for (uint64_t size = 64; size < 64 + PHNUM * 56; size++)
        assert_string_equal(check_sized(&f, size), "program headers beyond the end of the file");
    for (uint64_t size = 64 + PHNUM * 56; size < 0x2d00; size++)
        assert_string_equal(check_sized(&f, size), "segment beyond the end of the file");
    assert_null(check_sized(&f, 0x2d00));
}

/* ---- Bad segments ---- */

static void test_segment_in_file(void **state)
{
    static const uint64_t offsets[] = {FILE_SIZE - 0x500, 0x100500, UINT64_MAX - 0xaff,
                                       (uint64_t)1 << 63 | 0x500};
    struct file f = good_file();

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        f = good_file();
        f.phdr[DATA].offset = offsets[i];
        expect(&f, "segment beyond the end of the file");
    }
    f = good_file();
    f.phdr[DATA].filesz = f.phdr[DATA].memsz = UINT64_MAX;
    expect(&f, "segment beyond the end of the file");
    f = good_file();
    f.phdr[DATA].filesz = f.phdr[DATA].memsz + 1;
    expect(&f, "segment larger in the file than in memory");
}

static void test_segment_in_memory(void **state)
{
    static const uint64_t places[] = {TASK_SIZE - 0x2b00, TASK_SIZE + 0x500,
                                      (uint64_t)1 << 47 | 0x500, 0xffff800000000500,
                                      UINT64_MAX - 0xaff};
    static const uint64_t sizes[] = {TASK_SIZE - 0x403500 + 1, TASK_SIZE, UINT64_MAX,
                                     UINT64_MAX - 0x403500, (uint64_t)1 << 63};
    struct file f;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        f = good_file();
        f.phdr[DATA].vaddr = places[i];
        expect(&f, "segment beyond the user's addresses");
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        f = good_file();
        f.phdr[DATA].memsz = sizes[i];
        expect(&f, "segment beyond the user's addresses");
    }
}

static void test_lowest(void **state)
{
    static const uint64_t places[] = {0, 0x1000, LOWEST - 0x1000};
    struct file f = good_file();

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        f.phdr[TEXT].vaddr = places[i];
        f.header.entry = places[i];
        f.header.type = ET_EXEC;
        expect(&f, "segment below mmap_min_addr");
        f.header.type = ET_DYN;
        expect(&f, NULL);
    }
}

static void test_alignment(void **state)
{
    struct file f = good_file();

    f.phdr[TEXT].align = 0x1001;
    expect(&f, "alignment of a segment not a power of two");
    f.phdr[TEXT].align = UINT64_MAX;
    expect(&f, "alignment of a segment not a power of two");
    f = good_file();
    f.phdr[DATA].offset++;
    expect(&f, "segment's address and file offset differ within a page");
    f = good_file();
    f.phdr[DATA].vaddr ^= 0x800;
    expect(&f, "segment's address and file offset differ within a page");
}

static void test_order(void **state)
{
    struct file f = good_file();
    struct elf_phdr text = f.phdr[TEXT];

    f.phdr[TEXT] = f.phdr[DATA];
    f.phdr[DATA] = text;
    expect(&f, "segments overlap or are not in ascending order");
    f = good_file();
    f.phdr[DATA].vaddr = 0x402344;
    f.phdr[DATA].offset = 0x2344;
    expect(&f, "segments overlap or are not in ascending order");
    f = good_file();
    f.phdr[DATA] = f.phdr[TEXT];
    expect(&f, "segments overlap or are not in ascending order");
    f = good_file();
    f.phdr[TEXT].memsz = 0x3501; /* bss that reaches into the next */
    expect(&f, "segments overlap or are not in ascending order");
}

static void test_entry(void **state)
{
    static const uint64_t entries[] = {0,        0x3fffff,   0x402345,
                                       0x403500, UINT64_MAX, 0xffff800000401234};
    struct file f = good_file();

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        f.header.entry = entries[i];
        expect(&f, "entry point outside of all executable segments");
    }
    f = good_file();
    f.phdr[TEXT].flags = PF_R;
    expect(&f, "entry point outside of all executable segments");
}

static void test_nothing_to_load(void **state)
{
    struct file f = good_file();

    f.phdr[TEXT].type = f.phdr[DATA].type = PT_PHDR;
    expect(&f, "nothing to load");
    f = good_file();
    f.header.phnum = 1;
    f.phdr[TEXT].filesz = f.phdr[TEXT].memsz = 0;
    expect(&f, "nothing to load");
}

/* ---- All of a kind ---- */

/* What elf_check_table() promises of the segments. */
static void assert_promise(const struct file *f)
{
    uint64_t end = 0;

    assert_true(image.start < image.end && image.end <= TASK_SIZE);
    assert_true(image.pie || image.start >= LOWEST);
    assert_true(image.align >= PAGE_SIZE && (image.align & (image.align - 1)) == 0);
    for (unsigned i = 0; i < image.phnum && i < PHNUM; i++) {
        const struct elf_phdr *p = &f->phdr[i];

        if (!elf_is_segment(p))
            continue;
        assert_true(p->vaddr >= end && p->filesz <= p->memsz);
        assert_true(p->memsz <= TASK_SIZE && p->vaddr <= TASK_SIZE - p->memsz);
        assert_true(p->filesz <= FILE_SIZE && p->offset <= FILE_SIZE - p->filesz);
        assert_true(p->vaddr >= image.start && p->vaddr + p->memsz <= image.end);
        assert_true(!p->filesz || page_offset(p->vaddr) == page_offset(p->offset));
        end = p->vaddr + p->memsz;
    }
}

/* Each byte of the file in turn, and pairs of bytes at random: refused, or what is promised holds. */
static void test_spoiled_bytes(void **state)
{
    static const uint8_t values[] = {0, 1, 2, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff};
    uint64_t random = 1;

    for (size_t at = 0; at < sizeof(struct file); at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            struct file f = good_file();

            ((uint8_t *)&f)[at] = values[i];
            if (!check(&f))
                assert_promise(&f);
        }
    }
    for (unsigned run = 0; run < 200000; run++) {
        struct file f = good_file();

        for (unsigned i = 0; i < 2 + run % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            ((uint8_t *)&f)[(random >> 33) % sizeof(f)] = (uint8_t)(random >> 20);
        }
        if (!check(&f))
            assert_promise(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_pie),
        cmocka_unit_test(test_traits),
        cmocka_unit_test(test_interp),
        cmocka_unit_test(test_place_of_headers),
        cmocka_unit_test(test_just_good),
        cmocka_unit_test(test_ident),
        cmocka_unit_test(test_header_fields),
        cmocka_unit_test(test_table_place),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_segment_in_file),
        cmocka_unit_test(test_segment_in_memory),
        cmocka_unit_test(test_lowest),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_nothing_to_load),
        cmocka_unit_test(test_spoiled_bytes),
    };

    return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
