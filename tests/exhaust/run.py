#!/usr/bin/env python3
"""Runs every small case, on all cores, and can be stopped and started again.

run.py all            every case; what is done is kept in build/exhaust/state.json
run.py slice          a part of each class, for `make test`
run.py case LINE      one case, with a picture and each step: '2x3 engine mode=full old=5 ...'

The last line counts cases: `N passed, N failed`.
"""
import argparse
import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time

BUILD = "build/exhaust"
GEOMETRIES = ["2x2", "1x4", "3x2", "2x3", "2x4", "3x3"]     # bits per level, levels
PAIRS_PER_PART = 128
MOST_PARTS = 128
# Of the pairs of ranges of a class; where there are fewer than 200, all.
SLICE_PAIRS = {"engine-complete": 24, "engine": 700, "remap": 150, "shift": 1500}   # 32 pages
SLICE_PAIRS_BIG = {"engine": 10000, "remap": 10000, "shift": 5000}                  # more pages
# Milliseconds of a core that a pair of ranges takes, about: for the remaining time, and so that the longest come first.
COST = {"3x2 engine-complete": 130, "2x3 engine-complete": 146, "3x2 engine": 1.9, "2x3 engine": 4.9, "3x2 remap": 7.1,
        "2x3 remap": 17, "3x2 shift": 0.8, "2x3 shift": 1.6, "2x4 engine": 0.23, "2x4 remap": 0.2, "2x4 shift": 0.21,
        "3x3 engine": 0.058, "3x3 remap": 0.037, "3x3 shift": 0.047}
TELL_EVERY = 5
MOST_TOLD = 12


class Part:
    """Every parts-th pair of ranges of one class in one geometry."""

    def __init__(self, geometry, name, pairs, part, parts):
        self.geometry, self.name, self.part, self.parts = geometry, name, part, parts
        self.cost = (pairs - part + parts - 1) // parts * COST.get(f"{geometry} {name}", 1)
        self.key = f"{geometry} {name} {part}/{parts}"
        self.total, self.at, self.cases = pairs, 0, 0
        self.passed = self.failed = None
        self.seconds = 0.0

    def command(self):
        return [f"{BUILD}/exhaust-{self.geometry}", "--class", self.name, "--part", f"{self.part}/{self.parts}"]

    def done_share(self):
        return 1.0 if self.passed is not None else self.at / max(self.total, 1)


def classes(geometry):
    """(name, pairs of ranges) of each class of a geometry."""
    out = subprocess.run([f"{BUILD}/exhaust-{geometry}", "--classes"], capture_output=True, text=True, check=True).stdout
    return [(name, int(pairs)) for name, pairs in (line.split() for line in out.splitlines())]


