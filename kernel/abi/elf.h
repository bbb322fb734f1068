/* The ELF64 file format (System V ABI, AMD64 supplement), as far as exec reads it. */
#pragma once

#include <stdint.h>

#define ELF_MAGIC "\177ELF"
#define ELF_CLASS_64 2
#define ELF_DATA_LSB 1
#define ELF_VERSION 1

#define ET_EXEC 2
#define ET_DYN 3
#define EM_X86_64 62

#define PT_LOAD 1
#define PT_INTERP 3
#define PT_PHDR 6
#define PT_GNU_STACK 0x6474e551

#define PF_X 1
#define PF_W 2
#define PF_R 4

struct elf_header {
    char magic[4];
    uint8_t class;
    uint8_t data;
    uint8_t ident_version;
    uint8_t osabi;
    uint8_t pad[8];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

struct elf_phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

_Static_assert(sizeof(struct elf_header) == 64, "the format's size");
_Static_assert(sizeof(struct elf_phdr) == 56, "the format's size");
