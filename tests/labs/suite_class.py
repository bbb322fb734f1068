"""A class of twenty, graded twice; the second time interrupted, by other machines, and gone on with."""
import csv
import os
import subprocess
import sys
import tempfile

import grade
from build import ROOT

LAB, TESTS = "realign", "old-below"
HERE = os.path.dirname(os.path.abspath(__file__))

# Changes to the shipped file: some harmless, some mistakes.
EDITS = [
    ("comment", "", "/* mine */\n", 8), ("no-down", "m->src.start = m->old - off;", ";", 0),
    ("no-up", "m->src.end = pt_ceiling(end, level);", ";", 0), ("no-floor", "m->old_floor <= m->old - off && ", "", 0),
    ("no-ceiling", "m->old_ceiling >= pt_move_end(m) + pad && ", "", 8), ("pte", "l > PT_PTE", "l > PT_PMD", 8),
    ("off", "mm_config.realign == REALIGN_OFF", "mm_config.realign != REALIGN_OFF", 0),
    ("syntax", "return true;", "return true", 0),
]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make(directory, lab):
    """Twenty submissions, of all sorts."""
    with open(f"{ROOT}/{lab.replaces}", "rb") as file:
        good = file.read()
    for name, old, new, _ in EDITS:
        write(f"{directory}/{name}.c", good.replace(old.encode(), new.encode(), 1) if old else new.encode() + good)
    for name in ("endless_loop", "panic", "triple_fault", "output_flood", "exits_early", "prints_pass"):
        with open(f"{HERE}/hostile/{name}.c", "rb") as file:
            write(f"{directory}/{name}.c", file.read())
    for name, data in (("o'brien, pat", good), ("empty", b""), ("no text", bytes(range(256)))):
        os.mkdir(f"{directory}/{name}")
        write(f"{directory}/{name}/{lab.file}", data)
    os.mkdir(f"{directory}/other-files")
    write(f"{directory}/other-files/Makefile", b"all:\n\trm -rf / --no-preserve-root; :(){ :|:& };:\n")
    os.mkdir(f"{directory}/link")
    os.symlink("/etc/passwd", f"{directory}/link/{lab.file}")
    os.mkdir(f"{directory}/pipe")
    os.mkfifo(f"{directory}/pipe/{lab.file}")


def grade_class(world, submissions, out, work, hosts=None, home=None):
    command = [sys.executable, f"{ROOT}/tools/labs/grade_class.py", LAB, submissions, out, "--build", world.build,
               "--test", TESTS, "--work", work, "--jobs", "2"] + (["--hosts", hosts] if hosts else [])
    environment = dict(os.environ) | ({"FAKE_HOME": home} if home else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def expected(lab):
    most = sum(test.points for test in lab.tests if TESTS in test.name)
    return {"o'brien, pat": most, "endless_loop": 0, "panic": 0, "triple_fault": 0, "output_flood": 0,
            "exits_early": 0, "prints_pass": 0, "empty": 0, "no text": 0, "other-files": 0, "link": 0, "pipe": 0} | {
                name: points for name, _, _, points in EDITS}


def twice(world):
    lab = grade.Lab(LAB)
    with tempfile.TemporaryDirectory(prefix="class-") as top:
        submissions, far = f"{top}/submissions", f"{top}/far"
        for path in (submissions, far):
            os.mkdir(path)
        make(submissions, lab)
        said, status = grade_class(world, submissions, f"{top}/1.csv", f"{top}/work1")
        if status or len(os.listdir(submissions)) != 20:
            return said
        first = table(f"{top}/1.csv")
        wrong = [f"{name}: {points} points expected, {first[name]['points']} given" for name, points in expected(lab).items()
                 if float(first[name]["points"]) != points]
        if wrong or len(first) != 20:
            return "\n".join(wrong + [said])
        hosts = f"1/{HERE}/fake_ssh far,1/:"
        said, status = grade_class(world, submissions, f"{top}/2.csv", f"{top}/work2", hosts, far)
        if status or table(f"{top}/2.csv") != first:
            return "the second time it is another table\n" + said
        return resumed(world, top, submissions, first)


def resumed(world, top, submissions, first):
    """What is missing is graded, and what has changed; nothing else."""
    for name in ("empty", "panic", "comment"):
        os.remove(f"{top}/work1/result-{name}.json")
    write(f"{submissions}/pte.c", b"changed")
    said, status = grade_class(world, submissions, f"{top}/3.csv", f"{top}/work1")
    if status or "20 submissions, 4 of them to be graded" not in said:
        return said
    third = table(f"{top}/3.csv")
    if {name for name in first if first[name] != third[name]} != {"pte"}:
        return "it is not the same table any more"


def cases(world):
    yield "class: twenty submissions, graded twice, with the same marks; then gone on with", lambda: twice(world)
