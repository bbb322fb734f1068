"""The table of tools/bench.py: goals, what was recorded in tests/golden/bench.json, and where it is shown."""
import datetime
import json
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
GOLDEN = f"{ROOT}/tests/golden/bench.json"
README = f"{ROOT}/README.md"
COMPILER = f"{ROOT}/tests/golden/bench-compiler.txt"    # what compiled the kernel that GOLDEN is of
TOLERANCE = 1.02        # what --quick lets pass,
OTHER_COMPILER = 1.25   # and when another compiler made the kernel
ROUNDING = 0.5          # of an instruction: costs for one of many
WITH_FIRMWARE = 1.10    # and of the start of the machine, most of which is QEMU's firmware
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
    """(lines, whether all is well): rows that are dearer than the recorded ones."""
    lines = []
    golden = {case: row["realign"] for case, row in read_golden().items()}
    with open(COMPILER, encoding="utf-8") as file:
        recorded_by = file.read().strip()
    same = recorded_by == compiler()
    if not same:
        lines.append(f"recorded with {recorded_by}, now {compiler()}: rows may be {OTHER_COMPILER - 1:.0%} dearer")
    missing = [case for case in golden if realign.get(case) is None]
    dearer = [case for case in golden
              if case not in missing and realign[case] > golden[case] * allowed(case, same) + ROUNDING]
    cheaper = [case for case in golden if case not in missing and realign[case] * TOLERANCE < golden[case]]
    for case in missing:
        lines.append(f"not ok - {case}: " + (f"no start with {number(golden[case])} MiB" if case == MEMORY else "not measured"))
    for case in dearer:
        more = f", {realign[case] / golden[case] - 1:+.1%}" if golden[case] else ""
        lines.append(f"not ok - {case}: {number(golden[case])} -> {number(realign[case])}{more}")
    if cheaper:
        lines.append(f"# {len(cheaper)} rows are cheaper than recorded; make bench-record records them")
    wrong = len(missing) + len(dearer)
    lines.append(f"{len(golden) - wrong} passed, {wrong} failed")
    return lines, not wrong


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
        try:
            done = subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  check=False)
        except FileNotFoundError:       # no git, as where the sources came as an archive
            return ""
        return done.stdout.strip()

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
