#!/usr/bin/python3
"""Labs: builds a kernel with one file of a student's, tests it from outside, gives points.

    grade.py grade LAB            points; report.txt, report.tap, junit.xml, results.json in build/lab-LAB/
    grade.py test LAB             the same tests, as TAP
    grade.py solution-check LAB   the shipped kernel gets all points, the starting file does not
    grade.py build LAB            the kernel alone, build/lab-LAB/kernel.elf
    grade.py options LAB          what `make LAB=LAB run` boots it with
    grade.py debug LAB            one test (--test) in a machine that GDB is attached to

What a lab is stands in labs/LAB/lab.toml; docs/instructor.md tells how to add one.
"""
import argparse
import concurrent.futures
import contextlib
import glob
import importlib.util
import os
import shutil
import sys
import tempfile

try:
    import tomllib
except ImportError:     # Python 3.10
    import tomli as tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import bugs  # noqa: E402
import build as builder  # noqa: E402
import calls  # noqa: E402
import confine  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import scene  # noqa: E402
from build import ROOT  # noqa: E402

LIMIT = 1000    # million instructions for a test, the boot with it


class Test:
    """One test of a lab."""

    def __init__(self, lab, table):
        settings = lab.defaults | table
        self.lab = lab
        self.name, self.title, self.points = settings["name"], settings["title"], settings["points"]
        self.look = settings.get("look", list(scene.ALL))
        self.options = settings.get("options", "")
        self.limit = settings.get("limit", LIMIT)
        self.most = settings.get("most", {})    # instructions, by the words of a step
        self.scene = scene.Scene(settings["scene"]) if "scene" in settings else None
        self.function = lab.function(settings["call"]) if "call" in settings else None
        self.kind = settings.get("kind")        # of a test of find-the-bug
        self.reference = settings.get("reference", False)   # what is expected of the call is what the shipped kernel shows
        self.own_reference = settings.get("reference_options", self.options)

    def run(self, shipped, built, confined):
        """(expected lines, seen lines, why in words)."""
        if self.kind:
            return bugs.TESTS[self.kind](self, shipped, built, confined)
        if self.function:
            return self.run_calls(shipped, built, confined)
        return self.play(shipped, built, confined)

    def play(self, shipped, built, confined):
        with tempfile.TemporaryDirectory(prefix="lab-") as directory:
            expected = scene.expected(self.scene, shipped, self.own_reference, self.look, self.limit, confined, directory)
            seen, costs, ended = scene.play(self.scene, built, self.options, self.look, self.limit, confined, directory)
        for words, most in self.most.items():
            took = sum(cost for step, cost in costs if step == words)
            if not ended and took > most:
                ended = f"`{words}` took {took} instructions, {most} are allowed"
        return expected, seen, ended

    def run_calls(self, shipped, built, confined):
        options = scene.boot_options(self.options)
        expected, seen, ended = calls.run(self.function, built, options, self.limit, confined)
        if self.reference:
            _, expected, problem = calls.run(self.function, shipped, options, self.limit, confined)
            if problem:
                raise RuntimeError(f"the shipped kernel fails {self.name}: {problem}")
        return expected, seen, ended

    def judge(self, shipped, built, confined):
        expected, seen, ended = self.run(shipped, built, confined)
        passed = not ended and expected == seen and len(expected) > 0
        why = ended or ("" if passed else "what was expected (-) and what was seen (+):")
        return report.Outcome(self.name, self.title, self.points, passed, why,
                              [] if passed else self.where() + report.difference(expected, seen, ended), self.rerun())

    def where(self):
        """What the names of a scene stand for."""
        names = self.scene.names.items() if self.scene and not self.kind else ()
        return [", ".join(f"{name} = {value:x}" for name, value in names)] if names else []

    def rerun(self):
        if self.kind in ("name", "fixed"):
            return ""
        return f"make LAB={self.lab.words} debug TEST={self.name}{self.lab.more}"


class Lab:
    """labs/NAME/. Of find-the-bug there are as many as it has bugs: find-the-bug:3."""

    def __init__(self, name):
        name, _, bug = name.partition(":")
        self.name = name + (f"-{bug}" if bug else "")
        self.words = name + (f" BUG={bug}" if bug else "")      # for make
        self.directory = f"{ROOT}/labs/{name}"
        try:
            with open(f"{self.directory}/lab.toml", "rb") as file:
                table = tomllib.load(file)
        except FileNotFoundError:
            sys.exit(f"there is no lab {name}; there are: {' '.join(all_labs())}")
        self.bug = bugs.Bug(table, bug) if "bugs" in table else None
        if self.bug:
            table |= self.bug.table()
        self.title, self.replaces = table["title"], table["replaces"]
        self.belonging = table.get("with", [])      # files of the kernel that the student's stands for as well
        self.file = table.get("file", os.path.basename(self.replaces))
        self.run = table.get("run", "init=/init")
        self.breakpoint = table.get("breakpoint", "lab_stop")
        self.start_points = table["start_points"]   # what the starting file earns
        self.defaults = table.get("defaults", {})
        self.more = ""      # for make, so that the same is graded
        self.module = None
        self.tests = [Test(self, entry) for entry in table["test"]]

    def function(self, name):
        if not self.module:
            spec = importlib.util.spec_from_file_location(f"lab_{self.name}", f"{self.directory}/tests.py")
            self.module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.module)
        return getattr(self.module, name)

    @property
    def start(self):
        """The starting file."""
        return self.bug.write("start", self.bug.start()) if self.bug else f"{self.directory}/start.c"

    @property
    def solution(self):
        """The kernel's own file; of find-the-bug with the answers."""
        if self.bug:
            return self.bug.write("solution", self.bug.solution())
        if not self.belonging:
            return f"{ROOT}/{self.replaces}"
        path = f"{ROOT}/build/lab-{self.name}/solution.c"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
            file.write(builder.joined([*self.belonging, self.replaces]))
        os.replace(file.name, path)
        return path

    def working_copy(self):
        """The student's file; made from the starting file where there is none."""
        path = f"{self.directory}/{self.file}"
        if not os.path.exists(path):
            shutil.copyfile(self.start, path)
            print(f"{os.path.relpath(path)} is made from the starting file: it is yours to change", file=sys.stderr)
        return path


