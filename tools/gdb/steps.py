"""moves, break-move: the steps of the move engine, as they were traced and one by one."""
import os
import re

import gdb

import machine
from machine import LEVELS, span

SOURCE = "mm/pt_move.c"


def events():
    """(number, event) of those in the ring of kernel/trace.c, the oldest first."""
    ring = machine.kernel("trace_ring", "kernel/trace.c")
    size = ring.type.range()[1] + 1
    count = int(machine.kernel("trace_count", "kernel/trace.c"))
    return [(n, ring[n % size]) for n in range(max(0, count - size), count)]


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def reason(number):
    """The words of 1 + enum refusal."""
    return machine.kernel("refusals", "mm/mm.c")[number - 1]["words"].string()


def text_of(event):
    """The words of mm/trace.c."""
    what, level = str(event["what"])[len("EVENT_"):], LEVELS[min(int(event["level"]), machine.TOP)]
    a, b, c, d, e, f = (int(event[field]) for field in "abcdef")
    words = event["words"].string() if int(event["words"]) else ""
    bound = "ceiling" if what.endswith("UP") else "floor"
    forbids, allows = ("<", ">=") if what.endswith("UP") else (">", "<=")
    old_sign, new_sign = (forbids if (x < y if what.endswith("UP") else x > y) else allows for x, y in ((a, c), (b, d)))
    return {
        "CALL": f"mremap old {a:x}+{b:x} new_len {c:x} flags {int(event['level']):x} new {d:x}",
        "RETURN": f"mremap returns {a:x}",
        "MOVE": f"move {a:x} -> {b:x}, {c:x} bytes",
        "WIDEN_DOWN": f"widen down to {level}: old {a:x} -> {b:x}, new {c:x} -> {d:x}; old floor {e:x}, new floor {f:x}",
        "WIDEN_UP": f"widen up to {level}: old end {a:x} -> {b:x}, new end {c:x} -> {d:x}; "
                    f"old ceiling {e:x}, new ceiling {f:x}",
        "NOT_DOWN": f"no widening down to {level}: old {bound} {a:x} {old_sign} {c:x}, new {bound} {b:x} {new_sign} {d:x}",
        "NOT_UP": f"no widening up to {level}: old {bound} {a:x} {old_sign} {c:x}, new {bound} {b:x} {new_sign} {d:x}",
        "STEP": f"step {level} {a:x} -> {b:x} span {span(LEVELS.index(level)):x} entry {c:x}" + (f" over {d:x}" if d else ""),
        "WARN": f"warning: {level} {a:x} -> {b:x} span {span(LEVELS.index(level)):x} entry {c:x} over {d:x}: destination "
                f"not none, a table without pages; goes by {LEVELS[LEVELS.index(level) - 1]}s",
        "MOVED": f"moved {a} PTE, {b} PMD, {c} PUD, {d} PGD",
        "TABLE_NEW": f"table of {level}s for {a:x} new",
        "TABLE_EMPTIED": f"table of {level}s for {a:x} emptied",
        "TABLE_GONE": f"table of {level}s for {a:x} gone, queued",
        "SET": f"set {level} {a:x}" + (f", {d} of them: {c:x} -> {b:x}, stride {signed(e)}" if d > 1 else f": {c:x} -> {b:x}"),
        "VMA_INSERT": f"vma insert {a:x}-{b:x} flags {c:x}",
        "VMA_REMOVE": f"vma remove {a:x}-{b:x}",
        "VMA_RESIZE": f"vma resize {a:x}-{b:x} to {c:x}-{d:x}",
        "VMA_FLAGS": f"vma flags of {a:x}-{b:x}: {d:x} -> {c:x}",
        "VMA_SPLIT": f"vma split {a:x}-{b:x} at {c:x}",
        "VMA_MERGE": f"vma merge {a:x}-{b:x}-{c:x}",
        "FAULT": f"fault {a:x} {['read', 'write', 'exec'][min(b, 2)]}: {words}",
        "FLUSH": f"flush {a:x}-{b:x}{', all' if c else ''}",
        "SYSCALL_IN": f"{words}({', '.join(f'{x:x}' for x in (a, b, c, d, e, f)[:int(event['level'])])})",
        "SYSCALL_OUT": f"{words} returns {a:x}" + (f": {reason(b)}" if b else "") if what == "SYSCALL_OUT" else "",
        "REFUSED": f"refused {signed(a)}: {words}",
    }.get(what, what)


def is_of_move(event):
    return str(event["what"]) in ("EVENT_CALL", "EVENT_RETURN", "EVENT_STEP") or \
        re.search("MOVE|WARN|WIDEN|NOT_", str(event["what"])) and not str(event["what"]).startswith("EVENT_VMA")


