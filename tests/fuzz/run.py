#!/usr/bin/env python3
"""Runs the fuzz targets, or replays the inputs that are kept.

run.py fuzz [--seconds N] [--only WORD] TARGET ...    libFuzzer, N seconds split between the targets
run.py replay [--only WORD] TARGET ...                tests/fuzz/regress and tests/fuzz/corpus, once each; what is a
                                                      sequence of calls also as a program on this machine's Linux

TARGET mm-3x3 reads the corpus and the regressions of mm. The last line counts targets: `N passed, N failed`.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

BUILD = "build/fuzz"
REPLAY_LIMIT = 120      # seconds for all inputs of a target
TELL_EVERY = 10


def family(target):
    return target.split("-")[0]


def linux_is(*version):
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return bool(found) and tuple(int(part) for part in found.groups()) >= version


def kept_inputs(target):
    return sorted(path for kind in ("regress", "corpus") for path in glob.glob(f"tests/fuzz/{kind}/{family(target)}/*"))


def replay(target):
    """(what is wrong or None, words)."""
    inputs = kept_inputs(target)
    try:
        done = subprocess.run([f"{BUILD}/replay-{target}", *inputs], capture_output=True, text=True, errors="replace",
                              timeout=REPLAY_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"no end within {REPLAY_LIMIT} s", ""
    if done.returncode == 0 and inputs:
        return None, f"{len(inputs)} inputs"
    for path in inputs:
        if subprocess.run([f"{BUILD}/replay-{target}", path], capture_output=True, check=False).returncode:
            return f"{path}\n{done.stderr[-3000:]}", ""
    return done.stderr[-3000:] or "no inputs", ""


def run_on_linux(target, path, base):
    """What is wrong with the input as a program on Linux, or None; how many answers it compared."""
    text = subprocess.run([f"{BUILD}/replay-{target}", "--program", path], capture_output=True, text=True, check=False)
    with open(f"{base}.c", "w", encoding="utf-8") as file:
        file.write(text.stdout)
    done = subprocess.run(["gcc", "-w", "-I.", f"{base}.c", "-o", base], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        done = subprocess.run([base], capture_output=True, text=True, timeout=REPLAY_LIMIT, check=False)
    count = re.search(r"^(\d+) answers, 0 differ", done.stdout, re.M)
    return (None, int(count.group(1))) if count else (f"{path} as {base}.c\n{done.stdout}{done.stderr}", 0)


def on_linux(target):
    """The same as replay(), for Linux."""
    os.makedirs(f"{BUILD}/linux", exist_ok=True)
    if not linux_is(6, 18):
        return None, f"# SKIP this machine's Linux is {os.uname().release}, the answers are 6.18's"
    answers, inputs = 0, kept_inputs(target)
    for path in inputs:
        problem, count = run_on_linux(target, path, f"{BUILD}/linux/{target}-{os.path.basename(path)}")
        if problem:
            return problem, ""
        answers += count
    return None, f"{len(inputs)} programs, {answers} answers as on this machine's Linux"


def read_progress(process, target, until):
    """Show libFuzzer's counts now and then; returns its last lines."""
    tail, last_told, counts = [], time.monotonic(), None
    for line in process.stderr:
        found = re.match(r"#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)", line)
        if found:
            counts = found.groups()
        else:
            tail = (tail + [line])[-200:]
        if counts and time.monotonic() - last_told > TELL_EVERY:
            last_told = time.monotonic()
            print(f"# {target}: {counts[0]} runs, {counts[1]} edges, {counts[3]} inputs, "
                  f"{max(until - last_told, 0):.0f} s left", flush=True)
    return "".join(tail)


def fuzz(target, seconds):
    """(what is wrong or None, words)."""
    corpus, found = f"{BUILD}/corpus/{target}", f"{BUILD}/found"
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    seeds = [path for path in (f"tests/fuzz/corpus/{family(target)}", f"tests/fuzz/regress/{family(target)}")
             if os.path.isdir(path)]
    command = [f"{BUILD}/fuzz-{target}", f"-max_total_time={seconds}", f"-artifact_prefix={found}/{target}-", "-timeout=20",
               "-max_len=4096", "-print_final_stats=1", "-reload=0", "-rss_limit_mb=3000", corpus, *seeds]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace") as process:
        tail = read_progress(process, target, time.monotonic() + seconds)
    runs = re.search(r"number_of_executed_units: *(\d+)", tail)
    words = f"{runs.group(1) if runs else '?'} runs in {seconds} s"
    if process.returncode == 0:
        return None, words
    saved = re.search(r"Test unit written to (\S+)", tail)
    return f"{tail[-3000:]}\n# run it again: {BUILD}/replay-{target} {saved.group(1) if saved else ''}", words


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["fuzz", "replay"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("targets", nargs="+")
    args = parser.parse_args()
    targets = [t for t in args.targets if args.only in t]
    workers = os.cpu_count() or 2
    share = max(1, args.seconds * min(workers, len(targets)) // max(len(targets), 1))
    if args.action == "replay":
        jobs = [("replay", t, replay) for t in targets]
        jobs += [("linux", t, on_linux) for t in targets if family(t) == "mm"]
    else:
        jobs = [("fuzz", t, lambda target: fuzz(target, share)) for t in targets]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for (name, target, _), (problem, words) in zip(jobs, pool.map(lambda job: job[2](job[1]), jobs)):
            if problem:
                print(problem)
            print(f"{'not ok' if problem else 'ok'} - {name} {target} {words}", flush=True)
            failed += problem is not None
            passed += problem is None
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
