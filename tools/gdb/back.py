"""recording, who-moved: on a recording (make replay), where the machine can be run backwards."""
import contextlib
import os
import re

import gdb

import machine
import steps
import tables
from machine import LEVELS

ENDS = ("power_off", "power_off_panicked")      # kernel/power.c: nothing is recorded behind them
FRAMES_MAX = 24
USELESS_MAX = 1000      # writes that change nothing, one after the other

# What the functions on the way to a page-table entry do, in words; the rest of a backtrace goes without.
WORDS = {
    "move_each": "moves entries, one after the other, from their old table to the new one",
    "move_run": "copies a long run of entries to its new place",
    "do_step": "moves the entries of one step, and counts those of both tables anew",
    "pt_move_commit": "does the steps that were planned: each moves a run of entries, at the highest level that fits",
    "mm_mremap": "the system call's way into mm/",
    "mm_munmap": "munmap's way into mm/",
    "mm_mmap": "mmap's way into mm/",
    "mm_mprotect": "mprotect's way into mm/",
    "mm_madvise": "madvise's way into mm/",
    "mm_fork": "copies an address space for a child",
    "mm_fault": "makes possible what a program tried to do at an address, if its areas allow it",
    "stack_shift": "shifts the stack of a new program to its place",
    "pt_write": "writes one entry, and counts how many its table has",
    "pt_entry_make": "finds an entry, and links the tables that are missing on the way",
    "tlb_prune": "unlinks tables that have no entries left",
    "tlb_drop_table": "unlinks a table that has no entries left",
    "trap_dispatch": "the processor came here by an exception or an interrupt",
    "syscall_dispatch": "the program came here by a system call",
}


def monitor(command):
    return gdb.execute(f"monitor {command}", to_string=True)


def now():
    """The number of the instruction at which the recording stands."""
    machine.need_machine()
    found = re.search(r"instruction count = (\d+)", monitor("info replay"))
    if not found or not monitor("info replay").startswith("Replaying"):
        raise gdb.GdbError("this machine is not a recording, so it cannot go back: make replay makes one")
    return int(found.group(1))


class End(gdb.Breakpoint):
    """Where the machine is about to switch off, with which QEMU would end."""

    def __init__(self, function):
        super().__init__(function, internal=True)
        self.silent = True

    def stop(self):
        print("the recording ends here; reverse-continue and reverse-step go back")
        return True


class Last:
    """Where a recording ends that was stopped: QEMU forgets to stop there whenever it has gone back."""

    def __init__(self):
        self.instruction = 0

    def stop_there(self, _event=None):
        if self.instruction:
            monitor(f"replay_break {self.instruction}")


last = Last()


def opened(instruction):
    """make replay begins with it. @instruction: where the recording ends, or 0 where the machine switches off."""
    now()
    last.instruction = instruction
    for function in ENDS:
        End(function)
    last.stop_there()
    gdb.events.stop.connect(last.stop_there)
    print("a recording, from the machine's first instruction: continue, reverse-continue, reverse-step, who-moved")


def quietly(command):
    """Run the machine by a command of GDB's, which has no way to keep it from saying where the machine stops."""
    gdb.flush()
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        gdb.execute(command)
    finally:
        gdb.flush()
        os.dup2(shown, 1)
        os.close(shown)
        os.close(nowhere)


@contextlib.contextmanager
def alone():
    """Only the end and breakpoints made inside stop the machine, and pt diff does not take these stops for the user's."""
    others = [breakpoint for breakpoint in gdb.breakpoints() if breakpoint.enabled and not isinstance(breakpoint, End)]
    for breakpoint in others:
        breakpoint.enabled = False
    tables.snapshots.paused = True
    try:
        yield
    finally:
        tables.snapshots.paused = False
        for breakpoint in others:
            breakpoint.enabled = True


@contextlib.contextmanager
def watched(slots):
    """The machine stops behind each write to the slots at these physical addresses."""
    made = [gdb.Breakpoint(f"*(unsigned long *){machine.DIRECT_BASE + slot}", gdb.BP_WATCHPOINT, gdb.WP_WRITE, True)
            for slot in slots]
    try:
        yield
    finally:
        for breakpoint in made:
            breakpoint.delete()


def go_to(instruction):
    """Stand at @instruction, from wherever."""
    if instruction < now():
        quietly("reverse-continue")
    if instruction > now():
        monitor(f"replay_break {instruction}")
        quietly("continue")


def values(slots):
    with machine.physical():
        read = gdb.selected_inferior().read_memory
        return {slot: int.from_bytes(bytes(read(slot, 8)), "little") for slot in slots}


class Write:
    """The write that gave a slot its value: @slot, @before and @after, by instruction @at."""

    def __init__(self, slot, before, after, at):
        self.slot, self.before, self.after, self.at = slot, before, after, at


