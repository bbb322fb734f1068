"""Recordings in GDB (make replay, tools/gdb/back.py): there and back again, and who moved an entry."""
import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile

from harness import Case, Outcome
from suite_gdb import LIMIT, NEW, OLD, STEPS, TOOLS, debug_kernel, judge
from suite_gdb import session as gdb_session

sys.path.insert(0, f"{TOOLS}/gdb")
import walkthrough as doc  # noqa: E402

TO_PROGRAM = ["user demo", "hbreak count_right", "continue"]
FROM, TO = OLD.format(1), NEW.format(1)     # the first page of user/demo.c, before and after

# The way into the move engine and out of the fault handler, as far as the names are the subject's own.
MOVED = ["^1000c1100000 is translated as it is since this write:$",
         r"^PMD 8 of the table at \w+: empty -> table \w+ rwx user accessed$",
         r"^written by instruction \d+, for process 1 demo at ",
         rf"^  trace: mremap old {FROM}\+500000 new_len 500000 flags 3 new {TO}$", rf"^  trace: {STEPS[0]}\w+$",
         r"^  #\d+ +pt_move_commit\(\) +mm/pt_move\.c:\d+ +does the steps", r"^  #\d+ +mm_mremap\(\) +mm/mremap\.c:\d+ ",
         r"^  #\d+ +syscall_entry\(\) +kernel/entry\.asm:\d+$"]
BELOW = [r"^PTE 256 of the table at \w+ was not touched by that: it lies below", "^its own value is older:$",
         r"^PTE 256 of the table at \w+: empty -> leaf \w+ rw- user",
         rf"^written by .* process 1 demo, which touched {FROM} at \w+, user/testlib\.c:\d+$",
         r"^  #\d+ +mm_fault\(\) +mm/fault\.c:\d+ "]
STANDS = ["^the machine stands before the write, at instruction ", r"^#0 .* at mm/pt_move\.c:\d+$"]


def arguments(env, directory, program, *options):
    return [sys.executable, f"{TOOLS}/gdb/recording.py", "--kernel", debug_kernel(env), "--initrd", env.initramfs,
            "--recordings", directory, "--program", program, *options, "--", "-nx", "-batch"]


def session(env, commands, program="demo", *options):
    """What was said, with each command given to GDB in turn on a recording of @program."""
    parts = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run(arguments(env, env.directory, program, *options) + parts,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False)
    return done.stdout


def case(name, commands, patterns, *more):
    return Case(name, lambda env: judge(session(env, commands, *more), patterns))


def there_and_back(env):
    """The same place has the same number and the same registers, come to forwards, backwards and by its number."""
    look = ["recording", "info registers"]
    said = session(env, ["break mm_mremap", "continue", "python place = back.now()", *look,
                         "finish", "reverse-continue", *look,
                         "delete", "continue", "python gdb.execute(f'recording {place}')", *look,
                         "reverse-step", "python gdb.execute(f'recording {place}')", *look])
    states = re.findall(r"^(instruction \d+\nrax .*\n(?:\w+ +0x.*\n)+)", said, re.M)
    if len(states) != 4 or len(set(states)) != 1:
        return Outcome(0, 1, [f"{len(states)} states, {len(set(states))} of them different"] + said.split("\n")[-90:])
    return judge(said, [r"mm_mremap \(", r"do_mremap \(", r"mm_mremap \(", "^the recording ends here;"])


def known_words(_env):
    """What a backtrace explains are functions of the kernel."""
    with open(f"{TOOLS}/gdb/back.py", encoding="utf-8") as file:
        names = re.findall(r'^    "(\w+)": "', file.read(), re.M)
    sources = ""
    for path in glob.glob(f"{TOOLS}/../mm/*.c") + glob.glob(f"{TOOLS}/../kernel/*.c"):
        with open(path, encoding="utf-8") as file:
            sources += file.read()
    gone = [name for name in names if not re.search(rf"^[a-z].*\b{name}\(", sources, re.M)]
    return Outcome(0, 1, [f"tools/gdb/back.py explains {name}(), which is not there" for name in gone]) \
        if gone or len(names) < 10 else Outcome(1, 0)


