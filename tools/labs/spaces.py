"""Address spaces made before the first program, for tests that call the kernel's functions in them; and what is left of
them when memory runs out."""
import errno

from memory import PAGE, TOP, span

FIXED_PRIVATE, FIXED_SHARED, GROWSDOWN = 0x32, 0x31, 0x100
NONE, READ, WRITE, EXEC = 0, 1, 2, 4
MAYMOVE_FIXED = 3
TO_SPARE = 12       # frames that a function may ask for beyond what it takes


class Space:
    """An address space, locked."""

    def __init__(self, k, mm=None, name="mm"):
        self.k, self.name = k, name
        self.mm = mm or k.call_shipped("mm_create")
        k.call_shipped("port_lock_write", self.mm + k.layout["mm.lock"])
        self.root = k.memory.physical(k.root, k.field(self.mm, "mm.pt"))

    def map(self, address, pages, prot=READ | WRITE, flags=FIXED_PRIVATE, thing=0, offset=0):
        result = self.k.call_shipped("mm_mmap", self.mm, address, pages * PAGE, prot, flags, thing, offset, 1)
        if result != address:
            self.k.show(f"mmap: -{errno.errorcode.get((1 << 64) - result, hex(result))}")

    def frame(self, address):
        at = self.k.memory.physical(self.root, address)
        return None if at is None or at + PAGE > len(self.k.memory.ram) else at - at % PAGE

    def fill(self, address):
        """As the program would, were there one: only we can read it."""
        frame = self.frame(address)
        if frame is not None:
            self.k.memory.ram[frame:frame + PAGE] = self.k.content.page(address // PAGE)

    def touch(self, address):
        """A page there, with a content that only we can make."""
        self.k.call_shipped("mm_fault", self.mm, address, 1)
        self.fill(address)

    def holds(self, address, origin):
        """Whether the page there is the one that was touched at @origin."""
        frame = self.frame(address)
        return frame is not None and self.k.memory.ram[frame:frame + PAGE] == self.k.content.page(origin // PAGE)

    def state(self):
        """All of it, as lines."""
        lines, vma = [], self.k.field(self.mm, "mm.first")
        while vma and len(lines) < 1000:
            lines.append(f"vma {self.k.field(vma, 'vma.start'):012x}-{self.k.field(vma, 'vma.end'):012x} "
                         f"flags {self.k.field(vma, 'vma.flags', 4):x} pgoff {self.k.field(vma, 'vma.pgoff'):x}")
            vma = self.k.field(vma, "vma.next")
        return lines + self.k.tables.pages_text(self.root, 0, span(TOP) * 256)


def exhaust(k):
    """Take all memory but what was promised: the frames that were taken one by one."""
    k.room(8)
    while k.call_shipped("port_block_alloc", 1, 0):
        pass
    last = []
    while frame := k.call_shipped("port_frame_alloc", 0):
        last.append(frame)
    return last


def each_allocation_fails(k, words, attempt, state, least):
    """@attempt with no frame free, with one, and so on, until it is done: before that it is refused with -ENOMEM, and all
    is as it was. It takes @least frames. True once it is done."""
    last = exhaust(k)
    for spare in range(least + TO_SPARE + 1):
        free, before = k.call_shipped("port_frames_free"), state()
        result = attempt()
        done = f"with {spare} frames free, {words}"
        if result != -errno.ENOMEM % (1 << 64):
            k.same(done, "done" if spare >= least else "-ENOMEM", "done" if result < -4096 % (1 << 64) else
                   f"-{errno.errorcode.get(-result % (1 << 64), '?')}")
            return True
        k.same(done, "-ENOMEM" if spare < least + TO_SPARE else "done", "-ENOMEM")
        now = state()
        k.lines(*([["  it changes: nothing"]] * 2 if now == before else (before, now)))
        k.same("  it takes frames", 0, free - k.call_shipped("port_frames_free"))
        k.call_shipped("port_frame_free", last.pop())
    return False


def moved_without_memory(runs, pages, by, least):
    """A test: a mapping of @runs (page, count) in [0, @pages) is moved up by @by bytes, with ever more memory."""
    def test(k):
        mm, start = Space(k), 1 << 44
        mm.map(start, pages)
        for first, count in runs:
            for page in range(first, first + count):
                mm.touch(start + page * PAGE)

        def attempt():
            return k.call("mm_mremap", mm.mm, start, pages * PAGE, pages * PAGE, MAYMOVE_FIXED, start + by)

        each_allocation_fails(k, "mremap", attempt, mm.state, least)
        k.call_shipped("mm_check", mm.mm)
        at = [page * PAGE for first, count in runs for page in range(first, first + count)]
        there = sum(mm.holds(start + by + offset, start + offset) for offset in at)
        k.same("pages at the new place", len(at), there)
    return test
