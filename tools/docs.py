#!/usr/bin/env python3
"""Keeps the documents true: what they quote, link to, and tell people to type.

    tools/docs.py            bring the quotations up to date
    tools/docs.py --check    say what is not true, and fail

A quotation is a fenced block below one of these comments:

    <!-- code mm/pt_move.c do_step -->       a function, its comment with it; or a struct, an enum, a macro
    <!-- body mm/pt_move.c do_step -->       without the comment
    <!-- comment mm/pt_move.c -->            the comment that heads a file
    <!-- file tests/golden/x.txt 3 12 -->    a file, or some of its lines

Checked besides: each relative link has its file and heading; each path in backticks is there; each name() in the
first column of a table headed "Realign" is a function; each command has its target, program, tool and option.
"""
import functools
import glob
import os
import re
import sys

DOCUMENTS = sorted(["README.md"] + glob.glob("docs/*.md") + glob.glob("labs/**/*.md", recursive=True))
SOURCES = sorted(glob.glob("mm/*.[ch]") + glob.glob("kernel/*.[ch]") + glob.glob("kernel/abi/*.h"))
OURS = ("boot/", "kernel/", "mm/", "user/", "tools/", "tests/", "docs/", "labs/")
QUOTATION = re.compile(r"^(<!-- (code|body|comment|file) (\S+)((?: \S+)*) -->\n)```(\w*)\n(.*?)^```$", re.M | re.S)


class Untrue(Exception):
    """A document says what is not so."""


@functools.cache
def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError) as problem:
        raise Untrue(f"{path} is not there") from problem


# ---- Quotations ----

def definition(path, name):
    """(comment, text) of what @path calls @name. clang-format puts heads and last braces into the first column."""
    comment = r"(?P<comment>/\*(?:(?!\*/).)*?\*/\n)?"
    shapes = (rf"^{comment}(?P<text>[a-z][^\n;=#]*\b{name}\([^;{{]*\)\n{{\n.*?^}}\n)",
              rf"^{comment}(?P<text>(?:struct|enum|union) {name} {{\n.*?^}};\n)",
              rf"^{comment}(?P<text>(?:static |const )[^\n(]*\b{name}(?:\[\w*\])? = {{\n.*?^}};\n)",
              rf"^{comment}(?P<text>#define {name}\b(?:[^\n]*\\\n)*[^\n]*\n)",
              rf"^{comment}(?P<text>[^\n;#/ ][^\n;]*\b{name}\([^;{{]*\);\n)")
    for shape in shapes:
        found = re.search(shape, read(path), re.M | re.S)
        if found:
            return found.group("comment") or "", found.group("text")
    raise Untrue(f"{path} has no {name}")


def quotation(kind, path, words):
    text = read(path)
    if kind == "comment":
        found = re.match(r"/\*.*?\*/\n", text, re.S)
        if not found:
            raise Untrue(f"{path} begins with no comment")
        return found.group(0)
    if kind == "file":
        lines = text.splitlines(keepends=True)
        first, last = (int(words[0]), int(words[1])) if words else (1, len(lines))
        if last > len(lines):
            raise Untrue(f"{path} has no line {last}")
        return "".join(lines[first - 1:last])
    return "\n".join("".join(definition(path, word)[kind == "body":]) for word in words)


def renewed(text):
    """@text with its quotations as the sources have them."""
    def one(match):
        head, kind, path, words, language, _ = match.groups()
        return f"{head}```{language}\n{quotation(kind, path, words.split())}```"
    return QUOTATION.sub(one, text)


# ---- Links and paths ----

