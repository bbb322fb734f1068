"""What the boot suites are made of: cases that boot the kernel once and judge what came out of it."""
import dataclasses
import os
import sys
import typing

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
import mkcpio  # noqa: E402
import qemu  # noqa: E402

# kernel/power.h
BOOT_FAILED = 100


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    notes: list = dataclasses.field(default_factory=list)   # printed under the case
    skip: str = None                                        # why nothing was done


@dataclasses.dataclass
class Case:
    """One boot: @run takes the environment and returns an Outcome."""

    name: str
    run: typing.Callable


class Environment:
    """What was built, and a directory for what tests make."""

    def __init__(self, build, directory):
        self.kernel = f"{build}/kernel.elf"
        self.initramfs = f"{build}/initramfs.cpio"
        self.iso = f"{build}/realign.iso"
        self.uefi_iso = f"{build}/realign-uefi.iso"
        self.bad_elfs = f"{build}/user/bad"
        self.directory = directory

    def file(self, name, data):
        """A file with @data, by its path."""
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def archive(self, name, members):
        """An initramfs of NAME=FILE arguments, by its path."""
        return self.file(name, mkcpio.archive(members))

    def read_initramfs(self):
        with open(self.initramfs, "rb") as file:
            return file.read()

    def boot(self, append="", initrd=True, **settings):
        """Boot by -kernel with our initramfs, with another (a path), or with none (None)."""
        if initrd is True:
            initrd = self.initramfs
        return qemu.run(qemu.Boot(kernel=self.kernel, initrd=initrd, append=append, **settings))


def last_lines(result, count=12):
    return [line for line in result.lines() if line.strip()][-count:]


def judge_tap(result, at_least):
    """Every TAP line counts; the machine must have ended well, with at least so many tests seen."""
    tap = qemu.Tap(result)
    problem = tap.problem
    if not problem and tap.passed + tap.failed < at_least:
        problem = f"only {tap.passed + tap.failed} tests were seen, {at_least} are there"
    notes = [f"{tap.passed} passed, {tap.failed} failed, {tap.skipped} skipped, {result.seconds:.1f} s"]
    if tap.failed:
        notes += tap_failures(result)
    if problem:
        notes += [problem] + last_lines(result)
    return Outcome(tap.passed, tap.failed + bool(problem), notes)


def tap_failures(result, limit=40):
    """The `not ok` lines with the remarks under them."""
    lines, found, inside = result.lines(), [], False
    for line in lines:
        if line.startswith("not ok"):
            inside = True
        elif not line.startswith("#"):
            inside = False
        if inside:
            found.append(line)
    return found[:limit]


def tap_case(name, append="", at_least=1, **settings):
    """A program that prints TAP, by -kernel."""
    return Case(name, lambda env: judge_tap(env.boot(append, **settings), at_least))


def judge_end(result, status, texts, absent=()):
    """The boot ended with @status and said @texts, in this order, and nothing of @absent."""
    problems = []
    if result.failure:
        problems.append(result.failure)
    elif result.status != status:
        problems.append(f"status {result.status}, expected {status}")
    problems += text_problems(result.output, texts, absent)
    if problems:
        return Outcome(0, 1, problems + last_lines(result))
    return Outcome(1, 0)


def text_problems(output, texts, absent):
    problems, at = [], 0
    for text in texts:
        found = output.find(text, at)
        if found < 0:
            problems.append(f"not said: {text}")
        else:
            at = found + len(text)
    return problems + [f"said: {text}" for text in absent if text in output]
