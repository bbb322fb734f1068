"""Tests of exec's stack shift. A stack is made and filled before the first program, then shifted by the student's function;
what is there afterwards is compared with what the shipped kernel makes of it."""
import errno

from memory import PAGE, span

TASK_SIZE = (1 << 47) - PAGE
PMD = 1
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ANONYMOUS_FIXED, READ_WRITE = 0x32, 3


class Stack:
    def __init__(self, k, bytes_used):
        self.k = k
        self.mm = k.call_shipped("mm_create")
        k.set_field(self.mm, "mm.limits.stack", 64 * MIB)
        k.call_shipped("port_lock_write", self.mm + k.layout["mm.lock"])
        if k.call_shipped("stack_create", self.mm):
            k.show("stack_create() fails")
        self.root = k.memory.physical(k.root, k.field(self.mm, "mm.pt"))
        for end in range(TASK_SIZE, TASK_SIZE - bytes_used, -2 * MIB):
            self.fill(max(end - 2 * MIB, TASK_SIZE - bytes_used), end)

    def fill(self, start, end):
        """Pages that only we can read, by the kernel's own copy to user memory."""
        block = self.k.call_shipped("port_block_alloc", PMD, 0)
        for at in range(start, end, PAGE):
            self.k.memory.ram[block + at - start:block + at - start + PAGE] = self.k.content.page(at // PAGE)
        if self.k.call_shipped("mm_copy_to", self.mm, start, self.k.pointer(block), end - start):
            self.k.show("the stack cannot be filled")
        self.k.call_shipped("port_block_free", block, PMD)

    def look(self, words):
        k, vma = self.k, self.k.field(self.mm, "mm.first")
        k.show(f"--- {words}")
        while vma and len(k.seen) < 5000:
            k.show(f"vma {k.field(vma, 'vma.start'):012x}-{k.field(vma, 'vma.end'):012x} flags "
                   f"{k.field(vma, 'vma.flags', 4):x} pgoff {k.field(vma, 'vma.pgoff'):x}")
            vma = k.field(vma, "vma.next")
        k.show(*k.tables.tree_text(self.root, 0, TASK_SIZE))
        k.show(f"layout.stack_top {k.field(self.mm, 'mm.layout.stack_top'):012x}",
               f"{k.field(self.mm, 'mm.total_pages')} pages in all VMAs")

    def shift(self, by):
        result = self.k.call("stack_shift", self.mm, by)
        negative = (1 << 64) - result
        words = f"-{errno.errorcode.get(negative, '?')}" if negative < 4096 else f"{result:#x}"
        self.k.show(f"stack_shift(mm, {by:#x}): {words}")
        self.k.call_shipped("mm_check", self.mm)


def shifted(used, *shifts):
    def test(k):
        stack = Stack(k, used)
        stack.look("before")
        for by in shifts:
            stack.shift(by)
            stack.look(f"after {by:#x}")
    return test


page = shifted(96 * KIB, PAGE)
pages = shifted(96 * KIB, 64 * KIB)
far = shifted(96 * KIB, 16 * GIB + 28 * KIB)
whole = shifted(5 * MIB, 64 * MIB)
overlapping = shifted(5 * MIB, 2 * MIB)
further = shifted(5 * MIB, 4 * MIB)
nothing = shifted(96 * KIB, 0, 32 * KIB)
unaligned = shifted(96 * KIB, 100, 4097, PAGE)
too_far = shifted(96 * KIB, TASK_SIZE, TASK_SIZE - 96 * KIB, 1 << 63, PAGE)


def neighbour(k):
    """Something is mapped below: up to it, and no further."""
    stack = Stack(k, 96 * KIB)
    below = TASK_SIZE - 4 * MIB
    k.call_shipped("mm_mmap", stack.mm, below, 4 * PAGE, READ_WRITE, ANONYMOUS_FIXED, 0, 0, 0)
    stack.look("before")
    for by in (4 * MIB, 4 * MIB - 96 * KIB - 3 * PAGE, 4 * MIB - 96 * KIB - 4 * PAGE, PAGE):
        stack.shift(by)
        stack.look(f"after {by:#x}")


def limit(k):
    """Room to grow, as far as RLIMIT_STACK allows it."""
    for room in (0, 5 * PAGE, 32 * PAGE, 100 * PAGE):
        stack = Stack(k, 16 * KIB)
        k.set_field(stack.mm, "mm.limits.stack", 16 * KIB + room + 100)
        stack.shift(span(PMD))
        stack.look(f"with {room // PAGE} pages to grow")
