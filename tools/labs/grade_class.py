#!/usr/bin/python3
"""Grades many submissions of one lab into a table.

    grade_class.py LAB DIRECTORY OUT.csv [--hosts HOSTS] [--jobs N] [--test WORD] [--work DIRECTORY]

DIRECTORY has one entry for each student: NAME.c, or a directory NAME with the lab's file in it; of a directory nothing
else is looked at. GNU parallel runs the gradings, on other machines too when HOSTS names them (as --sshlogin has it:
`4/host1,host2,:`); they need the packages of `make setup`, and get all else sent, to class-LAB/ in the user's home.
What is graded stays in build/class-LAB/, so a run that was interrupted goes on where it stopped, and a changed
submission is graded again.
"""
import argparse
import csv
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

import build as builder
import confine
import grade
from build import ROOT

KIT = ["linker.ld", "tools/symbols.py", "tools/mkcpio.py", "tools/labs", "labs", "mm", "kernel/abi",
       "tools/mutants.py", "tests/mutants", "tests/host/run.py"]
EVERY = "-"     # in place of a word in the names of tests
JOB = """\
set -e
cd "$(dirname "$0")"
find . -maxdepth 1 -name 'kit-*' -type d -mtime +1 ! -name {kit} -exec rm -rf {{}} +
test -d {kit} || {{ mkdir $$.tmp; tar -xf {kit}.tar -C $$.tmp; mv -T $$.tmp {kit} 2>/dev/null || rm -rf $$.tmp; }}
python=$(command -v /usr/bin/python3 || echo python3)
$python {kit}/tools/labs/grade_class.py --one {lab} "submission-$1.c" "result-$1.json" {build} {test} "$2 of $3" </dev/null
"""


def kit_member(info):
    """Without students' work."""
    name, folder = os.path.basename(info.name), info.name.split("/")[0]
    student = folder == "labs" and name.endswith(".c") and name != "start.c"
    return None if student or name in ("__pycache__", "expected") else info


def make_kit(directory, build, shipped):
    """An archive of all that a grading takes; its name tells its content."""
    paths = KIT + [f"{build}/{name}" for name in ("kernel.elf", "symbols0.o", "user/lab", "lab")] + shipped.flags["objects"]
    total = hashlib.sha256(shipped.digest.encode())
    for path in paths:
        for at, _, names in sorted(os.walk(f"{ROOT}/{path}")) if os.path.isdir(f"{ROOT}/{path}") else [(ROOT, [], [path])]:
            for name in sorted(names):
                if name.endswith((".py", ".toml", ".h", ".o", ".elf", "flags")):
                    with open(os.path.join(at, name), "rb") as file:
                        total.update(hashlib.sha256(file.read()).digest())
    kit = "kit-" + total.hexdigest()[:16]
    if not os.path.exists(f"{directory}/{kit}.tar"):
        for old in glob.glob(f"{directory}/kit-*"):
            (shutil.rmtree if os.path.isdir(old) else os.remove)(old)
        with tarfile.open(f"{directory}/{kit}.tar.new", "w") as archive:
            for path in paths:
                archive.add(f"{ROOT}/{path}", path, filter=kit_member)
        os.replace(f"{directory}/{kit}.tar.new", f"{directory}/{kit}.tar")
    return kit


