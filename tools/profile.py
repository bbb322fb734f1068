#!/usr/bin/env python3
"""Which functions spend a case's instructions: tools/profile.py CASE of user/bench.c, or `boot`.

What bench measures lies between two readings of the processor's counter. A plugin of QEMU's (tools/profile.c) counts
the instructions executed in between, one by one. Of several measurements the cheapest is shown, or with --all their
sum. A case whose name is not one of bench's stands for all that contain it; a slope is fitted through other cases and
has no profile of its own.
"""
import argparse
import bisect
import collections
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import bench  # noqa: E402
import qemu  # noqa: E402

LIMIT_SECONDS = 1800
USER_END = 1 << 47
Kind = collections.namedtuple("Kind", "start end intervals least all places")     # of tools/profile.c


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def build_plugin(build):
    """The plugin for the QEMU that is installed: what was version 1 of its interface is 2 from QEMU 8.2 on."""
    major, minor = map(int, re.search(r"version (\d+)\.(\d+)", output("qemu-system-x86_64", "--version")).groups())
    path = f"{build}/profile.so"
    subprocess.run(["gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
                    f"-DPLUGIN_VERSION={1 + ((major, minor) >= (8, 2))}", f"{ROOT}/tools/profile.c", "-o", path], check=True)
    return path


class Names:
    """Of the functions of the kernel and of bench, by address."""

    def __init__(self, *files):
        lines = [line.split() for file in files for line in output("nm", "-n", file).splitlines()]
        self.symbols = sorted((int(line[0], 16), line[2]) for line in lines if len(line) == 3 and line[1] in "tTwW")
        self.starts = [start for start, _ in self.symbols]

    def of(self, address):
        found = bisect.bisect(self.starts, address) - 1
        if found < 0 or (self.starts[found] < USER_END) != (address < USER_END):
            return "?", 0
        return self.symbols[found][1], self.starts[found]

    def start(self, name):
        return next(start for start, known in self.symbols if known == name)


def place(program, address):
    """FILE:LINE of bench that @address was compiled for, not of what was inlined there."""
    lines = output("addr2line", "-i", "-e", program, hex(address)).splitlines()
    return next((os.path.basename(line.split(" ")[0]) for line in lines if "bench.h" not in line), "?")


def marks(program):
    """Where the cases of @program read the counter; its own calibration does, too, in bench.c."""
    found = re.findall(r"^ *(\w+):\s+rdtsc", output("objdump", "-d", "--no-show-raw-insn", program), re.M)
    return [mark for mark in found if "_cases_" in place(program, int(mark, 16))]


def run(args, program, names):
    """What was counted; bench's own lines are printed."""
    boot = args.case == "boot"
    path = f"{tempfile.mkdtemp(prefix='profile-', dir=args.build)}/counts"
    words = [f"out={path}"]
    words += [f"until={names.start('main'):x}"] if boot else [f"mark={mark}" for mark in marks(program)]
    program = "/bin/bench" if boot else "/sbin/init"
    start = f"init={program} loglevel=warn norandmaps -- " + ("--boot" if boot else f"/bin/bench {args.case}")
    result = qemu.run(qemu.Boot(
        kernel=f"{args.build}/kernel.elf", initrd=bench.make_initramfs(args.build), memory="4G", cpu="qemu64", icount=True,
        append=start, timeout=LIMIT_SECONDS, extra=bench.MACHINE + ["-plugin", ",".join([build_plugin(args.build)] + words)]))
    if result.failure:
        sys.exit(f"profile: {result.failure}\n{result.output[-500:]}")
    for case, least, median, samples in bench.LINE.findall(result.output):
        if case != "calibration" and boot == (case == bench.BOOT):
            print(f"{case}: {least} by itself, median {median} of {samples}")
    with open(path, encoding="utf-8") as file:
        counted = read(file)
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
    return counted


def read(file):
    kinds = []
    for line in file:
        words = line.split()
        if words[0] == "kind":
            kinds.append(Kind(int(words[1], 16), int(words[2], 16), *map(int, words[3:]), {}))
        else:
            kinds[-1].places[int(words[0], 16)] = tuple(map(int, words[1:]))
    return kinds


