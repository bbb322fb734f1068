#!/usr/bin/env python3
"""What calls cost on Realign and on Debian's Linux 6.1 and 6.12: instructions, counted by user/bench.c in QEMU.

With --icount a tick of the processor's counter is one instruction, so that every run of the same build counts the same.
Each kernel boots twice or more: once for all cases, once for the ticks until the first program runs, and some times to
find the least memory with which it comes so far. A column that cannot be measured has the numbers of an earlier run,
marked by *.
"""
import argparse
import concurrent.futures
import json
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

GOLDEN = f"{ROOT}/tests/golden/bench.json"
TOLERANCE = 1.02        # what --quick lets pass
PROGRESS_SECONDS = 5
LIMIT_SECONDS = 3600
MEMORY_LIMIT_SECONDS = 90
MEMORY_MAX = 128        # MiB; the search for the least ends there
MACHINE = ["-seed", "1", "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-net", "none"]
LINUX = "console=ttyS0 quiet panic=-1 nokaslr mitigations=off"
LINE = re.compile(r"^bench: (\S+) ([\d.]+) ([\d.]+) (\d+)$", re.M)
FAILED = re.compile(r"^bench-failed: (.*)$", re.M)
BOOT, MEMORY, STACK = "boot", "memory", "stack-shift/128K"

# What bench calls it: what it is, the goal, what Linux 6.12 was measured to cost when it was measured first.
GOALS = {
    "call/getppid": ("getppid", 110, 322),
    "call/mremap-no-op": ("mremap no-op", 200, 711),
    "move/4K": ("move 1 page, cold tables", 1600, 16500),
    "slope/PMD": ("per PMD entry, slope", 12, 759),
    "slope/PUD": ("per PUD entry, slope", 12, 504),
    "slope/PTE-misaligned": ("per PTE, misaligned bulk", 4, 44.4),
    "move/64M+1M-mutual-tail": ("64M, mutual +1M, tail inside a PMD", 2000, 51200),
    "move/64M+1M-blocked-below": ("64M at +1M, mapping right below the source", 6000, 47600),
    "move/1G-aligned": ("1G, 2M-aligned", 8000, 404000),
    "move/3G-mutual-in-PUD": ("3G, mutual inside a PUD", 2500, 406000),
    "move/1G-misaligned": ("1G misaligned", 2200000, 11600000),
    "sparse/16T-nothing-2M-aligned": ("16T, nothing present, not 1G-aligned", 2000, 1910000),
    "sparse/16T-per-GiB-2M-aligned": ("16T, one page per GiB, 2M-aligned", 16000000, 2580000000),
    "sparse/16T-per-GiB-misaligned": ("16T, one page per GiB, misaligned", 30000000, 4840000000),
    "move/THP-1G-aligned": ("THP 1G, 2M-aligned", 8000, 476000),
    "call/expand-in-place": ("expand in place by a page", 500, 3600),
    "call/shrink-by-page": ("shrink by a page", 1000, 9500),
    "dontunmap/64M-aligned": ("DONTUNMAP 64M aligned", 2000, 30700),
    "realloc/256M-touched": ("realloc 4K to 256M, blocked above, touched", 30000, 368000),
    "fault/write": ("first-touch fault", 950, 3133),
    "bulk/munmap-per-page": ("munmap, per page", 40, 1041),
    "bulk/mprotect-to-read-per-page": ("mprotect, per page", 8, 145),
    "call/mmap-munmap-page": ("mmap + munmap of one page, untouched", 800, 8600),
    "fork/64M": ("fork+exit+wait, 64M touched", 300000, 6800000),
    "exec/no-arguments": ("vfork+exec+exit+wait, no arguments", 25000, 123000),
    "exec/1M": ("vfork+exec+exit+wait, 1M of arguments", 1500000, 5900000),
    STACK: ("stack shift of 128K, mutual offset", 500, 5300),
    "others/60000-move-4K": ("move 1 page with 60,000 other VMAs", 1800, 19100),
    "others/60000-mmap-munmap": ("mmap+munmap with 60,000 other VMAs", 1200, 9800),
    BOOT: ("start of the machine to the first program", 15000000, 2370000000),
    MEMORY: ("least memory that reaches it, MiB", 12, 80),
}
NOT_MEASURED = {"calibration"}


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

    def boot(self, program, arguments, memory, limit, progress):
        append = f"{LINUX} rdinit={program}" if self.linux else f"init={program} loglevel=warn"
        return qemu.run(qemu.Boot(kernel=self.image, initrd=self.initrd, linux=self.linux, memory=memory, cpu="qemu64",
                                  append=f"{append} -- {arguments}", icount=True, timeout=limit, extra=MACHINE),
                        progress.show)

    def cases(self, only):
        """Case -> least ticks for one."""
        with Progress(self.name) as progress:
            result = self.boot("/sbin/init", f"/bin/bench {only}", "4G", LIMIT_SECONDS, progress)
        for failed in FAILED.findall(result.output):
            print(f"bench: {self.name}: {failed}", file=sys.stderr)
        found = {case: float(least) for case, least, _, _ in LINE.findall(result.output)}
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

    def measure(self, only):
        found = self.cases(only)
        if not only:
            found[BOOT] = self.ticks_to_start("4G", LIMIT_SECONDS)
            found[MEMORY] = self.least_memory()
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


