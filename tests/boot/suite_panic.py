"""The kernel failing on purpose (option test=): it must say what happened and name the functions on the way."""
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
    "df": ["PANIC: double fault in the kernel"] + REGISTERS + ["test_double_fault+0x"],
}


def panics(which, texts):
    def run(env):
        result = env.boot(f"test={which}", timeout=20, icount=True)
        problems = text_problems(result.output, texts, [])
        if not (result.failure or "").startswith("the kernel panicked: "):
            problems.append(f"no panic: {result.failure}, status {result.status}")
        return Outcome(0, 1, problems + last_lines(result)) if problems else Outcome(1, 0)
    return Case(f"test={which}", run)


def cases():
    return [panics(which, texts) for which, texts in TESTS.items()]
