"""syscalls, user: what programs ask of the kernel, and their symbols."""
import glob
import os
import re

import gdb

import machine

REGISTERS = ["rdi", "rsi", "rdx", "r10", "r8", "r9"]
NAMED_ERRORS = "kernel/abi/errno.h"
ENTRY = "kernel/entry.asm"


def read(path):
    with open(os.path.join(machine.ROOT, path), encoding="utf-8") as file:
        return file.read()


def known_calls():
    """{name: names of its arguments}, from the SYSCALLn of the sources."""
    calls = {}
    for path in glob.glob(f"{machine.ROOT}/kernel/*.c"):
        for found in re.finditer(r"^SYSCALL(\d)\(([^)]*)\)", read(path), re.M):
            words = [word.strip() for word in found.group(2).split(",")]
            calls[words[0]] = words[2::2]
    return calls


def known_errors():
    """{number: name}."""
    return {int(value): name for name, value in re.findall(r"\b(E[A-Z0-9]+)\s*=?\s*(\d+)\b", read(NAMED_ERRORS))}


class Tracer:
    """The calls that are traced, and those that have not returned."""

    def __init__(self, only):
        self.only = only
        self.calls = known_calls()
        self.errors = known_errors()
        self.open = {}      # thread id: the text of its call
        self.breakpoints = [Entry(self), Return(self)]

    def who(self):
        thread = machine.current_cpu()["thread"]
        return int(thread["process"]["pid"]), int(thread["tid"])

    def entered(self, frame):
        number = int(frame["rax"]) & 0xffffffff
        name = gdb.parse_and_eval(f"'kernel/syscall.c'::names[{number}]") if number < 1024 else None
        name = name.string() if name is not None and int(name) else f"syscall_{number}"
        if self.only and name not in self.only:
            return
        pid, tid = self.who()
        names = self.calls.get(name, REGISTERS)
        values = ", ".join(f"{arg} {int(frame[register]):x}" for arg, register in zip(names, REGISTERS))
        self.open[tid] = f"{pid}/{tid} {name}({values})"
        if name in ("exit", "exit_group"):
            print(self.open.pop(tid))

    def returned(self, frame):
        text = self.open.pop(self.who()[1], None)
        if text:
            value = int(frame["rax"])
            error = (1 << 64) - value
            print(f"{text} = " + (f"-{self.errors.get(error, error)}" if error < 4096 else f"{value:x}"))


class Entry(gdb.Breakpoint):
    def __init__(self, tracer):
        super().__init__("*syscall_dispatch", internal=True)
        self.tracer = tracer

    def stop(self):
        self.tracer.entered(gdb.parse_and_eval("(struct trap_frame *)$rdi").dereference())
        return False


class Return(gdb.Breakpoint):
    """Behind syscall_entry's call of syscall_dispatch, with the frame on the stack."""

    def __init__(self, tracer):
        lines = read(ENTRY).split("\n")
        call = next(n for n, text in enumerate(lines, 1) if text.split()[:2] == ["call", "syscall_dispatch"])
        super().__init__(f"{ENTRY}:{call + 1}", internal=True)      # the next line that is an instruction
        self.tracer = tracer

    def stop(self):
        self.tracer.returned(gdb.parse_and_eval("(struct trap_frame *)$rsp").dereference())
        return False


class Syscalls(machine.Command):
    """syscalls [NAME...]: print each system call with its arguments and its answer while the machine runs.
With names: only these. All numbers are hexadecimal. syscalls off: no longer."""
    name = "syscalls"
    kind = gdb.COMMAND_RUNNING
    tracer = None

    def run(self, words):
        unknown = [word for word in words if word != "off" and word not in known_calls()]
        if unknown:
            raise gdb.GdbError(f"Realign has no call {' '.join(unknown)}")
        if self.tracer:
            for breakpoint in self.tracer.breakpoints:
                breakpoint.delete()
        self.tracer = None if "off" in words else Tracer(words)
        print("system calls are not traced" if not self.tracer else f"traced: {' '.join(words) or 'all system calls'}")


# ---- Programs ----


def programs():
    """{name: path} of the programs built beside this kernel, or of the release."""
    found = {}
    kernel = gdb.objfiles()[0].filename if gdb.objfiles() else ""
    for directory in (f"{machine.ROOT}/build/release/user", f"{os.path.dirname(kernel)}/user"):
        for path in glob.glob(f"{directory}/*"):
            if "." not in os.path.basename(path) and os.path.isfile(path):
                found[os.path.basename(path)] = path
    return found


def running_name():
    process = machine.process()
    if process is None or not int(process["exe"]):
        return None
    return process["name"].string()


def load_bias(path):
    """By how much a position-independent program was moved: known once it runs."""
    with open(path, "rb") as file:
        head = file.read(64)
    if int.from_bytes(head[16:18], "little") != 3:      # ET_DYN
        return 0
    return int(machine.need_mm()["layout"]["code_start"]) & -machine.PAGE


class User(machine.Command):
    """user [PROGRAM]: load the symbols of a program of user/, so that its lines can be stepped through.
Without PROGRAM: of the one that runs; where none runs, a list of those there are."""
    name = "user"
    kind = gdb.COMMAND_FILES

    def run(self, words):
        known = programs()
        name = words[0] if words else running_name()
        if name is None:
            print("no program runs; there are: " + " ".join(sorted(known)))
            return
        # A process is called by 15 letters of the program's name.
        name = next((full for full in sorted(known) if full == name or not words and full[:15] == name), name)
        if name not in known:
            raise gdb.GdbError(f"no program {name}; there are: " + " ".join(sorted(known)))
        bias = load_bias(known[name])
        gdb.execute(f"add-symbol-file '{known[name]}' -o {bias}", to_string=True)
        print(f"symbols of {os.path.relpath(known[name], machine.ROOT)}" + (f" at {bias:x}" if bias else ""))


for command in (Syscalls, User):
    command()
