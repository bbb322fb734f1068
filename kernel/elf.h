/*
 * Is this file a program that exec can load? Pure functions over bytes that anybody may have written.
 */
#pragma once

#include "kernel/abi/elf.h"
#include "kernel/abi/fcntl.h"
#include "mm/types.h"

/* As many program headers as Linux takes: 64 KiB of them. */
#define ELF_PHNUM_MAX (65536 / sizeof(struct elf_phdr))

/* What exec needs to know of a program that was found good. Addresses of a pie are relative to its base. */
struct elf_image {
    uint64_t phoff; /* of the program headers in the file */
    unsigned phnum;
    uint64_t interp_offset; /* in the file: the name of the dynamic linker that it wants ... */
    uint64_t interp_size;   /* ... with its NUL; 0: it wants none */
    bool pie;               /* ET_DYN: may lie at any base */
    bool write_exec;        /* has a segment that is writable and executable */
    bool exec_stack;        /* asks for an executable stack */
    vaddr_t start;          /* whole pages from the first segment ... */
    vaddr_t end;            /* ... to the last one's end */
    vaddr_t entry;
    vaddr_t phdr;   /* where the program headers are in memory; 0: in no segment */
    uint64_t align; /* the largest that a segment asks for, at least PAGE_SIZE */
};

/*
 * Check the file's header, of which @size bytes are at @head, and that the program headers lie
 * inside the file. Fills phoff, phnum and pie. NULL, or what is wrong in words.
 */
const char *elf_check_header(const void *head, size_t size, uint64_t file_size,
                             struct elf_header *header, struct elf_image *image);

/*
 * Look in the @image->phnum program headers of @table for the name of a dynamic linker, and fill
 * interp_offset and interp_size, 2 to PATH_MAX; it need not lie inside the file. NULL, or what is
 * wrong in words.
 */
const char *elf_check_interp(const struct elf_phdr *table, struct elf_image *image);

/*
 * Check the @image->phnum program headers in @table, with nothing mapped below @lowest, and fill the
 * rest of @image. Afterwards every PT_LOAD with memsz > 0 is page-congruent, ascending, disjoint,
 * inside the file and below TASK_SIZE; the entry point lies in one that may be executed, unless
 * elf_check_interp() found a dynamic linker, which is entered first. NULL, or what is wrong in words.
 */
const char *elf_check_table(const struct elf_header *header, const struct elf_phdr *table,
                            uint64_t file_size, vaddr_t lowest, struct elf_image *image);

/* Does this program header take memory? */
static inline bool elf_is_segment(const struct elf_phdr *p)
{
    return p->type == PT_LOAD && p->memsz > 0;
}
