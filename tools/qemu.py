#!/usr/bin/env python3
"""Boot Realign in QEMU: the one way in which everything here does it.

A boot always has a time limit. It fails on a panic, a second banner (the machine started again), a triple fault and
the time limit, each in clear words; else its status is the one that the kernel was switched off with.
"""
import argparse
import dataclasses
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

BANNER = "] Realign "
PANIC = "PANIC: "

# isa-debug-exit: QEMU ends with (value << 1) | 1; the values are kernel/power.c's.
EXIT_PORT = 0xF4
EXIT_BASE = 16
EXIT_PANICKED = 127
STATUS_MAX = 110        # what greater statuses become

OVMF = ["/usr/share/OVMF", "/usr/share/edk2/ovmf"]


@dataclasses.dataclass
class Boot:
    """What to boot and how."""

    kernel: str = None      # by -kernel
    initrd: str = None
    iso: str = None         # or from this CD
    uefi: bool = False      # the CD under UEFI in place of a BIOS
    append: str = ""
    memory: str = "256M"
    cpu: str = "max"
    timeout: float = 60
    icount: bool = False    # one instruction is one nanosecond: the same run each time
    extra: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Result:
    output: str             # all that came out of the serial port, lines ended by \n
    status: int             # the kernel's; None when it did not switch off by itself
    failure: str            # what went wrong, or None
    seconds: float

    def lines(self):
        return self.output.split("\n")


def find_ovmf():
    """Firmware for UEFI: code and variables, or None."""
    for directory in OVMF:
        for suffix in ("_4M.fd", ".fd"):
            pair = [f"{directory}/OVMF_{part}{suffix}" for part in ("CODE", "VARS")]
            if all(os.path.exists(path) for path in pair):
                return pair
    return None


def uefi_arguments(directory):
    code, variables = find_ovmf()
    mine = shutil.copy(variables, directory)
    return ["-drive", f"if=pflash,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,file={mine}"]


def command(boot, directory):
    """QEMU's command line."""
    args = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", boot.cpu, "-m", boot.memory, "-display", "none",
            "-no-reboot", "-nodefaults", "-serial", "stdio", "-monitor", "none",
            "-device", f"isa-debug-exit,iobase={EXIT_PORT},iosize=4"]
    if boot.uefi:
        args += ["-machine", "q35"] + uefi_arguments(directory)
    if boot.iso:
        args += ["-cdrom", boot.iso]
    else:
        args += ["-kernel", boot.kernel, "-append", boot.append]
        if boot.initrd:
            args += ["-initrd", boot.initrd]
    if boot.icount:
        args += ["-icount", "shift=0,sleep=off"]
    return args + boot.extra


class Console:
    """Takes the serial port's bytes, keeps the text, and passes lines on from the kernel's banner on."""

    def __init__(self, show):
        self.text = ""
        self.show = show
        self.started = False
        self.shown = 0

    def feed(self, data):
        self.text += data.decode("utf-8", "replace").replace("\r", "")
        if not self.started:
            self.started = BANNER in self.text or "boot: " in self.text
            self.shown = max(self.text.rfind("\n", 0, max(self.text.find(BANNER), 0)) + 1, 0)
        if self.started and self.show:
            self.show(self.text[self.shown:])
            self.shown = len(self.text)

    def failure(self):
        """What the text alone tells, or None. A panic's own lines may still be on their way."""
        if self.text.count(BANNER) > 1:
            return "the machine started again: a second banner"
        if PANIC in self.text:
            return "the kernel panicked: " + self.text.split(PANIC, 1)[1].split("\n", 1)[0]
        return None


def pump(process, console, deadline):
    """Read until QEMU ends; False when it was killed: too late, or it started again."""
    fd = process.stdout.fileno()
    while True:
        left = deadline - time.monotonic()
        ready = select.select([fd], [], [], max(left, 0))[0]
        data = os.read(fd, 65536) if ready else b""
        if ready and not data:
            return True
        console.feed(data)
        if not ready or console.text.count(BANNER) > 1:
            process.kill()
            return False


