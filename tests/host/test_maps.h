/* What the tests of maps, smaps and pagemap begin with: an address space, and all that is told of it as one text. */
#pragma once

#include "tests/host/test.h"

#include <stdlib.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 3000
#define PAGES 300
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define PG PAGE_SIZE
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static struct mm *mm;

static int setup(void **state)
{
    sim_boot(FRAMES);
    mm = sim_create();
    return 0;
}

static int teardown(void **state)
{
    sim_destroy(mm);
    sim_halt();
    return 0;
}

typedef unsigned long long ull;

static char text[65536];

typedef size_t record_reader(struct mm *mm, vaddr_t *addr, char *buf, size_t size);

/* All records of @read, one after the other, in text[]; how many there were. */
static unsigned read_all(struct mm *from, record_reader *read)
{
    size_t length = 0, n;
    unsigned count = 0;
    vaddr_t addr = 0;

    port_lock_read(&from->lock);
    while ((n = read(from, &addr, text + length, MM_RECORD))) {
        assert_int_equal(strlen(text + length), n);
        assert_int_equal(text[length + n - 1], '\n');
        length += n;
        count++;
        assert_true(length + MM_RECORD < sizeof(text));
    }
    port_unlock_read(&from->lock);
    text[length] = '\0';
    return count;
}

/* The start of the record of the VMA that starts at @addr. */
static const char *record(vaddr_t addr)
{
    char start[32];
    const char *at;

    snprintf(start, sizeof(start), "%08llx-", (ull)addr);
    at = strstr(text, start);
    check(at != NULL, "%s is not in:\n%s", start, text);
    return at;
}

static void map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PG, prot, flags), AT(page));
}

/* Private memory, each page written. */
static void fill(unsigned page, unsigned count)
{
    map(page, count, RW, PRIVATE);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sim_write(mm, 0, AT(page + i), i + 1), FAULT_DONE);
}

static void map_object(struct object *object, unsigned page, unsigned pages, uint32_t prot,
                       uint32_t flags, unsigned offset)
{
    assert_int_equal(
        sim_mmap_object(mm, AT(page), pages * PG, prot, flags | MAP_FIXED, object, offset * PG),
        AT(page));
}

static void read_pages(unsigned page, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sim_read(mm, 0, AT(page + i));
}

#define HUGE (64 * pt_span(PT_PMD))

/* A private mapping with one page as large as a PMD entry's span. Its frame. */
static paddr_t map_huge(void)
{
    paddr_t frame;

    assert_int_equal(sim_mmap(mm, HUGE, pt_span(PT_PMD), RW, PRIVATE), HUGE);
    port_lock_write(&mm->lock);
    vma_identify(mm, vma_at(mm, HUGE));
    frame = sim_map(mm, HUGE, PTE_R | PTE_W, PT_PMD);
    port_unlock_write(&mm->lock);
    return frame;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
