"""pt walk, pt dump, pt diff: the page tables in use, read as physical memory."""
import gdb

import machine
from machine import ADDRESS, LEVELS, TOP, index, is_leaf, rights, span


def canonical(address):
    return address | 0xffff << 48 if address >> 47 & 1 else address


def walk(root, address):
    """(level, index, slot's physical address, entry) from the root to where the walk ends."""
    steps, frame = [], root
    with machine.physical():
        for level in range(TOP, -1, -1):
            i = index(address, level)
            raw = machine.read_table(frame)[i]
            steps.append((level, i, frame + 8 * i, raw))
            if not raw or is_leaf(raw, level) or not raw & machine.PRESENT:
                break
            frame = raw & ADDRESS
    return steps


def translate(root, address):
    """The physical address, or None."""
    level, _, _, raw = walk(root, address)[-1]
    if not is_leaf(raw, level):
        return None
    return (raw & ADDRESS & -span(level)) + address % span(level)


def entries(root, low=0, high=machine.USER_END, live=None):
    """{slot's physical address: (level, address, entry)} of what is not empty in [low, high), in order.
live[frame] becomes the number of entries in each table that are not empty, in the range or not."""
    found = {}

    def take(frame, level, base):
        table = machine.read_table(frame)
        if live is not None:
            live[frame] = machine.ENTRIES - table.count(0)
        for i, raw in enumerate(table):
            address = canonical(base + i * span(level))
            if not raw or address >= high or address + span(level) <= low:
                continue
            found[frame + 8 * i] = (level, address, raw)
            if not is_leaf(raw, level) and raw & machine.PRESENT:
                take(raw & ADDRESS, level - 1, address)

    with machine.physical():
        take(root, TOP, 0)
    return found


class Pt(machine.Command):
    """The page tables in use: pt walk, pt dump, pt diff. Alone: pt dump."""
    name = "pt"
    prefix = True

    def run(self, words):
        if words:
            raise gdb.GdbError("pt walk [ADDR], pt dump [LO HI], pt diff")
        Dump.run(self, [])


class Walk(machine.Command):
    """pt walk [ADDR]: the entry of each level on the way to ADDR.
Without it: to $rip. ADDR is an expression, or hexadecimal digits as pt dump shows them."""
    name = "pt walk"

    def run(self, words):
        root = machine.need_root()
        address = machine.number(" ".join(words)) if words else machine.register("rip")
        if address + machine.USER_END & (1 << 64) - 1 >= 2 * machine.USER_END:
            raise gdb.GdbError(f"{address:x} is no address: bits 48 to 63 are not as bit 47")
        print(f"{address:012x} from the root at {root:x}")
        steps = walk(root, address)
        for level, i, slot, raw in steps:
            print(f"{'  ' * (TOP - level)}{LEVELS[level]} {i:3} at {slot:x}: {raw:016x} {machine.describe(raw, level)}")
        level, _, _, raw = steps[-1]
        if is_leaf(raw, level):
            print(f"physical {(raw & ADDRESS & -span(level)) + address % span(level):x}, a page of {span(level) >> 10} KiB")
        else:
            print("not mapped")


def dump_lines(found, live):
    """The text of mm_dump(), from what entries() found. Runs of leaves with the same rights are one line."""
    lines, run = [], None

    def end_run():
        if run:
            level, address, raw, count = run
            lines.append(f"{'  ' * (TOP - level)}{LEVELS[level]} {index(address, level):3} {address:012x}-"
                         f"{address + count * span(level):012x} {rights(raw)} {count}")

    for slot, (level, address, raw) in found.items():
        if is_leaf(raw, level):
            follows = run and run[0] == level and run[1] + run[3] * span(level) == address \
                and rights(run[2]) == rights(raw) and index(address, level)
            if follows:
                run[3] += 1
                continue
            end_run()
            run = [level, address, raw, 1]
            continue
        end_run()
        run = None
        lines.append(f"{'  ' * (TOP - level)}{LEVELS[level]} {index(address, level):3} {address:012x} table of "
                     f"{live.get(raw & ADDRESS, 0)}")
    end_run()
    return lines


class Dump(machine.Command):
    """pt dump [LO HI]: the tables as text, in the words of the kernel's mm_dump().
Runs of leaves with the same rights are one line. All of the user's half, or what translates
[LO, HI), which may lie in the kernel's half."""
    name = "pt dump"

    def run(self, words):
        if len(words) not in (0, 2):
            raise gdb.GdbError("pt dump, or pt dump LO HI")
        root = machine.need_root()
        low, high = map(machine.number, words) if words else (0, machine.USER_END)
        if low >= high:
            raise gdb.GdbError(f"pt dump LO HI: {low:x} is not below {high:x}")
        live = {}
        lines = dump_lines(entries(root, low, high, live), live)
        print("\n".join(lines) if lines else "nothing is mapped")


