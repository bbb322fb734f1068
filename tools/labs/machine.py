"""A machine that runs a student's kernel, looked at and driven from outside.

Nothing that the kernel says is believed. The machine's memory is a file that is mapped here as well, so page tables
and pages are read as the processor reads them; breakpoints stop it at agreed places; instructions are counted by
QEMU's virtual clock, one for each nanosecond, which the kernel cannot set.

What ends a run early is one of the Ended: switched off, panicked, reset, too many instructions, too much output,
halted for good. None depends on how fast this machine is; the one that does is an error of the grading, not a
verdict: TooSlow.
"""
import dataclasses
import json
import mmap
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

import confine

MIB = 1 << 20
PATIENCE = 60           # seconds for an answer of QEMU itself
POLL = 0.05             # seconds between two looks at a machine that runs
WALL = 300              # seconds after which a machine that is still within its limits is too slow
OUTPUT_MAX = 1 * MIB    # bytes on the serial port; far more than any test says
HALTED_POLLS = 6
STILL = 40              # seconds in which a machine that runs would not get through a single instruction
RESUME = 60             # million: when a machine goes on, its clock may first jump to the next tick of the BIOS's timer

# isa-debug-exit, as kernel/power.c uses it: QEMU ends with (value << 1) | 1.
EXIT_BASE, EXIT_PANICKED = 16, 127

# The ACPI timer of QEMU's PC: 24 bits of the virtual clock.
PM_TIMER, PM_HZ, PM_BITS = 0x608, 3579545, 24
COUNT_ERROR = 1000      # by so much may what count() tells be too low: that timer's ticks are 280 instructions long

REGISTERS = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip").split()


class Ended(Exception):
    """The machine will not go on; in words why."""


class TooSlow(Exception):
    """This machine did not get there in time, though the other one stayed within its limits."""


@dataclasses.dataclass
class Boot:
    kernel: str
    initrd: str
    append: str
    memory: int = 64            # MiB
    limit: int = 1000           # million instructions in all


class Link:
    """A socket of QEMU's."""

    def __init__(self, path, process):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.data = b""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.socket.connect(path)
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def more(self):
        try:
            piece = self.socket.recv(1 << 16)
        except TimeoutError as problem:
            raise TooSlow("QEMU does not answer") from problem
        if not piece:
            raise ConnectionError("QEMU has ended")
        self.data += piece


class Control(Link):
    """QMP: one command, one answer; of what happens in between, why the machine was shut down."""

    def __init__(self, path, process):
        super().__init__(path, process)
        self.shutdown = None
        self.answer()
        self.command("qmp_capabilities")

    def answer(self):
        while True:
            line, found, rest = self.data.partition(b"\n")
            if not found:
                self.more()
                continue
            self.data = rest
            message = json.loads(line)
            if "event" not in message:
                return message
            if message["event"] == "SHUTDOWN":
                self.shutdown = message["data"].get("reason", "?")

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        return self.answer().get("return")

    def monitor(self, line):
        return self.command("human-monitor-command", **{"command-line": line})


class Stub(Link):
    """GDB's protocol: breakpoints, registers, go on."""

    def send(self, text):
        raw = text.encode()
        self.socket.sendall(b"$%s#%02x" % (raw, sum(raw) & 255))

    def packet(self):
        """The next packet, or None where none is whole yet."""
        found = re.search(rb"\$([^#]*)#..", self.data, re.S)
        if not found:
            return None
        self.data = self.data[found.end():]
        self.socket.sendall(b"+")
        return found.group(1).decode()

    def answer(self):
        while (text := self.packet()) is None:
            self.more()
        return text

    def ask(self, text):
        self.send(text)
        return self.answer()


