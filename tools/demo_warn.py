#!/usr/bin/env python3
"""The historic warning, and its absence: one boot with realign=off, one with realign=full, the same pinned shift.

usage: demo_warn.py KERNEL INITRAMFS

Exit status 0 only if the warning came in the first boot and not in the second, and all data was whole in both.
"""
import re
import sys

import qemu

SHIFT = "0x200000"
WARNING = "WARN: move_normal_pmd: destination PMD not none"
ROWS = [("move_pte", "entries of 4 KiB moved"), ("move_pmd", "entries of 2 MiB moved"),
        ("move_pud", "entries of 1 GiB moved"), ("move_widen_down", "widened below the start"),
        ("move_warn", "warnings")]


class Run:
    """One boot of user/demo_warn.c and what it counted."""

    def __init__(self, kernel, initramfs, mode):
        append = f"init=/bin/demo_warn realign={mode} stack_shift={SHIFT} norandmaps"
        print(f"booting with {append}", flush=True)
        self.result = qemu.run(qemu.Boot(kernel=kernel, initrd=initramfs, append=append))
        self.counts = dict(re.findall(r"^(\w+) (\d+)$", self.result.output, re.M))
        self.strings = re.search(r"^strings (.*)$", self.result.output, re.M)
        self.warnings = [line for line in self.result.lines() if WARNING in line]
        for line in self.warnings or ["(no warning)"]:
            print(f"    {line}")
        if not self.sound():
            print(self.result.output)
            print(f"    the boot failed: {self.result.failure or f'status {self.result.status}'}")

    def sound(self):
        return not self.result.failure and self.result.status == 0 and self.strings

    def row(self, counter):
        return self.counts.get(counter, "?")


def main():
    qemu.exit_on_signals()
    off, full = (Run(*sys.argv[1:3], mode) for mode in ("off", "full"))
    print(f"\nexec's stack of 5 MiB, shifted down by {SHIFT}:\n")
    print(f"{'':28}{'realign=off':>14}{'realign=full':>14}")
    for counter, meaning in ROWS:
        print(f"{meaning:28}{off.row(counter):>14}{full.row(counter):>14}")
    if off.sound() and full.sound():
        print(f"{'strings intact':28}{off.strings.group(1):>14}{full.strings.group(1):>14}")
    good = off.sound() and full.sound() and off.warnings and not full.warnings
    print("\nthe warning with realign=off, none with realign=full" if good else "\nnot as it should be")
    sys.exit(0 if good else 1)


main()
