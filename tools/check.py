#!/usr/bin/env python3
"""The checks that need no compiler: who includes whom, format, lengths, mutants. TAP, then a line of counts.

The rules of inclusion are design's: mm/ knows nothing of the kernel around it, and the layers inside mm/ go one way.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import docs  # pylint: disable=wrong-import-position
import mutants  # pylint: disable=wrong-import-position

MAX_CODE_COLUMN = 100
MAX_COMMENT_COLUMN = 120
MAX_FUNCTION = 70
FORMATTED_BY = "14"     # other releases of clang-format lay some things out otherwise

SOURCES = sorted(path for pattern in ("kernel/*.[ch]", "kernel/abi/*.h", "mm/*.[ch]", "user/*.[ch]", "tests/host/*.[ch]",
                                       "tests/exhaust/*.[ch]", "tests/fuzz/*.[ch]", "tools/web/wasm/*.[ch]", "tests/web/*.[ch]",
                                       "user/scenes/*.[ch]", "labs/*/start.c", "tools/labs/*.c",
                                       "tools/*.c")
                 for path in glob.glob(pattern))
OTHERS = sorted(path for pattern in ("boot/*", "kernel/*.asm", "tools/*", "tools/gdb/*.py", "tools/web/*", "tools/web/src/*",
                                     "tests/boot/*.py", "tests/host/*.py", "tests/web/*", "user/*.py", "linker.ld",
                                     "tools/labs/*.py", "tests/labs/*.py", "labs/*/tests.py", "Makefile", ".ci/run")
                for path in glob.glob(pattern) if os.path.isfile(path))

# What a header of mm/ may include, each line on top of what those it names may include themselves.
MM_LAYERS = {
    "types.h": [],
    "port.h": ["types.h"],
    "pte.h": ["port.h"],
    "trace.h": ["port.h"],
    "mm.h": ["port.h"],
    "pt.h": ["pte.h", "mm.h"],
    "tlb.h": ["pt.h"],
    "pt_move.h": ["tlb.h"],
    "object.h": ["pt.h"],
    "vma.h": ["mm.h", "object.h"],
}

# Never, not even through others: a file of the first name (.c or .h) reaching the second.
FORBIDDEN = [("pt_move", "mm/vma.h"), ("pt_widen", "mm/vma.h"), ("pt", "mm/vma.h"), ("tlb", "mm/vma.h"), ("pt_walk", "mm/tlb.h"),
             ("pt", "mm/tlb.h"), ("vma", "mm/pt.h"), ("vma_core", "mm/pt.h"), ("vma", "mm/pt_move.h"), ("vma_tree", "mm/pt.h")]

# The kernel sees mm/mm.h and the types; these two files are the port's other side.
KERNEL_MAY = {"kernel/port.c": ["mm/port.h"], "kernel/trace.c": ["mm/trace.h"]}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def includes(path):
    """The files of ours that @path includes."""
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M)


def resolve(path, name):
    """The path of an included file: from the root, or beside the file that includes it."""
    beside = os.path.join(os.path.dirname(path), name)
    return name if os.path.exists(name) else beside


def reached(path, seen=None):
    """All files that @path includes, directly or through others."""
    seen = set() if seen is None else seen
    for name in includes(path):
        target = resolve(path, name)
        if target not in seen and os.path.exists(target):
            seen.add(target)
            reached(target, seen)
    return seen


def allowed_below(header):
    """A layer's headers and all that is below them."""
    result = set()
    for name in MM_LAYERS[header]:
        result |= {name} | allowed_below(name)
    return result


def check_directories():
    """Which directory may include which."""
    for path in SOURCES:
        top = path.split("/")[0]
        for name in includes(path):
            target = resolve(path, name)
            allowed = {
                "mm": target.startswith(("mm/", "kernel/abi/")),
                "kernel": target.startswith("kernel/") or target in KERNEL_MAY.get(path, ("mm/mm.h", "mm/types.h")),
                "user": target.startswith(("user/", "kernel/abi/")),
                "tests": True,
                "tools": True,
                "labs": target.startswith(("mm/", "kernel/abi/")),
            }[top]
            if path.startswith("kernel/abi/"):
                allowed = target.startswith("kernel/abi/")
            if not allowed:
                yield f"{path} must not include {target}"


