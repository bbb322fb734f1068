"""The same calls on this machine's Linux and on Realign: a slice of `make oracle`."""
import os
import subprocess
import sys

import qemu
from harness import Case, Outcome
from oracle import COUNTS, doubts

COUNT = 2000


def slice_of_oracle(env):
    """Compare COUNT sequences, on a machine whose answers count."""
    if doubts():
        return Outcome(skip=doubts())
    tool = os.path.join(os.path.dirname(qemu.__file__), "oracle.py")
    command = [sys.executable, tool, "--build", os.path.dirname(env.kernel), "--count", str(COUNT), "--jobs", "1", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).rstrip().split("\n")
    counts = COUNTS.match(lines[-1])
    if not counts:
        return Outcome(0, 1, lines[-12:])
    passed, failed = map(int, counts.groups())
    return Outcome(passed, failed, lines[:-1] if failed else [])


def cases():
    return [Case(f"{COUNT} sequences of calls as on Linux", slice_of_oracle)]