def walkthrough(env):
    """The sessions of docs/gdb.md, typed again."""
    kernel = debug_kernel(env)
    with open(doc.DOCUMENT, encoding="utf-8") as file:
        lines = file.read().split("\n")
    there = [f"B={os.path.dirname(kernel)}", "-o", kernel, f"INITRAMFS={env.initramfs}", "-o", env.initramfs]
    commands = sum(len(session.steps) for session in doc.sessions(lines))
    problems = doc.differences(lines, there) + ([] if commands >= 30 else [f"only {commands} commands"])
    return Outcome(0, 1, problems) if problems else Outcome(1, 0)


def nothing_left(env):
    """A recording, its machine and its GDB are gone with the session, also when that is ended from outside."""
    directory = tempfile.mkdtemp(dir=env.directory)
    waiting = "python print('waits', flush=True); import time; time.sleep(100)"
    with subprocess.Popen(arguments(env, directory, "demo") + ["-ex", waiting], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        seen = "".join(iter(process.stdout.readline, "waits\n"))
        running = processes(directory)
        process.terminate()
    left = [f"left: {what}" for what in os.listdir(directory) + processes(directory)]
    if len(running) < 3:
        left += [f"only these ran: {running}"] + seen.split("\n")
    return Outcome(0, 1, left) if left else Outcome(1, 0)


def processes(word):
    """Command lines with @word in them."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            line = file.read().replace("\0", " ")
            found += [line] if word in line else []
    return found


def cases():
    return [
        Case("there and back again", there_and_back),
        case("who moved a table", TO_PROGRAM + [f"who-moved {TO}"], MOVED + BELOW + STANDS),
        case("who mapped a page, where it was before", TO_PROGRAM + [f"who-moved {TO}", f"who-moved {FROM}"],
             MOVED + STANDS + [f"^{FROM} is translated as it is", *BELOW[2:], "^the machine stands before the write"]),
        case("who moved a table, when that has just been done", TO_PROGRAM + [f"who-moved {TO}", "stepi", f"who-moved {TO}"],
             MOVED + STANDS + MOVED + STANDS),
        case("who emptied an entry", TO_PROGRAM + [f"who-moved {FROM}"],
             [r"^PUD 0 of the table at \w+: table \w+ rwx user accessed -> empty$", f"^  trace: mremap old {FROM}",
              r"^  #\d+ +mm_mremap"]),
        case("a program that does not end, with arguments",
             ["continue", "recording", "reverse-stepi", "recording", "continue", "recording"],
             [r"^recorded until 3 s had passed$", r"^instruction (\d+) of \1$", r"^instruction \d+ of \d+$",
              r"^instruction (\d+) of \1$"], "busybox sleep 1000", "--seconds", "3"),
        case("beyond the end", ["recording 99999999999", "recording x", "recording"],
             [r"^#0 +power_off \(", "^the recording ends before that instruction$", r"^instruction (\d+)$",
              "^recording, or recording N", r"^instruction \d+$"]),
        case("no such program", [], ["^recording.py: no /bin/nosuch in the initramfs"], "nosuch"),
        case("a panic", ["continue", "backtrace 3", "reverse-stepi", "recording"],
             ["^recorded; the machine panicked$", "^the recording ends here;", r"power_off_panicked \(", r"^instruction \d+$"],
             "demo", "--append", "test=panic"),
        Case("no recording, no way back",
             lambda env: judge(gdb_session(env, ["who-moved 401000"])[0], ["this machine is not a recording"])),
        Case("words of a backtrace", known_words),
        Case("docs/gdb.md", walkthrough),
        Case("nothing is left", nothing_left),
    ]
