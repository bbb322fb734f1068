#!/usr/bin/env python3
"""Boot Realign in QEMU, or Linux with the same initramfs: the one way in which everything here does it.

A boot always has a time limit: a minute, or a day with --gdb or --shell. It fails on a panic, a second banner (the
machine started again), a triple fault, the time limit and endless output, each in clear words; else its status is the
one that the kernel was switched off with. QEMU never outlives the process, or the thread, that started it.
"""
import argparse
import codecs
import dataclasses
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time

BANNER = "] Realign "
PANIC = "PANIC: "
LINUX_OPTIONS = "console=ttyS0 quiet panic=-1 rdinit=/sbin/init"
LINUX_PANIC = "Kernel panic - not syncing: "

# isa-debug-exit: QEMU ends with (value << 1) | 1; the values are kernel/power.c's.
EXIT_PORT = 0xF4
EXIT_BASE = 16
EXIT_PANICKED = 127
STATUS_MAX = 110        # what greater statuses become

OUTPUT_MAX = 64 << 20   # bytes; more is a failure
MINUTE, DAY = 60, 24 * 3600

OVMF = ["/usr/share/OVMF", "/usr/share/edk2/ovmf"]


@dataclasses.dataclass
class Boot:
    """What to boot and how."""

    kernel: str = None      # by -kernel
    initrd: str = None
    iso: str = None         # or from this CD
    uefi: bool = False      # the CD under UEFI in place of a BIOS
    linux: bool = False     # the kernel is Linux
    terminal: bool = False  # the serial port is this program's terminal, ^C and all
    append: str = ""
    memory: str = "256M"
    cpu: str = "max"
    timeout: float = MINUTE
    trace: str = None       # a file for what comes out of the second serial port
    icount: bool = False    # one instruction is one nanosecond: the same run each time
    extra: list = dataclasses.field(default_factory=list)
    typed: list = dataclasses.field(default_factory=list)   # (text, bytes): typed once the text has come, in order


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
    cpu = boot.cpu + (",la57=off" if boot.linux else "")    # four levels of page tables, as Realign has
    args = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-m", boot.memory,
            "-display", "none", "-no-reboot", "-nodefaults", "-monitor", "none",
            "-device", f"isa-debug-exit,iobase={EXIT_PORT},iosize=4"]
    if boot.terminal:
        args += ["-chardev", "stdio,id=terminal,mux=on,signal=off", "-serial", "chardev:terminal"]
    else:
        args += ["-serial", "stdio"]
    if boot.trace:
        args += ["-serial", f"file:{boot.trace}"]
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
    """Takes the serial port's bytes, keeps the text, and passes lines on from the kernel's banner on.

    Only new text is searched, with the end of the old one in which what is looked for may have begun.
    """

    OVERLAP = 100

    def __init__(self, show, boot):
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pieces = []
        self.size = 0
        self.end = ""           # of the text, at most OVERLAP
        self.banners = 0
        self.started = boot.linux   # which is quiet until init's first words
        self.panic_words = LINUX_PANIC if boot.linux else PANIC
        self.off = 0 if boot.linux else None    # QEMU's exit code when the guest switches off as on any PC
        self.show = show
        self.typed = list(boot.typed)

    def feed(self, data):
        """Take @data; returns the bytes to type next."""
        piece = self.decoder.decode(data).replace("\r", "")
        window = self.end + piece
        self.banners += window.count(BANNER) - self.end.count(BANNER)
        self.end = window[-self.OVERLAP:]
        self.pieces.append(piece)
        self.size += len(data)
        if self.started:
            self._show(piece)
        elif BANNER in window or "boot: " in window:
            self.started = True
            text = self.text()
            self._show(text[text.rfind("\n", 0, max(text.find(BANNER), 0)) + 1:])
        answer = b""
        while self.typed and self.typed[0][0] in window:
            answer += self.typed.pop(0)[1]
        return answer

    def _show(self, text):
        if self.show:
            self.show(text)

    def text(self):
        return "".join(self.pieces)

    def too_much(self):
        """Why nothing more is to be read, or None."""
        if self.banners > 1:
            return "the machine started again: a second banner"
        if self.size > OUTPUT_MAX:
            return f"more than {OUTPUT_MAX >> 20} MiB of output"
        return None

    def panic(self):
        """A panic's own words, or None; its lines may still be on their way before the end."""
        text = self.text()
        if self.panic_words not in text:
            return None
        return "the kernel panicked: " + text.split(self.panic_words, 1)[1].split("\n", 1)[0]


def type_in(process, data):
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except BrokenPipeError:     # it has ended
        pass


def pump(process, console, seconds):
    """Read until QEMU ends. None, or why that is not to be waited for."""
    fd = process.stdout.fileno()
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return f"no end after {seconds:g} s"
        if not select.select([fd], [], [], left)[0]:
            continue
        data = os.read(fd, 65536)
        if not data:
            return None
        answer = console.feed(data)
        if answer:
            type_in(process, answer)
        if console.too_much():
            return console.too_much()


class Machines:
    """Those that run, of all threads, so that they can be ended together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.stopped = False

    def start(self, args, **streams):
        with self.lock:
            if self.stopped:
                raise InterruptedError("no more machines are started")
            process = subprocess.Popen(args, stdout=subprocess.PIPE, **streams)
            self.running.add(process)
            return process

    def end(self, process):
        with self.lock:
            process.kill()
            self.running.discard(process)

    def stop(self):
        """End all; from now on none can be started."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.kill()


machines = Machines()


