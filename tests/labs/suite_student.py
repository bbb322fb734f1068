"""The tree that students get: it has no solution in it, and does all that a lab takes."""
import os
import shutil
import subprocess
import tempfile

from build import ROOT

# Lines that only the solutions have, and only the answers.
SECRETS = ("m->src.start = m->old - off", "vma->anon = vma->anon ? vma->anon : next->anon", "mistake = \"")
GONE = ("mm/pt_walk.c", "mm/pt_step.h", "labs/find-the-bug", "tests")


def run(command, directory):
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode


def texts(tree):
    """(path, text) of all files in it that are text."""
    for at, _, names in os.walk(tree):
        for name in names:
            with open(os.path.join(at, name), "rb") as file:
                data = file.read()
            if b"\0" not in data:
                yield os.path.join(at, name), data.decode()


def student(world):
    with tempfile.TemporaryDirectory(prefix="student-") as tree:
        said, status = run(["make", "student-tree", f"OUT={tree}"], ROOT)
        if status:
            return said
        found = [f"{path}: {words}" for path, text in texts(tree) for words in SECRETS if words in text]
        found += [name for name in GONE if os.path.exists(f"{tree}/{name}")]
        if found:
            return "\n".join(found)
        for part in ("kernel", "user"):     # what has nothing to do with it need not be compiled again
            shutil.copytree(f"{world.shipped.directory}/{part}", f"{tree}/build/release/{part}")
        arguments = ["make", "LAB=walk", "grade", "TEST=make-all"]
        said, _ = run(arguments, tree)
        if "0 of 10 points" not in said:
            return said
        said, status = run([*arguments, f"SUBMISSION={ROOT}/mm/pt_walk.c"], tree)
        return said if status or "10 of 10 points" not in said else None


def cases(world):
    yield "student: a tree to be handed out, without solutions", lambda: student(world)
