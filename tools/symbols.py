#!/usr/bin/env python3
"""Make of the kernel's first link the tables that backtraces want: kernel/symbols.c's and kernel/unwind.c's.

usage: symbols.py [kernel0.elf] > symbols.asm        without a file: empty tables
"""
import re
import subprocess
import sys

KERNEL_BASE = 0xFFFFFFFF80000000
WORDS_BITS = 10     # of struct row in unwind.c
ADDRESS_BITS = 32 - WORDS_BITS


def lines_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout.splitlines()


def functions(kernel):
    """(address, name) of every function, ascending, one name for each address."""
    seen = {}
    for line in lines_of("nm", "-n", kernel):
        address, kind, name = line.split() if len(line.split()) == 3 else ("0", "", "")
        address = int(address, 16)
        name = re.sub(r"\.(part|isra|constprop|cold|lto_priv)\b.*", "", name)      # parts and copies of a function
        if kind in ("t", "T") and address >= KERNEL_BASE and "." not in name.lstrip("."):
            seen.setdefault(address, name)
    return sorted(seen.items())


def frames(kernel):
    """(address, words) ascending: from there on, the caller's frame begins as many words above rsp; 0: unknown."""
    words, ends = {}, []
    for line in lines_of("readelf", "-W", "--debug-dump=frames-interp", kernel):
        whole = re.search(r" FDE .* pc=(\w+)\.\.(\w+)$", line)
        row = re.match(r"([0-9a-f]{16}) (\S+)", line)
        if whole:
            words[int(whole.group(1), 16)] = 1      # a function begins with its return address alone
            ends.append(int(whole.group(2), 16))
        elif row:
            above = re.fullmatch(r"rsp\+(\d+)", row.group(2))
            words[int(row.group(1), 16)] = int(above.group(1)) // 8 if above else 0
    for end in ends:
        words.setdefault(end, 0)
    rows = sorted(row for row in words.items() if row[0] >= KERNEL_BASE)
    return [row for before, row in zip([(0, None)] + rows, rows) if before[1] != row[1]]


def check(rows):
    for address, words in rows:
        if words >> WORDS_BITS or address - KERNEL_BASE >> ADDRESS_BITS:
            sys.exit(f"symbols.py: no room in a row for {words} words at {address:x}")


def main():
    kernel = sys.argv[1] if len(sys.argv) > 1 else None
    symbols, rows = (functions(kernel), frames(kernel)) if kernel else ([], [])
    check(rows)
    print("section .symbols progbits alloc noexec nowrite align=8")
    print("global symbols_count, symbols_table, symbols_names, unwind_count, unwind_table")
    print(f"symbols_count: dd {len(symbols)}")
    print(f"unwind_count: dd {len(rows)}")
    print("symbols_table:")
    offset = 0
    for address, name in symbols:
        print(f"    dd 0x{address - KERNEL_BASE:08x}, {offset}")
        offset += len(name) + 1
    print("unwind_table:")
    for address, words in rows:
        print(f"    dd 0x{address - KERNEL_BASE << WORDS_BITS | words:08x}")
    print("symbols_names:")
    for _, name in symbols:
        print(f'    db "{name}", 0')
    print("    db 0")


main()
