#!/usr/bin/env python3
"""Host tests: writes the makefile that builds tests/host/test_*.c, and runs the programs.

run.py --build DIR make   writes the makefile, DIR/programs.mk
run.py --build DIR run    runs all, two at a time; each program, and the end, gives a line
                          `N passed, N failed`
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

WARN = "-Wall -Wextra -Werror -Wshadow -Wno-unused-parameter"
COMMON = f"-std=gnu17 -g -I. {WARN} -MMD -MP"
SLOW = "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
FAST = "-O2"
TIME_LIMIT = 300    # seconds of a processor; on a busy machine that takes longer by the clock


class Program:
    """One test program: a file in one build."""

    def __init__(self, test, build, sources, directory):
        geometry, _, kind = build.partition("-")
        bits, levels = geometry.split("/")
        self.test = test
        self.variant = f"{bits}x{levels}" + (f"-{kind}" if kind else "")
        self.flags = f"-DPT_BITS={bits} -DPT_LEVELS={levels} " + (FAST if kind == "fast" else SLOW)
        self.dir = f"{directory}/{self.variant}"
        self.name = os.path.basename(test)[:-2] + f".{self.variant}"
        self.path = f"{self.dir}/{os.path.basename(test)[:-2]}"
        self.sources = [test] + sources


def header_words(text, key):
    found = re.search(r"/\* %s: (.*?) \*/" % key, text)
    return found.group(1).split() if found else None


def programs(directory, only):
    shared = sorted(glob.glob("mm/*.c")) + sorted(glob.glob("tests/host/sim*.c"))
    result = []
    for test in sorted(glob.glob("tests/host/test_*.c")):
        if only and only not in test:
            continue
        with open(test, encoding="utf-8") as file:
            head = "".join(file.readlines()[:15])
        sources = header_words(head, "host-test")
        for build in header_words(head, "host-build") or ["9/4"]:
            result.append(Program(test, build, shared if sources is None else sources, directory))
    return result


def write_makefile(all_programs, path):
    objects = {}
    lines = ["all: " + " ".join(p.path for p in all_programs)]
    for p in all_programs:
        names = [f"{p.dir}/{s[:-2]}.o" for s in p.sources]
        objects.update((name, (s, p.flags)) for name, s in zip(names, p.sources))
        lines += [f"{p.path}: {' '.join(names)}", f"\t@$(CC) {p.flags} -o $@ $^ -lcmocka"]
    for name, (source, flags) in objects.items():
        lines += [f"{name}: {source} tests/host/run.py", "\t@mkdir -p $(@D)",
                  f"\t@echo '  HOSTCC  {name}'", f"\t@$(CC) {COMMON} {flags} -c -o $@ $<"]
    lines += ["-include " + " ".join(name[:-2] + ".d" for name in objects), ""]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def limited(path, seconds):
    """A command that runs @path, with no more than @seconds of a processor for each of its processes."""
    return ["prlimit", f"--cpu={int(seconds)}", path]


def run_one(program):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    start = time.monotonic()
    try:
        done = subprocess.run(limited(program.path, TIME_LIMIT), env=env, capture_output=True, text=True,
                              errors="replace", timeout=10 * TIME_LIMIT, check=False)
        out, err, status = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        out, err, status = "", f"no end within {10 * TIME_LIMIT} s", 1
    passed = len(re.findall(r"^ok ", out, re.M))
    failed = len(re.findall(r"^not ok ", out, re.M))
    if status != 0 or not passed:
        failed = max(failed, 1)
    return program, out, err, passed, failed, time.monotonic() - start


def run_all(all_programs):
    total = [0, 0]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, out, err, passed, failed, took in pool.map(run_one, all_programs):
            if failed:
                print(out + err)
            print(f"{program.name}: {passed} passed, {failed} failed ({took:.1f} s)", flush=True)
            total[0] += passed
            total[1] += failed
    print(f"host tests: {total[0]} passed, {total[1]} failed")
    return 1 if total[1] or not total[0] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("action", choices=["make", "run"])
    args = parser.parse_args()
    all_programs = programs(args.build, args.only)
    if args.action == "make":
        write_makefile(all_programs, f"{args.build}/programs.mk")
        return 0
    return run_all(all_programs)


if __name__ == "__main__":
    sys.exit(main())
