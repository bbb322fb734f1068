"""The lab find-the-bug: kernels with one of the mistakes of tests/mutants/.

What a student hands in is the mended file, with the answers in a comment at its head:

    Mistake: K                  a letter of labs/find-the-bug/mistakes.md
    Case:                       a scene that shows it, up to the end of the comment
      let A = 1G
      ...
"""
import glob
import hashlib
import os
import re
import sys
import tempfile

try:
    import tomllib
except ImportError:     # Python 3.10
    import tomli as tomllib

import build as builder
import scene
from build import ROOT

HEAD = """\
/*
 * Mistake: {mistake}
 * Case:
{case}
 */
"""
HERE = f"{ROOT}/labs/find-the-bug"
PARTS = ["results", "vmas", "tables"]


class Bug:
    """One of them: @number counts from 1. In a student's tree, which has no answers, @entry is empty."""

    def __init__(self, lab, number):
        if not number.isdigit() or not 1 <= int(number) <= lab["bugs"]:
            sys.exit(f"labs: which one? BUG=1 to BUG={lab['bugs']}")
        self.number, self.lab, self.entry = number, lab, {}
        try:
            with open(f"{HERE}/answers.toml", "rb") as file:
                self.entry = tomllib.load(file)["bug"][int(number) - 1]
        except FileNotFoundError:
            self.path, self.wrong = self.given()
            return
        import mutants      # pylint: disable=import-outside-toplevel
        mutant = mutants.Mutant(f"{ROOT}/tests/mutants/{self.entry['mutant']}.patch")
        (self.path, self.wrong), = mutant.applied(ROOT)

    def given(self):
        """(the kernel's file, the file with the mistake) of a student's tree."""
        for path in glob.glob(f"{HERE}/given/{self.number}-*.c"):
            with open(path, encoding="utf-8") as file:
                return f"mm/{os.path.basename(path).partition('-')[2]}", file.read()
        sys.exit("labs: this tree has not got the files of find-the-bug")

    def table(self):
        """What lab.toml would say, were this the only one."""
        settings = {"scene": self.entry.get("scene", ""), "options": self.entry.get("options", "")}
        tests = [
            {"name": "name", "title": "what the mistake is", "points": 20, "kind": "name"},
            {"name": "case", "title": "a case that shows it", "points": 30, "kind": "case"} | settings,
            {"name": "fixed", "title": "the mistake is gone", "points": 40, "kind": "fixed"} | settings,
            {"name": "rest", "title": "and all else is as it was", "points": 10, "scene": self.lab["rest"]},
        ]
        return {"replaces": self.path, "file": f"bug{self.number}.c", "test": tests}

    @staticmethod
    def head(mistake, case):
        lines = "\n".join(f" *   {line}" for line in case.strip().split("\n"))
        return HEAD.format(mistake=mistake, case=lines)

    def start(self):
        return self.head("?", "(steps, one a line)") + self.wrong

    def solution(self):
        with open(f"{ROOT}/{self.path}", encoding="utf-8") as file:
            return self.head(self.entry["mistake"], self.entry["scene"]) + file.read()

    def write(self, name, text):
        """A file with @text, outside of the source tree: its path."""
        directory = f"{ROOT}/build/lab-find-the-bug-{self.number}"
        os.makedirs(directory, exist_ok=True)
        path = f"{directory}/{name}.c"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def kernel(self, shipped, confined):
        """With the mistake; kept, since it is always the same."""
        digest = hashlib.sha256((shipped.digest + self.wrong).encode()).hexdigest()[:16]
        path = f"{shipped.directory}/lab/bug-{digest}.elf"
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory(prefix="lab-") as directory:
                built = builder.build(shipped, self.path, self.wrong.encode(), directory, confined)
                with open(f"{path}.{os.getpid()}", "wb") as file, open(built.kernel_path, "rb") as kernel:
                    file.write(kernel.read())
            os.replace(file.name, path)
        return builder.Built(shipped, path)


def answers(data):
    """(mistake, case) of the comment at the head; None for what is not there."""
    text = data.decode("utf-8", "replace")
    head = text[:text.find("*/")] if text.lstrip().startswith("/*") else ""
    lines = [re.sub(r"^\s*/?\*+ ?", "", line) for line in head.split("\n")]
    mistake = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("Mistake:")), None)
    start = next((i for i, line in enumerate(lines) if line.startswith("Case:")), None)
    return mistake, "\n".join(lines[start + 1:]) if start is not None else None


def unknown():
    """In a student's tree."""
    return ["decided by who grades it"], ["the answers are not in this tree"], None


def name_test(test, _shipped, built, _confined):
    mistake, _ = answers(built.data)
    if not test.lab.bug.entry:
        return unknown()
    right = mistake == test.lab.bug.entry["mistake"]
    return ["Mistake: the letter of this one"], ["Mistake: the letter of this one" if right else f"Mistake: {mistake}"], None


def case_test(test, shipped, built, confined):
    """It must show something else with the mistake than without; and without it must run to its end."""
    wanted = ["with the mistake something else is seen than without"]
    _, text = answers(built.data)
    try:
        case = scene.Scene(text or "")
    except scene.Wrong as problem:
        return wanted, ["no case that can be played"], str(problem)
    wrong = test.lab.bug.kernel(shipped, confined)
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        seen = [scene.play(case, kernel, test.options, PARTS, test.limit, confined, directory) for kernel in (shipped, wrong)]
    (right_seen, _, right_end), (wrong_seen, _, wrong_end) = seen
    if right_end:
        return wanted, ["the kernel without the mistake does not play it"], right_end
    shown = right_seen != wrong_seen or wrong_end
    return wanted, wanted if shown else ["both show the same"], None


def fixed_test(test, shipped, built, confined):
    """Whether our own case goes as it should; it is not shown, since to find one is the student's part."""
    if not test.lab.bug.entry:
        return unknown()
    expected, seen, ended = test.play(shipped, built, confined)
    words = "a case that shows the mistake goes as it should"
    return [words], [words if expected == seen and not ended else "it does not"], None


TESTS = {"name": name_test, "case": case_test, "fixed": fixed_test}