def plain(name):
    """A name for files that every shell and every machine takes as it is."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:60]
    return safe if safe == name else f"{safe}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def stage(lab, submissions, directory):
    """{name: problem or None}: the one file of each submission, copied to @directory/submission-NAME.c."""
    names = {}
    for entry in sorted(os.listdir(submissions)):
        path = f"{submissions}/{entry}"
        if entry.startswith(".") or not (os.path.isdir(path) or entry.endswith(".c")):
            continue
        name = entry if os.path.isdir(path) else entry[:-2]
        try:
            data, names[name] = builder.read_submission(path, lab.file), None
        except builder.BuildFailed as problem:
            data, names[name] = b"", str(problem)
        with open(f"{directory}/submission-{plain(name)}.c", "wb") as file:
            file.write(data)
    return names


def read_row(path, digest):
    """What was graded already, if it was this very thing."""
    try:
        with open(path, encoding="utf-8") as file:
            row = json.load(file)
    except (OSError, ValueError):
        return None
    return row if row.get("digest") == digest else None


def file_digest(path, kit):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() + kit


def one(lab_name, path, result, build, only, place):
    """A single grading, on whatever machine: its result as JSON, and a line about it."""
    digest = file_digest(path, os.path.basename(ROOT) + only)
    lab, shipped = grade.Lab(lab_name), builder.Shipped(f"{ROOT}/{build}")
    outcome = grade.grade(lab, shipped, path, confine.choose(), only=None if only == EVERY else only)
    row = {"digest": digest, "points": outcome.earned(), "possible": outcome.points(),
           "problem": outcome.problem.split("\n")[0], "tests": {o.name: o.earned() for o in outcome.outcomes}}
    with open(f"{result}.new", "w", encoding="utf-8") as file:
        json.dump(row, file)
    os.replace(f"{result}.new", result)
    print(f"{place}: {os.path.basename(path)[len('submission-'):-2]}: {row['points']:g} of {row['possible']:g}", flush=True)


def write_table(path, lab, names, rows):
    with open(f"{path}.new", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["submission", "points", "possible", *[test.name for test in lab.tests], "problem"])
        for name, problem in names.items():
            row = rows.get(name)
            if problem:
                row = {"points": 0, "tests": {}, "problem": problem}
            if row:
                table.writerow([name, f"{row['points']:g}", f"{sum(test.points for test in lab.tests):g}",
                                *[f"{row['tests'].get(test.name, 0):g}" for test in lab.tests], row["problem"]])
            else:
                table.writerow([name, "", "", *["" for _ in lab.tests], "it could not be graded; run it again"])
    os.replace(f"{path}.new", path)


def grade_all(lab, args):
    directory = os.path.abspath(args.work or f"{ROOT}/build/class-{lab.name}")
    os.makedirs(directory, exist_ok=True)
    kit = make_kit(directory, args.build, builder.Shipped(args.build))
    names = stage(lab, args.submissions, directory)
    digests = {name: file_digest(f"{directory}/submission-{plain(name)}.c", kit + args.test) for name in names}
    todo = [name for name, problem in names.items()
            if not problem and not read_row(f"{directory}/result-{plain(name)}.json", digests[name])]
    print(f"{len(names)} submissions, {len(todo)} of them to be graded", flush=True)
    if todo:
        run_parallel(todo, directory, kit, args)
    rows = {name: read_row(f"{directory}/result-{plain(name)}.json", digests[name]) for name in names}
    write_table(args.out, lab, names, rows)
    missing = [name for name, problem in names.items() if not problem and not rows[name]]
    print(f"{args.out}: {len(names) - len(missing)} rows" + (f"; not graded: {' '.join(missing)}" if missing else ""))
    return 1 if missing else 0


def run_parallel(todo, directory, kit, args):
    if not shutil.which("parallel"):
        sys.exit("labs: GNU parallel is not installed (make setup)")
    with open(f"{directory}/job.sh", "w", encoding="utf-8") as file:
        file.write(JOB.format(kit=kit, lab=args.lab, build=args.build, test=args.test))
    top, here = os.path.split(directory)    # on other machines the directory has the same name, in the user's home
    command = ["parallel", "--will-cite", "--null", "--jobs", str(args.jobs), "--line-buffer", "--joblog", f"{directory}/joblog"]
    if args.hosts:
        command += ["--sshlogin", args.hosts, "--filter-hosts", "--retries", "3", "--cleanup",
                    "--basefile", f"{here}/job.sh", "--basefile", f"{here}/{kit}.tar",
                    "--transferfile", f"{here}/submission-{{}}.c", "--return", f"{here}/result-{{}}.json"]
    environment = dict(os.environ) | ({} if os.environ.get("CONFINE") else {"CONFINE": ""})
    command += ["--env", "CONFINE", "sh", f"{here}/job.sh", "{}", "{#}", str(len(todo))]
    try:
        names = "".join(plain(name) + "\0" for name in todo)
        subprocess.run(command, input=names, text=True, cwd=top, env=environment, check=False)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lab")
    parser.add_argument("submissions")
    parser.add_argument("out")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--hosts", default="")
    parser.add_argument("--test", default=EVERY, help="only tests with this in their name; the others earn nothing")
    parser.add_argument("--work", help="directory for what is graded; else build/class-LAB")
    parser.add_argument("--jobs", default="100%", help="at a time on each machine; as GNU parallel has it")
    args = parser.parse_args()
    try:
        confine.choose()
    except confine.Unavailable as problem:
        sys.exit(f"labs: {problem}")
    if not os.path.isdir(args.submissions):
        sys.exit(f"labs: {args.submissions} is no directory")
    return grade_all(grade.Lab(args.lab), args)


if __name__ == "__main__":
    sys.exit(main())
