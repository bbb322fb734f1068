"""The tools that count instructions: tools/profile.py finds those that user/bench.c counts."""
import os
import re
import subprocess
import sys

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


def cases():
    return [
        Case("profile of a call", lambda env: agrees(env, "call/getppid", ["syscall_entry()", "syscall_dispatch()"])),
        Case("profile of a fault", lambda env: agrees(env, "fault/read", ["mm_fault()", "trap_dispatch()"])),
        Case("profile of the boot", lambda env: agrees(env, "boot", ["kernel_main()"])),
    ]