class Moves(machine.Command):
    """moves [all]: the trace's latest events of moves as a table.
With `all`: of every kind that was recorded. make debug and make gdb record
with trace_ring=all; the words are those of trace=."""
    name = "moves"

    def run(self, words):
        if words not in ([], ["all"]):
            raise gdb.GdbError("moves, or moves all")
        machine.need_root()
        shown = [(n, event) for n, event in events() if words or is_of_move(event)]
        if not shown:
            recorded = int(machine.kernel("port_trace_mask"))
            print("no moves so far" if recorded else "nothing is recorded: boot with trace_ring=all")
            return
        print(f"{'event':>7}  {'level':<5}  {'old':>12}  {'new':>12}  {'span':>10}  entry")
        for n, event in shown:
            if str(event["what"]) != "EVENT_STEP":
                print(f"{n:>7}  {text_of(event)}")
                continue
            level = int(event["level"])
            print(f"{n:>7}  {LEVELS[level]:<5}  {int(event['a']):>12x}  {int(event['b']):>12x}  {span(level):>10x}  "
                  f"{int(event['c']):x}" + (f" over {int(event['d']):x}" if int(event["d"]) else ""))


def source_line(pattern):
    """The number of the one line of move_each() with @pattern."""
    with open(os.path.join(machine.ROOT, SOURCE), encoding="utf-8") as file:
        lines = file.read().split("\n")
    start = next(n for n, text in enumerate(lines) if " move_each(" in text)
    return next(n for n in range(start, len(lines)) if pattern in lines[n]) + 1


class Move:
    """The entry that move_each() is about to move, or has just moved."""

    def __init__(self):
        frame = gdb.newest_frame()
        step, k = frame.read_var("s"), int(frame.read_var("k"))
        self.level = int(step["level"])
        self.old = int(step["old"]) + k * span(self.level)
        self.new = int(step["new"]) + k * span(self.level)
        self.slots = [int(step["from"] + k), int(frame.read_var("to") + k)]

    def entries(self):
        read = gdb.selected_inferior().read_memory
        return [int.from_bytes(bytes(read(slot, 8)), "little") for slot in self.slots]


class Before(gdb.Breakpoint):
    """Where an entry is about to be moved: remembers both slots, and goes on."""

    def __init__(self, level):
        super().__init__(f"{SOURCE}:{source_line('if (watched)')}", internal=True)
        self.level = level
        self.seen = None

    def stop(self):
        move = Move()
        if self.level in (None, move.level):
            self.seen = move.slots, move.entries()
        return False


class After(gdb.Breakpoint):
    """Where it has been moved: stops, and shows both slots before and after."""

    def __init__(self, before):
        super().__init__(f"{SOURCE}:{source_line('left--')}", internal=True)
        self.before = before

    def stop(self):
        move = Move()
        if self.before.level not in (None, move.level):
            return False
        if not self.before.seen or self.before.seen[0] != move.slots:
            return False
        self.show(move)
        return True

    def show(self, move):
        before, after = self.before.seen[1], move.entries()
        slots = [slot - machine.DIRECT_BASE for slot in move.slots]
        heads = [f"{side} {address:012x}" for side, address in (("old", move.old), ("new", move.new))]
        places = [f"slot {slot % machine.PAGE // 8} of the table at {slot & -machine.PAGE:x}" for slot in slots]
        print(f"step {LEVELS[move.level]} {move.old:x} -> {move.new:x} span {span(move.level):x} entry {before[0]:x}")
        for label, pair in (("", heads), ("", places), ("before", [self.entry(raw, move) for raw in before]),
                            ("after", [self.entry(raw, move) for raw in after])):
            print(f"  {label:<8}{pair[0]:<46}{pair[1]}".rstrip())

    @staticmethod
    def entry(raw, move):
        return machine.describe(raw, move.level)


class BreakMove(machine.Command):
    """break-move [LEVEL]: stop whenever an entry was moved, and show both slots before and after.
LEVEL: PTE, PMD, PUD or PGD; without it, entries of any. break-move off: no longer."""
    name = "break-move"
    kind = gdb.COMMAND_BREAKPOINTS
    set_now = ()

    def run(self, words):
        word = words[0].upper() if words else ""
        if len(words) > 1 or word not in ["", "OFF"] + LEVELS:
            raise gdb.GdbError("break-move, with PTE, PMD, PUD, PGD, or off")
        for breakpoint in self.set_now:
            breakpoint.delete()
        self.set_now = ()
        if word == "OFF":
            print("moves are not stopped at")
            return
        before = Before(LEVELS.index(word) if word else None)
        self.set_now = (before, After(before))
        if not self.set_now[1].is_valid() or self.set_now[1].pending:
            raise gdb.GdbError("move_each() has no lines in this kernel: BUILD=debug")
        print(f"stops at each {word or 'entry'} moved")
        if machine.current_cpu() is not None and not int(machine.kernel("port_trace_mask")) & 1:
            print("but long runs are moved at one go while nobody traces: set var port_trace_mask = 1")


for command in (Moves, BreakMove):
    command()
