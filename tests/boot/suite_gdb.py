"""GDB's commands for Realign (tools/gdb/), each run by GDB in batch on the debug kernel."""
import concurrent.futures
import os
import re
import subprocess
import sys
import time

import qemu
from harness import Case, Outcome
from suite_build import make

TOOLS = os.path.dirname(os.path.abspath(qemu.__file__))
COMMANDS = ["vmas", "pt walk", "pt dump", "pt diff", "moves", "break-move", "syscalls", "frames", "user", "pp"]
LIMIT = 120     # seconds

# To where user/demo.c begins its one mremap, and to where it is back from it, in user mode.
TO_CALL = ["break mm_mremap", "continue"]
TO_PROGRAM = ["user demo", "hbreak count_right", "continue"]

OLD, NEW = "100000{}00000", "1000c1{}00000"
STEPS = [f"step PMD {OLD.format(n)} -> {NEW.format(n)} span 200000 entry " for n in (0, 2, 4)]


def debug_kernel(env):
    return os.path.join(os.path.dirname(os.path.dirname(env.kernel)), "debug/kernel.elf")


def session(env, commands, append="init=/bin/demo", **options):
    """(what GDB said, what the machine said) with each command given to GDB in turn."""
    serial = os.path.join(env.directory, f"gdb-{time.monotonic_ns()}.txt")
    words = [f"--{name}={value}" for name, value in options.items()]
    arguments = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run([sys.executable, f"{TOOLS}/gdb/session.py", "--kernel", debug_kernel(env), "--initrd",
                           env.initramfs, "--append", append, "--serial", serial, *words, "--", "-nx", "-batch",
                           *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False)
    if not os.path.exists(serial):
        return done.stdout, ""
    with open(serial, encoding="utf-8", errors="replace") as file:
        return done.stdout, file.read()


def judge(text, patterns, absent=("Python Exception", "Error while", "Traceback")):
    """The regular expressions are found in this order, and none of @absent."""
    problems, at = [f"said: {word}" for word in absent if word in text], 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(text, at)
        if not found:
            problems.append(f"not said after position {at}: {pattern}")
            break
        at = found.end()
    return Outcome(0, 1, problems + text.rstrip().split("\n")[-40:]) if problems else Outcome(1, 0)


def case(name, commands, patterns, append="init=/bin/demo"):
    return Case(name, lambda env: judge(session(env, commands, append)[0], patterns))


def helps(env):
    """Each command has a line in `realign` and a help that begins with its name."""
    said = session(env, ["realign"] + [f"help {name}" for name in COMMANDS])[0]
    return judge(said, [rf"^{name}( \[.*\])?: .*\.$" for name in COMMANDS + COMMANDS])


def same_words(env):
    """`moves all` tells what the kernel's log tells, in the same words."""
    said, log = session(env, TO_CALL + ["finish", "moves all"], "init=/bin/demo trace=all")
    logged = re.findall(r"trace: (.*)", log.replace("\r", ""))
    moves = []
    for line in said.split("\n"):
        step = re.match(r" +\d+  (P[A-Z]{2}) +(\w+) +(\w+) +(\w+)  (\w+)$", line)
        words = re.match(r" +\d+  (\w.*)", line)
        if step:
            moves.append("step {} {} -> {} span {} entry {}".format(*step.groups()))
        elif words:
            moves.append(words.group(1))
    ends = [end for end in range(len(moves), len(logged) + 1) if logged[end - len(moves):end] == moves]
    if len(moves) < 100 or not ends:
        differ = [line for line in moves if line not in logged]
        return Outcome(0, 1, [f"{len(moves)} in the ring, {len(logged)} logged; not logged:"] + differ[:10])
    return Outcome(1, 0)


def same_as_panic(env):
    """`vmas` and `pt dump` say what a panic says."""
    said, log = session(env, ["break power_off_panicked", "continue", "vmas", "pt dump"], "init=/bin/crash -- kernel")
    log = log.replace("\r", "").partition("PANIC")[2]
    panic = re.findall(r"^\[[ 0-9.]+\] (vma .*| *P[A-Z]{2} .*\d)$", log, re.M)
    gdb = re.findall(r"^(vma .*| *P[A-Z]{2} .*\d)$", said, re.M)
    if len(panic) < 20 or panic != gdb:
        return Outcome(0, 1, ["the panic:"] + panic + ["GDB:"] + said.split("\n"))
    return Outcome(1, 0)


def attached(env):
    """To a machine that waits, as make debug's does; it goes on when GDB has gone."""
    path = os.path.join(env.directory, "waiting.socket")
    waiting = qemu.Boot(kernel=debug_kernel(env), initrd=env.initramfs, append="norandmaps init=/bin/demo",
                        extra=["-S", "-chardev", f"socket,path={path},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        machine = pool.submit(qemu.run, waiting)
        while not os.path.exists(path) and not machine.done():
            time.sleep(0.05)
        said = session(env, ["break process_start_init", "continue", "frames"], socket=path)[0]
        result = machine.result()
    if result.failure or result.status:
        return Outcome(0, 1, [result.failure or f"status {result.status}", said])
    return judge(said + result.output, [r"^\d+ frames, \d+ free", "Nothing was lost"])


def side_by_side(env):
    """Two of make gdb, each with a machine of its own."""
    kernel = debug_kernel(env)
    arguments = ["gdb", f"B={os.path.dirname(kernel)}", "-o", kernel, f"INITRAMFS={env.initramfs}", "-o", env.initramfs,
                 "GDB_SOCKET=/nonexistent", "APPEND=init=/bin/demo",
                 "GDB_ARGS=-nx -batch -ex 'break process_start_init' -ex continue -ex frames -ex 'pt walk'"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: make(*arguments), range(2)))
    if any(status for status, _ in both):
        return Outcome(0, 1, [text for _, text in both])
    # What the machine says may stand before it in the same line.
    return judge("".join(text for _, text in both), [r"\d+ frames, \d+ free", r"physical \w+, a page"] * 2)


MOVE_SHOWN = [STEPS[0] + "[0-9a-f]+$", r"^ +old 100000000000 +new 1000c1000000$", r"^ +slot 0 of .*slot 8 of ",
              r"^  before  table \w+ rwx.* empty$", r"^  after   empty +table \w+ rwx"]


def cases():
    return [
        Case("help for each command", helps),
        case("each command before the kernel runs",
             COMMANDS + ["pt"],
             ["paging is off", "paging is off", "paging is off", "paging is off", "stops at each entry moved",
              "traced: all system calls", "does not know its memory yet", "there are: .*demo", "no process runs yet",
              "paging is off"]),
        case("nonsense is refused in words", TO_CALL + [
            "vmas 1 2", "vmas x", "vmas 77", "pt frobnicate", "pt walk nosuch", "pt walk 1 2", "pt walk 123456789abcdef0",
            "pt walk 10000000000000000", "pt dump 5", "pt dump 200 100", "pt diff x", "moves x", "break-move x", "syscalls x",
            "frames nosuch", "frames -p", "user x", "pp nosuch", "recording", "who-moved", "pt walk -1"],
             ["^vmas, or vmas PID$"] * 2 + ["^no process 77$"] + [r"^pt walk \[ADDR\], pt dump \[LO HI\], pt diff$"] +
             ['^pt walk: No symbol "nosuch"', "^pt walk: A syntax error", "^123456789abcdef0 is no address: bits 48 to 63",
              "^10000000000000000: an address has 64 bits$", "^pt dump, or pt dump LO HI$",
              "^pt dump LO HI: 200 is not below 100$", "^pt diff has no argument", "^moves, or moves all$",
              "^break-move, with PTE", "^Realign has no call x$", '^frames: No symbol "nosuch"', "^an address is missing$",
              "^no program x; there are: ", '^pp: No symbol "nosuch"', "^this machine is not a recording",
              "^this machine is not a recording", "^ffffffffffffffff from the root"]),
        case("the tables of boot",
             ["break kernel_main", "continue", "pt walk", "pt dump 0 200000"],
             [r"^ffffffff8\w+ from the root at \w+$", r"^PGD 511 at \w+: \w{16} table", r"^physical \w+, a page of \d+ KiB$",
              r"^PGD   0 000000000000 table of \d+$"]),
        case("vmas", TO_CALL + ["vmas", "vmas 1", "vmas 99"],
             [r"^process 1 demo, mm: 7 VMAs, 1364 pages, ", r"^vma 000000401000-\w+ r-xp pages \d+ .*/bin/demo$",
              r"^vma 100000100000-100000600000 rw-p pages 1280 ", r"^vma .* grows pages 33 .*\[stack\]$",
              "^process 1 demo", "no process 99"]),
        case("pt walk, in user mode", TO_PROGRAM + ["pt walk", "pt walk 0x1000c1100000", "pt walk 100000100000", "print $cs & 3"],
             [r"^PGD   0 at ", r"^    PMD   2 at ", r"^      PTE   \d at \w+: \w{16} leaf \w+ r-x user", "^physical ",
              r"^    PMD   8 at \w+: \w{16} table", r"^      PTE 256 at ", "^physical", r"^PGD  32 at ", "^not mapped$",
              r"^\$1 = 3$"]),
        case("pt dump", TO_PROGRAM + ["pt dump 1000c1000000 1000c1200000", "pt dump 1000c0000000 1000d0000000", "pt dump"],
             [r"^  PUD   3 1000c0000000 table of 3$", r"^PGD  32 100000000000 table of 1$",
              r"^  PUD   3 1000c0000000 table of 3$",
              r"^    PMD   8 1000c1000000 table of 256$", r"^      PTE 256 1000c1100000-1000c1200000 rw- 256$",
              r"^    PMD   9 1000c1200000 table of 512$", r"^PGD   0 ",
              r"^      PTE   0 000000400000-000000401000 r-- 1$",
              r"^      PTE   1 000000401000-000000\w+ r-x \d+$", r"^PGD 255 "]),
        case("pt diff", TO_CALL + ["pt diff", "finish", "pt diff"],
             ["^the tables at .* are seen for the first time", "^gone PUD 100000000000-100040000000, 1 entry: table$",
              "^new PUD 1000c0000000-100100000000, 1 entry: table$", r"^\d+ entries as before$"]),
        case("pt diff of one step", TO_CALL + ["break-move", "continue", "continue", "pt diff"],
             [r"^moved PMD 100000200000-100000400000 -> 1000c1200000-1000c1400000, 1 entry\n\d+ entries as before$"]),
        case("moves", TO_CALL + ["finish", "moves"],
             [r"^ +\d+  mremap old 100000100000\+500000 new_len 500000 flags 3 new 1000c1100000$",
              r"^ +\d+  widen down to PMD: old 100000100000 -> 100000000000, new 1000c1100000 -> 1000c1000000; "
              r"old floor \w+, new floor \w+$",
              r"^ +\d+  PMD +100000000000 +1000c1000000 +200000  \w+$", r"^ +\d+  PMD +100000200000 ",
              r"^ +\d+  PMD +100000400000 ", r"^ +\d+  moved 0 PTE, 3 PMD, 0 PUD, 0 PGD$"]),
        Case("moves in the words of the log", same_words),
        case("the warning of March 2023 among the moves", ["break port_warn", "continue", "moves"],
             [r"^ +\d+  PTE .*\n +\d+  warning: PMD \w+ -> \w+ span 200000 entry \w+ over \w+: destination not none, a table "
              r"without pages; goes by PTEs$"], "init=/bin/demo_warn realign=off stack_shift=0x200000"),
        case("break-move", ["break-move"] + ["continue"] * 2 + ["break-move pte", "break-move banana", "break-move off",
                                                                  "continue"],
             MOVE_SHOWN + [STEPS[1], "stops at each PTE moved", "break-move, with PTE, PMD, PUD, PGD, or off",
                           "moves are not stopped at", "Remote connection closed"]),
        case("break-move PTE stops at no PMD", ["break-move PTE", "continue"],
             [r"stops at each PTE moved\nRemote connection closed"]),
        case("break-move PTE, where pages move one by one", ["break-move PTE"] + ["continue"] * 2,
             [r"^step PTE 100000100000 -> 1000c1100000 span 1000 entry \w+$", r"^  before  leaf \w+ rw- .* empty$",
              r"^  after   empty +leaf \w+ rw-", "^step PTE 100000101000 -> 1000c1101000 "],
             "init=/bin/demo realign=off trace=mremap"),
        case("syscalls", ["syscalls", "continue"],
             [r"^1/1 mmap\(addr 100000100000, .*\) = 100000100000$",
              r"^1/1 mremap\(old 100000100000, .* new 1000c1100000\) = 1000c1100000$", r"^1/1 exit_group\(status 0\)$"]),
        case("syscalls by name", ["syscalls fchdir", "syscalls nosuch", "continue"],
             ["^traced: fchdir$", "Realign has no call nosuch", "^Remote connection closed"]),
        case("frames", TO_PROGRAM + ["frames", "frames 1000c1100000", "frames 100000100000", "frames -p 0xfffff000000"],
             [r"^65\d+ frames, \d+ free, \d+ in use$", r"^frame \w+: refs 1, ", "^process 1: PTE 1000c1100000 rw-$",
              "100000100000 is not mapped", "there is no memory"]),
        case("user", TO_CALL + ["user", "user nosuch", "hbreak count_right", "continue", "info source"],
             [r"^symbols of build/\w+/user/demo$", "no program nosuch; there are: .*demo", r"at user/demo\.c:\d+",
              "Current source file is user/demo.c"]),
        case("pp", TO_CALL + ["pp", "pp mm->first", "pp *mm->pt.root", "print *mm->first"],
             [r"^mm: 7 VMAs, 1364 pages, .* tables, root \w+ = {$", r"^  \[5\] = vma 100000100000-100000600000 rw-p",
              r"^vma 000000400000-", r"^\w+ rwx user accessed$", r"^\$1 = vma 000000400000-"]),
        Case("vmas and pt dump in the words of a panic", same_as_panic),
        Case("a machine that waits", attached),
        Case("two of make gdb at once", side_by_side),
    ]
