#!/usr/bin/env python3
"""What calls cost on Realign and on Debian's Linux 6.1 and 6.12: instructions, counted by user/bench.c in QEMU.

With --icount a tick of the processor's counter is one instruction, so that every run of the same build counts the same.
Each kernel boots twice or more: once for all cases, once for the ticks until the first program runs, and some times to
find the least memory with which it comes so far. A number that cannot be measured is that of an earlier run, kept in
tests/golden/bench.json, and marked by *.

    bench.py             all three: a table, build/bench.json, and what make bench makes build/bench.html of
    bench.py --quick     Realign alone; fails when a row is dearer than in tests/golden/bench.json
    bench.py --record    Realign alone, into tests/golden/bench.json, and README.md's rows with it
    bench.py --page      measures nothing: the page's data from tests/golden/bench.json
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import mkcpio  # noqa: E402
import qemu  # noqa: E402
from bench_rows import (BOOT, MEMORY, STACK, compare, make_rows, print_table, read_golden, record,  # noqa: E402
                        recorded_rows, write_json, write_page_data, write_readme)

PROGRESS_SECONDS = 5
LIMIT_SECONDS = 3600
MEMORY_LIMIT_SECONDS = 90
MEMORY_MAX = 128        # MiB; the search for the least ends there
MACHINE = ["-seed", "1", "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-net", "none"]
LINUX = "console=ttyS0 quiet panic=-1 nokaslr norandmaps mitigations=off"
LINE = re.compile(r"^bench: (\S+) (-?[\d.]+) (-?[\d.]+) (\d+)$", re.M)
FAILED = re.compile(r"^bench-failed: (.*)$", re.M)
PMD_SPAN = 2 << 20


class Progress:
    """Tells every few seconds, on standard error, how far a boot is."""

    def __init__(self, name):
        self.name = name
        self.cases = 0
        self.last = "starting"
        self.start = time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def show(self, text):
        for found in LINE.finditer(text):
            self.cases += 1
            self.last = found.group(1)

    def _run(self):
        while not self.ended.wait(PROGRESS_SECONDS):
            print(f"bench: {self.name}: {self.cases} cases, last {self.last}, {time.monotonic() - self.start:.0f} s",
                  file=sys.stderr, flush=True)


class Kernel:
    """One that is measured."""

    def __init__(self, name, image, initrd, linux):
        self.name, self.image, self.initrd, self.linux = name, image, initrd, linux

    def boot(self, program, arguments, memory, limit, progress, options=""):
        append = f"{LINUX} rdinit={program}" if self.linux else f"init={program} loglevel=warn norandmaps {options}"
        return qemu.run(qemu.Boot(kernel=self.image, initrd=self.initrd, linux=self.linux, memory=memory, cpu="qemu64",
                                  append=f"{append} -- {arguments}", icount=True, timeout=limit, extra=MACHINE),
                        progress.show)

    def cases(self, only):
        """Case -> least ticks for one."""
        with Progress(self.name) as progress:
            result = self.boot("/sbin/init", f"/bin/bench {only}", "4G", LIMIT_SECONDS, progress)
        for failed in FAILED.findall(result.output):
            print(f"bench: {self.name}: {failed}", file=sys.stderr)
        found = {case: max(float(least), 0) for case, least, _, _ in LINE.findall(result.output)}    # slopes may be less
        if "\nbench-end\n" not in result.output:
            sys.exit(f"bench: {self.name}: no end: {result.failure or result.output[-300:]}")
        if abs(found.get("calibration", 0) - 1000) > 5:
            sys.exit(f"bench: {self.name}: a tick is not an instruction: {found.get('calibration')} of 1000")
        found.pop(BOOT, None)
        return found

    def ticks_to_start(self, memory, limit):
        """Ticks until bench runs as the first program; None when it does not."""
        with Progress(f"{self.name} with {memory}") as progress:
            result = self.boot("/bin/bench", "--boot", memory, limit, progress)
        found = LINE.search(result.output)
        return float(found.group(2)) if found else None

    def least_memory(self):
        """MiB, by bisection."""
        fails, works = 0, MEMORY_MAX
        while works - fails > 1:
            middle = (fails + works) // 2
            if self.ticks_to_start(f"{middle}M", MEMORY_LIMIT_SECONDS):
                works = middle
            else:
                fails = middle
        return float(works)

    def stack_shift(self):
        """What exec's shift of a stack with 128K of arguments costs, mutually aligned: exec with it, less exec without."""
        with Progress(f"{self.name}, stack shift") as progress:
            costs = [LINE.findall(self.boot("/sbin/init", "/bin/bench exec/128K", "4G", LIMIT_SECONDS, progress,
                                            f"stack_shift={shift}").output)[-1][1] for shift in (PMD_SPAN, 0)]
        return float(costs[0]) - float(costs[1])

    def measure(self, only, memory=None):
        """All cases. @memory: that much is tried, in place of a search for the least."""
        found = self.cases(only)
        if only:
            return found
        found[BOOT] = self.ticks_to_start("4G", LIMIT_SECONDS)
        if memory is None:
            found[MEMORY] = self.least_memory()
        elif self.ticks_to_start(f"{memory:.0f}M", MEMORY_LIMIT_SECONDS):
            found[MEMORY] = memory
        if not self.linux:
            found[STACK] = self.stack_shift()
        return found


