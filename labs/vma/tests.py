"""Tests of find, gap, split and merge. Address spaces are made here, in the machine's memory, at places that nobody knows
before: their list by hand, their tree by the kernel's own vma_tree_insert()."""
import random

from memory import PAGE

READ, WRITE, GROWSDOWN, HUGETLB = 1, 2, 1 << 5, 1 << 18
INHERITED = 1 << 63
GUARD = 256 * PAGE
USER_END = 1 << 47
BASE = 0x100000000000


class Areas:
    """An address space that nobody runs in."""

    def __init__(self, k):
        self.k = k
        self.random = random.SystemRandom()
        self.mm = k.call_shipped("mm_create")
        self.list = []      # [start, end, address of the VMA], in order
        self.names = {0: "NULL"}
        self.reserve = k.room(16)
        k.call_shipped("vma_reserve_fill", self.mm, self.reserve, 4)

    def add(self, start, end, flags=READ, anon=0, pgoff=None):
        k = self.k
        vma = k.call_shipped("port_alloc", k.layout["vma"])
        pgoff = start // PAGE if pgoff is None else pgoff
        for name, value in (("start", start), ("end", end), ("anon", anon), ("pgoff", pgoff)):
            k.set_field(vma, f"vma.{name}", value)
        k.set_field(vma, "vma.flags", flags, 4)
        self.list.append([start, end, vma])
        self.list.sort()
        i = self.list.index([start, end, vma])
        before = self.list[i - 1][2] if i else 0
        after = self.list[i + 1][2] if i + 1 < len(self.list) else 0
        k.set_field(vma, "vma.prev", before)
        k.set_field(vma, "vma.next", after)
        k.set_field(before or self.mm, "vma.next" if before else "mm.first", vma)
        k.set_field(after or self.mm, "vma.prev" if after else "mm.last", vma)
        k.set_field(self.mm, "mm.vma_count", len(self.list), 4)
        k.set_field(self.mm, "mm.total_pages", k.field(self.mm, "mm.total_pages") + (end - start) // PAGE)
        k.call_shipped("vma_tree_insert", self.mm, vma)
        self.names[vma] = f"the VMA {start:x}-{end:x}"
        return vma

    def scatter(self, count, flags=READ):
        """VMAs at random, with gaps between them."""
        at = BASE + self.random.randrange(1000) * PAGE
        places = []
        for _ in range(count):
            size = self.random.randrange(1, 50) * PAGE
            places.append((at, at + size))
            at += size + self.random.randrange(1, 400) * PAGE
        self.random.shuffle(places)
        for start, end in places:
            self.add(start, end, flags)

    def name(self, vma):
        return self.names.get(vma, "something else")

    def call(self, name, *args):
        return self.k.call(name, self.mm, *args)

    def describe(self, vma):
        field = lambda name, size=8: self.k.field(vma, f"vma.{name}", size)
        anon = field("anon")
        return (f"{field('start'):x}-{field('end'):x} flags {field('flags', 4):x} pgoff {field('pgoff'):x} identity "
                f"{anon & ~INHERITED}{' inherited' if anon & INHERITED else ''}")

    def in_order(self, vma, depth=0):
        """The tree from left to right."""
        if not vma or depth > 100:
            return []
        left, right = self.k.field(vma, "vma.left"), self.k.field(vma, "vma.right")
        return self.in_order(left, depth + 1) + [vma] + self.in_order(right, depth + 1)

    def state(self):
        """What there is now, in lines."""
        vmas, at, before = [], self.k.field(self.mm, "mm.first"), 0
        lines = []
        while at and len(vmas) < 100:
            if self.k.field(at, "vma.prev") != before:
                lines.append("prev of the next one is wrong")
            vmas.append(at)
            lines.append(self.describe(at))
            at, before = self.k.field(at, "vma.next"), at
        if self.in_order(self.k.field(self.mm, "mm.tree")) != vmas:
            lines.append("the tree has others than the list")
        return lines + [f"{self.k.field(self.mm, 'mm.vma_count', 4)} VMAs, {self.k.field(self.mm, 'mm.total_pages')} pages"]


def line(start, end, flags=READ, anon=0, pgoff=None):
    """As describe() has it."""
    return (f"{start:x}-{end:x} flags {flags:x} pgoff {start // PAGE if pgoff is None else pgoff:x} identity "
            f"{anon & ~INHERITED}{' inherited' if anon & INHERITED else ''}")


def totals(pieces):
    return f"{len(pieces)} VMAs, {sum(end - start for start, end, *_ in pieces) // PAGE} pages"


# ---- Find ----

def find_at(areas, address):
    expected = next((vma for start, end, vma in areas.list if end > address), 0)
    areas.k.same(f"vma_find(mm, {address:x})", areas.name(expected), areas.name(areas.call("vma_find", address)))


def find(k):
    areas = Areas(k)
    areas.scatter(12)
    for start, end, _ in areas.list:
        for address in (start - 1, start, end - 1, end):
            find_at(areas, address)


def find_ends(k):
    areas = Areas(k)
    find_at(areas, BASE)
    areas.add(BASE, BASE + 4 * PAGE)
    for address in (0, PAGE, BASE - PAGE, BASE + PAGE, BASE + 4 * PAGE, USER_END - PAGE):
        find_at(areas, address)


# ---- Gaps ----

def gap_at(areas, length, low, high):
    """The highest place, by trying all gaps."""
    best, floor = 0, 0
    for start, end, vma in areas.list + [[USER_END * 2, 0, None]]:
        guard = GUARD if vma and areas.k.field(vma, "vma.flags", 4) & GROWSDOWN else 0
        lower, upper = max(floor, low), min(start - guard, high)
        if upper > lower and upper - lower >= length:
            best = upper - length
        floor = end
    areas.k.same(f"vma_gap_below(mm, {length:#x}, {low:#x}, {high:#x})", f"{best:x}",
                 f"{areas.call('vma_gap_below', length, low, high):x}")


def gap(k):
    areas = Areas(k)
    areas.scatter(12)
    low, high = areas.list[0][0] - 500 * PAGE, areas.list[-1][1] + 100 * PAGE
    for pages in (1, 30, 100, 101, 200, 300, 399, 450, 501, 100000):
        gap_at(areas, pages * PAGE, low, high)


def gap_bounds(k):
    """A gap that is cut by a bound, and none that is large enough between both."""
    areas = Areas(k)
    areas.add(BASE, BASE + PAGE)
    areas.add(BASE + 101 * PAGE, BASE + 102 * PAGE)
    areas.add(BASE + 112 * PAGE, BASE + 113 * PAGE)
    for pages, low, high in ((10, 0, 200), (10, 0, 112), (10, 0, 111), (10, 0, 50), (50, 60, 102), (10, 103, 111), (100, 0, 112),
                             (5, 104, 110), (1, 200, 201)):
        gap_at(areas, pages * PAGE, BASE + low * PAGE, BASE + high * PAGE)


def gap_guard(k):
    """Below a stack, its guard stays free."""
    areas = Areas(k)
    areas.add(BASE, BASE + PAGE)
    areas.add(BASE + 1000 * PAGE, BASE + 1010 * PAGE, READ | GROWSDOWN)
    for pages in (1, 700, 743, 744):
        gap_at(areas, pages * PAGE, BASE, BASE + 1005 * PAGE)


# ---- Split ----

def split(k):
    areas = Areas(k)
    first, second, third = (BASE, BASE + 5 * PAGE), (BASE + 5 * PAGE, BASE + 25 * PAGE), (BASE + 30 * PAGE, BASE + 31 * PAGE)
    areas.add(*first)
    vma = areas.add(*second, READ | WRITE, 7, 0x1234)
    areas.add(*third)
    cut = areas.random.randrange(6, 24)
    at = BASE + cut * PAGE
    k.set_field(areas.mm, "mm.vma_count", 3, 4)
    upper = areas.call("vma_split", vma, at, areas.reserve)
    k.same("it returns the upper part", f"{at:x}", f"{k.field(upper, 'vma.start') if upper else 0:x}")
    pieces = [first, (second[0], at), (at, second[1]), third]
    k.lines([line(*first), line(second[0], at, READ | WRITE, 7, 0x1234),
             line(at, second[1], READ | WRITE, 7, 0x1234 + cut - 5), line(*third), totals(pieces)], areas.state())


# ---- Merge ----

PAIRS = [
    ("alike, side by side", {}, {}, True),
    ("a gap between them", {}, {"shift": 1}, False),
    ("other rights", {"flags": READ}, {"flags": READ | WRITE}, False),
    ("another place in the object", {}, {"pgoff": 3}, False),
    ("one identity", {"anon": 5}, {"anon": 5}, True),
    ("two identities", {"anon": 5}, {"anon": 6}, False),
    ("the lower one has none", {}, {"anon": 6}, True),
    ("the upper one has none", {"anon": 6}, {}, True),
    ("an inherited one does not spread", {"anon": 6 | INHERITED}, {}, False),
    ("one inherited identity", {"anon": 6 | INHERITED}, {"anon": 6 | INHERITED}, True),
    ("pages of a pool", {"flags": READ | HUGETLB}, {"flags": READ | HUGETLB}, False),
]


def mergeable(k):
    for words, lower, upper, expected in PAIRS:
        areas = Areas(k)
        upper = dict(upper)
        middle = BASE + 8 * PAGE
        start = middle + upper.pop("shift", 0) * PAGE
        pgoff = start // PAGE + upper.pop("pgoff", 0)
        a, b = areas.add(BASE, middle, **lower), areas.add(start, start + 8 * PAGE, pgoff=pgoff, **upper)
        k.same(f"vma_mergeable: {words}", expected, bool(k.call("vma_mergeable", a, b) & 0xff))


def merge(k):
    """Three that are one, a fourth that is another, two more."""
    areas = Areas(k)
    cuts = [BASE + n * PAGE for n in (0, 3, 5, 9, 12, 20, 21)]
    kinds = [(READ, 0), (READ, 9), (READ, 0), (READ | WRITE, 0), (READ, 0), (READ, 0)]
    for start, end, (flags, anon) in zip(cuts, cuts[1:], kinds):
        areas.add(start, end, flags, anon)
    areas.call("vma_merge", cuts[0], cuts[-1], areas.reserve)
    k.lines([line(cuts[0], cuts[3], READ, 9), line(cuts[3], cuts[4], READ | WRITE), line(cuts[4], cuts[6]),
             totals([(cuts[0], cuts[3]), (cuts[3], cuts[4]), (cuts[4], cuts[6])])], areas.state())


def merge_range(k):
    """Only from the neighbour before the range to the one after it."""
    areas = Areas(k)
    cuts = [BASE + n * PAGE for n in range(0, 60, 10)]
    for start, end in zip(cuts, cuts[1:]):
        areas.add(start, end)
    areas.call("vma_merge", cuts[2], cuts[3], areas.reserve)
    k.lines([line(cuts[0], cuts[1]), line(cuts[1], cuts[4]), line(cuts[4], cuts[5]),
             totals([(cuts[0], cuts[1]), (cuts[1], cuts[4]), (cuts[4], cuts[5])])], areas.state())
