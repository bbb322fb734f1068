"""Kernels with one file of a student's: compiled and linked in a scratch copy, confined.

The compiler sees the headers, the student's file in the place of the kernel's own, and nothing else of Realign, so
what the student's file includes is not the solution.
"""
import errno
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys

import memory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE_MAX = 1 << 20
DIAGNOSTICS_MAX = 6000
WALL = 240
COMPILE_MEMORY = 3 << 30
KINDER = ["-Wno-error", "-Werror=implicit-function-declaration", "-Werror=incompatible-pointer-types", "-Werror=int-conversion",
          "-Werror=return-type", "-fmax-errors=20", "-fdiagnostics-color=never"]


class BuildFailed(Exception):
    """In the compiler's or linker's words."""


class Shipped:
    """What `make` built: the kernel's objects, the player, where fields are."""

    def __init__(self, build):
        self.directory = os.path.abspath(build)
        root = os.path.dirname(os.path.dirname(self.directory))
        self.flags = self.read_flags(build)
        self.objects = [f"{root}/{path}" for path in self.flags["objects"]]
        self.kernel_path = f"{self.directory}/kernel.elf"
        self.program_path = f"{self.directory}/user/lab"
        self.kernel = memory.Symbols(self.kernel_path)
        self.program = memory.Symbols(self.program_path)
        self.layout = memory.Layout(f"{build}/lab/layout.s")
        self.cache = f"{self.directory}/lab/expected"
        self.digest = self.make_digest()

    @staticmethod
    def read_flags(build):
        with open(f"{build}/lab/flags", encoding="utf-8") as file:
            return {line.split(" ", 1)[0]: shlex.split(line.split(" ", 1)[1]) for line in file.read().splitlines()}

    def make_digest(self):
        """Of all that what is expected depends on."""
        here, total = os.path.dirname(os.path.abspath(__file__)), hashlib.sha256()
        for path in [self.kernel_path, self.program_path] + [f"{here}/{name}.py" for name in ("scene", "memory", "machine")]:
            with open(path, "rb") as file:
                total.update(file.read())
        return total.hexdigest()


def joined(paths):
    """Several files of the kernel as one, each header where it is included first: the text."""
    text = ""
    for path in paths:
        with open(f"{ROOT}/{path}", encoding="utf-8") as file:
            lines = [line for line in file if line.strip() != "#pragma once"]
        text += "".join(line for line in lines if not any(line.startswith(f'#include "{other}"') for other in paths)) + "\n"
    return text


class Built:
    """A kernel with a student's file."""

    def __init__(self, shipped, kernel_path):
        self.kernel_path = kernel_path
        self.program_path, self.program, self.layout = shipped.program_path, shipped.program, shipped.layout
        self.kernel = memory.Symbols(kernel_path)


def read_submission(path, name):
    """The bytes of the one file that counts: @path, or the file called @name in the directory @path."""
    if os.path.isdir(path):
        path = os.path.join(path, name)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        words = "a symbolic link is not followed" if problem.errno == errno.ELOOP else problem.strerror
        raise BuildFailed(f"{name}: {words}") from problem
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BuildFailed(f"{name} is not a file")
        data = file.read(SOURCE_MAX + 1)
    if len(data) > SOURCE_MAX:
        raise BuildFailed(f"{name} has more than {SOURCE_MAX >> 20} MiB")
    return data


def copy(source, target):
    """Of the bytes alone, since another user is to read them."""
    shutil.copyfile(source, target)
    os.chmod(target, 0o644)


def headers(directory, belonging):
    """All headers that a file of mm/ may include, but those of @belonging."""
    for folder in ("mm", "kernel/abi"):
        os.makedirs(f"{directory}/{folder}")
        for name in os.listdir(f"{ROOT}/{folder}"):
            if name.endswith(".h") and f"{folder}/{name}" not in belonging:
                copy(f"{ROOT}/{folder}/{name}", f"{directory}/{folder}/{name}")


def run_confined(confined, command, directory):
    """BuildFailed with what was said."""
    said = f"{directory}/said"
    with open(said, "wb") as file:
        words = confined.command(command, directory, seconds=120, memory=COMPILE_MEMORY)
        try:
            status = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=WALL,
                                    check=False).returncode
        except subprocess.TimeoutExpired:
            status = "no end in time"
    if status:
        with open(said, "rb") as file:
            text = file.read(DIAGNOSTICS_MAX).decode("utf-8", "replace").replace(directory + "/", "")
        raise BuildFailed(text.strip() or f"ended with status {status}")
    return said


LINK = """
ld $LDFLAGS -T linker.ld $OBJECTS symbols0.o -o kernel0.elf &&
python3 symbols.py kernel0.elf > symbols.asm && nasm -f elf64 symbols.asm -o symbols1.o &&
ld $LDFLAGS -T linker.ld $OBJECTS symbols1.o -o kernel.elf
"""


def compile_file(shipped, replaces, belonging, data, directory, confined, source_name):
    """@directory/student.o. BuildFailed."""
    headers(directory, belonging)
    with open(f"{directory}/{replaces}", "wb") as file:
        file.write(data)
    flags = [word for word in shipped.flags["cflags"] if not word.startswith(("-ffile-prefix-map", "-Werror"))]
    names = [f"-ffile-prefix-map={directory}/={os.path.dirname(source_name)}/",
             f"-ffile-prefix-map={replaces}={source_name}"]
    run_confined(confined, ["gcc", *flags, *KINDER, *names, "-c", replaces, "-o", "student.o"], directory)


def link(shipped, replaces, belonging, directory, confined):
    """@directory/kernel.elf of student.o and all other files of the kernel, but those of @belonging. BuildFailed."""
    objects, gone = [], {f"{shipped.directory}/{name[:-2]}.o" for name in belonging}
    for number, path in enumerate(shipped.objects):
        if path in gone:
            continue
        if path == f"{shipped.directory}/{replaces[:-2]}.o":
            objects.append("student.o")
            continue
        objects.append(f"{number}.o")
        copy(path, f"{directory}/{number}.o")
    if "student.o" not in objects:
        sys.exit(f"labs: {replaces} is no file of the kernel")
    for path in (f"{ROOT}/linker.ld", f"{ROOT}/tools/symbols.py", f"{shipped.directory}/symbols0.o"):
        copy(path, f"{directory}/{os.path.basename(path)}")
    script = LINK.replace("$LDFLAGS", shlex.join(shipped.flags["ldflags"])).replace("$OBJECTS", shlex.join(objects))
    run_confined(confined, ["sh", "-c", script], directory)


def build(shipped, replaces, data, directory, confined, source_name=None, belonging=()):
    """The kernel in @directory, which is empty: Built. @belonging: files that @replaces stands for, too. BuildFailed."""
    compile_file(shipped, replaces, belonging, data, directory, confined, source_name or replaces)
    link(shipped, replaces, belonging, directory, confined)
    return Built(shipped, f"{directory}/kernel.elf")
