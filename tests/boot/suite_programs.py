"""The test programs, in machines of several kinds and sizes."""
import os
import re
import subprocess
import sys

import harness
import qemu
from harness import Case, Outcome, judge_tap, tap_case

MREMAP_TESTS = 60

# One program, linked in all the ways that there are.
START_TESTS = ["start_test", "start_test_pie", "start_test_dyn", "start_test_glibc", "start_test_glibc_dyn"]


def from_iso(env):
    return judge_tap(qemu.run(qemu.Boot(iso=env.iso)), MREMAP_TESTS)


def from_uefi_iso(env):
    if not os.path.exists(env.uefi_iso) or not qemu.find_ovmf():
        return Outcome(skip="no GRUB for UEFI, or no UEFI for QEMU")
    return judge_tap(qemu.run(qemu.Boot(iso=env.uefi_iso, uefi=True, memory="512M")), MREMAP_TESTS)


def told_trace(env):
    """The trace that docs/path-of-an-mremap.md shows, but for the physical addresses in it, in this order."""
    with open("docs/path-of-an-mremap.md", encoding="utf-8") as file:
        told = re.findall(r"^    (trace: .*?)(?: entry \w+|; old floor .*)?$", file.read(), re.M)
    output = env.boot("init=/bin/demo trace=mremap,pt,vma,tlb").output
    at, gone = 0, []
    for line in told:
        found = output.find(line, at)
        gone += [f"not there, or not in this order: {line}"] if found < 0 else []
        at = max(at, found)
    return Outcome(len(told) - len(gone), len(gone) + (len(told) < 10), gone)


def demo_warn(env):
    """The historic warning with realign=off, and none with realign=full."""
    tool = os.path.join(os.path.dirname(qemu.__file__), "demo_warn.py")
    done = subprocess.run([sys.executable, tool, env.kernel, env.initramfs], capture_output=True, text=True, check=False)
    if done.returncode:
        return Outcome(0, 1, done.stdout.split("\n") + done.stderr.split("\n"))
    return Outcome(1, 0)


def dynamic(name, linker, library):
    """A program that the dynamic linker starts: it runs, and its maps show both."""
    def run(env):
        result = env.boot(f"init=/bin/{name} check=1 -- one two")
        return harness.judge_end(result, 0, [f"/bin/{name}: main() at 0x", "argument 2: two", f" /bin/{name}\n",
                                             f" {library}\n", f" {linker}\n" if linker != library else "",
                                             "[stack]", "power off, status 0"], [" lost\n"])
    return Case(f"{name}: dynamically linked", run)


def no_leak(env):
    """Nothing is left of init when it has ended."""
    result = env.boot("init=/bin/demo")
    return harness.judge_end(result, 0, ["frames: ", " free before init", "power off, status 0"], [" lost\n"])


def cases():
    return [
        Case("mremap_test from the ISO", from_iso),
        Case("mremap_test from the ISO under UEFI", from_uefi_iso),
        tap_case("mremap_test in 64 MiB", memory="64M", at_least=MREMAP_TESTS),
        tap_case("mremap_test in 512 MiB", memory="512M", at_least=MREMAP_TESTS),
        tap_case("mremap_test in 8 GiB", memory="8G", at_least=MREMAP_TESTS),
        tap_case("mremap_test on q35", extra=["-machine", "q35"], at_least=MREMAP_TESTS),
        tap_case("mremap_test on microvm, by PVH", extra=["-machine", "microvm,isa-serial=on"], at_least=MREMAP_TESTS),
        tap_case("mremap_test on an old processor", cpu="qemu64", at_least=MREMAP_TESTS),
        tap_case("mremap_test without random addresses", "norandmaps", at_least=MREMAP_TESTS),
        tap_case("mremap_test with all invariants recounted", "check=1", timeout=180, at_least=MREMAP_TESTS),
        tap_case("mm_test", "init=/bin/mm_test", at_least=72),
        tap_case("mm_test of glibc", "init=/bin/mm_test_glibc", at_least=72),
        tap_case("mm_test, all invariants recounted", "init=/bin/mm_test check=1 -- :", at_least=50),
        tap_case("abi_test", "init=/bin/abi_test", at_least=20),
        tap_case("abi_test as a PIE", "init=/bin/abi_test_pie", at_least=20),
        tap_case("abi_test, all invariants recounted", "init=/bin/abi_test check=1", at_least=20),
        tap_case("exec_test", "init=/bin/exec_test", at_least=20),
        tap_case("exec_test, all invariants recounted", "init=/bin/exec_test check=1", timeout=180, at_least=20),
        tap_case("stack_test, random shifts", "init=/bin/stack_test check=1", at_least=6),
        tap_case("stack_test as a PIE", "init=/bin/stack_test_pie check=1", at_least=6),
        *[tap_case(name, f"init=/bin/{name} check=1", at_least=23) for name in START_TESTS],
        dynamic("dyn_demo_dyn", "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1"),
        dynamic("dyn_demo_glibc_dyn", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"),
        tap_case("file_test", "init=/bin/file_test", at_least=90),
        tap_case("file_test of glibc, all invariants recounted", "init=/bin/file_test_glibc check=1", timeout=180,
                 at_least=90),
        tap_case("process_test", "init=/bin/process_test", at_least=70),
        tap_case("process_test of glibc, all invariants recounted", "init=/bin/process_test_glibc check=1", timeout=180,
                 at_least=70),
        tap_case("oom_test in 64 MiB", "init=/bin/oom_test check=1", memory="64M", at_least=5),
        tap_case("oom_test in 512 MiB", "init=/bin/oom_test", memory="512M", at_least=5),
        tap_case("storm", "init=/bin/storm check=1 hugepages=20 loglevel=err -- seed=1 calls=3000", timeout=120, at_least=3),
        tap_case("storm, huge pages wherever they can be",
                 "init=/bin/storm check=1 thp=always loglevel=err -- seed=2 calls=3000", timeout=120, at_least=3),
        tap_case("huge_test", "init=/bin/huge_test", at_least=25),
        tap_case("huge_test with 1 GiB pages", "init=/bin/huge_test", memory="3G", at_least=27),
        tap_case("huge_test of glibc", "init=/bin/huge_test_glibc", at_least=25),
        tap_case("huge_test, all invariants recounted", "init=/bin/huge_test check=1", timeout=180, at_least=25),
        tap_case("cow_test, huge pages wherever they can be", "init=/bin/cow_test thp=always check=1", timeout=180, at_least=29),
        tap_case("cow_test", "init=/bin/cow_test", at_least=29),
        tap_case("cow_test of glibc, all invariants recounted", "init=/bin/cow_test_glibc check=1", timeout=180,
                 at_least=29),
        tap_case("thread_test", "init=/bin/thread_test", at_least=49),
        tap_case("thread_test of glibc, all invariants recounted", "init=/bin/thread_test_glibc check=1", timeout=180,
                 at_least=49),
        tap_case("signal_test", "init=/bin/signal_test", at_least=68),
        tap_case("signal_test of glibc, all invariants recounted", "init=/bin/signal_test_glibc check=1", timeout=180,
                 at_least=68),
        tap_case("proc_test", "init=/bin/proc_test", at_least=70),
        tap_case("proc_test of glibc", "init=/bin/proc_test_glibc", at_least=70),
        tap_case("proc_test: smaps, all invariants recounted", "init=/bin/proc_test check=1 -- smaps", at_least=10),
        Case("no frame is lost", no_leak),
        Case("the historic warning and its absence", demo_warn),
        Case("the trace that docs/path-of-an-mremap.md shows", told_trace),
    ]
