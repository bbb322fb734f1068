"""The kernel failing on purpose (option test=): it must say what happened and name the functions on the way."""
import difflib
import re

from harness import Case, Outcome, last_lines, text_problems

# Registers and control registers are printed wherever a trap was the cause.
REGISTERS = ["rip ", "cr2 "]

# WP; and SMAP, SMEP and UMIP, which QEMU's `-cpu max` has.
PROTECTED = ["cr0 0000000080010033", "cr4 0000000000300e20"]

TESTS = {
    "panic": ["PANIC: this is a test", "at kernel/selftest.c:"] + PROTECTED +
             ["test_panic+0x", "kernel_main+0x"],
    "ud": ["PANIC: invalid opcode in the kernel"] + REGISTERS + ["test_invalid_opcode+0x", "kernel_main+0x"],
    "division": ["PANIC: division error in the kernel"] + REGISTERS + ["test_division+0x", "kernel_main+0x"],
    "fault": ["PANIC: page fault in the kernel: write to 0x10, nothing mapped there"] + REGISTERS +
             ["test_page_fault+0x", "kernel_main+0x"],
    "write-text": ["PANIC: page fault in the kernel: write to 0xffffffff8", "not allowed there"] + REGISTERS +
                  ["test_write_text+0x"],
    "write-text-direct": ["PANIC: page fault in the kernel: write to 0xffff80000", "not allowed there"] + REGISTERS +
                         ["test_write_text_direct+0x"],
    "run-data": ["PANIC: page fault in the kernel: execution of 0xffffffff8", "not allowed there", "test_run_data+0x"],
    "stack-overflow": ["PANIC: kernel stack overflow"] + REGISTERS + ["test_stack_overflow+0x"],
    "locked-copy": ["PANIC: user memory is touched with the lock of its mm held"] + REGISTERS +
                   ["selftest_run+0x"],
    "address-space": ["PANIC: this is a test", "test_address_space+0x"],
    "broken-tables": ["PANIC: page fault in the kernel: write to 0x10"] + REGISTERS + ["test_broken_tables+0x"],
    "trap-in-trap": ["PANIC: page fault in the kernel: read from"] + REGISTERS +
                    ["mm_fault+0x", "trap_dispatch+0x", "trap_common+0x", "copy_from_user+0x", "test_trap_in_trap+0x",
                     "selftest_run+0x", "kernel_main+0x"],
    "df": ["PANIC: double fault in the kernel"] + REGISTERS + ["test_double_fault+0x"],
}


# What is said of the address space, from the line that announces it.
NO_PROGRAM = ["no address space of a program is in use"]
SPACE = ["the address space in use:",
         "mm: 1 VMAs, 3 pages, 2 mapped, 4 tables",
         "vma 000000400000-000000403000 rw-p pages 3 id 1 pgoff 400",
         "PGD   0 000000000000 table of 1",
         "  PUD   0 000000000000 table of 1",
         "    PMD   2 000000400000 table of 2",
         "      PTE   0 000000400000-000000402000 rw- 2"]
# Then come entries that lead nowhere, and a table that is its own: neither ends in a fault, nor goes on for ever.
BROKEN = SPACE + ["PGD entry ffff00000007 leads to no table in use", "PGD   2 010000000000 table of 1"]
NO_TABLES = ["the address space in use, of process 0 :"] + SPACE[1:3] + ["PGD entry ffff00000007 leads to no table in use"]
SAID = {"address-space": SPACE, "broken-tables": BROKEN, "trap-in-trap": NO_TABLES}


def lines_of(output):
    """Lines of the log without their times."""
    return [re.sub(r"^\[.*?\] ", "", line) for line in output.replace("\r", "").split("\n")]


def address_space(output):
    """What the panic says of the address space in use, up to the end."""
    lines = lines_of(output)
    start = next((i for i, line in enumerate(lines) if "address space" in line and "in use" in line), len(lines))
    return [line for line in lines[start:] if line]


def difference(expected, told):
    return list(difflib.unified_diff(expected, told, "expected", "told", lineterm=""))


def panics(which, texts):
    def run(env):
        result = env.boot(f"test={which}", timeout=20, icount=True)
        problems = text_problems(result.output, texts, ["inside of the panic"])
        if not (result.failure or "").startswith("the kernel panicked: "):
            problems.append(f"no panic: {result.failure}, status {result.status}")
        expected, told = SAID.get(which, NO_PROGRAM), address_space(result.output)
        if which != "broken-tables":
            problems += difference([line.strip() for line in expected], [line.strip() for line in told])
        elif told[:len(expected)] != expected or len(told) > 200:
            problems += difference(expected, told)
        return Outcome(0, 1, problems + last_lines(result)) if problems else Outcome(1, 0)
    return Case(f"test={which}", run)


def same_as_proc(env):
    """In the middle of a program's call: what the panic says is what /proc/self/pagetables said just before."""
    result = env.boot("init=/bin/crash -- kernel", timeout=20)
    problems = text_problems(result.output, ["PANIC: a crash was asked for by /proc/sysrq-trigger",
                                             "the address space in use, of process 1 crash:"], ["inside of the panic"])
    lines = lines_of(result.output)
    panic = next((i for i, line in enumerate(lines) if line.startswith("PANIC")), 0)
    proc = [line for line in lines[:panic] if re.match("mm: |vma | *P[A-Z]{2} ", line)]
    if len(proc) < 20:
        problems.append(f"/proc/self/pagetables has {len(proc)} lines")
    problems += difference(proc, address_space(result.output)[1:])
    return Outcome(0, 1, problems + last_lines(result)) if problems else Outcome(1, 0)


def cases():
    return [panics(which, texts) for which, texts in TESTS.items()] + [
        Case("the address space, as /proc has it", same_as_proc),
    ]
