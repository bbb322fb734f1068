"""exec's stack, made and filled before the first program, for tests that shift it."""
import errno

from memory import PAGE

TASK_SIZE = (1 << 47) - PAGE
PMD = 1
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Stack:
    def __init__(self, k, bytes_used, tables=True):
        """@tables: whether the tables are looked at, or only the pages."""
        self.k = k
        self.tables = tables
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
        self.k.show(f"--- {words}", *self.state())

    def state(self):
        """All that a shift may change, as lines."""
        k, vma, lines = self.k, self.k.field(self.mm, "mm.first"), []
        while vma and len(lines) < 1000:
            lines.append(f"vma {k.field(vma, 'vma.start'):012x}-{k.field(vma, 'vma.end'):012x} flags "
                         f"{k.field(vma, 'vma.flags', 4):x} pgoff {k.field(vma, 'vma.pgoff'):x}")
            vma = k.field(vma, "vma.next")
        text = k.tables.tree_text if self.tables else k.tables.pages_text
        return lines + text(self.root, 0, TASK_SIZE) + [f"layout.stack_top {k.field(self.mm, 'mm.layout.stack_top'):012x}",
                                                        f"{k.field(self.mm, 'mm.total_pages')} pages in all VMAs"]

    def shift(self, by):
        result = self.k.call("stack_shift", self.mm, by)
        negative = (1 << 64) - result
        words = f"-{errno.errorcode.get(negative, '?')}" if negative < 4096 else f"{result:#x}"
        self.k.show(f"stack_shift(mm, {by:#x}): {words}")
        self.k.call_shipped("mm_check", self.mm)


def shifted(used, *shifts, tables=True):
    """A test: a stack of so many bytes is shifted, and looked at each time."""
    def test(k):
        stack = Stack(k, used, tables)
        stack.look("before")
        for by in shifts:
            stack.shift(by)
            stack.look(f"after {by:#x}")
    return test
