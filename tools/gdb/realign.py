"""GDB's commands for Realign: `gdb build/debug/kernel.elf -x tools/gdb/realign.py`, which make gdb does. See docs/gdb.md."""
import os
import sys

import gdb

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import machine  # noqa: E402
import areas  # noqa: E402,F401
import back  # noqa: E402,F401
import calls  # noqa: E402,F401
import steps  # noqa: E402,F401
import tables  # noqa: E402,F401

for setting in ("pagination off", "confirm off", "print pretty on", "python print-stack message",
                f"substitute-path /proc/self/cwd {machine.ROOT}"):
    gdb.execute(f"set {setting}")
gdb.execute(f"directory {machine.ROOT}")


class Realign(machine.Command):
    """realign: the commands for Realign, a line each. `help COMMAND` says more."""
    name = "realign"

    def run(self, words):
        for name in ("vmas", "pt walk", "pt dump", "pt diff", "moves", "break-move", "syscalls", "frames", "user", "pp",
                     "recording", "who-moved"):
            print(gdb.execute(f"help {name}", to_string=True).split("\n")[0])


Realign()