def judge(boot, console, code, ended, errors):
    """(status, failure) from QEMU's exit code and the text."""
    failure = console.failure()
    if failure:
        return None, failure
    if not ended:
        return None, f"no end after {boot.timeout:g} s"
    if code == 0:
        return None, "the machine was reset: a triple fault, or the kernel restarted it"
    value = code >> 1
    if code < 0 or not code & 1 or not EXIT_BASE <= value < EXIT_PANICKED:
        return None, f"QEMU ended with code {code}: {errors.strip() or 'no message'}"
    return value - EXIT_BASE, None


def run(boot, show=None):
    """Boot, wait for the end, judge. @show gets the text as it comes."""
    console = Console(show)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command(boot, directory), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors) as process:
            try:
                ended = pump(process, console, start + boot.timeout)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
        errors.seek(0)
        status, failure = judge(boot, console, code, ended, errors.read())
    return Result(console.text, status, failure, time.monotonic() - start)


class Tap:
    """Counts of a program's TAP lines in a boot's output."""

    LINE = re.compile(r"^(not )?ok (\d+)(?: - )?([^#]*)(?:# (SKIP|TODO)\b.*)?$", re.I)
    PLAN = re.compile(r"^1\.\.(\d+)")

    def __init__(self, result):
        self.passed = self.failed = self.skipped = 0
        self.names = []             # (passed, name)
        self.planned = None
        for line in result.lines():
            self._take(line)
        self.problem = self._problem(result)

    def _take(self, line):
        plan = self.PLAN.match(line)
        found = self.LINE.match(line)
        if plan:
            self.planned = int(plan.group(1))
        elif found and (found.group(4) or "").upper() == "SKIP":
            self.skipped += 1
            self.names.append((True, found.group(3).strip() + " # SKIP"))
        elif found:
            self.passed += not found.group(1)
            self.failed += bool(found.group(1))
            self.names.append((not found.group(1), found.group(3).strip()))

    def _problem(self, result):
        """Why the run does not count as whole, besides failed tests; or None."""
        seen = self.passed + self.failed + self.skipped
        if result.failure:
            return result.failure
        if not seen:
            return "no tests were seen"
        if self.planned is not None and self.planned != seen:
            return f"{self.planned} tests were planned, {seen} were seen"
        if not self.failed and result.status:
            return f"the program ended with status {result.status}"
        return None


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", help="ELF image to boot by -kernel")
    parser.add_argument("--initrd", help="its initramfs")
    parser.add_argument("--iso", help="boot this CD instead")
    parser.add_argument("--uefi", action="store_true", help="the CD under UEFI")
    parser.add_argument("--append", default="", help="the kernel's command line")
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    parser.add_argument("--icount", action="store_true", help="count instructions: the same run each time")
    parser.add_argument("--tap", action="store_true", help="the program prints TAP; end with a line of counts")
    parser.add_argument("--gdb", metavar="SOCKET", help="wait for GDB on this unix socket; no time limit")
    return parser.parse_args()


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def finish_tap(result):
    """The last line, and the exit status: 0 only if all tests passed and the machine ended well."""
    tap = Tap(result)
    if tap.problem:
        print(f"not ok - {tap.problem}")
    if tap.skipped:
        print(f"# {tap.skipped} skipped")
    print(f"{tap.passed} passed, {tap.failed + bool(tap.problem)} failed")
    return 1 if tap.failed or tap.problem else 0


def main():
    args = parse_arguments()
    boot = Boot(kernel=args.kernel, initrd=args.initrd, iso=args.iso, uefi=args.uefi, append=args.append,
                memory=args.memory, timeout=args.timeout, icount=args.icount)
    if args.gdb:
        boot.timeout = 24 * 3600
        boot.extra = ["-S", "-chardev", f"socket,path={args.gdb},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]
    if boot.uefi and not find_ovmf():
        sys.exit("qemu.py: no UEFI firmware is installed (package ovmf)")
    result = run(boot, show)
    if args.tap:
        sys.exit(finish_tap(result))
    if result.failure:
        sys.exit(f"qemu.py: {result.failure}")
    sys.exit(result.status)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):    # nobody reads any more: `... | head`, or Ctrl-C
        os._exit(130)
