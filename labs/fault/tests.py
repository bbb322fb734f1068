"""Tests of the page fault. Address spaces are made before the first program, and mm_fault() is called on them; what it did
is compared with what the shipped kernel does. How it is done is free where a program cannot tell: of a read, only the
content counts."""
import spaces
from memory import PAGE, rights
from spaces import EXEC, FIXED_PRIVATE, FIXED_SHARED, GROWSDOWN, NONE, READ, WRITE

ACCESS = {"read": 0, "write": 1, "exec": 2}
RESULTS = ("FAULT_DONE", "FAULT_MAPERR", "FAULT_ACCERR", "FAULT_BUS", "FAULT_OOM")
A, TOP = 0x100000000000, 1 << 47


class Space(spaces.Space):
    """One in which pages are faulted in."""

    def fault(self, address, access):
        """The result, and that all counts are right."""
        result = self.k.call("mm_fault", self.mm, address, ACCESS[access]) & 0xffffffff
        words = RESULTS[result] if result < len(RESULTS) else result
        self.k.show(f"mm_fault({self.name}, {address:x}, {access}): {words}")
        self.k.call_shipped("mm_check", self.mm)

    def look(self, address, all_of_it=True):
        """What a program would find there; with @all_of_it rights and users, too."""
        frame = self.frame(address)
        if frame is None:
            return self.k.show(f"  {self.name} {address:x}: nothing")
        content = self.k.tables.describe(self.k.content.number(self.k.memory.ram[frame:frame + PAGE]), 1)
        if not all_of_it:
            return self.k.show(f"  {self.name} {address:x}: {content}")
        raw = self.k.memory.walk(self.root, address)[-1][2]
        users = self.k.word(self.k.frame_field(frame, "refs"), 4)
        return self.k.show(f"  {self.name} {address:x}: {content}, {rights(raw)}, {users} users")

    def same_frame(self, address, other, there):
        self.k.show(f"  the same frame as {other.name} {there:x}: {self.frame(address) == other.frame(there)}")


def not_mapped(k):
    mm = Space(k)
    mm.map(A, 2)
    for address in (A - PAGE, A + 2 * PAGE, 0, TOP - PAGE, TOP + PAGE, 0xffff800000000000):
        mm.fault(address, "write")
    mm.fault(A + PAGE + 8, "write")
    mm.look(A + PAGE)


def not_allowed(k):
    mm = Space(k)
    for i, prot in enumerate((NONE, READ, READ | WRITE, READ | EXEC)):
        mm.map(A + i * 16 * PAGE, 1, prot)
        for access in ACCESS:
            mm.fault(A + i * 16 * PAGE, access)


def zeros(k):
    mm = Space(k)
    mm.map(A, 1024)
    for at in (A + 5 * PAGE, A + 6 * PAGE, A + 700 * PAGE):
        mm.fault(at + 123, "write")
        mm.look(at)
        mm.fill(at)
    mm.fault(A + 8 * PAGE, "read")
    mm.look(A + 8 * PAGE, False)
    for at in (A + 4 * PAGE, A + 5 * PAGE, A + 6 * PAGE, A + 7 * PAGE, A + 700 * PAGE):
        mm.look(at)
    k.show(f"{k.field(mm.mm, 'mm.rss_pages')} pages are there")


def read_write(k):
    """The page of zeros stays one of zeros."""
    mm = Space(k)
    mm.map(A, 4)
    for page in range(4):
        mm.fault(A + page * PAGE, "read")
    for page in range(2):
        mm.fault(A + page * PAGE, "write")
        mm.look(A + page * PAGE)
        mm.fill(A + page * PAGE)
    for page in range(4):
        mm.look(A + page * PAGE, False)


def again(k):
    mm = Space(k)
    mm.map(A, 4)
    mm.fault(A, "write")
    mm.fill(A)
    for access in ("write", "read", "write"):
        mm.fault(A, access)
        mm.look(A)


