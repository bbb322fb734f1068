"""Tests of the walk. Page tables are built here, in the machine's memory, at addresses that nobody knows before; then
the student's functions are called on them."""
import random

from memory import ADDRESS, ENTRIES, LEVELS, PAGE, TOP, index, span

TABLE, LEAF, HUGE, HELD = 0x27, 0x67, 0xe7, 0x224
HELD_HUGE = HELD | 0x80
PTE, PMD, PUD, PGD = range(4)


class Tree:
    """Page tables with names."""

    def __init__(self, k):
        self.k = k
        self.random = random.SystemRandom()
        self.root = k.frame()
        self.names = {self.root: "the root"}
        self.tables = {}        # (level of its entries, start of what it translates): physical address
        self.pt = k.room(k.layout["pt"])
        k.set_field(self.pt, "pt.root", k.pointer(self.root))
        k.set_field(self.pt, "pt.top", TOP, 4)
        k.set_field(self.pt, "pt.tables", 1)

    def address(self):
        """A page with another index at each level, none at an edge: no two mistakes look alike."""
        picked = self.random.sample(range(2, ENTRIES // 2 - 2), 4)
        return sum(i * span(level) for level, i in enumerate(picked))

    def write(self, table, i, raw):
        old = self.k.word(self.k.pointer(table) + 8 * i)
        self.k.write(self.k.pointer(table) + 8 * i, raw.to_bytes(8, "little"))
        live = self.k.live(table) + bool(raw) - bool(old)
        self.k.write(self.k.frame_field(table, "live"), live.to_bytes(4, "little"))

    def table(self, va, level):
        """The table whose entries of @level translate @va; made where it is missing, and those on the way."""
        if level == TOP:
            return self.root
        key = level, va // span(level + 1)
        if key not in self.tables:
            above, self.tables[key] = self.table(va, level + 1), self.k.frame()
            self.names[self.tables[key]] = f"the {LEVELS[level]} table for {va // span(level + 1) * span(level + 1):x}"
            self.write(above, index(va, level + 1), self.tables[key] | TABLE)
            count = self.k.field(self.pt, "pt.tables")
            self.k.set_field(self.pt, "pt.tables", count + 1)
        return self.tables[key]

    def map(self, va, level, flags=LEAF):
        """A leaf, at no frame in particular."""
        self.write(self.table(va, level), index(va, level), self.random.randrange(1, 1000) * span(level) & ADDRESS | flags)

    def slot(self, va, level):
        return f"entry {index(va, level)} of {self.names[self.table(va, level)]}"

    def seen(self, pointer):
        return self.k.slot_words(pointer, self.names)

    # ---- The functions ----

    def entry(self, va, level, expected):
        """pt_entry() has to give the slot at @expected, a level, or NULL."""
        wanted = "NULL" if expected is None else self.slot(va, expected)
        self.k.same(f"pt_entry(pt, {va:#x}, PT_{LEVELS[level]})", wanted, self.seen(self.k.call("pt_entry", self.pt, va, level)))

    def lookup(self, va, level):
        at = self.k.room(16)
        self.k.write(at, b"\xff" * 4)
        pointer = self.k.call("pt_lookup", self.pt, va, at)
        found = self.k.word(at, 4)
        self.k.same(f"pt_lookup(pt, {va:#x}, &level)", f"{self.slot(va, level)}, level PT_{LEVELS[level]}",
                    f"{self.seen(pointer)}, level {'PT_' + LEVELS[found] if found < 4 else found}")

    def missing(self, va, level, expected):
        got = self.k.call("pt_missing", self.pt, va, level) & 0xffffffff
        self.k.same(f"pt_missing(pt, {va:#x}, PT_{LEVELS[level]})", expected, got)


def entry_levels(k):
    tree = Tree(k)
    for _ in range(3):
        va = tree.address()
        tree.map(va, PTE)
        for level in (PGD, PUD, PMD, PTE):
            tree.entry(va + tree.random.randrange(PAGE), level, level)


def entry_empty(k):
    """The tables are there, the entry is empty: it is what is asked for, all the same."""
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    for level in (PTE, PMD, PUD):
        tree.entry(va + span(level), level, level)
        tree.entry(va - span(level), level, level)


def entry_none(k):
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    for level in (PMD, PUD, PGD):
        beside = va + span(level)
        tree.entry(beside, level, level)
        for lower in range(level):
            tree.entry(beside, lower, None)


def entry_huge(k):
    tree = Tree(k)
    for level, flags in ((PMD, HUGE), (PUD, HUGE), (PMD, HELD_HUGE)):
        va = tree.address()
        tree.map(va, level, flags)
        tree.entry(va, level, level)
        for lower in range(level):
            tree.entry(va, lower, None)


def lookup_leaves(k):
    tree = Tree(k)
    for level, flags in ((PTE, LEAF), (PMD, HUGE), (PUD, HUGE), (PTE, HELD), (PMD, HELD_HUGE)):
        va = tree.address()
        tree.map(va, level, flags)
        tree.lookup(va + tree.random.randrange(PAGE), level)


def lookup_empty(k):
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    for level in (PTE, PMD, PUD, PGD):
        tree.lookup(va + span(level), level)


def missing(k):
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    for level in (PTE, PMD, PUD, PGD):
        tree.missing(va, level, 0)
    for gap in (PGD, PUD, PMD):
        for level in range(gap, -1, -1):
            tree.missing(va + span(gap), level, gap - level)


def reserve(k, count):
    """A reserve of @count tables."""
    at = k.room(k.layout["pt_reserve.count"] + 16)
    k.call_shipped("pt_reserve_fill", at, count)
    return at


def state(k, tree, va, level):
    """What the walk to @va passes: each table with its live count, and how the last entry looks."""
    frame, lines = tree.root, []
    for at in range(TOP, level, -1):
        raw = k.word(k.pointer(frame) + 8 * index(va, at))
        if not raw & ADDRESS or (raw & ADDRESS) + PAGE > len(k.memory.ram):
            return lines + [f"{LEVELS[at]} entry {index(va, at)}: no table"]
        frame = raw & ADDRESS
        tree.names.setdefault(frame, f"the {LEVELS[at - 1]} table for {va // span(at) * span(at):x}")
        lines.append(f"{LEVELS[at]} entry {index(va, at)}: a table, flags {raw & ~ADDRESS:x}, {k.live(frame)} live, "
                     f"{sum(1 for raw in k.memory.table(frame) if raw)} not empty")
    return lines


def make(k, tree, va, level, missing_tables, lives):
    """pt_entry_make() with a reserve of two more than it needs. @lives: of the tables below the root, downward."""
    spare = reserve(k, missing_tables + 2)
    before = k.field(tree.pt, "pt.tables")
    root_live = k.live(tree.root) + (missing_tables == TOP - level)
    pointer = k.call("pt_entry_make", tree.pt, va, level, spare)
    seen = state(k, tree, va, level)
    expected = [f"{LEVELS[at]} entry {index(va, at)}: a table, flags {TABLE:x}, {live} live, {live} not empty"
                for at, live in zip(range(TOP, level, -1), lives)]
    words = f"pt_entry_make(pt, {va:#x}, PT_{LEVELS[level]})"
    k.lines([words] + expected, [words] + seen)
    frame = tree.root
    for at in range(TOP, level, -1):
        frame = k.word(k.pointer(frame) + 8 * index(va, at)) & ADDRESS
    k.same("returned", f"entry {index(va, level)} of {tree.names.get(frame, 'a new table')}", tree.seen(pointer))
    k.same("left in the reserve", 2, k.field(spare, "pt_reserve.count", 4))
    k.same("pt->tables", before + missing_tables, k.field(tree.pt, "pt.tables"))
    k.same("live entries of the root", root_live, k.live(tree.root))


def make_all(k):
    tree = Tree(k)
    make(k, tree, tree.address(), PTE, 3, (1, 1, 0))


def make_some(k):
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    make(k, tree, va + span(PMD), PTE, 1, (1, 2, 0))
    make(k, tree, va + span(PUD), PMD, 1, (2, 0))


def make_none(k):
    tree = Tree(k)
    va = tree.address()
    tree.map(va, PTE)
    make(k, tree, va + PAGE, PTE, 0, (1, 1, 1))
