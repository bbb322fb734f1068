"""The shell: a typed session, on Realign and on Linux; programs run by init."""
import os
import subprocess
import sys

import harness
import qemu
from harness import Case, Outcome

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
LINUX = os.path.join(ROOT, "build/linux/vmlinuz")
SESSION_LIMIT = 600     # seconds
FETCH_LIMIT = 300


def python():
    """One that has pexpect: Debian's package is for Debian's Python."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([candidate, "-c", "import pexpect"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def session(kernel, initrd, *arguments):
    """Run shell_session.py; each of its tests counts."""
    if not python():
        return Outcome(0, 1, ["no Python with pexpect: make setup installs it"])
    command = [python(), f"{HERE}/shell_session.py", "--kernel", kernel, "--initrd", initrd, *arguments]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM"] + command, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        text = process.communicate(timeout=SESSION_LIMIT)[0]
        why = None
    except subprocess.TimeoutExpired:
        process.terminate()
        text, why = process.communicate()[0], f"no end after {SESSION_LIMIT} s"
    tap = qemu.Tap(qemu.Result(qemu.BANNER + "\n" + text, 0, why, 0))
    problems = [tap.problem] if tap.problem else []
    if process.returncode and not tap.failed and not problems:
        problems.append(f"the session ended with status {process.returncode}")
    failures = harness.tap_failures(qemu.Result(text, 0, None, 0)) if tap.failed else []
    notes = [f"{tap.passed} passed, {tap.failed} failed"] + failures + problems
    if problems:
        notes += text.split("\n")[-12:]
    return Outcome(tap.passed, tap.failed + len(problems), notes)


def on_realign(env):
    return session(env.kernel, env.initramfs, "--append", "check=1")


def linux_problem():
    """Why there is no Linux to compare with, or None; it is fetched when it is first asked for."""
    if os.path.exists(LINUX):
        return None
    try:
        done = subprocess.run([f"{ROOT}/tools/fetch_linux.sh", os.path.dirname(LINUX)], capture_output=True, text=True,
                              timeout=FETCH_LIMIT, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"Linux could not be fetched: no end after {FETCH_LIMIT} s"
    words = (done.stderr.strip() or "no message").split("\n")[-1]
    return f"Linux could not be fetched: {words}" if done.returncode else None


def on_linux(env):
    problem = linux_problem()
    if problem:
        return Outcome(skip=problem)
    return session(LINUX, env.initramfs, "--linux")


def run_on_linux(env):
    """A program's output and status, an argument with a blank, a signal."""
    problem = linux_problem()
    if problem:
        return Outcome(skip=problem)
    problems = []
    for arguments, status, output in ((["sh", "-c", "echo 'a  b'; uname -s; exit 7"], 7, "a  b\nLinux\n"),
                                      (["sh", "-c", "kill -9 $$"], 128 + 9, "")):
        done = subprocess.run([f"{ROOT}/tools/run-on-linux", "--no-make", "--build", os.path.dirname(env.kernel),
                               *arguments], capture_output=True, text=True, timeout=120, check=False)
        if (done.returncode, done.stdout) != (status, output):
            problems += [f"{arguments}: status {done.returncode}, said: {done.stdout!r} {done.stderr!r}"]
    return Outcome(0, 1, problems) if problems else Outcome(1, 0)


def by_init(name, words, status, texts=()):
    """init runs @words, says how it ended, and so does the machine; nothing is lost."""
    def run(env):
        result = env.boot(f"init=/sbin/init check=1 -- {words}")
        return harness.judge_end(result, min(status, qemu.STATUS_MAX),
                                 [*texts, f"init: status {status}\n", f"power off, status {status}\n"], [" lost\n"])
    return Case(name, run)


def cases():
    return [
        Case("a session on Realign, all invariants recounted", on_realign),
        Case("the same session on Linux", on_linux),
        Case("run-on-linux", run_on_linux),
        by_init("init runs a program", "demo", 0, ["Nothing was lost."]),
        by_init("init tells the program's status", "expr 1 / 0", 2, ["division by zero"]),
        by_init("init tells that there is no program", "nothing", 127, ["init: nothing: No such file"]),
        by_init("init ends before its children", "start-stop-daemon -S -b -x /bin/sleep -- 1000", 0),
    ]
