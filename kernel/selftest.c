/* See selftest.h. Each way is a function of its own, so that its name must show in the backtrace. */
#include "kernel/selftest.h"

#include <stdint.h>

#include "kernel/abi/mman.h"
#include "kernel/options.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/symbols.h"
#include "kernel/uaccess.h"

#define NO_INLINE __attribute__((noinline, noclone))

static NO_INLINE void test_panic(void)
{
    panic("this is a test");
}

static NO_INLINE void test_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

static NO_INLINE void test_division(void)
{
    __asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0));
}

static NO_INLINE void test_page_fault(void)
{
    volatile int *volatile nowhere = (int *)0x10;

    *nowhere = 1;
}

static NO_INLINE void test_write_text(void)
{
    *(volatile char *)(uint64_t)test_write_text = 0;
}

/* The other way round to the same text. */
static NO_INLINE void test_write_text_direct(void)
{
    *(volatile char *)direct_ptr((uint64_t)test_write_text_direct - KERNEL_BASE) = 0;
}

/* Data must not run. */
static NO_INLINE void test_run_data(void)
{
    static unsigned char code[] = {0xc3};

    ((void (*)(void))(uint64_t)code)();
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static NO_INLINE int test_stack_overflow(volatile char *below)
{
    volatile char here[256];

    here[0] = below ? below[0] : 0;
    return test_stack_overflow(here) + here[0];
}
#pragma GCC diagnostic pop

static NO_INLINE void overflow(void)
{
    test_stack_overflow(NULL);
}

/* A trap that finds no stack to start on: rsp outside of the addresses there are. */
static NO_INLINE void test_double_fault(void)
{
    __asm__ volatile("movq %0, %%rsp\n\tud2" : : "r"(0x10ull));
}

/* Paging the memory in would wait for the lock forever. */
static NO_INLINE void test_locked_copy(void)
{
    static struct process process;
    char byte;

    process.mm = mm_create();
    port_lock_write(&process.mm->lock);
    this_cpu()->process = &process;
    if (copy_from_user(&byte, PAGE_SIZE, 1))
        panic("answered");
}

/* An address space in use, with room for 3 pages at 0x400000, of which there are two; its lock is held. */
static struct mm *use_address_space(void)
{
    struct mm *mm = mm_create();

    kassert(mm);
    port_lock_write(&mm->lock);
    kassert(mm_mmap(mm, 0x400000, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false) == 0x400000);
    kassert(mm_copy_to(mm, 0x400000, "", 1) == 0 && mm_copy_to(mm, 0x401000, "", 1) == 0);
    this_cpu()->mm = mm;
    return mm;
}

/* In the middle of a call. */
static NO_INLINE void test_address_space(void)
{
    use_address_space();
    panic("this is a test");
}

/* Entries that lead to no memory, to a table upwards, and a trap in place of a panic. */
static NO_INLINE void test_broken_tables(void)
{
    struct mm *mm = use_address_space();
    uint64_t *root = (uint64_t *)mm->pt.root;

    root[1] = 0xffff00000007;
    root[2] = direct_paddr(root) | 7;
    test_page_fault();
}

/* The tables are found broken while a page is brought in for the kernel: a trap inside of a trap. */
static NO_INLINE void test_trap_in_trap(void)
{
    static struct process process;
    char byte;

    process.mm = use_address_space();
    port_unlock_write(&process.mm->lock);
    *(uint64_t *)process.mm->pt.root = 0xffff00000007;
    this_cpu()->process = &process;
    if (copy_from_user(&byte, 0x402000, 1))
        panic("answered");
}

/* The n-th name goes with the n-th test. */
static const char *const names[] = {
    "panic",
    "ud",
    "division",
    "fault",
    "write-text",
    "write-text-direct",
    "run-data",
    "stack-overflow",
    "df",
    "locked-copy",
    "address-space",
    "broken-tables",
    "trap-in-trap",
    NULL,
};

void selftest_run(void)
{
    static void (*const tests[])(void) = {
        test_panic,        test_invalid_opcode,    test_division,      test_page_fault,
        test_write_text,   test_write_text_direct, test_run_data,      overflow,
        test_double_fault, test_locked_copy,       test_address_space, test_broken_tables,
        test_trap_in_trap,
    };
    unsigned which;

    if (!option("test"))
        return;
    which = option_choice("test", names, 0);
    tests[which]();
    panic("test=%s did not fail", names[which]);
}
