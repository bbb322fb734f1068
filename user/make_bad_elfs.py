#!/usr/bin/env python3
"""Write malformed variants of a tiny static program, each named for its defect.

usage: make_bad_elfs.py OUTDIR

Should a defect not disturb the kernel, the program starts, looks whether its data is there, and executes argv[0] with
the arguments it was given: so the test that tried it goes on. The names are those in exec_test.c.
"""

import os
import struct
import sys

PT_NULL, PT_LOAD, PT_INTERP, PT_NOTE, PT_GNU_STACK = 0, 1, 3, 4, 0x6474E551
PF_X, PF_W, PF_R = 1, 2, 4
PAGE = 4096
TEXT, DATA, BSS = 0x401000, 0x402000, 0x403000
MAGIC = b"REALIGN!"

CODE = bytes.fromhex(
    "488b042500204000"      # mov rax, [DATA]
    "48b9" + MAGIC.hex() +  # mov rcx, MAGIC
    "4839c8"                # cmp rax, rcx
    "7522"                  # jne bad
    "48ff042500304000"      # inc qword [BSS]
    "488b7c2408"            # mov rdi, [rsp + 8]            argv[0]
    "488d742408"            # lea rsi, [rsp + 8]            argv
    "488b0c24"              # mov rcx, [rsp]                argc
    "488d54ce08"            # lea rdx, [rsi + rcx * 8 + 8]  envp
    "b83b000000"            # mov eax, 59                   execve
    "0f05"                  # syscall
    "0f0b")                 # bad: ud2

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
EHDR_FIELDS = ("ident type machine version entry phoff shoff flags "
               "ehsize phentsize phnum shentsize shnum shstrndx").split()
PHDR = struct.Struct("<IIQQQQQQ")
PHDR_FIELDS = "type flags offset vaddr paddr filesz memsz align".split()


def segment(kind, flags, offset, vaddr, filesz, memsz, align=PAGE):
    return dict(zip(PHDR_FIELDS, (kind, flags, offset, vaddr, vaddr, filesz, memsz, align)))


class Elf:
    """The sound program, in parts that can be spoilt: header, program headers, the file's bytes."""

    def __init__(self):
        self.head = dict(zip(EHDR_FIELDS, (b"\x7fELF\2\1\1" + bytes(9), 2, 62, 1, TEXT, EHDR.size, 0, 0,
                                           EHDR.size, PHDR.size, 5, 0, 0, 0)))
        self.segments = [
            segment(PT_LOAD, PF_R, 0, 0x400000, PAGE, PAGE),
            segment(PT_LOAD, PF_R | PF_X, PAGE, TEXT, PAGE, PAGE),
            segment(PT_LOAD, PF_R | PF_W, 2 * PAGE, DATA, PAGE, 2 * PAGE + 100),
            segment(PT_NOTE, PF_R, 0, 0, 0, 0, 4),
            segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 16),
        ]
        self.data = bytearray(PAGE) + CODE.ljust(PAGE, b"\xcc") + MAGIC.ljust(PAGE, b"\0")

    def loads(self):
        return [s for s in self.segments if s["type"] == PT_LOAD]

    def text(self):
        return self.segments[1]

    def rw_data(self):
        return self.segments[2]

    def spare(self):
        """A program header that the program can do without."""
        return self.segments[3]

    def bytes(self):
        out = bytearray(self.data)
        out[:EHDR.size] = EHDR.pack(*(self.head[f] for f in EHDR_FIELDS))
        table = b"".join(PHDR.pack(*(s[f] for f in PHDR_FIELDS)) for s in self.segments)
        out[EHDR.size:EHDR.size + len(table)] = table
        return bytes(out)


def ident(elf, index, value):
    bad = bytearray(elf.head["ident"])
    bad[index] = value
    elf.head["ident"] = bytes(bad)


def interp(elf, name, size=None):
    """Ask for an interpreter called @name, whose string is appended to the file."""
    elf.spare().update(type=PT_INTERP, offset=len(elf.data), filesz=len(name) if size is None else size)
    elf.data += name