def show(kind, args, program, names, questions):
    which = int(args.all)
    total = (kind.least, kind.all)[which]
    if kind.start:
        print(f"\nbetween {place(program, kind.start)} and {place(program, kind.end)}: {total:,} instructions, "
              + (f"all of {kind.intervals} measurements" if args.all else f"the cheapest of {kind.intervals} measurements"))
    else:
        print(f"\nfrom the machine's start to bench's main(): {total:,} instructions")
    spent, calls = collections.Counter(), collections.Counter()
    for address, counts in kind.places.items():
        name, start = names.of(address)
        if address >= USER_END:
            name += "()"
        else:
            name = f"{name}() of bench" if kind.start else "the firmware, boot/boot.asm"
        spent[name] += counts[which]
        calls[name] += counts[which] if address == start else 0
    print(f"{'instructions':>14} {'share':>6} {'calls':>9}  function")
    for name, count in spent.most_common(args.top):
        if count:
            print(f"{count:14,} {count / max(total, 1):6.1%} {calls[name]:9,}  {name}")
    show_questions(kind, args, questions, total)


class Questions:
    """Where the kernel asks whether somebody traces: reads of port_trace_mask, and the branch that each leads to."""

    MASK = "port_trace_mask"
    FAR = 12        # instructions between a read into a register and its branch

    def __init__(self, kernel):
        found = re.findall(r"^([0-9a-f]+):\s+(\S+)\s*(.*)$", output("objdump", "-d", "--no-show-raw-insn", kernel), re.M)
        self.code = [(int(address, 16), name, operands) for address, name, operands in found]
        self.index = {address: i for i, (address, _, _) in enumerate(self.code)}
        self.asked = [self.branch_of(i) for i, (_, name, operands) in enumerate(self.code)
                      if f"<{self.MASK}>" in operands and re.match("test|mov .*,%|mov$", name)
                      and not re.match(r"%\w+,", operands)]

    def branch_of(self, i):
        """(the read, the test, the branch, where it goes, what follows it); None for what has no branch of its own."""
        ask, test = i, i if self.code[i][1].startswith("test") else None
        for _ in range(self.FAR):
            address, name, operands = self.code[i]
            if test is None and name in ("test", "and") and re.match(r"\$0x\w+,%[a-z]+", operands):
                test = i
            elif test is not None and i > test and name.startswith("j") and name != "jmp":
                return [self.code[n][0] for n in (ask, test, i)] + [int(operands.split()[0], 16), self.code[i + 1][0]]
            i = self.index[int(operands.split()[0], 16)] if name == "jmp" and operands[0] != "*" else i + 1
        return [self.code[ask][0], None, None, None, None]

    def cost(self, executed):
        """(how often it was asked, instructions for that, branches that went both ways), by @executed(address)."""
        asked = sum(executed(ask) for ask, *_ in self.asked)
        spent = sum(map(executed, {at for places in self.asked for at in places[:3] if at is not None}))
        wavering = sum(1 for _, _, branch, there, on in self.asked
                       if branch is not None and executed(branch) and executed(there) and executed(on))
        return asked, spent, wavering


def show_questions(kind, args, questions, total):
    counts = {address: pair[int(args.all)] for address, pair in kind.places.items()}
    asked, spent, wavering = questions.cost(lambda address: counts.get(address, 0))
    print(f"asked {asked:,} times whether somebody traces: {spent:,} instructions, {spent / max(total, 1):.1%}; "
          f"{wavering} of these branches went both ways")


def annotate(kinds, args):
    """The instructions of a function, with its lines, and how often each was executed."""
    counts = collections.Counter()
    for kind in kinds:
        for address, pair in kind.places.items():
            counts[address] += pair[int(args.all)]
    text = output("objdump", "-d", "-S", "-M", "intel", "--no-show-raw-insn", f"--disassemble={args.function}",
                  f"{args.build}/kernel.elf")
    for line in text.splitlines():
        found = re.match(r"\s*([0-9a-f]+):\s", line)
        count = f"{counts[int(found.group(1), 16)]:,}" if found else ""
        print(f"{count:>12} {line}")


def main():
    qemu.exit_on_signals()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    parser.add_argument("--all", action="store_true", help="all measurements, not the cheapest")
    parser.add_argument("--function", help="also its instructions, with how often each was executed")
    parser.add_argument("--top", type=int, default=30, help="functions to show")
    args = parser.parse_args()
    program = f"{args.build}/user/bench"
    names = Names(f"{args.build}/kernel.elf", program)
    questions = Questions(f"{args.build}/kernel.elf")
    kinds = run(args, program, names)
    if not kinds:
        sys.exit(f"profile: bench measures no {args.case}")
    for kind in kinds:
        show(kind, args, program, names, questions)
    if args.function:
        annotate(kinds, args)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(130)
