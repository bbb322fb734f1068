#!/usr/bin/env python3
"""Boot tests: boots the kernel in QEMU, many times, in many ways. TAP, then a line of counts.

run.py --build build/release [--only WORD] [--jobs N]

Each tests/boot/suite_*.py has a function cases() that lists its cases (harness.py). A case that runs a program with
tests of its own counts as many as that has.
"""
import argparse
import concurrent.futures
import glob
import importlib
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402
from harness import qemu  # noqa: E402


def all_cases(only):
    """(suite, case) of all suites whose name, or whose case's name, contains @only."""
    for path in sorted(glob.glob(f"{HERE}/suite_*.py")):
        suite = os.path.basename(path)[len("suite_"):-len(".py")]
        for case in importlib.import_module(f"suite_{suite}").cases():
            if not only or only in suite or only in case.name:
                yield suite, case


def attempt(case, environment):
    """Run a case; what it raises is a failure like any other."""
    try:
        return case.run(environment)
    except Exception as error:  # a test must not end the others
        return harness.Outcome(0, 1, [f"{type(error).__name__}: {error}"])


def report(number, suite, case, outcome):
    word = "not ok" if outcome.failed else "ok"
    skip = f" # SKIP {outcome.skip}" if outcome.skip else ""
    print(f"{word} {number} - {suite}: {case.name}{skip}")
    for note in outcome.notes:
        print(f"# {note}")
    sys.stdout.flush()


def run(cases, environment, jobs):
    """(passed, failed) of all, reported in the order of the list."""
    passed = failed = 0
    print(f"1..{len(cases)}")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(lambda item: attempt(item[1], environment), cases)
        try:
            for number, ((suite, case), outcome) in enumerate(zip(cases, outcomes), 1):
                report(number, suite, case, outcome)
                passed += outcome.passed
                failed += outcome.failed
        except BaseException:   # a signal
            pool.shutdown(wait=False, cancel_futures=True)
            qemu.machines.stop()
            raise
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--only", help="cases and suites with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()

    qemu.exit_on_signals()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        environment = harness.Environment(args.build, directory)
        passed, failed = run(list(all_cases(args.only)), environment, args.jobs)
    print(f"# boot tests: {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
