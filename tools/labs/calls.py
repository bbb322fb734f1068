"""Functions of the kernel called from outside, before the first program: the machine stands in selftest_run(), memory is
set up, and nothing else runs. What they are called with is made here, and what they did is read here."""
import secrets
import struct

import machine
import memory

WHERE = "selftest_run"
CALL_LIMIT = 50         # million instructions


class Findings:
    """Pairs of what was expected and what was seen, a line each."""

    def __init__(self):
        self.expected, self.seen = [], []
        self.calls = self.first_wrong = 0

    def same(self, what, expected, seen):
        self.lines([f"{what}: {expected}"], [f"{what}: {seen}"])

    def show(self, *lines):
        """What is compared with what the shipped kernel shows."""
        self.seen += lines

    def lines(self, expected, seen):
        """Several lines of each."""
        self.first_wrong = self.first_wrong or (self.calls if expected != seen else 0)
        self.expected += expected
        self.seen += seen


class Caller(Findings):
    """One machine, and its kernel's functions."""

    def __init__(self, running, build):
        super().__init__()
        self.stop_before = None     # number of the call before which the machine is handed over; see debug.py
        self.machine, self.layout, self.kernel = running, build.layout, build.kernel
        self.memory = memory.Memory(running.ram)
        self.content = memory.Content(secrets.randbits(64) | 1)
        self.tables = memory.Tables(self.memory, self.content)
        running.set_break(self.kernel[WHERE])
        running.go()
        self.root = running.control_registers()["CR3"]
        self.start = running.registers()
        self.next_scratch = self.scratch_end = 0
        self.calls, self.words = 0, ""

    # ---- Calls ----

    def call(self, name, *args):
        """The result of a function, 64 bits. Ended."""
        self.calls += 1
        self.words = f"{name}({', '.join(f'{arg:#x}' for arg in args)})"
        self.enter(name, args)
        if self.calls == self.stop_before:
            raise HandOver()
        return self.finish()

    def call_shipped(self, name, *args):
        """Likewise, of one that is not the student's."""
        self.enter(name, args)
        return self.finish()

    def enter(self, name, args):
        stack = (self.start["rsp"] & ~15) - 512 - 8
        more = [arg % (1 << 64) for arg in args[6:]]
        self.memory.write(self.root, stack, struct.pack(f"<{1 + len(more)}Q", self.kernel[WHERE], *more))
        values = dict(zip(("rdi", "rsi", "rdx", "rcx", "r8", "r9"), args), rip=self.kernel[name], rsp=stack)
        for register, value in values.items():
            self.machine.set_register(register, value)

    def finish(self):
        self.machine.go(CALL_LIMIT)
        registers = self.machine.registers()
        if registers["rip"] != self.kernel[WHERE]:
            raise machine.Ended("it stopped elsewhere")
        if not self.kernel.image.is_whole(self.machine.ram):
            raise machine.Ended("the kernel's own code was changed")
        return registers["rax"]

    # ---- Memory ----

    def read(self, address, size):
        return self.memory.read(self.root, address, size)

    def write(self, address, data):
        self.memory.write(self.root, address, data)

    def word(self, address, size=8):
        return int.from_bytes(self.read(address, size), "little")

    def field(self, address, name, size=8):
        return self.word(address + self.layout[name], size)

    def set_field(self, address, name, value, size=8):
        self.write(address + self.layout[name], (value % (1 << 8 * size)).to_bytes(size, "little"))

    def room(self, size):
        """Zeroed bytes of the kernel's for an argument."""
        size = size + 15 & ~15
        if self.next_scratch + size > self.scratch_end:
            self.next_scratch = self.pointer(self.frame())
            self.scratch_end = self.next_scratch + memory.PAGE
        at, self.next_scratch = self.next_scratch, self.next_scratch + size
        self.write(at, bytes(size))
        return at

    def frame(self):
        """The physical address of a zeroed frame of our own."""
        frame = self.call_shipped("port_frame_alloc", 1)
        if not frame:
            raise machine.Ended("no memory is left")
        return frame

    def pointer(self, physical):
        """Where the kernel sees it."""
        return (self.layout["direct_base_mib"] * (1 << 20) + physical) % (1 << 64)

    def frame_field(self, physical, name):
        """The address of a field of the frame's metadata, 32 bits."""
        number = physical // memory.PAGE
        return self.word(self.kernel["port_frame_table"]) + number * self.layout["frame"] + self.layout[f"frame.{name}"]

    def live(self, table):
        return self.word(self.frame_field(table, "live"), 4)

    def slot_words(self, pointer, where):
        """A pointer to an entry in words: @where is {physical address of a table: name}."""
        if pointer == 0:
            return "NULL"
        at = self.memory.physical(self.root, pointer)
        if at is None:
            return "a pointer to nowhere"
        table = at & -memory.PAGE
        return f"entry {at % memory.PAGE // 8} of {where.get(table, 'a table that is none')}"


class HandOver(Exception):
    """The machine stands at the start of the call that is to be debugged."""


def run(function, build, options, limit, confined):
    """(expected, seen, why it ended or None) of one test."""
    boot = machine.Boot(build.kernel_path, build.program_path, options, limit=limit)
    with machine.Machine(boot, confined) as running:
        caller = Findings()
        try:
            caller = Caller(running, build)
            function(caller)
        except machine.Ended as end:
            return caller.expected, caller.seen, str(end)
        except KeyError as problem:
            return caller.expected, caller.seen, str(problem.args[0])
    return caller.expected, caller.seen, None
