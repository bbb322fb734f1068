#!/usr/bin/env python3
"""Turn the output of `nm -n` on the kernel's first link into the table that kernel/symbols.c reads.

usage: nm -n kernel1.elf | symbols.py > symbols.asm        without input lines: an empty table
"""
import sys

KERNEL_BASE = 0xFFFFFFFF80000000


def functions(lines):
    """(address, name) of every function, ascending, one name for each address."""
    seen = {}
    for line in lines:
        address, kind, name = line.split()
        address = int(address, 16)
        if kind in "tT" and address >= KERNEL_BASE and "." not in name.lstrip("."):
            seen.setdefault(address, name)
    return sorted(seen.items())


def main():
    symbols = functions(line for line in sys.stdin if len(line.split()) == 3)
    print("section .symbols progbits alloc noexec nowrite align=8")
    print("global symbols_count, symbols_table, symbols_names")
    print(f"symbols_count: dd {len(symbols)}, 0")
    print("symbols_table:")
    offset = 0
    for address, name in symbols:
        print(f"    dd 0x{address - KERNEL_BASE:08x}, {offset}")
        offset += len(name) + 1
    print("symbols_names:")
    for _, name in symbols:
        print(f'    db "{name}", 0')
    print("    db 0")


main()
