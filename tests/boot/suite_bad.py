"""Boots that cannot go well: each says why in one line and switches off; none hangs, resets or panics."""
import os

import mkcpio
from harness import BOOT_FAILED, Case, Outcome, judge_end, judge_tap, qemu

# No boot may end with one of these.
NEVER = ["PANIC"]

# Files of make_bad_elfs.py with nothing in them that a kernel must refuse.
SOUND = ["good", "align_huge"]


def refused(name, append, said, **settings):
    """A boot that is refused with the words @said."""
    return Case(name, lambda env: judge_end(env.boot(append, **settings), BOOT_FAILED, [said], NEVER))


def cut_archive(name, cut, said):
    """An initramfs of which only the part is left that @cut makes of its bytes."""
    def run(env):
        path = env.file(name.replace(" ", "-"), cut(env.read_initramfs()))
        return judge_end(env.boot(initrd=path), BOOT_FAILED, [said], NEVER)
    return Case(name, run)


def directory_replaced(env):
    """A file that would take the place of a directory, and with it the way to what is in there."""
    names = [("bin", mkcpio.DIRECTORY), ("bin/x", mkcpio.FILE), ("bin", mkcpio.FILE), ("TRAILER!!!", 0)]
    blob = b"".join(mkcpio.record(i + 1, name, mode, b"") for i, (name, mode) in enumerate(names))
    result = env.boot(initrd=env.file("replaced", blob))
    return judge_end(result, BOOT_FAILED, ["initramfs: entry 3: in the place of a directory that is not empty"], NEVER)


def malformed_init(env):
    """Each malformed program as init is refused, with words; counted one by one."""
    total = Outcome()
    for name in sorted(os.listdir(env.bad_elfs)):
        if name.startswith(".") or name in SOUND:
            continue
        result = env.boot(f"init=/bad/{name}", timeout=20)
        one = judge_end(result, BOOT_FAILED, [f"init: /bad/{name}: ", "power off"], NEVER)
        total.passed += one.passed
        total.failed += one.failed
        total.notes += one.notes
    if not total.passed + total.failed:
        return Outcome(0, 1, [f"no malformed programs in {env.bad_elfs}"])
    return total


def small_memory(env):
    """32 MiB: a small program runs; a large one does too, or is told that memory is out."""
    small = judge_end(env.boot("init=/bin/demo", memory="32M"), 0, ["power off, status 0"], NEVER)
    result = env.boot("init=/bin/abi_test", memory="32M")
    if "out of memory" in result.output:
        large = judge_end(result, qemu.STATUS_MAX, ["out of memory", "power off"], NEVER)
    else:
        large = judge_tap(result, 20)
    return Outcome(small.passed + large.passed, small.failed + large.failed, small.notes + large.notes)


def cases():
    return [
        refused("no module", "", "boot: no initramfs: the loader gave no module", initrd=None),
        refused("an empty module", "", "boot: ", initrd="/dev/null"),
        refused("a module that is no archive", "", "initramfs: ", initrd="/etc/passwd"),
        cut_archive("an archive cut in its first header", lambda data: data[:50], "initramfs: "),
        cut_archive("an archive cut in a name", lambda data: data[:112], "initramfs: "),
        cut_archive("an archive cut in a file", lambda data: data[:len(data) // 2], "initramfs: "),
        cut_archive("an archive without its end", lambda data: data[:data.rindex(b"070701")], "initramfs: "),
        cut_archive("an archive with a letter in a number", lambda data: data[:54] + b"x" + data[55:], "initramfs: "),
        cut_archive("an archive of zeros", lambda data: bytes(len(data)), "initramfs: "),
        Case("an archive with a file in a directory's place", directory_replaced),
        Case("malformed programs as init", malformed_init),
        refused("an init that is not there", "init=/bin/nowhere", "init: /bin/nowhere: no such file"),
        refused("the program that runs, before there is one", "init=/proc/self/exe", "init: /proc/self/exe: no such file"),
        refused("a file of /proc as init", "init=/proc/meminfo", "init: /proc/meminfo: not an executable file"),
        refused("a directory as init", "init=/bin", "init: /bin: "),
        refused("an unknown mode", "realign=foo", "boot: realign=foo: not one of off, pmd, full"),
        refused("a shift that is no number", "stack_shift=x", "boot: stack_shift=x: not a number"),
        refused("a shift that is no multiple of a page", "stack_shift=100", "boot: stack_shift=100: not a multiple"),
        refused("a number that is too large", "seed=99999999999999999999", "boot: seed="),
        refused("an unknown kind of trace", "trace=pt,foo", "boot: trace=pt,foo: "),
        refused("an unknown level", "loglevel=loud", "boot: loglevel=loud: not one of"),
        refused("a flag that is neither 0 nor 1", "check=2", "boot: check=2: not 0 or 1"),
        Case("an option that is not known", lambda env: judge_end(
            env.boot("init=/bin/demo unheard=of"), 0, ["boot: option unheard=of is not known"], NEVER)),
        Case("a command line that is too long", lambda env: judge_end(
            env.boot("x" * 2100), BOOT_FAILED, ["boot: the command line is too long"], NEVER)),
        refused("too little memory to speak of", "", "boot: less than 8 MiB of usable memory", memory="8M"),
        Case("32 MiB of memory", small_memory),
        refused("a processor without 64 bit", "", "boot: this processor has no 64-bit mode", cpu="qemu32"),
        refused("a processor without no-execute", "", "boot: this processor has no no-execute bit", cpu="max,nx=off"),
    ]
