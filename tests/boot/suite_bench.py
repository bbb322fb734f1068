"""The tools that count instructions: tools/profile.py finds those that user/bench.c counts, tools/bench_rows.py judges them."""
import os
import re
import subprocess
import sys

import bench_rows
import qemu
from harness import Case, Outcome

PROFILE = os.path.join(os.path.dirname(os.path.abspath(qemu.__file__)), "profile.py")
CLOSE = 8       # instructions: the pair of readings themselves


def profile(env, case, *options):
    done = subprocess.run([sys.executable, PROFILE, "--build", os.path.dirname(env.kernel), case, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return done.stdout


def agrees(env, case, functions):
    """The functions' instructions are as many as the case has; @functions are among them."""
    said = profile(env, case, "--top", "1000")
    told = re.search(rf"^{case}: ([\d.]+) by itself", said, re.M)
    total = re.search(r"^(?:between|from) .*: ([\d,]+) instructions", said, re.M)
    rows = re.findall(r"^ *([\d,]+) +[\d.]+% +[\d,]+  (\S+)", said, re.M)
    if not told or not total:
        return Outcome(0, 1, said.split("\n")[-20:])
    told, total = float(told.group(1)), int(total.group(1).replace(",", ""))
    problems = [] if abs(told - total) <= CLOSE else [f"{total} instructions of {told:g}"]
    counted = sum(int(count.replace(",", "")) for count, _ in rows)
    problems += [] if counted == total else [f"the functions have {counted} instructions of {total}"]
    problems += [f"no {name}" for name in functions if name not in [function for _, function in rows]]
    return Outcome(0, 1, problems + said.split("\n")[:30]) if problems else Outcome(1, 0)


def asks_little(env, case):
    """With the trace off an event costs a test and a branch that always goes one way, and nobody is called."""
    said = profile(env, case, "--top", "1000")
    found = re.search(r"^asked (\d+) times whether somebody traces: (\d+) instructions, ([\d.]+)%; (\d+) of these", said, re.M)
    if not found:
        return Outcome(0, 1, said.split("\n")[-20:])
    asked, spent, share, wavering = int(found[1]), int(found[2]), float(found[3]), int(found[4])
    problems = [] if asked >= 2 else [f"{case} asks {asked} times"]
    problems += [] if spent <= 3 * asked and share <= 2 and not wavering else [found[0]]
    problems += ["the trace is told of events"] if re.search(r"  port_trace\(\)$", said, re.M) else []
    return Outcome(0, 1, problems) if problems else Outcome(1, 0)


def judged(factor, expected, told, without=()):
    """Measured are @factor times the recorded costs of one call, the others as recorded, or none of @without."""
    def run(_env):
        costs = {case: row["realign"] for case, row in bench_rows.read_golden().items() if case not in without}
        costs["call/getppid"] *= factor
        lines, well = bench_rows.compare(costs)
        said = "\n".join(lines)
        if well == expected and told in said or factor > 1 and "recorded with" in said:
            return Outcome(1, 0)
        return Outcome(0, 1, [f"well: {well}; not said: {told}"] + lines)
    return run


def quoted(_env):
    """README.md's rows are those that are recorded."""
    with open(bench_rows.README, encoding="utf-8") as file:
        text = file.read()
    rows = [line for line in bench_rows.readme_rows().split("\n") if line.startswith("|")]
    gone = [row for row in rows if row not in text]
    return Outcome(0, 1, ["README.md has other rows than tests/golden/bench.json: make bench-record"] + gone) \
        if gone or len(rows) != 12 else Outcome(1, 0)


def cases():
    return [
        Case("a row that is 3 % dearer", judged(1.03, False, "not ok - call/getppid: ")),
        Case("a row that is 1 % dearer", judged(1.01, True, " passed, 0 failed")),
        Case("a row that is cheaper", judged(0.5, True, "# 1 rows are cheaper than recorded")),
        Case("a row that is missing", judged(1, False, "not ok - fork/64M: not measured", ["fork/64M"])),
        Case("README.md has the recorded rows", quoted),
        Case("profile of a call", lambda env: agrees(env, "call/getppid", ["syscall_entry()", "syscall_dispatch()"])),
        Case("profile of a fault", lambda env: agrees(env, "fault/read", ["mm_fault()", "trap_dispatch()"])),
        Case("a move with the trace off", lambda env: asks_little(env, "move/4K")),
        Case("a fault with the trace off", lambda env: asks_little(env, "fault/read")),
        Case("profile of the boot", lambda env: agrees(env, "boot", ["kernel_main()"])),
    ]