def exit_on_signals():
    """SIGTERM and SIGHUP end this program as sys.exit() does, with all that it has to clean up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))


def judge(console, code, why, errors):
    """(status, failure) from QEMU's exit code, the text, and @why it was not waited for."""
    failure = console.panic() or why
    if failure:
        return None, failure
    if code == console.off:
        return 0, None
    if code == 0:
        return None, "the machine was reset: a triple fault, or the kernel restarted it"
    value = code >> 1
    if code & 1 and value == EXIT_PANICKED:
        return None, "the kernel panicked"
    if code < 0 or not code & 1 or not EXIT_BASE <= value < EXIT_PANICKED:
        return None, f"QEMU ended with code {code}: {errors.strip() or 'no message'}"
    return value - EXIT_BASE, None


def run(boot, show=None):
    """Boot, wait for the end, judge. @show gets the text as it comes."""
    console = Console(show, boot)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as errors:
        keys = subprocess.PIPE if boot.typed else subprocess.DEVNULL
        with machines.start(command(boot, directory), stdin=keys, stderr=errors) as process:
            try:
                why = pump(process, console, boot.timeout)
                code = process.wait(timeout=0 if why else 10)
            except subprocess.TimeoutExpired:
                code = None
                why = why or "QEMU is silent and does not end"
            finally:
                machines.end(process)
        errors.seek(0)
        status, failure = judge(console, code, why, errors.read())
    return Result(console.text(), status, failure, time.monotonic() - start)


def run_terminal(boot):
    """Boot with the serial port on this program's own terminal. The exit status."""
    boot.terminal = True
    settings = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        with tempfile.TemporaryDirectory() as directory:
            code = subprocess.run(command(boot, directory), timeout=DAY, check=False).returncode
    finally:
        if settings:
            termios.tcsetattr(0, termios.TCSADRAIN, settings)
    if code == 0 and not boot.linux:
        sys.exit("qemu.py: ended by Ctrl-a x, or the machine was reset")
    status, failure = judge(Console(None, boot), code, None, "")
    if failure:
        sys.exit(f"qemu.py: {failure}")
    return status


class Tap:
    """Judges a boot whose program prints TAP: each test counts, and whatever is not as it should be is a problem."""

    LINE = re.compile(r"^(not )?ok (\d+)(?: - (.*?))?( # SKIP\b.*)?$")
    PLAN = re.compile(r"^1\.\.(\d+)$")
    MEANT = re.compile(r"^(not )?ok\b|^1\.\.|^Bail out!")

    def __init__(self, result):
        self.passed = self.failed = self.skipped = 0
        self.plans = []
        self.problems = []
        for line in result.lines():
            if self.MEANT.match(line):
                self._take(line)
        self.problem = result.failure or self._problem(result)

    def _take(self, line):
        plan, found = self.PLAN.match(line), self.LINE.match(line)
        if plan:
            self.plans.append(int(plan.group(1)))
        elif found:
            self._count(found)
        else:
            self.failed += line.startswith("not ok")
            self.problems.append(f"not understood: {line}" if line[0] != "B" else line)

    def _count(self, found):
        number, expected = int(found.group(2)), self.seen() + 1
        if number != expected:
            self.problems.append(f"test {number} where {expected} was to come")
        if found.group(1):
            self.failed += 1
        elif found.group(4):
            self.skipped += 1
        else:
            self.passed += 1

    def seen(self):
        return self.passed + self.failed + self.skipped

    def _problem(self, result):
        """Why the run does not count as whole, besides failed tests; or None."""
        banners = result.output.count(BANNER)
        if banners != 1:
            return f"{banners} banners of the kernel"
        if self.problems:
            return self.problems[0]
        if not self.seen():
            return "no tests were seen"
        if len(self.plans) != 1:
            return "no plan: it ended early" if not self.plans else "more than one plan"
        if self.plans[0] != self.seen():
            return f"{self.plans[0]} tests were planned, {self.seen()} were seen"
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
    parser.add_argument("--linux", action="store_true", help="the kernel is Linux")
    parser.add_argument("--shell", action="store_true", help="use this terminal as the serial port; no time limit")
    parser.add_argument("--timeout", type=float, help="seconds: 60, or a day with --gdb")
    parser.add_argument("--icount", action="store_true", help="count instructions: the same run each time")
    parser.add_argument("--tap", action="store_true", help="the program prints TAP; end with a line of counts")
    parser.add_argument("--trace", metavar="FILE", help="keep there what comes out of the second serial port")
    parser.add_argument("--gdb", metavar="SOCKET", help="wait for GDB on this unix socket")
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
    exit_on_signals()
    args = parse_arguments()
    if not re.fullmatch(r"[1-9]\d*[MG]", args.memory):
        sys.exit(f"qemu.py: memory of {args.memory or 'no size'}: not a size such as 256M or 2G")
    options = f"{LINUX_OPTIONS} {args.append}" if args.linux else args.append
    boot = Boot(kernel=args.kernel, initrd=args.initrd, iso=args.iso, uefi=args.uefi, append=options,
                trace=args.trace, linux=args.linux, memory=args.memory,
                timeout=args.timeout or (DAY if args.gdb else MINUTE), icount=args.icount)
    if args.gdb:
        boot.extra = ["-S", "-chardev", f"socket,path={args.gdb},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]
    if boot.uefi and not find_ovmf():
        sys.exit("qemu.py: no UEFI firmware is installed (package ovmf)")
    if args.shell:
        sys.exit(run_terminal(boot))
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
