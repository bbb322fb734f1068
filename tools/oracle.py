#!/usr/bin/env python3
"""The same generated sequences of memory calls on this machine's Linux and on Realign in QEMU, compared.

usage: oracle.py [--build build/release] [--seed S] [--from N] [--count N] [--ops K] [--show N]

Runs user/oracle.c on both. It prints a digest for each sequence, of every call, its answer and the maps, the resident
pages and their contents after it; a sequence whose digests differ is run again with all of that shown.
"""
import argparse
import concurrent.futures
import dataclasses
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import mkcpio
import qemu

DIGEST = re.compile(r"^(\d+) ([0-9a-f]{16}) ok (\d+) failed (\d+)$")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$")
TOTAL = re.compile(r"^total (\w+)((?: \w+ \d+)*)$")
BANNER = re.compile(r"\] (Realign [^ ,]+)")

BATCH = 500             # sequences in one child process, and in one boot
CONTEXT = 6             # lines around a difference
LINUX = os.uname().release


@dataclasses.dataclass
class Answers:
    """What one kernel said."""

    digests: dict = dataclasses.field(default_factory=dict)     # number -> (digest, succeeded, failed)
    totals: dict = dataclasses.field(default_factory=dict)      # call -> {result: count}
    failure: str = None
    seconds: float = 0

    def take(self, text):
        for line in text.split("\n"):
            digest, total = DIGEST.match(line), TOTAL.match(line)
            if digest:
                self.digests[int(digest.group(1))] = digest.group(2), int(digest.group(3)), int(digest.group(4))
            elif total:
                self._add_total(total.group(1), total.group(2).split())

    def _add_total(self, call, words):
        results = self.totals.setdefault(call, {})
        for result, count in zip(words[::2], words[1::2]):
            results[result] = results.get(result, 0) + int(count)


class Linux:
    """This machine's kernel; a batch is a child process."""

    def __init__(self, program):
        self.program = program

    def run(self, arguments):
        """(text, failure)"""
        try:
            done = subprocess.run([self.program] + arguments, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return "", "no end after 300 s"
        return done.stdout, f"status {done.returncode}" if done.returncode else None


class Realign:
    """Our kernel; a batch is a boot, with nothing but the program in its initramfs."""

    def __init__(self, kernel, program, directory, options=""):
        self.kernel = kernel
        self.options = options
        self.initramfs = os.path.join(directory, "oracle.cpio")
        with open(self.initramfs, "wb") as file:
            file.write(mkcpio.archive([f"bin/oracle={program}"]))

    def run(self, arguments, timeout=300):
        append = f"init=/bin/oracle loglevel=warn {self.options} -- " + " ".join(arguments)
        result = qemu.run(qemu.Boot(kernel=self.kernel, initrd=self.initramfs, append=append, timeout=timeout))
        failure = result.failure
        if not failure and result.status:
            failure = f"status {result.status}"
        return result.output, failure


def linux_is(major, minor):
    """Whether this machine's kernel is at least so new."""
    found = re.match(r"(\d+)\.(\d+)", LINUX)
    return (int(found.group(1)), int(found.group(2))) >= (major, minor)


def has_swap():
    with open("/proc/swaps", encoding="ascii") as file:
        return len(file.readlines()) > 1


def skipped():
    """Which calls this machine's Linux is not asked for, and why."""
    if not linux_is(6, 17):
        yield f"Linux {LINUX} moves one mapping at a time: moves of several are skipped"
    if has_swap():
        yield "there is swap: madvise(PAGEOUT) is skipped"


def doubts():
    """Why this machine's Linux may answer otherwise than Realign should, or None."""
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
        overcommit = file.read().strip()
    if not linux_is(6, 18):
        return f"this machine's Linux is {LINUX}, the answers are 6.18's"
    if os.geteuid() and locked != resource.RLIM_INFINITY and locked < 8 << 20:
        return "less than 8 MiB of memory may be locked (ulimit -l)"
    return "memory is not overcommitted (vm.overcommit_memory)" if overcommit == "2" else None


def sequence_arguments(args, first, count):
    words = ["--seed", args.seed, "--from", first, "--count", count, "--ops", args.ops]
    words += ["--several-vmas"] if linux_is(6, 17) else []
    words += ["--pageout"] if not has_swap() else []
    return [str(word) for word in words]


def run_batch(kernel, args, first):
    """(text, failure) of one batch."""
    count = min(BATCH, args.first + args.count - first)
    text, failure = kernel.run(sequence_arguments(args, first, count))
    if not failure and "\nend\n" not in text:
        failure = "the program did not come to its end"
    if failure:
        failure = f"sequences {first} to {first + count - 1}: {failure}"
        failure += "".join(f"\n#     {line}" for line in text.rstrip().split("\n")[-12:])
    return text, failure


def ask(kernel, args):
    """All sequences on one kernel, batch by batch, as many at a time as there are CPUs."""
    answers = Answers()
    start = time.monotonic()
    batches = range(args.first, args.first + args.count, BATCH)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for text, failure in pool.map(lambda first: run_batch(kernel, args, first), batches):
            answers.take(text)
            answers.failure = answers.failure or failure
    answers.seconds = time.monotonic() - start
    return answers


# ---- What differs ----

def story(kernel, args, number):
    """All that happened in one sequence, as lines; its end may be missing."""
    text, failure = kernel.run(sequence_arguments(args, number, 1) + ["--verbose"])
    lines = text.replace("\r", "").split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("sequence ")), len(lines))
    end = next((i for i, line in enumerate(lines) if i > start and DIGEST.match(line)), len(lines))
    return lines[start:end] + ([f"({failure})"] if failure else [])


