"""Scenes: steps that a program takes on memory, and looks at the machine between them.

A scene is text, a step a line; docs/instructor.md has the list. Addresses are expressions such as A + 1M, counted
from the arena's start. user/lab.c plays it on the kernel under test; what is seen there at each stop is compared with
what is seen when the shipped kernel plays it.
"""
import errno
import hashlib
import json
import os
import re
import secrets
import struct

import machine
import memory
import mkcpio

ARENA, ARENA_END = 0x100000000000, 0x200000000000
STEPS_MAX = 512     # user/lab.c
STEP, RESULT = struct.Struct("<8Q"), struct.Struct("<QIIQ")
NO_TSC = 1 << 2     # of CR4: programs may not read the counter themselves
END, STOP, CALL, FILL, READ, WRITE, RUN = range(7)

SYS_MMAP, SYS_MPROTECT, SYS_MUNMAP, SYS_MREMAP, SYS_MADVISE, SYS_MLOCK = 9, 10, 11, 25, 28, 149
FIXED_NOREPLACE, ANONYMOUS, GROWSDOWN, NORESERVE = 0x100000, 0x20, 0x100, 0x4000
MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4
ADVICE = {"dontneed": 4, "hugepage": 14, "nohugepage": 15}
SIGNALS = {(11, 1): "SIGSEGV, nothing is mapped there", (11, 2): "SIGSEGV, not allowed", (7, 2): "SIGBUS, past the end"}
UNITS = {"K": 10, "M": 20, "G": 30, "T": 40, "": 0}

ALL = ("results", "vmas", "tables")


class Wrong(Exception):
    """A scene that cannot be understood."""


