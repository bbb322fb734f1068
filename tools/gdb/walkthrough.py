#!/usr/bin/env python3
"""The sessions of docs/gdb.md, done again: each command must say what stands below it.

    tools/gdb/walkthrough.py            do them, and bring the numbers up to date
    tools/gdb/walkthrough.py --check    say what is not so, and fail

A session is a line of the document with `make gdb` or `make replay` and nothing behind its variables, and all lines
with `(gdb)` until the next. What stands below a command must be said, in that order; what is said besides does not
matter. Numbers that change with the build (physical addresses, lines, counts, the program's own addresses) are not
compared, those of the move are.
"""
import os
import re
import shlex
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
DOCUMENT = f"{ROOT}/docs/gdb.md"
LIMIT_SECONDS = 240
START = re.compile(r'^    (make (gdb|replay)( \w+=("[^"]*"|\S+))*)$')
PROMPT = "    (gdb) "
MARK = "@@@ {} @@@"

OF_THE_MOVE = r"1000[0-9a-f]{8}"        # addresses of user/demo.c's areas
CHANGES = re.compile(rf"\b(?!{OF_THE_MOVE}\b)(?=\w*\d)(?:0x)?[0-9a-f]{{5,16}}\b"    # other addresses and entries
                     r"|(?<=:)\d+\b"                                                # lines
                     r"|\b\d+(?= (?:VMAs|pages|mapped|tables|entries))"             # counts
                     r"|^ *#?\d+(?= )|(?<=pgoff )\w+")                              # events, lines, frames
ROOM = re.compile(r" {2,}")


def compared(line):
    return ROOM.sub(" ", CHANGES.sub("#", line.strip()))


class Session:
    """@command of make, and the numbers of the document's lines: [(line of a command, lines below it)]."""

    def __init__(self, command):
        self.command, self.steps = command, []

    def run(self, lines, extra=()):
        """What each command said, as lists of lines."""
        words = []
        for number, (line, _) in enumerate(self.steps):
            words += ["-ex", rf"echo \n{MARK.format(number)}\n", "-ex", lines[line][len(PROMPT):]]
        arguments = ["--no-print-directory", *extra, f"GDB_ARGS=-nx -batch {shlex.join(words)}"]
        done = subprocess.run(shlex.split(self.command) + arguments, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False)
        parts = re.split(MARK.format(r"\d+") + "\n", done.stdout)
        if len(parts) != len(self.steps) + 1:
            raise RuntimeError(f"{self.command}: ended early\n{done.stdout[-2000:]}")
        return [part.rstrip().split("\n") for part in parts[1:]]


def sessions(lines):
    found, step = [], None
    for number, line in enumerate(lines):
        if START.match(line):
            found.append(Session(line.strip()))
            step = None
        elif line.startswith(PROMPT) and found:
            step = (number, [])
            found[-1].steps.append(step)
        elif line.startswith("    ") and step:
            step[1].append(number)
        else:
            step = None
    return [session for session in found if session.steps]


def differences(lines, extra=()):
    """What is not said as the document has it. @lines get the numbers of this run."""
    problems = []
    for session in sessions(lines):
        for (line, below), said in zip(session.steps, session.run(lines, extra)):
            at = 0
            for number in below:
                wanted = compared(lines[number])
                place = next((n for n in range(at, len(said)) if compared(said[n]) == wanted), None)
                if wanted == "...":
                    continue
                if place is None:
                    problems.append(f"line {number + 1}, below {lines[line].strip()}: not said: {lines[number].strip()}")
                    problems += [f"    said: {text}" for text in said[at:at + 12]]
                    break
                lines[number] = f"    {said[place]}".rstrip()
                at = place + 1
    return problems


def main():
    with open(DOCUMENT, encoding="utf-8") as file:
        lines = file.read().split("\n")
    problems = differences(lines)
    print("\n".join(problems or ["each line was said"]))
    if not problems and sys.argv[1:] != ["--check"]:
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