def make_initramfs(build):
    """bench and init alone."""
    path = f"{build}/bench.cpio"
    members = [f"sbin/init={build}/user/init", f"bin/bench={build}/user/bench", "proc=", "sys=", "dev/shm=:1777",
               "dev/console=c:5:1", "dev/null=c:1:3"]
    with open(path, "wb") as file:
        file.write(mkcpio.archive(members))
    return path


def fetch(directory, suite):
    """Debian's kernel, from @suite or from this machine's own sources; None when there is none to be had."""
    image = f"{directory}/vmlinuz"
    if not os.path.exists(image):
        command = [f"{ROOT}/tools/fetch_linux.sh", directory] + ([suite] if suite else [])
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            print(f"bench: no kernel in {directory}: its column is left out", file=sys.stderr)
            return None
    return image


def measure_linux(directory, suite, version, initrd, only):
    image = fetch(directory, suite)
    if not image:
        return {}
    with open(f"{directory}/release", encoding="utf-8") as file:
        release = file.read().strip()
    if not release.startswith(version + "."):
        print(f"bench: {directory} has Linux {release}, not {version}: its column is left out", file=sys.stderr)
        return {}
    return Kernel(f"Linux {release}", image, initrd, True).measure(only)


def main():
    qemu.exit_on_signals()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="Realign alone, compared with tests/golden/bench.json")
    parser.add_argument("--record", action="store_true", help="Realign alone, and write tests/golden/bench.json")
    parser.add_argument("--page", metavar="FILE", help="only write what is recorded, for the page, into this file")
    args = parser.parse_args()
    if args.page:
        write_page_data(recorded_rows(), args.page)
        return 0
    initrd = make_initramfs(args.build)
    kernel = Kernel("Realign", f"{args.build}/kernel.elf", initrd, False)
    if args.record:
        record(kernel.measure(""))
        write_readme()
        return 0
    if args.quick:
        lines, well = compare(kernel.measure("", read_golden()[MEMORY]["realign"]))
        print("\n".join(lines))
        return 0 if well else 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        new = pool.submit(measure_linux, f"{ROOT}/build/linux-6.12", "trixie", "6.12", initrd, args.only)
        old = pool.submit(measure_linux, f"{ROOT}/build/linux", None, "6.1", initrd, args.only)
        realign = pool.submit(kernel.measure, args.only)
    rows = make_rows(old.result(), new.result(), realign.result())
    print_table(rows)
    write_json(f"{ROOT}/build/bench.json", rows)
    write_page_data(rows, f"{ROOT}/build/bench-page.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
