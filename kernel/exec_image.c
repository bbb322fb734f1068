/* The program's file: what elf.c finds good is mapped. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/exec.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/slab.h"

/* Where a position-independent program goes: two thirds up, as on Linux. */
#define PIE_BASE ((TASK_SIZE / 3 * 2) & ~(PAGE_SIZE - 1))

/* Bits of a random page number, and of the heap's: Linux's. */
#define RANDOM_BITS 28
#define HEAP_RANDOM_BITS 13

/* What mappings leave free for the stack, at the least and at the most; a program's own segments, at the least. */
#define STACK_GAP_MIN ((uint64_t)128 << 20)
#define STACK_GAP_MAX (TASK_SIZE / 6 * 5)

/* @bits random bits as whole pages; 0 when addresses are not random. */
static uint64_t random_pages(unsigned bits)
{
    return mm_config.randomize ? random_u64() >> (64 - bits) << PAGE_SHIFT : 0;
}

static long refuse(const struct exec *e, const char *why)
{
    log_info("exec: %s: %s", e->name, why);
    return -ENOEXEC;
}

/* Read the program headers, all inside the file. */
static long read_table(struct exec *e)
{
    uint64_t size = e->image.phnum * sizeof(*e->table);

    e->table = kmalloc(size);
    if (!e->table)
        return -ENOMEM;
    return object_read(e->object, e->image.phoff, e->table, size);
}

long exec_read_image(struct exec *e)
{
    uint64_t file_size = object_size(e->object);
    uint64_t size = min_u64(file_size, sizeof(e->header));
    struct elf_header head;
    const char *why;
    long err = object_read(e->object, 0, &head, size);

    if (err)
        return err;
    why = elf_check_header(&head, size, file_size, &e->header, &e->image);
    if (why)
        return refuse(e, why);
    err = read_table(e);
    if (err)
        return err;
    why = elf_check_table(&e->header, e->table, file_size, mm_config.mmap_min_addr, &e->image);
    if (why)
        return refuse(e, why);
    if (e->image.interp)
        return refuse(e, "wants a dynamic linker, which is not supported");
    if (e->image.write_exec)
        log_info("exec: %s: has a segment that is writable and executable", e->name);
    if (e->image.exec_stack)
        log_info("exec: %s: asks for an executable stack and gets none", e->name);
    return 0;
}

/* ---- Placing ---- */

/* What a stack that grows by @bytes may take at the top, wherever it is shifted to. */
static uint64_t stack_gap(const struct exec *e, uint64_t bytes)
{
    return bytes + mm_config.stack_guard + (mm_config.randomize ? EXEC_SHIFT_MAX : e->shift);
}

/*
 * Mappings go below the stack, as far as it may grow. Where that is far, a position-independent program lies above
 * mmap_base.
 */
static vaddr_t choose_mmap_base(const struct exec *e)
{
    uint64_t bytes = min_u64(max_u64(e->mm->limits.stack, STACK_GAP_MIN), STACK_GAP_MAX);
    uint64_t gap = stack_gap(e, bytes) + random_pages(RANDOM_BITS);

    return (TASK_SIZE - min_u64(gap, STACK_GAP_MAX)) & ~(PAGE_SIZE - 1);
}

/* The place of the program: 0, -ENOEXEC when its alignment leaves none, -ENOMEM when it gets in the stack's way. */
static long choose_base(struct exec *e)
{
    const struct elf_image *image = &e->image;

    if (image->pie) {
        vaddr_t start = (PIE_BASE + random_pages(RANDOM_BITS)) & ~(image->align - 1);

        if (start < mm_config.mmap_min_addr)
            return refuse(e, "alignment of a segment too large");
        e->base = start - image->start;
    }
    return e->base + image->end > TASK_SIZE - stack_gap(e, STACK_GAP_MIN) ? -ENOMEM : 0;
}

/* ---- Mapping ---- */

static uint32_t protection(const struct elf_phdr *p)
{
    return (p->flags & PF_R ? PROT_READ : 0u) | (p->flags & PF_W ? PROT_WRITE : 0u) |
           (p->flags & PF_X ? PROT_EXEC : 0u);
}

static long map(struct exec *e, struct range range, uint32_t prot, struct object *object,
                uint64_t offset)
{
    uint32_t flags = MAP_PRIVATE | MAP_FIXED | (object ? 0 : MAP_ANONYMOUS);
    long err;

    if (range.start >= range.end)
        return 0;
    err = mm_mmap(e->mm, range.start, range_size(range), prot, flags, object, offset, false);
    return err < 0 ? err : 0;
}

/* What of the last page from the file lies behind the segment's bytes reads as zeros. */
static long clear_tail(struct exec *e, vaddr_t start, vaddr_t end)
{
    static const char zeros[PAGE_SIZE];

    return mm_copy_to(e->mm, start, zeros, end - start);
}

/*
 *     start          file_end  pages_end           end
 *      |================|..........|-----------------|
 *       from the file      zeroed     anonymous
 */
static long map_segment(struct exec *e, const struct elf_phdr *p)
{
    vaddr_t start = e->base + p->vaddr, file_end = start + p->filesz;
    vaddr_t pages_start = pt_floor(start, PT_PTE);
    vaddr_t pages_end = p->filesz ? page_align(file_end) : pages_start;
    struct range file = {pages_start, pages_end};
    struct range rest = {pages_end, page_align(start + p->memsz)};
    long err;

    err = map(e, file, protection(p), e->object, p->offset - page_offset(p->offset));
    if (!err && p->memsz > p->filesz && p->filesz && (p->flags & PF_W))
        err = clear_tail(e, file_end, pages_end);
    if (!err)
        err = map(e, rest, protection(p), NULL, 0);
    return err;
}

/* What /proc and the heap need to know of the segments. */
static void enter_layout(struct exec *e, const struct elf_phdr *p)
{
    struct mm_layout *layout = &e->mm->layout;
    vaddr_t start = e->base + p->vaddr, end = start + p->filesz;

    if (!layout->code_start)
        layout->code_start = start;
    if (p->flags & PF_X)
        layout->code_end = end;
    layout->data_start = start;
    layout->data_end = end;
}

long exec_map_image(struct exec *e)
{
    struct mm_layout *layout = &e->mm->layout;
    long err = choose_base(e);

    layout->mmap_base = choose_mmap_base(e);
    for (const struct elf_phdr *p = e->table; !err && p < e->table + e->image.phnum; p++) {
        if (!elf_is_segment(p))
            continue;
        err = map_segment(e, p);
        enter_layout(e, p);
    }
    if (err)
        return err;
    layout->brk_start = e->base + e->image.end + random_pages(HEAP_RANDOM_BITS);
    layout->brk = layout->brk_start;
    return 0;
}