def make_rows(old, new, realign):
    """Goals first, then what else was measured."""
    cases = [case for case in GOALS if case in realign or case == STACK and BOOT in realign]
    cases += [case for case in realign if case not in GOALS and case not in NOT_MEASURED]
    rows = []
    for case in cases:
        _, goal, recorded = GOALS.get(case, (None, None, None))
        peer = new.get(case)
        mine = realign.get(case)
        row = {"case": case, "linux_6_1": old.get(case), "linux_6_12": peer or recorded, "realign": mine}
        row["ratio"] = round(row["linux_6_12"] / mine, 2) if mine and row["linux_6_12"] else None
        row["goal"] = goal
        row["met"] = mine <= goal if goal and mine is not None else None
        row["recorded"] = peer is None and recorded is not None
        rows.append(row)
    return rows


def number(value):
    if value is None:
        return "-"
    return f"{value:,.1f}" if value < 1000 and value % 1 else f"{value:,.0f}"


def print_table(rows):
    print(f"{'case':44} {'Linux 6.1':>15} {'Linux 6.12':>16} {'Realign':>13} {'ratio':>9} {'goal':>11} met")
    for row in rows:
        title = GOALS.get(row["case"], (row["case"],))[0]
        met = {True: "yes", False: "no", None: "-"}[row["met"]]
        mark = "*" if row["recorded"] else " "
        print(f"{title:44} {number(row['linux_6_1']):>15} {number(row['linux_6_12']):>15}{mark} "
              f"{number(row['realign']):>13} {number(row['ratio']):>9} {number(row['goal']):>11} {met}")
    if any(row["recorded"] for row in rows):
        print("* recorded earlier, not measured now")
    goals = [row for row in rows if row["goal"]]
    print(f"{sum(bool(row['met']) for row in goals)} of {len(goals)} goals met, "
          f"{sum(row['met'] is None for row in goals)} not measured")


def compare(realign):
    """Exit status: 1 when a row is dearer than the recorded one."""
    with open(GOLDEN, encoding="utf-8") as file:
        golden = {row["case"]: row["realign"] for row in json.load(file)}
    missing = [case for case in golden if case not in realign]
    dearer = [case for case in golden if case in realign and realign[case] > golden[case] * TOLERANCE]
    for case in missing:
        print(f"{case}: not measured")
    for case in dearer:
        print(f"{case}: {number(golden[case])} -> {number(realign[case])}, {realign[case] / golden[case] - 1:+.1%}")
    print(f"{len(golden)} rows, {len(dearer)} dearer by more than {TOLERANCE - 1:.0%}, {len(missing)} missing")
    return 1 if dearer or missing else 0


def write_json(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")


def main():
    qemu.exit_on_signals()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="Realign alone, compared with tests/golden/bench.json")
    parser.add_argument("--record", action="store_true", help="Realign alone, and write tests/golden/bench.json")
    args = parser.parse_args()
    initrd = make_initramfs(args.build)
    kernel = Kernel("Realign", f"{args.build}/kernel.elf", initrd, False)
    if args.record or args.quick:
        realign = kernel.measure(args.only)
    if args.record:
        write_json(GOLDEN, [{"case": c, "realign": v} for c, v in realign.items() if c not in NOT_MEASURED])
        return 0
    if args.quick:
        return compare(realign)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        new = pool.submit(measure_linux, f"{ROOT}/build/linux-6.12", "trixie", "6.12", initrd, args.only)
        old = pool.submit(measure_linux, f"{ROOT}/build/linux", None, "6.1", initrd, args.only)
        realign = pool.submit(kernel.measure, args.only)
    rows = make_rows(old.result(), new.result(), realign.result())
    print_table(rows)
    write_json(f"{ROOT}/build/bench.json", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