class Scene:
    """The steps of one scene."""

    def __init__(self, text):
        self.names = {}
        self.steps = []         # (what, number, args)
        self.words = []         # of each step
        self.text = text
        for number, line in enumerate(text.split("\n"), 1):
            line = line.split("#")[0].strip()
            if line:
                try:
                    self.take(line)
                except (Wrong, KeyError, IndexError, ValueError) as problem:
                    raise Wrong(f"line {number}: {line}: {problem}") from problem
        if not any(step[0] == STOP for step in self.steps):
            self.take("stop at the end")
        if len(self.steps) > STEPS_MAX - 1:
            raise Wrong(f"more than {STEPS_MAX - 1} steps")

    def number(self, text):
        """The value of an expression of numbers with units, and names, with + and -."""
        total = 0
        for sign, term in re.findall(r"([+-]?)\s*(\w+)", text):
            found = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([KMGT]?)", term)
            value = int(found.group(1), 0) << UNITS[found.group(2)] if found else self.names[term]
            total += -value if sign == "-" else value
        return total

    def take(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "let":
            name, _, value = rest.partition("=")
            if not value.strip():
                raise Wrong("no value")
            based = any(term in self.names for term in re.findall(r"\w+", value)) or value.strip().startswith("0x")
            self.names[name.strip()] = self.number(value) + (0 if based else ARENA)
            return
        if verb == "each":
            return self.take_each(rest.split(None, 2))
        steps = getattr(self, f"on_{verb}", None)
        if not steps:
            raise Wrong("no such step")
        self.words.append(line)
        # Words belong together around + and -.
        self.steps.append(steps(re.sub(r"\s*([+-])\s*", r"\1", rest).split()))

    def take_each(self, words):
        """A step many times over, its address a stride further each time."""
        count, stride = self.numbers(words, 2)
        verb, _, rest = words[2].partition(" ")
        address, *others = re.sub(r"\s*([+-])\s*", r"\1", rest).split()
        for i in range(count):
            self.take(f"{verb} {address}+{i * stride} {' '.join(others)}".strip())

    def numbers(self, words, count):
        if len(words) < count:
            raise Wrong(f"{count} numbers are needed")
        return [self.number(word) for word in words[:count]]

    @staticmethod
    def call(number, *args):
        return CALL, number, (*args, *[0] * (6 - len(args)))

    @staticmethod
    def rights(word):
        if not re.fullmatch(r"none|r?w?x?", word):
            raise Wrong(f"rights {word}: none, or some of rwx")
        return 0 if word == "none" else ("r" in word) | ("w" in word) << 1 | ("x" in word) << 2

    def on_map(self, words):
        address, length = self.numbers(words, 2)
        kinds = words[3:]
        flags = FIXED_NOREPLACE | ANONYMOUS | (1 if "shared" in kinds else 2)
        flags |= (GROWSDOWN if "grows" in kinds else 0) | (NORESERVE if "noreserve" in kinds else 0)
        return self.call(SYS_MMAP, address, length, self.rights(words[2] if words[2:] else "rw"), flags, -1 % (1 << 64))

    def on_unmap(self, words):
        return self.call(SYS_MUNMAP, *self.numbers(words, 2))

    def on_protect(self, words):
        return self.call(SYS_MPROTECT, *self.numbers(words, 2), self.rights(words[2]))

    def on_advise(self, words):
        return self.call(SYS_MADVISE, *self.numbers(words, 2), ADVICE[words[2]])

    def on_lock(self, words):
        return self.call(SYS_MLOCK, *self.numbers(words, 2))

    def on_move(self, words):
        old, length, new = self.numbers(words, 3)
        return self.call(SYS_MREMAP, old, length, length, MAYMOVE | FIXED, new)

    def on_remap(self, words):
        old, length, new_length, new = self.numbers(words, 4)
        return self.call(SYS_MREMAP, old, length, new_length, MAYMOVE | FIXED, new)

    def on_resize(self, words):
        old, length, new_length = self.numbers(words, 3)
        return self.call(SYS_MREMAP, old, length, new_length, 0)

    def on_leave(self, words):
        old, length, new = self.numbers(words, 3)
        return self.call(SYS_MREMAP, old, length, length, MAYMOVE | FIXED | DONTUNMAP, new)

    def on_call(self, words):
        return self.call(*self.numbers(words, len(words))[:7])

    def on_fill(self, words):
        address, length = self.numbers(words, 2)
        return FILL, 0, (address, length, address, 0, 0, 0)

    def on_read(self, words):
        return READ, 0, (*self.numbers(words, 1), 0, 0, 0, 0, 0)

    def on_write(self, words):
        address, = self.numbers(words, 1)
        return WRITE, 0, (address, address // memory.PAGE, 0, 0, 0, 0)

    def on_run(self, words):
        return RUN, 0, (*self.numbers(words, 1), 0, 0, 0, 0, 0)

    @staticmethod
    def on_stop(_words):
        return STOP, 0, (0,) * 6

    def binary(self):
        return b"".join(STEP.pack(what, number, *(arg % (1 << 64) for arg in args)) for what, number, args in self.steps)


def result_words(kind, value, signal, code, content):
    """What came of a step."""
    if signal:
        return SIGNALS.get((signal, code), f"signal {signal}, code {code}")
    if kind == CALL:
        negative = (1 << 64) - value
        return f"-{errno.errorcode.get(negative, negative)}" if negative < 4096 else f"{value:#x}"
    if kind == READ:
        number = content.of_word(value)
        return "zeros" if value == 0 else f"page of {number * memory.PAGE:012x}" if number < 1 << 36 else "what nobody wrote"
    return "done"


class Look:
    """Reads one machine at its stops, into lines of text that are the same wherever all goes as it should."""

    def __init__(self, running, kernel, layout, program, scene, parts):
        self.machine = running
        self.kernel, self.layout, self.program, self.scene, self.parts = kernel, layout, program, scene, parts
        self.memory = memory.Memory(running.ram)
        self.content = memory.Content(secrets.randbits(64) | 1)
        self.tables = memory.Tables(self.memory, self.content)
        self.root = self.before = 0
        self.anon = {}
        self.costs = []         # (a step's words, instructions)

    def begin(self):
        """At the first stop: the program, and nobody else, gets the token."""
        self.seen_at()
        self.memory.write(self.root, self.program["lab_token"], struct.pack("<Q", self.content.token))

    def seen_at(self):
        """The stop is the player's, in user mode."""
        state = self.machine.control_registers()
        if state["CPL"] != 3:
            raise machine.Ended("the kernel itself ran into the program's code")
        self.root = state["CR3"]
        if not self.kernel.image.is_whole(self.machine.ram):
            raise machine.Ended("the kernel's own code was changed")
        if not self.program.image.is_whole_in(self.memory, self.root):
            raise machine.Ended("the program's own code was changed")
        ticks, count = self.memory.word(self.root, self.program["lab_tsc"]), self.machine.count()
        if not self.before <= ticks <= count + machine.COUNT_ERROR or state["CR4"] & NO_TSC:
            raise machine.Ended("the processor's own count of time was changed")
        self.before = count

    def results(self, first, last):
        address = self.program["lab_results"]
        lines = []
        for i in range(first, last):
            value, signal, code, cost = RESULT.unpack(self.memory.read(self.root, address + i * RESULT.size, RESULT.size))
            self.costs.append((self.scene.words[i], cost))
            lines.append(f"{self.scene.words[i]}: {result_words(self.scene.steps[i][0], value, signal, code, self.content)}")
        return lines

    def field(self, address, name, size=8):
        raw = self.memory.read(self.root, address + self.layout[name], size)
        return int.from_bytes(raw, "little")

    def vmas(self):
        """The address space in use, as its kernel has it in its list."""
        at = self.memory.word(self.root, self.kernel["mm_all"])
        for _ in range(1000):
            if not at:
                return ["no address space has this root"]
            if self.memory.physical(self.root, self.field(at, "mm.pt")) == self.root & memory.ADDRESS:
                break
            at = self.field(at, "mm.next_mm")
        lines, vma = [], self.field(at, "mm.first")
        while vma and len(lines) < 1000:
            start, end = self.field(vma, "vma.start"), self.field(vma, "vma.end")
            if end > ARENA and start < ARENA_END:
                lines.append(self.vma_words(vma, start, end))
            vma = self.field(vma, "vma.next")
        return lines

    def vma_words(self, vma, start, end):
        flags, anon = self.field(vma, "vma.flags", 4), self.field(vma, "vma.anon")
        letters = "".join(letter if flags >> bit & 1 else "-" for bit, letter in enumerate("rwx"))
        identity = self.anon.setdefault(anon, len(self.anon) + 1) if anon else 0
        return (f"vma {start:012x}-{end:012x} {letters}{'s' if flags & 8 else 'p'} flags {flags:x} "
                f"pgoff {self.field(vma, 'vma.pgoff'):x} id {identity}")

    def live(self, table):
        """How many entries the kernel says a table has."""
        frames = self.memory.word(self.root, self.kernel["port_frame_table"])
        return self.field(frames + table // memory.PAGE * self.layout["frame"], "frame.live", 4)

    def recount(self):
        """The program's tables that have not as many entries as their count says: the kernel's own check may be broken, too."""
        def take(frame, level):
            entries = self.memory.table(frame)
            if level == memory.TOP:
                entries = entries[:memory.ENTRIES // 2]
            elif len(entries) - entries.count(0) != self.live(frame):
                yield (f"{memory.LEVELS[level]} table {self.tables.name(frame)} has {len(entries) - entries.count(0)} entries, "
                       f"its live count says {self.live(frame)}")
            for raw in entries if level else ():
                if raw & memory.PRESENT and not memory.is_leaf(raw, level):
                    yield from take(raw & memory.ADDRESS, level - 1)
        return list(take(self.root & memory.ADDRESS, memory.TOP))

    def look(self):
        lines = []
        try:
            lines += self.recount()
            if "vmas" in self.parts:
                lines += self.vmas()
            if "tables" in self.parts:
                lines += self.tables.tree_text(self.root, ARENA, ARENA_END)
            if "pages" in self.parts:
                lines += self.tables.pages_text(self.root, ARENA, ARENA_END)
        except KeyError as problem:
            lines.append(f"the kernel's own structures cannot be followed: {problem.args[0]}")
        return lines


def archive(program, scene, path):
    """The initramfs for one scene."""
    with open(path + ".scene", "wb") as file:
        file.write(scene.binary())
    with open(path, "wb") as file:
        file.write(mkcpio.archive([f"init={program}", f"scene={path}.scene"]))


def play(scene, build, options, parts, limit, confined, directory):
    """(lines seen, instructions that each step took, how it ended in words or None)."""
    initrd = os.path.join(directory, f"initrd-{secrets.token_hex(8)}")
    archive(build.program_path, scene, initrd)
    boot = machine.Boot(build.kernel_path, initrd, boot_options(options), limit=limit)
    seen, costs = [], []
    with machine.Machine(boot, confined) as running:
        look = Look(running, build.kernel, build.layout, build.program, scene, parts)
        look.costs = costs
        try:
            running.set_break(build.program["lab_stop"])
            running.go()
            look.begin()
            play_stops(scene, running, look, seen)
            running.set_break(build.program["lab_stop"], False)
            seen.append(f"the machine is switched off, status {running.is_over()}")
        except machine.Ended as end:
            return seen, costs, str(end)
        except KeyError as problem:
            return seen, costs, str(problem.args[0])
    return seen, costs, None


def play_stops(scene, running, look, seen):
    done = 0
    stops = [i for i, step in enumerate(scene.steps) if step[0] == STOP] + [len(scene.steps)]
    for stop in stops:
        running.go()
        look.seen_at()
        results = look.results(done, stop)
        seen.extend(results if "results" in look.parts else [])
        if stop < len(scene.steps):
            seen.append(f"--- {scene.words[stop]}")
            seen.extend(look.look())
        done = stop + 1


def boot_options(options):
    return f"norandmaps seed=1 loglevel=warn {options}".strip()


def expected(scene, build, options, parts, limit, confined, directory):
    """What the shipped kernel shows; kept, since it is always the same."""
    key = hashlib.sha256(json.dumps([scene.text, options, parts, build.digest]).encode()).hexdigest()
    path = os.path.join(build.cache, key)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    seen, costs, ended = play(scene, build, options, parts, limit, confined, directory)
    if ended:
        raise RuntimeError(f"the shipped kernel does not play this scene: {ended}")
    os.makedirs(build.cache, exist_ok=True)
    with open(f"{path}.{os.getpid()}.{secrets.token_hex(4)}", "w", encoding="utf-8") as file:
        json.dump(seen, file)
    os.replace(file.name, path)
    return seen
