"""The reports: that the programs which read them take them."""
import json
import xml.etree.ElementTree as ElementTree

import jsonschema
import junitparser

import grade
import report

# Of an autograder's results.json, as Gradescope documents it.
GRADESCOPE = {
    "type": "object",
    "required": ["tests"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": {"enum": ["text", "html", "simple_format", "md", "ansi"]},
        "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "stdout_visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "tests": {"type": "array", "items": {
            "type": "object",
            "required": ["score", "max_score", "name", "status"],
            "additionalProperties": False,
            "properties": {
                "score": {"type": "number", "minimum": 0},
                "max_score": {"type": "number", "exclusiveMinimum": 0},
                "status": {"enum": ["passed", "failed"]},
                "name": {"type": "string"},
                "number": {"type": "string"},
                "output": {"type": "string"},
                "output_format": {"enum": ["text", "html", "simple_format", "md", "ansi"]},
                "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
            }}}}}

LAB = "realign"
ODD = "a \x1b[31mred\x00 <word> & ]]> \ud800 \u00e9"


def reports(world):
    """Of some tests passed and some failed, of one that did not build, and of odd words."""
    lab = grade.Lab(LAB)
    yield grade.grade(lab, world.shipped, lab.start, world.confined, only="of")
    outcome = report.Outcome("name", "a <title> & more", 1.5, False, ODD, [ODD], "make")
    yield report.Report("lab", "title", [outcome, report.Outcome("other", "x", 2, True)])
    yield report.Report("lab", "title", [outcome], ODD)


def check(result):
    data = json.loads(report.as_gradescope(result))
    jsonschema.validate(data, GRADESCOPE)
    assert data["score"] == result.earned() == sum(test["score"] for test in data["tests"])
    assert sum(test["max_score"] for test in data["tests"]) == result.points()

    xml = report.as_junit(result)
    ElementTree.fromstring(xml)
    suites = list(junitparser.JUnitXml.fromstring(xml.encode()))
    passed, failed = result.counts()
    assert [(suite.tests, suite.failures) for suite in suites] == [(passed + failed, failed)]
    assert [case.is_passed for suite in suites for case in suite] == [outcome.passed for outcome in result.outcomes]

    lines = report.as_tap(result).split("\n")
    assert lines[0] == f"1..{passed + failed}" and lines[-2] == f"{passed} passed, {failed} failed"
    assert sum(line.startswith("ok ") for line in lines) == passed
    assert sum(line.startswith("not ok ") for line in lines) == failed
    assert report.as_text(result).encode("utf-8", "replace")


def forms(world):
    for result in reports(world):
        check(result)


def shown(_world):
    """Of calls, what was expected and what was seen side by side; of dumps, a diff."""
    wanted = [f"f({i}): {i}" for i in range(20)]
    got = wanted[:3] + ["f(3): 7"] + wanted[4:]
    assert report.difference(wanted, got, None) == ["  f(2): 2", "- f(3): 3", "+ f(3): 7"]
    assert report.difference(wanted, [line + "0" for line in wanted], None)[-1] == "... and 14 more of 20"
    assert report.difference(["--- a", "x", "y"], ["--- a", "y"], None) == ["  --- a", "- x", "  y"]
    assert report.difference(wanted, got[:5], "it ended") == ["  f(2): 2", "- f(3): 3", "+ f(3): 7"]


def cases(world):
    yield "forms: what differs, side by side", lambda: shown(world)
    yield "forms: text, TAP, JUnit and results.json of passed and failed tests", lambda: forms(world)
