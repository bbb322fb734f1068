"""The makefile: odd names and values. Nothing is built, but in a copy of the tree."""
import os
import re
import shutil
import subprocess

from harness import Case, Outcome

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
TREE = ["Makefile", "linker.ld", "boot", "kernel", "labs", "mm", "user", "tools", "tests"]


def make(*arguments, where=ROOT, **environment):
    """(status, text) of a make that knows nothing of the one above it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for name in ("BUILD", "B", "APPEND", "MEMORY", "T", "V"):
        inherited.pop(name, None)
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=where, env=dict(inherited, **environment),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def outcome(good, text):
    return Outcome(1, 0) if good else Outcome(0, 1, text.rstrip().split("\n")[-12:])


def unknown_build(_env):
    status, text = make("-n", "kernel", "BUILD=fast")
    return outcome(status and "BUILD=fast: neither release nor debug" in text, text)


def run_kernel(env, *arguments):
    """make run-kernel of what is built, whatever was changed since."""
    built = os.path.dirname(env.kernel)
    return make("run-kernel", f"B={built}", "-o", env.kernel, "-o", env.initramfs, *arguments)


def odd_options(env):
    """run-kernel with a quote in its options, and all that a shell might take for its own."""
    odd = """x "y $HOME `false` 'z ;#"""
    status, text = run_kernel(env, "APPEND=" + odd.replace("$", "$$"))
    return outcome(not status and f"options: {odd}" in text, text)


def odd_memory(env):
    status, text = run_kernel(env, "MEMORY=banana; echo")
    return outcome(status and "memory of banana; echo: not a size such as 256M or 2G" in text, text)


def copy_tree(env, name):
    """Sources and objects, with their times: what is changed afterwards is compiled, all is linked."""
    where = os.path.join(env.directory, name)
    os.mkdir(where)
    for part in TREE:
        path = os.path.join(ROOT, part)
        if os.path.isdir(path):
            shutil.copytree(path, os.path.join(where, part))
        else:
            shutil.copy2(path, where)
    shutil.copytree(os.path.dirname(env.kernel), os.path.join(where, "build/release"),
                    ignore=shutil.ignore_patterns("host", "iso", "*.iso", "*.socket"))
    os.utime(os.path.join(where, "user/demo.c"))
    return where


def with_a_blank(env):
    """A tree whose path has a blank builds. Then a source is taken away, and what it defined is no longer linked."""
    where = copy_tree(env, "a blank")
    source = os.path.join(where, "kernel/extra.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("void extra_function(void);\nvoid extra_function(void)\n{\n}\n")
    status, text = make("kernel", "build/release/user/demo", where=where)
    if status or "user/demo.c" not in text or "extra_function" not in symbols(where):
        return outcome(False, text)
    os.remove(source)
    status, text = make("kernel", where=where)
    if status or "extra_function" in symbols(where):
        return outcome(False, text + "\nextra_function is still there")
    status, text = make("kernel", where=where)
    return outcome(not status and not re.search(r"^LD", text, re.M), text)


def symbols(where):
    return subprocess.run(["nm", f"{where}/build/release/kernel.elf"], capture_output=True, text=True, check=True).stdout


def cases():
    return [
        Case("an unknown kind of build", unknown_build),
        Case("options with quotes", odd_options),
        Case("memory of a strange size", odd_memory),
        Case("a blank in the path; a source less", with_a_blank),
    ]
