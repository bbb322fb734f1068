#!/usr/bin/env python3
"""Do the host tests notice? Applies each mistake of tests/mutants/ to a copy of mm/ and runs the tests on it.

mutants.py [--slice] [--jobs N] [--build DIR] [NAME ...]

A mutant is a patch below some lines of words:

    Mistake: what is wrong with it
    Source: where this mistake was made, or said to be possible
    Killed by: the test program, and after a colon the test, that should notice (it runs first)
    Slice: yes                      (part of make test)

Objects of files that a mutant leaves alone are compiled once. A mutant is killed when a test fails, dies or does not
end that passes without it. The last line is `N killed, N survived`; exit status 1 when one survives, does not apply or
does not compile, or a test program is of no use because it fails on its own.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/host"))
import run as host  # pylint: disable=wrong-import-position

FLAGS = "-O1 -w"
COMPILE = ["gcc", "-std=gnu17"]
TIME_LIMIT = 240    # see host.limited()


# ---- Patches ----

class Broken(Exception):
    """A mutant that does not apply or does not compile."""


class Mutant:
    """One patch file: its words, and per file the pairs of (old lines, new lines, line number)."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-len(".patch")]
        with open(path, encoding="utf-8") as file:
            words, _, diff = file.read().partition("--- a/")
        self.words = dict(re.findall(r"^(Mistake|Source|Killed by|Slice): (.*(?:\n .*)*)", words, re.M))
        self.hunks = self.read_hunks("--- a/" + diff)

    def read_hunks(self, diff):
        hunks = {}
        for line in diff.splitlines():
            if line.startswith("--- a/"):
                file = hunks.setdefault(line[len("--- a/"):].split("\t")[0], [])
            elif line.startswith("@@"):
                file.append(([], [], int(re.match(r"@@ -(\d+)", line).group(1))))
            elif not line.startswith("+++ "):
                if line[:1] != "+":
                    file[-1][0].append(line[1:])
                if line[:1] != "-":
                    file[-1][1].append(line[1:])
        return hunks

    def hint(self):
        return self.words.get("Killed by", "").split(":")[0].strip()

    def applied(self, directory):
        """(path, text) of each file, changed. Lines are found by what they say; of several places the nearest."""
        for path, hunks in self.hunks.items():
            with open(f"{directory}/{path}", encoding="utf-8") as file:
                lines = file.read().split("\n")
            for old, new, number in reversed(hunks):
                places = [i for i in range(len(lines)) if lines[i:i + len(old)] == old]
                if not places:
                    raise Broken(f"does not apply to {path}, line {number}")
                at = min(places, key=lambda i, n=number: abs(i + 1 - n))
                lines[at:at + len(old)] = new
            yield path, "\n".join(lines)

    def apply(self, directory):
        for path, text in self.applied(directory):
            with open(f"{directory}/{path}", "w", encoding="utf-8") as file:
                file.write(text)


# ---- The test programs without a mutant ----

class Suite:
    """One test program over mm/, and how it fares without a mutant."""

    def __init__(self, program):
        self.program = program
        self.name = program.name
        self.lock = threading.Lock()
        self.before = None

    def baseline(self):
        with self.lock:
            if not self.before:
                self.before = Run(self.program.path, TIME_LIMIT)
            return self.before

    def usable(self):
        return os.path.exists(self.program.path) and not self.baseline().died


class Run:
    """What one run of a test program said."""

    def __init__(self, path, limit):
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
        start = time.monotonic()
        try:
            done = subprocess.run(host.limited(path, limit), env=env, capture_output=True, text=True, errors="replace",
                                  timeout=10 * limit, check=False)
            self.out, self.status = done.stdout + done.stderr, done.returncode
        except subprocess.TimeoutExpired as stopped:
            self.out, self.status = f"{(stopped.stdout or b'').decode(errors='replace')}\nno end in {10 * limit:.0f} s", -1
        self.seconds = time.monotonic() - start
        ended = re.findall(r"^(ok|not ok) \d+ - (\S+)", self.out, re.M)
        self.tests = [name for _, name in ended]
        self.failed = [name for word, name in ended if word == "not ok"]
        self.died = self.status < 0 or (self.status != 0 and not self.failed) or not self.tests

    def why(self):
        """The line that tells most."""
        lines = re.findall(r"^(?:sim: |# |no end).*", self.out, re.M) or self.out.split("\n")
        return lines[-1 if self.died else 0].strip()


def suites_of(build):
    """One per test file and geometry; programs that leave mm/ out are of no use here."""
    result = {}
    for program in host.programs(build, ""):
        if not any(source.startswith("mm/") for source in program.sources):
            continue
        geometry = program.variant.split("-")[0]
        bits, levels = geometry.split("x")
        test = os.path.basename(program.test)[:-2]
        program.flags = f"-DPT_BITS={bits} -DPT_LEVELS={levels} {FLAGS}"
        program.dir = f"{build}/base/{geometry}"
        program.path = f"{program.dir}/{test}"
        program.name = f"{test}.{geometry}"
        result[program.name] = Suite(program)
    return list(result.values())


def make(build, suites, jobs):
    makefile = f"{build}/base/programs.mk"
    host.write_makefile([s.program for s in suites], makefile)
    subprocess.run(["make", "-k", f"-j{jobs}", "--no-print-directory", "-f", makefile], check=False,
                   stdout=subprocess.DEVNULL)


# ---- One mutant ----

