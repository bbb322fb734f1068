"""The machine under GDB: its physical memory, the kernel's variables, who runs.

Page tables are read as physical memory, so they can be looked at in any mode of the processor, and before the kernel
has a direct map. What else the kernel keeps is read at the kernel's own addresses, which every address space has.
"""
import contextlib
import os
import struct

import gdb

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PAGE = 4096
ENTRIES = 512
TOP = 3
USER_END = 1 << 47
DIRECT_BASE = 0xffff800000000000    # kernel/paging.h
LEVELS = ["PTE", "PMD", "PUD", "PGD"]

PRESENT, WRITE, USER, ACCESSED, DIRTY, HUGE, HELD, NX = (1 << bit for bit in (0, 1, 2, 5, 6, 7, 9, 63))
ADDRESS = 0x000ffffffffff000


def span(level):
    """Bytes that one entry of @level translates."""
    return PAGE << 9 * level


def index(address, level):
    return address >> 12 + 9 * level & ENTRIES - 1


def is_leaf(raw, level):
    return raw != 0 and (level == 0 or bool(raw & HUGE))


def rights(raw):
    """rwx, as mm_dump() has it."""
    if not raw & PRESENT:
        return "---"
    return "r" + ("w" if raw & WRITE else "-") + ("-" if raw & NX else "x")


def describe(raw, level=None):
    """One entry in words. Without its level it is not known whether it is a leaf."""
    if not raw:
        return "empty"
    kind = "" if level is None else "leaf " if is_leaf(raw, level) else "table "
    flags = [word for bit, word in ((USER, "user"), (ACCESSED, "accessed"), (DIRTY, "dirty"), (HUGE, "huge"),
                                    (HELD, "held")) if raw & bit]
    return f"{kind}{raw & ADDRESS:x} {rights(raw)} {' '.join(flags)}".rstrip()


@contextlib.contextmanager
def physical():
    """Memory is read by physical address inside."""
    _physical_mode(True)
    try:
        yield
    finally:
        _physical_mode(False)


def _physical_mode(on):
    connection = gdb.selected_inferior().connection
    if connection is None or not hasattr(connection, "send_packet"):
        raise gdb.GdbError("no machine: make gdb starts one")
    if connection.send_packet(f"Qqemu.PhyMemMode:{int(on)}".encode()) != b"OK":
        raise gdb.GdbError("this is no QEMU, or an old one: physical memory cannot be read")
    gdb.execute("maintenance flush dcache", to_string=True)


def read_table(frame):
    """The 512 entries of the table in @frame, inside physical()."""
    return struct.unpack("<512Q", bytes(gdb.selected_inferior().read_memory(frame, PAGE)))


def need_machine():
    if not gdb.selected_inferior().pid or gdb.selected_thread() is None:
        raise gdb.GdbError("no machine: make gdb starts one")


def register(name):
    need_machine()
    value = gdb.selected_thread() and gdb.newest_frame().read_register(name)
    return int(value) & (1 << 64) - 1


def root():
    """The root table in use, or None before paging is on."""
    need_machine()
    cr0 = int(gdb.parse_and_eval("(unsigned long)$cr0"))
    return int(gdb.parse_and_eval("(unsigned long)$cr3")) & ADDRESS if cr0 >> 31 & 1 else None


def need_root():
    frame = root()
    if frame is None:
        raise gdb.GdbError("paging is off: the machine has just been started")
    return frame


def number(text):
    """An address as GDB understands it, or in plain hexadecimal as dumps show it."""
    if not text:
        raise gdb.GdbError("an address is missing")
    try:
        value = int(text, 16)
    except ValueError:
        value = int(gdb.parse_and_eval(f"(unsigned long)({text})"))
    if value >> 64 not in (0, -1):
        raise gdb.GdbError(f"{text}: an address has 64 bits")
    return value & (1 << 64) - 1


def kernel(name, file=None):
    """A variable of the kernel, whatever a program's symbols call the same."""
    return gdb.parse_and_eval(f"'{file}'::{name}" if file else f"'{name}'" if "::" in name else name)


def each(first, link):
    """The members of a list."""
    while int(first):
        yield first
        first = first[link]


def current_cpu():
    """This CPU's struct, or None before it has one."""
    if root() is None:
        return None
    for base in ("$gs_base", "$k_gs_base"):
        value = int(gdb.parse_and_eval(f"(unsigned long){base}")) & (1 << 64) - 1
        if value >= DIRECT_BASE:
            return gdb.parse_and_eval(f"(struct cpu *){value}").dereference()
    return None


def process():
    """The process that runs, or None before init."""
    cpu = current_cpu()
    return cpu["process"].dereference() if cpu is not None and int(cpu["process"]) else None


def all_processes():
    return [pointer.dereference() for pointer in each(kernel("process_all"), "next")] if root() is not None else []


def need_process(pid=None):
    """The process @pid, or the one that runs."""
    if pid is not None:
        for candidate in all_processes():
            if int(candidate["pid"]) == pid:
                return candidate
        raise gdb.GdbError(f"no process {pid}")
    found = process()
    if found is None:
        raise gdb.GdbError("no process runs yet: break process_user_fault, continue")
    return found


def need_mm(pid=None):
    found = need_process(pid)
    if not int(found["mm"]):
        raise gdb.GdbError(f"process {int(found['pid'])} has no memory: it has not begun, or has ended")
    return found["mm"].dereference()


def frame_of(table):
    """The physical address of a table that the kernel points to."""
    return int(table) - DIRECT_BASE


class Command(gdb.Command):
    """A command whose name and help stand in its class."""

    name = None
    kind = gdb.COMMAND_DATA
    prefix = False

    def __init__(self):
        super().__init__(self.name, self.kind, prefix=self.prefix)
        self.dont_repeat_ever = True

    def run(self, words):
        raise NotImplementedError

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"the kernel is not far enough for that yet: {error}") from error
        except (gdb.error, ValueError, OverflowError) as error:     # what was asked for is no expression, or no number
            raise gdb.GdbError(f"{self.name}: {error}") from error
