"""The memory of a machine as its processor sees it: page tables, pages, the kernel's structures."""
import re
import struct
import subprocess

PAGE, ENTRIES, TOP = 4096, 512, 3
LEVELS = ("PTE", "PMD", "PUD", "PGD")
PRESENT, WRITE, USER, HUGE, NX = 1, 2, 4, 1 << 7, 1 << 63
ADDRESS = (1 << 52) - PAGE
LOW = 1 << 47           # the user's half ends here
LOADED, WRITABLE = 1, 2     # of a program header
KINDS = {PAGE: "4K", PAGE << 9: "2M", PAGE << 18: "1G"}


def span(level):
    return PAGE << 9 * level


def index(address, level):
    return address // span(level) % ENTRIES


def is_leaf(raw, level):
    return level == 0 or raw & HUGE


def rights(raw):
    if not raw & PRESENT:
        return "---"
    return "r" + ("w" if raw & WRITE else "-") + ("-" if raw & NX else "x")


class Symbols:
    """A program's names and their addresses."""

    def __init__(self, path):
        text = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        found = [words for words in map(str.split, text.splitlines()) if len(words) == 3]
        # Of several with one name it is the global one, in capitals: only one file can define that.
        self.address = {name: int(value, 16) for value, _, name in sorted(found, key=lambda words: words[1].isupper())}
        self.image = Image(path)

    def __getitem__(self, name):
        if name not in self.address:
            raise KeyError(f"no {name} in the program")
        return self.address[name]