def interp_of(elf, where, name):
    """The same with the program header @where."""
    where.update(type=PT_INTERP, offset=len(elf.data), filesz=len(name))
    elf.data += name


def swap_loads(elf):
    where = [i for i, s in enumerate(elf.segments) if s["type"] == PT_LOAD]
    first, last = where[0], where[-1]
    elf.segments[first], elf.segments[last] = elf.segments[last], elf.segments[first]


def no_loads(elf):
    for s in elf.loads():
        s["type"] = PT_NULL


# name: what to change in the program
DEFECTS = {
    "bad_magic": lambda e: ident(e, 3, ord("G")),
    "class_32": lambda e: ident(e, 4, 1),
    "big_endian": lambda e: ident(e, 5, 2),
    "wrong_machine": lambda e: e.head.update(machine=183),
    "type_relocatable": lambda e: e.head.update(type=1),
    "type_core": lambda e: e.head.update(type=4),
    "phentsize_too_small": lambda e: e.head.update(phentsize=55),
    "phentsize_too_large": lambda e: e.head.update(phentsize=64),
    "phnum_zero": lambda e: e.head.update(phnum=0),
    "phnum_beyond_file": lambda e: e.head.update(phnum=65535),
    "phoff_beyond_file": lambda e: e.head.update(phoff=1 << 40),
    "phoff_wraps": lambda e: e.head.update(phoff=(1 << 64) - 64),
    "phoff_near_end": lambda e: e.head.update(phoff=len(e.data) - 60),
    "no_load": no_loads,
    "filesz_above_memsz": lambda e: e.rw_data().update(memsz=e.rw_data()["filesz"] - 1),
    "filesz_beyond_file": lambda e: e.rw_data().update(filesz=1 << 30, memsz=1 << 30),
    "filesz_wraps": lambda e: e.rw_data().update(filesz=(1 << 64) - 1, memsz=(1 << 64) - 1),
    "offset_beyond_file": lambda e: e.rw_data().update(offset=e.rw_data()["offset"] + (1 << 30)),
    "offset_wraps": lambda e: e.rw_data().update(
        offset=(1 << 64) - PAGE + e.rw_data()["offset"] % PAGE),
    "offset_not_congruent": lambda e: e.text().update(offset=e.text()["offset"] + 1),
    "vaddr_zero": lambda e: e.text().update(vaddr=0),
    "vaddr_last_page": lambda e: e.text().update(vaddr=(1 << 64) - PAGE),
    "vaddr_kernel": lambda e: e.text().update(vaddr=0xFFFF800000000000),
    "vaddr_not_canonical": lambda e: e.text().update(vaddr=1 << 47),
    "vaddr_ends_above_task_size": lambda e: e.text().update(vaddr=(1 << 47) - 2 * PAGE),
    "memsz_above_task_size": lambda e: e.rw_data().update(memsz=1 << 47),
    "memsz_wraps": lambda e: e.rw_data().update(memsz=(1 << 64) - PAGE),
    "segments_overlap": lambda e: e.rw_data().update(vaddr=e.text()["vaddr"] + e.rw_data()["vaddr"] % PAGE),
    "segments_descend": swap_loads,
    "align_not_power_of_two": lambda e: e.rw_data().update(align=3),
    "align_huge": lambda e: e.rw_data().update(align=1 << 63),
    "align_huge_of_pie": lambda e: (e.head.update(type=3), e.rw_data().update(align=1 << 62)),
    "entry_zero": lambda e: e.head.update(entry=0),
    "entry_kernel": lambda e: e.head.update(entry=0xFFFF800000000000),
    "entry_not_canonical": lambda e: e.head.update(entry=1 << 47),
    "interp_missing": lambda e: interp(e, b"/no/such/interpreter\0"),
    "interp_not_terminated": lambda e: interp(e, b"/lib/ld.so"),
    "interp_too_long": lambda e: interp(e, b"/lib/ld.so\0", 1 << 20),
    "interp_empty": lambda e: interp(e, b"", 0),
    "interp_of_one_byte": lambda e: interp(e, b"\0"),
    "interp_beyond_file": lambda e: (interp(e, b"/\0"), e.spare().update(offset=1 << 40)),
    "interp_offset_wraps": lambda e: (interp(e, b"/\0"), e.spare().update(offset=(1 << 64) - 1)),
    "interp_no_name": lambda e: interp(e, b"\0\0"),
    "interp_directory": lambda e: interp(e, b"directory\0"),
    "interp_below_file": lambda e: interp(e, b"good/x\0"),
    "interp_not_executable": lambda e: interp(e, b"not_executable\0"),
    "interp_is_empty": lambda e: interp(e, b"empty\0"),
    "interp_cut_in_header": lambda e: interp(e, b"cut_in_header\0"),
    "interp_zeros": lambda e: interp(e, b"zeros\0"),
    "interp_script": lambda e: interp(e, b"long_script\0"),
    "interp_wrong_machine": lambda e: interp(e, b"wrong_machine\0"),
    "interp_phnum_zero": lambda e: interp(e, b"phnum_zero\0"),
    "interp_phoff_beyond_file": lambda e: interp(e, b"phoff_beyond_file\0"),
    "interp_core": lambda e: interp(e, b"type_core\0"),
    "interp_no_load": lambda e: interp(e, b"no_load\0"),
    "interp_vaddr_kernel": lambda e: interp(e, b"vaddr_kernel\0"),
    "interp_memsz_wraps": lambda e: interp(e, b"memsz_wraps\0"),
    "interp_entry_kernel": lambda e: interp(e, b"entry_kernel\0"),
    # These run: what the program itself is entered by does not count.
    "interp_of_pie": lambda e: (e.head.update(type=3, entry=0), interp(e, b"good\0")),
    "interp_in_its_place": lambda e: interp(e, b"good\0"),
    "interp_twice": lambda e: (e.segments.insert(0, dict(e.spare())), e.head.update(phnum=6),
                               interp(e, b"/no/such\0"), interp_of(e, e.segments[0], b"good\0")),
}


