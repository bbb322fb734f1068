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
import datetime
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
README = f"{ROOT}/README.md"
COMPILER = f"{ROOT}/tests/golden/bench-compiler.txt"    # what compiled the kernel that GOLDEN is of
TOLERANCE = 1.02        # what --quick lets pass,
OTHER_COMPILER = 1.25   # and when another compiler made the kernel
ROUNDING = 0.5          # of an instruction: costs for one of many
WITH_FIRMWARE = 1.10    # and of the start of the machine, most of which is QEMU's firmware
PROGRESS_SECONDS = 5
LIMIT_SECONDS = 3600
MEMORY_LIMIT_SECONDS = 90
MEMORY_MAX = 128        # MiB; the search for the least ends there
MACHINE = ["-seed", "1", "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-net", "none"]
LINUX = "console=ttyS0 quiet panic=-1 nokaslr mitigations=off"
LINE = re.compile(r"^bench: (\S+) (-?[\d.]+) (-?[\d.]+) (\d+)$", re.M)
FAILED = re.compile(r"^bench-failed: (.*)$", re.M)
PMD_SPAN = 2 << 20
BOOT, MEMORY, STACK = "boot", "memory", "stack-shift/128K"

# What bench calls it: what it is, and the goal.
GOALS = {
    "call/getppid": ("getppid", 110),
    "call/mremap-no-op": ("mremap no-op", 200),
    "move/4K": ("move 1 page, cold tables", 1600),
    "slope/PMD": ("per PMD entry, slope", 12),
    "slope/PUD": ("per PUD entry, slope", 12),
    "slope/PTE-misaligned": ("per PTE, misaligned bulk", 4),
    "move/64M+1M-mutual-tail": ("64M, mutual +1M, tail inside a PMD", 2000),
    "move/64M+1M-blocked-below": ("64M at +1M, mapping right below the source", 6000),
    "move/1G-aligned": ("1G, 2M-aligned", 8000),
    "move/3G-mutual-in-PUD": ("3G, mutual inside a PUD", 2500),
    "move/1G-misaligned": ("1G misaligned", 2200000),
    "sparse/16T-nothing-2M-aligned": ("16T, nothing present, not 1G-aligned", 2000),
    "sparse/16T-per-GiB-2M-aligned": ("16T, one page per GiB, 2M-aligned", 16000000),
    "sparse/16T-per-GiB-misaligned": ("16T, one page per GiB, misaligned", 30000000),
    "move/THP-1G-aligned": ("THP 1G, 2M-aligned", 8000),
    "call/expand-in-place": ("expand in place by a page", 500),
    "call/shrink-by-page": ("shrink by a page", 1000),
    "dontunmap/64M-aligned": ("DONTUNMAP 64M aligned", 2000),
    "realloc/256M-touched": ("realloc 4K to 256M, blocked above, touched", 30000),
    "fault/write": ("first-touch fault", 950),
    "bulk/munmap-per-page": ("munmap, per page", 40),
    "bulk/mprotect-to-read-per-page": ("mprotect, per page", 8),
    "call/mmap-munmap-page": ("mmap + munmap of one page, untouched", 800),
    "fork/64M": ("fork+exit+wait, 64M touched", 300000),
    "exec/no-arguments": ("vfork+exec+exit+wait, no arguments", 25000),
    "exec/1M": ("vfork+exec+exit+wait, 1M of arguments", 1500000),
    STACK: ("stack shift of 128K, mutual offset", 500),
    "others/60000-move-4K": ("move 1 page with 60,000 other VMAs", 1800),
    "others/60000-mmap-munmap": ("mmap+munmap with 60,000 other VMAs", 1200),
    BOOT: ("start of the machine to the first program", 15000000),
    MEMORY: ("least memory that reaches it, MiB", 12),
}
README_CASES = ["move/4K", "move/64M+1M-mutual-tail", "move/1G-aligned", "move/3G-mutual-in-PUD", "move/1G-misaligned",
                "sparse/16T-per-GiB-2M-aligned", "realloc/256M-touched", "fault/write", "fork/64M", "others/60000-move-4K"]
NOT_MEASURED = {"calibration"}
COLUMNS = ("linux_6_1", "linux_6_12", "realign")


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
        append = f"{LINUX} rdinit={program}" if self.linux else f"init={program} loglevel=warn {options}"
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


def read_golden():
    """case -> row of what was recorded."""
    with open(GOLDEN, encoding="utf-8") as file:
        return {row["case"]: row for row in json.load(file)}


def make_row(case, measured, golden):
    """@measured: of each column, case -> number."""
    row = {"case": case}
    recorded = []
    for column in COLUMNS:
        row[column] = measured[column].get(case)
        if row[column] is None and golden.get(column) is not None:
            row[column] = golden[column]
            recorded.append(column)
    mine, peer = row["realign"], row["linux_6_12"]
    goal = GOALS.get(case, (None, None))[1]
    row["ratio"] = round(peer / mine, 2) if mine and peer else None
    row["goal"] = goal
    row["met"] = mine <= goal if goal and mine is not None else None
    row["recorded"] = recorded
    return row


