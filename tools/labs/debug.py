"""One test of a lab in GDB: the machine is brought to where it gets interesting, then GDB has it.

A scene stops where the program begins to play it, with a breakpoint on the lab's function. A test that calls the
kernel's functions stops at the first instruction of the call whose outcome was wrong; of the first, where all are right.
"""
import os
import shlex
import signal
import subprocess
import sys
import tempfile

import bugs
import build as builder
import calls
import machine
import report
import scene

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def gdb(running, kernel, commands):
    """GDB on the machine, which stands; until it ends."""
    for address in list(running.breaks):
        running.set_break(address, False)
    running.stub.socket.close()
    words = ["gdb", "-q", kernel, "-x", f"{TOOLS}/gdb/realign.py", "-ex", f"target remote {running.gdb_path}"]
    for command in commands:
        words += ["-ex", command]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(words + shlex.split(os.environ.get("GDB_ARGS", "")), check=False,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)).returncode


def debug_scene(test, built, confined, at):
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        scene.archive(built.program_path, test.scene, f"{directory}/initrd")
        boot = machine.Boot(built.kernel_path, f"{directory}/initrd", scene.boot_options(f"{test.options} trace_ring=all"))
        with machine.Machine(boot, confined) as running:
            try:
                running.set_break(built.program["lab_stop"])
                running.go()
            except machine.Ended as end:
                print(f"The kernel does not get as far as the program: {end}\nSo it is started anew, at its first instruction.")
            else:
                scene.Look(running, built.kernel, built.layout, built.program, test.scene, ()).begin()
                print(f"The program is about to play:\n{report.indented(test.scene.text.strip())}"
                      f"{at} has a breakpoint, and lab_stop, where the grader looks.")
                return gdb(running, built.kernel_path, [f"add-symbol-file {built.program_path}", f"break {at}", "break lab_stop"])
        with machine.Machine(boot, confined) as running:
            return gdb(running, built.kernel_path, [f"break {at}", "break panic"])


def wrong_call(test, built, confined):
    """The number of the call whose outcome was the first that was not as expected."""
    boot = machine.Boot(built.kernel_path, built.program_path, scene.boot_options(test.options), limit=test.limit)
    with machine.Machine(boot, confined) as running:
        caller = calls.Caller(running, built)
        try:
            test.function(caller)
        except (machine.Ended, KeyError):
            return caller.calls
        return caller.first_wrong or 1


def debug_call(test, built, confined):
    number = wrong_call(test, built, confined)
    boot = machine.Boot(built.kernel_path, built.program_path, scene.boot_options(test.options), limit=test.limit)
    with machine.Machine(boot, confined) as running:
        caller = calls.Caller(running, built)
        caller.stop_before = number
        try:
            test.function(caller)
        except calls.HandOver:
            print(f"Call {number} of the test: {caller.words}")
        return gdb(running, built.kernel_path, ["info args"])


def debug(lab, shipped, submission, confined, name, out):
    tests = [test for test in lab.tests if test.name == name] or [test for test in lab.tests if name and name in test.name]
    if not tests:
        sys.exit(f"labs: TEST= one of {', '.join(test.name for test in lab.tests)}")
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        try:
            data = builder.read_submission(submission, lab.file)
            built = builder.build(shipped, lab.replaces, data, directory, confined, os.path.relpath(submission), lab.belonging)
        except builder.BuildFailed as problem:
            sys.exit(f"labs: it does not build:\n{problem}")
        if tests[0].kind == "case":
            tests[0].scene = scene.Scene(bugs.answers(data)[1] or "")
        elif tests[0].kind:
            sys.exit("labs: debug your own case: TEST=case")
        if tests[0].scene:
            return debug_scene(tests[0], built, confined, lab.breakpoint)
        return debug_call(tests[0], built, confined)