def check_layers():
    """mm/'s own order, from types.h up."""
    for header in MM_LAYERS:
        path = f"mm/{header}"
        if not os.path.exists(path):
            continue
        for name in includes(path):
            if name.startswith("mm/") and name[3:] not in allowed_below(header):
                yield f"{path} must not include {name}"
    for name, target in FORBIDDEN:
        for path in (f"mm/{name}.c", f"mm/{name}.h"):
            if os.path.exists(path) and target in reached(path):
                yield f"{path} must not reach {target}"


def without_comments(text):
    """The text with comments and string literals blanked, its lines kept."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def check_columns():
    """Code ends at column 100, comments a little later; no tabs, no blanks at the end."""
    for path in SOURCES:
        text = read(path)
        for number, (line, code) in enumerate(zip(text.split("\n"), without_comments(text).split("\n")), 1):
            if len(line) > MAX_COMMENT_COLUMN or len(code.rstrip()) > MAX_CODE_COLUMN:
                yield f"{path}:{number}: {len(line)} columns"
            if "\t" in line or line != line.rstrip():
                yield f"{path}:{number}: a tab, or blanks at the end"
    for path in OTHERS:
        for number, line in enumerate(read(path).split("\n"), 1):
            if len(line) > MAX_COMMENT_COLUMN + 10 or line != line.rstrip():
                yield f"{path}:{number}: {len(line)} columns, or blanks at the end"


def functions(path):
    """(name, first line, lines) of each function: braces in the first column are only theirs and types'."""
    lines = without_comments(read(path)).split("\n")
    for start, line in enumerate(lines):
        if line != "{":
            continue
        end = lines.index("}", start) if "}" in lines[start:] else len(lines) - 1
        head = " ".join(lines[max(start - 4, 0):start])
        name = re.findall(r"(\w+)\s*\(", head)
        yield (name[-1] if name else "?"), start + 1, end - start + 1


def check_lengths():
    """No function above 70 lines."""
    for path in SOURCES:
        for name, line, length in functions(path):
            if length > MAX_FUNCTION:
                yield f"{path}:{line}: {name}() has {length} lines"


def check_format():
    """clang-format would change nothing."""
    for path in SOURCES:
        text = read(path)
        done = subprocess.run(["clang-format", path], capture_output=True, text=True, check=True).stdout
        if done != text:
            pairs = zip(text.split("\n"), done.split("\n"))
            line = next((i for i, (a, b) in enumerate(pairs, 1) if a != b), 0)
            yield f"{path}:{line}: not as clang-format has it (make format)"


def format_skip():
    """Why the format cannot be checked, or None."""
    if not shutil.which("clang-format"):
        return "no clang-format"
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    major = re.search(r"version (\d+)", version).group(1)
    return None if major == FORMATTED_BY else f"clang-format {major}, the files are laid out by {FORMATTED_BY}"


def check_mutants():
    """Every mistake of tests/mutants/ can still be made: who changes the lines of mm/ changes the patch with them."""
    for path in sorted(glob.glob("tests/mutants/*.patch")):
        try:
            list(mutants.Mutant(path).applied("."))
        except (mutants.Broken, FileNotFoundError) as problem:
            yield f"{path}: {problem}"


def check_abi_status():
    done = subprocess.run([sys.executable, "tools/abi_status.py", "--check"], capture_output=True, text=True, check=False)
    if done.returncode:
        yield done.stdout.strip().lstrip("# ")


CHECKS = [
    ("directories include what they may", check_directories, lambda: None),
    ("the layers of mm/ go one way", check_layers, lambda: None),
    ("lines are short enough", check_columns, lambda: None),
    ("functions are short enough", check_lengths, lambda: None),
    ("format", check_format, format_skip),
    ("the mutants apply", check_mutants, lambda: None),
    ("docs/abi-status.md is current", check_abi_status, lambda: None),
    ("what the documents quote, link to and tell to type is there", docs.problems, lambda: None),
]


def main():
    passed = failed = 0
    print(f"1..{len(CHECKS)}")
    for number, (name, check, skip) in enumerate(CHECKS, 1):
        reason = skip()
        problems = [] if reason else list(check())
        word = "not ok" if problems else "ok"
        print(f"{word} {number} - {name}" + (f" # SKIP {reason}" if reason else ""))
        for problem in problems:
            print(f"# {problem}")
        failed += bool(problems)
        passed += not problems and not reason
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
