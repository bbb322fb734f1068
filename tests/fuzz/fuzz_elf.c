/*
 * The ELF checker. The first two bytes say how large the file claims to be beyond the bytes that follow; what passes
 * must be what kernel/elf.h promises of it.
 */
#include "kernel/elf.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

#define LOWEST 0x10000

static bool inside(uint64_t off, uint64_t len, uint64_t limit)
{
    return off <= limit && len <= limit - off;
}

static void check_segment(const struct elf_phdr *p, const struct elf_image *image,
                          uint64_t file_size, uint64_t *end)
{
    must(inside(p->offset, p->filesz, file_size));
    must(p->filesz <= p->memsz);
    must(inside(p->vaddr, p->memsz, TASK_SIZE));
    must(p->filesz == 0 || p->vaddr % PAGE_SIZE == p->offset % PAGE_SIZE);
    must(p->vaddr >= *end);
    must(image->start <= p->vaddr && p->vaddr + p->memsz <= image->end);
    must(image->align >= p->align && image->align >= PAGE_SIZE);
    must(!((p->flags & PF_W) && (p->flags & PF_X)) || image->write_exec);
    *end = p->vaddr + p->memsz;
}

static void check_image(const struct elf_header *header, const struct elf_phdr *table,
                        const struct elf_image *image, uint64_t file_size)
{
    bool entry_found = false;
    unsigned segments = 0;
    uint64_t end = 0;

    for (const struct elf_phdr *p = table; p < table + image->phnum; p++) {
        if (!elf_is_segment(p))
            continue;
        check_segment(p, image, file_size, &end);
        entry_found |= (p->flags & PF_X) && inside(header->entry - p->vaddr, 1, p->memsz);
        segments++;
    }
    must(segments > 0 && image->entry == header->entry);
    must(entry_found || image->interp_size);
    must(!image->interp_size || (image->interp_size >= 2 && image->interp_size <= PATH_MAX));
    must(image->start % PAGE_SIZE == 0 && image->end % PAGE_SIZE == 0);
    must(image->start < image->end && image->end <= TASK_SIZE);
    must(image->pie || image->start >= LOWEST);
    must(image->pie == (header->type == ET_DYN));
    must(!image->phdr || inside(image->phdr - image->start, image->phnum * sizeof(*table),
                                image->end - image->start));
}

static void check_table(const struct elf_header *header, struct elf_image *image,
                        const uint8_t *file, size_t size, uint64_t file_size)
{
    size_t bytes = image->phnum * sizeof(struct elf_phdr);
    struct elf_phdr *table;

    must(image->phnum > 0 && inside(image->phoff, bytes, file_size));
    if (!inside(image->phoff, bytes, size))
        return; /* in the part that is only claimed */
    table = (struct elf_phdr *)exact_copy(file + image->phoff, bytes);
    if (!elf_check_interp(table, image) &&
        !elf_check_table(header, table, file_size, LOWEST, image))
        check_image(header, table, image, file_size);
    free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_header header;
    struct elf_image image;
    uint64_t file_size;
    size_t head_size;
    uint8_t *head;

    if (size < 2)
        return 0;
    file_size = size - 2 + (data[0] | (uint64_t)data[1] << 8);
    data += 2;
    size -= 2;
    head_size = size < 256 ? size : 256;
    head = exact_copy(data, head_size);
    if (!elf_check_header(head, head_size, file_size, &header, &image))
        check_table(&header, &image, data, size, file_size);
    free(head);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return false;
}
