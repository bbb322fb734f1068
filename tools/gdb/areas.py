"""vmas, frames, pp: areas, frames of memory, and the kernel's structs in a readable form."""
import re

import gdb
import gdb.printing

import machine
import tables
from machine import ADDRESS, LEVELS, PAGE, is_leaf, rights, span

FLAGS = [(5, "grows"), (6, "locked"), (7, "noreserve"), (10, "dontfork"), (11, "wipeonfork"), (16, "huge"),
         (17, "nohuge"), (18, "hugetlb")]      # mm/vma.h
INHERITED = 1 << 63
FREE_MARK = 0xffffff00                         # kernel/frames.c: in `next` of a free block's first frame


def vma_rights(vma):
    flags = int(vma["flags"])
    return "".join(letter if flags >> bit & 1 else "-" for bit, letter in enumerate("rwx")) + ("s" if flags & 8 else "p")


def vma_name(mm, vma):
    """What /proc/PID/maps shows; mm/mm_maps.c."""
    layout = mm["layout"]
    start, end = int(vma["start"]), int(vma["end"])
    if int(vma["object"]):
        name = vma["object"]["name"]
        return name.string() if int(name) else "/dev/zero (deleted)"
    if int(layout["brk"]) > int(layout["brk_start"]) and start < int(layout["brk"]) and end > int(layout["brk_start"]):
        return "[heap]"
    return "[stack]" if start < int(layout["stack_top"]) <= end else ""


def vma_line(mm, vma):
    """One line of mm_dump()."""
    flags, anon = int(vma["flags"]), int(vma["anon"])
    start, end = int(vma["start"]), int(vma["end"])
    words = "".join(" " + word for bit, word in FLAGS if flags >> bit & 1)
    inherited = " inherited" if anon & INHERITED else ""
    name = vma_name(mm, vma) if mm is not None else ""
    return (f"vma {start:012x}-{end:012x} {vma_rights(vma)}{words} pages {(end - start) // PAGE} "
            f"id {anon & ~INHERITED}{inherited} pgoff {int(vma['pgoff']):x} {name}").rstrip()


def mm_line(mm):
    return (f"mm: {int(mm['vma_count'])} VMAs, {int(mm['total_pages'])} pages, {int(mm['rss_pages'])} mapped, "
            f"{int(mm['pt']['tables'])} tables")


class Vmas(machine.Command):
    """vmas [PID]: the areas of a process's address space, a line each.
Without PID: of the process that runs."""
    name = "vmas"

    def run(self, words):
        if len(words) > 1 or words and not words[0].isdecimal():
            raise gdb.GdbError("vmas, or vmas PID")
        pid = int(words[0]) if words else None
        process, mm = machine.need_process(pid), machine.need_mm(pid)
        print(f"process {int(process['pid'])} {process['name'].string()}, {mm_line(mm)}")
        for vma in machine.each(mm["first"], "next"):
            print(vma_line(mm, vma))


def mapped_at(frame):
    """Lines that say where the frame at @frame is mapped, or what table it is, in all address spaces."""
    owners = {int(process["mm"]): int(process["pid"]) for process in machine.all_processes() if int(process["mm"])}
    lines = []
    for mm in machine.each(machine.kernel("mm_all"), "next_mm"):
        who = f"process {owners[int(mm)]}" if int(mm) in owners else f"mm {int(mm):x}"
        root = machine.frame_of(mm["pt"]["root"])
        if root == frame:
            lines.append(f"{who}: the root table")
        for level, address, raw in tables.entries(root).values():
            start = raw & ADDRESS
            if is_leaf(raw, level) and start & -span(level) <= frame < (start & -span(level)) + span(level):
                lines.append(f"{who}: {LEVELS[level]} {address:012x} {rights(raw)}")
            elif start == frame:
                lines.append(f"{who}: table of {LEVELS[level - 1]}s for {address:012x}")
    return lines


class Frames(machine.Command):
    """frames [ADDR]: the frame that ADDR is translated to, and where it is mapped, in all address spaces.
frames -p ADDR: the frame at this physical address. Without an argument: how many frames there are, and are free."""
    name = "frames"

    def run(self, words):
        if machine.root() is None or not int(machine.kernel("table_frames", "kernel/frames.c")):
            raise gdb.GdbError("the kernel does not know its memory yet: break process_start_init, continue")
        if not words:
            free, total = (int(machine.kernel(f"{name}_frames", "kernel/frames.c")) for name in ("free", "total"))
            print(f"{total} frames, {free} free, {total - free} in use")
            return
        given = words[0] == "-p"
        address = machine.number(" ".join(words[given:]))
        frame = address if given else tables.translate(machine.need_root(), address)
        if frame is None:
            raise gdb.GdbError(f"{address:x} is not mapped; -p for a physical address")
        self.show(frame & -PAGE)

    @staticmethod
    def show(frame):
        if frame // PAGE >= int(machine.kernel("table_frames", "kernel/frames.c")):
            raise gdb.GdbError(f"frame {frame:x}: there is no memory")
        meta = (machine.kernel("port_frame_table") + frame // PAGE).dereference()
        print(f"frame {frame:x}: refs {int(meta['refs'])}, live or next {int(meta['live'])}")
        lines = mapped_at(frame)
        print("\n".join(lines) if lines else "of no address space: the kernel's own, a file's, or free")


# ---- Pretty printers ----


class PtePrinter:
    def __init__(self, value):
        self.raw = int(value["raw"])

    def to_string(self):
        return machine.describe(self.raw)


class VmaPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return vma_line(None, self.value)


class MmPrinter:
    """The sum in a line, then the areas."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"{mm_line(self.value)}, root {machine.frame_of(self.value['pt']['root']):x}"

    def children(self):
        for number, vma in enumerate(machine.each(self.value["first"], "next")):
            yield f"[{number}]", vma.dereference()


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("realign")
    for name, printer in (("pte", PtePrinter), ("vma", VmaPrinter), ("mm", MmPrinter)):
        collection.add_printer(name, f"^{name}$", printer)
    return collection


class Pp(machine.Command):
    """pp [EXPRESSION]: print a struct pte, vma or mm, or what points to one, in a readable form.
Without an expression: the mm of the process that runs. `print` shows these structs likewise; print/r does not."""
    name = "pp"

    def run(self, words):
        if not words:
            print(machine.need_mm().format_string())
            return
        value = gdb.parse_and_eval(" ".join(words))
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            if not int(value):
                raise gdb.GdbError("a null pointer")
            value = value.dereference()
        if not re.fullmatch("(struct )?(pte|vma|mm)", str(value.type.strip_typedefs().unqualified())):
            print(f"(a {value.type}, which has no form of its own)")
        print(value.format_string())


gdb.printing.register_pretty_printer(None, printers(), replace=True)
for command in (Vmas, Frames, Pp):
    command()