def all_labs():
    """Names, in teaching order."""
    def order(path):
        with open(path, "rb") as file:
            return tomllib.load(file)["order"]
    return [os.path.basename(os.path.dirname(path)) for path in sorted(glob.glob(f"{ROOT}/labs/*/lab.toml"), key=order)]


def variants(name):
    """The lab itself; of find-the-bug one for each bug."""
    with open(f"{ROOT}/labs/{name.split(':')[0]}/lab.toml", "rb") as file:
        count = tomllib.load(file).get("bugs", 0)
    return [name] if ":" in name or not count else [f"{name}:{n}" for n in range(1, count + 1)]


def grade(lab, shipped, submission, confined, jobs=1, only=None, keep=None):
    """A Report. @keep: a directory for the kernel."""
    tests = [test for test in lab.tests if not only or only in test.name]
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-"))
        try:
            data = builder.read_submission(submission, lab.file)
            built = builder.build(shipped, lab.replaces, data, directory, confined, os.path.relpath(submission, ROOT),
                                  lab.belonging)
        except builder.BuildFailed as problem:
            outcomes = [report.Outcome(t.name, t.title, t.points, False, "it does not build") for t in tests]
            return report.Report(lab.name, lab.title, outcomes, str(problem))
        built.data = data
        if keep:
            os.makedirs(keep, exist_ok=True)
            shutil.copyfile(built.kernel_path, f"{keep}/kernel.elf")
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            outcomes = list(pool.map(lambda test: test.judge(shipped, built, confined), tests))
    return report.Report(lab.name, lab.title, outcomes)


def write_forms(result, directory):
    os.makedirs(directory, exist_ok=True)
    for name, form in report.FORMS.items():
        with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
            file.write(form(result))


def solution_check(lab, shipped, confined, jobs):
    """The kernel's own file gets all, the starting file compiles and does not."""
    solution = grade(lab, shipped, lab.solution, confined, jobs)
    start = grade(lab, shipped, lab.start, confined, jobs)
    good = solution.earned() == solution.points() > 0
    bad = not start.problem and start.earned() == lab.start_points < start.points()
    print(f"{'ok' if good else 'not ok'} 1 - {lab.name}: the shipped file gets {report.points(solution.earned())} of "
          f"{report.points(solution.points())} points")
    if not good:
        print(report.indented(report.as_text(solution), "# "))
    print(f"{'ok' if bad else 'not ok'} 2 - {lab.name}: the starting file compiles and gets "
          f"{report.points(start.earned())} of {report.points(start.points())} points")
    if start.problem:
        print(report.indented(start.problem, "# "))
    print(f"{good + bad} passed, {2 - good - bad} failed")
    return good and bad


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["grade", "test", "solution-check", "build", "options", "debug"])
    parser.add_argument("lab")
    parser.add_argument("--submission", help="the student's file, or a directory with it; else labs/LAB/FILE.c")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--out", help="directory for the reports")
    parser.add_argument("--test", help="only tests with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def main():
    args = parse()
    if args.action == "options":
        print(Lab(args.lab).run)
        return 0
    try:
        confined = confine.choose()
    except confine.Unavailable as problem:
        sys.exit(f"labs: {problem}")
    shipped = builder.Shipped(args.build)
    if args.action == "solution-check":
        return 0 if all([solution_check(Lab(name), shipped, confined, args.jobs) for name in variants(args.lab)]) else 1
    lab = Lab(args.lab)
    lab.more = f" SUBMISSION={args.submission}" if args.submission else ""
    submission, out = args.submission or lab.working_copy(), args.out or f"build/lab-{lab.name}"
    if args.action == "debug":
        import debug    # pylint: disable=import-outside-toplevel
        return debug.debug(lab, shipped, submission, confined, args.test, out)
    if args.action == "build":
        result = grade(lab, shipped, submission, confined, only="\0", keep=out)
        sys.stderr.write(result.problem + "\n" if result.problem else "")
        return 1 if result.problem else 0
    result = grade(lab, shipped, submission, confined, args.jobs, args.test, out)
    write_forms(result, out)
    sys.stdout.write(report.as_tap(result) if args.action == "test" else report.as_text(result))
    return 0 if result.earned() == result.points() else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (machine.TooSlow, scene.Wrong, RuntimeError) as error:
        sys.exit(f"labs: {error}")