def all_parts():
    parts = []
    for geometry in GEOMETRIES:
        for name, pairs in classes(geometry):
            n = min(MOST_PARTS, max(1, pairs // PAIRS_PER_PART))
            parts += [Part(geometry, name, pairs, i, n) for i in range(n)]
    return parts


def slice_parts():
    """Of each class the pairs 0, n, 2n ...; n is odd, so that they fall on all offsets."""
    parts = []
    for geometry in GEOMETRIES:
        for name, pairs in classes(geometry):
            wanted = (SLICE_PAIRS_BIG if pairs > 100000 else SLICE_PAIRS)[name] if pairs >= 200 else pairs
            parts.append(Part(geometry, name, pairs, 0, max(1, pairs // wanted) | 1))
    return parts


def fingerprint():
    """Of the programs: a state of other ones is worth nothing."""
    digest = hashlib.sha256()
    for geometry in GEOMETRIES:
        with open(f"{BUILD}/exhaust-{geometry}", "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


class State:
    """What is done, on disk."""

    def __init__(self, path):
        self.path, self.done = path, {}
        self.print = fingerprint()
        try:
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            self.done = kept["done"] if kept["programs"] == self.print else {}
        except (OSError, ValueError, KeyError):
            pass

    def restore(self, parts):
        for part in parts:
            if part.key in self.done:
                part.passed, part.failed, part.seconds = self.done[part.key]

    def save(self, part):
        if part.failed:
            return      # again next time
        self.done[part.key] = [part.passed, part.failed, part.seconds]
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump({"programs": self.print, "done": self.done}, file)
        os.replace(self.path + ".new", self.path)


def run_part(part):
    """The program's words about failures."""
    start, words = time.monotonic(), []
    with subprocess.Popen(part.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            at = re.match(r"at (\d+) of \d+, (\d+) cases", line)
            counts = re.match(r"(\d+) passed, (\d+) failed$", line)
            if at:
                part.at, part.cases = int(at.group(1)), int(at.group(2))
            elif counts:
                part.passed, part.failed = int(counts.group(1)), int(counts.group(2))
            else:
                words.append(line)
    if part.passed is None:
        part.passed, part.failed = 0, 1
        words.append(f"not ok - {' '.join(part.command())} ended with status {process.returncode}\n")
    part.seconds = time.monotonic() - start
    return words


def tell_failures(part, words, told=[0]):     # pylint: disable=dangerous-default-value
    """The first of all failures, each with the command that makes it again."""
    for line in words:
        told[0] += line.startswith("not ok")
        if told[0] > MOST_TOLD:
            return
        case = re.match(r"# (engine|remap|shift) ", line)
        print(f"# make exhaust-case CASE='{part.geometry} {line[2:].rstrip()}'" if case else line.rstrip(), flush=True)


def share_done(parts):
    return sum(p.cost * p.done_share() for p in parts) / sum(p.cost for p in parts)


def show_progress(parts, started, done_before):
    share = share_done(parts)
    cases = sum(p.passed if p.passed is not None else p.cases for p in parts)
    elapsed = time.monotonic() - started
    gained = share - done_before
    left = f"{elapsed / gained * (1 - share):.0f} s left" if gained > 0.002 else "..."
    print(f"# {share * 100:.1f} %, {cases / 1e6:.1f} million cases, {elapsed:.0f} s, {left}", flush=True)


def run_parts(parts, state, tell_every):
    """All that are not done, the longest first; workers take them from a queue."""
    waiting, lock = queue.Queue(), threading.Lock()
    for part in sorted((p for p in parts if p.passed is None), key=lambda p: -p.cost):
        waiting.put(part)
    started = time.monotonic()
    done_before = share_done(parts)

    def work():
        while True:
            try:
                part = waiting.get_nowait()
            except queue.Empty:
                return
            words = run_part(part)
            with lock:
                tell_failures(part, words)
                if state:
                    state.save(part)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(os.cpu_count() or 2)]
    for worker in workers:
        worker.start()
    last = started
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.1)
        if tell_every and time.monotonic() - last >= tell_every:
            last = time.monotonic()
            show_progress(parts, started, done_before)


def report(parts):
    """A line per class; (passed, failed) of all."""
    groups = {}
    for part in parts:
        groups.setdefault((part.geometry, part.name), []).append(part)
    for (geometry, name), group in groups.items():
        passed, failed, seconds = (sum(getattr(p, a) for p in group) for a in ("passed", "failed", "seconds"))
        word = "not ok" if failed else "ok"
        print(f"{word} - {geometry} {name}: {passed + failed} cases, {failed} failed ({seconds:.1f} s of a core)")
    passed, failed = sum(p.passed for p in parts), sum(p.failed for p in parts)
    print(f"{passed} passed, {failed} failed")
    return passed, failed


def run_case(line):
    geometry, _, case = line.partition(" ")
    if geometry not in GEOMETRIES:
        print(f"a case begins with one of {' '.join(GEOMETRIES)}")
        return 2
    return subprocess.run([f"{BUILD}/exhaust-{geometry}", "--case", case], check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["all", "slice", "case"])
    parser.add_argument("line", nargs="?", default="")
    args = parser.parse_args()
    if args.action == "case":
        return run_case(args.line)
    parts, state = (slice_parts(), None) if args.action == "slice" else (all_parts(), State(f"{BUILD}/state.json"))
    if state:
        state.restore(parts)
        done = sum(p.passed is not None for p in parts)
        if done:
            print(f"# {done} of {len(parts)} parts were done before")
    try:
        run_parts(parts, state, TELL_EVERY if state else 0)
    except KeyboardInterrupt:
        print("# stopped; it goes on from here next time")
        return 1
    passed, failed = report(parts)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