def prose(text):
    """Without blocks of code and comments."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"<!--.*?-->", "", text, flags=re.S)


def anchors(path):
    heads = re.findall(r"^#+ (.*)$", prose(read(path)), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def check_links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(file):
            yield f"link to {target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"link to {target}: no such heading"


def is_students(name):
    """What a student makes: a file of the kernel, in the directory of a lab."""
    folder, file = os.path.split(name)
    return os.path.exists(f"{folder}/handout.md") and os.path.exists(f"mm/{file}")


def check_paths(_, text):
    for name in re.findall(r"`([\w./-]+)(?::\d+)?`", prose(text)):
        if name.startswith(OURS) and "NAME" not in name and not os.path.exists(name) and not is_students(name):
            yield f"`{name}`: no such file"


@functools.cache
def all_sources():
    return "\n".join(read(path) for path in SOURCES)


def check_functions(_, text):
    """The first column of tables headed Realign."""
    for table in re.findall(r"^\| *Realign *\|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.M):
        for row in table.splitlines():
            for name in re.findall(r"`(\w+)\(\)`", row.split("|")[1]):
                if not re.search(rf"^[^\s#*/][^\n;]*\b{name}\(", all_sources(), re.M):
                    yield f"{name}() is no function of the kernel"


# ---- Commands ----

@functools.cache
def makefile():
    """All that make knows: targets and variables."""
    files = "\n".join(read(path) for path in ["Makefile"] + sorted(glob.glob("*/*.mk") + glob.glob("*/*/*.mk")))
    targets = {word for line in re.findall(r"^([\w. %/-]+):(?!=)", files, re.M) for word in line.split()}
    targets |= {word for line in re.findall(r"^\.PHONY:((?:.*\\\n)*.*)", files, re.M) for word in line.split()}
    return targets, set(re.findall(r"\b([A-Z][A-Z_0-9]*)\b", files))


@functools.cache
def boot_options():
    return set(re.findall(r'^    {"(\w+)", "', read("kernel/options.c"), re.M))


@functools.cache
def programs():
    """What the initramfs has: a program for each file of user/ that is no part of another."""
    names = {os.path.basename(path)[:-2] for path in glob.glob("user/*.c") if "_cases_" not in path}
    kinds = ("", "_pie", "_glibc", "_dyn", "_glibc_dyn")
    return {"/init", "/bin/sh", "/bin/busybox"} | {f"/bin/{name}{kind}" for name in names for kind in kinds}


def check_options(words):
    for word in re.sub(r" -- .*", "", words).split():
        name, _, value = word.partition("=")
        if name not in boot_options():
            yield f"{word}: no boot option"
        elif name == "init" and value not in programs():
            yield f"{word}: no such program"


def check_make(words):
    targets, variables = makefile()
    goals = []
    for word in re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", words):
        name, equals, value = word.partition("=")
        if equals and name not in variables:
            yield f"make {words}: no variable {name}"
        elif name == "APPEND":
            yield from check_options(value.strip("\"'"))
        elif not equals and not word.startswith("-"):
            goals.append(word)
    for goal in goals:
        if goal not in targets:
            yield f"make {words}: no target {goal}"


def commands(text):
    """What stands in a block at the beginning of a line, or in backticks."""
    blocks = re.findall(r"^(?:    |\$ |    \$ )?((?:make|tools/)[^\n]*)$",
                        "\n".join(re.findall(r"^(?:    .*|```sh\n.*?^```)$", text, re.M | re.S)), re.M)
    for line in blocks + re.findall(r"`((?:make|tools/)[^`\n]* [^`\n]*)`", prose(text)):
        yield re.split(r"\s+#|\s{2,}|\s[|>&;]", line)[0].strip()


def check_commands(_, text):
    for command in commands(text):
        tool, _, words = command.partition(" ")
        if tool == "make":
            yield from check_make(re.sub(r"\.\.\.|…", "", words))
        elif not os.access(tool, os.X_OK):
            yield f"{command}: no such tool"


CHECKS = [check_links, check_paths, check_functions, check_commands]


def problems():
    """A line for each thing that is not so."""
    for path in DOCUMENTS:
        try:
            text = read(path)
            if renewed(text) != text:
                yield f"{path}: a quotation is not as its source is (tools/docs.py renews it)"
            for check in CHECKS:
                yield from (f"{path}: {problem}" for problem in check(path, text))
        except Untrue as problem:
            yield f"{path}: {problem}"


def main():
    if sys.argv[1:] == ["--check"]:
        found = list(problems())
        print("\n".join(found))
        sys.exit(1 if found else 0)
    if sys.argv[1:]:
        sys.exit(__doc__)
    for path in DOCUMENTS:
        try:
            new = renewed(read(path))
        except Untrue as problem:
            sys.exit(f"{path}: {problem}")
        if new != read(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write(new)
            print(f"{path}: renewed")


if __name__ == "__main__":
    main()
