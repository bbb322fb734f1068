#include "kernel/elf.h"

#include "kernel/string.h"

/* Does [off, off + len) lie inside [0, limit)? */
static bool inside(uint64_t off, uint64_t len, uint64_t limit)
{
    return len <= limit && off <= limit - len;
}

static const char *check_ident(const struct elf_header *h)
{
    if (memcmp(h->magic, ELF_MAGIC, sizeof(h->magic)) != 0)
        return "not an ELF file";
    if (h->class != ELF_CLASS_64)
        return "not a 64-bit ELF file";
    if (h->data != ELF_DATA_LSB)
        return "not little-endian";
    if (h->ident_version != ELF_VERSION || h->version != ELF_VERSION)
        return "unknown ELF version";
    if (h->machine != EM_X86_64)
        return "not for x86-64";
    if (h->type != ET_EXEC && h->type != ET_DYN)
        return "not an executable";
    return NULL;
}

const char *elf_check_header(const void *head, size_t size, uint64_t file_size,
                             struct elf_header *header, struct elf_image *image)
{
    const char *why;

    if (size < sizeof(*header))
        return "shorter than an ELF header";
    memcpy(header, head, sizeof(*header));
    why = check_ident(header);
    if (why)
        return why;
    if (header->phentsize != sizeof(struct elf_phdr))
        return "wrong size of a program header";
    if (header->phnum == 0)
        return "no program headers";
    if (header->phnum > ELF_PHNUM_MAX)
        return "too many program headers";
    if (!inside(header->phoff, header->phnum * sizeof(struct elf_phdr), file_size))
        return "program headers beyond the end of the file";
    *image = (struct elf_image){
        .phoff = header->phoff,
        .phnum = header->phnum,
        .pie = header->type == ET_DYN,
        .align = PAGE_SIZE,
    };
    return NULL;
}

const char *elf_check_interp(const struct elf_phdr *table, struct elf_image *image)
{
    for (const struct elf_phdr *p = table; p < table + image->phnum; p++) {
        if (p->type != PT_INTERP)
            continue;
        if (p->filesz < 2 || p->filesz > PATH_MAX)
            return "absurd length of the dynamic linker's name";
        image->interp_offset = p->offset;
        image->interp_size = p->filesz;
        return NULL;
    }
    return NULL;
}

static const char *check_segment(const struct elf_phdr *p, uint64_t file_size)
{
    if (p->filesz > p->memsz)
        return "segment larger in the file than in memory";
    if (!inside(p->offset, p->filesz, file_size))
        return "segment beyond the end of the file";
    if (!inside(p->vaddr, p->memsz, TASK_SIZE))
        return "segment beyond the user's addresses";
    if (p->align & (p->align - 1))
        return "alignment of a segment not a power of two";
    if (p->filesz && page_offset(p->vaddr) != page_offset(p->offset))
        return "segment's address and file offset differ within a page";
    return NULL;
}

/* Enter the good segment @p, the first one if @image->end is still 0. */
static void add_segment(const struct elf_header *h, const struct elf_phdr *p,
                        struct elf_image *image)
{
    if (image->end == 0)
        image->start = pt_floor(p->vaddr, PT_PTE);
    image->end = page_align(p->vaddr + p->memsz);
    image->align = max_u64(image->align, p->align);
    if ((p->flags & PF_W) && (p->flags & PF_X))
        image->write_exec = true;
    if (h->phoff >= p->offset && inside(h->phoff - p->offset, h->phnum * sizeof(*p), p->filesz))
        image->phdr = p->vaddr + (h->phoff - p->offset);
}

static bool holds_entry(const struct elf_header *h, const struct elf_phdr *p)
{
    return (p->flags & PF_X) && h->entry >= p->vaddr && h->entry - p->vaddr < p->memsz;
}

const char *elf_check_table(const struct elf_header *header, const struct elf_phdr *table,
                            uint64_t file_size, vaddr_t lowest, struct elf_image *image)
{
    vaddr_t end = 0; /* of the last segment, to the byte */
    bool entry_found = false;

    image->entry = header->entry;
    for (const struct elf_phdr *p = table; p < table + image->phnum; p++) {
        const char *why = NULL;

        if (p->type == PT_GNU_STACK)
            image->exec_stack = p->flags & PF_X;
        if (!elf_is_segment(p))
            continue;
        why = check_segment(p, file_size);
        if (why)
            return why;
        if (p->vaddr < end)
            return "segments overlap or are not in ascending order";
        end = p->vaddr + p->memsz;
        add_segment(header, p, image);
        entry_found |= holds_entry(header, p);
    }
    if (end == 0)
        return "nothing to load";
    if (!image->pie && image->start < lowest)
        return "segment below mmap_min_addr";
    if (!entry_found && !image->interp_size)
        return "entry point outside of all executable segments";
    return NULL;
}