class Machine:
    """One boot. Use it as a context: at the end the machine and its files are gone."""

    def __init__(self, boot, confined, socket_path=None):
        self.boot = boot
        self.confined = confined
        self.directory = tempfile.mkdtemp(prefix="lab-")
        self.gdb_path = socket_path or f"{self.directory}/gdb"
        self.ticks = self.last_tick = 0
        self.process = self.control = self.stub = self.ram = None
        self.breaks = set()
        self.resumed = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        for link in (self.control, self.stub):
            if link:
                link.socket.close()
        if self.ram is not None:
            self.ram.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self):
        size, here = f"{self.boot.memory}M", self.directory
        return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", size, "-machine", "pc,memory-backend=ram",
                "-object", f"memory-backend-file,id=ram,size={size},mem-path={here}/ram,share=on",
                "-icount", "shift=0,sleep=off", "-display", "none", "-no-reboot", "-no-shutdown", "-nodefaults",
                "-monitor", "none",
                "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-serial", f"file:{here}/serial",
                "-kernel", f"{here}/kernel", "-initrd", f"{here}/initrd", "-append", self.boot.append,
                "-qmp", f"unix:{here}/qmp,server=on,wait=off", "-S",
                "-chardev", f"socket,path={here}/gdb,server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]

    def start(self):
        shutil.copyfile(self.boot.kernel, f"{self.directory}/kernel")
        shutil.copyfile(self.boot.initrd, f"{self.directory}/initrd")
        size = self.boot.memory * MIB
        command = self.confined.command(self.command(), self.directory, seconds=2 * WALL, file=size + OUTPUT_MAX)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        try:
            self.control = Control(f"{self.directory}/qmp", self.process)
            self.stub = Stub(self.gdb_path, self.process)
            self.stub.ask("qXfer:features:read:target.xml:0,fff")   # without it, registers cannot be written
        except OSError as problem:
            self.process.kill()
            raise RuntimeError("QEMU does not start: " + self.process.stderr.read().decode().strip()) from problem
        with open(f"{self.directory}/ram", "r+b") as file:
            self.ram = mmap.mmap(file.fileno(), size)

    # ---- Stop and go ----

    def set_break(self, address, on=True):
        assert self.stub.ask(f"{'Z' if on else 'z'}1,{address:x},1") == "OK"
        (self.breaks.add if on else self.breaks.discard)(address)

    def step_off(self):
        """Past the breakpoint at which it stands, if it does."""
        here = self.registers()["rip"]
        if here in self.breaks:
            self.set_break(here, False)
            self.stub.ask("s")
            self.set_break(here)

    def go(self, limit=None):
        """Run to the next breakpoint. Ended, TooSlow. @limit: million instructions from here."""
        self.resumed += 1
        end = self.boot.limit + self.resumed * RESUME if limit is None else self.count() // 1000000 + limit + RESUME
        deadline, halted = time.monotonic() + WALL, 0
        ticks, moved = self.ticks, time.monotonic()
        self.step_off()
        self.stub.send("c")
        while True:
            try:
                if select.select([self.stub.socket], [], [], POLL)[0]:
                    self.stub.more()
                    if self.stub.packet():
                        self.check_limits(end)
                        return self.check_running()
                self.check_limits(end)
                halted = halted + 1 if self.is_halted() else 0
            except (ConnectionError, BrokenPipeError) as problem:
                raise Ended(self.how_it_ended()) from problem
            if self.ticks != ticks:
                ticks, moved = self.ticks, time.monotonic()
            if time.monotonic() > moved + STILL:
                raise Ended("the timer stands still by which its instructions are counted")
            if halted == HALTED_POLLS:
                raise Ended("the processor is halted for good: " + self.last_words())
            if time.monotonic() > deadline:
                raise TooSlow(f"{self.count() // 1000000} million instructions in {WALL} s")

    def check_running(self):
        """It stopped: at a breakpoint, and not because it was shut down. With -no-shutdown it then stands still."""
        status = self.control.command("query-status")["status"]
        if status == "debug":
            return
        self.control.command("query-status")
        if self.control.shutdown == "guest-reset":
            raise Ended("the machine was reset: a triple fault. " + self.last_words())
        raise Ended(f"the machine was shut down ({self.control.shutdown or status}). " + self.last_words())

    def check_limits(self, end):
        if os.path.getsize(f"{self.directory}/serial") > OUTPUT_MAX:
            raise Ended(f"more than {OUTPUT_MAX // MIB} MiB of output")
        if self.count() > end * 1000000:
            raise Ended("no end within the limit of instructions (an endless loop?)")

    def count(self):
        """Instructions since power on, to COUNT_ERROR."""
        found = re.search(r"= (0x[0-9a-f]+)", self.control.monitor(f"i/w {PM_TIMER:#x}") or "")
        if not found:
            raise ConnectionError("no timer")
        tick = int(found.group(1), 16)
        if tick >> PM_BITS and self.ticks:
            raise Ended("the timer was taken away by which its instructions are counted")
        if tick >> PM_BITS:
            return 0        # the firmware has not set it up yet
        self.ticks += (tick - self.last_tick) % (1 << PM_BITS)
        self.last_tick = tick
        return self.ticks * 1000000000 // PM_HZ

    def is_halted(self):
        before = self.ticks
        state = self.control.monitor("info registers") or ""
        self.count()
        return "HLT=1" in state and self.ticks == before

    def how_it_ended(self):
        code = self.process.wait(30)
        value = code >> 1
        if code & 1 and value == EXIT_PANICKED:
            return "the kernel panicked: " + self.last_words("PANIC: ")
        if code & 1 and value >= EXIT_BASE:
            return f"the machine was switched off, status {value - EXIT_BASE}. " + self.last_words()
        return f"the machine ended, code {code}. " + self.last_words()

    def output(self):
        with open(f"{self.directory}/serial", "rb") as file:
            return file.read(OUTPUT_MAX).decode("utf-8", "replace").replace("\r", "")

    def last_words(self, marker=None):
        """What the kernel said last; only for people to read."""
        lines = [line for line in self.output().split("\n") if line.strip()]
        for line in lines if marker else []:
            if marker in line:
                return line.split(marker, 1)[1][:200]
        return "It said last: " + (lines[-1][:200] if lines else "nothing")

    def is_over(self):
        """Go on to the end, without any breakpoint: the status with which it switched off. Ended."""
        try:
            self.go()
        except Ended as end:
            found = re.match(r"the machine was switched off, status (\d+)\.", str(end))
            if not found:
                raise
            return int(found.group(1))
        raise Ended("it stopped once more")

    # ---- Look ----

    def registers(self):
        raw = bytes.fromhex(self.stub.ask("g")[:len(REGISTERS) * 16])
        return dict(zip(REGISTERS, struct.unpack(f"<{len(REGISTERS)}Q", raw)))

    def set_register(self, name, value):
        raw = struct.pack("<Q", value % (1 << 64)).hex()
        assert self.stub.ask(f"P{REGISTERS.index(name):x}={raw}") == "OK"

    def control_registers(self):
        """{CR3: .., CR4: .., CPL: ..}"""
        text = self.control.monitor("info registers")
        return {name: int(re.search(rf"\b{name}=([0-9a-f]+)", text).group(1), 16) for name in ("CR3", "CR4", "CPL")}
