#!/usr/bin/env python3
"""How much of mm/ the host tests run: lines and branches, by file, and those that no test reaches by name.

coverage.py [--build DIR] [--lines PERCENT] [--branches PERCENT]

Builds every test program over mm/ with gcc's counters and no sanitizers, runs them all, and reads the counters with
gcovr, all geometries together. DIR/index.html shows every line. Exit status 1 below the percentages.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, "tests/host")
import run as host  # pylint: disable=wrong-import-position

FLAGS = "-O0 -w --coverage"
LINK = "-Wl,--wrap=abort"       # see tests/host/coverage_abort.c
TIME_LIMIT = 300    # see host.limited()

# What is left out, and why.
OPTIONS = [
    "--filter", "mm/",
    # A branch to port_panic() in an assertion cannot be taken while mm/ is right. mm_check.c's CHECK stays in: each
    # of them must be seen to fire on a state that a test has spoiled.
    "--exclude-branches-by-pattern", r".*\bmm_assert\(.*",
]


def stale_notes(build):
    """What the compiler noted of files of mm/ that are no more."""
    return [path for path in glob.glob(f"{build}/*/mm/*.gcno")
            if not os.path.exists("mm/" + os.path.basename(path)[:-len("gcno")] + "c")]


def build_and_run(build, jobs):
    """Programs that could not be used, in words."""
    programs = {}
    for program in host.programs(build, ""):
        if not any(source.startswith("mm/") for source in program.sources):
            continue
        geometry = program.variant.split("-")[0]
        bits, levels = geometry.split("x")
        test = os.path.basename(program.test)[:-2]
        program.flags = f"-DPT_BITS={bits} -DPT_LEVELS={levels} {FLAGS} {LINK}"
        program.dir = f"{build}/{geometry}"
        program.path = f"{program.dir}/{test}"
        program.name = f"{test}.{geometry}"
        program.sources = program.sources + ["tests/host/coverage_abort.c"]
        programs[program.path] = program
    host.write_makefile(list(programs.values()), f"{build}/programs.mk")
    subprocess.run(["make", "-k", f"-j{jobs}", "--no-print-directory", "-f", f"{build}/programs.mk"], check=False,
                   stdout=subprocess.DEVNULL)
    for path in glob.glob(f"{build}/**/*.gcda", recursive=True) + stale_notes(build):
        os.remove(path)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return [problem for problem in pool.map(run, programs.values()) if problem]


def run(program):
    try:
        done = subprocess.run(host.limited(program.path, TIME_LIMIT), capture_output=True, timeout=10 * TIME_LIMIT,
                              check=False)
        return f"{program.name} fails: status {done.returncode}" if done.returncode else None
    except OSError:
        return f"{program.name} does not build"
    except subprocess.TimeoutExpired:
        return f"{program.name} does not end within {10 * TIME_LIMIT} s"


class Count:
    """Lines and branches of one file, or of all."""

    def __init__(self):
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0
        self.missing = []

    def add(self, line):
        branches = line["branches"]
        self.lines += 1
        self.lines_hit += line["count"] > 0
        self.branches += len(branches)
        self.branches_hit += sum(b["count"] > 0 for b in branches)
        missed = sum(b["count"] == 0 for b in branches)
        if line["count"] == 0:
            self.missing.append((line["line_number"], "line never run"))
        elif missed:
            self.missing.append((line["line_number"], f"{missed} of {len(branches)} branches never taken"))

    def row(self, name):
        return (f"{name:20} {self.lines_hit:5}/{self.lines:<5} {percent(self.lines_hit, self.lines):5.1f}%"
                f" {self.branches_hit:6}/{self.branches:<6} {percent(self.branches_hit, self.branches):5.1f}%")


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def read_counters(build, jobs):
    report = f"{build}/coverage.json"
    subprocess.run(["gcovr", "-r", ".", "-j", str(jobs), *OPTIONS, "--json", report,
                    "--html-details", f"{build}/index.html", "--html-title", "mm/ by the host tests",
                    *glob.glob(f"{build}/*/mm")], check=True)
    with open(report, encoding="utf-8") as file:
        return json.load(file)["files"]


def count(files):
    total, by_file = Count(), collections.defaultdict(Count)
    for file in files:
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            by_file[file["file"]].add(line)
            total.add(line)
    return total, by_file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/coverage")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--lines", type=float, default=97.0)
    parser.add_argument("--branches", type=float, default=90.0)
    args = parser.parse_args()
    start = time.monotonic()
    problems = build_and_run(args.build, args.jobs)
    total, by_file = count(read_counters(args.build, args.jobs))

    for name, file in sorted(by_file.items()):
        for number, what in file.missing:
            with open(name, encoding="utf-8") as source:
                text = source.read().split("\n")[number - 1].strip()
            print(f"{name}:{number}: {what}: {text}")
    print(f"\n{'file':20} {'lines':>11} {'':6} {'branches':>13}")
    for name, file in sorted(by_file.items()):
        print(file.row(name))
    for problem in problems:
        print(f"# {problem}")
    print(f"# {args.build}/index.html; {time.monotonic() - start:.0f} s in all")
    lines, branches = percent(total.lines_hit, total.lines), percent(total.branches_hit, total.branches)
    print(f"lines: {lines:.1f}%\nbranches: {branches:.1f}%")
    return 1 if problems or lines < args.lines or branches < args.branches else 0


if __name__ == "__main__":
    sys.exit(main())
