"""What a grading came to, in the four forms: text, TAP, JUnit XML, Gradescope's results.json."""
import dataclasses
import difflib
import itertools
import json
import re

import junitparser

DIFF_MAX = 60
ANSWERS_MAX = 6
LEGEND = ("Tables are named in the order in which they were seen first. The same name at another place: the whole entry "
          "moved, with all below it.")


@dataclasses.dataclass
class Outcome:
    """Of one test."""

    name: str
    title: str
    points: float
    passed: bool
    why: str = ""                   # one line
    difference: list = dataclasses.field(default_factory=list)     # lines of a diff
    rerun: str = ""

    def earned(self):
        return self.points if self.passed else 0

    def text(self):
        lines = [self.why] if self.why else []
        return "\n".join(lines + self.difference + ([f"Look at it in GDB: {self.rerun}"] if self.rerun else []))


@dataclasses.dataclass
class Report:
    lab: str
    title: str
    outcomes: list
    problem: str = ""               # why nothing could be tested, if so: the compiler's words

    def earned(self):
        return sum(outcome.earned() for outcome in self.outcomes)

    def points(self):
        return sum(outcome.points for outcome in self.outcomes)

    def counts(self):
        passed = sum(outcome.passed for outcome in self.outcomes)
        return passed, len(self.outcomes) - passed


def sections(lines):
    """Cut before each stop."""
    result = [[]]
    for line in lines:
        if line.startswith("--- "):
            result.append([])
        result[-1].append(line)
    return result


def are_answers(wanted, got):
    """Whether each line is what a call gave, `call: result`, the same calls on both sides."""
    pairs = [(a.partition(": "), b.partition(": ")) for a, b in zip(wanted, got)]
    return len(wanted) == len(got) and all(a[:2] == b[:2] and a[1] for a, b in pairs)


def answers(wanted, got):
    """The first few that differ, expected and seen side by side, each with the line before it."""
    lines, wrong = [], [i for i, (a, b) in enumerate(zip(wanted, got)) if a != b]
    for i in wrong[:ANSWERS_MAX]:
        if i and i - 1 not in wrong:
            lines.append("  " + wanted[i - 1])
        lines += ["- " + wanted[i], "+ " + got[i]]
    if len(wrong) > ANSWERS_MAX:
        lines.append(f"... and {len(wrong) - ANSWERS_MAX} more of {len(wanted)}")
    return lines


def difference(expected, seen, ended):
    """The first stop at which something differs, as lines: `-` was expected, `+` was seen."""
    wanted, got = sections(expected), sections(seen)
    if ended:
        wanted = wanted[:len(got)]
        wanted[-1] = wanted[-1][:len(got[-1])]
    for a, b in itertools.zip_longest(wanted, got, fillvalue=[]):
        if a != b and are_answers(a, b):
            return answers(a, b)
        if a != b:
            lines = [line.rstrip() for line in difflib.ndiff(a, b) if line[0] != "?"]
            return lines[:DIFF_MAX] + ([f"... and {len(lines) - DIFF_MAX} lines more"] if len(lines) > DIFF_MAX else [])
    return []


def indented(text, prefix="    "):
    return "".join(f"{prefix}{line}\n" for line in text.split("\n"))


def points(value):
    return f"{value:g}"


def as_text(report):
    text = f"{report.lab}: {report.title}\n\n"
    if report.problem:
        text += f"It does not build, so no test was run:\n{indented(report.problem)}\n"
    for outcome in report.outcomes:
        word = "ok    " if outcome.passed else "FAILED"
        text += f"{word} {points(outcome.earned()):>4} of {points(outcome.points):<4} {outcome.name}: {outcome.title}\n"
        if not outcome.passed and outcome.text() and not report.problem:
            text += indented(outcome.text(), "       ")
    if " table T" in text:
        text += f"\n{LEGEND}\n"
    return text + f"\n{points(report.earned())} of {points(report.points())} points\n"


def as_tap(report):
    lines = [f"1..{len(report.outcomes)}"]
    for number, outcome in enumerate(report.outcomes, 1):
        lines.append(f"{'' if outcome.passed else 'not '}ok {number} - {outcome.name}: {outcome.title} "
                     f"({points(outcome.earned())} of {points(outcome.points)} points)")
        if not outcome.passed:
            lines += ["# " + line for line in (report.problem or outcome.text()).split("\n")]
    passed, failed = report.counts()
    return "\n".join(lines + [f"{passed} passed, {failed} failed", ""])


def printable(text):
    """Without the characters that XML cannot have."""
    return re.sub("[^\n\t -\ud7ff\ue000-\ufffd]", "\N{REPLACEMENT CHARACTER}", text)


def as_junit(report):
    suite = junitparser.TestSuite(f"realign.{report.lab}")
    for outcome in report.outcomes:
        case = junitparser.TestCase(outcome.name, f"realign.{report.lab}", 0)
        if not outcome.passed:
            failure = junitparser.Failure(printable(outcome.why or "failed"), "failure")
            failure.text = printable(report.problem or outcome.text())
            case.result = [failure]
        suite.add_testcase(case)
    suite.add_property("points", points(report.earned()))
    suite.add_property("points possible", points(report.points()))
    xml = junitparser.JUnitXml()
    xml.add_testsuite(suite)
    return xml.tostring().decode("utf-8") + "\n"


def as_gradescope(report):
    tests = [{"name": f"{outcome.name}: {outcome.title}", "number": str(number), "score": outcome.earned(),
              "max_score": outcome.points, "status": "passed" if outcome.passed else "failed", "visibility": "visible",
              "output_format": "text", "output": "" if outcome.passed else outcome.text()}
             for number, outcome in enumerate(report.outcomes, 1)]
    result = {"score": report.earned(), "visibility": "visible", "stdout_visibility": "hidden", "tests": tests}
    if report.problem:
        result |= {"output": "It does not build, so no test was run:\n" + report.problem, "output_format": "text"}
    return json.dumps(result, indent=2) + "\n"


FORMS = {"report.txt": as_text, "report.tap": as_tap, "junit.xml": as_junit, "results.json": as_gradescope}
