#!/usr/bin/env python3
"""Run commands one after the other, show what they print, and end with one line that sums up their counts.

usage: total.py COMMAND ...

Each command ends with a line `N passed, N failed`; one that does not, or that fails without a failed test to show
for it, counts as one more failure.
"""
import re
import shlex
import subprocess
import sys
import time

COUNTS = re.compile(r"(?:^|: )(\d+) passed, (\d+) failed$")


def run(command):
    """(passed, failed) of one command."""
    last = None
    with subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = COUNTS.search(line.rstrip()) or last
    passed, failed = (int(n) for n in last.groups()) if last else (0, 0)
    if not last or (process.returncode and not failed):
        print(f"not ok - `{command}` ended with status {process.returncode}")
        failed += 1
    return passed, failed


def main():
    start = time.monotonic()
    passed = failed = 0
    for command in sys.argv[1:]:
        print(f"# {command}", flush=True)
        counts = run(command)
        passed += counts[0]
        failed += counts[1]
    print(f"# {time.monotonic() - start:.0f} s in all")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