def first_difference(ours, theirs):
    pairs = itertools.zip_longest(ours, theirs)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), None)


def calls(lines):
    return [line for line in lines if not line.startswith(" ")]


def show_difference(linux, realign):
    """The calls up to where the two part, the state before, and both of what came then."""
    at = first_difference(linux, realign)
    if at is None:
        print("#     the same when run alone")
        return
    for line in calls(linux[:at]):
        print(f"#     {line}")
    starts = [i for i, line in enumerate(linux[:at]) if not line.startswith(" ")]
    before = starts[-2] if len(starts) > 1 and linux[at].startswith(" ") else starts[-1] if starts else 0
    print("#   the state before, and what differs (- Linux, + Realign):")
    for line in linux[before:at][-4 * CONTEXT:]:
        print(f"#       {line}")
    for sign, lines in (("-", linux), ("+", realign)):
        for line in lines[at:at + CONTEXT]:
            print(f"#     {sign} {line}")


def compare(linux, realign, wanted):
    """The numbers of the sequences on which the two differ, or that one of them has not done."""
    return [n for n in wanted if n not in linux.digests or linux.digests[n] != realign.digests.get(n)]


def show_totals(answers):
    for call, results in answers.totals.items():
        words = ", ".join(f"{count} {result}" for result, count in sorted(results.items(), key=lambda item: -item[1]))
        print(f"#   {call:9} {words or 'none'}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first sequence")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--ops", type=int, default=0, help="calls in a sequence")
    parser.add_argument("--show", type=int, default=5, help="of how many differences to tell the story")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="batches at a time")
    parser.add_argument("--check", action="store_true", help="Realign recounts its invariants after every call")
    return parser.parse_args()


def banner(kernel):
    """The version that our kernel gives itself."""
    text, _ = kernel.run(["--count", "0"])
    found = BANNER.search(text)
    return found.group(1) if found else "Realign"


def main():
    args = parse_arguments()
    for line in filter(None, [doubts(), *skipped()]):
        print(f"# {line}")
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.abspath(f"{args.build}/user/oracle")
        kernels = Linux(program), Realign(f"{args.build}/kernel.elf", program, directory, "check=1" if args.check else "")
        sys.exit(report(args, *kernels))


def show_summary(theirs, ours):
    counts = [digest[1:] for digest in theirs.digests.values()]
    print(f"# {sum(map(sum, counts))} calls, {sum(refused for _, refused in counts)} of them refused; "
          f"{theirs.seconds:.1f} s on Linux, {ours.seconds:.1f} s on Realign")
    print("# results on Linux:")
    show_totals(theirs)
    for name, answers in (("Linux", theirs), ("Realign", ours)):
        if answers.failure:
            print(f"not ok - {name}: {answers.failure}")


def report(args, linux, realign):
    """Run and compare; the exit status."""
    print(f"# Linux {LINUX} and {banner(realign)}, seed {args.seed}, "
          f"sequences {args.first} to {args.first + args.count - 1}", flush=True)
    theirs, ours = ask(linux, args), ask(realign, args)
    wanted = range(args.first, args.first + args.count)
    differing = compare(theirs, ours, wanted)
    show_summary(theirs, ours)
    for number in differing[:args.show]:
        print(f"not ok - sequence {number}: the kernels differ", flush=True)
        show_difference(story(linux, args, number), story(realign, args, number))
    if len(differing) > args.show:
        print(f"# and {len(differing) - args.show} more: {' '.join(map(str, differing[args.show:][:20]))} ...")
    failed = len(differing) or int(bool(theirs.failure or ours.failure))
    print(f"{len(wanted) - len(differing)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
