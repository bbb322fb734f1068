#!/usr/bin/python3
"""A copy of Realign to be handed out: without the files that students write, and without the tests that name mistakes.

    student_tree.py OUT [LAB ...]       which labs are in it; all but find-the-bug if none is said

The kernel's own files for all labs are there as objects (given/), so everything builds and runs; make student-tree has
built them. find-the-bug comes as ten files with a mistake each, which show how the other labs are done: later, then.
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import bugs  # noqa: E402
import docs  # noqa: E402
import grade  # noqa: E402
from build import ROOT, Shipped  # noqa: E402

BUGS = "find-the-bug"
LEFT_OUT = ("tests/", ".ci/", "tools/labs/student_tree.py", f"labs/{BUGS}/answers.toml")


def withheld():
    """The files that students write, with those that belong to them."""
    found = set()
    for name in grade.all_labs():
        if name != BUGS:
            lab = grade.Lab(name)
            found |= {lab.replaces, *lab.belonging}
    return found


def tracked():
    done = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=False)
    if done.returncode:
        sys.exit("labs: this is no clone of the repository, so it is not known which files are part of it")
    return [name for name in done.stdout.decode().split("\0") if name]


def is_wanted(name, secret, labs):
    folder = name.split("/")[1] if name.startswith("labs/") and name.count("/") > 1 else None
    return name not in secret and not name.startswith(LEFT_OUT) and (folder is None or folder in labs)


def without_quotations(text, secret):
    """A document, without what it quotes of the files that students write, and without links to what is not there."""
    return docs.QUOTATION.sub(lambda m: f"*(Here stands a part of `{m.group(3)}`, which you write in a lab.)*"
                              if m.group(3) in secret else m.group(0), text)


def copy(name, out, secret):
    target = f"{out}/{name}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(f"{ROOT}/{name}", target)
    if name.endswith(".md"):
        with open(target, "r+", encoding="utf-8") as file:
            text = without_quotations(file.read(), secret)
            file.seek(0)
            file.truncate()
            file.write(text)


def give_objects(out, secret):
    """As each of the two kernels has them, but without what a debugger would show."""
    for kind in ("release", "debug"):
        flags = Shipped.read_flags(f"{ROOT}/build/{kind}")["cflags"]
        for name in sorted(secret):
            if name.endswith(".c"):
                target = f"{out}/given/{kind}/{name[:-2]}.o"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                words = [word for word in flags if not word.startswith("-ffile-prefix-map") and word != "-g"]
                subprocess.run(["gcc", *words, "-c", name, "-o", target], cwd=ROOT, check=True)
                subprocess.run(["strip", "--strip-unneeded", target], check=True)


def give_bugs(out):
    with open(f"{ROOT}/labs/{BUGS}/lab.toml", "rb") as file:
        lab = grade.tomllib.load(file)
    os.makedirs(f"{out}/labs/{BUGS}/given")
    for number in range(1, lab["bugs"] + 1):
        bug = bugs.Bug(lab, str(number))
        with open(f"{out}/labs/{BUGS}/given/{number}-{os.path.basename(bug.path)}", "w", encoding="utf-8") as file:
            file.write(bug.wrong)


def main():
    if len(sys.argv) < 2 or not sys.argv[1]:
        sys.exit("labs: make student-tree OUT=directory LABS='walk fault'")
    out, every = os.path.abspath(sys.argv[1]), grade.all_labs()
    labs = sys.argv[2:] or [name for name in every if name != BUGS]
    if set(labs) - set(every):
        sys.exit(f"labs: there are {' '.join(every)}")
    if os.path.exists(out) and os.listdir(out):
        sys.exit(f"labs: {out} is there, and not empty")
    secret = withheld()
    for name in tracked():
        if is_wanted(name, secret, labs):
            copy(name, out, secret)
    give_objects(out, secret)
    if BUGS in labs:
        give_bugs(out)
    print(f"{out}: labs {' '.join(labs)}; without {' '.join(sorted(secret))}, and without the tests of the kernel")


if __name__ == "__main__":
    main()