def make_rows(old, new, realign):
    """Goals first, then what else was measured."""
    measured = {"linux_6_1": old, "linux_6_12": new, "realign": realign}
    golden = read_golden()
    cases = [case for case in GOALS if case in realign]
    cases += [case for case in realign if case not in GOALS and case not in NOT_MEASURED]
    return [make_row(case, measured, golden.get(case, {})) for case in cases]


def recorded_rows():
    golden = read_golden()
    return make_rows({}, {}, {case: row["realign"] for case, row in golden.items()})


def number(value):
    if value is None:
        return "-"
    return f"{value:,.1f}" if value < 1000 and value % 1 else f"{value:,.0f}"


def print_table(rows):
    def cell(row, column):
        return number(row[column]) + ("*" if column in row["recorded"] else " ")

    print(f"{'case':44} {'Linux 6.1':>15}  {'Linux 6.12':>14}  {'Realign':>12}  {'ratio':>9} {'goal':>11} met")
    for row in rows:
        title = GOALS.get(row["case"], (row["case"],))[0]
        met = {True: "yes", False: "no", None: "-"}[row["met"]]
        print(f"{title:44} {cell(row, 'linux_6_1'):>16} {cell(row, 'linux_6_12'):>15} {cell(row, 'realign'):>13} "
              f"{number(row['ratio']):>9} {number(row['goal']):>11} {met}")
    if any(row["recorded"] for row in rows):
        print("* recorded earlier, not measured now")
    goals = [row for row in rows if row["goal"]]
    print(f"{sum(bool(row['met']) for row in goals)} of {len(goals)} goals met")


def compiler():
    done = subprocess.run(["gcc", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split("\n")[0]


def allowed(case, same_compiler):
    """By how much a row may be dearer than the recorded one."""
    return max(TOLERANCE if same_compiler else OTHER_COMPILER, WITH_FIRMWARE if case == BOOT else 1)


def compare(realign):
    """Exit status: 1 when a row is dearer than the recorded one."""
    golden = {case: row["realign"] for case, row in read_golden().items()}
    with open(COMPILER, encoding="utf-8") as file:
        recorded_by = file.read().strip()
    same = recorded_by == compiler()
    if not same:
        print(f"recorded with {recorded_by}, now {compiler()}: rows may be {OTHER_COMPILER - 1:.0%} dearer")
    missing = [case for case in golden if realign.get(case) is None]
    dearer = [case for case in golden
              if case not in missing and realign[case] > golden[case] * allowed(case, same) + ROUNDING]
    cheaper = [case for case in golden if case not in missing and realign[case] * TOLERANCE < golden[case]]
    for case in missing:
        print(f"not ok - {case}: not measured" if case != MEMORY else
              f"not ok - {case}: no start with {number(golden[case])} MiB")
    for case in dearer:
        print(f"not ok - {case}: {number(golden[case])} -> {number(realign[case])}, {realign[case] / golden[case] - 1:+.1%}")
    if cheaper:
        print(f"# {len(cheaper)} rows are cheaper than recorded; make bench-record records them")
    wrong = len(missing) + len(dearer)
    print(f"{len(golden) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


def record(realign):
    """The columns of Linux stay as they are."""
    golden = read_golden()
    rows = []
    for case, cost in realign.items():
        if case not in NOT_MEASURED:
            rows.append({"case": case, **{column: golden.get(case, {}).get(column) for column in COLUMNS}, "realign": cost})
    write_json(GOLDEN, rows)
    with open(COMPILER, "w", encoding="utf-8") as file:
        file.write(compiler() + "\n")


def write_json(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")


def this_run():
    """What was measured, and when."""
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "boot", "kernel", "mm", "user") else ""
    return {"commit": (git("log", "-1", "--format=%h", "--", "boot", "kernel", "mm", "user") or "no commit") + changed,
            "date": datetime.date.today().isoformat(), "compiler": compiler()}


def write_page_data(rows, path):
    """For tools/web/src/bench.js."""
    named = [{**row, "title": GOALS.get(row["case"], (row["case"],))[0]} for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"run": this_run(), "rows": named}, file)


def readme_rows():
    """README.md's table, from what is recorded."""
    rows = {row["case"]: row for row in recorded_rows()}
    run = this_run()
    lines = ["", "| Instructions | Linux 6.1 | Linux 6.12 | Realign | times fewer than 6.12 |", "|---|---:|---:|---:|---:|"]
    for case in README_CASES:
        cells = [GOALS[case][0]] + [number(rows[case][column]) for column in COLUMNS + ("ratio",)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Measured on {run['date']} at {run['commit']}, compiled by {run['compiler']}.", ""]
    return "\n".join(lines)


def write_readme():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- bench -->\n", "<!-- end of bench -->"
    before, rest = text.split(begin)
    with open(README, "w", encoding="utf-8") as file:
        file.write(before + begin + readme_rows() + end + rest.split(end)[1])


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
        return compare(kernel.measure("", read_golden()[MEMORY]["realign"]))
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
