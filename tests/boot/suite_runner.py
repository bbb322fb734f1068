"""The runner itself: what it makes of outputs, and of a QEMU that does not behave. Nothing is booted."""
import os
import signal
import subprocess
import sys
import tempfile
import time

import suite_bad
from harness import Case, Environment, Outcome, qemu

HEAD = "[    0.001] Realign 0.1\n"

# A program's output: tests passed and failed, and whether there is a problem besides.
OUTPUTS = {
    "plan at the end": ("ok 1 - a\nok 2\n1..2\n", 2, 0, False),
    "plan at the start": ("1..2\nok 1 - a\n# a remark\nok 2 - b # 3\n", 2, 0, False),
    "a skipped test": ("ok 1 - a # SKIP not here\nok 2 - b\n1..2\n", 1, 0, False),
    "a failed test": ("ok 1 - a\nnot ok 2 - b\n1..2\n", 1, 1, False),
    "a failed test cannot be skipped": ("ok 1\nnot ok 2 - b # SKIP never mind\n1..2\n", 1, 1, False),
    "nothing": ("", 0, 0, True),
    "nothing but a plan": ("1..0\n", 0, 0, True),
    "no plan": ("ok 1 - a\n", 1, 0, True),
    "two plans": ("1..1\nok 1 - a\n1..1\n", 1, 0, True),
    "a plan of more": ("ok 1 - a\n1..2\n", 1, 0, True),
    "a plan of fewer": ("1..1\nok 1 - a\nok 2 - b\n", 2, 0, True),
    "a number left out": ("ok 1\nok 3\n1..2\n", 2, 0, True),
    "a number twice": ("ok 1\nok 1\n1..2\n", 2, 0, True),
    "out of order": ("ok 2\nok 1\n1..2\n", 2, 0, True),
    "no number": ("ok 1\nok - b\n1..1\n", 1, 0, True),
    "failed without a number": ("ok 1\nnot ok - b\n1..2\n", 1, 1, True),
    "failed, and no more words": ("ok 1\nnot ok\n1..1\n", 1, 1, True),
    "a plan that is none": ("ok 1\n1..x\n", 1, 0, True),
    "bail out": ("ok 1\nBail out! no memory\n1..1\n", 1, 0, True),
    "a second start": ("ok 1\n" + HEAD + "1..1\n", 1, 0, True),
}


def judged(text, passed, failed, problem):
    def run(_env):
        tap = qemu.Tap(qemu.Result(HEAD + text, 0, None, 1.0))
        seen = tap.passed, tap.failed, bool(tap.problem)
        if seen == (passed, failed, problem):
            return Outcome(1, 0)
        return Outcome(0, 1, [f"passed, failed, problem: {seen}; {tap.problem}"])
    return run


def judged_result(result, words):
    def run(_env):
        problem = qemu.Tap(result).problem or ""
        return Outcome(1, 0) if words in problem else Outcome(0, 1, [f"the problem is: {problem}"])
    return run


class Stand:
    """qemu.py with a script in QEMU's place; its directory for temporary files is to be empty at the end."""

    def __init__(self, script):
        self.place = tempfile.TemporaryDirectory()
        self.bin, self.tmp = (os.path.join(self.place.name, name) for name in ("bin", "tmp"))
        for directory in (self.bin, self.tmp):
            os.mkdir(directory)
        self.pid_file = os.path.join(self.bin, "pid")
        path = os.path.join(self.bin, "qemu-system-x86_64")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho $$ > {self.pid_file}.new; mv {self.pid_file}.new {self.pid_file}\n{script}\n")
        os.chmod(path, 0o755)

    def start(self, *arguments):
        environment = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", TMPDIR=self.tmp)
        command = [sys.executable, qemu.__file__, "--kernel", "none"] + list(arguments)
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def pid(self):
        """Of the script, once it runs."""
        for _ in range(200):
            if os.path.exists(self.pid_file):
                with open(self.pid_file, encoding="utf-8") as file:
                    return int(file.read())
            time.sleep(0.05)
        raise RuntimeError("it was not started")

    def gone(self):
        """Has the script ended, or does it within a moment?"""
        pid = self.pid()
        for _ in range(60):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        return False


def fails_with(script, words, *arguments):
    """qemu.py ends soon, by itself, and says @words."""
    def run(_env):
        stand = Stand(script)
        process = stand.start(*arguments)
        try:
            said = process.communicate(timeout=30)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            return Outcome(0, 1, ["no end after 30 s"])
        if process.returncode and words in said and stand.gone() and not os.listdir(stand.tmp):
            return Outcome(1, 0)
        return Outcome(0, 1, [f"status {process.returncode}, said: {said.strip()}", f"left: {os.listdir(stand.tmp)}"])
    return run


def ended_by(number, clean):
    """QEMU does not outlive a qemu.py that gets signal @number; nothing is left of it if it is @clean."""
    def run(_env):
        stand = Stand("exec sleep 60")
        process = stand.start()
        stand.pid()
        process.send_signal(number)
        process.communicate(timeout=30)
        problems = [] if stand.gone() else ["QEMU lives on"]
        problems += [f"left: {name}" for name in os.listdir(stand.tmp) if clean]
        return Outcome(0, 1, problems) if problems else Outcome(1, 0)
    return run


def refused_memory(_env):
    done = subprocess.run([sys.executable, qemu.__file__, "--kernel", "none", "--memory", "banana"],
                          capture_output=True, text=True, check=False)
    said = done.stderr.strip().split("\n")
    good = done.returncode and len(said) == 1 and "banana: not a size" in said[0]
    return Outcome(1, 0) if good else Outcome(0, 1, said)


def nothing_malformed(env):
    """A build without malformed programs is no reason to skip them."""
    empty = Environment("none", env.directory)
    empty.bad_elfs = tempfile.mkdtemp(dir=env.directory)
    return Outcome(1, 0) if suite_bad.malformed_init(empty).failed else Outcome(0, 1, ["no failure"])


def cases():
    return [Case(f"judge: {name}", judged(*expected)) for name, expected in OUTPUTS.items()] + [
        Case("judge: no banner", judged_result(qemu.Result("ok 1\n1..1\n", 0, None, 1.0), "0 banners")),
        Case("judge: a status", judged_result(qemu.Result(HEAD + "ok 1\n1..1\n", 3, None, 1.0), "status 3")),
        Case("judge: a failed boot", judged_result(qemu.Result(HEAD + "ok 1\n1..1\n", 0, "no end", 1.0), "no end")),
        Case("no end, silent", fails_with("exec sleep 60", "no end after 1 s", "--timeout", "1")),
        Case("no end, printing all the time",
             fails_with("while :; do echo x; done", "no end after 2 s", "--timeout", "2")),
        Case("endless output", fails_with("exec yes", "more than 64 MiB of output", "--timeout", "25")),
        Case("silent, but no end", fails_with("exec sleep 60 > /dev/null", "does not end", "--timeout", "20")),
        Case("SIGTERM", ended_by(signal.SIGTERM, True)),
        Case("SIGHUP", ended_by(signal.SIGHUP, True)),
        Case("SIGKILL", ended_by(signal.SIGKILL, False)),
        Case("memory of a strange size", refused_memory),
        Case("no malformed programs", nothing_malformed),
    ]