def go_back(slots):
    """Backwards to the last write that changed one of @slots, and stand before it. None: the recording has none."""
    after = values(slots)
    with watched(slots):
        for _ in range(USELESS_MAX):
            if now() == 0:
                return None
            quietly("reverse-stepi")    # reverse-continue does not see what the instruction just before has written
            here, before = now(), values(slots)
            for slot in slots:
                if before[slot] != after[slot]:
                    return Write(slot, before[slot], after[slot], here)
            quietly("reverse-continue")
            if now() == here:
                return None
    raise gdb.GdbError("too many writes that change nothing")


class Recording(machine.Command):
    """recording [N]: at which instruction of the recording the machine stands.
With N: go there, forwards or backwards. The same number is the same place, however it was come to."""
    name = "recording"
    kind = gdb.COMMAND_RUNNING

    def run(self, words):
        now()
        if len(words) > 1 or words and not words[0].isdecimal():
            raise gdb.GdbError("recording, or recording N, the number of an instruction")
        if words:
            with alone():
                go_to(int(words[0]))
            gdb.execute("frame")
            if now() < int(words[0]):
                print("the recording ends before that instruction")
        print(f"instruction {now()}" + (f" of {last.instruction}" if last.instruction else ""))


class Path:
    """The slots that are looked at to translate @address, from the root to the first that links no table."""

    def __init__(self, address):
        self.address = address
        self.slots = {slot: (level, i) for level, i, slot, _ in tables.walk(machine.need_root(), address)}
        self.deepest = list(self.slots)[-1]

    def level(self, slot):
        return self.slots[slot][0]

    def name(self, slot):
        level, i = self.slots[slot]
        return f"{LEVELS[level]} {i} of the table at {slot & -machine.PAGE:x}"

    def change(self, write):
        level = self.level(write.slot)
        return f"{machine.describe(write.before, level)} -> {machine.describe(write.after, level)}"


def latest_events():
    """What the trace says last of the call of mremap that is open, if one is, and of its steps."""
    found = {}
    for _, event in steps.events():
        what = str(event["what"])
        if what == "EVENT_RETURN":
            found.clear()
        elif what in ("EVENT_CALL", "EVENT_STEP"):
            found[what] = event
    return [steps.text_of(event) for event in found.values()]


def frames():
    """(frame, its function, its file, its line) of those of the kernel's that are open, the innermost first."""
    frame, found = gdb.newest_frame(), []
    while frame is not None and frame.name() and len(found) < FRAMES_MAX:
        place = frame.find_sal()
        file = os.path.normpath(place.symtab.filename) if place.symtab else ""
        found.append((frame, frame.name().partition("[")[0], file, place.line))
        if file.endswith(".asm"):       # behind it, the stack has what the program's registers held
            break
        frame = frame.older()
    return found


def backtrace():
    for number, (_, name, file, line) in enumerate(frames()):
        print(f"  #{number:<2} {name + '()':<19} {f'{file}:{line}':<23} {WORDS.get(name, '')}".rstrip())


def who():
    """What the program that runs did to come into the kernel, in words."""
    process = machine.process()
    if process is None:
        return "by the kernel itself, before there were processes"
    words = f"for process {int(process['pid'])} {process['name'].string()}"
    for frame, name, _, _ in frames():
        if name == "trap_dispatch":
            words += f", which touched {machine.register('cr2'):x}"
        if name in ("trap_dispatch", "syscall_dispatch"):
            rip = int(frame.read_var("frame")["rip"])
            place = gdb.find_pc_line(rip)
            words += f" at {rip:x}" + (f", {place.symtab.filename}:{place.line}" if place.symtab else "")
    return words


def show(path, write):
    print(f"{path.name(write.slot)}: {path.change(write)}")
    print(f"written by instruction {write.at}, {who()}")
    for text in latest_events():
        print(f"  trace: {text}")
    backtrace()


class WhoMoved(machine.Command):
    """who-moved [ADDR]: back to the write that gave ADDR its page-table entry, and how the kernel came to it.
Runs backwards to the last write that changed what ADDR is translated by, at any level, and stands before it. Where
that was an entry higher up, whose table moved as a whole or was new, it also tells when the lowest entry was written.
Without ADDR: for $rip. On a recording only: make replay."""
    name = "who-moved"
    kind = gdb.COMMAND_RUNNING

    def run(self, words):
        now()
        address = machine.number(" ".join(words)) if words else machine.register("rip")
        path = Path(address)
        with alone():
            write = go_back(list(path.slots))
            if write is None:
                print(f"the recording has no write on the way to {address:x}: the tables of boot have it")
                return
            print(f"{address:x} is translated as it is since this write:")
            show(path, write)
            if write.slot != path.deepest:
                self.show_deepest(path, write)
            print(f"the machine stands before the write, at instruction {now()}; stepi does it")
            gdb.execute("frame")

    @staticmethod
    def show_deepest(path, write):
        print(f"{path.name(path.deepest)} was not touched by that: it lies below, and came along with its table.")
        earlier = go_back([path.deepest])
        if earlier is None:
            print("the recording has no write to it")
        else:
            print("its own value is older:")
            show(path, earlier)
        go_to(write.at)


for command in (Recording, WhoMoved):
    command()