def shared(k):
    mm, other = Space(k), Space(k, name="other")
    thing = k.call_shipped("object_create", 3 * PAGE + 100, 0)
    mm.map(A, 8, flags=FIXED_SHARED, thing=thing)
    other.map(A, 4, flags=FIXED_SHARED, thing=thing, offset=PAGE)
    mm.fault(A + PAGE, "write")
    mm.fill(A + PAGE)
    other.fault(A, "read")
    other.look(A, False)
    mm.same_frame(A + PAGE, other, A)
    for page in (3, 4, 7):
        mm.fault(A + page * PAGE, "write")
    other.fault(A + 2 * PAGE, "write")
    other.fault(A + 3 * PAGE, "read")


def private(k):
    """A copy of what is in an object; the object stays."""
    mm, other = Space(k), Space(k, name="other")
    thing = k.call_shipped("object_create", 3 * PAGE, 0)
    other.map(A, 3, flags=FIXED_SHARED, thing=thing)
    other.fault(A, "write")
    other.fill(A)
    mm.map(A + 64 * PAGE, 3, thing=thing)
    for page, accesses in enumerate((("write",), ("read", "write"), ("write",))):
        for access in accesses:
            mm.fault(A + (64 + page) * PAGE, access)
            mm.look(A + (64 + page) * PAGE, access == "write")
        mm.fill(A + (64 + page) * PAGE)
    for page in range(3):
        other.fault(A + page * PAGE, "read")
        other.look(A + page * PAGE, False)


def fork(k):
    """Each side has its own from the first write on; whom it is left to, keeps it."""
    parent = Space(k, name="parent")
    parent.map(A, 4)
    for page in range(4):
        parent.fault(A + page * PAGE, "write")
        parent.fill(A + page * PAGE)
    child = Space(k, k.call_shipped("mm_fork", parent.mm), "child")
    for mm, address in ((child, A), (parent, A), (parent, A + PAGE), (child, A + PAGE), (child, A + 2 * PAGE)):
        before = mm.frame(address)
        mm.fault(address, "write")
        k.show(f"  the frame it had: {before is not None and mm.frame(address) == before}")
        parent.look(address)
        child.look(address)
    child.fault(A + 3 * PAGE, "read")
    parent.same_frame(A + 3 * PAGE, child, A + 3 * PAGE)


def stack(k):
    """It grows down to the page of the fault, within its limit, and keeps a distance to what lies below."""
    mm = Space(k)
    k.set_field(mm.mm, "mm.limits.stack", 600 * PAGE)
    mm.map(A + 1000 * PAGE, 4, flags=FIXED_PRIVATE | GROWSDOWN)
    mm.map(A + 600 * PAGE, 4)
    for page in (999, 990, 870, 800, 859, 860):
        mm.fault(A + page * PAGE, "write")
        vma = k.field(k.field(mm.mm, "mm.first"), "vma.next")
        k.show(f"  it starts at {k.field(vma, 'vma.start'):x}")
    mm.look(A + 990 * PAGE)
    limited = Space(k, name="limited")
    k.set_field(limited.mm, "mm.limits.stack", 10 * PAGE)
    limited.map(A + 1000 * PAGE, 4, flags=FIXED_PRIVATE | GROWSDOWN)
    for page in (995, 993, 994):
        limited.fault(A + page * PAGE, "write")


def memory_out(k):
    """Without a frame, and with one where it takes four: refused, and nothing is lost."""
    mm = Space(k)
    mm.map(A, 4)
    last = spaces.exhaust(k)
    mm.fault(A, "write")
    for spare in range(1, 5):
        k.call_shipped("port_frame_free", last.pop())
        before = k.call_shipped("port_frames_free")
        mm.fault(A, "write")
        k.show(f"  {spare} frames were free; {before - k.call_shipped('port_frames_free')} of them were used")
    mm.look(A)