class Snapshots:
    """What the tables of each root held at the last two stops. Taken at each stop while on."""

    def __init__(self):
        self.last = {}      # root: (before, now)
        self.paused = False
        gdb.events.stop.connect(self.stopped)

    def stopped(self, _event):
        try:
            if not self.paused:
                self.take()
        except (gdb.error, gdb.GdbError):       # paging is off, or the connection is being closed
            pass

    def take(self):
        root = machine.root()
        if root is not None:
            self.last[root] = (self.last.get(root, (None, None))[1], entries(root))


snapshots = Snapshots()


def moved_pairs(gone, new):
    """Pairs (gone slot, new slot) of entries that went elsewhere as they were, matched in order of address."""
    places = {}
    for slot, (level, _, raw) in new.items():
        places.setdefault((level, raw), []).append(slot)
    pairs = []
    for slot, (level, _, raw) in gone.items():
        if places.get((level, raw)):
            pairs.append((slot, places[level, raw].pop(0)))
    return pairs


def fold(changes):
    """Neighbouring changes of the same kind as one: (text, level, old, new, count)."""
    folded = []
    for text, level, old, new in changes:
        if folded:
            last_text, last_level, first_old, first_new, count = folded[-1]
            step = count * span(level)
            if (last_text, last_level) == (text, level) and old == first_old + step and \
                    (new is None or new == first_new + step):
                folded[-1] = (text, level, first_old, first_new, count + 1)
                continue
        folded.append((text, level, old, new, 1))
    return folded


def diff_lines(before, now):
    """What became of @before: entries moved, gone, new, changed."""
    same = [slot for slot in before if slot in now and before[slot][::2] == now[slot][::2]]
    gone = {slot: entry for slot, entry in before.items() if slot not in now or now[slot][2] != entry[2]}
    new = {slot: entry for slot, entry in now.items() if slot not in before or before[slot][2] != entry[2]}
    changes = []
    for old_slot, new_slot in moved_pairs(gone, new):
        level, old, _ = gone.pop(old_slot)
        changes.append(("moved", level, old, new.pop(new_slot)[1]))
    for slot in [slot for slot in gone if slot in new]:
        level, address, raw = gone.pop(slot)
        after = new.pop(slot)[2]
        changes.append((f"changed {change(raw, after)}", level, address, None))
    changes += [(f"gone {kind(level, raw)}", level, address, None) for level, address, raw in gone.values()]
    changes += [(f"new {kind(level, raw)}", level, address, None) for level, address, raw in new.values()]
    return [line(*folded) for folded in fold(sorted(changes, key=lambda c: (c[0], c[1], c[2])))], len(same)


def kind(level, raw):
    return f"leaf {rights(raw)}" if is_leaf(raw, level) else "table"


def change(raw, after):
    """What differs in an entry that stays where it is, in words."""
    if rights(raw) != rights(after):
        text = f"{rights(raw)} -> {rights(after)}"
    else:
        text = "flags"
    return text + (", another frame" if (raw ^ after) & ADDRESS else "")


def line(text, level, old, new, count):
    verb, _, what = text.partition(" ")
    where = f"{old:012x}-{old + count * span(level):012x}"
    if new is not None:
        where += f" -> {new:012x}-{new + count * span(level):012x}"
    entries_text = "1 entry" if count == 1 else f"{count} entries"
    return f"{verb} {LEVELS[level]} {where}, {entries_text}" + (f": {what}" if what else "")


class Diff(machine.Command):
    """pt diff: what became of the page tables since the machine stopped last.
Of the address space that runs. Entries are compared slot by slot: what lies below a moved entry moved with it, and
is not listed."""
    name = "pt diff"

    def run(self, words):
        if words:
            raise gdb.GdbError("pt diff has no argument: it compares with the stop before this one")
        root = machine.need_root()
        before, now = snapshots.last.get(root, (None, None))
        if before is None:
            print(f"the tables at {root:x} are seen for the first time: {len(now or entries(root))} entries; "
                  "stop once more, then ask again")
            return
        lines, same = diff_lines(before, now)
        print("\n".join(lines + [f"{same} entries as before"]))


for command in (Pt, Walk, Dump, Diff):
    command()
