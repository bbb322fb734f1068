#!/usr/bin/env python3
"""A run as a page to look at: boots Realign with a program, takes the trace from the second serial port, and puts it
into the page that shows it: one file, opened from disk.

usage: picture.py --page PAGE --out FILE.html --kernel K --initrd I --program "NAME ARG..." [--append OPTIONS]
       picture.py --page PAGE --out FILE.html --trace TRACE       of a trace that is there already
"""
import argparse
import html
import os
import sys
import tempfile

import qemu

MARK = '<script type="application/x-ndjson" id="trace">'
KINDS = "mremap,pt,vma,tlb,refuse,state"
TIME_LIMIT = 300    # seconds: a traced run is slow, every event goes through a serial port


def embedded(page, trace, name):
    """@page with @trace in its place. JSON has no need of "<" but in strings, where it can be written otherwise."""
    before, mark, after = page.partition(MARK)
    if not mark:
        raise ValueError("this page has no place for a trace")
    opening = MARK[:-1] + (f' data-name="{html.escape(name, quote=True)}">' if name else ">")
    return before + opening + trace.replace("<", "\\u003c") + after


def boot(args, path):
    """Runs the program and leaves its trace in @path. How the run failed, or None."""
    name, _, words = args.program.partition(" ")
    program = name if name.startswith("/") else f"/bin/{name}"
    # What is asked for comes last: of an option given twice the later one counts.
    append = f"init={program} norandmaps loglevel=warn trace_json={args.kinds} {args.append}"
    append += f" -- {words}" if words else ""
    result = qemu.run(qemu.Boot(kernel=args.kernel, initrd=args.initrd, memory=args.memory, append=append, trace=path,
                                timeout=TIME_LIMIT), show=lambda text: print(text, end="", flush=True))
    return result.failure


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--page", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--trace")
    parser.add_argument("--name", help="what the page is called; else the program")
    parser.add_argument("--kernel")
    parser.add_argument("--initrd")
    parser.add_argument("--program", default="demo")
    parser.add_argument("--append", default="")
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--kinds", default=KINDS)
    return parser.parse_args()


def main():
    args = parse_arguments()
    qemu.exit_on_signals()
    with tempfile.TemporaryDirectory() as directory:
        path = args.trace or os.path.join(directory, "trace.jsonl")
        failure = None if args.trace else boot(args, path)
        with open(path, encoding="utf-8", errors="replace") as file:
            trace = file.read()
    if not trace.strip():
        sys.exit("picture.py: nothing was traced" + (f": {failure}" if failure else "; see what the kernel says above"
                                                     if not args.trace else f": {path} is empty"))
    with open(args.page, encoding="utf-8") as file:
        page = embedded(file.read(), trace, args.name or ("" if args.trace else args.program))
    with open(args.out, "w", encoding="utf-8") as file:
        file.write(page)
    print(f"{args.out}: open it in a browser ({trace.count(chr(10))} events)")
    if failure:
        sys.exit(f"picture.py: the run did not end as it should: {failure}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"picture.py: {error.filename}: {error.strerror}")