class Image:
    """What of a program never changes once it is loaded: [(virtual address, physical address, bytes)]."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        offset, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        self.parts = []
        for i in range(count):
            kind, flags, start, va, pa, length = struct.unpack_from("<IIQQQQ", data, offset + i * size)
            if kind == LOADED and not flags & WRITABLE:
                self.parts.append((va, pa, data[start:start + length]))

    def is_whole(self, ram):
        """In the physical memory that it was loaded to; what runs before there are page tables is done with."""
        return all(ram[pa:pa + len(code)] == code for va, pa, code in self.parts if va != pa)

    def is_whole_in(self, memory, root):
        """Those of its pages that are in an address space."""
        for va, _, code in self.parts:
            for at in range(va, va + len(code), PAGE):
                pa, piece = memory.physical(root, at), code[at - va:at - va + PAGE - at % PAGE]
                if pa is not None and memory.ram[pa:pa + len(piece)] != piece:
                    return False
        return True


class Layout:
    """Offsets of fields, by layout.c."""

    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            self.offset = {name: int(value) % (1 << 64) for name, value in
                           re.findall(r"#(?:FIELD|SIZE|VALUE) (\S+) (-?\d+)", file.read())}

    def __getitem__(self, name):
        return self.offset[name]


class Memory:
    """Physical memory, and what the tables below a root make of it."""

    def __init__(self, ram):
        self.ram = ram

    def table(self, frame):
        if not 0 <= frame <= len(self.ram) - PAGE:
            return (0,) * ENTRIES       # it leads out of memory
        return struct.unpack_from(f"<{ENTRIES}Q", self.ram, frame)

    def entry(self, slot):
        return struct.unpack_from("<Q", self.ram, slot)[0] if 0 <= slot <= len(self.ram) - 8 else 0

    def walk(self, root, address):
        """[(level, slot's address, entry)] from the root to where the walk ends."""
        steps, frame = [], root & ADDRESS
        for level in range(TOP, -1, -1):
            slot = frame + 8 * index(address, level)
            raw = self.entry(slot)
            steps.append((level, slot, raw))
            if not raw & PRESENT or is_leaf(raw, level):
                break
            frame = raw & ADDRESS
        return steps

    def physical(self, root, address):
        """The physical address, or None."""
        level, _, raw = self.walk(root, address)[-1]
        if not raw & PRESENT or not is_leaf(raw, level):
            return None
        return (raw & ADDRESS & -span(level)) + address % span(level)

    def pieces(self, root, address, length):
        """(physical address, length) of the pages of a range; KeyError where one is not mapped."""
        while length > 0:
            part = min(length, PAGE - address % PAGE)
            at = self.physical(root, address)
            if at is None or at + part > len(self.ram):
                raise KeyError(f"{address:#x} is not mapped")
            yield at, part
            address, length = address + part, length - part

    def read(self, root, address, length):
        return b"".join(self.ram[at:at + part] for at, part in self.pieces(root, address, length))

    def write(self, root, address, data):
        for at, part in self.pieces(root, address, len(data)):
            self.ram[at:at + part], data = data[:part], data[part:]

    def word(self, root, address):
        return struct.unpack("<Q", self.read(root, address, 8))[0]


class Content:
    """What the player fills pages with: words that tell, to who knows the token, where they were written."""

    ODD = 0x9e3779b97f4a7c15
    INVERSE = pow(ODD, -1, 1 << 64)
    MASK = (1 << 64) - 1

    def __init__(self, token):
        self.token = token

    def of_word(self, word):
        """The number that a word stands for."""
        return (word ^ self.token) * self.INVERSE & self.MASK

    def page(self, number):
        word = (number * self.ODD & self.MASK) ^ self.token
        return struct.pack("<Q", word) * (PAGE // 8 - 1) + struct.pack("<Q", word ^ self.MASK)

    def number(self, data):
        """Of a page: its number, 0 for zeros, None for what nobody wrote."""
        if not any(data):
            return 0
        number = self.of_word(struct.unpack_from("<Q", data)[0])
        return number if number < 1 << 52 and self.page(number) == data else None


class Tables:
    """Page tables as text, the same in every run: tables by the order in which they were seen first, pages by what is in
    them."""

    def __init__(self, memory, content):
        self.memory = memory
        self.content = content
        self.names = {}         # frame of a table: its name

    def name(self, frame):
        return self.names.setdefault(frame, f"T{len(self.names) + 1}")

    def leaf_words(self, raw, level):
        """(words without a number, number of the page's content) for one leaf."""
        frame = raw & ADDRESS & -span(level)
        data = self.memory.ram[frame:frame + PAGE]
        number = self.content.number(data) if len(data) == PAGE else None
        return rights(raw), number

    @staticmethod
    def describe(number, count):
        if number is None:
            return "what nobody wrote"
        if number == 0:
            return "zeros"
        return f"pages of {number * PAGE:012x}" + ("" if count == 1 else f"-{(number + count) * PAGE:012x}")

    def leaves(self, root, low, high):
        """(address, level, rights, number) of all leaves of [low, high)."""
        for level, address, raw, table in self.entries(root, low, high):
            if not table:
                yield (address, level, *self.leaf_words(raw, level))

    def entries(self, root, low, high):
        """(level, address, entry, whether it links a table), in order."""
        def take(frame, level, base):
            for i, raw in enumerate(self.memory.table(frame)):
                address = base + i * span(level)
                if not raw or address >= high or address + span(level) <= low:
                    continue
                inner = raw & PRESENT and not is_leaf(raw, level)
                yield level, address, raw, bool(inner)
                if inner:
                    yield from take(raw & ADDRESS, level - 1, address)
        yield from take(root & ADDRESS, TOP, 0)

    def pages_text(self, root, low, high):
        """Runs of pages, whatever tables they are in."""
        return [self.run_text(run, "") for run in self.runs(self.leaves(root, low, high))]

    @staticmethod
    def runs(leaves):
        """[address, level, rights, number, count] of leaves that go on from one another."""
        run = None
        for address, level, words, number in leaves:
            step = span(level) // PAGE
            if run and run[0] + run[4] * span(level) == address and run[1:3] == [level, words] and \
                    number == (run[3] + run[4] * step if run[3] else run[3]):
                run[4] += 1
                continue
            if run:
                yield run
            run = [address, level, words, number, 1]
        if run:
            yield run

    def run_text(self, run, indent):
        address, level, words, number, count = run
        return (f"{indent}{LEVELS[level]} {index(address, level):3} {address:012x}-{address + count * span(level):012x} "
                f"{words} {count}: {self.describe(number, count * span(level) // PAGE)}")

    def tree_text(self, root, low, high):
        """Tables and runs of leaves; a table that was seen before has its old name, wherever it is now."""
        lines, leaves = [], []

        def flush():
            lines.extend(self.run_text(run, "  " * (TOP - run[1])) for run in self.runs(leaves))
            leaves.clear()

        for level, address, raw, table in self.entries(root, low, high):
            if leaves and (leaves[-1][1] != level or index(address, level) == 0):
                flush()
            if not table:
                leaves.append((address, level, *self.leaf_words(raw, level)))
                continue
            flush()
            frame = raw & ADDRESS
            used = ENTRIES - self.memory.table(frame).count(0)
            lines.append(f"{'  ' * (TOP - level)}{LEVELS[level]} {index(address, level):3} {address:012x} table "
                         f"{self.name(frame)} of {used}")
        flush()
        return lines
