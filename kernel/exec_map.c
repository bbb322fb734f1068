/*
 * Where the program and its dynamic linker go, as on Linux:
 *
 *     a program with a fixed address      there, its heap behind it
 *     a position-independent program      two thirds up, its heap behind it
 *     its dynamic linker, or a program    at the highest place where mappings go; of such a program
 *     without one                         the heap is two thirds up
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/exec.h"
#include "kernel/log.h"
#include "kernel/random.h"

/* Where a position-independent program goes: two thirds up, as on Linux. */
#define PIE_BASE ((TASK_SIZE / 3 * 2) & ~(PAGE_SIZE - 1))
#define HEAP_BASE page_align(TASK_SIZE / 3 * 2)

/* Bits of a random page number, and of the heap's: Linux's. */
#define RANDOM_BITS 28
#define HEAP_RANDOM_BITS 18

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

/* The segments of @file start at @start; whatever adds up to it, they begin with a page. */
static void set_base(struct exec_file *file, vaddr_t start)
{
    file->base = start - file->image.start;
}

/* The highest place where mappings go. */
static long place_in_gap(struct exec *e, struct exec_file *file)
{
    const struct elf_image *image = &file->image;
    uint64_t size = image->end - image->start, room = size + image->align - PAGE_SIZE;
    long gap;

    if (image->align > TASK_SIZE)
        return refuse(e, "alignment of a segment too large");
    gap = mm_mmap(e->mm, 0, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, false);
    if (gap < 0)
        return gap;
    set_base(file, ((vaddr_t)gap + room - size) & ~(image->align - 1));
    return mm_munmap(e->mm, (vaddr_t)gap, room);
}

static long place_at_pie_base(struct exec *e, struct exec_file *file)
{
    vaddr_t start = (PIE_BASE + random_pages(RANDOM_BITS)) & ~(file->image.align - 1);

    if (start < mm_config.mmap_min_addr)
        return refuse(e, "alignment of a segment too large");
    set_base(file, start);
    return 0;
}

/* -ENOEXEC when the alignment leaves no place, -ENOMEM when there is none, or it is in the stack's way. */
static long place(struct exec *e, struct exec_file *file)
{
    long err = 0;

    if (file->image.pie)
        err = file->image.interp_size ? place_at_pie_base(e, file) : place_in_gap(e, file);
    if (err)
        return err;
    return file->base + file->image.end > TASK_SIZE - stack_gap(e, STACK_GAP_MIN) ? -ENOMEM : 0;
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
static long map_segment(struct exec *e, const struct exec_file *f, const struct elf_phdr *p)
{
    vaddr_t start = f->base + p->vaddr, file_end = start + p->filesz;
    vaddr_t pages_start = pt_floor(start, PT_PTE);
    vaddr_t pages_end = p->filesz ? page_align(file_end) : pages_start;
    struct range file = {pages_start, pages_end};
    struct range rest = {pages_end, page_align(start + p->memsz)};
    long err;

    err = map(e, file, protection(p), f->object, p->offset - page_offset(p->offset));
    if (!err && p->memsz > p->filesz && p->filesz && (p->flags & PF_W))
        err = clear_tail(e, file_end, pages_end);
    if (!err)
        err = map(e, rest, protection(p), NULL, 0);
    return err;
}

static long map_segments(struct exec *e, const struct exec_file *f)
{
    long err = 0;

    for (const struct elf_phdr *p = f->table; !err && p < f->table + f->image.phnum; p++)
        if (elf_is_segment(p))
            err = map_segment(e, f, p);
    return err;
}

/* What /proc needs to know of the program's segments. */
static void enter_segments(struct mm_layout *layout, const struct exec_file *f)
{
    for (const struct elf_phdr *p = f->table; p < f->table + f->image.phnum; p++) {
        vaddr_t start = f->base + p->vaddr, end = start + p->filesz;

        if (!elf_is_segment(p))
            continue;
        if (!layout->code_start)
            layout->code_start = start;
        if (p->flags & PF_X)
            layout->code_end = end;
        layout->data_start = start;
        layout->data_end = end;
    }
}

static vaddr_t choose_heap(const struct exec *e)
{
    const struct exec_file *program = &e->program;
    bool in_gap = program->image.pie && !program->image.interp_size;

    return (in_gap ? HEAP_BASE : program->base + program->image.end) +
           random_pages(HEAP_RANDOM_BITS);
}

long exec_map_images(struct exec *e)
{
    struct mm_layout *layout = &e->mm->layout;
    long err;

    layout->mmap_base = choose_mmap_base(e);
    err = place(e, &e->program);
    if (!err)
        err = map_segments(e, &e->program);
    if (!err && e->interp.file)
        err = place(e, &e->interp);
    if (!err && e->interp.file)
        err = map_segments(e, &e->interp);
    if (err)
        return err;
    enter_segments(layout, &e->program);
    layout->brk_start = choose_heap(e);
    layout->brk = layout->brk_start;
    return 0;
}
