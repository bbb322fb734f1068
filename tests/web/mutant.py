#!/usr/bin/env python3
"""Make mm/ with a mistake in it for WebAssembly, so that a page can be tested with a broken invariant.

usage: mutant.py PATCH OUT --objects DIR --compile COMMAND --link COMMAND

PATCH is one of tests/mutants; objects of files that it leaves alone are taken from DIR.
"""
import argparse
import glob
import os
import shlex
import subprocess
import sys

sys.path.insert(0, "tools")
from mutants import Mutant  # pylint: disable=wrong-import-position


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("patch", "out", "--objects", "--compile", "--link"):
        parser.add_argument(name)
    args = parser.parse_args()
    objects = {os.path.relpath(path, args.objects): path for path in glob.glob(f"{args.objects}/**/*.o", recursive=True)}
    for path, text in Mutant(args.patch).applied("."):
        source = f"{args.out}.{os.path.basename(path)}"
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        objects[path[:-2] + ".o"] = source + ".o"
        subprocess.run(shlex.split(args.compile) + ["-c", source, "-o", source + ".o"], check=True)
    subprocess.run(shlex.split(args.link) + sorted(objects.values()) + ["-o", args.out], check=True)


main()
