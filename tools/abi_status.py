#!/usr/bin/env python3
"""docs/abi-status.md: every system call of Realign, which programs of user/ test it, and where it differs from Linux.

    abi_status.py            write docs/abi-status.md
    abi_status.py --check    exit status 1 when what is there is not what would be written
"""
import glob
import os
import re
import sys

DOCUMENT = "docs/abi-status.md"
LINUX = "docs/linux.md"

# Names under which C libraries offer a call, where it is not the call's own.
LIBRARY = {
    "exit_group": ["exit", "_exit"], "rt_sigaction": ["sigaction", "signal"], "rt_sigprocmask": ["sigprocmask"],
    "rt_sigpending": ["sigpending"], "rt_sigsuspend": ["sigsuspend"], "rt_sigtimedwait": ["sigtimedwait", "sigwaitinfo"],
    "rt_sigqueueinfo": ["sigqueue"], "newfstatat": ["fstatat"], "wait4": ["waitpid", "wait4"],
    "prlimit64": ["setrlimit", "getrlimit", "prlimit"], "pselect6": ["pselect"], "clone": ["pthread_create"],
    "futex": ["pthread_mutex_lock", "pthread_cond_wait"], "getdents64": ["readdir"], "mremap": ["raw_mremap"],
    "mmap": ["raw_mmap"], "set_tid_address": [], "arch_prctl": [], "rt_sigreturn": ["sigreturn"],
    "eventfd2": ["eventfd"], "vfork": ["vfork", "posix_spawn"],
}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def calls():
    """The calls of kernel/syscall.h, in groups: [(title, [name, ...]), ...]."""
    body = re.search(r"#define SYSCALLS\(X\)(.*?)/\* clang-format on", read("kernel/syscall.h"), re.S).group(1)
    groups = []
    for part in re.findall(r"/\*\s*(.*?)\s*\*/|X\((\w+)\)", body):
        if part[0]:
            groups.append((part[0], []))
        else:
            groups[-1][1].append(part[1])
    return groups


def numbers():
    return {name: int(number) for number, name in re.findall(r"X\((\d+), (\w+)\)", read("kernel/abi/syscalls.h"))}


def programs():
    """Program of user/ -> its source: NAME.c or NAME_test.c with NAME_cases_*.c."""
    sources = {}
    for path in sorted(glob.glob("user/*.c")):
        name = os.path.basename(path)[:-2].split("_cases_")[0]
        if name in ("testlib", "suitelib", "init", "lab"):
            continue
        name = name + "_test" if os.path.exists(f"user/{name}_test.c") else name
        sources[name] = sources.get(name, "") + read(path)
    return sources


def tested_by(call, sources):
    words = [rf"SYS_{call}\b"] + [rf"\b{word}\(" for word in LIBRARY.get(call, [call])]
    pattern = re.compile("|".join(words))
    return [name for name, text in sources.items() if pattern.search(text)]


def differences(call, rows):
    """The first words of the rows of docs/linux.md that name the call."""
    return [row for row in rows if re.search(rf"`{call}\b[^`]*`", row)]


def document():
    sources, number = programs(), numbers()
    rows = [line.split("|")[1].strip() for line in read(LINUX).split("\n") if line.startswith("| ")][1:]
    lines = ["# System calls", "",
             f"What Realign has of Linux's {len(number)} calls, by `tools/abi_status.py` (`make abi-status`) from "
             "`kernel/syscall.h`, the programs in", "`user/`, and the table in [linux.md](linux.md). All others answer "
             "-ENOSYS, with a line in the log.", ""]
    there = 0
    for title, names in calls():
        lines += [f"## {title[:1].upper()}{title[1:]}", "", "| Nr | Call | Tested by | Differs from Linux in |",
                  "|---|---|---|---|"]
        for name in sorted(names, key=number.get):
            there += 1
            tests = ", ".join(tested_by(name, sources)) or "what uses it in passing"
            lines.append(f"| {number[name]} | `{name}` | {tests} | {'; '.join(differences(name, rows))} |")
        lines.append("")
    lines.append(f"{there} calls are there.")
    return "\n".join(lines) + "\n"


def main():
    text = document()
    if sys.argv[1:] == ["--check"]:
        if not os.path.exists(DOCUMENT) or read(DOCUMENT) != text:
            print(f"# {DOCUMENT} is not current: make abi-status")
            return 1
        return 0
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
