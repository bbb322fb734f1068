#!/usr/bin/python3
"""Tests of the labs and their grader. TAP, then a line of counts.

run.py --build build/release [--only WORD] [--jobs N]

Each lab's shipped file gets all points and its starting file as many as lab.toml says; hostile submissions get what
their first line says, and nothing of this machine; a class is graded twice, the second time by "other machines", and
gets the same marks; the reports are what their readers take; and what students get has no solution
in it.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../../tools/labs", f"{HERE}/../../tools"]
import confine  # noqa: E402
import grade  # noqa: E402
import build as builder  # noqa: E402
import report  # noqa: E402
import suite_class  # noqa: E402
import suite_confine  # noqa: E402
import suite_forms  # noqa: E402
import suite_student  # noqa: E402
from build import ROOT  # noqa: E402

HOSTILE_LAB = "realign"
HOSTILE_TESTS = "down"      # those with this in their name; enough to see


class World:
    def __init__(self, build):
        self.build = build
        self.shipped = builder.Shipped(build)
        self.confined = confine.choose()


def solution(world, name):
    lab = grade.Lab(name)
    result = grade.grade(lab, world.shipped, lab.solution, world.confined)
    if result.earned() != result.points() or not result.points():
        return report.as_text(result)


def start(world, name):
    lab = grade.Lab(name)
    result = grade.grade(lab, world.shipped, lab.start, world.confined)
    if result.problem or result.earned() != lab.start_points or lab.start_points * 4 > result.points():
        return f"{lab.start_points} points are expected, fewer than a quarter\n" + report.as_text(result)


def hostile(world, path):
    """Its marks are a whole starting file's, or none; as its first line says."""
    with open(path, encoding="utf-8") as file:
        words = file.readline()
    lab = grade.Lab(HOSTILE_LAB)
    begin = time.monotonic()
    result = grade.grade(lab, world.shipped, path, world.confined, only=HOSTILE_TESTS)
    same = grade.grade(lab, world.shipped, lab.start, world.confined, only=HOSTILE_TESTS) if "starting file" in words else None
    expected = same.earned() if same else 0
    text = report.as_text(result)
    if result.earned() != expected:
        return f"{expected} points are expected\n{text}"
    found = re.search(r"Said: (.*?)\*/", words)
    if found and found.group(1).strip() not in text:
        return f"not said: {found.group(1)}\n{text}"
    if "root:" in text:
        return f"it learnt of this machine's users\n{text}"
    if time.monotonic() - begin > 200:
        return "it took too long"


def cases(world):
    for lab in grade.all_labs():
        for name in grade.variants(lab):
            yield f"{name}: the shipped file gets all points", lambda name=name: solution(world, name)
            yield f"{name}: the starting file compiles and gets few", lambda name=name: start(world, name)
    for path in sorted(glob.glob(f"{HERE}/hostile/*.c")):
        yield f"hostile: {os.path.basename(path)[:-2]}", lambda path=path: hostile(world, path)
    yield from suite_confine.cases(world)
    yield from suite_forms.cases(world)
    yield from suite_class.cases(world)
    yield from suite_student.cases(world)


def attempt(case):
    try:
        return case()
    except Exception as error:  # a test must not end the others
        return f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    begin = time.monotonic()
    chosen = [case for case in cases(World(args.build)) if args.only in case[0]]
    passed = failed = 0
    print(f"1..{len(chosen)}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for (name, _), problem in zip(chosen, pool.map(lambda case: attempt(case[1]), chosen)):
            passed, failed = passed + (not problem), failed + bool(problem)
            print(f"{'not ok' if problem else 'ok'} {passed + failed} - {name}")
            for line in problem.split("\n") if problem else []:
                print(f"# {line}")
            sys.stdout.flush()
    print(f"# labs: {time.monotonic() - begin:.0f} s")
    print(f"labs: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