def write(outdir, name, content, mode=0o755):
    path = os.path.join(outdir, name)
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    outdir = sys.argv[1]
    os.makedirs(os.path.join(outdir, "directory"), exist_ok=True)
    sound = Elf().bytes()

    write(outdir, "good", sound)
    write(outdir, "not_executable", sound, 0o644)
    write(outdir, "empty", b"")
    write(outdir, "one_byte", b"\x7f")
    write(outdir, "text", b"This is not a program.\n")
    write(outdir, "script_without_interpreter", b"#!/no/such/interpreter\n")
    write(outdir, "script_without_name", b"#!\n")
    write(outdir, "script_only_marks", b"#!")
    write(outdir, "script_name_cut", b"#!/" + b"a" * PAGE)
    write(outdir, "script_blanks", b"#!".ljust(PAGE))
    write(outdir, "script_of_itself", b"#!script_of_itself\n")
    write(outdir, "script_of_directory", b"#!directory\n")
    write(outdir, "script_of_text", b"#!text\n")
    write(outdir, "script_not_executable", b"#!not_executable\n")
    write(outdir, "script_of_bad_elf", b"#!wrong_machine\n")
    write(outdir, "long_script", b"#!good\n".ljust(PAGE))
    write(outdir, "zeros", bytes(2 * PAGE))
    write(outdir, "cut_in_header", sound[:40])
    write(outdir, "cut_after_header", sound[:EHDR.size])
    write(outdir, "cut_in_phdrs", sound[:EHDR.size + PHDR.size + 10])
    write(outdir, "cut_in_half", sound[:len(sound) // 2])
    for name, change in DEFECTS.items():
        elf = Elf()
        change(elf)
        write(outdir, name, elf.bytes())


if __name__ == "__main__":
    main()