class Trial:
    """One mutant against the suites, until one kills it."""

    def __init__(self, mutant, build):
        self.mutant = mutant
        self.dir = f"{build}/{mutant.name}"
        self.objects = {}
        self.killer = self.test = self.why = ""
        self.broken = ""
        self.seconds = 0.0

    def compile(self, program, source):
        """The object of @source: the unmutated one unless the mutant changes it or a header that it includes."""
        base = f"{program.dir}/{source[:-2]}.o"
        with open(base[:-2] + ".d", encoding="utf-8") as file:
            words = file.read().split()
        if not set(words) & set(self.mutant.hunks):
            return base
        path = f"{self.dir}/{os.path.basename(program.dir)}/{source[:-2]}.o"
        if path not in self.objects:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            from_copy = f"{self.dir}/{source}" if source.startswith("mm/") else source
            self.gcc(program.flags.split() + [f"-ffile-prefix-map={self.dir}/=", f"-I{self.dir}", "-I.", "-c", "-o", path,
                                              from_copy])
            self.objects[path] = True
        return path

    def gcc(self, words):
        done = subprocess.run(COMPILE + words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Broken("does not compile: " + done.stderr.split("\n")[0])

    def survives(self, suite):
        program = suite.program
        path = f"{self.dir}/{suite.name}"
        objects = [self.compile(program, source) for source in program.sources]
        before = suite.baseline()
        if not self.objects:
            return True     # this suite has none of the mutant's code
        self.gcc(["-o", path] + objects + ["-lcmocka"])
        after = Run(path, 5 + 10 * before.seconds)
        os.remove(path)
        new = [name for name in after.failed if name not in before.failed]
        if not new and not after.died:
            return True
        place = len(after.tests)
        self.killer = suite.name
        self.test = new[0] if new else before.tests[place] if place < len(before.tests) else "?"
        self.why = after.why()
        with open(f"{self.dir}/output.txt", "w", encoding="utf-8") as file:
            file.write(after.out)
        return False

    def run(self, suites):
        start = time.monotonic()
        hint = self.mutant.hint()
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree("mm", f"{self.dir}/mm")
        order = sorted(suites, key=lambda s: not s.name.startswith(hint + ".") if hint else False)
        try:
            self.mutant.apply(self.dir)
            for suite in order:
                if suite.usable() and not self.survives(suite):
                    break
        except Broken as problem:
            self.broken = str(problem)
        self.seconds = time.monotonic() - start
        return self

    def row(self):
        if self.broken:
            return f"BROKEN    {self.mutant.name:32} {self.broken}"
        if not self.killer:
            return f"SURVIVED  {self.mutant.name:32} {'':52} {self.seconds:6.1f} s"
        return f"killed    {self.mutant.name:32} {self.killer + ': ' + self.test:52} {self.seconds:6.1f} s"


# ---- All of them ----

def find_mutants(args):
    mutants = [Mutant(path) for path in sorted(glob.glob("tests/mutants/*.patch"))]
    if args.name:
        mutants = [m for m in mutants if any(name in m.name for name in args.name)]
    if args.slice:
        mutants = [m for m in mutants if "Slice" in m.words]
    return mutants


def find_suites(args, mutants):
    """Built, and quickest first. For the slice only those that its mutants name."""
    suites = suites_of(args.build)
    if args.slice:
        named = {m.hint() for m in mutants}
        suites = [s for s in suites if s.name.split(".")[0] in named and s.name.endswith(".9x4")]
    start = time.monotonic()
    make(args.build, suites, args.jobs)
    print(f"# {len(suites)} test programs built in {time.monotonic() - start:.0f} s", flush=True)
    if not args.slice and not args.name:
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            list(pool.map(Suite.usable, suites))
        print(f"# run without a mutant in {time.monotonic() - start:.0f} s", flush=True)
        suites.sort(key=lambda s: s.before.seconds if s.before else 0)
    return suites


def check_suites(suites):
    """Those that fail on their own, said aloud: what they do not show here, they show nowhere."""
    bad = 0
    for suite in suites:
        if not os.path.exists(suite.program.path):
            print(f"# {suite.name} does not build, so it is not used")
        elif suite.before and (suite.before.died or suite.before.failed):
            print(f"# {suite.name} fails without a mutant: {' '.join(suite.before.failed) or suite.before.why()}")
        else:
            continue
        bad += 1
    return bad


def run_trials(args, mutants, suites):
    trials = [Trial(mutant, args.build) for mutant in mutants]
    done = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(t.run, suites) for t in trials]):
            done += 1
            print(f"[{done}/{len(trials)}] {future.result().row()}", flush=True)
            if args.why and future.result().why:
                print(f"          {future.result().why}", flush=True)
    return trials


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--slice", action="store_true", help="those of make test only")
    parser.add_argument("--why", action="store_true", help="print what the test said, too")
    parser.add_argument("name", nargs="*", help="only mutants whose name contains one of these")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    start = time.monotonic()
    mutants = find_mutants(args)
    suites = find_suites(args, mutants)
    trials = run_trials(args, mutants, suites)

    print(f"\n{'':9} {'mutant':32} {'killed by':52} {'after':>8}")
    print("\n".join(t.row() for t in trials))
    bad = check_suites(suites)
    killed = sum(bool(t.killer) for t in trials)
    print(f"# {time.monotonic() - start:.0f} s in all")
    if args.slice:
        print(f"mutants: {killed} passed, {len(trials) - killed} failed")
    print(f"{killed} killed, {len(trials) - killed} survived")
    return 1 if bad or not trials or killed < len(trials) else 0


if __name__ == "__main__":
    sys.exit(main())
