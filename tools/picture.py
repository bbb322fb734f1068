#!/usr/bin/env python3
"""Puts a JSON trace into the page that shows it: one file, opened from disk.

usage: picture.py PAGE TRACE OUT [--name NAME]
"""
import argparse
import html
import sys

MARK = '<script type="application/x-ndjson" id="trace">'


def embedded(page, trace, name):
    """@page with @trace in its place. JSON has no need of "<" but in strings, where it can be written otherwise."""
    before, mark, after = page.partition(MARK)
    if not mark:
        raise ValueError("this page has no place for a trace")
    opening = MARK[:-1] + (f' data-name="{html.escape(name, quote=True)}">' if name else ">")
    return before + opening + trace.replace("<", "\\u003c") + after


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("page")
    parser.add_argument("trace")
    parser.add_argument("out")
    parser.add_argument("--name", default="")
    args = parser.parse_args()
    with open(args.page, encoding="utf-8") as file:
        page = file.read()
    with open(args.trace, encoding="utf-8", errors="replace") as file:
        trace = file.read()
    with open(args.out, "w", encoding="utf-8") as file:
        file.write(embedded(page, trace, args.name))
    print(f"{args.out}: open it in a browser ({trace.count(chr(10))} events)")


if __name__ == "__main__":
    sys.exit(main())
